"""Arrays and tensors from untrusted files, read without torch: a bad file is refused before torch is imported."""
