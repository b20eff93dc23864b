"""Text → syntax tree, by Python's own parser: its errors in its words, at a place that is inside the text."""

from __future__ import annotations

import ast
import re
import warnings
from dataclasses import replace

from autograd_cli.diagnostic import AgxError, Span, bad_request
from autograd_cli.lang import vocabulary
from autograd_cli.lang.gate import too_deep


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
    """Python's own words, at a place that is always inside the text."""
    lines = text.split("\n")
    line = min(max(error.lineno or 1, 1), len(lines))
    row = lines[line - 1]
    column = min(max((error.offset or len(row) + 1) - 1, 0), len(row))
    same_line = error.end_lineno == error.lineno and (error.end_offset or 0) - 1 > column
    end = min((error.end_offset or 0) - 1, len(row)) if same_line else column + 1
    span = Span(line=line, column=column, end_line=line, end_column=max(end, column + 1))
    message = (error.msg or "invalid syntax").split(" (")[0]
    label = None
    if "invalid decimal literal" in message or _is_number_then_name(row, column):
        message, label = "a number stands right before a name", "write * between them, as in 2*x"
    elif "Exceeds the limit" in message:
        message = "an integer has too many digits"
        if (digits := re.search(r"\d{4000,}", row)) is not None:
            span = replace(span, column=digits.start(), end_column=digits.end())
    elif "cannot assign to" in message or "Maybe you meant '=='" in message:
        label = "= gives a name a value; == compares"
    elif (called := _function_before(row, column)) is not None:
        label = f"write {called}(…)"
    return bad_request("syntax", message, source=source, span=span, label=label)


def _is_number_then_name(row: str, column: int) -> bool:
    rest = row[column:]
    before = row[:column].rstrip()
    return bool(rest[:1].isidentifier() and before[-1:].isdigit())


def _function_before(row: str, column: int) -> str | None:
    """The function whose argument stands after it without parentheses, as in `sin x`."""
    words = row[:column].split()
    is_call = bool(words) and row[column:][:1].isalnum() and vocabulary.resolve(words[-1]) is not None
    return words[-1] if is_call else None
