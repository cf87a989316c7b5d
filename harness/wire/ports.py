"""What a datagram is by its ports and its first octets: IKE, or ESP inside UDP or above IP (RFC 3948 section 2)."""

from __future__ import annotations

from harness.wire.message import HEADER_OCTETS, VERSION_2_0

NAT_PORT = 4500
IKE_PORTS = (500, NAT_PORT)
_MARKER = bytes(4)
_BARE = (0, 0)  # the ports of ESP without UDP
_ESP_OCTETS = 8  # at least: SPI and Sequence Number; a keepalive has one octet
_VERSION, _LENGTH = 17, 24  # where they are in the IKE header

Ports = tuple[int, int]
"""Source and destination; both 0 above IP."""


def is_esp(ports: Ports, payload: bytes) -> bool:
    """Whether it is ESP: bare, or in UDP on the NAT traversal port."""
    in_udp = NAT_PORT in ports and len(payload) >= _ESP_OCTETS and not payload.startswith(_MARKER)
    return ports == _BARE or (in_udp and not is_unmarked(ports, payload))


def is_unmarked(ports: Ports, payload: bytes) -> bool:
    """Whether it is an IKE message on the NAT traversal port, without the non-ESP marker (RFC 3948 section 2.2).

    By its version and its Length: of 2^40 packets of ESP one looks so.
    """
    if NAT_PORT not in ports or len(payload) < HEADER_OCTETS:
        return False
    whole = int.from_bytes(payload[_LENGTH:HEADER_OCTETS]) == len(payload)
    return whole and payload[_VERSION] == VERSION_2_0 and not payload.startswith(_MARKER)


def ike_octets(ports: Ports, payload: bytes) -> bytes | None:
    """The IKE message without the non-ESP marker; None for ESP, a keepalive, and other ports (RFC 3948 section 2)."""
    if NAT_PORT in ports:
        return payload[len(_MARKER) :] if payload.startswith(_MARKER) else None
    return payload if IKE_PORTS[0] in ports else None
