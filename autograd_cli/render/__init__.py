"""Report → text, one file for each format. Nothing here imports torch or writes anywhere."""
