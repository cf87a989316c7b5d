"""Inner traffic: ICMP echo through the tunnel, the same that any ping would send (RFC 792 over RFC 791).

What comes out of a tunnel is whatever the peer likes to put there. It is read here by its own few fields, as no general
dissector promises which exceptions it raises for octets that are no packet.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from ipaddress import IPv4Address

_IP = struct.Struct(
    ">BBHHHBBH4s4s"
)  # version and IHL, TOS, length, id, fragment, TTL, protocol, checksum, two addresses
_ICMP = struct.Struct(">BBHHH")  # type, code, checksum, identifier, sequence number
_ICMP_PROTOCOL, _TTL = 1, 64
_REPLY, _REQUEST = 0, 8
_FRAGMENT = 0x3FFF  # more fragments, or an offset
_DATA = bytes(range(56))


@dataclass(frozen=True, slots=True)
class Echo:
    """An ICMP echo message inside the tunnel."""

    request: bool
    source: str
    destination: str
    identifier: int
    sequence: int
    data: bytes


def echo_request(source: str, destination: str, identifier: int, sequence: int) -> bytes:
    """An IPv4 packet with an ICMP echo request of 56 octets of data."""
    return _packet(Echo(True, source, destination, identifier, sequence, _DATA))


def echo_reply(request: Echo) -> bytes:
    """The reply to a request, with the same identifier, sequence number and data (RFC 792)."""
    ends = (request.destination, request.source)
    return _packet(Echo(False, *ends, request.identifier, request.sequence, request.data))


def _packet(echo: Echo) -> bytes:
    fields = (_REQUEST if echo.request else _REPLY, 0)
    message = _ICMP.pack(*fields, 0, echo.identifier, echo.sequence) + echo.data
    message = message[:2] + _checksum(message) + message[4:]
    return with_header(echo.source, echo.destination, message)


def without_header(packet: bytes) -> bytes:
    """What follows the IPv4 header (RFC 791 section 3.1)."""
    return packet[4 * (packet[0] & 15) :]


def with_header(source: str, destination: str, message: bytes) -> bytes:
    """An IPv4 packet with an ICMP message of at most 65,515 octets; the inverse of ``without_header``."""
    ends = IPv4Address(source).packed, IPv4Address(destination).packed
    header = _IP.pack(0x45, 0, _IP.size + len(message), 1, 0, _TTL, _ICMP_PROTOCOL, 0, *ends)
    return header[:10] + _checksum(header) + header[12:] + message


def _checksum(octets: bytes) -> bytes:
    """The ones' complement of the ones' complement sum of 16-bit words (RFC 1071)."""
    padded = octets + bytes(len(octets) % 2)
    total: int = sum(struct.unpack(f">{len(padded) // 2}H", padded))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return (~total & 0xFFFF).to_bytes(2)


def read_echo(packet: bytes) -> Echo | None:
    """The echo request or reply in an IPv4 packet; None for anything else, and for what does not add up."""
    if len(packet) < _IP.size:
        return None
    first, _, length, _, fragment, _, protocol, _, source, destination = _IP.unpack_from(packet)
    header = 4 * (first & 15)
    if first >> 4 != 4 or header < _IP.size or fragment & _FRAGMENT or protocol != _ICMP_PROTOCOL:
        return None
    if int.from_bytes(_checksum(packet[:header])):
        return None
    ends = str(IPv4Address(source)), str(IPv4Address(destination))
    return None if length > len(packet) else read_message(packet[header:length], *ends)


def read_message(message: bytes, source: str, destination: str) -> Echo | None:
    """The same of an ICMP message between two ends; without its IP header, as transport mode carries it."""
    if len(message) < _ICMP.size:
        return None
    kind, code, _, identifier, sequence = _ICMP.unpack_from(message)
    if kind not in (_REPLY, _REQUEST) or code or int.from_bytes(_checksum(message)):
        return None
    return Echo(kind == _REQUEST, source, destination, identifier, sequence, message[_ICMP.size :])
