"""A watcher: a container in a peer's own network that captures what passes the peer's interface.

Between two products there is no engine of ours to see the wire. The watcher shares the network of the initiating
product's container and nothing else, so that the product runs from its image unchanged.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import docker

from harness.evidence.model import Frame
from harness.json_codec import from_json
from harness.lab.container import ContainerSpec, LabContainer, package_files
from harness.lab.errors import LabError
from harness.lab.tester import HOME
from harness.lab.worker_channel import Message, WorkerChannel

PROGRAM = ("python3", "-m", "harness.transport.watcher")
CAPABILITIES = ("NET_RAW",)

_ANSWER_S = 10.0


@dataclass(slots=True)
class Watch:
    """One case's view of the wire; filled when its block ends."""

    frames: tuple[Frame, ...] = ()
    drops: int = 0  # frames that the kernel dropped from the capture meanwhile


@dataclass(slots=True)
class Watcher:
    """The started watcher of one peer."""

    container: LabContainer
    _channel: WorkerChannel | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def watch(self, case: str, addresses: Sequence[str]) -> Iterator[Watch]:
        """Keep what passes from and to ``addresses`` until the block ends; no other case may have one of them.

        Raises:
            LabError: the watcher ended or does not answer.
        """
        channel = self._open()
        inbox = channel.open_case(case)
        seen = Watch()

        def ask(**request: object) -> Message:
            channel.send({"case": case, **request})
            answer = inbox.get(_ANSWER_S)
            if answer is None:
                raise LabError(f"{self.container.name}: no answer within {_ANSWER_S:.0f} s")
            return answer

        try:
            ask(do="watch", addresses=list(addresses))
            try:
                yield seen
            finally:
                answer = ask(do="collect")
                seen.frames = tuple(from_json(Frame, frame) for frame in answer["frames"])
                seen.drops = int(answer["drops"])
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
