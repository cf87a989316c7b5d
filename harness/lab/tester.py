"""The tester: the container in which the engine's sockets live, with one address for each case."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import docker

from harness.lab.container import ContainerSpec, LabContainer, package_files
from harness.lab.errors import LabError
from harness.lab.network import AddressPool, subnet_of
from harness.lab.worker_channel import WorkerChannel

WORKER = ("python3", "-m", "harness.transport.worker")
HOME = "/opt/ipsec-interop"
LIBOQS = f"{HOME}/liboqs/lib/liboqs.so"

# NET_ADMIN: addresses of cases and TUN. NET_RAW: plain ESP and capture. NET_BIND_SERVICE: ports 500 and 4500.
CAPABILITIES = ("NET_ADMIN", "NET_RAW", "NET_BIND_SERVICE")
INTERFACE = "eth0"


class Tester:
    """The started tester of a run."""

    def __init__(self, client: docker.DockerClient, spec: ContainerSpec, package: Path) -> None:
        self.container = LabContainer(client, spec)
        self.container.put(package_files(package, HOME))
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
            raise LabError(f"{self.container.name}: case addresses: {output.strip()}")
