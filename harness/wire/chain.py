"""Chains of payloads, linked by Next Payload (RFC 7296 section 3.2): the same outside and inside of SK."""

from __future__ import annotations

from collections.abc import Sequence

from harness.registry.messages import PayloadType
from harness.wire.errors import MalformedMessage
from harness.wire.payload import GENERIC_HEADER, Payload
from harness.wire.payloads import PARSERS, Encrypted, EncryptedFragment, Unknown

_SEALED = (PayloadType.SK, PayloadType.SKF)
_TYPES = tuple(PayloadType(number) for number in range(256))
"""Every number that fits the octet: to make one costs more than to read a payload."""


def parse_chain(first: int, octets: bytes) -> tuple[Payload, ...]:
    """Payloads from ``octets``, which they must fill exactly; ``first`` is the type of the first, 0 for none.

    Raises:
        MalformedMessage: a length that does not fit, octets that remain, or a body that its payload forbids.
    """
    payloads: list[Payload] = []
    kind, offset, end = first, 0, len(octets)
    while kind:
        if end < offset + 4:
            raise MalformedMessage("payload header", "4 octets", end - offset)
        following, flags, length = GENERIC_HEADER.unpack_from(octets, offset)
        if not 4 <= length <= end - offset:
            raise MalformedMessage(f"payload {kind}", "its Payload Length to fit", length)
        body = octets[offset + 4 : offset + length]
        payloads.append(_parse_payload(kind, following, flags, body))
        offset += length
        # "If the SK payload is present it is the last": its Next Payload names what is inside (sections 3.14, 3.2).
        kind = 0 if kind in _SEALED else following
    if offset != end:
        raise MalformedMessage("payload chain", "to end with its last payload", f"{end - offset} more octets")
    return tuple(payloads)


def _parse_payload(kind: int, following: int, flags: int, body: bytes) -> Payload:
    parser = PARSERS.get(kind)
    if parser is not None:
        return parser(body, flags)
    if kind == PayloadType.SK:
        return Encrypted(_TYPES[following], body, flags=flags)
    if kind == PayloadType.SKF:
        return EncryptedFragment.parse(_TYPES[following], body, flags)
    return Unknown(_TYPES[kind], body, flags=flags)


def write_chain(payloads: Sequence[Payload]) -> bytes:
    """Octets of the payloads, each with its generic header; empty for none."""
    parts: list[bytes] = []
    final = len(payloads) - 1
    for index, payload in enumerate(payloads):
        body = payload.body()
        following = payload.next_inside if index == final else payloads[index + 1].type
        parts += (GENERIC_HEADER.pack(following, payload.flags, 4 + len(body)), body)
    return b"".join(parts)


def first_type(payloads: Sequence[Payload]) -> int:
    """What a Next Payload field that points at this chain says: the type of its first payload, or 0."""
    return payloads[0].type if payloads else 0
