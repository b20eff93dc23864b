"""Options and commands that do not exist: what was probably meant, and the line to write."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import PurePath

from autograd_cli import rules
from autograd_cli.cli.command_line import CommandLine, Declared, check_flag, value_at
from autograd_cli.cli.limit_options import NAMES
from autograd_cli.diagnostic import AgxError
from autograd_cli.lang.program import parse
from autograd_cli.lang.suggest import closest
from autograd_cli.lessons import LESSONS
from autograd_cli.modes import DEFAULT_MODE, MODES

_SCRIPTS = frozenset({".py", ".ipynb"})
_SHORTEST_BEGINNING = 3
_WRITE_JSON = frozenset({"batch", "schema"})

# What other tools call an option or a command, and what agx has for it.
_MEANT_BY_OPTION = {
    "-o picture.svg draws the graph": "draw graph image picture plot png show svg visualize",
    "-o page.html writes a page": "html",
    "agx explain shows more": "trace verbose",
    f"the modes are {', '.join(f'--{name}' for name in MODES if name != DEFAULT_MODE)}": "mode",
    "one vector-Jacobian product at a time: --gradient is its vector": "hessian jacobian jvp vjp",
    "write torch.autograd.grad(y, x, create_graph=True)": "create-graph second-order",
    "write y.backward(retain_graph=True)": "retain-graph",
    "did you mean --gradient?": "grad-output grad-outputs",
    "write --device cuda": "gpu",
    "write --device cpu": "cpu",
    "write --color never": "no-color no-colors no-colour",
    "write --limit memory=4G": "ram",
    "inputs require gradients unless you say --no-requires-grad": DEFAULT_MODE,
    "an input is --NAME VALUE, such as --x 1,2,3": "input inputs values",
    "the program stands by itself, in quotes": "code eval expr expression function program",
    "write agx --version": "version",
}
_MEANT_BY_COMMAND = {
    "agx grad PROGRAM": "autograd backward backprop derivative differentiate eval gradient gradients run",
    "agx explain PROGRAM": "debug diagnose draw graph inspect plot print show trace tree view visualize why",
    "agx lessons": "course example examples learn lesson teach tutorial tutorials",
    "agx compare PROGRAM": "diff modes versus vs",
    "agx rules": "causes diagnoses doctor errors findings rule warnings",
    "agx explain PROGRAM --fix": "fix repair",
    "agx check FILE": "lint test validate verify",
    "agx ops": "functions list op operations operators",
    "agx schema": "json",
    "agx --install-completion": "completion completions",
    "agx grad PROGRAM --gradient VECTOR, one vector-Jacobian product": "hessian hvp jacobian jvp vjp",
}
_FOR_OPTION = {name: words for words, names in _MEANT_BY_OPTION.items() for name in names.split()}
_FOR_COMMAND = {name: words for words, names in _MEANT_BY_COMMAND.items() for name in names.split()}


def unknown_option(line: CommandLine, word: int, declared: Declared, free: Collection[str] | None = None) -> AgxError:
    """The error for an option that the command does not have; `free` are the names that its program uses."""
    name = line.words[word].partition("=")[0]
    message = f"unknown option {name}"
    label, fix = meant_by(name, declared), None
    near = closest_option(name, [*declared.all, *(f"--{variable}" for variable in free or ())])
    if label is None and near is not None:
        label = f"did you mean {near}?"
    elif label is None and name == "--json" and line.all_words[0] in _WRITE_JSON:
        label = "leave it out: all that this command writes is JSON"
    elif label is None and name in declared.elsewhere:
        commands = declared.elsewhere[name]
        label = f"{name} belongs to {_listed([f'agx {command}' for command in commands])}"
        fix = f"write {line.after(commands[0])}"
    elif label is None and " " in name:
        fix = f"leave out the quotes: {name}"
    elif label is None and free is not None:
        which = f" {name.lstrip('-')} (only {_listed(sorted(free))})" if free else "s"
        message = f"{message}; the expression has no variable{which}"
    return line.error("unknown-option", message, word, label=label, fix=fix)


def is_known_of(name: str, declared: Declared) -> bool:
    """Whether `unknown_option` has advice for the name: a mistyped option, or one of another command or tool."""
    return bool(meant_by(name, declared) or name in declared.elsewhere or closest_option(name, declared.all))


def meant_by(name: str, declared: Declared) -> str | None:
    """What to write for an option that other tools have."""
    bare = name.lstrip("-").lower().replace("_", "-")
    if bare in _FOR_OPTION and f"--{bare}s" not in declared.all:  # agx compare has --modes
        return _FOR_OPTION[bare]
    if bare in NAMES and "--limit" in declared.all:
        return f"write --limit {bare}=VALUE"
    return None


def closest_option(name: str, known: Collection[str]) -> str | None:
    """The option that is meant. Dashes do not count, as all have them; --x never means its opposite, --no-x."""
    bare = name.lstrip("-")
    names = [other[2:] for other in known if other.startswith("--") and other != f"--no-{bare}"]
    begun = [other for other in names if len(bare) >= _SHORTEST_BEGINNING and other.startswith(bare.lower())]
    near = begun[0] if len(begun) == 1 else closest(bare, names)
    return None if near is None else f"--{near}"


def check_words(line: CommandLine, declared: Declared, most: int | None) -> None:
    """Check the words of a command that takes options and at most `most` other words (None: any number).

    Raises:
        AgxError: an unknown option, a value that is missing or one too many.
    """
    words = line.words
    positions: list[int] = []
    index = 0
    while index < len(words):
        word = words[index]
        name, equals, _ = word.partition("=")
        index += 1
        if word == "--":
            positions += range(index, len(words))
            break
        if name in declared.flags:
            check_flag(line, index - 1)
        elif name in declared.valued:
            if not equals:
                value_at(line, index)
                index += 1
        elif word.startswith("--") or (len(word) > 1 and word[0] == "-" and word[:2] not in declared.valued):
            raise unknown_option(line, index - 1, declared)
        elif not word.startswith("-") or word == "-":
            positions.append(index - 1)
    if most is not None and len(positions) > most:
        raise line.error("usage", f"unexpected argument `{words[positions[most]]}`", positions[most])


def unknown_command(words: Sequence[str], commands: Collection[str], options: Mapping[str, Sequence[str]]) -> AgxError:
    """The error for a line that begins with no command of agx; `options` maps each option to its commands."""
    line = CommandLine(words, None)
    word = words[0]
    is_option = word.startswith("--") or (word[:1] == "-" and word[1:].isalpha() and len(word) == len("-x"))
    if is_option or (word.startswith("-") and not _is_program(word)):
        return _option_before_a_command(line, commands, options)
    meant, near = _meant(line), closest(word, commands)
    label = f"did you mean agx {near}?" if near and not meant else None
    fix = f"write {meant}" if meant else None if near else "agx shows the commands"
    return line.error("usage", f"there is no command `{word}`", 0, label=label, fix=fix)


def _option_before_a_command(
    line: CommandLine, commands: Collection[str], options: Mapping[str, Sequence[str]]
) -> AgxError:
    name = line.words[0].partition("=")[0]
    own = ["--help", "--version", "--install-completion", "--show-completion"]
    near = "--version" if name in {"-V", "-v"} else closest_option(name, own)
    if near is not None:
        return line.error("unknown-option", f"unknown option {name}", 0, label=f"did you mean {near}?")
    written = next((index for index, word in enumerate(line.words) if word in commands), None)
    if written is None:
        fix = f"write {line.after(options.get(name, ['grad'])[0])}"
    else:
        rest = CommandLine([*line.words[written + 1 :], *line.words[:written]], None)
        fix = f"write {rest.after(line.words[written])}"
    return line.error("usage", f"{name} comes after a command", 0, fix=fix)


def _meant(line: CommandLine) -> str | None:
    """The line that was probably meant by one that begins with no command."""
    word = line.words[0]
    name = word.lower().replace("_", "-")
    if name in _FOR_COMMAND:
        return _FOR_COMMAND[name]
    if PurePath(word).suffix.lower() in _SCRIPTS:
        return line.after("explain")
    if name in LESSONS:
        return f"agx explain --{name}, the lesson"
    if name in rules.CATALOGUE:
        return f"agx rules {name}"
    return line.after("grad") if _is_program(word) else None


def _is_program(text: str) -> bool:
    """Whether the text reads as a program, and not as a mere word."""
    try:
        return bool(parse(text).free) and not text.isidentifier()
    except AgxError:
        return False


def _listed(words: Sequence[str]) -> str:
    """The words as `a, b and c`."""
    return " and ".join([*([", ".join(words[:-1])] if words[:-1] else []), *words[-1:]])
