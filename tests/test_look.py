"""The colours and glyphs of pages: to be read on dark and on light, and without colour."""

from __future__ import annotations

import itertools

import pytest
from rich.color import Color, ColorSystem
from rich.color_triplet import ColorTriplet
from rich.style import Style

from autograd_cli.render import look
from autograd_cli.render.look import ASCII, UNICODE, Glyphs

STYLES = [look.GRADIENT, look.NODE, look.LEAF, look.CODE, look.BAD, look.REMARK]
BACKGROUNDS = {
    "black": "#000000",
    "VS Code dark": "#1e1e1e",
    "Solarized dark": "#002b36",
    "white": "#ffffff",
    "Solarized light": "#fdf6e3",
}


def luminance(color: ColorTriplet) -> float:
    """As WCAG has it."""
    parts = [part / 255 for part in color]
    red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: ColorTriplet, other: ColorTriplet) -> float:
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("background", BACKGROUNDS.values(), ids=BACKGROUNDS.keys())
@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("system", [ColorSystem.TRUECOLOR, ColorSystem.EIGHT_BIT])
def test_every_colour_stands_out(style: str, background: str, system: ColorSystem) -> None:
    color = Style.parse(style).color
    assert color is not None
    shown = color.downgrade(system).get_truecolor()
    assert contrast(shown, Color.parse(background).get_truecolor()) >= 3.0


@pytest.mark.parametrize("style", STYLES)
def test_no_colour_becomes_the_dark_blue_of_a_terminal(style: str) -> None:
    color = Style.parse(style).color
    assert color is not None
    assert color.downgrade(ColorSystem.STANDARD).number in {2, 6, 9, 12, 13}


@pytest.mark.parametrize("glyphs", [UNICODE, ASCII], ids=["Unicode", "ASCII"])
def test_marks_and_edges_are_unlike_each_other(glyphs: Glyphs) -> None:
    marks = [glyphs.recorded, glyphs.cut, glyphs.unused, glyphs.partly, glyphs.refused]
    assert len(set(marks)) == len(marks)
    solid = [glyphs.arrow, glyphs.fork, glyphs.last]
    dashed = [glyphs.dashed_arrow, glyphs.dashed_fork, glyphs.dashed_last]
    assert all(glyphs.cut in edge for edge in dashed), "an edge that torch did not record has the mark of a cut"
    assert not any(glyphs.cut in edge for edge in solid)
    for one, other in itertools.product(dashed, solid):
        assert one != other
