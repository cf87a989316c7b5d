"""What a datagram is by its ports and its first octets: IKE, or ESP inside UDP or above IP (RFC 3948 section 2)."""

from __future__ import annotations

from harness.evidence.model import CapturedDatagram
from harness.wire.message import HEADER_OCTETS, VERSION_2_0

NAT_PORT = 4500
IKE_PORTS = (500, NAT_PORT)
_MARKER = bytes(4)
_BARE = (0, 0)  # the ports of ESP without UDP
_ESP_OCTETS = 8  # at least: SPI and Sequence Number; a keepalive has one octet
_VERSION, _LENGTH = 17, 24  # where they are in the IKE header


def is_esp(datagram: CapturedDatagram) -> bool:
    """Whether a captured datagram is ESP: bare, or in UDP on the NAT traversal port."""
    ports, payload = (datagram.source[1], datagram.destination[1]), datagram.payload
    in_udp = NAT_PORT in ports and len(payload) >= _ESP_OCTETS and not payload.startswith(_MARKER)
    return ports == _BARE or (in_udp and not is_unmarked(datagram))


def is_unmarked(datagram: CapturedDatagram) -> bool:
    """Whether a datagram on the NAT traversal port is an IKE message without the non-ESP marker (RFC 3948 section 2.2).

    By its version and its Length: of 2^40 packets of ESP one looks so.
    """
    octets = datagram.payload
    if NAT_PORT not in (datagram.source[1], datagram.destination[1]) or len(octets) < HEADER_OCTETS:
        return False
    whole = int.from_bytes(octets[_LENGTH:HEADER_OCTETS]) == len(octets)
    return whole and octets[_VERSION] == VERSION_2_0 and not octets.startswith(_MARKER)


def ike_octets(datagram: CapturedDatagram) -> bytes | None:
    """The IKE message without the non-ESP marker; None for ESP, a keepalive, and other ports (RFC 3948 section 2)."""
    ports = (datagram.source[1], datagram.destination[1])
    if NAT_PORT in ports:
        marked = datagram.payload.startswith(_MARKER)
        return datagram.payload[len(_MARKER) :] if marked else None
    return datagram.payload if IKE_PORTS[0] in ports else None
