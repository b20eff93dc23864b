"""Arrays and tensors from files of strangers: read without torch, so that a bad file costs no torch import."""
