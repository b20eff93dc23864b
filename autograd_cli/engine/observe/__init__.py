"""A script of the user's own: Python runs it as ever, its files compiled so that we see what they do."""
