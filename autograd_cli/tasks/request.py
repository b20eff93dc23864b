"""What is asked, as one frozen object, and the Report that says only that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from autograd_cli.diagnostic import Status
from autograd_cli.lang.inputs import text_of_object
from autograd_cli.lang.paste import pasted
from autograd_cli.modes import DEFAULT_MODE
from autograd_cli.report import SCHEMA, GivenInput, Report
from autograd_cli.settings import DEFAULT_SETTINGS, Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A program, what goes into it, how it runs, and what is to be told of it.

    A value of `inputs`, and one of `gradients`, is a text as on the command line, a number, a nested list, a NumPy
    array or a tensor. `wrt` are the inputs that require gradients (None: all of a floating or complex dtype); `mode` is
    a name of `modes.MODES`. If `watch` is True, the program runs again, to look into its backward passes and (with
    `counterfactuals`) to see what each of its cuts changed; if None, it runs again only where something looks wrong, to
    name the cause; if False, never. `of` is the variable that the answer is narrowed to.
    """

    program: str
    inputs: Mapping[str, object] = field(default_factory=dict)
    gradients: Sequence[object] = ()
    wrt: Sequence[str] | None = None
    mode: str = DEFAULT_MODE
    settings: Settings = DEFAULT_SETTINGS
    watch: bool | None = None
    counterfactuals: bool = True
    of: str | None = None

    @property
    def weights(self) -> dict[str, object]:
        """The gradients by their names in diagnostics: numbered if several, or if an input is called `gradient`."""
        if len(self.gradients) == 1 and "gradient" not in self.inputs:
            return {"gradient": self.gradients[0]}
        return {f"gradient #{index + 1}": value for index, value in enumerate(self.gradients)}


def unanswered(request: Request) -> Report:
    """The Report of a request that has no answer yet: what was asked, and nothing else."""
    program: object = request.program  # from Python it may be anything
    given = pasted(program if isinstance(program, str) else "")
    return Report(
        schema=SCHEMA,
        status=Status.ANSWER,
        source=given.text,
        written=None if given.written == given.text else given.written,
        inputs=tuple(_given_inputs(request.inputs)),
        gradients=tuple(_given_inputs(request.weights)),
        command_line=None,
        settings=request.settings,
        diagnostics=(),
        of=request.of,
    )


def _given_inputs(values: Mapping[str, object]) -> list[GivenInput]:
    return [GivenInput(name=name, text=text_of_object(value)) for name, value in values.items()]
