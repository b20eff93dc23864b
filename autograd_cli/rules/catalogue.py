"""All rules: each finds one cause of a broken gradient, or tells of it without one; its docstring is its page."""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from autograd_cli.rules import unwatched
from autograd_cli.rules.causes import refused
from autograd_cli.rules.evidence.evidence import Find
from autograd_cli.rules.families import backward, cut, in_place, leaf, nan, zero

_FAMILIES = (leaf, cut, in_place, backward, nan, zero)
_WITHOUT_A_CAUSE: dict[str, Callable[..., object]] = {
    "torch-refused": refused.check_refused_operation,
    "nan-gradient": refused.check_nan_gradient,
    "infinite-gradient": refused.check_infinite_gradient,
    "not-watched": unwatched.not_watched,
}
_SECTION = re.compile(r"^(Why|Example|Fix):[ \n]?", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A cause of a broken gradient: its slug, its family, and the function that finds it and documents it."""

    slug: str
    family: str
    documented_in: Callable[..., object]

    @property
    def summary(self) -> str:
        """What it means, in a sentence or two."""
        return self._sections()["Summary"]

    @property
    def why(self) -> str:
        """Why torch does so."""
        return self._sections().get("Why", "")

    @property
    def example(self) -> str:
        """A minimal program that shows it; empty where no short one does."""
        return self._sections().get("Example", "")

    @property
    def fix(self) -> str:
        """How to cure it."""
        return self._sections().get("Fix", "")

    def _sections(self) -> dict[str, str]:
        summary, *rest = _SECTION.split(inspect.getdoc(self.documented_in) or "")
        sections = {"Summary": " ".join(summary.split())}
        for name, text in zip(rest[::2], rest[1::2], strict=True):
            is_code = name == "Example"
            sections[name] = textwrap.dedent(text).strip("\n").rstrip() if is_code else _sentences(text)
        return sections


def _sentences(text: str) -> str:
    words = " ".join(text.split())
    first = words.partition(" ")[0]
    is_prose = first.rstrip(",:").isalpha() and first != "torch"  # and not code, such as F.normalize or backward()
    return words[:1].upper() + words[1:] if is_prose else words


def _rules() -> Iterator[Rule]:
    for module in _FAMILIES:
        for slug, find in module.RULES.items():
            yield Rule(slug=slug, family=module.FAMILY, documented_in=find)
    for slug, check in _WITHOUT_A_CAUSE.items():
        yield Rule(slug=slug, family="without a known cause", documented_in=check)


CAUSES: tuple[Find, ...] = tuple([find for module in _FAMILIES for find in module.RULES.values()])
CATALOGUE: dict[str, Rule] = {rule.slug: rule for rule in _rules()}
