"""The way in that always works: employee number and PIN."""
