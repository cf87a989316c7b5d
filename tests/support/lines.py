"""Messages between two products, from lines: ``i AUTH 2`` is a request of the initiator, ``r AUTH 2 <`` its answer.

What stands behind that, in any order: ``<`` for a response, ``clear`` for what is not sealed, ``1/3`` for a fragment,
``spi=2`` for another IKE SA, ``back=2`` for another SPI of its responder, ``port=500``, ``bare`` for no non-ESP marker,
``=name`` for octets that two lines share.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from functools import cache

from harness.evidence.model import CapturedDatagram
from harness.registry.messages import ExchangeType, PayloadType
from harness.verify.wire import Piece, SeenMessage, group
from harness.wire.message import INITIATOR, RESPONSE, Header, Message
from harness.wire.payload import Payload
from harness.wire.payloads import Encrypted, EncryptedFragment, Nonce

HERE, THERE = "198.51.100.10", "198.51.100.20"
_KINDS = {
    "INIT": ExchangeType.IKE_SA_INIT,
    "INTERMEDIATE": ExchangeType.IKE_INTERMEDIATE,
    "AUTH": ExchangeType.IKE_AUTH,
    "CREATE": ExchangeType.CREATE_CHILD_SA,
    "FOLLOWUP": ExchangeType.IKE_FOLLOWUP_KE,
    "INFO": ExchangeType.INFORMATIONAL,
}


def spi(number: int) -> bytes:
    """The initiator's SPI of an IKE SA, 8 octets."""
    return bytes((number,)) * 8


@cache
def _octets(name: str) -> bytes:
    return name.encode().ljust(64, b".")


def _payload(kind: ExchangeType, words: Sequence[str]) -> Payload:
    named = next((word for word in words if word.startswith("=")), "")
    octets = _octets(named) if named else os.urandom(64)
    fragment = next((word for word in words if "/" in word), "")
    if fragment:
        number, total = map(int, fragment.split("/"))
        return EncryptedFragment(PayloadType.SA, number, total, octets)
    clear = kind == ExchangeType.IKE_SA_INIT or "clear" in words
    return Nonce(octets) if clear else Encrypted(PayloadType.SA, octets)


def piece(line: str, frame: int) -> Piece:
    """One datagram from its line."""
    who, name, number, *words = line.split()
    kind = _KINDS.get(name) or ExchangeType(int(name))
    own = int(next((word.removeprefix("spi=") for word in words if word.startswith("spi=")), "1"))
    back = int(next((word.removeprefix("back=") for word in words if word.startswith("back=")), "0"))
    port = int(next((word.removeprefix("port=") for word in words if word.startswith("port=")), "4500"))
    answer = "<" in words
    flags = (INITIATOR if who == "i" else 0) | (RESPONSE if answer else 0)
    first = kind == ExchangeType.IKE_SA_INIT and not answer
    header = Header(spi(own), bytes(8) if first else spi(back or ord("r")), kind, flags, int(number))
    message = Message(header, (_payload(kind, words),))
    octets = message.to_bytes()
    ends = (HERE, port), (THERE, port)
    source, destination = ends if who == "i" else ends[::-1]
    marker = bytes(4) if port == 4500 and "bare" not in words else b""
    payload = marker + octets
    datagram = CapturedDatagram(frame, float(frame), source, destination, payload, (len(payload) + 28,))
    return Piece(datagram, octets, message)


def pieces(*lines: str) -> list[Piece]:
    """Datagrams, in frames 1, 2, 3, ..."""
    return [piece(line, frame) for frame, line in enumerate(lines, start=1)]


def messages(*lines: str) -> list[SeenMessage]:
    """Messages of one or more IKE SAs."""
    return grouped(pieces(*lines))


def grouped(found: Iterable[Piece]) -> list[SeenMessage]:
    """The messages of each IKE SA, one IKE SA after the other."""
    by_sa: dict[bytes, list[Piece]] = {}
    for each in found:
        by_sa.setdefault(each.octets[:8], []).append(each)
    return [message for those in by_sa.values() for message in group(those, HERE)]


def written(found: Iterable[SeenMessage]) -> list[str]:
    """Messages as lines again, as far as they have a sender, an exchange, a number and a direction."""
    names = {kind: name for name, kind in _KINDS.items()}
    return [
        f"{'i' if m.from_initiator else 'r'} {names.get(m.exchange, str(int(m.exchange)))} {m.message_id}"
        f"{' <' if m.response else ''}"
        for m in found
    ]
