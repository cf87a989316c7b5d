"""What all tests share: the support modules on the path, and a word when the lab tests did not run."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from xdist.remote import Producer
    from xdist.scheduler import LoadScopeScheduling

sys.path.insert(0, str(Path(__file__).parent / "support"))

_LAB = Path(__file__).parent / "lab"
_NO_DOCKER = "Docker does not run here"


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say in words when the lab tests were left out: a green summary without them proves less."""
    skipped = terminalreporter.stats.get("skipped", [])
    without = [report for report in skipped if _NO_DOCKER in str(report.longrepr)]
    if without:
        terminalreporter.write_line(f"{_NO_DOCKER}: {len(without)} lab tests against real strongSwan were NOT run.")


@pytest.hookimpl(tryfirst=True)  # before pytest chooses by mark
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What is in the folder of the lab is marked so, whether or not its file says it."""
    for item in items:
        if item.path.is_relative_to(_LAB):
            item.add_marker(pytest.mark.lab)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling:
    """All lab tests in one worker: they share a lab, and some of them look for what others would have left behind.

    The mark ``xdist_group`` would say so too, but what pytest-xdist 3.8 makes of it never reaches the scheduler with
    pytest 9.2; the node ids that the scheduler is given always do.
    """
    from xdist.scheduler import LoadScopeScheduling

    class LabInOneWorker(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return "lab" if nodeid.startswith("tests/lab/") else nodeid

    return LabInOneWorker(config, log)
