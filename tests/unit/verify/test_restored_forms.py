"""What is no message by its form: what is read of it nonetheless, and what stays malformed."""

from __future__ import annotations

from dataclasses import replace

import pytest
from lines import pieces, spi

from harness.registry.messages import ExchangeType, PayloadType
from harness.verify.restored import readable_nonetheless
from harness.wire.message import Message
from harness.wire.payloads import Encrypted, Nonce


def nonetheless(line: str, *edits: tuple[int, bytes]) -> list[Message]:
    """What is made of a datagram that was changed: (place, octets) each, behind the marker."""
    (piece,) = pieces(line)
    octets = bytearray(piece.octets)
    for place, instead in edits:
        octets[place : place + len(instead)] = instead
    changed = replace(piece.datagram, payload=bytes(4) + bytes(octets))
    found = readable_nonetheless([changed], {spi(1)})
    assert all(each.octets == bytes(octets) and each.datagram is changed for each in found)
    return [each.message for each in found]


WHOLE = len(pieces("i INFO 2")[0].octets)


def test_octets_too_many_are_cut():
    (message,) = nonetheless("i INFO 2", (WHOLE, b"more"))
    assert message.header.message_id == 2
    (sealed,) = message.payloads
    assert isinstance(sealed, Encrypted) and len(sealed.content) == 64
    (clear,) = nonetheless("i INIT 0", (len(pieces("i INIT 0")[0].octets), b"more"))
    assert [type(each) for each in clear.payloads] == [Nonce]


@pytest.mark.parametrize("length", [0, WHOLE - 1, WHOLE + 1, 2**32 - 1])
def test_a_wrong_length_in_the_header_is_put_right(length):
    (message,) = nonetheless("i INFO 2", (24, length.to_bytes(4)))
    (sealed,) = message.payloads
    assert isinstance(sealed, Encrypted) and len(sealed.content) == 64


@pytest.mark.parametrize("octets", [bytes(2), (3).to_bytes(2), (2000).to_bytes(2)])
def test_a_sealed_payload_of_another_length_is_believed_by_its_header(octets):
    (message,) = nonetheless("i INFO 2", (30, octets))
    assert message.header.exchange_type == ExchangeType.INFORMATIONAL and message.header.message_id == 2
    assert isinstance(message.payloads[-1], Encrypted)


@pytest.mark.parametrize(
    ("line", "edits"),
    [
        ("i INFO 2 spi=2", [(30, bytes(2))]),  # of no known IKE SA
        ("i INFO 2", [(18, b"\x63"), (30, bytes(2))]),  # of an exchange that nobody knows
        ("i INIT 0", [(30, (2000).to_bytes(2))]),  # in clear all of it must be read
        ("i INFO 2 clear", [(30, (2000).to_bytes(2))]),
    ],
)
def test_what_takes_no_place_in_an_ike_sa_stays_malformed(line, edits):
    assert nonetheless(line, *edits) == []


def test_what_is_a_message_is_not_read_again():
    assert nonetheless("i INFO 2") == []
    header = pieces("i INFO 2")[0]
    for octets in (28, 31, 32):
        short = replace(header.datagram, payload=bytes(4) + header.octets[:octets])
        assert readable_nonetheless([short], {spi(1)}) == []


def test_a_type_that_is_none_of_sealed_payloads_is_believed_where_its_length_fills_the_message():
    (message,) = nonetheless("i INFO 2", (16, b"\x21"))
    (sealed,) = message.payloads
    assert isinstance(sealed, Encrypted) and len(sealed.content) == 64


def garbled(kind: ExchangeType, *payloads: tuple[int, int, bytes], length: int = 0) -> list[Message]:
    """What is made of payloads (type, flags, content) whose message has another Length than it is long."""
    types = [first for first, _, _ in payloads]
    chain = b"".join(
        bytes((following, flags)) + (4 + len(content)).to_bytes(2) + content
        for following, (_, flags, content) in zip((*types[1:], 0), payloads, strict=True)
    )
    header = spi(1) + bytes(8) + bytes((types[0], 0x20, kind, 8)) + bytes(4) + length.to_bytes(4)
    (model,) = pieces("i INFO 2")
    datagram = replace(model.datagram, payload=bytes(4) + header + chain)
    return [each.message for each in readable_nonetheless([datagram], {spi(1)})]


NONCE, VENDOR, SA, SEALED = PayloadType.NONCE, PayloadType.VENDOR_ID, PayloadType.SA, PayloadType.SK
CRITICAL = 0x80


@pytest.mark.parametrize(
    "payloads",
    [
        ((NONCE, 0, bytes(32)), (VENDOR, 0, b"")),  # nothing but a header at the end
        ((NONCE, 0, bytes(256)), (VENDOR, 0, bytes(300))),
        ((NONCE, CRITICAL, bytes(32)), (VENDOR, 0, bytes(8))),
    ],
)
def test_payload_by_payload_a_message_is_read_to_its_end(payloads):
    (message,) = garbled(ExchangeType.IKE_SA_INIT, *payloads)
    assert [each.type for each in message.payloads] == [kind for kind, _, _ in payloads]


@pytest.mark.parametrize(
    ("kind", "payload", "believed"),
    [
        (ExchangeType.INFORMATIONAL, (SA, 0, bytes(300)), True),  # it fills the message
        (ExchangeType.INFORMATIONAL, (SA, CRITICAL, bytes(300)), True),
        (ExchangeType.INFORMATIONAL, (SA, 0, bytes(3)), True),
        (ExchangeType.IKE_SA_INIT, (SA, 0, bytes(3)), False),  # what is in clear has to be read
        (ExchangeType.IKE_SA_INIT, (SEALED, 0, bytes(3)), True),
    ],
)
def test_what_fills_a_message_is_taken_for_what_is_sealed(kind, payload, believed):
    found = garbled(kind, payload)
    assert len(found) == believed
    assert all(isinstance(message.payloads[-1], Encrypted) for message in found)
