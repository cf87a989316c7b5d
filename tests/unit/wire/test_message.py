"""The IKE header and whole messages."""

from __future__ import annotations

import pytest

from harness.registry.messages import ExchangeType
from harness.registry.notifications import NotifyType
from harness.wire.errors import MalformedMessage
from harness.wire.message import HEADER_OCTETS, INITIATOR, RESPONSE, Header, Message, parse_header
from harness.wire.payloads import Nonce, Notify

SPI_I, SPI_R = bytes.fromhex("0102030405060708"), bytes.fromhex("1112131415161718")
EMPTY = bytes.fromhex("0102030405060708 1112131415161718 00 20 25 28 00000007 0000001c")


def test_a_header_alone_is_a_message() -> None:
    message = Message.parse(EMPTY)
    header = Header(SPI_I, SPI_R, ExchangeType.INFORMATIONAL, INITIATOR | RESPONSE, 7)
    assert message == Message(header, ())
    assert header.is_response and header.from_initiator
    assert message.to_bytes() == EMPTY and len(EMPTY) == HEADER_OCTETS


def test_unknown_exchange_reserved_flags_and_version_survive() -> None:
    octets = bytes.fromhex("0102030405060708 1112131415161718 00 31 fe d7 ffffffff 0000001c")
    message = Message.parse(octets)
    header = message.header
    assert (header.version, header.exchange_type, header.flags, header.message_id) == (0x31, 254, 0xD7, 2**32 - 1)
    assert not header.is_response and not header.from_initiator
    assert message.to_bytes() == octets


def test_payloads_are_chained_by_next_payload() -> None:
    octets = (
        bytes.fromhex("0102030405060708 0000000000000000 28 20 22 08 00000000 0000002e")
        + bytes.fromhex("29000005 aa")  # Nonce, then
        + bytes.fromhex("28000008 00004036")  # N, then
        + bytes.fromhex("00000005 bb")  # Nonce, last
    )
    nonces = (Nonce(b"\xaa"), Nonce(b"\xbb"))
    notify = Notify(NotifyType.INTERMEDIATE_EXCHANGE_SUPPORTED)
    message = Message.parse(octets)
    assert message.payloads == (nonces[0], notify, nonces[1])
    assert message.to_bytes() == octets
    assert message.all(Nonce) == nonces
    assert (message.first(Nonce), message.first(Notify)) == (nonces[0], notify)


def test_a_class_that_is_not_there_is_none() -> None:
    message = Message.parse(EMPTY)
    assert (message.first(Nonce), message.all(Nonce)) == (None, ())


def test_the_header_alone_tells_the_next_payload() -> None:
    octets = bytes.fromhex("0102030405060708 0000000000000000 28 20 22 08 00000000 00000020 00000004")
    header, following = parse_header(octets)
    assert (header.exchange_type, following) == (ExchangeType.IKE_SA_INIT, 40)


def test_malformed_message_says_where_expected_and_got() -> None:
    with pytest.raises(MalformedMessage) as caught:
        Message.parse(EMPTY[:-1])
    error = caught.value
    assert (error.where, error.expected, error.got) == ("IKE header", "28 octets", "27")
    assert str(error) == "IKE header: expected 28 octets, got 27"
