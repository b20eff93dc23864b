"""Benchmarks need the machine for themselves: `pytest -n 0 tests/benchmarks`."""

from __future__ import annotations

import os

import pytest


@pytest.fixture(autouse=True)
def _alone() -> None:
    if "PYTEST_XDIST_WORKER" in os.environ:
        pytest.fail("benchmarks run one at a time: pytest -n 0 tests/benchmarks", pytrace=False)
