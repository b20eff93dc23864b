"""How the computed graph differs from the recorded one, and what a cut changed."""
