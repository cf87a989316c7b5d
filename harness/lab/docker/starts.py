"""Starts of containers: each has a name, none begins once the lab closes, and closing waits for those under way."""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from harness.lab.errors import LabError

_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9_.-]")


class ContainerStarts:
    """The starts of one run. Any method may be called from any thread."""

    def __init__(self, run: str) -> None:
        self._run = run
        self._numbers: Counter[str] = Counter()
        self._under_way = 0
        self._ended = False
        self._changed = threading.Condition()

    @contextmanager
    def start_of(self, what: str) -> Iterator[str]:
        """A new container's name, for the block that starts it.

        Raises:
            LabError: the lab is closed.
        """
        with self._changed:
            if self._ended:
                raise LabError("the lab is closed")
            self._under_way += 1
            self._numbers[what] += 1
            number = self._numbers[what]
        try:
            yield f"ipsec-interop-{self._run}-{_NOT_IN_A_NAME.sub('-', what)}-{number}"
        finally:
            with self._changed:
                self._under_way -= 1
                self._changed.notify_all()

    def end(self) -> None:
        """No start begins any more; those under way go on."""
        with self._changed:
            self._ended = True

    def wait_for_the_last(self, timeout_s: float) -> bool:
        """Wait until no start is under way; whether that came to be within ``timeout_s`` seconds."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._under_way, timeout=timeout_s)
