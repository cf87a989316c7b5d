"""The lab on Docker: a network of its own for each run, the tester, warm peers; everything goes when the run ends."""

from __future__ import annotations

import queue
import re
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Self

import harness
from harness.crypto import liboqs
from harness.lab import watcher
from harness.lab.build_context import BuildContext
from harness.lab.cleanup import reap, remove_containers, remove_run
from harness.lab.container import TUN, ContainerSpec
from harness.lab.driver import DaemonSettings
from harness.lab.drivers import driver_family
from harness.lab.engine import connect
from harness.lab.errors import LabError
from harness.lab.host_kernel import KernelChoice, has_esp
from harness.lab.images import ImageBuilder, peer_context, require_image
from harness.lab.network import create_network, subnet_of, unique_local_subnet
from harness.lab.ownership import this_process
from harness.lab.progress import Progress, Silent
from harness.lab.running_peer import RunningPeer, start_peer
from harness.lab.signals import EndingSignals
from harness.lab.tester import CAPABILITIES, Tester
from harness.lab.tester_image import context_of_tester
from harness.lab.watcher import Watcher
from harness.scenario.peer import Peer

Variant = tuple[str, int, tuple[tuple[str, str], ...]]
"""What makes two peers one container: the image, the copy, and the rendered daemon-wide configuration."""

EXCLUSIVE_COPIES = 2
"""Containers side by side of a peer whose daemon takes one case at a time."""

_CLOSE_DEADLINE_S = 30.0
_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9_.-]")


def project_root() -> Path:
    """The folder that holds ``harness/``, ``peers/`` and ``requirements/``."""
    return Path(harness.__file__).resolve().parent.parent


class Lab:
    """One run's lab. ``with Lab(run_id) as lab: lab.prepare(peers); ...``; all methods may be called from any thread.

    ``images`` replaces the image of a peer by one that the engine has, by peer name. ``kernel`` says whose kernel does
    ESP for the peers that need one.
    """

    def __init__(
        self,
        run: str,
        *,
        images: Mapping[str, str] | None = None,
        progress: Progress | None = None,
        root: Path | None = None,
        kernel: KernelChoice = KernelChoice.AUTO,
    ) -> None:
        self.run = run
        self._brought = dict(images or {})
        self._progress = progress or Silent()
        self._root = root or project_root()
        self._kernel_choice = kernel
        self._labels = this_process().labels(run)
        self._warm: dict[Variant, RunningPeer] = {}
        self._variant_locks: dict[Variant, threading.Lock] = {}
        self._counts: dict[str, int] = {}
        self._free_copies: dict[str, queue.LifoQueue[int]] = {}
        self._copies_made: set[str] = set()
        self._pair_locks: dict[frozenset[str], threading.Lock] = {}
        self._lock = threading.Lock()
        self._starting = 0
        self._idle = threading.Condition(self._lock)
        self._closed = False
        self._tester: Tester | None = None
        self._signals = EndingSignals()
        self._ipv6_addresses = unique_local_subnet().hosts()

    def __enter__(self) -> Self:
        """Connect, remove what killed runs left, make the network.

        Raises:
            DockerUnavailable: no engine answers.
            NetworkUnavailable: no network can be made.
        """
        self._client = connect()
        self._signals.take_over()
        try:
            found = reap(self._client, this_process())
            if found.left:
                self._progress.advanced("lab", str(found))
            with self._signals.held_back():
                self._network = create_network(self._client, f"ipsec-interop-{self.run}", self._labels)
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def subnet(self) -> str:
        """The subnet of the run's network: ``172.18.0.0/16``."""
        return str(subnet_of(self._network))

    @property
    def engine_version(self) -> str:
        """The version of Docker's engine."""
        return str(self._client.version()["Version"])

    @property
    def kernel(self) -> str:
        """The kernel that the containers run on."""
        return str(self._client.info()["KernelVersion"])

    def contexts(self, peers: Iterable[Peer]) -> list[BuildContext]:
        """What has to be built for these peers and the tester."""
        built = [peer_context(peer) for peer in peers if self._brought_image(peer) is None]
        return [*built, self._tester_context()]

    def prepare(self, peers: Iterable[Peer]) -> None:
        """Build the images that are missing for these peers and the tester, and start the tester.

        Raises:
            ImageBuildFailed: a build failed.
            LabError: an image that the user brings is not there.
        """
        peers = list(peers)
        for name in filter(None, map(self._brought_image, peers)):
            require_image(self._client, name)
        ImageBuilder(self._client, self._progress).build(self.contexts(peers))
        if self._tester is not None:
            return
        with self._signals.held_back(), self._start_of("tester") as name:
            self._tester = Tester(
                self._client,
                self._tester_spec(name),
                Path(harness.__file__).resolve().parent,
            )

    @property
    def tester(self) -> Tester:
        """The tester; ``prepare`` has started it."""
        if self._tester is None:
            raise LabError("the lab is not prepared: there is no tester yet")
        return self._tester

    @contextmanager
    def case_address(self) -> Iterator[str]:
        """An address of the tester for one case, for as long as the block lasts."""
        address = self.tester.take_address()
        try:
            yield address
        finally:
            self.tester.give_back_address(address)

    def peer(self, peer: Peer, daemon: DaemonSettings | None = None, copy: int = 0) -> RunningPeer:
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
            with self._start_of(peer.name) as name:
                image = self._brought_image(peer) or peer_context(peer).tag
                self._warm[variant] = started = start_peer(
                    self._client, peer, settings, files,
                    name=name, image=image, network=self._network, labels=self._labels,
                    guest=self._root / "peers" if self._on_own_kernel(peer) else None,
                    ipv6=self._next_ipv6_address(),
                )  # fmt: skip
            return started

    def watcher(self, running: RunningPeer) -> Watcher:
        """The watcher beside a running peer; started if there is none yet."""
        with running.lock:
            if running.watcher is None:
                with self._start_of(f"watcher-{running.peer.name}") as name:
                    tag, host = self._tester_context().tag, running.container.name
                    spec = ContainerSpec(
                        name, tag, self._network, self._labels, watcher.CAPABILITIES, init=True, joins=host
                    )
                    package = Path(harness.__file__).resolve().parent
                    running.watcher = watcher.start_watcher(self._client, spec, package)
            return running.watcher

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
    def _copy_of(self, peer: Peer, twin: bool) -> Iterator[int]:
        """The number of a copy that nobody else has, for a peer that takes one case at a time; else 0, a twin's 1."""
        if peer.concurrent:
            yield int(twin)
            return
        with self._lock:
            free = self._free_copies.setdefault(peer.name, queue.LifoQueue())
            if peer.name not in self._copies_made:
                self._copies_made.add(peer.name)
                for number in reversed(range(EXCLUSIVE_COPIES)):
                    free.put(number)
        copy = free.get()
        try:
            yield copy
        finally:
            free.put(copy)

    def _taken(self, peer: Peer, daemon: DaemonSettings | None, copy: int) -> RunningPeer:
        """``peer``, counted as in use; one that is retired between the two is not taken."""
        while True:
            running = self.peer(peer, daemon, copy)
            with self._lock:
                if not running.retired:
                    running.uses += 1
                    return running

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

    def close(self) -> None:
        """Remove everything of this run, and what killed runs left. Ctrl-C has no effect until that is done."""
        try:
            with self._signals.void():
                with self._lock:
                    self._closed = True
                remove_containers(self._client, self.run)  # ends whatever still waits for a container
                with self._lock:
                    self._idle.wait_for(lambda: not self._starting, timeout=_CLOSE_DEADLINE_S)
                remove_run(self._client, self.run)
                reap(self._client, this_process())
                self._client.close()
        finally:
            self._signals.restore()

    @contextmanager
    def _start_of(self, what: str) -> Iterator[str]:
        """A new container's name; counted while it starts, so that closing can wait for it."""
        with self._lock:
            if self._closed:
                raise LabError("the lab is closed")
            self._starting += 1
            self._counts[what] = number = self._counts.get(what, 0) + 1
        try:
            yield f"ipsec-interop-{self.run}-{_NOT_IN_A_NAME.sub('-', what)}-{number}"
        finally:
            with self._lock:
                self._starting -= 1
                self._idle.notify_all()

    @cached_property
    def _host_has_esp(self) -> bool:
        """Asked in the tester, whose kernel is the one that peers' containers have, too."""
        return has_esp(self.tester.container.run)

    @cached_property
    def _host_has_ipv6(self) -> bool:
        """Whether a container's kernel knows IPv6 at all; asked in the tester."""
        return self.tester.container.run(["test", "-e", "/proc/sys/net/ipv6/conf/default/addr_gen_mode"])[0] == 0

    def _next_ipv6_address(self) -> str:
        """An address that no other peer of the run has; "" where the kernel has no IPv6."""
        if not self._host_has_ipv6:
            return ""
        with self._lock:
            return str(next(self._ipv6_addresses))

    def _on_own_kernel(self, peer: Peer) -> bool:
        if peer.esp_implementation != "kernel":
            return False
        if self._kernel_choice is KernelChoice.HOST:
            if not self._host_has_esp:
                raise LabError(f"{peer.name}: --kernel host, but the host's kernel {self.kernel} has no ESP")
            return False
        return self._kernel_choice is KernelChoice.OWN or not self._host_has_esp

    def _brought_image(self, peer: Peer) -> str | None:
        return self._brought.get(peer.name)

    def _tester_context(self) -> BuildContext:
        library = liboqs.find_library()
        return context_of_tester(
            self._root / "peers" / "tester",
            self._root / "requirements" / "worker.lock",
            library if library and library.is_file() else None,
            str(self._client.info()["Architecture"]),
        )

    def _tester_spec(self, name: str) -> ContainerSpec:
        tag = self._tester_context().tag
        return ContainerSpec(name, tag, self._network, self._labels, CAPABILITIES, devices=(TUN,), init=True)
