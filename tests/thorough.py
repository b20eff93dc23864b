"""How long the tests without a natural end go on: `AGX_THOROUGH=1 pytest` is for a release, and takes twice as long."""

from __future__ import annotations

import os

import pytest

THOROUGH = bool(os.environ.get("AGX_THOROUGH"))
at_length = pytest.mark.skipif(not THOROUGH, reason="AGX_THOROUGH=1 runs it")
