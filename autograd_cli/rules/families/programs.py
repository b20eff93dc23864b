"""What agx says of a program that it does not run: a program is checked before anything of it is computed."""

from __future__ import annotations

from autograd_cli.rules.rule import Family, Rule

_SAFE = "agx runs programs of strangers: it knows what each piece does before it runs, and refuses what it does not. "

RULES: tuple[Rule, ...] = (
    Rule(
        slug="syntax",
        family=Family.PROGRAM,
        summary="The program, or a value of an input, is not Python as it stands.",
        why="A program is a part of Python's grammar, and Python's own parser reads it. The caret stands where it "
        "could not go on, which may be a little behind the fault.",
        example="""
            x = torch.tensor([1., 2.]
            x.sum()
        """,
        cure="Look at the caret, and before it for a bracket or a quotation mark that is never closed.",
    ),
    Rule(
        slug="empty-program",
        family=Family.PROGRAM,
        summary="There is nothing in the program but blank lines and comments.",
        why="A program has at least one statement; its last line, when it is an expression, is the result.",
        example="# y = x ** 2",
        cure='Write an expression: agx "x ** 2" --x 3.',
    ),
    Rule(
        slug="unsupported-syntax",
        family=Family.PROGRAM,
        summary="A part of Python's grammar that agx does not have, such as `class`, `match` or `yield`.",
        why=f"{_SAFE}What tensors are computed with is there: loops, conditions, functions, comprehensions.",
        example="""
            class Model(nn.Module):
                def forward(self, x):
                    return x ** 2
        """,
        cure="The message has another way to write it. A model is a nn.Sequential, or plain functions and variables.",
    ),
    Rule(
        slug="unsupported-import",
        family=Family.PROGRAM,
        summary="An import of something other than torch, its parts and `math`.",
        why=f"{_SAFE}What torch and `math` have is known, whether they are imported or not.",
        example="""
            import numpy as np
            x = torch.tensor(np.pi)
            x
        """,
        cure="Use what torch has, and give data as inputs: --x data.npy.",
    ),
    Rule(
        slug="unknown-name",
        family=Family.PROGRAM,
        summary="A name that does not exist: of a function, a variable, a rule, a lesson.",
        why="Names are looked up before the program runs. A similar name is suggested, where there is one.",
        example="torch.sigmiod(torch.ones(2))",
        cure="Correct the name; agx ops WORD looks for a function, and --NAME gives an input its value.",
    ),
    Rule(
        slug="refused-name",
        family=Family.PROGRAM,
        summary="A function or a name that exists, and that agx does not let a program use.",
        why=f"{_SAFE}Files, threads, other processes, compiled code and global settings of torch are not for programs. "
        "Some names have a meaning to agx itself.",
        example='torch.save(torch.ones(2), "x.pt")',
        cure="Do what the message says; agx ops NAME tells why a function is refused. Files are given as inputs.",
    ),
    Rule(
        slug="unknown-attribute",
        family=Family.PROGRAM,
        summary="An attribute or a method that nothing in the language has.",
        why="What may stand behind a dot is known beforehand: what tensors, modules, numbers, lists and texts have.",
        example="torch.ones(2).gard",
        cure="Correct the name: one that is like it is offered, where there is one.",
    ),
    Rule(
        slug="unknown-keyword",
        family=Family.PROGRAM,
        summary="A keyword that the function has no argument for.",
        why="The arguments of torch's functions are known beforehand, so that a misspelt one is found where it stands.",
        example="torch.ones(2, 3).sum(dims=1)",
        cure="agx ops NAME shows the arguments of a function.",
    ),
    Rule(
        slug="not-a-function",
        family=Family.PROGRAM,
        summary="Something was called that is no function: a number, a constant, a module of torch.",
        why="In mathematics `2(x + 1)` is a product; in Python it is the call of a function.",
        example="2(torch.ones(2) + 1)",
        cure="Write a product with *: 2*(x + 1).",
    ),
    Rule(
        slug="missing-value",
        family=Family.PROGRAM,
        summary="A variable or an option has no value.",
        why="A name that the program reads before it gives it a value is an input, and every input needs a value.",
        example="(x ** 2).sum()",
        cure="Give it one, --x 1,2,3, or let the program compute it first.",
    ),
    Rule(
        slug="no-result",
        family=Family.PROGRAM,
        summary="A gradient was asked for, but the last line of the program has no value.",
        why="The result is the value of the last line, when that is an expression. Where the program calls backward() "
        "itself it needs none.",
        cure="Write the loss alone on the last line, or call backward() on it.",
    ),
)
