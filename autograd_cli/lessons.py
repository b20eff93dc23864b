"""The lessons of `agx explain --no-grad` and its sisters: one row each, a short program and what to say of it.

A lesson is read from top to bottom: the text of each part, then its lines of code. The program is all of the code. Code
in a text stands in backticks. What a text says of the run is a placeholder, which `render.lesson_text` fills in:

    {x}               the numbers of the tensor x, at the end of the run
    {x.version}       a fact of it: requires_grad, is_leaf, grad_fn, dtype, version, retains_grad, is_inference
    {x@line 2}        either of them, when line 2 had run: {x.version@line 2}
    {x.grad}          the gradient that x has at the end
    {x.grad@1}        the gradient of the leaf x after the first backward pass; before it where the number is 0
    {x.added@2}       what the second backward pass added to it
    {refusal}         what torch said when it refused, without its hint and its full stop
"""

from __future__ import annotations

from dataclasses import dataclass

from autograd_cli.language import marked


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
                        "torch records an operation only if one of the tensors that go into it requires gradients. "
                        "A new tensor does not:"
                    ),
                    code="a = torch.tensor([1., 2.])\nb = a * 3",
                ),
                Part(
                    text=marked(
                        "`b` is {b}, and nothing was recorded: `b.requires_grad` is {b.requires_grad} and `b.grad_fn` "
                        "is {b.grad_fn}. The flag `requires_grad=True` asks torch to record:"
                    ),
                    code="x = torch.tensor([1., 2.], requires_grad=True)\ny = x * 3",
                ),
                Part(
                    text=marked(
                        "`y` holds the same numbers, {y}, and now torch knows how they were made: `y.grad_fn` is "
                        "{y.grad_fn}. `y.requires_grad` is {y.requires_grad} because `x.requires_grad` is. A tensor "
                        "that exists already can be given the flag, too:"
                    ),
                    code="a.requires_grad_()\nc = a * 3",
                ),
                Part(
                    text=marked(
                        "`a.requires_grad` was {a.requires_grad@line 1} and is now {a.requires_grad}. What is made of "
                        "`a` from here on is recorded: `c.grad_fn` is {c.grad_fn}. What was made of it before is not: "
                        "`b.grad_fn` is still {b.grad_fn}. Whole numbers cannot have the flag, because there are no "
                        "small steps between them and so no derivatives:"
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
                        "{y.is_leaf}, and `y.grad` is {y.grad}: the gradient of `y` was computed on the way to `x` "
                        "and then let go, to save memory. Now a step of gradient descent, as one would write it for "
                        "plain numbers, and a second pass:"
                    ),
                    code="x = x - 0.1 * x.grad\n(x * 3).sum().backward()",
                ),
                Part(
                    text=marked(
                        "The pass ran, and `x.grad` is {x.grad}. The assignment did not change the leaf. It gave the "
                        "name `x` to a new tensor, {x}, which torch computed: `x.is_leaf` is {x.is_leaf} and "
                        "`x.grad_fn` is {x.grad_fn}. The gradient went to the old leaf, which has no name any more. To "
                        "change a leaf and keep it a leaf, write into it where nothing is recorded, as optimizers do: "
                        "`with torch.no_grad(): x -= 0.1 * x.grad`."
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
                        "`backward()` on a scalar tells how fast the scalar changes with every element of every leaf:"
                    ),
                    code="x = torch.tensor([1., 2., 3.], requires_grad=True)\ny = (x * x).sum()\ny.backward()",
                ),
                Part(
                    text=marked(
                        "`y` is {y}. The derivative of `x * x` is `2 * x`, and so `x.grad` is {x.grad@1}. A result "
                        "with many elements does not have one rate of change but one for each of them. For those "
                        "`backward` takes a weight tensor of the shape of the result:"
                    ),
                    code="x.grad = None\nz = x * x\nv = torch.tensor([1., 0.1, 0.01])\nz.backward(v)",
                ),
                Part(
                    text=marked(
                        "Now `x.grad` is {x.grad@2}. The derivatives of `z` with respect to `x` form a matrix, the "
                        "Jacobian J, with a row for each element of `z` and a column for each element of `x`. "
                        "`backward(v)` gives the product v·J: each row times its weight, and the rows added up. torch "
                        "never builds J; it computes the gradient of the scalar `(v * z).sum()`. Here `z[i]` depends "
                        "on `x[i]` alone, so that each weight scales one number: {v} times {x.grad@1}. The J of a "
                        "scalar is a single row, which needs no weight. `z.backward()`, without weights, is refused; "
                        "`z.sum().backward()` weighs all rows alike."
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
                        "results together, which is of use when a batch is too large for one pass. In a training loop "
                        "it is a bug: the gradients of earlier steps would count again. So empty `.grad` before each "
                        "step:"
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
                        "and keeps only those of the leaves. `retain_grad()`, called before the pass, has one more "
                        "kept:"
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
                        "`y.is_leaf` is {y.is_leaf}, but `y.retains_grad` is {y.retains_grad}, and so `y.grad` is "
                        "there: {y.grad}. It is `2 * y`, the derivative of `y ** 2`, for a `y` of {y}. "
                        "`z.retains_grad` is {z.retains_grad}, and `z.grad` is {z.grad}. `x.grad` is {x.grad}: by the "
                        "chain rule, `y.grad` times the derivative of `x * 3`."
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
                        "A tensor has a version, which counts the changes made to it in place. When an operation "
                        "saves a tensor for the backward pass, torch notes the version. The derivative of `exp` is "
                        "`exp` itself, so `exp` saves its result:"
                    ),
                    code="x = torch.tensor([1., 2.], requires_grad=True)\ny = x.exp()",
                ),
                Part(
                    text=marked(
                        "`y` is {y@line 2}, and its version is {y.version@line 2}. Now it is overwritten; the "
                        "underscore at the end of a method's name says so:"
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
                        "torch refuses, for the gradient would be wrong: “{refusal}”. Write `y = y + 1`, which makes "
                        "a new tensor and leaves the saved one alone. An in-place change is refused only where the old "
                        "numbers are needed. An addition, for one, saves nothing, and its result may be changed."
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
                    text=marked("`x.detach()` gives a tensor with the numbers of `x` that torch does not track:"),
                    code="x = torch.tensor([1., 2.], requires_grad=True)\nd = x.detach()",
                ),
                Part(
                    text=marked(
                        "`d` is {d@line 2}, and `d.requires_grad` is {d.requires_grad}. `d.is_leaf` is {d.is_leaf}: "
                        "for torch, `d` comes from nowhere. The product of both is recorded on one side only:"
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
                        "`x.grad` is {x.grad@2}. Detach what is meant to be a constant, such as the target of a loss; "
                        "anywhere else it makes gradients wrong without an error. Nothing was copied, by the way:"
                    ),
                    code="d.mul_(10)",
                ),
                Part(
                    text=marked(
                        "The write into `d` changed `x`, which is now {x}: they share their memory. They share the "
                        "version, too; that of `x` is {x.version}. So torch would refuse a backward pass that needs "
                        "the old numbers. `x.detach().clone()` is a copy."
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
                    text=marked("In a block under `torch.no_grad()`, torch computes and does not record:"),
                    code=(
                        "x = torch.tensor(3., requires_grad=True)\ny = x ** 2\nwith torch.no_grad():\n    z = x ** 3"
                    ),
                ),
                Part(
                    text=marked(
                        "`z` is {z}, as it should be, but `z.requires_grad` is {z.requires_grad} and `z.grad_fn` is "
                        "{z.grad_fn}. Nothing has happened to `x`: `x.requires_grad` is still {x.requires_grad}. After "
                        "the block torch records again:"
                    ),
                    code="(y + z).backward()",
                ),
                Part(
                    text=marked(
                        "You computed `x ** 2 + x ** 3`. torch recorded `x ** 2` plus a constant, and so `x.grad` is "
                        "{x.grad@1}. With everything recorded:"
                    ),
                    code="x.grad = None\n(x ** 2 + x ** 3).backward()",
                ),
                Part(
                    text=marked(
                        "`x.grad` is {x.grad@2}. Use `no_grad` where no gradient is wanted: to evaluate a model, for "
                        "which it saves the memory of the graph, and to write into leaves. What the gradient is to "
                        "take into account must be computed outside it."
                    )
                ),
            ),
            now_try='agx grad "x**2 + no_grad(x**3)" --x 3',
        ),
        Lesson(
            name="inference-mode",
            title=marked("inference_mode: no_grad without a way back"),
            parts=(
                Part(
                    text=marked(
                        "Under `torch.inference_mode()` torch does not record, as under `no_grad`, and also leaves out "
                        "what it would need in order to use the results in a graph later:"
                    ),
                    code=(
                        "x = torch.tensor([1., 2.], requires_grad=True)\nwith torch.inference_mode():\n    y = x * 3"
                    ),
                ),
                Part(
                    text=marked(
                        "`y` is {y}, and `y.requires_grad` is {y.requires_grad}. `y.is_inference()` is "
                        "{y.is_inference}: it is an inference tensor. Its version is {y.version}, for it has no "
                        "counter, and torch could not notice a change in place. It may still go into an operation that "
                        "does not save it:"
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
                        "torch refuses: “{refusal}”. `y.clone()`, outside the block, is an ordinary tensor. Inference "
                        "mode is for running a finished model; where a result may meet code that trains, use `no_grad`."
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
                        "`right` is {right}. Now write into `x` through `.data`, before the backward pass of the same "
                        "`y`:"
                    ),
                    code="x.data *= 10\ny.backward()",
                ),
                Part(
                    text=marked(
                        "There is no error, and `x.grad` is {x.grad}. It should be {right}: `y` was computed from the "
                        "old numbers, but `x` now holds {x}, and that is what the backward pass found. `x.data` shares "
                        "the memory of `x` and not its version: that of `x` is still {x.version}, so that torch could "
                        "not see the change. In new code there is no need for `.data`. `x.detach()` shares the "
                        "version, too, and torch refuses such a gradient instead of computing it wrong; to write into "
                        "a leaf there is `no_grad`."
                    )
                ),
            ),
            now_try='agx grad "y = x ** 2; x.detach().mul_(10); y.sum()" --x 1,2',
            exit_code=1,
        ),
    )
}
