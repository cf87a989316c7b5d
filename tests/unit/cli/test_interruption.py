"""Ctrl-C that falls where Python loses what it raises."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest
from command import ROOT, environment

LOST = """
import os, signal, sys, time
from harness.cli.interruption import heed, leave

class Lossy:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGINT)
        for _ in range(1000): pass

{before}
heed()
try:
    lossy = Lossy()
    del lossy
    time.sleep({seconds})
except KeyboardInterrupt:
    leave()
sys.exit(7)
"""


def ended(before: str = "", seconds: float = 5) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-c", LOST.format(before=before, seconds=seconds)], cwd=ROOT, env=environment(), text=True,
        capture_output=True, timeout=30, check=False, preexec_fn=default,  # it only resets a signal
    )  # fmt: skip
    return done.returncode, done.stderr


def default() -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def test_an_interrupt_that_a_destructor_loses_comes_again():
    assert ended() == (3, "ipsec-interop: interrupted\n")


CLASS = """
import os, signal, sys
from harness.cli.interruption import heard, heed, leave

class Slow:
    def __set_name__(self, owner, name):
        os.kill(os.getpid(), signal.SIGINT)
        for _ in range(1000): pass

heed()
try:
    class Owner:
        slow = Slow()
except BaseException:
    sys.exit(3 if heard() else 8)
"""


def test_one_that_becomes_another_exception_is_known_for_what_it_is():
    done = subprocess.run([sys.executable, "-c", CLASS], cwd=ROOT, env=environment(), check=False, preexec_fn=default)
    assert done.returncode == 3


@pytest.mark.parametrize("before", ["signal.signal(signal.SIGINT, signal.SIG_IGN)"])
def test_one_that_is_ignored_stays_so(before):
    assert ended(before, 0.5)[0] == 7
