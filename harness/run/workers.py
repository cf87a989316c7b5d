"""The worker of a run, replaced when it ends before the run does."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from harness.lab.errors import LabError
from harness.lab.worker_channel import WorkerChannel

_READY = 15.0  # seconds for the worker to say that it is there


@dataclass(slots=True)
class Workers:
    """Hands out the channel to a living worker; ``start`` begins a worker in the tester."""

    start: Callable[[], WorkerChannel]
    _current: WorkerChannel | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def channel(self) -> WorkerChannel:
        """The channel to the worker; a fresh one if the last has ended: what it was playing is lost, the run goes on.

        Raises:
            LabError: no worker can be started: the tester is gone, or the worker says nothing.
        """
        with self._lock:
            if self._current is None or self._current.lost:
                self._current = None
                fresh = self.start()
                if fresh.own.get(_READY) is None:
                    raise LabError(f"the worker did not start within {_READY:.0f} s: {fresh.stderr()}")
                self._current = fresh
            return self._current
