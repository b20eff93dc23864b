"""What rewritten code reports to: each value that the user's code makes becomes a value of the Recording.

Every helper gives back the value that it was handed, so that the code computes what it did. `calls` says what a call is
recorded as, `objects` which value an object is.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import torch

from autograd_cli.diagnostic import Span
from autograd_cli.engine.observe import calls, helpers
from autograd_cli.engine.observe.frames import ITSELF, KEPT, Call, Frame, Loop
from autograd_cli.engine.observe.guard import Guard
from autograd_cli.engine.observe.keeping import Keeping
from autograd_cli.engine.observe.objects import is_followed
from autograd_cli.engine.observe.seen import Seen, is_weak
from autograd_cli.engine.observe.sites import Kind, Operand, Site, Source
from autograd_cli.engine.observe.state import State
from autograd_cli.engine.observe.steps import begin_step, end_step
from autograd_cli.engine.observe.stopping import Stopping, Until
from autograd_cli.engine.observe.writes import record_write
from autograd_cli.engine.record import naming
from autograd_cli.engine.record.forget import forget
from autograd_cli.engine.values import elements_of
from autograd_cli.trace import Refusal

_MAY_WRITE = frozenset({Kind.CALL, Kind.AUGMENTED, Kind.ASSIGNMENT})  # to what it was given
_DISPLAYS = {"tuple": naming.TUPLE, "list": naming.LIST, "dict": naming.DICT, "set": naming.LIST}
_MOST_RETURNED = 10_000  # by a generator that goes on and on
_CHOICES = {"and": naming.AND, "or": naming.OR, "if-else": naming.IF_ELSE}


class Observer(State):
    """One observed run. `sites` are the places of all rewritten files, by number; `main` is the script's top level."""

    def __init__(
        self,
        sites: list[Site],
        main: Frame,
        stopping: Stopping,
        guard: Guard,
        *,
        kept: int = KEPT,
        watched: bool = True,
    ) -> None:
        super().__init__(stopping, guard, watched=watched)
        self.sites = sites
        self._main = main
        self._keeping = Keeping(self, kept)
        self.result: tuple[int, Seen] | None = None  # of the last expression of the script, and its statement
        self.frame: Frame | None = None
        self.refused: Callable[[Exception], Refusal]  # what an exception says that torch refused
        self.refusal: Refusal | None = None  # what the script caught, and was stopped for
        self._stepping: dict[int, tuple[Frame | None, Call | None]] = {}  # by the id of an optimizer, where it steps
        self._are_loops_noted = False
        self._epoch = 0
        self._constants: dict[int, Seen] = {}  # by the identity of their Operand
        self._last: dict[str, tuple[object, Seen]] = {}  # the latest variable of each name in any frame, for closures

    def helpers(self) -> dict[str, Callable[..., Any]]:
        """What rewritten code is to call."""
        return {
            helpers.VALUE: self.value,
            helpers.CALLEE: self.callee,
            helpers.NAME: self.name,
            helpers.CONSTANT: self.constant,
            helpers.STATEMENT: self.statement,
            helpers.RESULT: self.statement_value,
            helpers.ASSIGN: self.assign,
            helpers.BOUND: self.bound,
            helpers.ITERATE: self.iterate,
            helpers.ROUND: self.round,
            helpers.TEST: self.test,
            helpers.GENERATE: self.generate,
            helpers.CONTEXT: self.context,
            helpers.INSIDE: self.inside,
            helpers.CAUGHT: self.caught,
            helpers.ENTER: self.enter,
            helpers.RETURN: self.returns,
        }

    # Where we are.

    def _is_silent(self, frame: Frame) -> bool:
        """Whether the frame is not recorded; one that is recorded becomes the one that runs now."""
        if frame.quiet:
            return True
        self.quiet = False
        self.frame = frame
        if frame.epoch != self._epoch:
            frame.epoch = self._epoch
            frame.steps.clear()
        self.recorded.step = frame.steps[-1] if frame.steps else self._outer_step(frame)
        self.recorded.grad_mode_spans = frame.grad_mode_spans
        return False

    def _outer_step(self, frame: Frame) -> int | None:
        outer = frame.outer
        while outer is not None and not outer.steps:
            outer = outer.outer
        return None if outer is None else outer.steps[-1]

    # Operands.

    def operands(self, frame: Frame, site: Site, given: Sequence[object]) -> list[Seen | None]:
        """The values of the operands of what has just run; its entries are taken off the stack."""
        entries = frame[site.depth :]
        del frame[site.depth :]
        stack, variables = iter(entries), iter(given)
        found: list[Seen | None] = []
        for operand in site.operands:
            match operand.source:
                case Source.CALLEE:
                    next(stack, None)
                case Source.STACK:
                    entry = next(stack, None)
                    found.append(None if isinstance(entry, Call) else entry)
                case Source.GIVEN:
                    thing = next(variables)
                    box = self.variable(frame, operand.name, thing, operand.span)
                    if box is not None and site.kind not in _MAY_WRITE:
                        self.objects.read(thing, box, operand.span)
                    found.append(box)
                case Source.CONSTANT:
                    found.append(self._constant(operand))
        return found

    def _operand(self, frame: Frame, site: Site, given: Sequence[object]) -> Seen | None:
        """The value of the one operand."""
        operands = self.operands(frame, site, given)
        return operands[0] if operands else None

    def _constant(self, operand: Operand) -> Seen:
        box = self._constants.get(id(operand))
        if box is None:
            box = self.recorded.add(operand.value, naming.CONSTANT, span=operand.span)
            self._constants[id(operand)] = self.objects.register(operand.value, box)
        return box

    def variable(self, frame: Frame, name: str, thing: object, span: Span) -> Seen | None:
        """The value that a variable has; a number has no identity of its own: its name says which value it is."""
        for names in (frame.names, self._last):
            known = names.get(name)
            if known is not None and known[0] is thing:
                return known[1]
        return self.objects.box(thing, span)

    # Expressions.

    def value(self, frame: Frame, number: int, value: Any, *given: object) -> Any:  # noqa: ANN401 - whatever the script computes
        """An expression has run."""
        if self._is_silent(frame):
            return value
        site = self.sites[number]
        if site.kind is Kind.CALL:
            call = frame[site.called_at] if len(frame) > site.called_at else None
            operands = self.operands(frame, site, given)
            box = calls.recorded(self, frame, site, call if isinstance(call, Call) else None, operands, value)
        else:
            box = self._recorded(frame, site, self.operands(frame, site, given), value)
        self._evaluated(frame)
        frame.append(box)
        frame.kept.append(value)
        return value

    def _evaluated(self, frame: Frame) -> None:
        """An argument has been evaluated: the functions entered for it do not belong to the call."""
        for entry in reversed(frame):
            if isinstance(entry, Call):
                entry.entered = self.entered
                return

    def _recorded(self, frame: Frame, site: Site, operands: Sequence[Seen | None], value: object) -> Seen | None:
        own = [each for each in operands if each is not None]
        match site.kind:
            case Kind.OPERATOR | Kind.COMPARISON:
                return self._operated(site, own, value)
            case Kind.ATTRIBUTE:
                return self._attribute(site, operands[0], value)
            case Kind.INDEX:
                return self._index(site, operands, value)
            case Kind.CHOICE:
                return self._choice(site, own, value)
            case Kind.DISPLAY:
                keys = {index for index, each in enumerate(site.operands) if each.keyword == "key"}
                held = [each for index, each in enumerate(operands) if index not in keys and each is not None]
                return self.objects.add(value, _DISPLAYS[site.symbol], held, site.span)
            case Kind.COMPREHENSION | Kind.GENERATOR:
                return self._comprehension(frame, site, value)
            case Kind.ASSIGNMENT:
                self.bind(frame, site.names[0], value, own[0] if own else None)
                return own[0] if own else None
            case Kind.TEXT:
                return self.objects.add(value, naming.TEXT, own, site.span)
        return self.objects.box(value, site.span)

    def _comprehension(self, frame: Frame, site: Site, value: object) -> Seen | None:
        returned = [] if frame.inner is None else frame.inner.returned
        frame.inner = None  # it holds this frame, and what it has is to go when the comprehension has ended
        if site.kind is Kind.COMPREHENSION:
            made = [each for each in returned if each is not None]
            return self.objects.add(value, _DISPLAYS[site.symbol], made, site.span)
        box = self.objects.box(value, site.span)
        if box is not None:
            self.generated[box] = returned
        return box

    def _operated(self, site: Site, operands: Sequence[Seen], value: object) -> Seen | None:
        if not operands:
            return self.objects.box(value, site.span)
        operation = naming.operator(site.symbol, *[each.payload for each in operands[:2]])
        if isinstance(value, tuple | list):  # `[a] + [b]` holds the same elements
            return self.objects.add(value, operation, operands, site.span)
        return self.perform(value, operation, operands, site.span)

    def _attribute(self, site: Site, owner: Seen | None, value: object) -> Seen | None:
        if not is_followed(value):
            return None
        if owner is not None and isinstance(owner.payload, torch.Tensor):
            roots = self.recorded.roots_of(owner.payload) if site.symbol == "grad" else ()
            operation = naming.attribute(torch.Tensor, site.symbol)
            return self.perform(value, operation, [owner, *roots], site.span)
        known = self.objects.find(value)
        if known is not None:
            self.objects.read(value, known, site.span)
            return known
        if owner is None:
            return self.objects.box(value, site.span)
        operation = naming.attribute(type(owner.payload), site.symbol)
        if isinstance(value, torch.nn.Parameter):
            return self.objects.add(value, operation, (), site.span)
        return self.objects.add(value, operation, [owner], site.span)

    def _index(self, site: Site, operands: Sequence[Seen | None], value: object) -> Seen | None:
        owner = operands[0]
        own = [each for each in operands if each is not None]
        if owner is not None and isinstance(owner.payload, torch.Tensor):
            return self.perform(value, naming.index(torch.Tensor), own, site.span)
        if owner is not None:
            found = next((each for each in _elements(owner) if each.payload is value), None)
            if found is not None:
                return found
        known = self.objects.find(value)
        if known is not None or owner is None or not is_followed(value):
            return known if known is not None else self.objects.box(value, site.span)
        return self.objects.add(value, naming.index(type(owner.payload)), own, site.span)

    def _choice(self, site: Site, operands: Sequence[Seen], value: object) -> Seen | None:
        chosen = next((each for each in operands if each.payload is value), None)
        if chosen is None or not is_followed(value) or isinstance(value, tuple | list | dict):
            return self.objects.box(value, site.span) if chosen is None else chosen
        order = [chosen, *[each for each in operands if each is not chosen]] if site.symbol == "if-else" else operands
        return self.objects.add(value, _CHOICES[site.symbol], order, site.span)

    def callee(self, frame: Frame, number: int, function: Any) -> Any:  # noqa: ANN401 - whatever the script calls
        """A call is about to run: what it is given is evaluated after this."""
        if self._is_silent(frame):
            return function
        site = self.sites[number]
        del frame[site.called_at :]
        call, function = calls.begun(self, site, function)
        frame.append(call)
        return function

    def name(self, frame: Frame, number: int, value: Any) -> Any:  # noqa: ANN401 - whatever the script computes
        """A variable was read where it cannot be read once more."""
        if self._is_silent(frame):
            return value
        site = self.sites[number]
        del frame[site.depth :]
        box = self.variable(frame, site.symbol, value, site.span)
        if box is not None:
            self.objects.read(value, box, site.span)
        frame.append(box)
        return value

    def constant(self, frame: Frame, number: int, value: Any) -> Any:  # noqa: ANN401 - whatever the script computes
        """A constant was evaluated where it might have been skipped."""
        if self._is_silent(frame):
            return value
        site = self.sites[number]
        del frame[site.depth :]
        frame.append(self._constant(site.operands[0]))
        return value

    # Statements.

    def statement(self, frame: Frame, number: int) -> None:
        """A statement begins."""
        if self._is_silent(frame):
            return
        self.stopping.check()
        self._forget(frame)
        site = self.sites[number]
        frame.clear()
        frame.kept.clear()
        self.returned = (None, None)
        self._end(frame, site)
        self._note_loops(frame)
        frame.steps.append(self.recorded.next_step(site.span, tuple(frame.rounds)))

    def _note_loops(self, frame: Frame) -> None:
        """Behind the last pass that is to be shown: its round ends when one of the loops around it goes on."""
        if self._are_loops_noted or not self.stopping.is_shown:
            return
        self._are_loops_noted = True
        each: Frame | None = frame
        while each is not None:
            each.shown_loops = len(each.rounds)
            each = each.outer

    def _end(self, frame: Frame, site: Site) -> None:
        """End the statements, loops and grad modes that are nested at least as deeply as this place."""
        del frame.steps[site.nesting :]
        del frame.rounds[site.loops :]
        for loop in [each for each in frame.loops if each >= site.loops]:
            del frame.loops[loop]
        while frame.contexts and frame.contexts[-1] >= site.nesting:
            frame.contexts.pop()
            frame.grad_mode_spans.pop()

    def _forget(self, frame: Frame) -> None:
        """Forget the older rounds of a long run."""
        start = self._keeping.start()
        if start is None:
            return
        frames = []
        each: Frame | None = frame
        while each is not None:
            frames.append(each)
            each = each.outer
        under_way = [step for one in frames for step in one.steps if one.epoch == self._epoch]
        self.objects.let_go(start)
        self._last = {name: known for name, known in self._last.items() if known[1].value >= start}
        steps = forget(self.recorded, start, self.entries, under_way)
        for one in frames:
            one.steps = [steps[step] for step in one.steps] if one.epoch == self._epoch else []
            one.epoch = self._epoch + 1
        self._main.epoch = self._epoch = self._epoch + 1
        self._keeping.forgotten()

    def _revise(self, frame: Frame, **changes: Any) -> None:  # noqa: ANN401 - fields of Step
        if frame.steps:
            step = frame.steps[-1]
            self.recorded.steps[step] = replace(self.recorded.steps[step], **changes)

    def statement_value(self, frame: Frame, number: int, value: Any, *given: object) -> Any:  # noqa: ANN401 - whatever the script computes
        """An expression that is a statement of its own has run."""
        if self._is_silent(frame):
            return value
        site = self.sites[number]
        box = self._operand(frame, site, given)
        calls.record_uncalled(self, site, value)
        if box is None or (value is None and site.symbol == "call"):
            return value
        self._revise(frame, value=box.value)
        if frame is self._main:
            self.result = (frame.steps[0], box)
        return value

    def assign(self, frame: Frame, number: int, value: Any, *given: object) -> Any:  # noqa: ANN401 - whatever the script computes
        """One variable is about to be bound."""
        if self._is_silent(frame):
            return value
        site = self.sites[number]
        box = self._operand(frame, site, given)
        name = site.names[0]
        if box is None:
            frame.names.pop(name, None)
            return value
        self.bind(frame, name, value, box)
        self._revise(frame, binds=(name,), bound=(box.value,), value=box.value)
        return value

    def bind(self, frame: Frame, name: str, thing: object, box: Seen | None) -> None:
        """A variable means this value from now on."""
        if box is None or name.startswith(helpers.PREFIX):
            return
        frame.names[name] = self._last[name] = _known(thing, box)
        self.recorded.give_name(box, name, frame.function)

    def bound(self, frame: Frame, number: int, values: tuple[Any, ...], *given: object) -> None:
        """A statement has bound variables, or written to its other targets."""
        if self._is_silent(frame):
            return
        site = self.sites[number]
        operands = self.operands(frame, site, given)
        if site.kind is Kind.AUGMENTED:
            self._augmented(frame, site, operands, values)
            return
        box = operands[0] if operands else None
        if site.names:
            self._unpacked(frame, site, box, values)
        for write in site.writes:
            record_write(self.recorded, self.objects, write, operands)

    def _unpacked(self, frame: Frame, site: Site, box: Seen | None, values: Sequence[Any]) -> None:
        is_rows = box is not None and isinstance(box.payload, torch.Tensor)
        if box is not None and is_rows and all(isinstance(each, torch.Tensor) for each in values):
            self.objects.add_performed(values, naming.unpack(torch.Tensor), [box], site.span)
        names: list[str] = []
        numbers: list[int] = []
        known = [] if box is None else _elements(box)
        for name, value in zip(site.names, values, strict=True):
            found = next((each for each in known if each.payload is value), None)
            each = found if found is not None else self.objects.box(value, site.span)
            self.bind(frame, name, value, each)
            if each is not None:
                names.append(name)
                numbers.append(each.value)
        self._revise(frame, binds=tuple(names), bound=tuple(numbers), value=None if box is None else box.value)

    def _augmented(self, frame: Frame, site: Site, operands: Sequence[Seen | None], values: Sequence[Any]) -> None:
        own = [each for each in operands if each is not None]
        new = values[0]
        if not own:
            return
        operation = naming.operator(site.symbol, *[each.payload for each in own[:2]])
        if isinstance(new, list | dict):
            self.objects.synchronise(new, own[0], site.span, [one for each in own[1:] for one in _elements(each)])
            box = own[0]
        else:
            box = self.objects.add_performed(new, operation, own, site.span)
        if site.writes:
            owner = self.objects.box(values[1], site.span)
            record_write(self.recorded, self.objects, replace(site.writes[0], owner=1), [box, owner])
            return
        self.bind(frame, site.names[0], new, box)
        self._revise(frame, binds=site.names, bound=(box.value,))

    # Loops.

    def iterate(self, frame: Frame, number: int, iterable: Any, *given: object) -> Any:  # noqa: ANN401 - whatever the script computes
        """A loop begins."""
        if self._is_silent(frame):
            return iterable
        site = self.sites[number]
        box = self._operand(frame, site, given)
        frame.loops[site.loops] = Loop(iterable=iterable, box=box, span=site.span)
        return iterable

    def round(self, frame: Frame, number: int, values: tuple[Any, ...]) -> bool:
        """One round of a loop begins, and its variables have these values. Returns True: a comprehension tests it."""
        if self._is_silent(frame):
            return True
        site = self.sites[number]
        self._note_loops(frame)
        if site.loops < frame.shown_loops:
            self.shown()
            return True
        frame.clear()
        self._end(frame, replace(site, nesting=site.nesting + 1, loops=site.loops + 1))
        if len(frame.rounds) <= site.loops:
            frame.rounds.append(-1)
        loop = frame.loops.get(site.loops)
        if loop is None or not site.names:
            frame.rounds[site.loops] += 1
            return True
        loop.round += 1
        if frame is self._main:
            self.of_loops.update(site.names)
        frame.rounds[site.loops] = loop.round
        held = [] if loop.box is None else _elements(loop.box)
        hints = held[loop.round : loop.round + 1]
        hints += [each for hint in hints for each in _elements(hint)]
        for place, (name, value) in enumerate(zip(site.names, values, strict=True)):
            is_count = place == 0 and type(loop.iterable) is enumerate and type(value) is int
            count = self.objects.add(value, naming.NUMBER, (), loop.span) if is_count else None
            self.bind(frame, name, value, count or self._of_round(value, hints, loop))
        return True

    def _of_round(self, value: object, hints: Sequence[Seen], loop: Loop) -> Seen | None:
        source = loop.box
        found = next((each for each in hints if each.payload is value), None)
        if found is None:
            found = self.objects.find(value)
        if found is not None or not is_followed(value):
            return found
        if source is None:
            return self.objects.box(value, loop.span)
        if not isinstance(source.payload, torch.Tensor):
            return self.objects.add(value, naming.ITEM, [source], loop.span)
        if loop.rows is None:
            loop.rows = self.recorded.add((), naming.unpack(torch.Tensor), operands=[source], span=loop.span)
        row = self.objects.add(value, naming.element(loop.round), [loop.rows], loop.span)
        self.recorded.extend(loop.rows, row)
        return row

    def test(self, frame: Frame, number: int) -> None:
        """The test of a `while` is about to run; it belongs to the loop's own statement."""
        if self._is_silent(frame):
            return
        site = self.sites[number]
        frame.clear()
        self._end(frame, replace(site, nesting=site.nesting + 1, loops=site.loops + 1))

    def generate(
        self,
        frame: Frame,
        number: int,
        through: Any,  # noqa: ANN401 - whatever the script computes
        *given: object,
    ) -> tuple[tuple[Frame, Iterator[Any]]]:
        """A comprehension begins, in a frame of its own."""
        if self._is_silent(frame):
            return ((Frame(frame.function, frame, quiet=True), through),)
        site = self.sites[number]
        box = self._operand(frame, site, given)
        inner = Frame(frame.function, frame, quiet=False)
        inner.epoch = self._epoch
        inner.entered = sys.maxsize  # however many leaves it makes, its variables are no names for them
        inner.loops[0] = Loop(iterable=through, box=box, span=site.span)
        frame.inner = inner
        return ((inner, through),)

    # Grad modes.

    def context(self, frame: Frame, number: int, manager: Any, *given: object) -> Any:  # noqa: ANN401 - whatever the script computes
        """A context manager was made."""
        if self._is_silent(frame):
            return manager
        site = self.sites[number]
        self.operands(frame, site, given)
        if issubclass(type(manager), calls.GRAD_MODES):
            frame.pending.append(site.span)
        return manager

    def inside(self, frame: Frame, number: int, values: tuple[Any, ...]) -> None:
        """The body of a `with` begins."""
        if self._is_silent(frame):
            return
        site = self.sites[number]
        frame.clear()
        if frame.pending:
            frame.grad_mode_spans.append(frame.pending[-1])
            frame.contexts.append(site.nesting)
            frame.pending.clear()
        for name, value in zip(site.names, values, strict=True):
            self.bind(frame, name, value, self.objects.box(value, site.span))

    # Exceptions.

    def caught(self, frame: Frame, number: int) -> None:
        """The script has caught an exception."""
        del number
        error = sys.exception()
        if Until.ERROR not in self.stopping.until or not isinstance(error, Exception) or self._is_silent(frame):
            return
        found = self.refused(error)
        if found.is_of_torch:
            self.refusal = found
            self.stopping.caught(f"{found.exception}: {found.message}".partition("\n")[0])

    # Functions.

    def enter(self, number: int, values: tuple[Any, ...]) -> Frame:
        """A function of the script's begins, with these values of its parameters."""
        site = self.sites[number]
        frame = Frame(site.symbol, self.frame, quiet=self.quiet)
        frame.epoch = self._epoch
        if self.quiet:
            return frame
        self.entered += 1
        outer = self.frame
        span = site.span if outer is None else self._span_of(outer, site)
        if not torch.is_grad_enabled():
            frame.grad_mode_spans += [*site.decorators[:1], *_switching(outer)][:1]
        names: dict[str, Seen] = {}
        for name, value in zip(site.names, values, strict=True):
            box = self.objects.box(value, span)
            if box is not None:
                frame.names[name] = _known(value, box)
                names[name] = box
        frame.entered = self.recorded.enter(names, site.symbol)
        return frame

    def _span_of(self, outer: Frame, site: Site) -> Span:
        return self.recorded.steps[outer.steps[-1]].span if outer.steps else site.span

    def returns(self, frame: Frame, number: int, value: Any, *given: object) -> Any:  # noqa: ANN401 - whatever the script computes
        """A function returns a value, or a round of a comprehension gives one."""
        if self._is_silent(frame):
            return value
        box = self._operand(frame, self.sites[number], given)
        self.returned = (value, box)
        frame.returned.append(box)
        if len(frame.returned) > _MOST_RETURNED:
            del frame.returned[: _MOST_RETURNED // 2]
        self.recorded.leave({name: box for name, (_, box) in frame.names.items()}, frame.function, frame.entered)
        self.frame = frame.outer
        return value

    def leave_all(self) -> None:
        """The script has ended, maybe by an exception: the functions that ran then may have names for leaves."""
        frame = self.frame
        while frame is not None and frame is not self._main:
            self.recorded.names.leave({name: box for name, (_, box) in frame.names.items()}, frame.function)
            frame = frame.outer

    # Steps of optimizers.

    def before_step(self, optimizer: torch.optim.Optimizer) -> None:
        """An optimizer is about to take a step."""
        owner = self.objects.find(optimizer)
        self.recorded.note_steps([] if owner is None else [owner])
        if self.quiet:  # in a hook of a backward pass: the pass is one operation
            self.training.about_to_step(optimizer)
            return
        begin_step(self, optimizer)
        under_way = [each for each in self.frame or () if isinstance(each, Call)]
        self._stepping[id(optimizer)] = (self.frame, under_way[-1] if under_way else None)

    def after_step(self, optimizer: torch.optim.Optimizer) -> None:
        """An optimizer has taken a step."""
        frame, call = self._stepping.pop(id(optimizer), (None, None))
        if self.quiet or frame is None or self._is_silent(frame) or self.recorded.step is None:
            return
        span = self.recorded.steps[self.recorded.step].span if call is None else call.span
        step = end_step(self, optimizer, span)
        if call is not None:
            call.stepped = step


def _switching(outer: Frame | None) -> list[Span]:
    """The call of a function that was entered with grad mode off, where it was on before that: a library's."""
    calls = [each for each in outer or () if isinstance(each, Call)]
    return [call.span for call in calls[-1:] if call.grad_enabled]


def _known(thing: object, box: Seen) -> tuple[object, Seen]:
    """A variable's object, or ITSELF if it must not be held, and its value."""
    return ITSELF if is_weak(thing) else thing, box


def _elements(box: Seen) -> list[Seen]:
    return list(elements_of(box.payload))
