"""The use case: a program and inputs in, a Report out. It does not raise on bad input: errors are diagnostics."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import PurePath

from autograd_cli import position, rules
from autograd_cli.diagnostic import AgxError, Diagnostic, Severity, Span, Status, bad_request
from autograd_cli.lang.inputs import FileReference, InputSpec, input_of_object, text_of_object
from autograd_cli.lang.meaning import check_meaning, label_of_missing
from autograd_cli.lang.paste import pasted
from autograd_cli.lang.power import check_power
from autograd_cli.lang.program import Program, parse
from autograd_cli.lang.suggest import did_you_mean
from autograd_cli.limits import DEFAULT_LIMITS, Limits, memory_error
from autograd_cli.modes import DEFAULT_MODE, MODES
from autograd_cli.position import Phase
from autograd_cli.spelling import spelled
from autograd_cli.tasks.diagnosis import Rerun, diagnosed, explained
from autograd_cli.trace import SCHEMA, Explanation, GivenInput, Report, Trace

DEFAULT_DTYPES = ("float32", "float64", "float16", "bfloat16")
MAX_THREADS = 1_024
_FILE_NAME = re.compile(r"\S+\.(?:py|ipynb)")
_DEVICE = re.compile(r"[a-z]+(:\d+)?")


def explore(  # noqa: PLR0913 - the options of `agx grad`, by the same names
    program: str,
    /,
    *,
    inputs: Mapping[str, object] | None = None,
    gradient: object = None,
    gradients: Sequence[object] = (),
    wrt: Sequence[str] | None = None,
    mode: str = DEFAULT_MODE,
    seed: int = 0,
    dtype: str = "float32",
    device: str = "cpu",
    threads: int | None = None,
    full: bool = False,
    limits: Limits = DEFAULT_LIMITS,
    watch: bool | None = None,
    counterfactuals: bool = True,
    of: str | None = None,
    before_run: Callable[[], None] = lambda: None,
    **named: object,
) -> Report:
    """Run a program, and backward on its result, and tell both graphs.

    Inputs are keyword arguments (or items of `inputs`, for names that are arguments here): text as on the command line,
    numbers, nested lists, NumPy arrays or tensors. `gradient` is one such value of the result's shape; `gradients` are
    those of a result with several outputs. `wrt` are the inputs that require gradients (default: all of a
    floating or complex dtype), `mode` is a name of `modes.MODES`, `seed` seeds torch's generator for the run alone,
    `limits` says how much the run may take (its time and memory only where it is supervised: see `supervise`).
    Where it is to `watch`, the program runs again, to look into its backward passes and (unless without
    `counterfactuals`) to see what each of its cuts changed: that is the Report's `explanation`. By default it runs
    again only where something looks wrong, to name the cause; with `watch=False` it never does. `of` is the variable
    that it is narrowed to.
    `before_run` is called when torch and all files are loaded.

    A request that cannot be understood does not raise: `Report.status` and `Report.diagnostics` say what is wrong.
    """
    objects = {**(inputs or {}), **named}
    gradients = gradients if gradient is None else [gradient, *gradients]
    weight_names = _weight_names(len(gradients), objects)
    traces: tuple[Trace, ...] = ()
    explanation: Explanation | None = None
    outcome: str | None = None
    started = time.monotonic()
    try:
        _check_is_text(program)
        parsed = parse(program, given=frozenset(objects), limits=limits)
        specs = [input_of_object(name, value) for name, value in objects.items()]
        weights = [input_of_object(name, value) for name, value in zip(weight_names, gradients, strict=True)]
        check_meaning(parsed, objects)
        check_power(parsed, [spec.name for spec in specs if spec.is_floating])
        _check_names(parsed, specs, wrt)
        _check_settings(mode, dtype, device, seed, threads)
        held = {
            spec.source: value for spec, value in zip([*specs, *weights], [*objects.values(), *gradients], strict=True)
        }
        held |= _read_files([*specs, *weights], limits)

        from autograd_cli.engine.run import run  # torch is imported here, after all that can fail without it

        before_run()

        def once(program: Program, *, in_mode: str = mode, watched: bool = False) -> Trace:
            return run(
                program,
                specs,
                weights,
                held,
                mode=MODES[in_mode],
                wrt=wrt,
                seed=seed,
                dtype=dtype,
                device=device,
                threads=threads,
                full=full,
                limits=limits,
                watched=watched,
                again=watch is not False,
            )

        began = time.monotonic()
        trace = once(parsed)
        position.enter(Phase.REVIEW)
        rerun = Rerun(
            program=parsed,
            read=lambda text: parse(text, given=frozenset(objects), limits=limits),
            run=once,
            took=time.monotonic() - began,
            started=started,
            limit=limits.time,
        )
        if watch is None:
            diagnostics = diagnosed(trace, rerun)
        elif watch:
            trace, diagnostics, explanation = explained(trace, rerun, counterfactuals=counterfactuals)
        else:
            diagnostics = rules.verdict(trace, parsed.text)
        if of is not None:
            trace, explanation, diagnostics = rules.narrow(trace, explanation, diagnostics, of)
        outcome = rules.outcome(trace, parsed.text, of)
        traces = (trace,)
        bad_news = any(found.severity is Severity.ERROR for found in diagnostics)
        status = Status.BAD_NEWS if bad_news else Status.ANSWER
    except (AgxError, MemoryError, RuntimeError) as error:
        diagnostics, status = _ended_by(error)
    report = unanswered(_text_of(program), inputs=objects, gradients=gradients, seed=seed, dtype=dtype, device=device)
    return replace(
        report,
        status=status,
        traces=traces,
        diagnostics=diagnostics,
        explanation=explanation,
        of=of,
        outcome=outcome,
    )


def _ended_by(error: Exception) -> tuple[tuple[Diagnostic, ...], Status]:
    """What to say of an error that ended the request; what is neither ours nor full memory is raised again."""
    found = error if isinstance(error, AgxError) else memory_error(error)
    if found is None:
        raise error
    return (found.diagnostic,), found.status


def unanswered(
    program: str,
    *,
    inputs: Mapping[str, object],
    gradients: Sequence[object],
    seed: int,
    dtype: str,
    device: str,
) -> Report:
    """The Report of a request to `explore` that has no answer yet: what was asked, and nothing else."""
    weight_names = _weight_names(len(gradients), inputs)
    given = pasted(program)
    return Report(
        schema=SCHEMA,
        status=Status.ANSWER,
        source=given.text,
        written=None if given.written == given.text else given.written,
        inputs=tuple(GivenInput(name=name, text=text_of_object(value)) for name, value in inputs.items()),
        gradients=tuple(
            GivenInput(name=name, text=text_of_object(value))
            for name, value in zip(weight_names, gradients, strict=True)
        ),
        command_line=None,
        seed=seed,
        default_dtype=dtype,
        device=device,
        traces=(),
        diagnostics=(),
    )


def _weight_names(count: int, taken: Mapping[str, object]) -> list[str]:
    """What diagnostics call the gradients: by number where there are several, or where an input has the name."""
    if count == 1 and "gradient" not in taken:
        return ["gradient"]
    return [f"gradient #{index + 1}" for index in range(count)]


def _check_names(program: Program, specs: Sequence[InputSpec], wrt: Sequence[str] | None) -> None:
    """Every free name has a value, every value and every name of `wrt` is of use."""
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


def _text_of(program: object) -> str:
    return program if isinstance(program, str) else ""


def _check_is_text(program: object) -> None:
    """Refuse what is given from Python in place of a program's text: a function, a path, or the name of a file."""
    example = 'explore("2*x", x=[1, 2, 3])'
    if not isinstance(program, str):
        is_path = isinstance(program, PurePath)
        message = f"a program is a text, and not {'a path' if is_path else f'of type {type(program).__name__}'}"
        raise bad_request("usage", message, fix="read the file: path.read_text()" if is_path else f"as in {example}")
    if _FILE_NAME.fullmatch(program):
        message = f"{program} names a file, and a program is a text"
        raise bad_request("usage", message, fix=f'read the file: Path("{program}").read_text()')


def _missing_value(name: str, span: Span, candidates: Sequence[str]) -> AgxError:
    """The error for a name of the program that has no value, and may be a misspelling of one of the candidates."""
    label = label_of_missing(name, candidates)
    fix = f"give it one: {spelled(option=f'--{name} 1,2,3', argument=f'{name}=[1, 2, 3]')}"
    return bad_request("missing-value", f"`{name}` has no value", span=span, label=label, fix=fix)


def _check_settings(mode: str, dtype: str, device: str, seed: object, threads: object) -> None:
    if not isinstance(seed, int) or not 0 <= seed < 2**63:
        raise bad_request("bad-value", "the seed is an integer from 0 to 2**63 - 1", source="--seed")
    if threads is not None and not (isinstance(threads, int) and 1 <= threads <= MAX_THREADS):
        message = f"the number of threads is an integer from 1 to {MAX_THREADS}"
        raise bad_request("bad-value", message, source="--threads")
    if mode not in MODES:
        label = did_you_mean(mode, MODES) or f"the modes are {', '.join(MODES)}"
        raise bad_request("unknown-mode", f"there is no mode {mode}", source="--mode", label=label)
    if dtype not in DEFAULT_DTYPES:
        message = f"the default dtype is one of {', '.join(DEFAULT_DTYPES)}"
        raise bad_request("unknown-dtype", message, source="--dtype", label=did_you_mean(dtype, DEFAULT_DTYPES))
    if not _DEVICE.fullmatch(device) or device.startswith("meta"):
        message = f"{device} is not a device that holds values"
        raise bad_request("unknown-device", message, source="--device", fix="use cpu, cuda or cuda:0")


def _read_files(specs: Sequence[InputSpec], limits: Limits) -> dict[str, object]:
    if not any(isinstance(spec.content, FileReference) for spec in specs):
        return {}
    from autograd_cli.files.read import read

    return {spec.source: read(spec, limits) for spec in specs if isinstance(spec.content, FileReference)}
