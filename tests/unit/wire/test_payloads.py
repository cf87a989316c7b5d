"""Every payload but SA and TS: the RFC's diagram in octets, the object it means, and the octets again."""

from __future__ import annotations

import pytest

from harness.registry.identities import AuthenticationMethod, ConfigurationType, IdentificationType
from harness.registry.messages import PayloadType, Protocol
from harness.registry.notifications import NotifyType
from harness.registry.transforms import KeyExchangeMethod
from harness.wire.chain import parse_chain, write_chain
from harness.wire.payload import Payload
from harness.wire.payloads import (
    PARSERS,
    Authentication,
    Certificate,
    CertificateRequest,
    Configuration,
    Delete,
    Encrypted,
    EncryptedFragment,
    ExtensibleAuthentication,
    IdentificationInitiator,
    IdentificationResponder,
    KeyExchange,
    Nonce,
    Notify,
    Unknown,
    VendorId,
)
from harness.wire.payloads.configuration import ConfigurationAttribute

FQDN = IdentificationType.ID_FQDN

# (payload type, body as the RFC draws it, what it means)
DIAGRAMS: list[tuple[int, str, Payload]] = [
    (34, "001f 0000 aabb", KeyExchange(KeyExchangeMethod.CURVE25519, b"\xaa\xbb")),
    (34, "0438 beef", KeyExchange(KeyExchangeMethod(1080), b"", 0xBEEF)),  # private use, RESERVED as it came
    (35, "02 000000 61", IdentificationInitiator(FQDN, b"a")),
    (36, "c8 010203", IdentificationResponder(IdentificationType(200), b"", b"\1\2\3")),
    (37, "04 3082", Certificate(4, b"\x30\x82")),
    (38, "04", CertificateRequest(4, b"")),
    (39, "02 000000 0a0b", Authentication(AuthenticationMethod.SHARED_KEY_MESSAGE_INTEGRITY_CODE, b"\x0a\x0b")),
    (39, "0e 00ff00", Authentication(AuthenticationMethod.DIGITAL_SIGNATURE, b"", b"\0\xff\0")),
    (40, "00112233445566778899aabbccddeeff", Nonce(bytes.fromhex("00112233445566778899aabbccddeeff"))),
    (40, "", Nonce(b"")),  # misbehaviour, not malformed: the receiver judges the length
    (41, "00 00 4036", Notify(NotifyType.INTERMEDIATE_EXCHANGE_SUPPORTED)),
    (41, "00 00 0011 001f", Notify(NotifyType.INVALID_KE_PAYLOAD, b"\0\x1f")),
    (41, "03 04 4009 01020304 ff", Notify(NotifyType.REKEY_SA, b"\xff", Protocol.ESP, b"\1\2\3\4")),
    (41, "c8 00 9c40", Notify(NotifyType(40000), b"", Protocol(200))),  # unknown numbers stay
    (42, "01 00 0000", Delete(Protocol.IKE)),
    (42, "03 04 0002 01020304 05060708", Delete(Protocol.ESP, 4, (b"\1\2\3\4", b"\5\6\7\x08"))),
    (42, "03 00 0003", Delete(Protocol.ESP, empty_spis=3)),  # odd, but it fits its own lengths
    (43, "6964", VendorId(b"id")),
    (47, "01 000000", Configuration(ConfigurationType.CFG_REQUEST, ())),
    (
        47,
        "02 0a0b0c 0001 0004 c0000201 8003 0000",  # the attribute's reserved top bit survives
        Configuration(
            ConfigurationType.CFG_REPLY,
            (ConfigurationAttribute(1, b"\xc0\0\2\1"), ConfigurationAttribute(0x8003, b"")),
            b"\x0a\x0b\x0c",
        ),
    ),
    (48, "01020004", ExtensibleAuthentication(b"\1\2\0\4")),
    (54, "0102", Unknown(PayloadType.PS, b"\1\2")),  # in the registry, without a parser
    (200, "cafe", Unknown(PayloadType(200), b"\xca\xfe")),
]


@pytest.mark.parametrize(
    ("number", "body", "meaning"), DIAGRAMS, ids=[f"{n}-{i}" for i, (n, *_) in enumerate(DIAGRAMS)]
)
def test_body_and_meaning_are_each_others_inverse(number: int, body: str, meaning: Payload) -> None:
    octets = bytes.fromhex(body)
    framed = b"\0\0" + (4 + len(octets)).to_bytes(2) + octets
    assert parse_chain(number, framed) == (meaning,)
    assert meaning.type == number
    assert write_chain([meaning]) == framed


@pytest.mark.parametrize("flags", [0x80, 0x7F, 0xFF, 0x01])
@pytest.mark.parametrize("number", [*sorted(PARSERS), 200])
def test_critical_bit_and_reserved_bits_survive(number: int, flags: int) -> None:
    minimal = {33: "0000000801010000", 44: "00000000", 45: "00000000", 47: "01000000", 48: "", 40: "", 43: "", 200: ""}
    body = bytes.fromhex(minimal.get(number, "00000000"))
    framed = bytes((0, flags)) + (4 + len(body)).to_bytes(2) + body
    (payload,) = parse_chain(number, framed)
    assert (payload.flags, payload.critical) == (flags, flags >= 0x80)
    assert write_chain([payload]) == framed


def test_every_parsed_class_is_dispatched_by_the_type_it_claims() -> None:
    for number, body, meaning in DIAGRAMS:
        if number in PARSERS:
            assert PARSERS[number](bytes.fromhex(body), 0).type == number == meaning.type


def test_sk_ends_the_chain_and_keeps_the_type_of_the_first_inner_payload() -> None:
    sealed = bytes.fromhex("24800008 01020304")
    (payload,) = parse_chain(46, sealed)
    assert payload == Encrypted(PayloadType.IDr, b"\1\2\3\4", flags=0x80)
    assert payload.next_inside == 36
    assert write_chain([payload]) == sealed


def test_skf_has_fragment_number_and_total() -> None:
    sealed = bytes.fromhex("2200000a 0001 0003 cafe")
    (payload,) = parse_chain(53, sealed)
    assert payload == EncryptedFragment(PayloadType.KE, 1, 3, b"\xca\xfe")
    assert write_chain([payload]) == sealed


def test_payloads_in_front_of_sk_stay_outside() -> None:
    octets = bytes.fromhex("2e000005 ff 24000006 0102")  # V, then SK
    outer, sealed = parse_chain(43, octets)
    assert (outer, sealed) == (VendorId(b"\xff"), Encrypted(PayloadType.IDr, b"\1\2"))
    assert write_chain([outer, sealed]) == octets


def test_the_base_class_is_no_payload() -> None:
    with pytest.raises(NotImplementedError, match="Payload has no payload type"):
        _ = Payload().type
    with pytest.raises(NotImplementedError, match="Payload has no body"):
        Payload().body()


def test_payloads_are_immutable() -> None:
    with pytest.raises(AttributeError):
        Nonce(b"1").nonce = b"2"  # type: ignore[misc]
