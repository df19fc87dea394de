"""The doors: claiming a terminal with a one-time code, what it should know, what it says of itself."""
