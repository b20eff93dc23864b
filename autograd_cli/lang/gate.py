"""What a text must be before Python's parser sees it: that parser recurses in C, and can be made to crash.

One pass over the text, without recursion: its size, its characters, the depth of its brackets, the length of runs of
operators, and how many operators one expression holds.
"""

from __future__ import annotations

import re
import unicodedata

from autograd_cli.diagnostic import AgxError, Span, bad_request
from autograd_cli.limits import Limits, limit_reached

MAX_BRACKETS = 100
MAX_PREFIXES = 100

_SUPERSCRIPTS = dict(
    zip("\u2070\u00b9\u00b2\u00b3\u2074\u2075\u2076\u2077\u2078\u2079\u207b\u207f\u02e3", "0123456789-nx", strict=True)
)
_POWER = re.compile(f"[{''.join(_SUPERSCRIPTS)}]+")
_GRADIENT = "the expression alone: agx computes the gradient for you"
# What mathematics and typography write with one character, and a program does not.
_TYPOGRAPHIC = {
    **dict.fromkeys("\u00d7\u00b7\u22c5\u2219\u2217\u2022\u2299\u2218", "*"),
    **dict.fromkeys("\u00f7\u2044\u2215", "/"),
    **dict.fromkeys("\u2212\u2013\u2014\u2010\u2011", "-"),
    **dict.fromkeys("\u2202\u2207", _GRADIENT),
    "\u222b": "trapezoid(y, x)",
    **dict.fromkeys("\u2032\u2033", _GRADIENT),
    "\u2264": "<=",
    "\u2265": ">=",
    "\u2260": "!=",
    "\u2248": "torch.isclose(a, b)",
    "\u221e": "inf",
    "\u221a": "sqrt(x)",
    "\u2211": "sum(x)",
    "\u220f": "prod(x)",
    "\u2297": "outer(a, b)",
    "\u2016": "norm(x)",
    "\u00b0": "*pi/180",
    "\u00b1": "+ or -",
    "\u00ac": "~",
    "\u2227": "&",
    "\u2228": "|",
    "\u2208": "in",
    "\u2190": "=",
    "\u2192": "lambda x: …",
    "\u1d40": ".T",
    "\u00bd": "(1/2)",
    "\u2153": "(1/3)",
    "\u2154": "(2/3)",
    "\u00bc": "(1/4)",
    "\u00be": "(3/4)",
    "\u3001": ",",
    "\u3002": ".",
}
# Control, format, surrogate, private and unassigned characters, and separators of lines.
_INVISIBLE = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})
# Invisible characters, and variation selectors, that do no harm in a comment or a string: copies and emoji have them.
_ZERO_WIDTH = frozenset("\u00ad\u200b\u200c\u200d\u2060\ufeff").union(map(chr, range(0xFE00, 0xFE10)))
_TOKEN = re.compile(
    r"""
      (?P<string> [fFrRbBuU]{0,2} (?: '''|\"\"\"|'|\" ) )
    | (?P<name>   [^\W\d] (?: [A-Za-z0-9_] | [^\x00-\x7f\s] )* )  # and marks that combine with its letters
    | (?P<number> \d[\w.]* | \.\d[\w.]* )
    | (?P<comment> \#[^\n]* )
    | (?P<open>   [(\[{] )
    | (?P<close>  [)\]}] )
    | (?P<prefix> [-+~] )
    | (?P<infix>  [*/%@&|^<>.=!]+ )
    | (?P<end>    [,;\n] )
    | (?P<space>  [^\S\n]+ | \\\n )
    | .
    """,
    re.VERBOSE | re.DOTALL,
)
_ANY = re.compile(r".", re.DOTALL)
_PREFIX_LETTERS = "fFrRbBuU"
_PREFIX_WORDS = frozenset({"not", "lambda", "await"})
_INFIX_WORDS = frozenset({"if", "else", "and", "or", "in", "is", "for"})


def check_text(text: str, source: str, limits: Limits) -> None:
    """Refuse a text that is empty, too long, holds what cannot stand in a program, or nests too deeply.

    Raises:
        AgxError: with the exact place.
    """
    if len(text) > limits.source:
        message = f"the program has {len(text):,} characters; at most {limits.source:,} are read"
        raise limit_reached("source", message, source=source)
    if not text.strip():
        raise bad_request("empty-program", "there is no expression", source=source, fix='write one, such as "2*x"')
    if not (text.isascii() and text.replace("\n", "").replace("\t", "").isprintable()):
        _check_characters(text, source)
    _Nesting(text, source, limits).check(0, len(text))


def too_deep(source: str, span: Span | None = None) -> AgxError:
    """The error for a program that nests too deeply."""
    return limit_reached("depth", "the program is nested too deeply: give parts of it names", source=source, span=span)


def _check_characters(text: str, source: str) -> None:
    for offset, character in enumerate(text):
        if character.isascii() and (character.isprintable() or character in "\n\t\f"):
            continue
        if unicodedata.category(character) in _INVISIBLE and character not in _ZERO_WIDTH:
            raise _invisible(character, text, offset, source)


def _invisible(character: str, text: str, offset: int, source: str) -> AgxError:
    name = unicodedata.name(character, "").lower()
    message = f"an invisible character, U+{ord(character):04X}{f' ({name})' if name else ''}, is in the program"
    place = Span.of_offsets(text, offset, offset + 1)
    return bad_request("syntax", message, source=source, span=place, label="remove it")


class _Nesting:
    """Counts what makes the parser recurse, token by token."""

    def __init__(self, text: str, source: str, limits: Limits) -> None:
        self._text = text
        self._source = source
        self._limits = limits

    def check(self, start: int, end: int, *, in_f_string: bool = False) -> None:
        """Check `text[start:end]`: the whole, or what stands in braces in an f-string."""
        counts, prefixes, offset = [0], 0, start
        while offset < end:
            token = self._token(offset, end, in_f_string=in_f_string)
            kind, offset = token.lastgroup, token.end()
            if kind == "string":
                offset = self._string(token, end)
            elif kind != "comment" and not token[0].isascii():
                self._check_letters(token)
            is_prefix = kind == "prefix" or (kind == "name" and token[0] in _PREFIX_WORDS)
            if kind != "space":
                prefixes = prefixes + 1 if is_prefix else 0
            if is_prefix or kind in {"infix", "open"} or (kind == "name" and token[0] in _INFIX_WORDS):
                counts[-1] += 1
            if kind == "open":
                counts.append(0)
            elif kind == "close" and len(counts) > 1:
                counts.pop()
            elif kind == "end" and (token[0] != "\n" or len(counts) == 1):
                counts[-1] = 0
            if len(counts) > MAX_BRACKETS or prefixes > MAX_PREFIXES or counts[-1] > self._limits.depth:
                raise too_deep(self._source, Span.of_offsets(self._text, token.start(), token.end()))

    def _token(self, offset: int, end: int, *, in_f_string: bool) -> re.Match[str]:
        """The token at `offset`. In an f-string # begins no comment: it stands in specifications, `{n:#x}`."""
        token = _TOKEN.match(self._text, offset, end)
        assert token is not None
        if in_f_string and token.lastgroup == "comment":
            token = _ANY.match(self._text, offset, end)
            assert token is not None
        return token

    def _string(self, opening: re.Match[str], end: int) -> int:
        """The offset after a string, whose f-string expressions are checked."""
        close = self._end_of_string(opening, end)
        if "f" in opening[0].lower():
            self._check_f_string(opening.end(), close)
        return close

    def _end_of_string(self, opening: re.Match[str], end: int) -> int:
        """The offset after the string's closing quote, or `end` where there is none."""
        quote = opening[0].lstrip(_PREFIX_LETTERS)
        offset = opening.end()
        while (close := self._text.find(quote, offset, end)) >= 0:
            backslashes = 0
            while close - backslashes > opening.end() and self._text[close - backslashes - 1] == "\\":
                backslashes += 1
            if backslashes % 2 == 0:
                return close + len(quote)
            offset = close + 1
        return end

    def _check_f_string(self, start: int, end: int) -> None:
        """Check what stands in braces: the rest is text."""
        while (start := self._text.find("{", start, end)) >= 0:
            if self._text.startswith("{{", start):
                start += 2
                continue
            close = self._closing_brace(start, end)
            self.check(start, close, in_f_string=True)
            start = close

    def _closing_brace(self, start: int, end: int) -> int:
        """The offset after the brace that closes the one at `start`; strings in between may hold braces."""
        depth = 0
        while start < end:
            token = self._token(start, end, in_f_string=True)
            start = self._end_of_string(token, end) if token.lastgroup == "string" else token.end()
            depth += {"{": 1, "}": -1}.get(token[0], 0)
            if depth == 0:
                break
        return start

    def _check_letters(self, token: re.Match[str]) -> None:
        """Refuse typographic operators and full-width marks, and a name that Python would read as another."""
        for offset, character in enumerate(token[0], token.start()):
            if character in _ZERO_WIDTH:
                raise _invisible(character, self._text, offset, self._source)
            if character in _SUPERSCRIPTS:
                power = _POWER.match(self._text, offset)
                assert power is not None
                written = "".join(_SUPERSCRIPTS[each] for each in power[0])
                raise self._error(f"{power[0]} is not an exponent here", f"write **{written}", *power.span())
            if character in _TYPOGRAPHIC:
                message, label = f"{character} is not an operator here", f"write {_TYPOGRAPHIC[character]}"
                raise self._error(message, label, offset, offset + 1)
        normal = unicodedata.normalize("NFKC", token[0])
        if normal == token[0]:
            return
        marks = [one for one in token[0] if "\uff01" <= one <= "\uff5e" and not one.isalnum()]
        if marks:
            verb = "are full-width marks" if len(marks) > 1 else "is a full-width mark"
            raise self._error(f"{' '.join(marks)} {verb}", f"write {normal}", *token.span())
        if token.lastgroup == "name":
            raise self._error(
                f"Python reads `{token[0]}` as the other name `{normal}`", f"write {normal}", *token.span()
            )

    def _error(self, message: str, label: str, start: int, end: int) -> AgxError:
        place = Span.of_offsets(self._text, start, end)
        return bad_request("syntax", message, source=self._source, span=place, label=label)
