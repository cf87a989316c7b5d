"""Inner traffic: ICMP echo through the tunnel, the same that any ping would send."""

from __future__ import annotations

from dataclasses import dataclass

from scapy.layers.inet import ICMP, IP
from scapy.packet import Raw

_DATA = bytes(range(56))


def echo_request(source: str, destination: str, identifier: int, sequence: int) -> bytes:
    """An IPv4 packet with an ICMP echo request of 56 octets of data."""
    packet = IP(src=source, dst=destination) / ICMP(type="echo-request", id=identifier, seq=sequence) / _DATA
    return bytes(packet)


def without_header(packet: bytes) -> bytes:
    """What follows the IPv4 header (RFC 791 section 3.1)."""
    return packet[4 * (packet[0] & 15) :]


def with_header(source: str, destination: str, message: bytes) -> bytes:
    """An IPv4 packet with an ICMP message; the inverse of ``without_header``."""
    return bytes(IP(src=source, dst=destination, proto="icmp") / Raw(message))


@dataclass(frozen=True, slots=True)
class Echo:
    """An ICMP echo message inside the tunnel."""

    request: bool
    source: str
    destination: str
    identifier: int
    sequence: int
    data: bytes


def read_echo(packet: bytes) -> Echo | None:
    """The echo request or reply in an IPv4 packet, None if it is something else."""
    inner = IP(packet)
    if not inner.haslayer(ICMP) or inner[ICMP].type not in (0, 8):
        return None
    icmp = inner[ICMP]
    return Echo(icmp.type == 8, inner.src, inner.dst, icmp.id, icmp.seq, bytes(icmp.payload))


def echo_reply(request: Echo) -> bytes:
    """The reply to a request, with the same identifier, sequence number and data (RFC 792)."""
    reply = ICMP(type="echo-reply", id=request.identifier, seq=request.sequence)
    return bytes(IP(src=request.destination, dst=request.source) / reply / request.data)
