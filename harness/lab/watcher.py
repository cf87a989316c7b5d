"""A watcher: a container in a peer's own network that captures what passes the peer's interface.

Between two products there is no engine of ours to see the wire. The watcher shares the network of one product's
container and nothing else, so that the product runs from its image unchanged. One beside each of the two, so that each
capture has a witness.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import docker

from harness.evidence.interruption import Overrun
from harness.evidence.model import Frame
from harness.lab.errors import LabError
from harness.lab.hosts.container import ContainerSpec, LabContainer, package_files
from harness.lab.tester import HOME
from harness.lab.worker_channel import WorkerChannel
from harness.transport import messages
from harness.transport.messages import Answer, Collect, Collected, Failure, Request, Watching

A = TypeVar("A", bound=Answer)

PROGRAM = ("python3", "-m", "harness.transport.watcher")
CAPABILITIES = ("NET_RAW",)

_ANSWER_S = 30.0


@dataclass(slots=True)
class WatchedWire:
    """One case's view of the wire; filled when its block ends."""

    frames: tuple[Frame, ...] = ()
    drops: int = 0  # frames that the kernel dropped from the capture meanwhile
    overrun: Overrun | None = None  # where the capture ended early
    ended: float = 0.0  # seconds since the epoch: what passed before is in it


@dataclass(slots=True)
class Watcher:
    """The started watcher of one peer."""

    container: LabContainer
    _channel: WorkerChannel | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def watch(self, case: str, ours: Sequence[str], theirs: Sequence[str]) -> Iterator[WatchedWire]:
        """Keep what passes between the addresses of the two sides until the block ends; no other case may have both.

        Raises:
            LabError: the watcher ended, does not answer, or says that it cannot.
        """
        channel = self._open()
        inbox = channel.open_case(case)
        seen = WatchedWire()

        def ask(request: Request, kind: type[A]) -> A:
            channel.send(case, request)
            answer = inbox.get(_ANSWER_S)
            if isinstance(answer, kind):
                return answer
            if answer is None:
                raise LabError(f"{self.container.name}: no answer within {_ANSWER_S:.0f} s")
            if isinstance(answer, Failure):
                raise LabError(f"{self.container.name}: {answer.reason}")
            raise LabError(f"{self.container.name}: {type(answer).__name__} is no answer to {type(request).__name__}")

        try:
            ask(messages.Watch(tuple(ours), tuple(theirs)), Watching)
            try:
                yield seen
            finally:
                seen.ended = time.time()
                kept = ask(Collect(), Collected)
                seen.frames, seen.drops, seen.overrun = kept.frames, kept.drops, kept.overrun
        finally:
            channel.close_case(case)

    def remove(self) -> None:
        """End and remove it."""
        if self._channel is not None:
            self._channel.close()
        self.container.remove()

    def _open(self) -> WorkerChannel:
        with self._lock:
            if self._channel is None or self._channel.lost:
                self._channel = WorkerChannel(self.container.open(PROGRAM))
                if self._channel.own.get(_ANSWER_S) is None:
                    raise LabError(f"{self.container.name}: the watcher did not start: {self._channel.stderr()}")
            return self._channel


def start_watcher(client: docker.DockerClient, spec: ContainerSpec, package: Path) -> Watcher:
    """Start a watcher from the tester's image. ``spec`` joins the network of the peer's container."""
    container = LabContainer(client, spec)
    container.put(package_files(package, HOME))
    return Watcher(container)
