"""The capture: every frame of the tester's interface, from a packet socket, sorted by the address of the case."""

from __future__ import annotations

import asyncio
import socket
import time

from harness.evidence.model import Frame

_ETH_P_ALL = 0x0003
_ETHERTYPE_IPV4 = b"\x08\x00"
_FRAME_OCTETS = 65536
_BUFFER_OCTETS = 8 << 20


class Capture:
    """One packet socket for all cases; frames are kept from ``watch`` until ``collect``."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Open the socket; needs CAP_NET_RAW. Raises OSError without it."""
        self._frames: dict[bytes, list[Frame]] = {}
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_P_ALL))
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_OCTETS)
        self._socket.setblocking(False)
        loop.add_reader(self._socket, self._read)

    def watch(self, address: str) -> None:
        """Begin to keep the frames from and to an IPv4 address."""
        self._frames[socket.inet_aton(address)] = []

    def collect(self, address: str) -> tuple[Frame, ...]:
        """The frames since ``watch``; the address is watched no longer."""
        self._read()
        return tuple(self._frames.pop(socket.inet_aton(address), []))

    def _read(self) -> None:
        while True:
            try:
                octets, origin = self._socket.recvfrom(_FRAME_OCTETS)
            except BlockingIOError:
                return
            if origin[0] == "lo" or octets[12:14] != _ETHERTYPE_IPV4:
                continue
            for address in (octets[26:30], octets[30:34]):
                kept = self._frames.get(address)
                if kept is not None:
                    kept.append(Frame(time.time(), octets))
                    break
