"""The pages: each a function of what the read side gives, one template and its parts."""
