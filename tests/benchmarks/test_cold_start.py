"""How long a cold call takes, whole process, against plain Python with torch: paired runs, medians of their ratios."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time

import pytest

PAIRS = 7
TORCH = [sys.executable, "-c", "import torch"]
ONE_LINER = [
    sys.executable,
    "-c",
    "import torch; x=torch.tensor([1.,2.,3.,4.],requires_grad=True); y=2*x; y.backward(torch.ones(4)); print(x.grad)",
]
AGX = [sys.executable, "-m", "autograd_cli"]
UNMEASURED = {"PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED"}


def seconds(command: list[str]) -> float:
    environment = {name: value for name, value in os.environ.items() if name not in UNMEASURED}
    start = time.perf_counter()
    subprocess.run(command, capture_output=True, check=False, env=environment)
    return time.perf_counter() - start


@pytest.mark.parametrize(
    ("words", "other", "most"),
    [
        (["grad", "2*x", "--x", "1,2,3,4", "--json"], ONE_LINER, 1.0),
        (["grad", "2*x", "--x", "1,2,3,4"], ONE_LINER, 1.0),
        (["grad", "--help"], TORCH, 0.2),
        (["--version"], TORCH, 0.2),
        (["grad", "2*x +", "--x", "1"], TORCH, 0.2),
        (["grad", "2*x", "--x", "1,a"], TORCH, 0.2),
        (["grad", "2*x", "--jsn", "--x", "1"], TORCH, 0.2),
    ],
)
def test_a_cold_call(words: list[str], other: list[str], most: float, capsys: pytest.CaptureFixture[str]) -> None:
    seconds([*AGX, *words])
    seconds(other)
    ratio = statistics.median(seconds([*AGX, *words]) / seconds(other) for _ in range(PAIRS))
    with capsys.disabled():
        sys.stdout.write(
            f"\n  {ratio:.2f} of {'import torch' if other is TORCH else 'the one-liner'}: agx {' '.join(words)}\n"
        )
    assert ratio <= most
