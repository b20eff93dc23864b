"""What a program printed, in lines as they stand on a screen."""

from __future__ import annotations

from collections.abc import Iterator

from autograd_cli.trace import Trace


def printed_lines(trace: Trace) -> Iterator[tuple[int, str]]:
    """The lines that were printed, with the line of the program that began each."""
    begun, pieces = 0, list[str]()
    for printed in trace.printed:
        for index, piece in enumerate(printed.text.split("\n")):
            if index:
                yield begun, "".join(pieces)
                pieces = []
            if piece or index == 0:
                begun = begun if any(pieces) else printed.span.line
                pieces.append(piece)
    if any(pieces):
        yield begun, "".join(pieces)
