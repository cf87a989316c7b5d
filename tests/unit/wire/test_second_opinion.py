"""Scapy reads the octets that we write, and agrees with what we meant."""

from __future__ import annotations

import pytest

from harness.registry.messages import ExchangeType, Protocol
from harness.registry.notifications import NotifyType
from harness.registry.transforms import AttributeType, KeyExchangeMethod, TransformType
from harness.wire.message import INITIATOR, RESPONSE, Header, Message
from harness.wire.payloads import KeyExchange, Nonce, Notify, SecurityAssociation
from harness.wire.payloads.security_association import Attribute, Proposal, Transform

ikev2 = pytest.importorskip("scapy.contrib.ikev2")

SPI_I, SPI_R = bytes(range(1, 9)), bytes(range(11, 19))
TRANSFORMS = (
    Transform(TransformType.ENCR, 20, (Attribute(AttributeType.KEY_LENGTH, 256),)),
    Transform(TransformType.PRF, 5),
    Transform(TransformType.KE, 31),
    Transform(TransformType.ADDKE1, 36),
)
MESSAGE = Message(
    Header(SPI_I, SPI_R, ExchangeType.IKE_SA_INIT, INITIATOR | RESPONSE, 0),
    (
        SecurityAssociation((Proposal(1, Protocol.IKE, TRANSFORMS),)),
        KeyExchange(KeyExchangeMethod.CURVE25519, bytes(range(32))),
        Nonce(bytes(range(32, 64))),
        Notify(NotifyType.NAT_DETECTION_SOURCE_IP, bytes(range(20))),
        Notify(NotifyType.IKEV2_FRAGMENTATION_SUPPORTED),
    ),
)


def layers(packet: object) -> list[object]:
    found = []
    while packet.__class__.__name__ != "NoPayload":
        found.append(packet)
        packet = packet.payload  # type: ignore[attr-defined]
    return found


def test_scapy_reads_the_header_and_the_order_of_the_payloads() -> None:
    packet = ikev2.IKEv2(MESSAGE.to_bytes())
    assert (packet.init_SPI, packet.resp_SPI) == (SPI_I, SPI_R)
    assert (packet.exch_type, int(packet.flags), packet.id) == (34, 0x28, 0)
    assert packet.length == len(MESSAGE.to_bytes())
    kinds = [ikev2.IKEv2_SA, ikev2.IKEv2_KE, ikev2.IKEv2_Nonce, ikev2.IKEv2_Notify, ikev2.IKEv2_Notify]
    assert [type(layer) for layer in layers(packet)[1:]] == kinds


def test_scapy_reads_the_same_values() -> None:
    packet = ikev2.IKEv2(MESSAGE.to_bytes())
    assert (packet[ikev2.IKEv2_KE].group, packet[ikev2.IKEv2_KE].ke) == (31, bytes(range(32)))
    assert packet[ikev2.IKEv2_Nonce].nonce == bytes(range(32, 64))
    first, second = [layer for layer in layers(packet) if isinstance(layer, ikev2.IKEv2_Notify)]
    assert (first.type, first.notify, second.type) == (16388, bytes(range(20)), 16430)
    proposal = packet[ikev2.IKEv2_SA].prop
    transforms = [layer for layer in layers(proposal.trans) if isinstance(layer, ikev2.IKEv2_Transform)]
    read = [(t.transform_type, t.transform_id) for t in transforms]
    assert read == [(t.type, t.identifier) for t in TRANSFORMS]
    assert transforms[0].key_length == 256


def test_we_read_what_scapy_writes() -> None:
    packet = (
        ikev2.IKEv2(init_SPI=SPI_I, resp_SPI=SPI_R, exch_type=34, flags=8, id=0, next_payload=34)
        / ikev2.IKEv2_KE(next_payload=40, group=31, ke=bytes(32))
        / ikev2.IKEv2_Nonce(next_payload=41, nonce=bytes(16))
        / ikev2.IKEv2_Notify(next_payload=0, type=16390, notify=b"cookie")
    )
    message = Message.parse(bytes(packet))
    assert message.payloads == (
        KeyExchange(KeyExchangeMethod.CURVE25519, bytes(32)),
        Nonce(bytes(16)),
        Notify(NotifyType.COOKIE, b"cookie"),
    )
    assert message.to_bytes() == bytes(packet)
