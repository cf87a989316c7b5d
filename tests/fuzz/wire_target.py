"""IKE messages: what parses is written back octet for octet; all else is MalformedMessage."""

from __future__ import annotations

import functools
from dataclasses import replace

from engine_arrows import ike_octets
from engine_pair import EnginePair, pair, policy, run
from target import Prepared, Target

from harness.ike.machine import payload_names
from harness.registry.messages import ExchangeType, PayloadType, Protocol
from harness.registry.notifications import NotifyType
from harness.registry.transforms import AttributeType, TransformType
from harness.wire import payloads as p
from harness.wire.errors import MalformedMessage
from harness.wire.message import Header, Message
from harness.wire.payloads.configuration import ConfigurationAttribute
from harness.wire.payloads.security_association import Attribute, Proposal, Transform
from harness.wire.payloads.traffic_selector import OpaqueSelector, TrafficSelector


def engines() -> list[EnginePair]:
    """Conversations of two engines that show the protocol's corners."""
    hybrid = policy(ke="curve25519 ecp256", addke1="ecp384")
    asked = [
        pair(hybrid),
        pair(policy(ke="curve25519")),
        pair(hybrid, policy(ke="ecp256", addke1="ecp384"), require_cookie=True),
        pair(hybrid, fragment_octets=300),
        pair(policy(ke="ecp256"), policy(ke="ecp384")),
        pair(hybrid, responder_psk=b"another"),
        pair(policy(ke="curve25519", encr="aes-256-cbc", integ="hmac-sha2-256-128"), transport_mode=True),
    ]
    for engines in asked:
        run(engines)
        for step in ("send_liveness", "delete"):
            if type(engines.initiator.state).__name__ == "Standing":
                getattr(engines.initiator, step)(engines.now)
                engines.deliver()
    return asked


def _one_of_each() -> Message:
    transform = Transform(
        TransformType.ENCR, 12, (Attribute(AttributeType(14), 256), Attribute(AttributeType(99), b"x"))
    )
    selectors = (
        TrafficSelector(7, 6, 1, 2, bytes(4), b"\xff" * 4),  # type: ignore[arg-type]
        TrafficSelector(8, 0, 0, 65535, bytes(16), b"\xff" * 16),  # type: ignore[arg-type]
        OpaqueSelector(9, 0, b"label"),  # type: ignore[arg-type]
    )
    payloads = (
        p.SecurityAssociation((Proposal(1, Protocol.ESP, (transform, transform), b"spi1"),)),
        p.KeyExchange(31, bytes(32)),  # type: ignore[arg-type]
        p.IdentificationInitiator(2, b"a.example"),  # type: ignore[arg-type]
        p.IdentificationResponder(5, bytes(16)),  # type: ignore[arg-type]
        p.Certificate(4, b"certificate"),
        p.CertificateRequest(4, bytes(20)),
        p.Authentication(14, b"\x0fASN.1"),  # type: ignore[arg-type]
        p.Nonce(bytes(32)),
        p.Notify(NotifyType.REKEY_SA, b"data", Protocol.ESP, b"spi1"),
        p.Delete(Protocol.ESP, 4, (b"spi1", b"spi2")),
        p.Delete(Protocol.ESP, empty_spis=2),
        p.VendorId(b"vendor"),
        p.TrafficSelectorsInitiator(selectors),
        p.TrafficSelectorsResponder(selectors),
        p.Configuration(1, (ConfigurationAttribute(1, b""), ConfigurationAttribute(8, bytes(17)))),  # type: ignore[arg-type]
        p.ExtensibleAuthentication(b"\1\2\0\4"),
        p.Unknown(PayloadType(200), b"unknown", flags=0x80),
        p.EncryptedFragment(PayloadType.IDi, 1, 2, bytes(40)),
    )
    return Message(Header(b"initiate", b"responds", ExchangeType.IKE_AUTH, 0x08, 1), payloads)


@functools.cache
def datagrams() -> tuple[bytes, ...]:
    """Messages of ours, each once."""
    sent = [ike_octets(datagram) for each in engines() for datagram in each.wire]
    every = _one_of_each()
    single = [replace(every, payloads=(payload,)).to_bytes() for payload in every.payloads]
    return tuple(dict.fromkeys([*sent, every.to_bytes(), *single]))


def prepare(data: bytes) -> Prepared:
    def read() -> None:
        try:
            message = Message.parse(data)
        except MalformedMessage as error:
            assert str(error)
            return
        assert message.to_bytes() == data
        payload_names(message.payloads)

    return len(data), read


TARGET = Target("wire", "IKE messages", lambda: list(datagrams()), prepare)
