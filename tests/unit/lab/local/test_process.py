"""A peer on loopback is a process: whose doing its end was."""

from __future__ import annotations

import signal
import sys

import pytest

from harness.evidence.interruption import Cause
from harness.lab.local.process import LocalHost


def ended(source: str) -> LocalHost:
    host = LocalHost("engine-1", "127.99.0.1")
    stream = host.open([sys.executable, "-c", source])
    while stream.read() is not None:
        pass
    stream._process.wait(10)
    return host


@pytest.mark.parametrize(
    ("source", "cause", "status"),
    [
        ("raise SystemExit(3)", Cause.ITSELF, 3),
        ("pass", Cause.ITSELF, 0),
        ("import os; os.abort()", Cause.ITSELF, -signal.SIGABRT),
        ("import os; os.kill(os.getpid(), 9)", Cause.OUTSIDE, -signal.SIGKILL),
        ("import os; os.kill(os.getpid(), 15)", Cause.OUTSIDE, -signal.SIGTERM),
    ],
)
def test_a_program_ends_by_itself_but_for_signals_that_others_send(source, cause, status):
    assert ended(source).ending() == (cause, f"ended with status {status}")


def test_one_that_runs_has_not_ended():
    host = LocalHost("engine-1", "127.99.0.1")
    stream = host.open([sys.executable, "-c", "input()"])
    assert host.ending() == (Cause.UNKNOWN, "1 of 1 programs running")
    stream.close()
