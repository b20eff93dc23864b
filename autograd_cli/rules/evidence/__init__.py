"""What a rule asks of a run: the graphs indexed, what flowed through them, what the program looked at."""
