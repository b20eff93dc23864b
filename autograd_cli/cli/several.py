"""Parameters of a command that stand for several options: how Typer, which knows one option a parameter, gets those.

A command declares `run: options.Run`, where Run is a frozen dataclass with a field for each option, or
`modes: Annotated[tuple[str, ...], Flags([Flag(name="no-grad", …), …])]` for the names of the flags that are given.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from inspect import Parameter
from typing import Annotated, Any, get_type_hints

import typer


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag:
    """One of several flags. `spellings` are those beside `--name`."""

    name: str
    help: str
    panel: str
    spellings: tuple[str, ...] = ()

    @property
    def parameter(self) -> str:
        """What its parameter is called."""
        return self.name.replace("-", "_")


class Flags(tuple[Flag, ...]):
    """Flags that one parameter stands for: it holds the names of those that are given, in this order."""

    __slots__ = ()

    def parameters(self) -> list[Parameter]:
        """A parameter for each."""
        return [
            _parameter(
                flag.parameter,
                Annotated[
                    bool, typer.Option(f"--{flag.name}", *flag.spellings, help=flag.help, rich_help_panel=flag.panel)
                ],
                default=False,
            )
            for flag in self
        ]

    def read(self, values: Mapping[str, Any]) -> tuple[str, ...]:
        """The names of those that are given."""
        return tuple([flag.name for flag in self if values[flag.parameter]])


@dataclass(frozen=True, slots=True)
class Fields:
    """The fields of a dataclass, each an option."""

    kind: type[Any]

    def parameters(self) -> list[Parameter]:
        """A parameter for each."""
        hints = get_type_hints(self.kind, include_extras=True)
        return [_parameter(field.name, hints[field.name], default=field.default) for field in fields(self.kind)]

    def read(self, values: Mapping[str, Any]) -> object:
        """The object that they make."""
        return self.kind(**{field.name: values[field.name] for field in fields(self.kind)})


def expanded(command: Callable[..., None]) -> Callable[..., None]:
    """The command as Typer takes it: with the several options of a parameter in its place."""
    declared = inspect.signature(command, eval_str=True).parameters
    several = {name: found for name, each in declared.items() if (found := _several(each.annotation)) is not None}
    alone = {name: _parameter(name, each.annotation, default=each.default) for name, each in declared.items()}
    parameters = [
        one for name in declared for one in (several[name].parameters() if name in several else [alone[name]])
    ]

    def called(**values: Any) -> None:  # noqa: ANN401 - whatever the options say
        command(**{name: several[name].read(values) if name in several else values[name] for name in declared})

    called.__doc__ = command.__doc__
    called.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # what Typer reads
    called.__annotations__ = {each.name: each.annotation for each in parameters}
    return called


def _several(annotation: Any) -> Flags | Fields | None:  # noqa: ANN401 - an annotation is any object
    """What a parameter of this annotation stands for; None for a single option."""
    if isinstance(annotation, type) and is_dataclass(annotation):
        return Fields(annotation)
    return next((each for each in getattr(annotation, "__metadata__", ()) if isinstance(each, Flags)), None)


def _parameter(name: str, annotation: Any, *, default: Any) -> Parameter:  # noqa: ANN401 - an annotation and a default are any objects
    return Parameter(name, Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
