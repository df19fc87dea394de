"""The gallery of this terminal, and how people get into it and out of it again."""
