"""Warm peers: containers that cases share by lease, and that go when they are retired and their last user has left."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager

from harness.lab.driver import DaemonSettings
from harness.lab.drivers import driver_family
from harness.lab.running_peer import RunningPeer
from harness.scenario.peer import Peer

Start = Callable[[Peer, DaemonSettings, Mapping[str, str]], RunningPeer]
"""Starts a container of a peer; the last argument is the rendered daemon-wide configuration, by path."""

Variant = tuple[str, int, tuple[tuple[str, str], ...]]
"""What makes two peers one container: the peer's name, the copy, and the rendered daemon-wide configuration."""

EXCLUSIVE_COPIES = 2
"""Containers side by side of a peer whose daemon takes one case at a time."""


class WarmPeers:
    """The peers of a run that stay up from case to case. Any method may be called from any thread."""

    def __init__(self, start: Start) -> None:
        self._start = start
        self._warm: dict[Variant, RunningPeer] = {}
        self._variant_locks: dict[Variant, threading.Lock] = {}
        self._free_copies: dict[str, queue.LifoQueue[int]] = {}
        self._pair_locks: dict[frozenset[str], threading.Lock] = {}
        self._lock = threading.Lock()

    def running(self, peer: Peer, daemon: DaemonSettings | None = None, copy: int = 0) -> RunningPeer:
        """The warm container of a peer with these daemon-wide settings; started if there is none that runs.

        ``copy`` tells apart the containers of a peer that takes one case at a time.

        Raises:
            NotReady, WrongVersion, TemplateError: it cannot be started as described.
        """
        settings = daemon or DaemonSettings()
        files = driver_family(peer.driver).daemon_files(peer, settings)
        variant = (peer.name, copy, tuple(sorted(files.items())))
        with self._lock:
            lock = self._variant_locks.setdefault(variant, threading.Lock())
        with lock:
            warm = self._warm.get(variant)
            if warm is not None and warm.container.is_running():
                return warm
            if warm is not None:
                self.recycle(warm)
            self._warm[variant] = started = self._start(peer, settings, files)
            return started

    def recycle(self, running: RunningPeer) -> None:
        """No new case gets this container; the next one that asks for the peer gets a fresh one."""
        with self._lock:
            for variant, warm in list(self._warm.items()):
                if warm is running:
                    del self._warm[variant]
            unused = not running.uses and not running.retired
            running.retired = True
        if unused:
            running.remove()

    @contextmanager
    def lease(self, peer: Peer, daemon: DaemonSettings | None = None, *, twin: bool = False) -> Iterator[RunningPeer]:
        """``peer`` for the length of the block: a recycled container goes only when its last user has left.

        A peer that takes one case at a time is leased to one user at a time; the others wait. ``twin`` asks for the
        second container of a peer that meets itself.
        """
        with self._copy_of(peer, twin) as copy:
            running = self._taken(peer, daemon, copy)
            try:
                yield running
            finally:
                with self._lock:
                    running.uses -= 1
                    last = running.retired and not running.uses
                if last:
                    running.remove()

    @contextmanager
    def lease_alone(self, peer: Peer, daemon: DaemonSettings | None = None) -> Iterator[RunningPeer]:
        """A fresh container of ``peer`` that nobody else gets, for the length of the block.

        Raises:
            NotReady, WrongVersion, TemplateError: it cannot be started as described.
        """
        settings = daemon or DaemonSettings()
        running = self._start(peer, settings, driver_family(peer.driver).daemon_files(peer, settings))
        running.uses = 1
        try:
            yield running
        finally:
            running.remove()

    @contextmanager
    def lease_pair(
        self, peers: tuple[Peer, Peer], daemons: tuple[DaemonSettings, DaemonSettings]
    ) -> Iterator[tuple[RunningPeer, RunningPeer]]:
        """Two peers for the length of the block, and nobody else has just these two meanwhile.

        By its addresses alone a product tells apart the connections that it answers for, and so does a capture. A peer
        that meets itself runs twice. The two are always taken in the same order, so that no two cases wait for each
        other.
        """
        key = frozenset(peer.name for peer in peers)
        with self._lock:
            lock = self._pair_locks.setdefault(key, threading.Lock())
        with lock, ExitStack() as stack:
            if len(key) == 1:
                first = stack.enter_context(self.lease(peers[0], daemons[0]))
                yield first, stack.enter_context(self.lease(peers[1], daemons[1], twin=True))
                return
            leased = {
                index: stack.enter_context(self.lease(peers[index], daemons[index]))
                for index in sorted((0, 1), key=lambda index: peers[index].name)
            }
            yield leased[0], leased[1]

    @contextmanager
    def _copy_of(self, peer: Peer, twin: bool) -> Iterator[int]:
        """The number of a copy that nobody else has, for a peer that takes one case at a time; else 0, a twin's 1."""
        if peer.concurrent:
            yield int(twin)
            return
        with self._lock:
            free = self._free_copies.setdefault(peer.name, _all_copies())
        copy = free.get()
        try:
            yield copy
        finally:
            free.put(copy)

    def _taken(self, peer: Peer, daemon: DaemonSettings | None, copy: int) -> RunningPeer:
        """``peer``, counted as in use; one that is retired between the two is not taken."""
        while True:
            running = self.running(peer, daemon, copy)
            with self._lock:
                if not running.retired:
                    running.uses += 1
                    return running


def _all_copies() -> queue.LifoQueue[int]:
    copies: queue.LifoQueue[int] = queue.LifoQueue()
    for number in reversed(range(EXCLUSIVE_COPIES)):
        copies.put(number)
    return copies
