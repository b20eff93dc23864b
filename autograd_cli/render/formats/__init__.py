"""A Report in one format each: JSON, values, a PyTorch program, a patch, annotations, a picture."""
