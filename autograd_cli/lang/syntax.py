"""Text → syntax tree, by Python's own parser; its errors say what was meant, at a place that is inside the text."""

from __future__ import annotations

import ast
import re
import warnings
from dataclasses import replace

from autograd_cli.diagnostic import AgxError, Span, bad_request
from autograd_cli.lang.gate import too_deep
from autograd_cli.lang.mistakes import Failure, meant

_NEAR = 300  # columns on both sides of a fault, in which what was meant is looked for


def parse_text(text: str, source: str) -> ast.Module:
    """The syntax tree of a text that passed the gate.

    Raises:
        AgxError: Python's parser refuses it; with the place.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # "1and 2" and the like: Python's style is not our subject
            return ast.parse(text)
    except SyntaxError as error:
        raise _syntax_error(error, text, source) from None
    except (RecursionError, MemoryError):
        raise too_deep(source) from None
    except ValueError as error:
        raise bad_request("syntax", f"this is not a program: {error}", source=source) from None


def _syntax_error(error: SyntaxError, text: str, source: str) -> AgxError:
    """What was meant, or else Python's own words, at a place that is always inside the text."""
    lines = text.split("\n")
    line = min(max(error.lineno or 1, 1), len(lines))
    row = lines[line - 1]
    column = min(max((error.offset or len(row) + 1) - 1, 0), len(row))
    same_line = error.end_lineno == error.lineno and (error.end_offset or 0) - 1 > column
    end = min((error.end_offset or 0) - 1, len(row)) if same_line else column + 1
    span = Span(line=line, column=column, end_line=line, end_column=max(end, column + 1))
    words = (error.msg or "invalid syntax").split(" (")[0]
    if "Exceeds the limit" in words:
        if (digits := re.search(r"\d{4000,}", row)) is not None:
            span = replace(span, column=digits.start(), end_column=digits.end())
        label = "write it as a float, such as 1e30"
        return bad_request("syntax", "an integer has too many digits", source=source, span=span, label=label)
    first, last = max(column - _NEAR, 0), min(span.end_column, column + _NEAR)
    near = row[first : last + _NEAR]
    found = meant(Failure(row=near, start=column - first, end=last - first, words=words))
    if found is None:
        return bad_request("syntax", words, source=source, span=span)
    if found.columns is not None:
        span = replace(span, column=first + found.columns[0], end_column=first + found.columns[1])
    return bad_request("syntax", found.message, source=source, span=span, label=found.label)
