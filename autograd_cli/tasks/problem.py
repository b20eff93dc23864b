"""A Request → a Problem: the program parsed, the inputs read, and all checked that can be checked without torch."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath

from autograd_cli.diagnostic import AgxError, Span, bad_request
from autograd_cli.lang.inputs import FileReference, InputSpec, input_of_object
from autograd_cli.lang.meaning import check_meaning, label_of_missing
from autograd_cli.lang.power import check_power
from autograd_cli.lang.program import Program, parse
from autograd_cli.lang.suggest import did_you_mean
from autograd_cli.limits import Limits
from autograd_cli.modes import MODES
from autograd_cli.settings import check_settings
from autograd_cli.spelling import spelled
from autograd_cli.tasks.request import Request
from autograd_cli.trace import Trace

_FILE_NAME = re.compile(r"\S+\.(?:py|ipynb)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What is to run. `held` are the contents of files and Python objects, by the source of the input they are for."""

    request: Request
    program: Program
    inputs: Sequence[InputSpec]
    gradients: Sequence[InputSpec]
    held: Mapping[str, object]

    def read(self, text: str) -> Program:
        """Another program, for the same inputs."""
        return parse(text, given=frozenset(self.request.inputs), limits=self.request.settings.limits)

    def trace(
        self, run: Callable[..., Trace], program: Program, *, in_mode: str | None = None, watched: bool = False
    ) -> Trace:
        """The Trace of `program`, this one or another, for the same inputs; `run` is the engine's function."""
        request = self.request
        return run(
            program,
            self.inputs,
            self.gradients,
            self.held,
            mode=MODES[in_mode or request.mode],
            wrt=request.wrt,
            settings=request.settings,
            watched=watched,
            again=request.watch is not False,
        )


def understood(request: Request) -> Problem:
    """The problem that a request poses.

    Raises:
        AgxError: something is wrong with it.
    """
    _check_is_text(request.program)
    limits = request.settings.limits
    program = parse(request.program, given=frozenset(request.inputs), limits=limits)
    inputs = [input_of_object(name, value) for name, value in request.inputs.items()]
    gradients = [input_of_object(name, value) for name, value in request.weights.items()]
    check_meaning(program, request.inputs)
    check_power(program, [spec.name for spec in inputs if spec.is_floating])
    _check_names(program, inputs, request.wrt)
    _check_mode(request.mode)
    check_settings(request.settings)
    specs = [*inputs, *gradients]
    values = [*request.inputs.values(), *request.weights.values()]
    held = {spec.source: value for spec, value in zip(specs, values, strict=True)} | _read_files(specs, limits)
    return Problem(request=request, program=program, inputs=inputs, gradients=gradients, held=held)


def _check_is_text(program: object) -> None:
    """Refuse what is given from Python in place of a program's text: a function, a path, or the name of a file."""
    example = 'explore("2*x", x=[1, 2, 3])'
    if not isinstance(program, str):
        is_path = isinstance(program, PurePath)
        given = "a path" if is_path else f"a value of type {type(program).__name__}"
        message = f"the program must be given as text, not as {given}"
        raise bad_request("usage", message, fix="read the file: path.read_text()" if is_path else f"as in {example}")
    if _FILE_NAME.fullmatch(program):
        message = f"{program} is the name of a file; give the text of the program"
        raise bad_request("usage", message, fix=f'read the file: Path("{program}").read_text()')


def _check_names(program: Program, specs: Sequence[InputSpec], wrt: Sequence[str] | None) -> None:
    """Check that every free name has a value, every value is used, and every name of `wrt` is an input."""
    given = [spec.name for spec in specs]
    for name, span in program.names:
        if name in program.free and name not in given:
            unused = [other for other in given if not program.reads(other)]
            raise _missing_value(name, span, [*unused, *program.bound])
    for name in given:
        if not program.reads(name):
            message = f"the program does not use {name}"
            label = did_you_mean(name, (read for read, _ in program.names))
            raise bad_request("unused-input", message, source=f"--{name}", label=label)
    for name in wrt or ():
        if name not in given:
            message = f"there is no input {name}"
            label = did_you_mean(name, given) or (f"there are {', '.join(given)}" if given else "there are no inputs")
            raise bad_request("unknown-name", message, source="--wrt", label=label)


def _missing_value(name: str, span: Span, candidates: Sequence[str]) -> AgxError:
    """The error for a name of the program that has no value, and may be a misspelling of one of the candidates."""
    label = label_of_missing(name, candidates)
    fix = f"give it one: {spelled(option=f'--{name} 1,2,3', argument=f'{name}=[1, 2, 3]')}"
    return bad_request("missing-value", f"`{name}` has no value", span=span, label=label, fix=fix)


def _check_mode(mode: str) -> None:
    if mode not in MODES:
        label = did_you_mean(mode, MODES) or f"the modes are {', '.join(MODES)}"
        raise bad_request("unknown-mode", f"there is no mode {mode}", source="--mode", label=label)


def _read_files(specs: Sequence[InputSpec], limits: Limits) -> dict[str, object]:
    if not any(isinstance(spec.content, FileReference) for spec in specs):
        return {}
    from autograd_cli.files.read import read

    return {spec.source: read(spec, limits) for spec in specs if isinstance(spec.content, FileReference)}
