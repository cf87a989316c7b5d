"""The only place of the lab that waits between two looks at a condition: no sleep anywhere else. And deadlines."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

from harness.lab.errors import NotReady

T = TypeVar("T")

LOG_TAIL_LINES = 15


class Deadline:
    """The end of the time that a task with several waits has as a whole."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def remaining(self) -> float:
        """Seconds until then, more than 0.

        Raises:
            TimeoutError: it has passed.
        """
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left


def tail(text: str, lines: int = LOG_TAIL_LINES) -> str:
    """The last ``lines`` lines of a log, without trailing blank space."""
    return "\n".join(text.rstrip().splitlines()[-lines:])


def wait_until(
    what: str,
    probe: Callable[[], T | None],
    *,
    deadline_s: float,
    pattern: str,
    state: Callable[[], str],
    log: Callable[[], str] = str,
    interval_s: float = 0.02,
    cancelled: threading.Event | None = None,
) -> T:
    """Return the first answer of ``probe`` that is not None.

    ``pattern`` says in words what is waited for; ``state`` and ``log`` are asked only when the deadline has passed.

    Raises:
        NotReady: the deadline passed, or ``cancelled`` was set, before the condition was met.
    """
    pause = cancelled or threading.Event()
    end = time.monotonic() + deadline_s
    while True:
        answer = probe()
        if answer is not None:
            return answer
        if time.monotonic() >= end or pause.wait(interval_s):
            raise NotReady(what, deadline_s, state(), pattern, tail(log()))


def settled(
    look: Callable[[], T], wanted: Callable[[T], bool], *, deadline_s: float, interval_s: float, first_s: float = 0
) -> T:
    """What is seen as soon as it is as wanted, else what is seen when the time is over: whoever asked judges that.

    The first look is after ``first_s`` seconds, the others ``interval_s`` after the one before, the last one when the
    time is over: a look may take long, and then shows what was true before.
    """
    pause = threading.Event()
    end = time.monotonic() + deadline_s
    pause.wait(first_s)
    while True:
        began = time.monotonic()
        seen = look()
        if wanted(seen) or began >= end:
            return seen
        pause.wait(max(0.0, min(interval_s, end - time.monotonic())))
