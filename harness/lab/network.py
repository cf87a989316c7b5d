"""The run's own network: an internal bridge (no way out), its subnet chosen by Docker, and addresses for cases."""

from __future__ import annotations

import ipaddress
import secrets
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence

import docker
from docker.errors import APIError
from docker.models.networks import Network

from harness.lab.errors import LabError, NetworkUnavailable

MTU = 1500
"""Octets. Fixed, because fragment sizes are under test and an engine's default may be another."""

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
            labels=dict(labels),
            options={"com.docker.network.driver.mtu": str(MTU)},
        )
        network.reload()
    except APIError as error:
        raise NetworkUnavailable(f"network {name}: {error.explanation or error}") from error
    return network


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
