"""The table of a script's parameters: those with trouble first, and a row for each layer where there are many."""

from __future__ import annotations

import io
from dataclasses import replace

from rich.console import Console

from autograd_cli.render.look import Look
from autograd_cli.render.parts.parameters import parameter_table
from autograd_cli.report import Trained


def parameter(
    name: str, gradient: float | None, change: float | None = None, *, optimizer: int | None = 0, size: int = 2
) -> Trained:
    return Trained(name=name, shape=(size,), optimizer=optimizer, gradient=gradient, change=change)


def shown(*parameters: Trained, full: bool = False) -> str:
    file = io.StringIO()
    Console(file=file, width=100).print(parameter_table(parameters, Look(full=full, precision=3)))
    return "\n".join(line.rstrip() for line in file.getvalue().splitlines()[1:])


LAYERS = [
    parameter(f"net.layers.{layer}.{part}.{name}", 0.1 * (layer + 1), 0.01)
    for layer in range(5)
    for part in ("attention", "linear")
    for name in ("weight", "bias")
]


def test_few_stand_alone() -> None:
    assert shown(parameter("w", 2.0, 0.25), parameter("b", None, optimizer=None)) == (
        "b          [2]    none       None\nw          [2]    yes        2       0.25"
    )


def test_many_are_told_by_layer() -> None:
    """As deep as there are few enough: here the two parts of each of five layers, and the head."""
    found = shown(*LAYERS, parameter("head.weight", 3.0, 0.5)).splitlines()
    assert found[:3] == [
        "net.layers.0.attention.*  2 of them  yes        0.1     0.01",
        "net.layers.0.linear.*     2 of them  yes        0.1     0.01",
        "net.layers.1.attention.*  2 of them  yes        0.2     0.01",
    ]
    assert found[10:] == ["head.weight               [2]        yes        3       0.5"]
    more = [replace(each, name=each.name.replace("linear", part)) for each in LAYERS for part in ("linear", "norm")]
    assert shown(*more).splitlines() == [
        f"net.layers.{layer}.*  8 of them  yes        0.{layer + 1}     0.01" for layer in range(5)
    ]


def test_those_with_trouble_are_told_apart() -> None:
    found = shown(
        *LAYERS,
        parameter("net.layers.0.norm.weight", None, optimizer=None),
        parameter("net.layers.1.norm.weight", 0.0),
        parameter("net.layers.2.norm.weight", float("nan"), optimizer=1),
    ).splitlines()
    assert [line.split() for line in found[:3]] == [
        ["net.layers.0.norm.weight", "[2]", "none", "None"],
        ["net.layers.1.norm.weight", "[2]", "#1", "0"],
        ["net.layers.2.norm.weight", "[2]", "#2", "nan"],
    ]
    assert "norm" not in "".join(found[3:])


def test_a_layer_of_which_some_have_trouble_of_different_kinds() -> None:
    wrong = [parameter(f"net.{i}.{name}", value) for i in range(9) for name, value in (("a", None), ("b", 0.0))]
    right = [parameter(f"net.{i}.c", 1.0 + i, optimizer=None if i else 0) for i in range(13)]
    found = [line.split() for line in shown(*wrong, *right).splitlines()]
    assert found[0] == ["net.0.*", "2", "of", "them", "yes", "None,", "0"]
    assert found[-1] == ["net.*", "13", "of", "them", "yes,", "some", "none", "1", "…", "13"]


def test_many_names_without_layers() -> None:
    found = shown(*[parameter(f"w{i}", 1.0 + i) for i in range(40)]).splitlines()
    assert len(found) == 13
    assert found[-1].split() == ["*", "28", "of", "them", "yes", "13", "…", "40"]


def test_in_full_each_has_its_row() -> None:
    assert len(shown(*LAYERS, full=True).splitlines()) == len(LAYERS)


def test_only_what_is_wrong_is_red() -> None:
    file = io.StringIO()
    rows = [parameter("a", 1.0), parameter("b", 0.0), parameter("c", None), parameter("d", 1.0, optimizer=None)]
    console = Console(file=file, width=100, force_terminal=True, color_system="standard", no_color=False)
    console.print(parameter_table(rows, Look(precision=3)))
    lines = {line.split()[0]: line for line in file.getvalue().splitlines()[1:]}
    assert {name: "\x1b[" in line for name, line in lines.items()} == {"a": False, "b": True, "c": True, "d": True}
