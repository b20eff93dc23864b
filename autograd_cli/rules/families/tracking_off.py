"""Rules of the family "cut": the program takes a value out of the graph, or records nothing."""

from __future__ import annotations

from collections.abc import Iterator

from autograd_cli.diagnostic import Diagnostic, Severity
from autograd_cli.rules.causes.lost import leaf_name, words
from autograd_cli.rules.cures import cuts
from autograd_cli.rules.evidence.evidence import Evidence
from autograd_cli.rules.evidence.graph import is_tracked
from autograd_cli.rules.evidence.symptoms import places
from autograd_cli.rules.families.cut_off import find_cut
from autograd_cli.rules.rule import Family, Lifted, Rule
from autograd_cli.trace import Phase
from autograd_cli.translation import marked


def _find_no_grad_view(evidence: Evidence) -> Iterator[Diagnostic]:
    refusal = evidence.trace.refusal
    if refusal is None or refusal.during is not Phase.FORWARD or not refusal.operands or not refusal.is_write:
        return
    value = evidence.trace.values[refusal.operands[0]]
    if value.tensor is not None and value.tensor.requires_grad and not is_tracked(evidence.trace, value.id):
        called = evidence.called(value.id)
        yield Diagnostic(
            rule="no-grad-view",
            severity=Severity.ERROR,
            message=f"{called} is a view that was taken under no_grad: it cannot be written to with grad mode on",
            span=value.span,
            label="taken here",
            related=places((refusal.span, "torch refuses the write here"), (value.grad_mode_span, "no_grad from here")),
            victim=leaf_name(evidence, value.id),
            observed=words(refusal),
            torch_says=words(refusal),
            fix="take the view outside no_grad, or do the write inside it, too",
            edits=cuts.grad_mode_on(evidence, value),
        )


RULES: tuple[Rule, ...] = (
    Rule(
        slug="cut-by-detach",
        family=Family.CUT,
        summary="`detach()` stands between the variable and what backward starts from.",
        why="`y.detach()` is a tensor with the numbers of y and without its history. What is computed from it is "
        "recorded from there on, so no gradient finds its way back to what y was computed from.",
        example="""
            w = torch.tensor([1., 2.], requires_grad=True)
            h = (3 * w).detach()
            (h ** 2).sum().backward()
        """,
        cure="Leave out detach() where you want the gradient; use `h.detach()` only for what is looked at or printed.",
        find=find_cut,
        advice="leave out detach()",
        short="cut by detach()",
        lifted=Lifted.CALL,
    ),
    Rule(
        slug="cut-by-no-grad",
        family=Family.CUT,
        summary="A value on the way to the result is computed under `torch.no_grad()`.",
        why="Inside the block torch computes but records nothing, whatever the operands are. The result does not "
        "require gradients, and nothing computed from it later leads back to them.",
        example="""
            w = torch.tensor([1., 2.], requires_grad=True)
            with torch.no_grad():
                h = w * 3
            (h ** 2).sum().backward()
        """,
        cure="Compute it outside the block; keep no_grad for evaluation and for updates of parameters.",
        find=find_cut,
        generality=4,
        advice="compute it outside no_grad",
        short="cut by no_grad",
        margin="no_grad",
        margin_since=marked("no_grad from line {n}"),
        lifted=Lifted.GRAD_MODE,
    ),
    Rule(
        slug="cut-by-grad-mode-off",
        family=Family.CUT,
        summary="Grad mode is off: `set_grad_enabled(False)` or inference mode is in force where the value is "
        "computed.",
        why="`torch.set_grad_enabled(False)` turns grad mode off until somebody turns it on again, in this function "
        "and in all others. Meanwhile torch records nothing.",
        example="""
            w = torch.tensor([1., 2.], requires_grad=True)
            torch.set_grad_enabled(False)
            loss = (w * 3).sum()
            loss.backward()
        """,
        cure="Use `with torch.no_grad():`, which ends by itself, or turn it on again: `torch.set_grad_enabled(True)`.",
        find=find_cut,
        generality=4,
        advice="turn grad mode on where it is computed",
        short="cut by inference_mode",
        margin="inference_mode",
        margin_since=marked("inference_mode from line {n}"),
        lifted=Lifted.GRAD_MODE,
    ),
    Rule(
        slug="cut-by-checkpoint",
        family=Family.CUT,
        summary="A checkpoint with `use_reentrant=True` is given no tensor that requires grad.",
        why="Such a checkpoint computes under no_grad. In the backward pass it computes once more, with grad mode on, "
        "but torch only comes back to it if one of its own inputs requires grad. That the parameters inside of it do "
        "says nothing to it: behind frozen layers none of them gets a gradient.",
        cure="Write `use_reentrant=False`, which has no such condition; or let the input require grad: "
        "`x.requires_grad_()`.",
        find=find_cut,
        generality=3,
        advice="write use_reentrant=False",
        short="cut by a checkpoint",
        lifted=Lifted.GRAD_MODE,
    ),
    Rule(
        slug="no-grad-view",
        family=Family.CUT,
        summary="A view that was taken under no_grad looks tracked, but leads nowhere.",
        why="A view (`x[0]`, `x.view(…)`, `x.T`) of a tracked tensor says requires_grad=True even under no_grad, but "
        "torch did not record how it was taken. It counts as a leaf, and the gradient ends there.",
        example="""
            w = torch.tensor([[1., 2.], [3., 4.]], requires_grad=True)
            with torch.no_grad():
                flat = w.view(4)
            (flat ** 2).sum().backward()
            print(w.grad)
        """,
        cure="Take the view outside no_grad.",
        find=_find_no_grad_view,
        generality=4,
        advice="take the view outside no_grad",
        short="a no_grad view",
        margin=marked("a view made without grad mode"),
        lifted=Lifted.GRAD_MODE,
    ),
    Rule(
        slug="cut-by-data",
        family=Family.CUT,
        summary="`.data` stands between the variable and what backward starts from.",
        why="`y.data` shares the memory of y, but torch does not track it. It is detach() without the version check: "
        "what is computed from it does not lead back to y.",
        example="""
            w = torch.tensor([1., 2.], requires_grad=True)
            h = (3 * w).data
            (h ** 2).sum().backward()
        """,
        cure="Leave out .data.",
        find=find_cut,
        generality=4,
        advice="leave out .data",
        short="cut by .data",
        margin=".data",
        lifted=Lifted.CALL,
    ),
    Rule(
        slug="cut-by-item",
        family=Family.CUT,
        summary="A tensor became a Python number on the way: `.item()`, `float()`, `.tolist()`, a function of `math`.",
        why="Python's numbers know nothing of torch. What is computed from them starts afresh, and a number has no "
        "backward().",
        example="""
            w = torch.tensor(2., requires_grad=True)
            loss = (w ** 2).item()
            loss.backward()
        """,
        cure="Keep the tensor in the computation, and call .item() only to print or store the number.",
        find=find_cut,
        advice="keep the tensor; call .item() only to print",
        short="became a number",
        margin=marked("{call}: a Python number"),
        lifted=Lifted.CALL,
    ),
    Rule(
        slug="cut-by-rewrap",
        family=Family.CUT,
        summary="The tensor was put into a new one: `torch.tensor(…)`, `nn.Parameter(…)`, `Variable(…)`.",
        why="These take the numbers and make a leaf of them, which has no history. `torch.stack` and `torch.cat` put "
        "tensors together and are recorded.",
        example="""
            a = torch.tensor(0.5, requires_grad=True)
            point = torch.tensor([torch.cos(a), torch.sin(a)])
            point.sum().backward()
        """,
        cure="Use the tensor itself, or `torch.stack([…])` to put several together.",
        find=find_cut,
        advice="use the tensor itself, or torch.stack([…]) to put several together",
        short="copied into a leaf",
        margin=marked("{call}: a copy"),
    ),
)
