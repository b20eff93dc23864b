"""The rule of a leaf that only an expression held: the variable is what was made of it, and nobody trains the leaf."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator

from autograd_cli.diagnostic import Diagnostic, Severity
from autograd_cli.rules.causes import accumulation
from autograd_cli.rules.causes.hidden_leaf import LEAF_LAST, leaf_last, made_inside
from autograd_cli.rules.causes.lost import given
from autograd_cli.rules.evidence.evidence import Evidence
from autograd_cli.rules.evidence.optimizers import steps_of
from autograd_cli.rules.evidence.symptoms import places
from autograd_cli.rules.rule import Family, Rule
from autograd_cli.trace import Value


def _find_hidden_leaf(evidence: Evidence) -> Iterator[Diagnostic]:
    steps = steps_of(evidence)
    if not steps or evidence.trace.refusal is not None:
        return
    trained = {evidence.origin(each) for step in steps for each in step.operands}
    held = {variable.leaf for variable in evidence.trace.variables if variable.is_held}
    ends = [{passage.nodes[end].leaf for end in passage.ends} for passage in evidence.passages]
    reached = Counter(leaf for each in ends for leaf in each)
    for leaf in sorted(given(evidence) - held):
        first = evidence.origin(leaf)
        is_of_one_round = reached[leaf] == 1 < len(ends)  # data, and not to learn
        is_used = evidence.names(leaf) or first in trained or accumulation.updates_of(evidence, leaf)
        made = None if is_of_one_round or is_used else made_inside(evidence, leaf)
        if made is None:
            continue
        name = _name(evidence, made)
        yield Diagnostic(
            rule="hidden-leaf",
            severity=Severity.WARNING,
            message=f"{name} never learns: it is the result of `{evidence.piece(made.span)}`, and not the leaf",
            span=made.span,
            label="the leaf is inside, and no name and no optimizer has it",
            related=places((steps[-1].span, "changes other parameters"), but=made.span),
            victim=name,
            observed=f"{name} never changes",
            fix=LEAF_LAST,
            edits=leaf_last(evidence, made),
        )
        return


def _name(evidence: Evidence, made: Value) -> str:
    """What the program calls the result: its name, or for an attribute that of its module, by another of its layers."""
    names = evidence.names(made.id)
    match evidence.text.statement_around(made.span):
        case ast.Assign(targets=[ast.Attribute(value=ast.Name(id="self"), attr=attribute)]) as statement if not names:
            others = [each for each in evidence.text.block_of(statement) if each is not statement]
            siblings = [target.attr for each in others for target in _attributes(each)]
            for variable in evidence.trace.variables:
                for sibling in siblings:
                    owner, found, _ = f"{variable.name}.".partition(f".{sibling}.")
                    if found:
                        return f"{owner}.{attribute}"
            return f"self.{attribute}"
    return names[0] if names else evidence.called(made.id)


def _attributes(statement: ast.stmt) -> list[ast.Attribute]:
    targets = statement.targets if isinstance(statement, ast.Assign) else []
    return [each for each in targets if isinstance(each, ast.Attribute)]


RULES: tuple[Rule, ...] = (
    Rule(
        slug="hidden-leaf",
        family=Family.LEAF,
        summary="A leaf was made inside of an expression: its gradient arrives there, where no optimizer finds it.",
        why="A cast, a copy to another device or a product of a leaf is a result and not a leaf. A module does not "
        "register it as a parameter, and parameters() does not list it. The leaf gets the gradients, but nothing has "
        "it.",
        cure="Make the leaf last, of the finished numbers: `nn.Parameter(w.double())`, and not "
        "`nn.Parameter(w).double()`.",
        find=_find_hidden_leaf,
        needs_walks=True,
        generality=1,
    ),
)
