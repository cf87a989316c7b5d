"""What a run asks of its laboratory, be it on Docker or on loopback."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import Protocol

from harness.lab.driver import DaemonSettings
from harness.lab.running_peer import RunningPeer
from harness.lab.watcher import Watcher
from harness.lab.worker_channel import WorkerChannel
from harness.scenario.peer import Peer


class WorkerPlace(Protocol):
    """Where the engine's worker runs."""

    def open_worker(self) -> WorkerChannel:
        """Start a worker; the channel to it."""


class Laboratory(Protocol):
    """The lab of one run. All methods may be called from any thread."""

    @property
    def tester(self) -> WorkerPlace:
        """Where the engine's worker runs."""

    @property
    def kernel(self) -> str:
        """The kernel that everything runs on, peers with one of their own apart."""

    @property
    def engine_version(self) -> str:
        """The version of Docker's engine; "" without Docker."""

    def prepare(self, peers: Iterable[Peer]) -> None:
        """Make what these peers need.

        Raises:
            LabError: it cannot be made.
        """

    def image_id(self, peer: Peer) -> str:
        """The id of the image that a peer runs from, which is prepared; "" where it is part of the harness."""

    def case_address(self) -> AbstractContextManager[str]:
        """An address of our engine for one case, for as long as the block lasts."""

    def lease(self, peer: Peer, daemon: DaemonSettings | None = None) -> AbstractContextManager[RunningPeer]:
        """A running peer for the length of the block."""

    def lease_alone(self, peer: Peer, daemon: DaemonSettings | None = None) -> AbstractContextManager[RunningPeer]:
        """A fresh running peer that nobody else has, for the length of the block."""

    def lease_pair(
        self, peers: tuple[Peer, Peer], daemons: tuple[DaemonSettings, DaemonSettings]
    ) -> AbstractContextManager[tuple[RunningPeer, RunningPeer]]:
        """Two running peers for the length of the block."""

    def recycle(self, running: RunningPeer) -> None:
        """Let no further case have it."""

    def watcher(self, running: RunningPeer) -> Watcher:
        """What captures beside a running peer.

        Raises:
            LabError: nothing can.
        """
