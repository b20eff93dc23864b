"""Benchmarks need the machine for themselves: `pytest -n 0 tests/benchmarks`."""

from __future__ import annotations

import os

import pytest

if "PYTEST_XDIST_WORKER" in os.environ:
    pytest.exit("benchmarks run one at a time: pytest -n 0 tests/benchmarks", returncode=2)
