"""What was meant by a line that Python cannot parse, and what to write: one row or function for each kind."""

from __future__ import annotations

import keyword
import re
from collections.abc import Callable
from dataclasses import dataclass

from autograd_cli.lang import libraries, vocabulary


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Where Python's parser stopped: the line, the columns that it blames, and its words."""

    row: str
    start: int
    end: int
    words: str

    @property
    def before(self) -> str:
        """What stands before the place, without the spaces at its end."""
        return self.row[: self.start].rstrip()

    @property
    def after(self) -> str:
        """What stands from the place on."""
        return self.row[self.start :].lstrip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Meant:
    """What is wrong, what to write, and which columns to mark where these are not the parser's."""

    message: str
    label: str
    columns: tuple[int, int] | None = None


_THE_GRADIENT = "agx computes the gradient for you"
_HTML = "this is HTML, not Python"
_TAGS = "a|b|body|br|code|div|em|font|head|html|i|li|p|pre|script|span|strong|sub|sup|table|td|tr|ul"
_OPERATOR = r"(?:\*\*|//|<<|>>|[-+*/%@&|^<>=!])=?|[.,:~]|\b(?:and|or|not|in|is|if|else|lambda|return)\b"
_ENDS_WITH_OPERATOR = re.compile(rf"({_OPERATOR})\Z")
_BEGINS_WITH_OPERATOR = re.compile(rf"{_OPERATOR}")
_OPERAND = r"\w[\w.]*(?:\([^()]*\)|\[[^\[\]]*\])?|\([^()]*\)|\[[^\[\]]*\]"
_LAST_OPERAND = re.compile(rf"(?:{_OPERAND})\Z")
_FIRST_OPERAND = re.compile(_OPERAND)
_SIGNED_OPERAND = re.compile(rf"[-+]?\s*(?:\.\d+|{_OPERAND})")
_LONGEST = 40
_NUMBER = re.compile(r"(?<![\w.])(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][-+]?\d+)?\Z")
_STRING_OR_COMMENT = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|(?<!&)#.*")

# Notations of other languages: what they look like, the message, and what to write ({1} is the first group).
_NOTATIONS: tuple[tuple[re.Pattern[str], str, str], ...] = tuple(
    (re.compile(pattern), message, label)
    for pattern, message, label in (
        (r"\s--(\w+)[\s=]+\S+", "an option stands inside the quotes", "end the quotes before --{1}"),
        (r"(?<![\w.])(\d+\.\d+)\.\d+", "a number has only one point", "write {1}"),
        (r"\bd\s*/\s*d\s*\w+\b", _THE_GRADIENT, "leave this out: write the expression alone"),
        (r"(?<=\w)'+(?=\s*(?:$|[-+*/=)]))", _THE_GRADIENT, "leave out the '"),
        (r"\\frac\s*\{([^{}]*)\}\s*\{([^{}]*)\}", "this is LaTeX, not Python", "write ({1})/({2})"),
        (r"\\sqrt\s*\{([^{}]*)\}", "this is LaTeX, not Python", "write sqrt({1})"),
        (r"\\(?:cdot|times)\b", "this is LaTeX, not Python", "write *"),
        (r"\\(?:left|right)\b", "this is LaTeX, not Python", "leave it out"),
        (r"\\n(?!abla|eq?\b|u\b|ot\b)", "`\\n` stands for no new line here", "write ; or begin a new line"),
        (r"\\([A-Za-z]+)", "this is LaTeX, not Python", "write {1}"),
        (r"\^\s*\{([^{}]*)\}", "this is LaTeX, not Python", "write **({1})"),
        (r"^\s*\$\s+\w.*", "this is a line of a shell, not of a program", "leave it out"),
        (
            r"\$+([^$\s]+)\$*",
            "`$` has no meaning here",
            "write {1} alone; where a shell replaces $NAME, quote with '…'",
        ),
        (r"\$", "`$` has no meaning here", "remove it"),
        (r"^\s*Traceback \(most recent.*", "this is an error message, not a program", "leave it out"),
        (r"^\s*[A-Z]\w*(?:Error|Warning|Exception): .*", "this is an error message, not a program", "leave it out"),
        (r"&gt;", _HTML, "write >"),
        (r"&lt;", _HTML, "write <"),
        (r"&amp;", _HTML, "write &"),
        (r"&(?:quot|\#34);", _HTML, 'write "'),
        (r"&(?:apos|\#39);", _HTML, "write '"),
        (r"&(?:\w{1,9}|\#\w{1,7});", _HTML, "write the character that it stands for"),
        (rf"</?(?:{_TAGS})\b[^<>]*>?|<!\w[^<>]*>?", _HTML, "leave it out"),
        (r"([\w.)\]]+)\s*\.\^\s*([\w.]+|\([^()]*\))", "`.^` is not an operator here", "write {1}**{2}"),
        (r"\.\^", "`.^` is not an operator here", "write **"),
        (r"\.\*", "`.*` is not an operator here", "write *: it multiplies each element"),
        (r"\./", "`./` is not an operator here", "write /: it divides each element"),
        (r"@\(([\w\s,]*)\)\s*\w.*", "`@` makes no function here", "write lambda {1}: …"),
        (r"\|\s*([\w.()+*/ -]+?)\s*\|", "bars do not mean absolute value here", "write abs({1})"),
        (r"&&", "`&&` is not an operator here", "write `and`; & for each element"),
        (r"\|\|", "`||` is not an operator here", "write `or`; | for each element"),
        (r"([\w.()> <]+?)\s*\?\s*([^:?]+):\s*([^:?]+)", "`? :` is not Python", "write {2} if {1} else {3}"),
        (r"\bif\s+(.+?)\s+then\s+(.+?)\s+else\s+(.+)", "`if … then` is not Python", "write {2} if {1} else {3}"),
        (r"(\w+)\s*(\+\+|--)(?=\s*(?:$|;))", "`{2}` is not an operator here", "write {1} = {1} + 1, or - 1"),
        (r"(?:<>|=!|!==)", "this is not an operator here", "write !="),
        (r"===", "`===` is not an operator here", "write =="),
        (r"=<", "`=<` is not an operator here", "write <="),
        (r"\b(\w+)\s*->\s*(.+)", "`->` does not define a function here", "write {2} alone, or lambda {1}: {2}"),
        (r"=>", "`=>` is not an operator here", "write >=, or lambda x: … for a function"),
        (r"\blambda\s+(\w+)\s+(\w.*)", "a colon is missing", "write lambda {1}: {2}"),
        (r"^\s*\$?\s*agx\s+[a-z]+\s+(.+)", "this is a whole command, not a program", "write {1}"),
        (r"(\w+)\s*:=", "`:=` does not assign here", "write {1} ="),
        (
            r"^\s*(?:var|let|const|auto|int|float|double|tensor|Tensor)\s+(?=\w+\s*=)",
            "variables are not declared in Python",
            "leave it out",
        ),
        (r"\bmod\b", "`mod` is not an operator here", "write %"),
        (r"\bdiv\b", "`div` is not an operator here", "write //"),
        (r"\b(?:times)\b", "`times` is not an operator here", "write *"),
        (r"(\d[\d.]*)\s*%", "a percentage is written as a fraction", "write {1}/100"),
        (r"`([^`]*)`", "` has no meaning here", "write {1} alone"),
        (r"([\w.)\]]+)\s*!(?!=)", "`!` is not an operator here", "the factorial of {1} is exp(lgamma({1} + 1))"),
        (r"!(?!=)\s*(\w+)", "`!` is not an operator here", "write not {1}, or ~{1} for each element"),
        (r"(\w+)\s*\{([^{}]*)\}", "braces do not call a function", "write {1}({2}) or {1}[{2}]"),
        (r"\.\.+", "one `.` is too much", "write one"),
        (r"([A-Za-z_)\]]\w*)\.(\d+)", "a number cannot follow `.` here", "write {1}[{2}], or {1}*0.{2}"),
        (r"\b0[xX](?![\da-fA-F])", "the digits are missing after `0x`", "write 0*x for a product"),
        (r"(?<![\w.])(\d[\d.]*)[eE][-+]?(?!\d)", "the exponent is missing", "write {1}e3, or {1}*e"),
        (r"(?<![\w.])0+(\d+)", "a number does not begin with 0", "write {1}"),
        (r"@@", "two operators follow one another", "write one @"),
    )
)


def last_operand(before: str) -> str:
    """The operand that a piece of a line ends with; empty where it ends with none."""
    match = _LAST_OPERAND.search(before[-_LONGEST:])
    return match[0] if match else ""


def first_operand(after: str) -> str:
    """The operand that a piece of a line begins with, with its sign."""
    match = _SIGNED_OPERAND.match(after[:_LONGEST])
    return match[0] if match else ""


def meant(failure: Failure) -> Meant | None:
    """What was meant, by the first function that recognises the mistake; None where none does."""
    return next((found for kind in _KINDS if (found := kind(failure)) is not None), None)


def _derivatives(failure: Failure) -> Meant | None:
    """`f'(x)`, where the quote begins a string for Python; `A' * B` for a transpose."""
    if match := re.match(r"\s*([A-Za-z]\w*'+)\s*\(", failure.row):
        label = "write the expression itself, without the '"
        return Meant(message=_THE_GRADIENT, label=label, columns=(match.start(1), match.end(1)))
    if match := re.match(r"[^'\"#]*?\b([A-Za-z]\w*)'\s*[*@]\s*[\w(]", failure.row):
        label = f"write {match[1]}.T"
        return Meant(message="`'` does not transpose here", label=label, columns=(match.start(1), match.end(1) + 1))
    return None


def _brackets(failure: Failure) -> Meant | None:
    words = failure.words
    pairs = {"(": ")", "[": "]", "{": "}"}
    if failure.after.startswith(";") and (place := _open_bracket(failure.before)) is not None:
        opening = failure.row[place]
        label = f"write {pairs[opening]} where it ends"
        return Meant(message=f"'{opening}' was never closed", label=label, columns=(place, place + 1))
    if match := re.match(r"'(.)' was never closed", words):
        rest = failure.row[failure.start + 1 :].strip()
        if not rest:
            return Meant(message=words, label=f"write what comes in it, and {pairs[match[1]]}")
        return Meant(message=words, label=f"write {pairs[match[1]]} where it ends")
    if match := re.match(r"unmatched '(.)'", words):
        return Meant(message=f"no bracket is open for this {match[1]}", label="remove it, or open one before it")
    if match := re.match(r"closing parenthesis '(.)' does not match opening parenthesis '(.)'", words):
        return Meant(message=f"{match[2]} is closed by {match[1]}", label=f"write {pairs[match[2]]}")
    return None


def _open_bracket(before: str) -> int | None:
    """Where the last bracket stands that a piece of a line opens and does not close."""
    is_open: list[int] = []
    for match in re.finditer(r"[(\[{]|([)\]}])", _STRING_OR_COMMENT.sub(lambda found: " " * len(found[0]), before)):
        if not match[1]:
            is_open.append(match.start())
        elif is_open:
            is_open.pop()
    return is_open[-1] if is_open else None


def _quotes(failure: Failure) -> Meant | None:
    if "f-string" in failure.words and "expecting '}'" in failure.words:
        return Meant(message="a brace of the f-string is not closed", label="write }")
    if "unterminated" not in failure.words and "EOL while" not in failure.words:
        return None
    if failure.before and failure.row[failure.start :].strip() == "'":
        return None  # x': a derivative
    quote = failure.row[failure.start :].lstrip("fFrRbBuU")[:3]
    quote = quote if quote in {"'''", '"""'} else quote[:1]
    return Meant(message="the string is not closed", label=f"write {quote} where it ends")


def _blocks(failure: Failure) -> Meant | None:
    words = failure.words
    if words == "expected ':'":
        return Meant(message="a colon is missing", label="write :")
    if match := re.match(r"expected an indented block after (.*?)(?: on line \d+)?$", words):
        return Meant(message=f"nothing is indented under the {match[1]}", label="indent this line")
    if words == "unexpected indent":
        return Meant(
            message="this line is indented, and nothing before it begins a block", label="begin it further left"
        )
    if words.startswith("unindent does not match"):
        return Meant(
            message="the indentation of this line matches no block around it", label="begin it where its block begins"
        )
    if "tabs and spaces" in words:
        return Meant(message="tabs and spaces are mixed in front of the lines", label="use spaces alone")
    if words.startswith("expected 'else'"):
        return Meant(
            message="`if` in an expression needs an `else`",
            label=f"write {failure.row[failure.start : failure.end]} else 0",
        )
    if match := re.match(r"(else|elif|except|finally)\b", failure.after):
        return Meant(message=f"no `if` or `try` stands above this `{match[1]}`", label="remove it, or write one above")
    return None


def _colon(failure: Failure) -> Meant | None:
    """A statement that has its block in the same line, without the colon."""
    is_block = re.match(r"\s*(?:for|while|if|elif|with|def|class)\b", failure.row) and ":" not in failure.row
    return Meant(message="a colon is missing", label="write : before this") if is_block and failure.after else None


def _keywords(failure: Failure) -> Meant | None:
    """`ones(2 requires_grad=True)`: an argument with a name, without the comma before it."""
    match = re.compile(rf"\s*(?:{_OPERAND})\s+((\w+)\s*=(?!=))").match(failure.row, failure.start)
    if match is None or _open_bracket(failure.before) is None:
        return None
    return Meant(message=f"a comma is missing before `{match[2]}`", label=f"write , {match[1]}", columns=match.span(2))


def _assignments(failure: Failure) -> Meant | None:
    row = failure.row
    match = re.match(r"([^=;]*[^=<>!;]=(?!=)[^=;]*?)(,|\s)\s*\w+\s*=(?!=)", row)
    if match and match[1].count("(") == match[1].count(")") and not match[1].rstrip().endswith("="):
        place = (match.start(2), match.end(2))
        message, label = "two statements stand in one line", "write ; here, or begin a new line"
        return Meant(message=message, label=label, columns=place)
    if (match := re.match(r"\s*(\w+)\((\w+(?:\s*,\s*\w+)*)\)\s*=\s*(?!=)(.*)", row)) and not vocabulary.resolve(
        match[1]
    ):
        label = f"write {match[3]} alone, or def {match[1]}({match[2]}): return {match[3]}"
        return Meant(
            message="this is not how a function is defined", label=label, columns=(match.start(1), match.end(2) + 1)
        )
    if failure.words.startswith("invalid syntax. Maybe you meant '=='"):
        compared = _shown(re.sub(r"\s*=\s*", " == ", row[failure.start : failure.end], count=1))
        return Meant(message="= gives a name a value, and compares nothing", label=f"write {compared}")
    if "cannot assign to" in failure.words or "Maybe you meant '=='" in failure.words:
        return Meant(message=failure.words.partition(" here. ")[0], label="= gives a name a value; == compares")
    if match := re.match(r"Missing parentheses in call to '(\w+)'", failure.words):
        argument = row[failure.start :].partition(match[1])[2].strip()
        return Meant(message=f"{match[1]} is a function", label=f"write {match[1]}({argument})")
    return None


def _notations(failure: Failure) -> Meant | None:
    """A notation of another language, where the parser stopped in it or right behind it."""
    row = _STRING_OR_COMMENT.sub(lambda match: " " * len(match[0]), failure.row)
    for pattern, message, label in _NOTATIONS:
        for match in pattern.finditer(row):
            if match.start() <= failure.start <= match.end() + 1:
                words = [_shown(group) for group in match.groups(default="")]
                return Meant(
                    message=_filled(message, words), label=_filled(label, words), columns=(match.start(), match.end())
                )
    return None


def _filled(template: str, groups: list[str]) -> str:
    for number, group in enumerate(groups, 1):
        template = template.replace(f"{{{number}}}", group)
    return template


def _shown(piece: str) -> str:
    piece = piece.strip()
    return piece if len(piece) <= _LONGEST else f"{piece[: _LONGEST - 1]}…"


def _missing_operand(failure: Failure) -> Meant | None:
    """An operator without what belongs on one of its sides."""
    before, after = failure.before, failure.after
    ends = _ENDS_WITH_OPERATOR.search(before)
    begins = _BEGINS_WITH_OPERATOR.match(after)
    if ends and (not after or after[0] in ")]};#"):
        operator = ends[1]
        if operator == ".":
            return Meant(message="a name is missing after `.`", label="write it, as in x.sum()")
        if operator == "=":
            return Meant(message="a value is missing after `=`", label="write it, as in y = 2*x")
        left = _LAST_OPERAND.search(before[: ends.start()].rstrip())
        space = " " if operator[0].isalpha() or before[: ends.start()].endswith(" ") else ""
        example = f"{_shown(left[0]) if left else ''}{space}{operator}{space}2"
        return Meant(message=f"something is missing after `{operator}`", label=f"write it, as in {example.strip()}")
    if ends and begins:
        return Meant(
            message=f"`{ends[1]}` and `{begins[0]}` follow one another",
            label="write one of them, or what stands between",
        )
    if begins and not before:
        if begins[0] == "=":
            return Meant(message="a name is missing before `=`", label="write it, as in y = 2*x")
        return Meant(message=f"something is missing before `{begins[0]}`", label="write it, or remove the operator")
    if failure.row.lstrip().startswith("@") and not after:
        return Meant(message="something is missing before `@`", label="write it, or remove the operator")
    return None


def _missing_operator(failure: Failure) -> Meant | None:
    """Two operands beside one another, or a function and its argument."""
    before, after = failure.before, failure.after
    left, right = _LAST_OPERAND.search(before), _FIRST_OPERAND.match(after)
    if failure.words == "invalid decimal literal" or "literal" in failure.words:
        return _number_before_name(failure)
    if left is None or right is None:
        return None
    word = re.match(r"\w+", after)
    if word is not None and word[0] in {"for", "async"}:
        return Meant(message="`for` in an expression stands in brackets", label=f"write [{_shown(failure.row)}]")
    if word is not None and keyword.iskeyword(word[0]) and word[0] not in {"True", "False", "None", "lambda"}:
        return None
    last, first = _shown(left[0]), _shown(right[0])
    if keyword.iskeyword(last):
        return None
    if last in vocabulary.NAMESPACES:
        return Meant(message=f"a dot is missing after `{last}`", label=f"write {last}.{first}")
    name = libraries.of_mathematics(last) or last
    if last.isidentifier() and vocabulary.resolve(name) is not None and name not in vocabulary.CONSTANTS:
        return Meant(message="a function takes its arguments in brackets", label=f"write {name}({first})")
    if first.startswith("(") or _NUMBER.search(before):
        message = "an operator is missing"
        if _NUMBER.search(before):
            message = f"a number stands right before {'another' if first[0].isdigit() else 'a name'}"
        return Meant(message=message, label=f"write * between them: {last}*{first}")
    return Meant(message=f"an operator or a comma is missing before `{first}`", label=f"write {last}*{first}, say")


def _number_before_name(failure: Failure) -> Meant:
    match = re.search(r"(\d[\d.]*(?:[eE][-+]?\d+)?)\s*([A-Za-z_]\w*)", failure.row[max(failure.start - 20, 0) :])
    example = f"{match[1]}*{match[2]}" if match else "2*x"
    return Meant(message="a number stands right before a name", label=f"write * between them, as in {_shown(example)}")


def _unknown_character(failure: Failure) -> Meant | None:
    if failure.words.startswith(("invalid character", "invalid non-printable")):
        return Meant(
            message=f"the character {_shown(failure.row[failure.start : failure.end])} has no meaning here",
            label="remove it",
        )
    if "line continuation" in failure.words:
        return Meant(message="`\\` ends a line, and something follows it", label="remove the \\, or what follows")
    return None


def _anything(failure: Failure) -> Meant | None:
    """The last resort: say which piece cannot stand there."""
    if not failure.words.startswith("invalid syntax"):
        return None
    piece = re.match(r"\w+|\S", failure.after)
    if piece is None:
        return Meant(message="the program ends too early", label="something is missing here")
    if keyword.iskeyword(piece[0]):
        return Meant(
            message=f"`{piece[0]}` cannot stand here",
            label="it is a Python keyword: remove it, or complete the statement",
        )
    return Meant(message=f"`{piece[0]}` cannot stand here", label="remove it, or write what is missing before it")


# First what Python's words make clear, then notations of other languages, then what is missing.
_KINDS: tuple[Callable[[Failure], Meant | None], ...] = (
    _derivatives,
    _brackets,
    _quotes,
    _blocks,
    _notations,
    _colon,
    _keywords,
    _assignments,
    _missing_operand,
    _missing_operator,
    _unknown_character,
    _anything,
)
