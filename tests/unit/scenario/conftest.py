"""What these tests share: the data, and the check names of the verifier, which stands above the layer under test."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.verify.check_names import CHECK_NAMES

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def checks() -> frozenset[str]:
    return CHECK_NAMES
