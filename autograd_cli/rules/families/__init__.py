"""The rules: one function for each cause of a broken gradient, with its documentation."""
