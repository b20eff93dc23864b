"""The lessons of `agx explain --no-grad` and its sisters: one row each, a short program and what to say of it.

A lesson is read from top to bottom: the text of each part, then its lines of code. The program is all of the code. Code
in a text stands in backticks. What a text says of the run is a placeholder, which `render.lesson_text` fills in:

    {x}               the numbers of the tensor x, at the end of the run
    {x.version}       a fact of it: requires_grad, is_leaf, grad_fn, dtype, version, retains_grad, is_inference
    {x@line 2}        either of these, right after line 2 had run: {x.version@line 2}
    {x.grad}          the gradient that x has at the end
    {x.grad@1}        the gradient of the leaf x after the first backward pass; before it where the number is 0
    {x.added@2}       what the second backward pass added to it
    {refusal}         what torch said when it refused, without its hint and its full stop
"""

from __future__ import annotations

from dataclasses import dataclass

from autograd_cli.translation import marked


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A few sentences and the lines of code that follow them; after the last sentences there are none."""

    text: str
    code: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """One idea of autograd. `now_try` is a command to go on with, and `exit_code` what it ends with."""

    name: str
    title: str
    parts: tuple[Part, ...]
    now_try: str
    exit_code: int = 0

    @property
    def program(self) -> str:
        """The code of all parts."""
        return "\n".join(part.code for part in self.parts if part.code)

    @property
    def next(self) -> str | None:
        """The name of the following lesson; the last one has none."""
        names = [*LESSONS, None]
        return names[names.index(self.name) + 1]


LESSONS = {
    lesson.name: lesson
    for lesson in (
        Lesson(
            name="requires-grad",
            title=marked("requires_grad: what torch records"),
            parts=(
                Part(
                    text=marked(
                        "torch records an operation only if at least one of the tensors that go into it requires "
                        "gradients. A new tensor does not:"
                    ),
                    code="a = torch.tensor([1., 2.])\nb = a * 3",
                ),
                Part(
                    text=marked(
                        "`b` is {b}, and nothing was recorded: `b.requires_grad` is {b.requires_grad} and `b.grad_fn` "
                        "is {b.grad_fn}. In this list, “not tracked” means that nothing that went into it requires "
                        "gradients. The flag `requires_grad=True` asks torch to record:"
                    ),
                    code="x = torch.tensor([1., 2.], requires_grad=True)\ny = x * 3",
                ),
                Part(
                    text=marked(
                        "`y` holds the same numbers, {y}, and now torch knows how they were made: `y.grad_fn` is "
                        "{y.grad_fn}. `y.requires_grad` is {y.requires_grad} because `x.requires_grad` is "
                        "{x.requires_grad}. A tensor that exists already can be given the flag, too:"
                    ),
                    code="a.requires_grad_()\nc = a * 3",
                ),
                Part(
                    text=marked(
                        "`a.requires_grad` was {a.requires_grad@line 1} and is now {a.requires_grad}. What is computed "
                        "from `a` from here on is recorded: `c.grad_fn` is {c.grad_fn}. What was computed from it "
                        "before is not: `b.grad_fn` is still {b.grad_fn}. Integer tensors cannot have the flag: there "
                        "are no small steps between whole numbers, and so no derivatives:"
                    ),
                    code="n = torch.tensor([1, 2])\nn.requires_grad_()",
                ),
                Part(
                    text=marked(
                        "The dtype of `n` is {n.dtype}, and torch refuses: “{refusal}”. Write `[1., 2.]` with decimal "
                        "points, or `n.float()`."
                    )
                ),
            ),
            now_try='agx grad "x * n" --x 1,2 --n 3,4:int64',
        ),
        Lesson(
            name="leaf",
            title=marked("Leaf tensors: where gradients arrive"),
            parts=(
                Part(
                    text=marked(
                        "A tensor that you make yourself is a leaf: the graph begins there. A tensor that torch "
                        "computed and recorded is not a leaf; it has a `grad_fn` that leads back to the leaves. "
                        "`backward()` follows it and puts the gradients into the `.grad` of the leaves that require "
                        "them:"
                    ),
                    code="x = torch.tensor([1., 2.], requires_grad=True)\ny = x * 3\ny.sum().backward()",
                ),
                Part(
                    text=marked(
                        "`x.is_leaf` is {x.is_leaf@line 1}, and `x.grad` became {x.grad@1}. `y.is_leaf` is "
                        "{y.is_leaf}, and `y.grad` is {y.grad}: the gradient of `y` was computed on the way to `x` and "
                        "then discarded, to save memory. Now a step of gradient descent, as one would write it for "
                        "plain numbers, and a second pass. So that the leaf can still be found, `leaf` is a second "
                        "name for it:"
                    ),
                    code="leaf = x\nx = x - 0.1 * x.grad\n(x * 3).sum().backward()",
                ),
                Part(
                    text=marked(
                        "The pass ran, and yet `x.grad` is {x.grad}. The assignment did not change the leaf. It gave "
                        "the name `x` to a new tensor, {x}, which torch computed: `x.is_leaf` is {x.is_leaf} and "
                        "`x.grad_fn` is {x.grad_fn}. The gradient went to the old leaf: `leaf.grad` is {leaf.grad}. "
                        "Without its second name it could not be found any more. To change a leaf and keep it a leaf, "
                        "write into it where nothing is recorded, as optimizers do: `with torch.no_grad(): x -= 0.1 * "
                        "x.grad`."
                    )
                ),
            ),
            now_try='agx grad "y = 3 * x; y.sum()" --x 1,2',
        ),
        Lesson(
            name="backward",
            title=marked("backward(): from a result to the gradients"),
            parts=(
                Part(
                    text=marked(
                        "Called on a scalar, `backward()` computes how fast the scalar changes with each element of "
                        "each leaf:"
                    ),
                    code="x = torch.tensor([1., 2., 3.], requires_grad=True)\ny = (x * x).sum()\ny.backward()",
                ),
                Part(
                    text=marked(
                        "`y` is {y}. The derivative of `x * x` is `2 * x`, so `x.grad` is {x.grad@1}. A result with "
                        "several elements has no single rate of change: each element has its own. To combine them, "
                        "`backward` takes a tensor of weights, of the same shape as the result:"
                    ),
                    code="x.grad = None\nz = x * x\nv = torch.tensor([1., 0.1, 0.01])\nz.backward(v)",
                ),
                Part(
                    text=marked(
                        "Now `x.grad` is {x.grad@2}. The derivatives of `z` with respect to `x` form a matrix, the "
                        "Jacobian J, with a row for each element of `z` and a column for each element of `x`. "
                        "`backward(v)` gives the vector-Jacobian product v·J: each row times its weight, and the rows "
                        "added up. torch never builds J; it computes the gradient of the scalar `(v * z).sum()`. Here "
                        "`z[i]` depends on `x[i]` alone, so each weight scales one number: {v} times {x.grad@1}. The J "
                        "of a scalar is a single row, which needs no weight. `z.backward()`, without weights, is an "
                        "error; `z.sum().backward()` gives all rows the same weight."
                    )
                ),
            ),
            now_try='agx grad "(2*x).view(2,2)" --x 1,2,3,4 --gradient "1,0.1;0.01,0.001"',
        ),
        Lesson(
            name="accumulate",
            title=marked("Accumulation: .grad adds up"),
            parts=(
                Part(
                    text=marked("`backward()` adds to `.grad`. The first pass has nothing to add to:"),
                    code="x = torch.tensor([1., 2.], requires_grad=True)\n(x ** 2).sum().backward()",
                ),
                Part(
                    text=marked(
                        "`x.grad` was {x.grad@0} before the pass, and {x.grad@1} after it. A second pass, from another "
                        "result:"
                    ),
                    code="(3 * x).sum().backward()",
                ),
                Part(
                    text=marked(
                        "Before: {x.grad@1}. Added: {x.added@2}. After: {x.grad@2}. The sum is the gradient of both "
                        "results together, which is useful when a batch is too large for one pass. In a training loop "
                        "it is a bug: the gradients of earlier steps would be counted again. So clear `.grad` before "
                        "each step:"
                    ),
                    code="x.grad = None\n(3 * x).sum().backward()",
                ),
                Part(
                    text=marked(
                        "`x.grad` is {x.grad@3}: the last pass alone. `optimizer.zero_grad()` does this for all "
                        "parameters of an optimizer."
                    )
                ),
            ),
            now_try='agx grad "(x**2).sum().backward(); x.grad.zero_(); (3*x).sum().backward()" --x 1,2',
        ),
        Lesson(
            name="retain-grad",
            title=marked("retain_grad(): keep the gradient of a result"),
            parts=(
                Part(
                    text=marked(
                        "On its way to the leaves, `backward()` computes the gradient of every tensor that it passes, "
                        "and keeps only those of the leaves. `retain_grad()`, called before the pass, makes it keep "
                        "one more:"
                    ),
                    code=(
                        "x = torch.tensor([1., 2.], requires_grad=True)\n"
                        "y = x * 3\n"
                        "y.retain_grad()\n"
                        "z = y ** 2\n"
                        "z.sum().backward()"
                    ),
                ),
                Part(
                    text=marked(
                        "`y.is_leaf` is {y.is_leaf}, but `y.retains_grad` is {y.retains_grad}, so `y.grad` was kept: "
                        "{y.grad}. It is `2 * y`, the derivative of `y ** 2`, where `y` is {y}. `z.retains_grad` is "
                        "{z.retains_grad}, and `z.grad` is {z.grad}. `x.grad` is {x.grad}: by the chain rule, `y.grad` "
                        "times the derivative of `x * 3`."
                    )
                ),
            ),
            now_try='agx grad "y = x.sin(); y.retain_grad(); (y*y).sum().backward(); print(y.grad)" --x 1,2',
        ),
        Lesson(
            name="in-place",
            title=marked("In-place changes: the version counter"),
            parts=(
                Part(
                    text=marked(
                        "Every tensor has a version counter, which counts the in-place changes made to it. When an "
                        "operation saves a tensor for the backward pass, torch notes its version. The derivative of "
                        "`exp` is `exp` itself, so `exp` saves its result:"
                    ),
                    code="x = torch.tensor([1., 2.], requires_grad=True)\ny = x.exp()",
                ),
                Part(
                    text=marked(
                        "`y` is {y@line 2}, and its version is {y.version@line 2}. Now it is overwritten: the "
                        "underscore at the end of a method's name means “in place”:"
                    ),
                    code="y.add_(1)",
                ),
                Part(
                    text=marked(
                        "`y` is {y}, and its version is {y.version}. The numbers that the derivative needs are gone:"
                    ),
                    code="y.sum().backward()",
                ),
                Part(
                    text=marked(
                        "torch refuses, because the gradient would be wrong: “{refusal}”. Write `y = y + 1`, which "
                        "makes a new tensor and leaves the saved one alone. An in-place change is an error only if the "
                        "backward pass still needs the old numbers. An addition, for example, saves nothing, so its "
                        "result may be changed."
                    )
                ),
            ),
            now_try='agx grad "y = x + 1; y.mul_(3); y.sum()" --x 1,2',
        ),
        Lesson(
            name="detach",
            title=marked("detach(): the same numbers, without the graph"),
            parts=(
                Part(
                    text=marked(
                        "`x.detach()` gives a tensor with the same numbers as `x`, but torch does not track it:"
                    ),
                    code="x = torch.tensor([1., 2.], requires_grad=True)\nd = x.detach()",
                ),
                Part(
                    text=marked(
                        "`d` is {d@line 2}, and `d.requires_grad` is {d.requires_grad}. `d.is_leaf` is {d.is_leaf}: to "
                        "torch, `d` is not the result of any operation. In this list, “not recorded” means that "
                        "something that went into it requires gradients, but torch was told not to record. In a "
                        "product of the two, torch tracks only one side:"
                    ),
                    code="(x * d).sum().backward()",
                ),
                Part(
                    text=marked(
                        "`x.grad` is {x.grad@1}, the numbers of `d`. You computed the square of `x`; torch recorded "
                        "`x` times a constant. With nothing detached:"
                    ),
                    code="x.grad = None\n(x * x).sum().backward()",
                ),
                Part(
                    text=marked(
                        "`x.grad` is {x.grad@2}. Detach only what is meant to be a constant, such as the target of a "
                        "loss; anywhere else it makes gradients wrong without an error. By the way, nothing was copied:"
                    ),
                    code="d.mul_(10)",
                ),
                Part(
                    text=marked(
                        "Writing into `d` changed `x`, which is now {x}: they share memory. They share the version "
                        "counter, too: the version of `x` is now {x.version}. So torch would refuse a backward pass "
                        "that needs the old numbers. For a copy, write `x.detach().clone()`."
                    )
                ),
            ),
            now_try='agx grad "(x * x.detach()).sum()" --x 1,2',
        ),
        Lesson(
            name="no-grad",
            title=marked("no_grad: a block that torch does not record"),
            parts=(
                Part(
                    text=marked("In a block under `torch.no_grad()`, torch computes as usual, but does not record:"),
                    code=(
                        "x = torch.tensor(3., requires_grad=True)\ny = x ** 2\nwith torch.no_grad():\n    z = x ** 3"
                    ),
                ),
                Part(
                    text=marked(
                        "`z` is {z}, the right number, but `z.requires_grad` is {z.requires_grad} and `z.grad_fn` is "
                        "{z.grad_fn}. Nothing has happened to `x`: `x.requires_grad` is still {x.requires_grad}. After "
                        "the block, torch records again:"
                    ),
                    code="(y + z).backward()",
                ),
                Part(
                    text=marked(
                        "You computed `x ** 2 + x ** 3`. torch recorded `x ** 2` plus a constant, so `x.grad` is "
                        "{x.grad@1}. With everything recorded:"
                    ),
                    code="x.grad = None\n(x ** 2 + x ** 3).backward()",
                ),
                Part(
                    text=marked(
                        "`x.grad` is {x.grad@2}. Use `no_grad` where you want no gradient: to evaluate a model, where "
                        "it saves the memory of the graph, and to write into leaves. Whatever the gradient should "
                        "include must be computed outside it."
                    )
                ),
            ),
            now_try='agx grad "x**2 + no_grad(x**3)" --x 3',
        ),
        Lesson(
            name="inference-mode",
            title=marked("inference_mode: no_grad, with no way back"),
            parts=(
                Part(
                    text=marked(
                        "Under `torch.inference_mode()`, torch records nothing, as under `no_grad`, and also leaves "
                        "out what it would need to use the results in a graph later:"
                    ),
                    code=(
                        "x = torch.tensor([1., 2.], requires_grad=True)\nwith torch.inference_mode():\n    y = x * 3"
                    ),
                ),
                Part(
                    text=marked(
                        "`y` is {y}, and `y.requires_grad` is {y.requires_grad}. `y.is_inference()` is "
                        "{y.is_inference}: it is an inference tensor. It has no version counter (its version is "
                        "{y.version}), so torch could not notice an in-place change. It can still be used in "
                        "operations that do not save it:"
                    ),
                    code="s = x + y",
                ),
                Part(
                    text=marked(
                        "`s.grad_fn` is {s.grad_fn}. The product `x * y` would have to save `y`, its derivative with "
                        "respect to `x`:"
                    ),
                    code="p = x * y",
                ),
                Part(
                    text=marked(
                        "torch refuses: “{refusal}”. Outside the block, `y.clone()` makes an ordinary tensor. "
                        "Inference mode is for running a finished model; if a result may be used in training, use "
                        "`no_grad`."
                    )
                ),
            ),
            now_try='agx grad "x**2" --x 1,2 --inference-mode',
            exit_code=1,
        ),
        Lesson(
            name="data",
            title=marked(".data: a change behind autograd's back"),
            parts=(
                Part(
                    text=marked(
                        "`x ** 2` saves `x`, because its derivative is `2 * x`. First, the gradient as it should be:"
                    ),
                    code=(
                        "x = torch.tensor([1., 2.], requires_grad=True)\n"
                        "y = (x ** 2).sum()\n"
                        "right = torch.autograd.grad(y, x, retain_graph=True)[0]"
                    ),
                ),
                Part(
                    text=marked(
                        "`right` is {right}. Now write into `x` through `.data`, before the backward pass from the "
                        "same `y`:"
                    ),
                    code="x.data *= 10\ny.backward()",
                ),
                Part(
                    text=marked(
                        "There is no error, and `x.grad` is {x.grad}. It should be {right}: `y` was computed from the "
                        "old numbers, but `x` now holds {x}, and that is what the backward pass used. `x.data` shares "
                        "the memory of `x`, but not its version counter: the version of `x` is still {x.version}, so "
                        "torch could not see the change. New code has no need for `.data`. `x.detach()` shares the "
                        "version counter, too, so torch refuses instead of computing a wrong gradient; to write into a "
                        "leaf, use `no_grad`."
                    )
                ),
            ),
            now_try='agx grad "y = x ** 2; x.detach().mul_(10); y.sum()" --x 1,2',
            exit_code=1,
        ),
    )
}
