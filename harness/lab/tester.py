"""The tester: the container in which the engine's sockets live, with one address for each case."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import docker

from harness.lab.docker.network import AddressPool, gateway_of, subnet_of
from harness.lab.errors import LabError
from harness.lab.hosts.container import ContainerSpec, LabContainer, package_files
from harness.lab.worker_channel import WorkerChannel

WORKER = ("python3", "-m", "harness.transport.worker")
HOME = "/opt/ipsec-interop"
LIBOQS = f"{HOME}/liboqs/lib/liboqs.so"

# NET_ADMIN: addresses of cases and TUN. NET_RAW: plain ESP and capture. NET_BIND_SERVICE: ports 500 and 4500.
CAPABILITIES = ("NET_ADMIN", "NET_RAW", "NET_BIND_SERVICE")
INTERFACE = "eth0"

SYSCTLS = {"net.ipv4.ip_forward": "0"}
"""What is sent to the network's gateway, which the tester is, goes no further."""


class Tester:
    """The started tester of a run."""

    def __init__(self, client: docker.DockerClient, spec: ContainerSpec, package: Path) -> None:
        self.container = LabContainer(client, spec)
        self.container.put(package_files(package, HOME))
        self._add_addresses([gateway_of(spec.network)])
        self._addresses = AddressPool(subnet_of(spec.network), self._add_addresses)
        self._channels: list[WorkerChannel] = []

    def open_worker(self, command: Sequence[str] = WORKER) -> WorkerChannel:
        """Start a worker; the channel to it."""
        channel = WorkerChannel(self.container.open(command))
        self._channels.append(channel)
        return channel

    def take_address(self) -> str:
        """An address of the tester that no running case has; give it back when the case has ended.

        Raises:
            LabError: the subnet has no address left.
        """
        return self._addresses.take()

    def give_back_address(self, address: str) -> None:
        """The case that had ``address`` has ended."""
        self._addresses.give_back(address)

    def close(self) -> None:
        """End the workers and remove the container."""
        for channel in self._channels:
            channel.close()
        self.container.remove()

    def _add_addresses(self, addresses: Sequence[str]) -> None:
        script = "".join(f"address add {address}/32 dev {INTERFACE}\n" for address in addresses)
        status, output = self.container.run(["sh", "-c", 'printf "%s" "$1" | ip -batch -', "ip", script])
        if status:
            raise LabError(f"{self.container.name}: addresses: {output.strip()}")
