"""Sockets of one case: the engine's address on UDP ports 500 and 4500, and bare ESP."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

from harness.ike.configuration import Address, Datagram, Path

IKE_PORT, NAT_PORT, BARE_ESP = 500, 4500, 0
"""UDP ports, and 0 in the place of one for ESP right above IP."""

_ESP = 50  # IP protocol number
_PACKET_OCTETS = 65535

Receiver = Callable[[bytes, Path], None]


class _Port(asyncio.DatagramProtocol):
    def __init__(self, local: Address, receiver: Receiver) -> None:
        self._local = local
        self._receiver = receiver

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._receiver(data, Path(self._local, (addr[0], addr[1])))


class Endpoint:
    """All sockets of one address, with one receiver for what arrives on any."""

    def __init__(self) -> None:
        self._transports: dict[int, asyncio.DatagramTransport] = {}
        self._bare: socket.socket | None = None

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

    def open_bare_esp(self, address: str, receiver: Receiver) -> None:
        """Take part in ESP without UDP (RFC 4303 section 2), too; needs CAP_NET_RAW. Raises OSError without it."""
        bare = self._bare = socket.socket(socket.AF_INET, socket.SOCK_RAW, _ESP)
        bare.setblocking(False)
        bare.bind((address, 0))

        def read() -> None:
            packet, source = bare.recvfrom(_PACKET_OCTETS)
            header = 4 * (packet[0] & 15)  # a raw IPv4 socket delivers the IP header, too (RFC 791 section 3.1)
            receiver(packet[header:], Path((address, BARE_ESP), (source[0], BARE_ESP)))

        asyncio.get_running_loop().add_reader(bare, read)

    def send(self, datagram: Datagram) -> None:
        """Send from the port that the datagram's path begins at."""
        self.send_raw(datagram.payload, datagram.path)

    def send_raw(self, payload: bytes, path: Path) -> None:
        """Send any payload: ESP goes this way, in UDP or, from port 0, without."""
        if path.local[1] == BARE_ESP and self._bare is not None:
            self._bare.sendto(payload, path.remote)
        else:
            self._transports[path.local[1]].sendto(payload, path.remote)

    def close(self) -> None:
        """Give the ports back."""
        for transport in self._transports.values():
            transport.close()
        if self._bare is not None:
            asyncio.get_running_loop().remove_reader(self._bare)
            self._bare.close()
