"""Runs work in a process that can be stopped, be limited or crash, and lines in many such workers. No torch."""
