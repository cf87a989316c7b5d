"""Seeded defects of a peer: each with the requirement that it breaks, written down before it was first played."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from defective import Defect, Edit, beside, changed, doubled, dropped, edited

from harness.ike.selectors import network_selector
from harness.registry.identities import AuthenticationMethod, IdentificationType
from harness.registry.messages import ExchangeType, PayloadType, Protocol
from harness.registry.notifications import NotifyType
from harness.registry.transforms import AttributeType, KeyExchangeMethod, TransformType
from harness.wire.payload import Payload
from harness.wire.payloads import (
    Authentication,
    Delete,
    IdentificationInitiator,
    IdentificationResponder,
    KeyExchange,
    Nonce,
    Notify,
    SecurityAssociation,
    TrafficSelectorsInitiator,
    TrafficSelectorsResponder,
)
from harness.wire.payloads.opaque import Unknown
from harness.wire.payloads.security_association import Attribute, Proposal, Transform

INIT, INTERMEDIATE, AUTH = ExchangeType.IKE_SA_INIT, ExchangeType.IKE_INTERMEDIATE, ExchangeType.IKE_AUTH
INFORMATIONAL = ExchangeType.INFORMATIONAL
HYBRID, CLASSICAL, BLOCKS, SEVEN = (
    "hybrid/x25519-mlkem768", "classical/ecp384", "classical/modp3072", "multiple-ke/seven"
)  # fmt: skip
ALL, MIXED = (HYBRID, CLASSICAL, BLOCKS, SEVEN), (HYBRID, SEVEN)
FALLBACK = "hybrid/mlkem768-or-classical"
UNANNOUNCED, UNANNOUNCED_ALONE = "multiple-ke/unannounced-classical-second", "multiple-ke/unannounced-alone"


def proposals(edit: Callable[[Proposal], Proposal]) -> Edit:
    return edited(SecurityAssociation, lambda sa: replace(sa, proposals=tuple(map(edit, sa.proposals))))


def without(kind: TransformType) -> Edit:
    return proposals(lambda p: replace(p, transforms=tuple(t for t in p.transforms if t.type != kind)))


def other(kind: TransformType, identifier: int, *attributes: Attribute) -> Edit:
    """A transform of one type with another identifier."""
    return proposals(
        lambda p: replace(
            p,
            transforms=tuple(
                replace(t, identifier=identifier, attributes=attributes) if t.type == kind else t for t in p.transforms
            ),
        )
    )


def twice(kind: TransformType) -> Edit:
    return proposals(lambda p: replace(p, transforms=(*p.transforms, *(t for t in p.transforms if t.type == kind))))


def with_transform(*more: Transform) -> Edit:
    return proposals(lambda p: replace(p, transforms=(*p.transforms, *more)))


def key_length(bits: int) -> Edit:
    def edit(proposal: Proposal) -> Proposal:
        return replace(
            proposal,
            transforms=tuple(
                replace(t, attributes=(Attribute(AttributeType.KEY_LENGTH, bits),)) if t.attributes else t
                for t in proposal.transforms
            ),
        )

    return proposals(edit)


def notify(kind: NotifyType, **fields: Any) -> Edit:
    return lambda payloads: [
        replace(p, **fields) if isinstance(p, Notify) and p.notify_type == kind else p for p in payloads
    ]


def no_notify(*kinds: NotifyType) -> Edit:
    return lambda payloads: [p for p in payloads if not (isinstance(p, Notify) and p.notify_type in kinds)]


def spoilt(kind: type, field: str, spoil: Callable[[bytes], bytes]) -> Edit:
    return edited(kind, lambda payload: replace(payload, **{field: spoil(getattr(payload, field))}))


def turned(octets: bytes) -> bytes:
    return bytes((octets[0] ^ 1,)) + octets[1:]


def flags(kind: type, value: int) -> Edit:
    return changed(kind, flags=value)


def two_proposals(payloads: Sequence[Any]) -> Sequence[Payload]:
    return [
        replace(p, proposals=(p.proposals[0], replace(p.proposals[0], number=2)))
        if isinstance(p, SecurityAssociation)
        else p
        for p in payloads
    ]


def with_proposal(protocol: Protocol, *transforms: Transform) -> Edit:
    """A proposal more, behind the others."""
    return edited(
        SecurityAssociation,
        lambda sa: replace(
            sa,
            proposals=(
                *sa.proposals,
                replace(sa.proposals[0], number=len(sa.proposals) + 1, protocol=protocol, transforms=transforms),
            ),
        ),
    )


IKE_TYPES, ESP_TYPES = (TransformType.ENCR, TransformType.PRF, TransformType.KE), (TransformType.ENCR, TransformType.SN)
ANNOUNCED = NotifyType.INTERMEDIATE_EXCHANGE_SUPPORTED
FRAGMENTS = NotifyType.IKEV2_FRAGMENTATION_SUPPORTED
SOURCE = NotifyType.NAT_DETECTION_SOURCE_IP
KEY_OF_256 = Attribute(AttributeType.KEY_LENGTH, 256)
EXTRA = Transform(TransformType.ADDKE7, int(KeyExchangeMethod.ML_KEM_768))
RESERVED, CRITICAL = 0x01, 0x80


def both(name: str, exchange: ExchangeType, edit: Edit, requirement: str, scenarios: tuple[str, ...]) -> list[Defect]:
    """The same defect of a responder and of an initiator."""
    return [
        Defect(f"{name}, {'response' if response else 'request'}", exchange, response, edit, requirement, scenarios)
        for response in (True, False)
    ]


def ending_by(kind: NotifyType) -> list[Defect]:
    """An initiator that ends the IKE SA by an error in place of its Delete."""
    edit: Edit = lambda payloads: [Notify(kind) if isinstance(p, Delete) else p for p in payloads]  # noqa: E731
    return [Defect(f"{kind.name} in place of a Delete", INFORMATIONAL, False, edit, "B29", (HYBRID, BLOCKS))]


def choosing_what_is_to_be_skipped(payloads: Sequence[Any]) -> Sequence[Payload]:
    """Proposal 1 with its additional key exchange, in place of proposal 2."""
    additional = Transform(TransformType.ADDKE1, int(KeyExchangeMethod.ECP_384))
    return proposals(lambda p: replace(p, number=1, transforms=(*p.transforms, additional)))(payloads)


def answer(
    name: str, edit: Edit, requirement: str, scenarios: tuple[str, ...] = ALL, exchange: ExchangeType = INIT
) -> list[Defect]:
    return [Defect(f"{name}, response", exchange, True, edit, requirement, scenarios)]


def asked(
    name: str, exchange: ExchangeType, edit: Edit, requirement: str, scenarios: tuple[str, ...] = (HYBRID, BLOCKS)
) -> list[Defect]:
    """Of an initiator alone."""
    return [Defect(f"{name}, request", exchange, False, edit, requirement, scenarios)]


def coefficient(value: int) -> Callable[[bytes], bytes]:
    """An encapsulation key whose first coefficient is this one (FIPS 203 section 5.1: 12 bits, the low ones first)."""
    return lambda key: bytes((value & 0xFF, key[1] & 0xF0 | value >> 8)) + key[2:]


def one_number(payloads: Sequence[Any]) -> Sequence[Payload]:
    return [
        replace(p, proposals=(p.proposals[0], p.proposals[0])) if isinstance(p, SecurityAssociation) else p
        for p in payloads
    ]


def wrongly_authenticated(name: str, edit: Edit) -> list[Defect]:
    """Of both sides. What AUTH covers is RFC 7296's to say, and RFC 9242's where an IKE_INTERMEDIATE took place."""
    plain = both(name, AUTH, edit, "K03", (CLASSICAL, BLOCKS))
    return [*plain, *both(f"{name}, after IKE_INTERMEDIATE", AUTH, edit, "I08", MIXED)]


def another_identity(payload: Payload) -> Payload:
    if isinstance(payload, IdentificationInitiator | IdentificationResponder):
        return replace(payload, data=b"somebody.else")
    return payload


def another_identity_type(payload: Payload) -> Payload:
    if isinstance(payload, IdentificationInitiator | IdentificationResponder):
        return replace(payload, id_type=IdentificationType(11))
    return payload


def selectors(kind: type, *those: Any) -> Edit:
    return changed(kind, selectors=those)


def each_selector(**fields: Any) -> Edit:
    """Every selector of both payloads with other fields."""
    return edited(
        TrafficSelectorsInitiator | TrafficSelectorsResponder,  # type: ignore[arg-type]
        lambda payload: replace(payload, selectors=tuple(replace(one, **fields) for one in payload.selectors)),
    )


def turned_over(payload: Any) -> Any:
    return replace(payload, selectors=tuple(replace(one, start=b"\xff" * 4, end=bytes(4)) for one in payload.selectors))


def esp_spi(number: int) -> Edit:
    return proposals(lambda p: replace(p, spi=number.to_bytes(4)))


def deleting(*deletes: Delete) -> list[Defect]:
    """A request that deletes so, in place of the Delete of the IKE SA."""
    edit: Edit = lambda payloads: [*(p for p in payloads if not isinstance(p, Delete)), *deletes]  # noqa: E731
    kinds = " and ".join(f"{d.protocol} with {len(d.spis) + d.empty_spis} SPIs of {d.spi_size}" for d in deletes)
    return [Defect(f"a Delete of {kinds}", INFORMATIONAL, False, edit, "B52", (HYBRID, BLOCKS))]


ANYTHING, ELSEWHERE, OF_IPV6 = (network_selector(each) for each in ("0.0.0.0/0", "192.0.2.0/24", "2001:db8::/32"))
TSI, TSR = TrafficSelectorsInitiator, TrafficSelectorsResponder

ROWS: list[Defect] = [
    # The answer to the offer of IKE (RFC 7296 sections 2.7, 3.3).
    *answer("another proposal number", proposals(lambda p: replace(p, number=p.number + 1)), "B07"),
    *answer("two proposals", two_proposals, "B06"),
    *answer("another cipher", other(TransformType.ENCR, 18, KEY_OF_256), "B06"),
    *answer("another key length", key_length(128), "B06"),
    *answer("no PRF", without(TransformType.PRF), "B06"),
    *answer("another PRF", other(TransformType.PRF, 7), "B06", (HYBRID, SEVEN)),
    *answer("the PRF twice", twice(TransformType.PRF), "B06"),
    *answer("no key exchange", without(TransformType.KE), "B06"),
    *answer("the cipher twice", twice(TransformType.ENCR), "B06"),
    *answer("a transform that was not offered", with_transform(EXTRA), "B06", (HYBRID, CLASSICAL, BLOCKS)),
    *answer("an additional key exchange left out", without(TransformType.ADDKE1), "B06", (HYBRID,)),
    *answer("another additional method", other(TransformType.ADDKE1, 37), "B06", (HYBRID,)),
    *answer("protocol ESP", proposals(lambda p: replace(p, protocol=Protocol.ESP, spi=bytes(4))), "B06"),
    # Key exchange and nonce in IKE_SA_INIT.
    *answer("KE of another method", changed(KeyExchange, method=KeyExchangeMethod(20)), "B02", (HYBRID, BLOCKS, SEVEN)),
    *answer("KE too short", spoilt(KeyExchange, "data", lambda d: d[:-1]), "K04"),
    *answer("KE too long", spoilt(KeyExchange, "data", lambda d: d + b"\0"), "K04"),
    *answer("KE left out", dropped(KeyExchange), "B02"),
    *answer("KE twice", doubled(KeyExchange), "B02"),
    *both("a nonce of 15 octets", INIT, spoilt(Nonce, "nonce", lambda n: n[:15]), "B23", ALL),
    *both("a nonce of 257 octets", INIT, spoilt(Nonce, "nonce", lambda _: b"n" * 257), "B23", ALL),
    # Notifications of IKE_SA_INIT.
    *both("NAT detection with a protocol", INIT, notify(SOURCE, protocol=Protocol.IKE), "B48", ALL),
    *both("NAT detection of 16 octets", INIT, notify(SOURCE, data=bytes(16)), "B36", ALL),
    *both("half of NAT detection", INIT, no_notify(SOURCE), "B36", ALL),
    *both("fragmentation with data", INIT, notify(FRAGMENTS, data=b"1"), "F01", ALL),
    *both("IKE_INTERMEDIATE with a protocol", INIT, notify(ANNOUNCED, protocol=Protocol.IKE), "I01", MIXED),
    *both("IKE_INTERMEDIATE with an SPI", INIT, notify(ANNOUNCED, protocol=Protocol.IKE, spi=bytes(8)), "B48", MIXED),
    *both("a status with an SPI of 8 octets", INIT, notify(SOURCE, protocol=Protocol.ESP, spi=bytes(8)), "B48", ALL),
    *both("IKE_INTERMEDIATE not announced", INIT, no_notify(ANNOUNCED), "A02", (*MIXED, FALLBACK)),
    # An offer without the announcement of IKE_INTERMEDIATE (RFC 9370 section 2.2.1).
    *answer("the whole offer refused", lambda _: [Notify(NotifyType.NO_PROPOSAL_CHOSEN)], "A16", (UNANNOUNCED,)),
    *answer("what is to be skipped chosen", choosing_what_is_to_be_skipped, "A16", (UNANNOUNCED,)),
    *answer("an error that nobody knows", changed(Notify, notify_type=NotifyType(8191)), "A16", (UNANNOUNCED_ALONE,)),
    *answer("another error", changed(Notify, notify_type=NotifyType.INVALID_SYNTAX), "A16", (UNANNOUNCED_ALONE,)),
    # The form of payloads.
    *both("reserved bits of Nonce", INIT, flags(Nonce, RESERVED), "B15", ALL),
    *both("a critical SA", INIT, flags(SecurityAssociation, CRITICAL), "B14", ALL),
    *both("a critical KE", INIT, flags(KeyExchange, CRITICAL), "B14", ALL),
    *both("reserved octets of KE", INIT, changed(KeyExchange, reserved=1), "B15", ALL),
    *both("reserved octet of a proposal", INIT, proposals(lambda p: replace(p, reserved=1)), "B15", ALL),
    *both("a critical AUTH", AUTH, flags(Authentication, CRITICAL), "B14", ALL),
    *both("reserved octets of AUTH", AUTH, changed(Authentication, reserved=bytes((0, 0, 1))), "B15", ALL),
    *both("a critical KE", INTERMEDIATE, flags(KeyExchange, CRITICAL), "B14", MIXED),
    *both("reserved octets of KE", INTERMEDIATE, changed(KeyExchange, reserved=7), "B15", MIXED),
    # IKE_INTERMEDIATE (RFC 9370 section 2.2.2).
    *both("KE left out", INTERMEDIATE, dropped(KeyExchange), "A15", MIXED),
    *both("KE twice", INTERMEDIATE, doubled(KeyExchange), "A15", MIXED),
    *both("another KE", INTERMEDIATE, changed(KeyExchange, method=KeyExchangeMethod.ML_KEM_512), "A15", (HYBRID,)),
    *both("KE too short", INTERMEDIATE, spoilt(KeyExchange, "data", lambda d: d[:-1]), "K04", MIXED),
    *both("KE too long", INTERMEDIATE, spoilt(KeyExchange, "data", lambda d: d + b"\0"), "K04", MIXED),
    *asked("a coefficient of q", INTERMEDIATE, spoilt(KeyExchange, "data", coefficient(3329)), "M01", MIXED),
    *asked("a coefficient of 4095", INTERMEDIATE, spoilt(KeyExchange, "data", coefficient(4095)), "M01", (HYBRID,)),
    *both("a notify with data", INTERMEDIATE, beside(Notify(FRAGMENTS, b"1")), "F01", MIXED),
    # IKE_AUTH (RFC 7296 sections 1.2, 2.15, 3.5, 3.8, 3.13).
    *wrongly_authenticated("AUTH of other octets", spoilt(Authentication, "data", turned)),
    *wrongly_authenticated("AUTH cut short", spoilt(Authentication, "data", lambda d: d[:-1])),
    *wrongly_authenticated("AUTH empty", spoilt(Authentication, "data", lambda _: b"")),
    *wrongly_authenticated("AUTH by signature", changed(Authentication, method=AuthenticationMethod(1))),
    *wrongly_authenticated("AUTH left out", dropped(Authentication)),
    *wrongly_authenticated("the identity of another", edited(Payload, another_identity)),
    *wrongly_authenticated("an identity of another type", edited(Payload, another_identity_type)),
    *wrongly_authenticated("no identity", dropped((IdentificationInitiator, IdentificationResponder))),
    *answer("another ESP proposal", proposals(lambda p: replace(p, number=p.number + 1)), "B07", exchange=AUTH),
    *answer("another ESP cipher", other(TransformType.ENCR, 18, KEY_OF_256), "B06", exchange=AUTH),
    *answer("another ESP key length", key_length(128), "B06", exchange=AUTH),
    *answer("two ESP proposals", two_proposals, "B06", exchange=AUTH),
    *answer("no SN", without(TransformType.SN), "B06", exchange=AUTH),
    *answer("an ESP SPI of 8 octets", proposals(lambda p: replace(p, spi=bytes(8))), "B49", exchange=AUTH),
    *answer("no ESP SPI", proposals(lambda p: replace(p, spi=b"")), "B49", exchange=AUTH),
    *answer("protocol AH", proposals(lambda p: replace(p, protocol=Protocol.AH)), "B06", exchange=AUTH),
    *both("a notify with a protocol", AUTH, beside(Notify(NotifyType.INITIAL_CONTACT, b"", Protocol.IKE)), "B48", ALL),
    # Payloads that come twice or not at all, and offers of another form (RFC 7296 sections 1.2, 3.3.1).
    *both("SA twice", INIT, doubled(SecurityAssociation), "B54", ALL),
    *both("Nonce twice", INIT, doubled(Nonce), "B54", ALL),
    *both("SA left out", INIT, dropped(SecurityAssociation), "B54", ALL),
    *both("Nonce left out", INIT, dropped(Nonce), "B54", ALL),
    *both("the identity twice", AUTH, doubled((IdentificationInitiator, IdentificationResponder)), "B54", ALL),
    *both("AUTH twice", AUTH, doubled(Authentication), "B54", ALL),
    *both("SA twice", AUTH, doubled(SecurityAssociation), "B54", ALL),
    *both("SA left out", AUTH, dropped(SecurityAssociation), "B54", ALL),
    *both("TSi twice", AUTH, doubled(TSI), "B54", (HYBRID, BLOCKS)),
    *both("TSr twice", AUTH, doubled(TSR), "B54", (HYBRID, BLOCKS)),
    *asked("proposals from 0", INIT, proposals(lambda p: replace(p, number=p.number - 1)), "B07"),
    *asked("proposals from 2", INIT, proposals(lambda p: replace(p, number=p.number + 1)), "B07"),
    *asked("two proposals of one number", INIT, one_number, "B07"),
    *[row for exchange, kinds in ((INIT, IKE_TYPES), (AUTH, ESP_TYPES)) for kind in kinds
      for row in asked(f"no {kind.name}", exchange, without(kind), "B66")],
    *asked("a proposal of AH without SN", AUTH, with_proposal(
        Protocol.AH, Transform(TransformType.INTEG, 12)), "B66"),
    *asked("proposals from 0", AUTH, proposals(lambda p: replace(p, number=p.number - 1)), "B07"),
    *asked("proposals from 2", AUTH, proposals(lambda p: replace(p, number=p.number + 1)), "B07"),
    *asked("an SPI in the offer", INIT, proposals(lambda p: replace(p, spi=bytes(8))), "B49"),
    *asked("an ESP SPI of 8 octets in the offer", AUTH, proposals(lambda p: replace(p, spi=bytes(8))), "B49"),
    *asked("no TSi in the request", AUTH, dropped(TSI), "B50"),
    *asked("no TSr in the request", AUTH, dropped(TSR), "B50"),
    *asked("no selector in TSi of the request", AUTH, selectors(TSI), "B50"),
    *asked("ports without a protocol in the request", AUTH, each_selector(start_port=80, end_port=80), "B51"),
    *asked("ports the other way round in the request", AUTH, each_selector(protocol=6, start_port=9, end_port=8),
           "B51"),
    *asked("addresses the other way round in the request", AUTH, edited(TSR, turned_over), "B51"),
    Defect("a key exchange method in the offer of the Child SA, request", AUTH, False,
           with_transform(Transform(TransformType.KE, int(KeyExchangeMethod.CURVE25519))), "B58", (HYBRID, BLOCKS)),
    *[row for kind in (NotifyType.AUTHENTICATION_FAILED, NotifyType.INVALID_SYNTAX) for row in ending_by(kind)],
    *deleting(Delete(Protocol.IKE), Delete(Protocol.IKE)),
    # Traffic selectors (RFC 7296 sections 2.9, 3.13.1) and SPIs of ESP (RFC 4303 section 2.1).
    *answer("TSi is anything", selectors(TSI, ANYTHING), "B50", exchange=AUTH),
    *answer("TSr is anything", selectors(TSR, ANYTHING), "B50", exchange=AUTH),
    *answer("TSi is elsewhere", selectors(TSI, ELSEWHERE), "B50", exchange=AUTH),
    *answer("TSr is elsewhere", selectors(TSR, ELSEWHERE), "B50", exchange=AUTH),
    *answer("TSr of another family", selectors(TSR, OF_IPV6), "B50", (HYBRID, BLOCKS), AUTH),
    *answer("one selector more", edited(TSR, lambda p: replace(p, selectors=(*p.selectors, ELSEWHERE))), "B50",
            (HYBRID, BLOCKS), AUTH),
    *answer("no selector in TSi", selectors(TSI), "B50", (HYBRID, BLOCKS), AUTH),
    *answer("no TSr", dropped(TSR), "B50", (HYBRID, BLOCKS), AUTH),
    *answer("ports without a protocol", each_selector(start_port=80, end_port=80), "B51", exchange=AUTH),
    *answer("ports the other way round", each_selector(protocol=6, start_port=9, end_port=8), "B51", exchange=AUTH),
    *answer("addresses the other way round", edited(TSR, turned_over), "B51", (HYBRID, BLOCKS), AUTH),
    *both("an ESP SPI of 0", AUTH, esp_spi(0), "E07", (HYBRID, BLOCKS)),
    *both("an ESP SPI of 1", AUTH, esp_spi(1), "E07", (HYBRID, BLOCKS)),
    *both("an ESP SPI of 255", AUTH, esp_spi(255), "E07", (HYBRID, BLOCKS)),
    # Deletion.
    *deleting(Delete(Protocol.IKE, 8, (bytes(8),))),
    *deleting(Delete(Protocol.IKE, 0, (), empty_spis=1)),
    *deleting(Delete(Protocol.IKE), Delete(Protocol.ESP, 4, (b"\1\2\3\4",))),
    *deleting(Delete(Protocol.IKE), Delete(Protocol.ESP)),
    *deleting(Delete(Protocol.IKE), Delete(Protocol(9), 4, (b"\1\2\3\4",))),
    *deleting(Delete(Protocol.IKE), Delete(Protocol.ESP, 8, (bytes(8),))),
    *deleting(Delete(Protocol.NONE)),
    *answer("an error in the answer", beside(Notify(NotifyType.INVALID_SYNTAX)), "B29", exchange=INFORMATIONAL),
    Defect("an error in the answer to a liveness check", INFORMATIONAL, True,
           beside(Notify(NotifyType.NO_ADDITIONAL_SAS)), "B30", ("lifecycle/liveness-and-delete",), 0),
    Defect("INVALID_SYNTAX to a liveness check", INFORMATIONAL, True,
           beside(Notify(NotifyType.INVALID_SYNTAX)), "B30", ("lifecycle/liveness-and-delete",), 0),
    Defect("a critical payload in the answer to a liveness check", INFORMATIONAL, True,
           beside(Unknown(PayloadType(150), b"new", flags=CRITICAL)), "B14", ("lifecycle/liveness-and-delete",), 0),
    *answer("selectors in the answer", beside(TrafficSelectorsInitiator(())), "B29", exchange=INFORMATIONAL),
]  # fmt: skip

PLAYED: list[tuple[Defect, str]] = [(row, scenario) for row in ROWS for scenario in row.scenarios]
