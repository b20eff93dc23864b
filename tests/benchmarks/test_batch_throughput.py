"""How many lines a second `agx batch` answers, whole process, against a loop in Python: paired runs, their ratios."""

from __future__ import annotations

import json
import os
import random
import statistics
import subprocess
import sys
import time
from pathlib import Path

import pytest

PAIRS = 5
LINES = 20_000
LEAST = 0.5
UNMEASURED = {"PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED"}
AGX = [sys.executable, "-m", "autograd_cli", "batch", "--jobs", "1"]
LOOP = [
    sys.executable,
    "-c",
    """
import json, sys
import torch

torch.set_num_threads(1)
with open(sys.argv[1]) as lines:
    for line in lines:
        request = json.loads(line)
        leaves = {name: torch.tensor(values, requires_grad=True) for name, values in request["inputs"].items()}
        w, x = leaves["w"], leaves["x"]
        result = ((w*x).sin()+x).sum()
        result.backward()
        grads = {name: leaf.grad.tolist() for name, leaf in leaves.items()}
        sys.stdout.write(json.dumps({"id": request["id"], "result": result.tolist(), "grads": grads}) + "\\n")
""",
]


@pytest.fixture
def requests(tmp_path: Path) -> Path:
    """A file of requests with other numbers in each."""
    numbers = random.Random(0)  # noqa: S311 - numbers to compute with
    path = tmp_path / "requests.ndjson"
    with path.open("w") as file:
        for number in range(LINES):
            inputs = {name: [round(numbers.uniform(-2, 2), 4) for _ in range(4)] for name in ("w", "x")}
            file.write(json.dumps({"id": number, "expr": "((w*x).sin()+x).sum()", "inputs": inputs}) + "\n")
    return path


def seconds(command: list[str], requests: Path) -> tuple[float, list[str]]:
    environment = {name: value for name, value in os.environ.items() if name not in UNMEASURED}
    start = time.perf_counter()
    ended = subprocess.run([*command, str(requests)], capture_output=True, check=True, text=True, env=environment)
    return time.perf_counter() - start, ended.stdout.splitlines()


def gradients(line: str, *, of_agx: bool) -> object:
    grads = json.loads(line)["grads"]
    return {name: grad["values"] for name, grad in grads.items()} if of_agx else grads


def test_a_batch_of_small_requests(requests: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ratios = []
    for _ in range(PAIRS):
        loop, expected = seconds(LOOP, requests)
        agx, found = seconds(AGX, requests)
        assert len(found) == LINES
        assert gradients(found[-1], of_agx=True) == gradients(expected[-1], of_agx=False)
        ratios.append(loop / agx)
    with capsys.disabled():
        each = ", ".join(f"{ratio:.2f}" for ratio in ratios)
        sys.stdout.write(f"\n  {statistics.median(ratios):.2f} of the loop's throughput ({each}): agx batch --jobs 1\n")
    assert statistics.median(ratios) >= LEAST
