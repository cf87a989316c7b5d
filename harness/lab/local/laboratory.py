"""The lab without Docker: our worker, and our engine under test, as processes on loopback; an address for each case."""

from __future__ import annotations

import ipaddress
import platform
import secrets
import socket
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from types import TracebackType
from typing import Self

from harness.lab.docker.network import AddressPool
from harness.lab.driver import DaemonSettings
from harness.lab.drivers import driver_family
from harness.lab.errors import LabError, NetworkUnavailable
from harness.lab.local.process import LocalHost, ProcessStream
from harness.lab.running_peer import RunningPeer, attached
from harness.lab.signals import EndingSignals
from harness.lab.tester import WORKER
from harness.lab.warm_peers import WarmPeers
from harness.lab.watcher import Watcher
from harness.lab.worker_channel import WorkerChannel
from harness.scenario.peer import Peer

_TRIES = 64
_SUBNETS = range(64, 250)  # the second octet of 127.x.y.0/24: away from what else listens on loopback
_LOCK_PORT = 10_999  # bound for as long as a run has a subnet, so that another run takes another one


class LocalTester:
    """Where the worker runs: this machine."""

    def __init__(self) -> None:
        self._channels: list[WorkerChannel] = []

    def open_worker(self, command: Sequence[str] = WORKER) -> WorkerChannel:
        """Start a worker; the channel to it."""
        self._channels.append(WorkerChannel(ProcessStream(command)))
        return self._channels[-1]

    def close(self) -> None:
        """End the workers."""
        for channel in self._channels:
            channel.close()


class LocalLab:
    """One run's lab on loopback. It takes the place of ``Lab`` for peers that are part of the harness."""

    engine_version = ""

    def __init__(self, run: str) -> None:
        self.run = run
        self.tester = LocalTester()
        self.kernel = platform.release()
        self._signals = EndingSignals()
        self._peers = WarmPeers(self._start_peer)
        self._running: list[RunningPeer] = []
        self._lock: socket.socket | None = None

    def __enter__(self) -> Self:
        """Take a subnet of loopback.

        Raises:
            NetworkUnavailable: none is free.
        """
        self._signals.take_over()
        self._subnet, self._lock = _free_subnet()
        self._addresses = AddressPool(self._subnet, lambda _addresses: None)
        lower = list(self._subnet.hosts())[: self._subnet.num_addresses // 2 - 1]
        self._peer_addresses = deque(map(str, lower))  # one that is given back is the last to be used again
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._signals.void():
            self.tester.close()
            for running in self._running:
                running.remove()
            if self._lock is not None:
                self._lock.close()
        self._signals.restore()

    def prepare(self, peers: Iterable[Peer]) -> None:
        """Nothing has to be built.

        Raises:
            LabError: a peer is a product, which needs a container.
        """
        for peer in peers:
            if not driver_family(peer.driver).in_tester:
                raise LabError(f"{peer.name} needs Docker: --runtime local runs what is part of the harness alone")

    def image_id(self, peer: Peer) -> str:
        """See Laboratory."""
        del peer
        return ""

    @contextmanager
    def case_address(self) -> Iterator[str]:
        """An address for one case, for as long as the block lasts."""
        address = self._addresses.take()
        try:
            yield address
        finally:
            self._addresses.give_back(address)

    def lease(self, peer: Peer, daemon: DaemonSettings | None = None) -> AbstractContextManager[RunningPeer]:
        """See WarmPeers."""
        return self._peers.lease(peer, daemon)

    def lease_alone(self, peer: Peer, daemon: DaemonSettings | None = None) -> AbstractContextManager[RunningPeer]:
        """See WarmPeers."""
        return self._peers.lease_alone(peer, daemon)

    def lease_pair(
        self, peers: tuple[Peer, Peer], daemons: tuple[DaemonSettings, DaemonSettings]
    ) -> AbstractContextManager[tuple[RunningPeer, RunningPeer]]:
        """See WarmPeers."""
        return self._peers.lease_pair(peers, daemons)

    def recycle(self, running: RunningPeer) -> None:
        """See WarmPeers."""
        self._peers.recycle(running)

    def watcher(self, running: RunningPeer) -> Watcher:
        """Raises LabError: nobody may capture on loopback without a right to."""
        raise LabError(f"{running.peer.name} cannot be watched on loopback")

    def _start_peer(self, peer: Peer, daemon: DaemonSettings, files: Mapping[str, str]) -> RunningPeer:
        try:
            address = self._peer_addresses.popleft()
        except IndexError:
            words = f"all addresses for peers of {self._subnet} are in use: run fewer cases at a time"
            raise LabError(words) from None
        host = LocalHost(f"{self.run}-{peer.name}-{len(self._running) + 1}", address, self._peer_addresses.append)
        running = attached(peer, daemon, host, files)
        self._running.append(running)
        return running


def _free_subnet() -> tuple[ipaddress.IPv4Network, socket.socket]:
    """A /24 of loopback that no other run has, and the socket that says so.

    Raises:
        NetworkUnavailable: none was found.
    """
    for _ in range(_TRIES):
        second = _SUBNETS[secrets.randbelow(len(_SUBNETS))]
        subnet = ipaddress.IPv4Network(f"127.{second}.{secrets.randbelow(256)}.0/24")
        lock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            lock.bind((str(subnet[-2]), _LOCK_PORT))
        except OSError:
            lock.close()
            continue
        return subnet, lock
    raise NetworkUnavailable("no free addresses were found on loopback (127.0.0.0/8)")
