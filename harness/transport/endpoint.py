"""Sockets of one case: the engine's address on UDP ports 500 and 4500, and bare ESP."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

from harness.ike.configuration import Address, Datagram, Path
from harness.transport.packet_filter import attach, packets_from
from harness.transport.wiring import DIRECT, Wiring

IKE_PORT, NAT_PORT, BARE_ESP = 500, 4500, 0
"""UDP ports, and 0 in the place of one for ESP right above IP."""

_ESP = 50  # IP protocol number
_PACKET_OCTETS = 65535

Receiver = Callable[[bytes, Path], None]


class _Port(asyncio.DatagramProtocol):
    def __init__(self, local: Address, receiver: Receiver, wiring: Wiring) -> None:
        self._local = local
        self._receiver = receiver
        self._wiring = wiring

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        path = Path(self._local, self._wiring.logical((addr[0], addr[1])))
        self._wiring.told(data, path, sent=False)
        self._receiver(data, path)


class Endpoint:
    """All sockets of one address, with one receiver for what arrives on any."""

    def __init__(self, wiring: Wiring = DIRECT) -> None:
        self._wiring = wiring
        self._transports: dict[int, asyncio.DatagramTransport] = {}
        self._bare: socket.socket | None = None
        self._closed = False

    @classmethod
    async def open(
        cls,
        address: str,
        receiver: Receiver,
        ports: tuple[int, ...] = (IKE_PORT, NAT_PORT),
        wiring: Wiring = DIRECT,
        only_from: str = "",
    ) -> Endpoint:
        """Bind the address. Port 0 takes any free one. Raises OSError when it is not ours or in use.

        ``only_from`` is the one address that is heard, "" for all: what others send here does not reach this process.
        """
        endpoint = cls(wiring)
        loop = asyncio.get_running_loop()
        for port in ports:
            local = (address, port)
            transport, _ = await loop.create_datagram_endpoint(
                lambda local=local: _Port(local, receiver, wiring),  # type: ignore[misc]
                sock=_bound(wiring.actual(local), only_from),
            )
            endpoint._transports[port] = transport
        return endpoint

    def open_bare_esp(self, address: str, receiver: Receiver, only_from: str = "") -> None:
        """Take part in ESP without UDP (RFC 4303 section 2), where the wiring has it. Raises OSError if denied."""
        if not self._wiring.bare_esp:
            return
        bare = self._bare = socket.socket(socket.AF_INET, socket.SOCK_RAW, _ESP)
        bare.setblocking(False)
        if only_from:
            attach(bare, packets_from(only_from))
        bare.bind((address, 0))

        def read() -> None:
            try:
                packet, source = bare.recvfrom(_PACKET_OCTETS)
            except BlockingIOError:  # the loop may call although nothing is there any more
                return
            header = 4 * (packet[0] & 15)  # a raw IPv4 socket delivers the IP header, too (RFC 791 section 3.1)
            receiver(packet[header:], Path((address, BARE_ESP), (source[0], BARE_ESP)))

        asyncio.get_running_loop().add_reader(bare, read)

    def send(self, datagram: Datagram) -> None:
        """Send from the port that the datagram's path begins at."""
        self.send_raw(datagram.payload, datagram.path)

    def send_raw(self, payload: bytes, path: Path) -> Path | None:
        """Send any payload: ESP goes this way, in UDP or, from port 0, without.

        The path that it took; None where it did not leave, as after ``close``.
        """
        if self._closed:
            return None
        if path.local[1] == BARE_ESP and NAT_PORT in self._transports and self._bare is None:  # in UDP (RFC 3948)
            path = Path((path.local[0], NAT_PORT), (path.remote[0], NAT_PORT))
        self._wiring.told(payload, path, sent=True)
        if path.local[1] == BARE_ESP and self._bare is not None:
            try:
                self._bare.sendto(payload, path.remote)
            except BlockingIOError:  # the buffer is full: IP promises no delivery
                return None
        else:
            self._transports[path.local[1]].sendto(payload, self._wiring.actual(path.remote))
        return path

    def close(self) -> None:
        """Give the ports back; once is enough."""
        if self._closed:
            return
        self._closed = True
        for transport in self._transports.values():
            transport.close()
        if self._bare is not None:
            asyncio.get_running_loop().remove_reader(self._bare)
            self._bare.close()


def _bound(address: Address, only_from: str) -> socket.socket:
    """A socket at an address that hears another one alone, or everybody."""
    port = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        port.setblocking(False)
        if only_from:
            attach(port, packets_from(only_from))
        port.bind(address)
    except OSError:
        port.close()
        raise
    return port
