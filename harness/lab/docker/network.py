"""The run's own network: an internal bridge (no way out), its subnet chosen by Docker, and addresses for cases.

The host has no address there, so that no peer reaches a service of the host that listens at all addresses.
"""

from __future__ import annotations

import ipaddress
import os
import secrets
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import docker
from docker.errors import APIError
from docker.models.networks import Network

from harness.lab.errors import LabError, NetworkUnavailable

MTU = 1500
"""Octets. Fixed, because fragment sizes are under test and an engine's default may be another."""

OPTIONS = {
    "com.docker.network.driver.mtu": str(MTU),
    "com.docker.network.bridge.inhibit_ipv4": "true",  # the bridge gets no address of the host's
}

_SYSTEM = Path("/proc/sys/net")
# On a bridge without an IPv4 address no source has a way back, so that with strict reverse path validation (RFC 3704)
# the host takes no IPv4 packet from it; without IPv6 it has no link-local address there, either.
_CLOSED = (("ipv4/conf", "rp_filter"), ("ipv6/conf", "disable_ipv6"))

AnyNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network


def create_network(client: docker.DockerClient, name: str, labels: Mapping[str, str]) -> Network:
    """Make the run's network.

    Raises:
        NetworkUnavailable: the engine has no free address range, or refuses for another reason.
    """
    try:
        network = client.networks.create(
            name,
            driver="bridge",
            internal=True,
            check_duplicate=True,  # of its name; without, containers might join somebody else's
            labels=dict(labels),
            options=OPTIONS,
        )
        network.reload()
    except APIError as error:
        raise NetworkUnavailable(f"network {name}: {error.explanation or error}") from error
    return network


def close_to_host(network: Network) -> str:
    """Have the engine's host take nothing from the network's bridge; "" or why that is not possible.

    Without it peers have no TCP connection to the host over IPv4, but may have one over IPv6 to the link-local address
    that the kernel gave the bridge. It goes away with the bridge.
    """
    bridge = network.attrs["Options"].get("com.docker.network.bridge.name", f"br-{str(network.id)[:12]}")
    for family, name in _CLOSED:
        setting = _SYSTEM / family / bridge / name
        try:
            if (_SYSTEM / family).is_dir():  # else the host has no IPv6
                setting.write_text("1")
        except OSError as error:
            return f"{setting}: {error.strerror}"
    return ""


def may_close_to_host() -> bool:
    """Whether this user may change how this machine takes packets; the engine may still be another machine's."""
    return os.access(_SYSTEM / "ipv4/conf/all/rp_filter", os.W_OK)


def gateway_of(network: Network) -> str:
    """The address that Docker keeps for the gateway. Containers have their default route over it."""
    return str(network.attrs["IPAM"]["Config"][0].get("Gateway") or subnet_of(network)[1])


def subnet_of(network: Network) -> AnyNetwork:
    """The subnet that Docker chose."""
    return ipaddress.ip_network(network.attrs["IPAM"]["Config"][0]["Subnet"])


def unique_local_subnet() -> ipaddress.IPv6Network:
    """A /64 that nobody else is likely to have: fd00::/8 and 56 random bits (RFC 4193 section 3.1)."""
    return ipaddress.IPv6Network((0xFD << 120 | secrets.randbits(56) << 64, 64))


class AddressPool:
    """Addresses for the engine's cases: the upper half of the subnet. Docker itself hands out from the lower end.

    An address is used again only after all others, so that a late retransmission to an ended case finds nobody.
    ``configure`` puts a batch of addresses on the tester's interface, once for each address.
    """

    def __init__(self, subnet: AnyNetwork, configure: Callable[[Sequence[str]], None], batch: int = 64) -> None:
        self._fresh: deque[str] = deque()
        self._used: deque[str] = deque()
        self._next = int(subnet.network_address) + subnet.num_addresses // 2
        self._end = int(subnet.broadcast_address)
        self._batch = batch
        self._configure = configure
        self._subnet = subnet
        self._lock = threading.Lock()

    def take(self) -> str:
        """An address that no running case has.

        Raises:
            LabError: all addresses of the upper half are in use.
        """
        with self._lock:
            if not self._fresh and self._next < self._end:
                self._add_batch()
            for supply in (self._fresh, self._used):
                if supply:
                    return supply.popleft()
        raise LabError(f"all case addresses of {self._subnet} are in use: run fewer cases at a time")

    def give_back(self, address: str) -> None:
        """The case that had this address has ended."""
        with self._lock:
            self._used.append(address)

    def _add_batch(self) -> None:
        size = min(self._batch, self._end - self._next)
        batch = [str(ipaddress.ip_address(self._next + offset)) for offset in range(size)]
        self._configure(batch)
        self._next += size
        self._fresh.extend(batch)
