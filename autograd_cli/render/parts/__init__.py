"""What pages are made of: tables, trees, listings, findings, numbers."""
