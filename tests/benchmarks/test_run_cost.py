"""What `agx run` costs, whole process, against plain Python running the same script: paired runs, their ratios."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import pytest

PAIRS = 5
UNMEASURED = {"PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED"}
START = "import torch\nfrom torch import nn\ntorch.manual_seed(0)\ntorch.set_num_threads(1)\n"
TRAIN = """
opt = torch.optim.Adam(net.parameters())
for step in range({steps}):
    opt.zero_grad()
    loss = ((net(x) - y) ** 2).mean()
    loss.backward()
    opt.step()
"""
MLP = "net = nn.Sequential(nn.Linear(20, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 1))\n"
BLOCKS = "net = nn.TransformerEncoder(nn.TransformerEncoderLayer(64, 4, 128, batch_first=True), 2)\n"
CONV = (
    "net = nn.Sequential(nn.Conv2d(3, 16, 3), nn.ReLU(), nn.Conv2d(16, 16, 3), nn.ReLU(), nn.Flatten(), "
    "nn.LazyLinear(10))\n"
)
SCRIPTS = {
    "MLP, 100 steps": START + MLP + "x, y = torch.randn(64, 20), torch.randn(64, 1)\n" + TRAIN.format(steps=100),
    "2 transformer blocks, 10 steps": START
    + BLOCKS
    + "x, y = torch.randn(8, 32, 64), torch.randn(8, 32, 64)\n"
    + TRAIN.format(steps=10),
    "conv net, 10 steps": START
    + CONV
    + "x, y = torch.randn(16, 3, 32, 32), torch.randn(16, 10)\nnet(x)\n"
    + TRAIN.format(steps=10),
    "10,000 scalar operations": START
    + "y = x = torch.tensor(1.0, requires_grad=True)\nfor _ in range(10_000):\n    y = y * 1.0001\ny.backward()\n",
}
TIMES_PLAIN = {"10,000 scalar operations": 15}  # and 2 for the others


def seconds(command: list[str]) -> float:
    environment = {name: value for name, value in os.environ.items() if name not in UNMEASURED}
    start = time.perf_counter()
    subprocess.run(command, capture_output=True, check=True, env=environment)
    return time.perf_counter() - start


@pytest.mark.parametrize("script", SCRIPTS.values(), ids=SCRIPTS)
def test_observing_costs_less_than_the_run_itself(
    script: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], request: pytest.FixtureRequest
) -> None:
    path = tmp_path / "train.py"
    path.write_text(script)
    agx = [sys.executable, "-m", "autograd_cli", "run", str(path)]
    runs = [(seconds(agx), seconds([sys.executable, str(path)])) for _ in range(PAIRS)]
    ratio = statistics.median(observed / plain for observed, plain in runs)
    took, plain = (statistics.median(each) for each in zip(*runs, strict=True))
    with capsys.disabled():
        name = request.node.callspec.id
        sys.stdout.write(f"\n  {name}: agx run {took:.2f} s, Python {plain:.2f} s, {ratio:.2f} times")
    assert ratio < TIMES_PLAIN.get(name, 2)
