"""What shares UDP port 4500: IKE behind a marker, ESP, and NAT keepalives (RFC 3948 section 2)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from harness.esp.packet import HEADER_OCTETS

NON_ESP_MARKER = bytes(4)
NAT_KEEPALIVE = b"\xff"


class DatagramKind(Enum):
    """What a datagram on port 4500 is."""

    IKE = "ike"
    ESP = "esp"
    KEEPALIVE = "keepalive"
    MALFORMED = "malformed"  # none of these: too short for any


@dataclass(frozen=True, slots=True)
class Datagram:
    """A classified UDP payload. ``content`` is the IKE message without its marker; else the payload as it came."""

    kind: DatagramKind
    content: bytes


def classify(payload: bytes) -> Datagram:
    """Tell what a UDP payload on port 4500 is; never raises.

    Four zero octets are the non-ESP marker, since ESP's SPI is never zero (RFC 3948 section 2.2, RFC 4303 section 2.1).
    """
    if payload == NAT_KEEPALIVE:
        return Datagram(DatagramKind.KEEPALIVE, payload)
    if payload.startswith(NON_ESP_MARKER):
        return Datagram(DatagramKind.IKE, payload[len(NON_ESP_MARKER) :])
    return Datagram(DatagramKind.ESP if len(payload) >= HEADER_OCTETS else DatagramKind.MALFORMED, payload)
