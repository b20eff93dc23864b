"""One file for each command. Commands know nothing of one another."""
