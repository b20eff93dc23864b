"""What can be told of a run though no rule knows the cause: torch's refusal, a gradient that is no number."""

from __future__ import annotations

from autograd_cli.rules.causes.refused import find_symptoms
from autograd_cli.rules.rule import Family, Rule

RULES: tuple[Rule, ...] = (
    Rule(
        slug="torch-refused",
        family=Family.SYMPTOM,
        summary="The program stopped at an error of torch's or its own, and no rule knows more of it than the error "
        "says.",
        why="torch checks shapes, dtypes and devices when it computes, and its graph when it goes back through it. "
        "What it says is shown in its own words, and beside the operation what it was given.",
        example="""
            x = torch.ones(2, 3, requires_grad=True)
            w = torch.ones(2, 3, requires_grad=True)
            (x @ w).sum().backward()
        """,
        cure="Compare the shapes and dtypes beside the operation with what it takes; agx ops NAME tells of one.",
        find=find_symptoms,
    ),
    Rule(
        slug="nan-gradient",
        family=Family.SYMPTOM,
        summary="A gradient is NaN, and no backward pass made it so: the program wrote the NaN into `.grad`.",
        why="backward() adds to the `.grad` that is there, and what follows it may change that once more: dividing it "
        "by 0 makes it NaN, even if every pass was sound. For a NaN that a pass made, agx names the operation.",
        example="""
            w = torch.tensor([1., 2.], requires_grad=True)
            (0 * w).sum().backward()
            w.grad /= w.grad.norm()
            print(w.grad)
        """,
        cure="Look at what writes to `.grad`, and keep what it divides by above 0: w.grad /= w.grad.norm() + 1e-12.",
        find=find_symptoms,
    ),
    Rule(
        slug="infinite-gradient",
        family=Family.SYMPTOM,
        summary="A gradient is infinite, and no backward pass made it so: the program wrote the infinity into `.grad`.",
        why="backward() adds to the `.grad` that is there, and what follows it may change that once more: to divide "
        "it by 0, or to scale it beyond what its dtype can hold, makes it infinite. An infinity that a pass made "
        "is told with its operation.",
        example="""
            w = torch.tensor([1., 2.], requires_grad=True)
            (3 * w).sum().backward()
            seen = 0
            w.grad /= seen
            print(w.grad)
        """,
        cure="Look at what writes to `.grad`, and divide by what cannot be 0: w.grad /= max(seen, 1).",
        find=find_symptoms,
    ),
    Rule(
        slug="not-watched",
        family=Family.SYMPTOM,
        summary="The program took so long that there is no time to run it again and to watch its backward passes.",
        why="What a pass hands from operation to operation is read from another run, which takes longer than the "
        "first one. Without it the page has no numbers of the backward pass, and the rules that need them are "
        "silent.",
        cure="Allow more time (--timeout SECONDS), or make the program shorter: fewer rounds, smaller tensors.",
    ),
)
