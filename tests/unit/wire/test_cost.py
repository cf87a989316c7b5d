"""Work and memory are linear in the octets received, for every payload (16 kB: at most 50 ms and 16 MB)."""

from __future__ import annotations

import contextlib
import struct

import pytest
from budget import SHARE_OCTETS, assert_within_budget

from harness.registry.messages import PayloadType
from harness.wire.chain import parse_chain, write_chain
from harness.wire.errors import MalformedMessage
from harness.wire.payloads import PARSERS

SMALLEST = ("", "00", "00000000", "0000000000000000")
"""Bodies: each payload with the least that it may have, or one octet more."""


def chain_of(kind: int, body: bytes, octets: int = SHARE_OCTETS) -> bytes:
    """As many payloads of one body as there is room for."""
    length = 4 + len(body)
    count = octets // length
    return b"".join(bytes((kind if n < count - 1 else 0, 0)) + length.to_bytes(2) + body for n in range(count))


def read(kind: int, octets: bytes) -> object:
    with contextlib.suppress(MalformedMessage):
        return parse_chain(kind, octets)
    return None


@pytest.mark.parametrize("kind", [*sorted(PARSERS), PayloadType.SKF, 200])
def test_a_chain_of_the_smallest_payloads(kind: int) -> None:
    for body in map(bytes.fromhex, SMALLEST):
        octets = chain_of(kind, body)
        assert_within_budget(len(octets), lambda octets=octets: read(kind, octets))  # type: ignore[misc]


@pytest.mark.parametrize("announced", [1, 65535])
def test_a_chain_of_deletions_that_announce_spis_of_no_octets(announced: int) -> None:
    octets = chain_of(PayloadType.DELETE, b"\x03\0" + announced.to_bytes(2))
    assert_within_budget(len(octets), lambda: parse_chain(PayloadType.DELETE, octets))
    assert write_chain(parse_chain(PayloadType.DELETE, octets)) == octets


def transform(number: int, attributes: bytes = b"", *, last: bool) -> bytes:
    """No two of them alike: what the codec keeps of earlier ones is of no help."""
    length = (8 + len(attributes)).to_bytes(2)
    return bytes((0 if last else 3, 0)) + length + bytes((number % 251, 0)) + number.to_bytes(2) + attributes


def proposal(transforms: list[bytes], *, last: bool) -> bytes:
    rest = b"".join(transforms)
    return bytes((0 if last else 2, 0)) + (8 + len(rest)).to_bytes(2) + bytes((1, 1, 0, len(transforms))) + rest


def attributes(count: int, *, short: bool) -> bytes:
    return b"".join(struct.pack(">HH", (0x8000 if short else 0) | 20 + n, 0) for n in range(count))


def selectors() -> bytes:
    return b"\xff\0\0\0" + b"".join(bytes((9 + n % 200, 0, 0, 4)) for n in range(255))


LARGE = {
    "transforms": (33, b"".join(
        proposal([transform(256 * p + n, last=n == 254) for n in range(255)], last=p == 7) for p in range(8))),
    "proposals": (33, b"".join(proposal([], last=n == 2046) for n in range(2047))),
    "short attributes": (33, proposal([transform(1, attributes(4000, short=True), last=True)], last=True)),
    "long attributes": (33, proposal([transform(1, attributes(4000, short=False), last=True)], last=True)),
    "configuration": (47, bytes(4) + attributes(4000, short=False)),
}  # fmt: skip


@pytest.mark.parametrize("name", LARGE)
def test_a_payload_that_is_all_structure(name: str) -> None:
    kind, body = LARGE[name]
    octets = chain_of(kind, body, 4 + len(body))
    assert parse_chain(kind, octets)
    assert_within_budget(len(octets), lambda: parse_chain(kind, octets))


def test_payloads_of_the_smallest_traffic_selectors() -> None:
    octets = chain_of(PayloadType.TSi, selectors())
    assert parse_chain(PayloadType.TSi, octets)
    assert_within_budget(len(octets), lambda: parse_chain(PayloadType.TSi, octets))
