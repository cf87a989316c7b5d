"""The capture: every frame of the tester's interface, from a packet socket, sorted by the address of the case."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import struct
import time
from dataclasses import dataclass, field

from harness.evidence.model import Frame

_ETH_P_ALL = 0x0003
_ADDRESSES = {b"\x08\x00": (26, 30, 34), b"\x86\xdd": (22, 38, 54)}
"""Where a frame's source and destination begin and end, by its EtherType: IPv4, IPv6."""
_FRAME_OCTETS = 65536
_BUFFER_OCTETS = 8 << 20
_SOL_PACKET, _PACKET_STATISTICS = 263, 6  # Linux: if_packet.h
_STATISTICS = struct.Struct("=II")  # tp_packets, tp_drops


@dataclass(slots=True)
class _Watched:
    drops_before: int
    frames: list[Frame] = field(default_factory=list)


class Capture:
    """One packet socket for all cases; frames are kept from ``watch`` until ``collect``.

    Seen is what the interface carries from or to an address of the case: the outer one, and the inner ones, in case
    that inner packets go there outside ESP. What the kernel drops because nobody read in time it only counts, for all
    cases together.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Open the socket; needs CAP_NET_RAW. Raises OSError without it."""
        self._watched: dict[bytes, _Watched] = {}
        self._drops = 0
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_P_ALL))
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_OCTETS)
        self._socket.setblocking(False)
        loop.add_reader(self._socket, self._read)

    def watch(self, *addresses: str) -> None:
        """Begin to keep the frames from and to the IP addresses of a case, outer and inner; no other case has them."""
        watched = _Watched(self._drops_so_far())
        for each in addresses:
            self._watched[ipaddress.ip_address(each).packed] = watched

    def collect(self, *addresses: str) -> tuple[tuple[Frame, ...], int]:
        """The frames since ``watch``, and how many the kernel dropped meanwhile; nothing more is kept."""
        self._read()
        # In transport mode the inner address is the outer one.
        watched, *_ = [self._watched.pop(ipaddress.ip_address(each).packed) for each in dict.fromkeys(addresses)]
        return tuple(watched.frames), self._drops_so_far() - watched.drops_before

    def _drops_so_far(self) -> int:
        """Frames that the kernel dropped since the socket was opened; its own counter begins anew at each reading."""
        octets = self._socket.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, _STATISTICS.size)
        self._drops += _STATISTICS.unpack(octets)[1]
        return self._drops

    def _read(self) -> None:
        while True:
            try:
                octets, origin = self._socket.recvfrom(_FRAME_OCTETS)
            except BlockingIOError:
                return
            places = _ADDRESSES.get(octets[12:14])
            if origin[0] == "lo" or places is None:
                continue
            source, destination, end = places
            watched = self._watched.get(octets[source:destination]) or self._watched.get(octets[destination:end])
            if watched is not None:
                watched.frames.append(Frame(time.time(), octets))
