"""What all tests share: the support modules on the path, and a word when the lab tests did not run."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent / "support"))

_NO_DOCKER = "Docker does not run here"


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say in words when the lab tests were left out: a green summary without them proves less."""
    skipped = terminalreporter.stats.get("skipped", [])
    without = [report for report in skipped if _NO_DOCKER in str(report.longrepr)]
    if without:
        terminalreporter.write_line(f"{_NO_DOCKER}: {len(without)} lab tests against real strongSwan were NOT run.")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All lab tests in one worker: they share a lab, and some of them look for what others would have left behind."""
    for item in items:
        if item.get_closest_marker("lab"):
            item.add_marker(pytest.mark.xdist_group("lab"))
