"""From a cause to the edits of the program that mend it."""
