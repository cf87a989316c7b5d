"""UDP sockets of one case: the engine's address on ports 500 and 4500."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from harness.ike.configuration import Address, Datagram, Path

IKE_PORT, NAT_PORT = 500, 4500

Receiver = Callable[[bytes, Path], None]


class _Port(asyncio.DatagramProtocol):
    def __init__(self, local: Address, receiver: Receiver) -> None:
        self._local = local
        self._receiver = receiver

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._receiver(data, Path(self._local, (addr[0], addr[1])))


class Endpoint:
    """Both ports of one address, with one receiver for what arrives on either."""

    def __init__(self) -> None:
        self._transports: dict[int, asyncio.DatagramTransport] = {}

    @classmethod
    async def open(cls, address: str, receiver: Receiver, ports: tuple[int, ...] = (IKE_PORT, NAT_PORT)) -> Endpoint:
        """Bind the address. Port 0 takes any free one. Raises OSError when it is not ours or in use."""
        endpoint = cls()
        loop = asyncio.get_running_loop()
        for port in ports:
            local = (address, port)
            transport, _ = await loop.create_datagram_endpoint(
                lambda local=local: _Port(local, receiver),  # type: ignore[misc]
                local_addr=local,
            )
            endpoint._transports[port] = transport
        return endpoint

    def send(self, datagram: Datagram) -> None:
        """Send from the port that the datagram's path begins at."""
        self.send_raw(datagram.payload, datagram.path)

    def send_raw(self, payload: bytes, path: Path) -> None:
        """Send any payload: ESP in UDP goes this way, too."""
        self._transports[path.local[1]].sendto(payload, path.remote)

    def close(self) -> None:
        """Give the ports back."""
        for transport in self._transports.values():
            transport.close()
