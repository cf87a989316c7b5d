"""The worker of a run, replaced when it ends before the run does."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from harness.evidence.interruption import OwnProcess
from harness.lab.errors import LabError, WorkerLost
from harness.lab.worker_channel import WorkerChannel
from harness.transport.messages import Beat
from harness.transport.pulse import INTERVAL_S, Pulse

_READY = 15.0  # seconds for the worker to say that it is there


@dataclass(slots=True)
class Workers:
    """Hands out the channel to a living worker; ``start`` begins a worker in the tester."""

    start: Callable[[], WorkerChannel]
    pulse: Pulse = field(default_factory=lambda: Pulse(OwnProcess.RUNNER, time.monotonic()))
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
                self.pulse.begin(time.monotonic())
                fresh.on_beat = lambda: self.pulse.heard(time.monotonic())
                self._current = fresh
            return self._current

    @contextmanager
    def beating(self) -> Iterator[None]:
        """For the length of the block this process beats, so that it and the worker notice who stands still."""
        over = threading.Event()
        beats = threading.Thread(target=self._beat, args=(over,), name="heartbeat", daemon=True)
        beats.start()
        try:
            yield
        finally:
            over.set()

    def _beat(self, over: threading.Event) -> None:
        while not over.wait(INTERVAL_S):
            self.pulse.tick(time.monotonic())
            current = self._current
            if current is not None and not current.lost:
                with suppress(WorkerLost):  # whoever has a case with it is told so
                    current.send("", Beat())
