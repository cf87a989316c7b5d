"""The lab on Docker: a network of its own for each run, the tester, peers; everything goes when the run ends."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import harness
from harness.crypto import liboqs
from harness.lab import tester, watcher
from harness.lab.docker import container_limits
from harness.lab.docker.build_context import BuildContext
from harness.lab.docker.cleanup import reap, remove_containers, remove_run
from harness.lab.docker.engine import connect
from harness.lab.docker.images import ImageBuilder, peer_context, require_image
from harness.lab.docker.network import close_to_host, create_network, subnet_of, unique_local_subnet
from harness.lab.docker.ownership import this_process
from harness.lab.docker.starts import ContainerStarts
from harness.lab.docker.tester_image import context_of_tester
from harness.lab.driver import DaemonSettings
from harness.lab.drivers import driver_family
from harness.lab.errors import LabError
from harness.lab.hosts.container import TUN, ContainerSpec
from harness.lab.hosts.host_kernel import HostKernel, runs_on_own_kernel
from harness.lab.progress import Progress, Silent
from harness.lab.running_peer import RunningPeer, start_peer
from harness.lab.signals import EndingSignals
from harness.lab.tester import CAPABILITIES, Tester
from harness.lab.warm_peers import WarmPeers
from harness.lab.watcher import Watcher
from harness.results.model import KernelChoice
from harness.scenario.peer import Peer

_CLOSE_DEADLINE_S = 30.0


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
        self._host_kernel = HostKernel(self._run_in_tester)
        self._owner = this_process()
        self._labels = self._owner.labels(run)
        self._peers = WarmPeers(self._start_peer)
        self._starts = ContainerStarts(run)
        self._tester: Tester | None = None
        self._signals = EndingSignals()
        self._ipv6_addresses = unique_local_subnet().hosts()
        self._ipv6_lock = threading.Lock()

    def __enter__(self) -> Self:
        """Connect, remove what killed runs left, make the network.

        Raises:
            DockerUnavailable: no engine answers.
            NetworkUnavailable: no network can be made.
        """
        self._client = connect()
        self._signals.take_over()
        try:
            found = reap(self._client, self._owner)
            if found.left:
                self._progress.advanced("lab", str(found))
            with self._signals.held_back():
                self._network = create_network(self._client, f"ipsec-interop-{self.run}", self._labels)
            close_to_host(self._network)
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
        own = [peer for peer in peers if self._brought_image(peer) is None and not driver_family(peer.driver).in_tester]
        return [*map(peer_context, own), self._tester_context()]

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
        with self._signals.held_back(), self._starts.start_of("tester") as name:
            self._tester = Tester(
                self._client,
                self._tester_spec(name),
                Path(harness.__file__).resolve().parent,
            )

    def image_id(self, peer: Peer) -> str:
        """See Laboratory.

        Raises:
            LabError: the engine does not have it.
        """
        if driver_family(peer.driver).in_tester:
            return ""
        return require_image(self._client, self._brought_image(peer) or peer_context(peer).tag)

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
        """See WarmPeers.running."""
        return self._peers.running(peer, daemon, copy)

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
        """The watcher beside a running peer; started if there is none yet."""
        with running.lock:
            if running.watcher is None:
                with self._starts.start_of(f"watcher-{running.peer.name}") as name:
                    tag, host = self._tester_context().tag, running.container.name
                    spec = ContainerSpec(
                        name, tag, self._network, self._labels, watcher.CAPABILITIES, container_limits.WATCHER,
                        init=True, joins=host,
                    )  # fmt: skip
                    package = Path(harness.__file__).resolve().parent
                    running.watcher = watcher.start_watcher(self._client, spec, package)
            return running.watcher

    def close(self) -> None:
        """Remove everything of this run, and what killed runs left. Ctrl-C has no effect until that is done."""
        try:
            with self._signals.void():
                self._starts.end()
                remove_containers(self._client, self.run, self._owner)  # ends whatever still waits for a container
                self._starts.wait_for_the_last(_CLOSE_DEADLINE_S)
                remove_run(self._client, self.run, self._owner)
                reap(self._client, self._owner)
                self._client.close()
        finally:
            self._signals.restore()

    def _start_peer(self, peer: Peer, daemon: DaemonSettings, files: Mapping[str, str]) -> RunningPeer:
        with self._starts.start_of(peer.name) as name:
            own_kernel = runs_on_own_kernel(peer, self._kernel_choice, self._host_kernel)
            return start_peer(
                self._client, peer, daemon, files,
                name=name, image=self._image_of(peer),
                network=self._network, labels=self._labels,
                guest=self._root / "peers" if own_kernel else None,
                ipv6=self._next_ipv6_address(),
            )  # fmt: skip

    def _run_in_tester(self, command: Sequence[str]) -> tuple[int, str]:
        return self.tester.container.run(command)

    def _next_ipv6_address(self) -> str:
        """An address that no other peer of the run has; "" where the kernel has no IPv6."""
        if not self._host_kernel.has_ipv6():
            return ""
        with self._ipv6_lock:
            return str(next(self._ipv6_addresses))

    def _image_of(self, peer: Peer) -> str:
        if driver_family(peer.driver).in_tester:
            return self._tester_context().tag
        return self._brought_image(peer) or peer_context(peer).tag

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
        return ContainerSpec(
            name, tag, self._network, self._labels, CAPABILITIES, container_limits.TESTER,
            devices=(TUN,), init=True, sysctls=tester.SYSCTLS,
        )  # fmt: skip
