"""The data of the checkout, and attempts that go as a test says."""

from __future__ import annotations

import pytest
from command import ROOT
from fake_lab import FakeLab, Script

from harness.run.inputs import load_inputs


@pytest.fixture(scope="session")
def inputs():
    return load_inputs(ROOT)


@pytest.fixture
def lab():
    return FakeLab()


@pytest.fixture
def script(monkeypatch):
    made = Script()
    monkeypatch.setattr("harness.run.runner.play", made.play)
    return made
