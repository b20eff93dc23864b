"""What tells the computed graph from the recorded one, and what a cut changed."""
