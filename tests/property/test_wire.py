"""The codec under generated input: nothing is lost, no prefix passes, and nothing but MalformedMessage is raised."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.registry.identities import (
    AuthenticationMethod,
    ConfigurationType,
    IdentificationType,
    TrafficSelectorType,
)
from harness.registry.messages import ExchangeType, PayloadType, Protocol
from harness.registry.notifications import NotifyType
from harness.registry.transforms import AttributeType, KeyExchangeMethod, TransformType
from harness.wire import payloads as p
from harness.wire.chain import parse_chain
from harness.wire.errors import MalformedMessage
from harness.wire.message import Header, Message
from harness.wire.payload import Payload
from harness.wire.payloads.configuration import ConfigurationAttribute
from harness.wire.payloads.security_association import Attribute, Proposal, Transform
from harness.wire.payloads.traffic_selector import OpaqueSelector, TrafficSelector

OCTET, TWO, DATA = st.integers(0, 255), st.integers(0, 65535), st.binary(max_size=40)
FLAGS = st.one_of(st.just(0), OCTET)
RESERVED_3 = st.binary(min_size=3, max_size=3)

ATTRIBUTES = st.builds(Attribute, st.integers(0, 0x7FFF).map(AttributeType), st.one_of(TWO, DATA))
TRANSFORMS = st.builds(
    Transform,
    OCTET.map(TransformType),
    TWO,
    st.lists(ATTRIBUTES, max_size=3).map(tuple),
    st.tuples(FLAGS, FLAGS),
)
PROPOSALS = st.builds(
    Proposal, OCTET, OCTET.map(Protocol), st.lists(TRANSFORMS, max_size=4).map(tuple), st.binary(max_size=9), FLAGS
)


@st.composite
def selectors(draw: Any) -> TrafficSelector | OpaqueSelector:
    ts_type = TrafficSelectorType(draw(OCTET))
    octets = {7: 4, 8: 16}.get(ts_type)
    if octets is None:
        return OpaqueSelector(ts_type, draw(OCTET), draw(DATA))
    address = st.binary(min_size=octets, max_size=octets)
    return TrafficSelector(ts_type, draw(OCTET), draw(TWO), draw(TWO), draw(address), draw(address))


@st.composite
def deletes(draw: Any) -> p.Delete:
    size = draw(st.integers(0, 8))
    if not size:
        return p.Delete(Protocol(draw(OCTET)), empty_spis=draw(TWO), flags=draw(FLAGS))
    spis = draw(st.lists(st.binary(min_size=size, max_size=size), max_size=4))
    return p.Delete(Protocol(draw(OCTET)), size, tuple(spis), flags=draw(FLAGS))


SELECTORS = st.lists(selectors(), max_size=3).map(tuple)
WITHOUT_PARSER = st.integers(1, 255).filter(lambda n: n not in p.PARSERS and n not in (46, 53))
CONFIGURED = st.lists(st.builds(ConfigurationAttribute, TWO, DATA), max_size=3).map(tuple)
IDENTITY = (OCTET.map(IdentificationType), DATA, RESERVED_3)
PAYLOADS = st.one_of(
    st.builds(p.SecurityAssociation, st.lists(PROPOSALS, min_size=1, max_size=3).map(tuple), flags=FLAGS),
    st.builds(p.KeyExchange, TWO.map(KeyExchangeMethod), DATA, TWO, flags=FLAGS),
    st.builds(p.IdentificationInitiator, *IDENTITY, flags=FLAGS),
    st.builds(p.IdentificationResponder, *IDENTITY, flags=FLAGS),
    st.builds(p.Certificate, OCTET, DATA, flags=FLAGS),
    st.builds(p.CertificateRequest, OCTET, DATA, flags=FLAGS),
    st.builds(p.Authentication, OCTET.map(AuthenticationMethod), DATA, RESERVED_3, flags=FLAGS),
    st.builds(p.Nonce, DATA, flags=FLAGS),
    st.builds(p.Notify, TWO.map(NotifyType), DATA, OCTET.map(Protocol), st.binary(max_size=9), flags=FLAGS),
    deletes(),
    st.builds(p.VendorId, DATA, flags=FLAGS),
    st.builds(p.TrafficSelectorsInitiator, SELECTORS, RESERVED_3, flags=FLAGS),
    st.builds(p.TrafficSelectorsResponder, SELECTORS, RESERVED_3, flags=FLAGS),
    st.builds(p.Configuration, OCTET.map(ConfigurationType), CONFIGURED, RESERVED_3, flags=FLAGS),
    st.builds(p.ExtensibleAuthentication, DATA, flags=FLAGS),
    st.builds(p.Unknown, WITHOUT_PARSER.map(PayloadType), DATA, flags=FLAGS),
)
SEALED = st.one_of(
    st.builds(p.Encrypted, OCTET.map(PayloadType), DATA, flags=FLAGS),
    st.builds(p.EncryptedFragment, OCTET.map(PayloadType), TWO, TWO, DATA, flags=FLAGS),
)
SPI = st.binary(min_size=8, max_size=8)
HEADERS = st.builds(Header, SPI, SPI, OCTET.map(ExchangeType), OCTET, st.integers(0, 2**32 - 1), OCTET)


@st.composite
def messages(draw: Any) -> Message:
    chain: list[Payload] = draw(st.lists(PAYLOADS, max_size=5))
    last = draw(st.one_of(st.none(), SEALED))  # where SK or SKF is present, it is the last one
    return Message(draw(HEADERS), tuple(chain) if last is None else (*chain, last))


@settings(deadline=None)
@given(messages())
def test_message_to_octets_and_back(message: Message) -> None:
    octets = message.to_bytes()
    parsed = Message.parse(octets)
    assert parsed == message
    assert [type(payload) for payload in parsed.payloads] == [type(payload) for payload in message.payloads]
    assert parsed.to_bytes() == octets


@settings(deadline=None, max_examples=50)
@given(messages())
def test_no_strict_prefix_of_a_message_parses(message: Message) -> None:
    octets = message.to_bytes()
    for length in range(len(octets)):
        with pytest.raises(MalformedMessage):
            Message.parse(octets[:length])


@settings(deadline=None, max_examples=50)
@given(st.lists(PAYLOADS, min_size=1, max_size=3), st.binary(min_size=1, max_size=4))
def test_no_strict_prefix_and_no_extension_of_a_chain_parses(chain: list[Payload], more: bytes) -> None:
    octets = Message(Header(bytes(8), bytes(8), ExchangeType(0), 0, 0), tuple(chain)).to_bytes()[28:]
    for wrong in (*(octets[:length] for length in range(len(octets))), octets + more):
        with pytest.raises(MalformedMessage):
            parse_chain(chain[0].type, wrong)


def survives(octets: bytes) -> None:
    """Either no message, or one that is written back octet for octet."""
    with contextlib.suppress(MalformedMessage):
        assert Message.parse(octets).to_bytes() == octets


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_arbitrary_octets_raise_nothing_else(octets: bytes) -> None:
    survives(octets)


@settings(deadline=None)
@given(HEADERS, OCTET, st.binary(max_size=120))
def test_arbitrary_chains_behind_a_good_header_raise_nothing_else(header: Header, first: int, chain: bytes) -> None:
    survives(header.to_bytes(first, 28 + len(chain)) + chain)


@settings(deadline=None)
@given(st.integers(0, 255), st.binary(max_size=80))
def test_arbitrary_bodies_raise_nothing_else(kind: int, body: bytes) -> None:
    framed = b"\0\0" + (4 + len(body)).to_bytes(2) + body
    survives(Header(bytes(8), bytes(8), ExchangeType(0), 0, 0).to_bytes(kind, 28 + len(framed)) + framed)


@settings(deadline=None)
@given(messages(), st.data())
def test_one_changed_octet_raises_nothing_else(message: Message, data: Any) -> None:
    octets = bytearray(message.to_bytes())
    octets[data.draw(st.integers(0, len(octets) - 1))] ^= data.draw(st.integers(1, 255))
    survives(bytes(octets))
