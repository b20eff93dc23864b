"""The rules: a row for each, with its page and its words, and beside it the function that finds it."""
