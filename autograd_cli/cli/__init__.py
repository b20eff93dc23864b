"""The command line: Typer, thin, and the only writer to stdout, stderr and files."""
