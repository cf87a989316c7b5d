"""A peer that runs: its container, its driver, and who is using it."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import docker
import paramiko
from docker.models.networks import Network

import harness
from harness.lab.docker import container_limits
from harness.lab.driver import DaemonSettings, PeerDriver
from harness.lab.drivers import driver_family
from harness.lab.errors import LabError, PeerUnreachable, WrongSheet, WrongVersion
from harness.lab.hosts import own_kernel
from harness.lab.hosts.container import TUN, ContainerSpec, LabContainer, package_files
from harness.lab.hosts.host import RestartableHost
from harness.lab.tester import CAPABILITIES as TESTER_CAPABILITIES
from harness.lab.tester import HOME
from harness.lab.waiting import wait_until
from harness.lab.watcher import Watcher
from harness.registry.transforms import TransformType
from harness.scenario.model import IpVersion
from harness.scenario.peer import Peer

READY_DEADLINE_S = 45.0  # several guests may boot side by side, and a daemon may settle for a while
_READY_POLL_S = 0.1  # each look costs the engine a reading of the log, while guests boot and need the processor

# NET_ADMIN: the TUN device, addresses and routes. NET_BIND_SERVICE: ports 500 and 4500.
CAPABILITIES = ("NET_ADMIN", "NET_BIND_SERVICE")

# Docker leaves IPv6 off in a container of an IPv4 network. It is put on for eth0 and for the interface that a daemon
# with ESP of its own makes ("all" is both of them); the latter gets no link-local address, as what the kernel would say
# from there has no tunnel.
_IPV6_SYSCTLS = {"net.ipv6.conf.all.disable_ipv6": "0", "net.ipv6.conf.default.addr_gen_mode": "1"}


@dataclass(slots=True)
class RunningPeer:
    """One warm container of a peer with one set of daemon-wide settings. Cases share it, each with its connection."""

    peer: Peer
    daemon: DaemonSettings
    container: RestartableHost
    driver: PeerDriver
    version: str  # as the daemon reports it
    files: Mapping[str, str]  # the daemon-wide configuration by path
    kernel: str  # whose kernel does its ESP, "" where the daemon does it: "own Linux 6.12.101", "the host's"
    ipv6: str = ""  # the address that it has for IPv6; "" where the kernel has no IPv6
    watcher: Watcher | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)
    uses: int = 0
    retired: bool = False

    @property
    def address(self) -> str:
        """Its IPv4 address in the run's network."""
        return self.container.address

    def address_of(self, version: IpVersion) -> str:
        """Its address of that IP version in the run's network.

        Docker gives the IPv4 one. The IPv6 one is set here, each time, as a restart takes it away: the network's bridge
        carries IPv6 without knowing of it, and has neither router nor way out. The route is for what ESP policy takes.

        Raises:
            LabError: there is no IPv6 where it runs, or the address cannot be set.
        """
        if version is IpVersion.IPV4:
            return self.container.address
        if not self.ipv6:
            raise LabError(f"{self.container.name}: the kernel that containers run on has no IPv6")
        for command in (
            ["ip", "address", "replace", f"{self.ipv6}/64", "dev", "eth0", "nodad"],  # nobody else has it
            ["ip", "-6", "route", "replace", "default", "dev", "eth0"],
        ):
            status, output = self.container.run(command)
            if status:
                raise LabError(f"{self.container.name}: {' '.join(command)}: {output.strip() or f'status {status}'}")
        return self.ipv6

    @property
    def image_id(self) -> str:
        """The id of the image it runs."""
        return self.container.image_id

    def restart(self) -> float:
        """Kill it and start it again; the seconds until its daemon reports its version. No case may be using it.

        Raises:
            NotReady: the daemon does not come back.
            WrongVersion: it comes back as another one.
        """
        began = time.monotonic()
        self.driver.close()
        self.container.restart()
        self.driver = driver_family(self.peer.driver).attach(self.peer, self.container, self.daemon)
        version = _wait_for_version(self.peer, self.container, self.driver)
        if version != self.version:
            raise WrongVersion(f"{self.peer.name}: after a restart it reports {version}, before it {self.version}")
        return time.monotonic() - began

    def remove(self) -> None:
        """Stop and remove it."""
        if self.watcher is not None:
            self.watcher.remove()
        self.driver.close()
        self.container.remove()


def start_peer(
    client: docker.DockerClient,
    peer: Peer,
    daemon: DaemonSettings,
    files: Mapping[str, str],
    *,
    name: str,
    image: str,
    network: Network,
    labels: Mapping[str, str],
    guest: Path | None = None,
    ipv6: str = "",
) -> RunningPeer:
    """Start a container of a peer and wait until its daemon answers.

    ``guest`` is the folder of peers/ where the peer is to run on a kernel of its own, None where it uses the host's.
    ``ipv6`` is its address for cases that need one.

    Raises:
        NotReady: the daemon did not answer in time, or its container ended.
        WrongVersion: it is not the version that the peer is named after.
        WrongSheet: its build has other key exchange methods than its capability sheet says.
    """
    octets = {path: text.encode() for path, text in files.items()}
    sysctls = _IPV6_SYSCTLS if ipv6 else {}
    spec = ContainerSpec(
        name, image, network, labels, CAPABILITIES, container_limits.PEER,
        devices=(TUN,), files=octets, sysctls=sysctls,
    )  # fmt: skip
    family = driver_family(peer.driver)
    if family.in_tester:
        spec = replace(spec, capabilities=TESTER_CAPABILITIES)
    container = LabContainer(client, spec) if guest is None else _boot_guest(client, spec, guest)
    if family.in_tester and isinstance(container, LabContainer):
        container.put(package_files(Path(harness.__file__).resolve().parent, HOME))
    return attached(peer, daemon, container, files, ipv6)


def attached(
    peer: Peer, daemon: DaemonSettings, host: RestartableHost, files: Mapping[str, str], ipv6: str = ""
) -> RunningPeer:
    """A peer on a host that was just started, once its daemon answers; if it does not, the host is removed.

    Raises:
        NotReady, WrongVersion, WrongSheet: as ``start_peer``.
    """
    driver = driver_family(peer.driver).attach(peer, host, daemon)
    try:
        version = _wait_for_version(peer, host, driver)
        if not _is_version(version, peer.version):
            image = f" in image {host.image_id}" if host.image_id else ""
            raise WrongVersion(f"{peer.name}: the daemon{image} reports {version}, not {peer.version}")
        _check_sheet(peer, driver.key_exchange_methods())
    except LabError:
        driver.close()
        host.remove()
        raise
    return RunningPeer(peer, daemon, host, driver, version, files, _kernel_words(peer, host), ipv6)


def _boot_guest(client: docker.DockerClient, spec: ContainerSpec, peers: Path) -> own_kernel.OwnKernel:
    key = paramiko.ECDSAKey.generate()
    with_guest = replace(
        spec,
        capabilities=own_kernel.CAPABILITIES,
        limits=container_limits.GUEST,
        entrypoint=own_kernel.ENTRYPOINT,
        tmpfs=own_kernel.MEMORY,
        files={**(spec.files or {}), **own_kernel.guest_files(peers, key)},
    )
    return own_kernel.OwnKernel(LabContainer(client, with_guest), key)


def _kernel_words(peer: Peer, container: RestartableHost) -> str:
    if isinstance(container, own_kernel.OwnKernel):
        return f"own {container.kernel}"
    return "the host's" if peer.esp_implementation == "kernel" else ""


def _wait_for_version(peer: Peer, container: RestartableHost, driver: PeerDriver) -> str:
    last = ""

    def probe() -> str | None:
        nonlocal last
        try:
            return driver.version()
        except PeerUnreachable as error:
            last = str(error)
            return None if container.is_running() else ""

    answer = wait_until(
        f"peer {peer.name} ({container.name})",
        probe,
        deadline_s=READY_DEADLINE_S,
        pattern=f"an answer to {peer.driver}'s version command",
        state=lambda: f"{container.state()}; at last: {last}",
        log=container.log,
        interval_s=_READY_POLL_S,
    )
    if not answer:
        return wait_until(
            f"peer {peer.name} ({container.name})", lambda: None, deadline_s=0, pattern="a daemon that keeps running",
            state=container.state, log=container.log,
        )  # fmt: skip
    return answer


def _check_sheet(peer: Peer, has: frozenset[str] | None) -> None:
    """UNSUPPORTED rests on the capability sheet, so the sheet must be what the running build says of itself.

    Raises:
        WrongSheet: the sheet names a method that the build lacks, or lacks one that the build has.
    """
    if has is None:
        return
    kind = TransformType.KE
    sheet = {algorithm.name(kind) for algorithm in peer.capabilities.ike.get(kind, frozenset())} - {"none"}
    if missing := sheet - has:
        raise WrongSheet(f"{peer.name}: its peer.toml names {', '.join(sorted(missing))}, which the daemon lacks")
    if unnamed := has - sheet - {"none"}:
        raise WrongSheet(f"{peer.name}: the daemon has {', '.join(sorted(unnamed))}, which its peer.toml does not name")


def _is_version(reported: str, wanted: str) -> bool:
    """Whether ``wanted`` is a prefix of ``reported`` in whole numbers: 6.1 is of 6.1.0, not of 6.10; "" of any."""
    return not wanted or reported == wanted or (reported.startswith(wanted) and not reported[len(wanted)].isdigit())
