"""What `agx explain` costs, whole process, against plain Python running the same program: paired runs, their ratios."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import pytest

PAIRS = 3
UNMEASURED = {"PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED"}
AGX = [sys.executable, "-m", "autograd_cli", "explain", "--timeout", "600", "--limit", "source=10000000", "-f"]
LOOP = "y = x\nfor i in range({count}):\n    y = y * 1.0001\ny.sum().backward()\n"
LINE = "y = y * 1.0001\n"
START = "import torch\nx = torch.ones(3, requires_grad=True)\n"
TIMES_PLAIN = 10
TIMES_LINEAR = 2


def program(shape: str, count: int) -> str:
    body = LOOP.format(count=count) if shape == "loop" else f"y = x\n{LINE * count}y.sum().backward()\n"
    return START + body


def seconds(command: list[str]) -> float:
    environment = {name: value for name, value in os.environ.items() if name not in UNMEASURED}
    start = time.perf_counter()
    subprocess.run(command, capture_output=True, check=True, env=environment)
    return time.perf_counter() - start


def paired(path: Path) -> tuple[float, float]:
    """The seconds of `agx explain` and of Python with the program in the file, medians of interleaved runs."""
    runs = [(seconds([*AGX, str(path)]), seconds([sys.executable, str(path)])) for _ in range(PAIRS)]
    return statistics.median(agx for agx, _ in runs), statistics.median(plain for _, plain in runs)


@pytest.mark.parametrize("shape", ["loop", "straight"])
def test_explaining_is_linear_and_near_to_running(
    shape: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    took: dict[int, float] = {}
    ratios: dict[int, float] = {}
    counts = (1_000, 10_000, 100_000) if shape == "loop" else (1_000, 10_000)
    for count in counts:
        path = tmp_path / f"{shape}{count}.py"
        path.write_text(program(shape, count))
        took[count], plain = paired(path)
        ratios[count] = took[count] / plain
        with capsys.disabled():
            sys.stdout.write(
                f"\n  {shape} {count:,}: explain {took[count]:.2f} s, Python {plain:.2f} s, {ratios[count]:.1f} times"
            )
    assert ratios[10_000] < TIMES_PLAIN
    if 100_000 in took:
        assert took[100_000] / 100_000 < TIMES_LINEAR * took[10_000] / 10_000
