"""Opening what came whole or in fragments: what is authentic and fits, and nothing else (RFC 7383 section 2.6)."""

from __future__ import annotations

import os
import struct

import pytest
from case_builder import flipped, good

from harness.registry.messages import PayloadType
from harness.registry.notifications import NotifyType
from harness.verify.wire import open_message
from harness.wire.chain import first_type, write_chain
from harness.wire.message import HEADER_OCTETS, Message
from harness.wire.payloads import Encrypted, Notify, VendorId

NOTIFY = Notify(NotifyType.INITIAL_CONTACT, b"with some data")
PLAIN, FIRST = write_chain([NOTIFY]), first_type([NOTIFY])
A, B, C = PLAIN[:5], PLAIN[5:11], PLAIN[11:]
MESSAGE = good().message("IKE_AUTH request 2")
CIPHER = good().view.chain.protection
SK_E, SK_A, _ = good().view.chain.generations[1].of(initiator=True)


def sealed(padded: bytes, number: int | None = None, total: int = 0, first: int = FIRST) -> tuple[Message, bytes]:
    """An SK payload, or a fragment, around octets with their padding."""
    kind, numbers = (PayloadType.SK, b"") if number is None else (PayloadType.SKF, struct.pack("!HH", number, total))
    length = 4 + len(numbers) + CIPHER.iv_octets + len(padded) + CIPHER.icv_octets
    prefix = MESSAGE.pieces[0].message.header.to_bytes(kind, HEADER_OCTETS + length)
    prefix += struct.pack("!BBH", first if number in (None, 1) else 0, 0, length) + numbers
    iv = os.urandom(CIPHER.iv_octets)
    octets = prefix + iv + CIPHER.seal(SK_E, SK_A, iv, prefix, padded)
    return Message.parse(octets), octets


def fragment(number: int, total: int, plain: bytes) -> tuple[Message, bytes]:
    return sealed(plain + b"\0", number, total)


def opened(*copies: tuple[Message, bytes]):
    return open_message(copies, CIPHER, SK_E, SK_A)


def spoiled(copy: tuple[Message, bytes]) -> tuple[Message, bytes]:
    octets = flipped(copy[1], -1)
    return Message.parse(octets), octets


IN_CLEAR = Message(MESSAGE.pieces[0].message.header, (NOTIFY,))
WHOLE = sealed(PLAIN + b"\0")
ONE, TWO, THREE = fragment(1, 3, A), fragment(2, 3, B), fragment(3, 3, C)

OPEN = {
    "whole": [WHOLE],
    "in order": [ONE, TWO, THREE],
    "in another order": [THREE, ONE, TWO],
    "the first of two that differ": [ONE, TWO, fragment(1, 3, b"other"), fragment(2, 3, b"another"), THREE],
    "beside one that is not authentic": [spoiled(ONE), ONE, TWO, spoiled(THREE), THREE],
    "a whole one that is not authentic": [spoiled(WHOLE), WHOLE],
    "beside one in clear": [(IN_CLEAR, IN_CLEAR.to_bytes()), WHOLE],
    "beside a fragment of a smaller set": [ONE, fragment(2, 2, b"smaller"), TWO, THREE],
    "after a smaller set": [fragment(1, 2, b"smaller"), ONE, TWO, THREE],
    "beside one of a number that there is not": [ONE, TWO, fragment(0, 3, b"no"), fragment(4, 3, b"no"), THREE],
    "the whole after a fragment": [ONE, WHOLE],
    "one alone": [fragment(1, 1, PLAIN)],
}


@pytest.mark.parametrize("copies", OPEN.values(), ids=OPEN)
def test_it_opens(copies):
    found = opened(*copies)
    assert (found.outer, found.inner, found.p) == ((), (NOTIFY,), PLAIN)


CLOSED = {
    "nothing": [],
    "in clear": [(IN_CLEAR, IN_CLEAR.to_bytes())],
    "one too few": [ONE, THREE],
    "none of number 1": [fragment(0, 2, A), fragment(2, 2, B + C)],
    "one too many": [fragment(1, 2, A), fragment(3, 2, B + C)],
    "not authentic": [spoiled(WHOLE)],
    "one not authentic": [ONE, spoiled(TWO), THREE],
    "no room for a Pad Length": [sealed(b"")],
    "one octet of padding more than octets": [sealed(b"\1", first=0)],
    "much more padding than octets": [sealed(b"abc\xff", first=0)],
}


@pytest.mark.parametrize("copies", CLOSED.values(), ids=CLOSED)
def test_it_stays_closed(copies):
    assert opened(*copies) is None


def test_what_is_authentic_and_no_payloads_is_open_and_malformed():
    found = opened(sealed(PLAIN[:-1] + b"\0"))
    assert (found.inner, found.p) == ((), PLAIN[:-1])
    assert "expected its Payload Length to fit" in found.malformed


def test_padding_may_be_all_there_is():
    """An empty message, as a liveness check is (RFC 7296 section 1.4)."""
    for padded in (b"\0", b"abc\3"):
        found = opened(sealed(padded, first=0))
        assert (found.inner, found.p) == ((), b"")


def test_no_more_is_taken_than_there_is_without_the_padding():
    assert opened(sealed(PLAIN + b"abc\3")).p == PLAIN


def test_payloads_in_front_of_the_sealed_one_are_read_as_they_are():
    """IntAuth_A covers them: it ends with the generic header of SK, whose length is that of P (RFC 9242 3.3.2)."""
    outer, room = (VendorId(bytes(300), flags=0x80), NOTIFY), CIPHER.iv_octets + len(PLAIN) + 1 + CIPHER.icv_octets
    chain = write_chain([*outer, Encrypted(PayloadType(FIRST), bytes(room))])
    prefix = MESSAGE.pieces[0].message.header.to_bytes(first_type(outer), HEADER_OCTETS + len(chain)) + chain[:-room]
    iv = os.urandom(CIPHER.iv_octets)
    octets = prefix + iv + CIPHER.seal(SK_E, SK_A, iv, prefix, PLAIN + b"\0")
    found = opened((Message.parse(octets), octets))
    assert (found.outer, found.inner) == (outer, (NOTIFY,))
    length = len(prefix) + len(PLAIN)
    assert found.a == prefix[:24] + length.to_bytes(4) + prefix[28:-2] + (4 + len(PLAIN)).to_bytes(2)
