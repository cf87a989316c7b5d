"""A capture that the transport writes itself, where nobody may capture: each datagram as frames that would carry it.

The path has an MTU of 1,500 octets, whatever loopback would take: a larger datagram is seen in IP fragments (RFC 791
section 3.2). The IP header's checksum is right; that of UDP is 0, not computed (RFC 768).
"""

from __future__ import annotations

import ipaddress
import itertools
import struct
import time
from collections.abc import Iterator, Sequence

from harness.evidence.model import Frame
from harness.ike.configuration import Address
from harness.transport.budget import Budget

MTU = 1500  # octets of a whole IP packet
_ETHERNET = bytes(12) + b"\x08\x00"
_IPV4_OCTETS, _UDP_OCTETS = 20, 8
_PROTOCOL_UDP, _TTL, _MORE_FRAGMENTS = 17, 64, 0x2000


class SelfCapture:
    """Keeps the datagrams of each case, by the addresses that the case watches. Nothing is ever dropped."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[list[Frame], Budget]] = {}
        self._numbers = itertools.count(1)

    def watch(self, ours: Sequence[str], theirs: Sequence[str], budget: Budget) -> str:
        """See Keeper: inner addresses are never seen outside of ESP here."""
        del theirs
        self._kept[ours[0]] = [], budget
        return ours[0]

    def collect(self, watched: str) -> tuple[tuple[Frame, ...], int]:
        """See Keeper."""
        frames, _ = self._kept.pop(watched)
        return tuple(frames), 0

    def seen(self, payload: bytes, source: Address, destination: Address) -> None:
        """Take a datagram that leaves or has arrived."""
        kept = self._kept.get(source[0], self._kept.get(destination[0]))
        if kept is None:
            return
        frames, budget = kept
        number, at = next(self._numbers) & 0xFFFF, time.time()
        origin = ipaddress.ip_address(source[0]).packed
        for octets in frames_of(payload, source, destination, number):
            if budget.frame(len(octets), origin):
                frames.append(Frame(at, octets))


def frames_of(payload: bytes, source: Address, destination: Address, number: int) -> Iterator[bytes]:
    """The Ethernet frames that carry a UDP datagram over IPv4, with ``number`` as the Identification."""
    octets = _UDP_OCTETS + len(payload)
    datagram = struct.pack("!HHHH", source[1], destination[1], octets, 0) + payload
    room = (MTU - _IPV4_OCTETS) // 8 * 8
    for offset in range(0, octets, room):
        piece = datagram[offset : offset + room]
        more = _MORE_FRAGMENTS if offset + room < octets else 0
        yield _ETHERNET + _ipv4_header(len(piece), number, more | offset // 8, source[0], destination[0]) + piece


def whole_frame(payload: bytes, source: Address, destination: Address) -> bytes:
    """The same datagram in one frame, however large: 65,507 octets of payload at most."""
    datagram = struct.pack("!HHHH", source[1], destination[1], _UDP_OCTETS + len(payload), 0) + payload
    return _ETHERNET + _ipv4_header(len(datagram), 0, 0, source[0], destination[0]) + datagram


def _ipv4_header(octets: int, number: int, place: int, source: str, destination: str) -> bytes:
    ends = ipaddress.IPv4Address(source).packed + ipaddress.IPv4Address(destination).packed
    start = struct.pack("!BBHHHBB", 0x45, 0, _IPV4_OCTETS + octets, number, place, _TTL, _PROTOCOL_UDP)
    words = struct.unpack("!10H", start + bytes(2) + ends)
    total = sum(words)
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return start + struct.pack("!H", ~total & 0xFFFF) + ends
