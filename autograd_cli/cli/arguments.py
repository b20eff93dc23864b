"""The words after `agx grad` → options, expression and inputs: what no option parser knows, since inputs have any name.

    --x V    --x=V    x=V        an input, before or after the expression
    --var x=V                    the same, for a name that an option has
    -x**2                        an expression may begin with a minus: only a declared -q, -o or -f is an option
    --                           what follows is the expression
    FILE.py, -f FILE, -          the program is in a file, or comes from stdin
                                 (from stdin too where there is none, and stdin holds a text: see `sources`)

The words are sorted here, and handed on to Typer as `OPTIONS --var x=V … -- EXPRESSION`.
"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from autograd_cli.cli.command_line import CommandLine, Declared, GivenValue, check_flag, value_at
from autograd_cli.cli.limit_options import limits_of
from autograd_cli.cli.sources import (
    EncodingError,
    GivenProgram,
    MissingFileError,
    UnreadableError,
    holds_text,
    means_file,
    program_of_stdin,
    read_program,
    read_stdin,
)
from autograd_cli.cli.surplus import one_too_many
from autograd_cli.cli.unknown import is_known_of, unknown_option
from autograd_cli.diagnostic import COMMAND_LINE, AgxError, bad_request
from autograd_cli.files.similar import similar_file
from autograd_cli.lang.inputs import FILE_KINDS, parse_input
from autograd_cli.lang.meaning import check_meaning
from autograd_cli.lang.program import parse
from autograd_cli.lang.suggest import closest
from autograd_cli.lessons import LESSONS
from autograd_cli.limits import Limits

STDIN = "-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sorted:
    """The words of a command line by what they are."""

    line: CommandLine
    flags: tuple[str, ...]
    options: tuple[GivenValue, ...]
    program: GivenProgram | None
    inputs: tuple[GivenValue, ...]
    limits: Limits

    def for_typer(self) -> list[str]:
        """The words as Typer's own parser takes them."""
        options = [word for given in self.options for word in (given.name, given.text)]
        values = [word for given in self.inputs for word in ("--var", f"{given.name}={given.text}")]
        expression = [] if self.program is None else ["--", self.program.text]
        return [*self.flags, *options, *values, *expression]


def sort_words(line: CommandLine, declared: Declared, *, reads_stdin: bool, but: Sequence[int] = ()) -> Sorted:
    """Tell options, program and inputs apart, and check every name against those that the program uses.

    Where no word is a program and the command `reads_stdin`, the program is what stdin holds. The words at the places
    `but` are left out.

    Raises:
        AgxError: an unknown option or name, a missing value, an input given twice, a second expression, a bad limit,
            a program that cannot be read.
    """
    flags, options, positions, inputs, bare = _split(line, declared)
    positions = [position for position in positions if position not in but]
    file = next((given for given in options if given.name == "--file"), None)
    expression, more = _choose_expression(line, declared, positions, file)
    inputs = sorted([*inputs, *more], key=lambda given: given.word)
    _check_twice(line, inputs)
    limits = _limits(line, options)
    names = frozenset(given.name for given in inputs)
    program = _program(line, expression, file, names, limits)
    if program is None:
        _check_swallowed(line, inputs, declared)
        is_stdin_free = all(given.text.strip() != STDIN for given in (*inputs, *options))
        program = _unnamed_program() if reads_stdin and is_stdin_free else None
    _check_bare(line, bare, program, declared)
    if program is not None:
        _check_names(line, program.text, inputs, declared)
    return Sorted(
        line=line, flags=tuple(flags), options=tuple(options), program=program, inputs=tuple(inputs), limits=limits
    )


def lone_word(line: CommandLine, declared: Declared) -> int | None:
    """The place of the only word that is no option, where there are no inputs and no file; else None."""
    try:
        _, options, positions, inputs, bare = _split(line, declared)
    except AgxError:
        return None
    others = inputs or bare or any(given.name == "--file" for given in options)
    return positions[0] if len(positions) == 1 and not others else None


def file_words(line: CommandLine, declared: Declared) -> list[int]:
    """The places of the words that are files with programs; none where other words are programs, too."""
    try:
        _, _, positions, inputs, _ = _split(line, declared)
    except AgxError:
        return []
    names = frozenset(given.name for given in inputs)
    programs = [position for position in positions if _assignment(line.words[position]) is None]
    return programs if all(means_file(line.words[position], names) for position in programs) else []


def _limits(line: CommandLine, options: Sequence[GivenValue]) -> Limits:
    """What --limit and --timeout say, or else the environment."""
    given = []
    for option in options:
        if option.name in {"--limit", "--timeout"}:
            text = f"time={option.text}" if option.name == "--timeout" else option.text
            given.append((text, partial(_bad_limit, line, option.word)))
    return limits_of(given, os.environ)


def _bad_limit(line: CommandLine, word: int, message: str, label: str | None) -> AgxError:
    return line.error("bad-limit", message, word, label=label)


def _program(
    line: CommandLine, word: int | None, file: GivenValue | None, names: frozenset[str], limits: Limits
) -> GivenProgram | None:
    """The program's text, from wherever the words say that it is."""
    text = file.text if file is not None else None if word is None else line.words[word]
    if text is None:
        return None
    if text == STDIN:
        return program_of_stdin(read_stdin())
    if file is not None:
        return _program_in_file(line, text, file.word, limits)
    if word is not None and means_file(text, names):
        return _program_in_file(line, text, word, limits)
    return GivenProgram(text=text)


def _program_in_file(line: CommandLine, path: str, word: int, limits: Limits) -> GivenProgram:
    if path.lower().endswith(tuple(FILE_KINDS)):
        message, fix = f"{path} holds data, not a program", f"give it to an input: --x {path}"
        raise line.error("usage", message, word, fix=fix)
    try:
        return read_program(path, limits.source)
    except MissingFileError:
        raise line.error("unreadable-file", f"there is no file {path}", word, label=similar_file(path)) from None
    except UnreadableError as error:
        label = "save it as UTF-8" if isinstance(error, EncodingError) else None
        raise line.error("unreadable-file", f"{path} {error}", word, label=label) from None


def _unnamed_program() -> GivenProgram | None:
    """The program that stdin holds, if it holds one and it is not blank."""
    text = read_stdin() if holds_text() else ""
    return program_of_stdin(text) if text.strip() else None


def _split(  # noqa: C901 - one case for each kind of word
    line: CommandLine, declared: Declared
) -> tuple[list[str], list[GivenValue], list[int], list[GivenValue], list[int]]:
    """Flags, options with values, the places of other words, the inputs given by `--name`, and each `--name` alone."""
    words = line.words
    flags: list[str] = []
    options: list[GivenValue] = []
    positions: list[int] = []
    inputs: list[GivenValue] = []
    bare: list[int] = []
    index = 0
    while index < len(words):
        word = words[index]
        name, equals, value = word.partition("=")
        index += 1
        if word == "--":
            positions += range(index, len(words))
            break
        if name == "--var":
            text = value if equals else value_at(line, index)
            inputs.append(_named(line, text, index - (1 if equals else 0)))
            index += 0 if equals else 1
        elif name in declared.flags:
            flags.append(check_flag(line, index - 1))
        elif name in declared.valued:
            long = declared.valued[name]
            if long not in declared.repeatable and any(given.name == long for given in options):
                raise line.error("usage", f"{name} is given twice", index - 1, label="the second time here")
            chosen = value if equals else value_at(line, index)
            index += 0 if equals else 1
            options.append(GivenValue(name=long, text=chosen, word=index - 1))
        elif not word.startswith("--") or len(name) == len("--"):
            positions.append(index - 1)
        elif not name[2:].isidentifier():
            raise unknown_option(line, index - 1, declared)
        elif equals:
            inputs.append(GivenValue(name=_normal(name[2:]), text=value, word=index - 1))
        elif index == len(words) or words[index].startswith("--"):
            if index < len(words) and not words[index][2:].replace("-", "_").isidentifier():
                value_at(line, index)  # `--x --1` is an input whose value looks like an option
            bare.append(index - 1)
        else:
            inputs.append(GivenValue(name=_normal(name[2:]), text=words[index], word=index - 1))
            index += 1
    return flags, options, positions, inputs, bare


def _named(line: CommandLine, text: str, word: int) -> GivenValue:
    pair = _assignment(text)
    if pair is None:
        raise line.error("usage", "--var takes NAME=VALUE", word, label="write --var x=1,2,3")
    return GivenValue(name=pair[0], text=pair[1], word=word)


def _assignment(text: str) -> tuple[str, str] | None:
    """The name and the value of `name=value`; None for anything else, such as `a == b` or `y = 2*x`."""
    name, equals, value = text.partition("=")
    if not equals or value.startswith("=") or not name.isidentifier():
        return None
    return _normal(name), value


def _normal(name: str) -> str:
    """The name as Python's parser reads it, which takes µ (a micro sign) for μ (a letter)."""
    return unicodedata.normalize("NFKC", name)


def _choose_expression(
    line: CommandLine, declared: Declared, positions: Sequence[int], file: GivenValue | None
) -> tuple[int | None, list[GivenValue]]:
    """Which of the words without `--` is the expression (none where there is a file), and the inputs `name=value`."""
    pairs = {position: _assignment(line.words[position]) for position in positions}
    expressions = [position for position, pair in pairs.items() if pair is None]
    if file is not None and expressions:
        place = f"the program is {file.text}" if file.text != STDIN else "the program comes from stdin"
        raise line.error("usage", "there is one program too many", expressions[0], label=place)
    if not expressions and file is None:  # `y=2*x` is a program, `x=3` an input: what cannot be a value is the program
        expressions = [position for position, pair in pairs.items() if pair and not _is_value(*pair)]
    for extra in expressions[1:]:
        if line.words[extra] in declared.elsewhere:  # a short option, which might be an expression
            raise unknown_option(line, extra, declared)
    if len(expressions) > 1:
        raise one_too_many(line, expressions, declared.flags)
    inputs = [
        GivenValue(name=pair[0], text=pair[1], word=position)
        for position, pair in pairs.items()
        if pair is not None and position not in expressions
    ]
    return (expressions[0] if expressions else None), inputs


def _is_value(name: str, text: str) -> bool:
    try:
        parse_input(name, text)
    except AgxError:
        return False
    return True


def _check_twice(line: CommandLine, inputs: Sequence[GivenValue]) -> None:
    seen: dict[str, GivenValue] = {}
    for given in inputs:
        if given.name in seen:
            raise line.error("usage", f"{given.name} is given twice", given.word, label="the second time here")
        seen[given.name] = given


def _check_swallowed(line: CommandLine, inputs: Sequence[GivenValue], declared: Declared) -> None:
    """Refuse a misspelt option, such as `--jsn`, that has probably taken the expression for its value."""
    for given in inputs:
        others = frozenset(other.name for other in inputs if other is not given)
        if line.words[given.word] == f"--{given.name}" and (
            is_known_of(f"--{given.name}", declared) or _reads_only(given.text, others)
        ):
            raise unknown_option(line, given.word, declared)


def _reads_only(text: str, names: frozenset[str]) -> bool:
    """Whether the text is a program that needs some of these names and no others."""
    try:
        free = parse(text, given=names).free
    except AgxError:
        return False
    return bool(free) and names.issuperset(free)


def _check_bare(line: CommandLine, bare: Sequence[int], program: GivenProgram | None, declared: Declared) -> None:
    """Refuse a `--name` without a value: it is an input if the program uses it, or else an unknown option."""
    for word in bare:
        name = _normal(line.words[word][2:])
        try:
            parsed = None if program is None else parse(program.text, given=frozenset({name}))
        except AgxError:
            parsed = None
        is_input = not is_known_of(f"--{name}", declared) if parsed is None else parsed.reads(name)
        if is_input:
            value_at(line, word + 1)
        raise unknown_option(line, word, declared, None if parsed is None else parsed.free)


def _check_names(line: CommandLine, text: str, inputs: Sequence[GivenValue], declared: Declared) -> None:
    """Check that every input is used, and that a name which only --var can give is given by it."""
    names = frozenset(given.name for given in inputs)
    try:
        program = parse(text, given=names)
        check_meaning(program, names)
    except AgxError:
        return  # the program itself is what is wrong, and `explore` says so
    free = frozenset(program.free)
    if text.strip() in free - names and text.strip() in LESSONS:
        fix = f"agx explain --{text.strip()} is the lesson on it"
        raise bad_request("missing-value", f"`{text.strip()}` has no value", source=COMMAND_LINE, fix=fix)
    _check_options_that_are_names(line, free - names, declared)
    for given in inputs:
        if not program.reads(given.name):
            word = line.words[given.word]
            if word.startswith("--") and not word.startswith("--var"):
                raise unknown_option(line, given.word, declared, free)
            near = closest(given.name, free)
            label = f"did you mean {near}?" if near else _uses(free)
            raise line.error("unused-input", f"the expression does not use {given.name}", given.word, label=label)


def _check_options_that_are_names(line: CommandLine, missing: frozenset[str], declared: Declared) -> None:
    """Refuse to take --seed for a variable called `seed`."""
    for name in sorted(missing):
        option = f"--{name}"
        if option in declared.all:
            message, remedy = f"`{name}` has no value: {option} is an option", f"write --var {name}=VALUE"
            for word, text in enumerate(line.words):
                if text.partition("=")[0] == option:
                    raise line.error("missing-value", message, word, label=remedy)
            raise bad_request("missing-value", message, source=COMMAND_LINE, fix=remedy)


def _uses(free: frozenset[str]) -> str:
    return f"it uses {', '.join(sorted(free))}" if free else "it uses no inputs"
