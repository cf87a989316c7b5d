"""Messages and packets that a case did not have, as its sender would have made them."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace

from case_builder import ENGINE, INNER, PEER, PEER_INNER, Case
from esp_packets import sealed, summed

from harness.evidence.model import CapturedDatagram
from harness.ike.protected import SecureChannel
from harness.policy.role import Role
from harness.registry.messages import ExchangeType
from harness.transport.echo import echo_request
from harness.wire.message import INITIATOR, RESPONSE, Header
from harness.wire.payload import Payload

_PROTOCOL = 9  # where it is in an IPv4 header


def protected(
    case: Case,
    payloads: Iterable[Payload],
    *,
    by_engine: bool,
    message_id: int,
    exchange: ExchangeType = ExchangeType.INFORMATIONAL,
    response: bool = False,
) -> bytes:
    """An IKE message under the newest keys of the case."""
    chain, secrets = case.view.chain, case.evidence.secrets
    assert chain is not None and secrets is not None
    by_initiator = by_engine == (case.evidence.role is Role.INITIATOR)
    flags = (INITIATOR if by_initiator else 0) | (RESPONSE if response else 0)
    header = Header(secrets.initiator_spi, secrets.responder_spi, exchange, flags, message_id)
    sk_e, sk_a, _ = chain.generations[-1].of(initiator=by_initiator)
    return SecureChannel(chain.protection, sk_e, sk_a).seal(header, tuple(payloads), os.urandom, None).messages[0]


def behind(case: Case, octets: bytes, *, by_engine: bool, after: float = 0.0, port: int = 500) -> Case:
    """The case with one more datagram at its end, ``after`` seconds later."""
    last = case.datagrams[-1]
    return case.with_datagrams((*case.datagrams, _late(last, octets, by_engine, after, port)))


def in_front_of(case: Case, label: str, octets: bytes, *, by_engine: bool) -> Case:
    """The case with one more datagram before a message; all frames from there on count one more."""
    first = case.message(label).frame
    old = next(d for d in case.datagrams if d.frame == first)
    early = replace(_late(old, octets, by_engine, -0.0005, old.source[1]), frame=first)
    moved = [replace(d, frame=d.frame + 1) if d.frame >= first else d for d in case.datagrams]
    at = next(index for index, d in enumerate(moved) if d.frame == first + 1)
    return case.with_datagrams((*moved[:at], early, *moved[at:]))


def late_esp(case: Case, *, by_engine: bool, after: float, sequence: int = 50) -> Case:
    """The case with one more ESP packet of a side at its end, with a UDP packet in it."""
    old = case.esp(from_engine=by_engine)[-1]
    host, other = (INNER, PEER_INNER) if by_engine else (PEER_INNER, INNER)
    inner = bytearray(echo_request(host, other, 7, sequence))
    inner[_PROTOCOL] = 17
    again = sealed(case, summed(bytes(inner)), old, by_engine=by_engine, sequence=sequence)
    packet = next(d for d in again.datagrams if d.payload[4:8] == sequence.to_bytes(4))
    return behind(case, packet.payload, by_engine=by_engine, after=after, port=4500)


def _late(last: CapturedDatagram, octets: bytes, by_engine: bool, after: float, port: int) -> CapturedDatagram:
    ends = ((ENGINE, port), (PEER, port))
    source, destination = ends if by_engine else ends[::-1]
    return replace(
        last, frame=last.frame + 1, at=last.at + after, source=source, destination=destination, payload=octets
    )
