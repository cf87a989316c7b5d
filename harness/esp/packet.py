"""The ESP packet, octet by octet (RFC 4303 section 2).

 0                   1                   2                   3
 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+ ----
|               Security Parameters Index (SPI)                 | ^Int.
+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+ |Cov-
|                      Sequence Number                          | |ered
+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+ | ----
|                    IV, then Payload Data (variable)           | |   ^
~                                                               ~ |   |
|                                                               | |Conf.
+               +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+ |Cov-
|               |     Padding (0-255 bytes)                     | |ered
+-+-+-+-+-+-+-+-+               +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+ |   |
|                               |  Pad Length   | Next Header   | v   v
+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+ ------
|         Integrity Check Value-ICV   (variable)                |
~                                                               ~
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from enum import IntEnum

from harness.esp.errors import MalformedPacket

HEADER_OCTETS = 8
TRAILER_OCTETS = 2  # Pad Length and Next Header


class NextHeader(IntEnum):
    """What the payload is (RFC 4303 section 2.6); any other protocol number is possible in transport mode."""

    ICMP = 1
    IPV4 = 4
    IPV6 = 41
    ICMPV6 = 58
    DUMMY = 59  # "no next header": to be dropped by the receiver


@dataclass(frozen=True, slots=True)
class EspPacket:
    """An ESP packet as it stands on the wire, still sealed. ``sequence`` is the 32 bits that are transmitted."""

    spi: int
    sequence: int
    iv: bytes
    sealed: bytes = field(repr=False)

    @classmethod
    def parse(cls, packet: bytes, iv_octets: int, icv_octets: int) -> EspPacket:
        """Take a packet apart; what stands in it is not verified.

        Raises:
            MalformedPacket: too short for header, IV, trailer and ICV.
        """
        least = HEADER_OCTETS + iv_octets + TRAILER_OCTETS + icv_octets
        if len(packet) < least:
            raise MalformedPacket(f"an ESP packet of this SA has at least {least} octets, not {len(packet)}")
        spi, sequence = struct.unpack_from("!II", packet)
        start = HEADER_OCTETS + iv_octets
        return cls(spi, sequence, packet[HEADER_OCTETS:start], packet[start:])

    @property
    def header(self) -> bytes:
        """SPI and Sequence Number, eight octets."""
        return struct.pack("!II", self.spi, self.sequence)

    def to_bytes(self) -> bytes:
        """The packet as it is transmitted."""
        return self.header + self.iv + self.sealed


@dataclass(frozen=True, slots=True)
class InnerPacket:
    """What a verified packet carried. ``sequence`` has 64 bits with extended sequence numbers, else 32.

    ``payload`` may end in traffic flow confidentiality padding (RFC 4303 section 2.7). ``padding_conforms`` records
    whether the padding was 1, 2, 3, ...: a receiver SHOULD look (section 2.4), and nothing is rejected for it.
    """

    next_header: int
    payload: bytes
    sequence: int
    padding_conforms: bool = True


def add_trailer(payload: bytes, next_header: int, block_octets: int) -> bytes:
    """Payload | Padding | Pad Length | Next Header, a multiple of ``block_octets`` and of four octets.

    The padding is 1, 2, 3, ... and the shortest possible (RFC 4303 section 2.4).
    """
    alignment = max(4, block_octets)
    pad_length = -(len(payload) + TRAILER_OCTETS) % alignment
    return payload + bytes(range(1, pad_length + 1)) + bytes((pad_length, next_header))


def remove_trailer(plaintext: bytes, sequence: int) -> InnerPacket:
    """The inverse of ``add_trailer``, for any padding that a sender may have chosen.

    Raises:
        MalformedPacket: Pad Length says more than there is.
    """
    if len(plaintext) < TRAILER_OCTETS:
        raise MalformedPacket(f"{len(plaintext)} octets cannot hold Pad Length and Next Header")
    pad_length, next_header = plaintext[-2], plaintext[-1]
    end = len(plaintext) - TRAILER_OCTETS - pad_length
    if end < 0:
        raise MalformedPacket(f"Pad Length {pad_length} in a plaintext of {len(plaintext)} octets")
    padding = plaintext[end:-TRAILER_OCTETS]
    return InnerPacket(next_header, plaintext[:end], sequence, padding == bytes(range(1, pad_length + 1)))
