"""What a run is recorded as: values, nodes and their gradients, and tensors as they were at one moment."""
