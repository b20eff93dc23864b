"""Programs that Python accepts and that do not mean what their writer thinks: they are refused before they run."""

from __future__ import annotations

import ast
import re
import unicodedata
from collections.abc import Collection, Iterator, Sequence
from typing import TypeAlias

from autograd_cli.diagnostic import Span, bad_request
from autograd_cli.lang import libraries, vocabulary
from autograd_cli.lang.program import Program
from autograd_cli.lang.scope import is_constant
from autograd_cli.lang.suggest import did_you_mean

# Functions that mathematics writes without brackets: `sin x`, and from there `sinx`.
_WITHOUT_BRACKETS = (
    *("arcsin", "arccos", "arctan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "sigmoid", "relu", "softmax"),
    *("sqrt", "exp", "log", "abs", "sin", "cos", "tan", "ln", "tg", "sen"),
)
_GLUED = re.compile(rf"({'|'.join(_WITHOUT_BRACKETS)})_?([A-Za-z]|\d+)\Z")
_CONSTANTS = {
    **dict.fromkeys(("true", "TRUE"), "True"),
    **dict.fromkeys(("false", "FALSE"), "False"),
    **dict.fromkeys(("null", "nil", "NULL", "none", "undefined"), "None"),
    **dict.fromkeys(("Pi", "PI", "\N{GREEK SMALL LETTER PI}"), "pi"),
    **dict.fromkeys(("Inf", "infinity", "Infinity", "INF"), "inf"),
    **dict.fromkeys(("NaN", "NAN", "NA"), "nan"),
    "E": "e",
    "I": "1j",
}
# Letters of the Cyrillic and the Greek alphabet that look like Latin ones.
_LOOKS_LIKE = str.maketrans(
    "\u0430\u0441\u0435\u0456\u0458\u043e\u0440\u0455\u0445\u0443\u0410\u0412\u0421\u0415\u041d\u041a\u041c"
    "\u041e\u0420\u0422\u0425\u03bf\u03c7\u0391\u0392\u0395\u0397\u039a\u039c\u039d\u039f\u03a1\u03a4\u03a7",
    "aceijopsxyABCEHKMOPTXoxABEHKMNOPTX",
)
_LONGEST = 60
_Found: TypeAlias = Iterator[tuple[str, Span, str]]  # what is wrong, where, and what to write


def check_meaning(program: Program, given: Collection[str]) -> None:
    """Refuse a program that is a text, a function that nobody calls, or `sinx` where x is given.

    Raises:
        AgxError: with what to write.
    """
    body = program.tree.body
    for rule, found in (
        ("empty-program", _of_comment(body)),
        ("no-result", _of_statement(program, body, given)),
        ("no-result", _of_function(program, body)),
        ("missing-value", _of_names(program, given)),
        ("unused-input", _of_hidden_inputs(program, given)),
    ):
        for message, span, label in found:
            raise bad_request(rule, message, span=span, label=label)


def _of_statement(program: Program, body: Sequence[ast.stmt], given: Collection[str]) -> _Found:
    """A last expression that cannot be meant: a text in quotes, a function that nobody calls, `==` or `<-` for `=`."""
    last = body[-1] if body else None
    if not isinstance(last, ast.Expr):
        return
    span, is_alone = program.spans.of(last), len(body) == 1
    missing = set(program.free).difference(given)
    match last.value:
        case ast.Constant(value=str()) if is_alone and given:
            yield "the program is a text in quotes", span, "leave these quotes out"
        case ast.Lambda(body=result) if is_alone:
            yield "this is a function, and nobody calls it", span, f"write what it returns: {_piece(program, result)}"
        case ast.Compare(left=ast.Name(id=name), ops=[ast.Eq()], comparators=[right]) if is_alone:
            if name in missing and name not in {each.id for each in ast.walk(right) if isinstance(each, ast.Name)}:
                yield (
                    "`==` compares; it does not assign",
                    span,
                    f"write {_piece(program, right)} alone, or {name} =",
                )
        case ast.Compare(left=ast.Name(id=name) as target, ops=[ast.Lt()], comparators=[ast.UnaryOp(op=ast.USub())]):
            if name in missing and "<-" in program.source:
                yield "`<-` does not assign in Python", program.spans.of(target), f"write {name} ="
        case ast.Attribute() as named if (full_name := program.resolved.get(id(named))) is not None:
            if not is_constant(full_name) and vocabulary.operation(full_name) is not None:
                name = _piece(program, named)
                yield f"`{name}` is a function, and nobody calls it", span, f"write {name}(…)"


def _of_comment(body: Sequence[ast.stmt]) -> _Found:
    if not body:
        start = Span(line=1, column=0, end_line=1, end_column=1)
        yield "the program is a comment, and nothing else", start, "write an expression, such as 2*x"


def _of_function(program: Program, body: Sequence[ast.stmt]) -> _Found:
    """A program that ends with the definition of a function and calls none."""
    last = body[-1] if body else None
    if not isinstance(last, ast.FunctionDef):
        return
    read = {node.id for node in ast.walk(program.tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
    if last.name not in read:
        line, column = last.lineno, program.spans.of(last).column
        span = Span(line=line, column=column, end_line=line, end_column=column + len("def"))
        arguments = ", ".join(argument.arg for argument in (*last.args.posonlyargs, *last.args.args))
        label = f"end the program with a call: {last.name}({arguments})"
        yield f"the function {last.name} is never called", span, label


def _of_names(program: Program, given: Collection[str]) -> _Found:
    """`sinx`, or an x of another alphabet, where x has a value and these have none."""
    for name, span in program.names:
        if name in program.free and name not in given and (latin := name.translate(_LOOKS_LIKE)) in given:
            letter = next(each for each in name if ord(each) in _LOOKS_LIKE)
            message = f"`{name}` looks like {latin} and has another letter: {unicodedata.name(letter).lower()}"
            yield message, span, f"write {latin}"
        match = _GLUED.match(name)
        if match and name in program.free and name not in given and match[2] in given:
            label = f"write {_function(match[1])}({match[2]})"
            yield f"`{name}` is one name, and has no value", span, label


def _of_hidden_inputs(program: Program, given: Collection[str]) -> _Found:
    """`x = 3; x**2`, where x is given, too."""
    hidden = {name for name in program.bound.intersection(given) if not program.reads(name)}
    for node in ast.walk(program.tree) if hidden else ():
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node.id in hidden:
            label = "leave this line out, or the input"
            message = f"the program assigns {node.id} itself, so the input {node.id} is not used"
            yield message, program.spans.of(node), label


def _function(name: str) -> str:
    return libraries.of_mathematics(name) or name


def _piece(program: Program, node: ast.expr) -> str:
    piece = program.spans.line_of(node)
    return piece if len(piece) <= _LONGEST else f"{piece[: _LONGEST - 1]}…"


def label_of_missing(name: str, candidates: Collection[str]) -> str | None:
    """What may be meant by a name that has no value: a constant, a function, or one of the candidates."""
    if name in _CONSTANTS:
        return f"write {_CONSTANTS[name]}"
    if name in vocabulary.NAMESPACES:
        return f"write a dot after it, as in {name}.sin(x)" if name == "torch" else f"write a dot after {name}"
    if vocabulary.resolve(name) is not None:
        return f"{name} is a function: write {name}(…)"
    known = libraries.of_mathematics(name)
    if known is not None and len(name) > 1:
        return known if known.startswith("write") else f"write {known}(…)"
    label = did_you_mean(name, [each for each in candidates if each != name])
    if label is None and (match := _GLUED.match(name)):
        return f"write {_function(match[1])}({match[2]})"
    if label is None and name != name.lower() and vocabulary.resolve(name.lower()) is not None:
        return f"write {name.lower()}(…)"
    if label is None and len(name) > 1:
        return did_you_mean(name, vocabulary.CONSTANTS - {"e"})
    return label
