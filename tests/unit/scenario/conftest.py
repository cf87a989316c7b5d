"""What these tests share: the data, and the check names of the verifier, which stands above the layer under test."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.scenario.check_form import CheckForms
from harness.verify.checks.catalogue import CHECKS

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def checks() -> CheckForms:
    return CHECKS
