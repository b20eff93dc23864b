"""A worker that can be stopped, limited, or crash; and many of them, for lines. No torch."""
