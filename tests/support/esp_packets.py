"""ESP packets of a case sealed again, with what a test wants in them."""

from __future__ import annotations

import os
from dataclasses import replace

from case_builder import INNER, PEER_INNER, Case

from harness.crypto.protection import protection
from harness.esp.sa import EspSa
from harness.evidence.model import CapturedDatagram
from harness.policy.role import Role
from harness.registry.transforms import TransformType
from harness.transport.echo import Echo, echo_reply


def sealed(case: Case, inner: bytes, old: CapturedDatagram, *, by_engine: bool, **changes: int) -> Case:
    """The case with the inner packet of one ESP packet replaced, sealed with the SA's keys."""
    assert case.evidence.secrets is not None
    child = case.evidence.secrets.children[0]
    by_initiator = by_engine == (case.evidence.role == Role.INITIATOR)
    spi = child.responder_spi if by_initiator else child.initiator_spi
    side = "initiator" if by_initiator else "responder"
    keys = (getattr(child, f"{side}_encryption"), getattr(child, f"{side}_integrity"))
    sa = EspSa(
        int.from_bytes(spi),
        protection(child.suite.transforms[TransformType.ENCR], child.suite.get(TransformType.INTEG)),
        *keys,
    )
    sequence = changes.get("sequence", int.from_bytes(old.payload[4:8]))
    packet = sa.seal(inner, changes.get("next_header", 4), sequence, os.urandom(sa.protection.iv_octets))
    return case.changed(old, replace(old, payload=packet))


def _with_checksum(octets: bytes, place: int) -> bytes:
    """Octets with the Internet checksum of them all at a place (RFC 1071)."""
    bare = octets[:place] + bytes(2) + octets[place + 2 :]
    even = bare + bytes(len(bare) % 2)
    total = sum(int.from_bytes(even[at : at + 2]) for at in range(0, len(even), 2))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return bare[:place] + (~total & 0xFFFF).to_bytes(2) + bare[place + 2 :]


def summed(packet: bytes) -> bytes:
    """An IPv4 packet whose header has the checksum that it is to have."""
    header = 4 * (packet[0] & 15)
    return _with_checksum(packet[:header], 10) + packet[header:]


def summed_message(message: bytes) -> bytes:
    """An ICMP message with its checksum."""
    return _with_checksum(message, 2)


def reply(sequence: int, data: bytes = bytes(range(56)), source: str = PEER_INNER) -> bytes:
    return echo_reply(Echo(True, INNER, source, 7, sequence, data))
