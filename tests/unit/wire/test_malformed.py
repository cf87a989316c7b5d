"""Octets that are no message: each is refused with where, expected and got."""

from __future__ import annotations

import pytest

from harness.wire.chain import parse_chain
from harness.wire.errors import MalformedMessage, need
from harness.wire.message import Message

BODIES = [
    # (payload type, body, where, part of what was expected, got)
    (33, "", "SA payload", "a proposal", "0"),
    (33, "00000008 010100", "SA payload", "a proposal of at least 8", "7"),
    (33, "01000008 01010000", "proposal", "Last Substruc 0 or 2", "1"),
    (33, "00000009 01010000", "proposal", "Proposal Length", "9"),
    (33, "00000007 01010000", "proposal", "Proposal Length", "7"),
    (33, "02000008 01010000", "SA payload", "a proposal", "0"),  # more announced, none there
    (33, "00000008 01010000 00", "SA payload", "end with its last", "1 more octets"),
    (33, "00000008 01010400", "proposal", "an SPI of 4", "0"),
    (33, "00000008 01010001", "proposal", "1 transforms", "0"),
    (33, "00000010 01010002 00000008 02000005", "transform", "Last Substruc 3", "0"),
    (33, "00000010 01010001 03000008 02000005", "transform", "Last Substruc 0", "3"),
    (33, "00000018 01010001 00000008 02000005 00000008 02000005", "proposal", "end with its last", "8 more octets"),
    (33, "00000010 01010001 00000009 02000005", "transform", "Transform Length", "9"),
    (33, "00000010 01010001 00000007 02000005", "transform", "Transform Length", "7"),
    (33, "00000012 01010001 0000000a 02000005 800e", "transform attribute", "4 octets", "2"),
    (33, "00000014 01010001 0000000c 02000005 000e0001", "transform attribute", "1 octets", "0"),
    (34, "001f00", "KE payload", "at least 4", "3"),
    (35, "020000", "ID payload", "at least 4", "3"),
    (36, "", "ID payload", "at least 4", "0"),
    (37, "", "CERT payload", "at least 1 octet", "0"),
    (38, "", "CERT payload", "at least 1 octet", "0"),
    (39, "020000", "AUTH payload", "at least 4", "3"),
    (41, "000040", "N payload", "at least 4", "3"),
    (41, "03044009 010203", "N payload", "an SPI of 4", "3"),
    (42, "0100", "D payload", "at least 4", "2"),
    (42, "03040001 010203", "D payload", "1 SPIs of 4", "3 octets"),
    (42, "01000000 00", "D payload", "0 SPIs of 0", "1 octets"),
    (44, "000000", "TS payload", "at least 4", "3"),
    (44, "01000000", "TS payload", "1 selectors", "0"),
    (44, "01000000 07000003", "traffic selector", "Selector Length", "3"),
    (44, "01000000 07000008 0000ffff", "traffic selector", "16 octets", "8"),
    (45, "01000000 08000008 0000ffff", "traffic selector", "40 octets", "8"),
    (45, "01000000 0700001100000000 0a000000 0a0000ff", "traffic selector", "Selector Length", "17"),
    (45, "00000000 00", "TS payload", "0 selectors alone", "1 more octets"),
    (47, "010000", "CP payload", "at least 4", "3"),
    (47, "01000000 0001", "CP attribute", "4 octets", "2"),
    (47, "01000000 0001 0002 ff", "CP attribute", "2 octets", "1"),
    (53, "000100", "SKF payload", "at least 4", "3"),
]


@pytest.mark.parametrize(
    ("number", "body", "where", "expected", "got"), BODIES, ids=[f"{n}-{b}" for n, b, *_ in BODIES]
)
def test_a_bad_body_is_refused(number: int, body: str, where: str, expected: str, got: str) -> None:
    octets = bytes.fromhex(body)
    with pytest.raises(MalformedMessage) as caught:
        parse_chain(number, b"\0\0" + (4 + len(octets)).to_bytes(2) + octets)
    assert (caught.value.where, caught.value.got) == (where, got)
    assert expected in caught.value.expected


CHAINS = [
    ("00", "payload header", "4 octets", "1"),
    ("00000003", "payload 43", "Payload Length", "3"),
    ("00000005", "payload 43", "Payload Length", "5"),
    ("00000004 00", "payload chain", "end with its last payload", "1 more octets"),
    ("2b000004", "payload header", "4 octets", "0"),  # another one announced
    ("2e000004 00000006 0102 ff", "payload chain", "end with its last payload", "1 more octets"),  # behind SK
]


@pytest.mark.parametrize(("chain", "where", "expected", "got"), CHAINS)
def test_a_bad_chain_is_refused(chain: str, where: str, expected: str, got: str) -> None:
    with pytest.raises(MalformedMessage) as caught:
        parse_chain(43, bytes.fromhex(chain))
    assert (caught.value.where, caught.value.got) == (where, got)
    assert expected in caught.value.expected


def test_octets_without_a_first_payload_are_refused() -> None:
    assert parse_chain(0, b"") == ()
    with pytest.raises(MalformedMessage, match="1 more octets"):
        parse_chain(0, b"\0")


@pytest.mark.parametrize("length", ["0000001b", "0000001d", "00000000", "ffffffff"])
def test_another_length_than_the_datagram_has_is_refused(length: str) -> None:
    octets = bytes.fromhex("0102030405060708 1112131415161718 00 20 25 28 00000007" + length)
    with pytest.raises(MalformedMessage, match="IKE header: expected Length 28, the octets received"):
        Message.parse(octets)


def test_need_raises_unless_the_condition_holds() -> None:
    need(True, "here", "this", "that")
    with pytest.raises(MalformedMessage, match="here: expected this, got 7"):
        need(False, "here", "this", 7)
