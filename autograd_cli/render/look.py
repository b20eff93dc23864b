"""How a page looks: width, precision, how much is unfolded, and the glyphs and styles it is drawn with."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Glyphs:
    """The characters that trees and marks are drawn with."""

    arrow: str
    fork: str
    last: str
    dashed_arrow: str
    dashed_fork: str
    dashed_last: str
    bar: str
    blank: str
    fold: str
    ellipsis: str
    recorded: str
    cut: str
    unused: str
    partly: str
    refused: str


UNICODE = Glyphs(
    arrow="→ ",
    fork="├─ ",
    last="└─ ",
    dashed_arrow="○⇢ ",
    dashed_fork="├○ ",
    dashed_last="└○ ",
    bar="│  ",
    blank="   ",
    fold="⋮",
    ellipsis="…",
    recorded="●",
    cut="○",
    unused="·",
    partly="◐",
    refused="✗",
)
ASCII = Glyphs(
    arrow="-> ",
    fork="|- ",
    last="`- ",
    dashed_arrow="o> ",
    dashed_fork="|o ",
    dashed_last="`o ",
    bar="|  ",
    blank="   ",
    fold=":",
    ellipsis="...",
    recorded="*",
    cut="o",
    unused=".",
    partly="~",
    refused="x",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """`width` is None where lines may have any length; `depth` is how far trees are drawn (None: all the way).

    Where it is `whole`, a script is shown line by line, as `agx explain` shows a program.
    """

    width: int | None = None
    precision: int = 4
    depth: int | None = None
    full: bool = False
    glyphs: Glyphs = UNICODE
    language: str = "en"
    whole: bool = False


# Colours for a dark and for a light background: of medium lightness, so that each has a contrast of at least 3 with
# both. On a terminal of 16 colours Rich takes the nearest, which is the bright blue, magenta and red.
GREEN = "#228b22"
BLUE = "#2f7fd6"
MAGENTA = "#b94fc8"
CYAN = "#11889c"
RED = "#e5393f"

HEADING = "bold"
QUIET = "dim"
GRADIENT = GREEN
NODE = MAGENTA
LEAF = GREEN
CODE = CYAN
BAD = f"bold {RED}"
REMARK = f"bold {BLUE}"
