"""Natural mistakes: each is one error at its place, with what is wrong and what to write."""

from __future__ import annotations

import time

import pytest

from autograd_cli import explore
from autograd_cli.diagnostic import Status
from conftest import Agx
from test_programs_refused import blamed, check

# The program (x is given where it stands in it), the piece under the caret, and words of what is said.
MISTAKES = [
    # What is missing.
    ("x ** ", "", "something is missing after `**`; as in x ** 2"),
    ("x +", "", "something is missing after `+`; as in x + 2"),
    ("x**-", "", "something is missing after `-`"),
    ("x and", "", "something is missing after `and`"),
    ("y =", "", "a value is missing after `=`"),
    ("=x", "=", "a name is missing before `=`"),
    ("*", "", "something is missing after `*`"),
    ("**x", "**", "something is missing before `**`"),
    ("x.", "", "a name is missing after `.`; as in x.sum()"),
    ("x * / 2", "/", "`*` and `/` follow one another"),
    ("exp(x", "(", "never closed; write )"),
    ("x.sum(", "(", "never closed; write what comes in it"),
    ("[x, 2", "[", "never closed; write ]"),
    ("x)", ")", "no bracket is open for this ); remove it"),
    ("(x]", "]", "( is closed by ]; write )"),
    ("print('a)", "'", "the string is not closed; write '"),
    ("f'{x'", None, "a brace of the f-string is not closed; write }"),
    ("if x > 1\n  y = x", None, "a colon is missing; write :"),
    ("for i in range(3) x", "x", "a colon is missing; write :"),
    ("lambda y y", None, "a colon is missing; write lambda y: y"),
    ("for i in range(3):\nx", "x", "nothing is indented under the 'for' statement; indent this line"),
    ("y = x\nif y:\n    z = y\n  z", None, "the indentation of this line matches no block around it"),
    ("y = x\nz = 1\n    z", None, "indented, and nothing before it begins a block"),
    ("if x:\n\ty = x\n        z = y\nx", None, "tabs and spaces are mixed; use spaces alone"),
    ("else: x", "else", "no `if` or `try` stands above this `else`"),
    ("x if x > 0", "x if x > 0", "needs an `else`; write x if x > 0 else 0"),
    ("1.5e", "1.5e", "the exponent is missing; write 1.5e3"),
    ("x*010", "010", "a number does not begin with 0; write 10"),
    # What stands side by side.
    ("2x", "2", "a number stands right before a name; 2*x"),
    ("2 x", "x", "a number stands right before a name; 2*x"),
    ("2pi*x", "2", "a number stands right before a name; 2*pi"),
    ("x y", "y", "an operator or a comma is missing before `y`; x*y"),
    ("sqrt(x) sqrt(x)", "sqrt", "an operator or a comma is missing; sqrt(x)*sqrt(x)"),
    ("sin x", "x", "a function takes its arguments in brackets; write sin(x)"),
    ("ln x", "x", "a function takes its arguments in brackets; write log(x)"),
    ("log10 x", "x", "a function takes its arguments in brackets; write log10(x)"),
    ("torch sin(x)", "sin", "a dot is missing after `torch`; write torch.sin(x)"),
    ("2(x+1)", "2", "multiplication is 2*(x+1)"),
    ("(x+1)(x-1)", "x+1", "multiplication is (x+1)*(x-1)"),
    ("x(x+1)", "x", "multiplication is x * (…)"),
    ("x**2 for x in [1, 2]", "for", "`for` in an expression stands in brackets"),
    ("y = x**2, z = 3*x", ",", "two statements stand in one line; write ; here"),
    ("y = x**2 z = 3*x", " ", "two statements stand in one line; write ; here"),
    ("sinx", "sinx", "`sinx` is one name; write sin(x)"),
    # Mathematics.
    ("x^2", "x^2", "power is `**`; write x**2"),
    ("(x+1)^2", "(x+1)^2", "power is `**`; write (x+1)**2"),
    ("3*x^2 + 2*x", "x^2", "power is `**`; write x**2"),
    ("y = sin(x)\ny.exp()^2", "y.exp()^2", "power is `**`; write y.exp()**2"),
    ("x^.5", "x^.5", "write x**.5"),
    ("e^x", "e^x", "write exp(x)"),
    ("exp^x", "exp^x", "write exp(x)"),
    ("sin^2(x)", "2", "the power is written after the brackets; write sin(x)**2"),
    ("tan^-1(x)", "1", "write atan(x)"),
    ("x!", "x!", "the factorial of x is exp(lgamma(x + 1))"),
    ("x'", "'", "computes the gradient for you"),
    ("f'(x)", "f'", "computes the gradient for you; write the expression itself"),
    ("d/dx x**2", "d/dx", "computes the gradient for you; write the expression alone"),
    ("∂x", "∂", "computes the gradient for you"),
    ("∇x", "∇", "computes the gradient for you"),
    ("f(x) = x**2", "f(x)", "this is not how a function is defined; write x**2 alone, or def f(x): return x**2"),
    ("|x|", "|x|", "write abs(x)"),
    ("√x", "√", "write sqrt(x)"),
    ("x²", "²", "write **2"),
    ("x⁻¹", "⁻¹", "write **-1"),
    ("x × 2", "×", "write *"),
    ("x ⋅ 2", "⋅", "write *"),
    ("x · 2", "·", "write *"),
    ("x ÷ 2", "÷", "write /"),
    ("x − 2", "−", "write -"),
    ("x ≤ 2", "≤", "write <="),
    ("x ≠ 2", "≠", "write !="),
    ("x*∞", "∞", "write inf"),
    ("½*x", "½", "write (1/2)"),
    ("π*x", "π", "write pi"),
    ("x₁ + x", "x₁", "write x1"),
    ("50%*x", "50%", "write 50/100"),
    ("x mod 2", "mod", "write %"),
    ("x div 2", "div", "write //"),
    (r"\frac{x}{2}", r"\frac{x}{2}", "LaTeX; write (x)/(2)"),
    (r"\sqrt{x}", r"\sqrt{x}", "LaTeX; write sqrt(x)"),
    (r"\sin(x)", r"\sin", "LaTeX; write sin"),
    (r"x^{2}", r"{2}", "LaTeX; write **(2)"),
    (r"x^{2 if x else 3}", r"{2 if x else 3}", "LaTeX; write **(2 if x else 3)"),
    ("$x$", "$x$", "write x alone"),
    ("ln(x)", "ln", "write log"),
    ("sen(x)", "sen", "write sin"),
    ("tg(x)", "tg", "write tan"),
    ("cot(x)", "cot", "write 1/tan(x)"),
    ("log_2(x)", "log_2", "write log2"),
    ("Sin(x)", "Sin", "did you mean sin?"),
    ("Sin[x]", "Sin", "write sin(…)"),
    ("derivative(x**2)", "derivative", "computes the gradient for you"),
    ("grad(x**2)", "grad", "computes the gradient for you"),
    # Other languages.
    ("x && x", "&&", "write `and`; & for each element"),
    ("x || x", "||", "write `or`; | for each element"),
    ("!x", "!x", "write not x, or ~x"),
    ("x ? 1 : 2", "x ? 1 : 2", "write 1 if x else 2"),
    ("if x > 0 then x else -x", "if x > 0 then x else -x", "write x if x > 0 else -x"),
    ("x++", "x++", "write x = x + 1"),
    ("x <> 2", "<>", "write !="),
    ("x === 2", "===", "write =="),
    ("x =< 2", "=<", "write <="),
    ("x -> x**2", "x -> x**2", "write x**2 alone"),
    ("y := x**2", "y :=", "write y ="),
    ("y <- x**2", "y", "write y ="),
    ("var y = x", "var ", "leave it out"),
    ("float y = x", "float ", "leave it out"),
    ("x{2}", "x{2}", "write x(2) or x[2]"),
    ("x.1", "x.1", "write x[1], or x*0.1"),
    ("x..sum()", "..", "one `.` is too much"),
    ("print x", None, "print is a function; write print(x)"),
    ("true*x", "true", "write True"),
    ("null", "null", "write None"),
    ("`x`", "`x`", "write x alone"),
    ("np.sin(x)", "np.sin", "write torch.sin"),
    ("x\\ny", "\\n", "write ; or begin a new line"),
    ("x**2 --x 3", " --x 3", "an option stands inside the quotes; end the quotes before --x"),
    ("agx grad x**2", "agx grad x**2", "a whole command, not a program; write x**2"),
    ("x.^2", "x.^2", "`.^` is not an operator here; write x**2"),
    ("x.*x", ".*", "write *"),
    ("f = @(x) x", "@(x) x", "`@` makes no function here; write lambda x: …"),
    ("x'*x", "x'", "does not transpose here; write x.T"),
    ("d/dx(x**2)", "dx", "computes the gradient for you"),
    (
        "torch.ones(2 requires_grad=True)",
        "requires_grad",
        "a comma is missing before `requires_grad`; write , requires",
    ),
    ("y = x ; z = (y ; z", "(", "never closed; write ) where it ends"),
    ("if x = 1: x", "x = 1", "compares nothing; write x == 1"),
    # What a copy brings along.
    ("$$x^2$$", "$$x^2$$", "write x^2 alone"),
    ("$ python train.py\nx", "$ python train.py", "a line of a shell; leave it out"),
    ("x $ 2", "$", "remove it"),
    ("Traceback (most recent call last):\n  x", None, "an error message; leave it out"),
    ("x*2\nRuntimeError: grad can be implicitly created", None, "an error message; leave it out"),
    ("x &gt;= 2", "&gt;", "HTML; write >"),
    ("&gt;&gt;&gt; x", "&gt;", "HTML; write >"),
    ("y = x&#10;y", "&#10;", "HTML; write the character"),
    ("x<sup>2</sup>", "</sup>", "HTML; leave it out"),
    ("<!DOCTYPE html>\nx", "<!DOCTYPE html>", "HTML; leave it out"),
    # Programs that mean something else.
    (
        "try: x\nexcept (KeyError if x else\n    ValueError): x",
        "KeyError if x else\n    ValueError",
        "does not know the exception KeyError if x else ValueError",
    ),
    ("'x**2'", "'x**2'", "a text in quotes; leave these quotes out"),
    ("lambda x: x**2", "lambda x: x**2", "nobody calls it; write what it returns: x**2"),
    ("def f(x): return x**2", "def", "the function f is never called; end the program with a call: f(x)"),
    ("y == x**2", "y == x**2", "`==` compares; it does not assign; write x**2 alone, or y ="),
    ("torch.sin", "torch.sin", "write torch.sin(…)"),
    ("torch, sin(x)", "torch", "write a dot after it"),
    ("x = 3\nx**2", "x", "the program assigns x itself, so the input x is not used"),
    ("# x**2", "#", "a comment, and nothing else"),
    ("x.power(2)", "power", "write .pow()"),
    ("x.average()", "average", "write .mean()"),
    ("x.ln()", "ln", "write .log()"),
    ("x.len()", "len", "it is a function: write len(…)"),
    ("x.astype(float)", "astype", "write .to(…)"),
    ("x.sigmod()", "sigmod", "did you mean .sigmoid?"),
    # Marks of other keyboards.
    ("\u0445**2 + sin(x)*0", "\u0445", "looks like x; cyrillic small letter ha; write x"),
    ("sin（x）", "sin（x）", "（ ） are full-width marks; write sin(x)"),
    ("x，2", "x，2", "， is a full-width mark; write x,2"),
    ("x ＋ 1", "＋", "＋ is a full-width mark; write +"),
    ("x\u200by", "\u200b", "invisible; U+200B; remove it"),
]


@pytest.mark.parametrize(("program", "piece", "says"), MISTAKES, ids=[ascii(case[0]) for case in MISTAKES])
def test_a_mistake_has_place_cause_and_remedy(program: str, piece: str | None, says: str) -> None:
    report = explore(program, inputs={"x": [1.5]} if "x" in program.replace("exp", "") else {})
    check(report)
    found = report.diagnostics[0]
    assert (report.status, report.traces) == (Status.BAD_REQUEST, ())
    told = f"{found.message} {found.label} {found.fix}"
    assert not [each for each in says.split("; ") if each not in told], told
    if piece is not None:
        assert blamed(report) == piece


@pytest.mark.parametrize(
    "program",
    [
        "(x > 1) ^ (x > 2)",
        "y = x.long()\ny ^ 3",
        "5 ^ 3, x",
        "y = x > 0\ny ^ True",
        "f = lambda t: t*2\nf(x)",
        "def f(t): return t*2\nf(x)",
        "'a', x",
        "x == 2",
        "sinx = x*2\nsinx",
    ],
)
def test_what_is_meant_so_is_not_a_mistake(program: str) -> None:
    assert explore(program, x=[1.5]).status is not Status.BAD_REQUEST


# The value of x, the piece under the caret, and words of what is said.
VALUES = [
    ("1,000", ",000", "write 1000"),
    ("12,050,1", ",050", "write 12050"),
    ("1.5e", "1.5e", "the exponent is missing; write 1.5e3"),
    ("1e3x", "3", "1e3*x"),
    ("1.5.2", "1.5.2", "a number has only one point; write 1.5"),
    ("[1,2", "2", "a bracket is not closed; write ]"),
    ("1,,2", ",", "a number is missing here; write it before this"),
    ("1 2 3", "2", "separated by commas"),
    ("2pi", "2", "2*pi"),
    ("2^3", "2^3", "power is `**`; write 2**3"),
    ("50%", "50%", "write 50/100"),
    ("{1,2}", "{1,2}", "write 1,2"),
    ('"1,2"', '"1,2"', "write 1,2"),
    ("1:5", "1:5", "write arange(1, 5)"),
    ("range(3)", "range(3)", "write arange(3)"),
    ("np.array([1, 2])", "np.array([1, 2])", "write its numbers"),
    ("data.txt", "data.txt", ".npy; --x - < data.txt"),
    ("a.xlsx", "a.xlsx", ".csv; numpy.save writes .npy"),
    ("d.pkl", "d.pkl", "numpy.save writes .npy"),
    ("None", "None", "write some, such as 1,2,3"),
    ("\u03c0", "\u03c0", "write pi"),
    ("ones_", "ones_", "did you mean ones?"),
    ("2+3i", "2+3i", "write 2+3j"),
    ("ones", "ones", "write ones(…)"),
    ("−1", "−", "write -"),
    ("1，2", "，", "is a full-width mark; write ,"),
]


@pytest.mark.parametrize(("value", "piece", "says"), VALUES, ids=[ascii(case[0]) for case in VALUES])
def test_a_mistake_in_a_value_has_place_cause_and_remedy(value: str, piece: str, says: str) -> None:
    report = explore("x*1.0", x=value)
    check(report)
    found = report.diagnostics[0]
    assert report.status is Status.BAD_REQUEST
    told = f"{found.message} {found.label} {found.fix}"
    assert not [each for each in says.split("; ") if each not in told], told
    assert found.span is not None
    assert found.span.cut(report.text_of(found.source)) == piece


@pytest.mark.parametrize(
    "value", ["1,2", "007", "1,0.05", "1, 000", "[[1,200],[3,400]]", "1;2", "full((2,), 3.0)", "-1e-3,.5"]
)
def test_a_good_value_is_taken(value: str) -> None:
    assert explore("x*1.0", x=value).ok


@pytest.mark.parametrize(
    "text",
    [
        "if " * 20_000,
        "x then " * 9_000,
        "(" + "x y " * 15_000,
        "a" * 60_000 + " b",
        "? : " * 15_000,
        "(" * 90 + "a" * 60_000 + " b c",
    ],
)
def test_a_mistake_is_told_at_once(text: str) -> None:
    begun = time.process_time()
    check(explore(text))
    assert time.process_time() - begun < 5


@pytest.mark.parametrize("value", ["True", "true,false", "0,1:int64"])
@pytest.mark.parametrize("program", ["x**2", "y = 2.0*x\ny.sum()"])
def test_an_input_without_a_floating_dtype_is_the_cause(program: str, value: str) -> None:
    (found,) = explore(program, x=value, watch=True).diagnostics
    assert (found.rule, found.fix) == ("requires-grad-missing", "give an input of a floating point dtype")


# What torch refuses (x is 1, 2), and what to write.
REFUSED = {
    "x.sum(keepdims=True)": "dim=0, keepdim=True",
    "diff(x**2, x)": "agx computes the gradient for you",
    "max(0, x)": "torch.clamp",
    "math.sin(x)": "the functions of torch work on each element",
    "x.reshape(2, 3)": "-1",
    "x @ torch.ones(3)": "the same number of elements",
    "x + torch.ones(3)": "x.unsqueeze(dim)",
    "torch.ones(2, 3) @ torch.ones(2, 3) + x": "w.T",
    "torch.sum(x, axis=1)": "dim counts from 0",
    "torch.linspace(0, 1) * x": "agx ops linspace shows its arguments",
}


@pytest.mark.parametrize("program", REFUSED)
def test_what_torch_refuses_has_a_remedy(program: str) -> None:
    (found,) = explore(program, x="1,2").diagnostics
    assert found.rule == "torch-refused"
    assert REFUSED[program] in str(found.fix)
    assert not str(found.torch_says).endswith(":")


def test_a_function_of_pythons_math_has_one_of_torch(agx: Agx) -> None:
    for command in ("grad", "explain"):
        assert "help: write torch.sin, which torch records" in " ".join(
            agx(command, "math.sin(x)", "--x", "1").out.split()
        )
