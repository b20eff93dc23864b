"""Why torch does not track a value, in few words: for the margin of a listing and the edges of a picture."""

from __future__ import annotations

from autograd_cli.translation import marked, translate

# What stands in {call} is code: `.item()`, `torch.tensor()`, `>`.
_REASONS = {
    "cut-by-detach": "{call}",
    "cut-by-data": ".data",
    "cut-by-no-grad": "no_grad",
    "cut-by-grad-mode-off": "inference_mode",
    "cut-by-item": marked("{call}: a Python number"),
    "cut-by-rewrap": marked("{call}: a copy"),
    "cut-by-int-cast": marked("integer dtype"),
    "cut-by-index-op": marked("{call}: integers"),
    "cut-by-nondiff-op": marked("{call}: no derivative"),
    "cut-by-comparison": marked("{call}: true or false"),
    "cut-by-factory": marked("{call}: a new tensor"),
    "cut-by-sampling": marked("{call}: drawn at random"),
    "missing-create-graph": marked("without create_graph=True"),
    "no-grad-view": marked("a view made without grad mode"),
    "requires-grad-missing": marked("requires_grad switched off"),
}
_REASONS_WITH_LINE = {
    "cut-by-no-grad": marked("no_grad from line {n}"),
    "cut-by-grad-mode-off": marked("inference_mode from line {n}"),
}


def short_reason(rule: str, line: str | None, op: str, language: str) -> str:
    """The reason of a cut: its rule, the line that switched tracking off, and the operation that made the value."""
    alone = _REASONS.get(rule, "{call}")
    reason = alone if line is None else _REASONS_WITH_LINE.get(rule, alone)
    return translate(reason, language).format(call=_call(op), n=line)


def _call(op: str) -> str:
    return f"{op}()" if op.rpartition(".")[2].isidentifier() else op
