"""What agx says of a run that ended before its end: at a limit, by a crash of torch, by a fault of agx."""

from __future__ import annotations

from autograd_cli.rules.rule import Family, Rule


def _limit(name: str, *, summary: str, why: str, unit: str = "N") -> Rule:
    cure = f"Make it smaller, or allow more: --limit {name}={unit}."
    return Rule(slug=f"limit-{name}", family=Family.LIMIT, summary=summary, why=why, cure=cure)


RULES: tuple[Rule, ...] = (
    _limit(
        "time",
        summary="The program ran longer than it may.",
        why="A program of a stranger may never end. The message says where it was.",
        unit="SECONDS",
    ),
    _limit(
        "memory",
        summary="The program, or a file, needs more memory than it may have.",
        why="A process without a limit takes the memory of all others before the system stops one of them.",
        unit="BYTES",
    ),
    _limit(
        "steps",
        summary="The program ran more statements and operations than it may.",
        why="Every step of the program is kept to be explained, and a loop may never end.",
    ),
    _limit(
        "elements",
        summary="A tensor has more elements than the limit allows.",
        why="A few characters, such as torch.ones(10**12), ask for more memory than there is.",
    ),
    _limit(
        "integer-bits",
        summary="An integer of Python is larger than one may be.",
        why="Python's integers grow as they need to: 9**9**9 has hundreds of millions of digits.",
    ),
    _limit(
        "sequence",
        summary="A list, a range or a text has more elements than the limit allows.",
        why='[0] * 10**12 and "a" * 10**12 ask for more memory than there is.',
    ),
    _limit(
        "output",
        summary="The program prints more characters than it may, or makes a text of more.",
        why="What it prints is a part of the answer, which is held until it is whole.",
        unit="CHARACTERS",
    ),
    _limit(
        "source",
        summary="The text of the program is longer than it may be.",
        why="A program is read and checked as a whole. Data does not belong in it.",
        unit="CHARACTERS",
    ),
    _limit(
        "depth",
        summary="The program nests, or calls itself, deeper than it may.",
        why="Each level takes room on the stack of the process, and a stack that is full ends it.",
    ),
    Rule(
        slug="torch-crashed",
        family=Family.LIMIT,
        summary="The process ended at an operation of torch: a bug of torch.",
        why="A few operations of torch end the whole process for some operands instead of refusing them. agx runs "
        "torch in a process of its own, and survives it.",
        cure="Look for another way to write the operation that the message names.",
    ),
    Rule(
        slug="bug",
        family=Family.LIMIT,
        summary="agx failed: a fault in agx itself.",
        why="Whatever a program or a file holds, agx should give an answer. Here it did not.",
        cure="--debug shows the traceback; please report it with the command.",
    ),
)
