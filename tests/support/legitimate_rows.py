"""What a conforming peer may do otherwise, played as defects are: our engine in its place, its messages edited.

What leaves is authenticated as it leaves. None of it may cost the peer a word.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from defect_rows import (
    AUTH,
    BLOCKS,
    HYBRID,
    INFORMATIONAL,
    INIT,
    INTERMEDIATE,
    KEY_OF_256,
    SEVEN,
    each_selector,
    no_notify,
)
from defective import Defect, Edit, beside, dropped, edited

from harness.ike.selectors import network_selector
from harness.registry.identities import ConfigurationType, IdentificationType
from harness.registry.messages import PayloadType, Protocol
from harness.registry.notifications import NotifyType
from harness.registry.transforms import TransformType
from harness.wire.payload import Payload
from harness.wire.payloads import (
    Configuration,
    IdentificationInitiator,
    IdentificationResponder,
    Notify,
    SecurityAssociation,
    TrafficSelectorsInitiator,
    TrafficSelectorsResponder,
)
from harness.wire.payloads.opaque import Unknown, VendorId
from harness.wire.payloads.security_association import Proposal, Transform

NONE = "no requirement"
TWO = (HYBRID, BLOCKS)
SOURCE, DESTINATION = NotifyType.NAT_DETECTION_SOURCE_IP, NotifyType.NAT_DETECTION_DESTINATION_IP
OTHERS = Unknown(PayloadType(150), b"of a later document")
VENDOR, STATUS = VendorId(b"acme router 7"), Notify(NotifyType(40_000), b"of private use")


def may(name: str, exchange: Any, edit: Edit, scenarios: tuple[str, ...] = TWO) -> list[Defect]:
    return [
        Defect(f"{name}, {'response' if response else 'request'}", exchange, response, edit, NONE, scenarios)
        for response in (True, False)
    ]


def may_answer(name: str, exchange: Any, edit: Edit, scenarios: tuple[str, ...] = TWO) -> list[Defect]:
    return [Defect(f"{name}, response", exchange, True, edit, NONE, scenarios)]


def may_ask(name: str, exchange: Any, edit: Edit, scenarios: tuple[str, ...] = TWO) -> list[Defect]:
    return [Defect(f"{name}, request", exchange, False, edit, NONE, scenarios)]


def backwards(payloads: Sequence[Any]) -> Sequence[Payload]:
    return list(payloads)[::-1]


def in_front(*more: Payload) -> Edit:
    return lambda payloads: [*more, *payloads]


def source_twice(payloads: Sequence[Any]) -> Sequence[Payload]:
    """ "There MAY be multiple NAT_DETECTION_SOURCE_IP payloads in a message" (RFC 7296 section 2.23)."""
    return [*payloads, *(p for p in payloads if isinstance(p, Notify) and p.notify_type == SOURCE)]


WANTED = Unknown(PayloadType.CERTREQ, b"\4" + bytes(20))


def second(edit: Callable[[Proposal], Proposal]) -> Edit:
    """A proposal more, behind the others."""

    def more(offer: SecurityAssociation) -> SecurityAssociation:
        again = replace(offer.proposals[0], number=len(offer.proposals) + 1)
        return replace(offer, proposals=(*offer.proposals, edit(again)))

    return edited(SecurityAssociation, more)


def each_payload_of_selectors(edit: Callable[[tuple[Any, ...]], tuple[Any, ...]]) -> Edit:
    kinds: Any = TrafficSelectorsInitiator | TrafficSelectorsResponder
    return edited(kinds, lambda payload: replace(payload, selectors=edit(payload.selectors)))


ROWS: list[Defect] = [
    # IKE_SA_INIT (RFC 7296 sections 1.2, 2.5, 2.23, 3.10.1, 3.12).
    *may("a Vendor ID", INIT, beside(VENDOR)),
    *may("a Vendor ID in front", INIT, in_front(VENDOR)),
    *may("three Vendor IDs", INIT, beside(VENDOR, VendorId(b""), VENDOR)),
    *may("a status of private use", INIT, beside(STATUS)),
    *may("a payload of a later document", INIT, beside(OTHERS)),
    *may("its payloads the other way round", INIT, backwards),
    *may("no word of NAT traversal", INIT, no_notify(SOURCE, DESTINATION)),
    *may("NAT_DETECTION_SOURCE_IP twice", INIT, source_twice),
    *may("no fragmentation", INIT, no_notify(NotifyType.IKEV2_FRAGMENTATION_SUPPORTED), (BLOCKS,)),
    *may("IKE_INTERMEDIATE announced, and not needed", INIT, beside(
        Notify(NotifyType.INTERMEDIATE_EXCHANGE_SUPPORTED)), (BLOCKS,)),
    *may("SIGNATURE_HASH_ALGORITHMS", INIT, beside(Notify(NotifyType.SIGNATURE_HASH_ALGORITHMS, b"\0\2\0\3"))),
    *may("REDIRECT_SUPPORTED", INIT, beside(Notify(NotifyType.REDIRECT_SUPPORTED))),
    *may_answer("CHILDLESS_IKEV2_SUPPORTED", INIT, beside(Notify(NotifyType.CHILDLESS_IKEV2_SUPPORTED))),
    # Certificates, PPKs and addresses that nobody uses (RFC 7296 sections 2.19, 2.22, 3.7; RFC 8784, 9593, 9867).
    *may_answer("CERTREQ", INIT, beside(WANTED)),
    *may("CERTREQ and CERT", AUTH, beside(WANTED, Unknown(PayloadType.CERT, b"\4" + bytes(90)))),
    *may_ask("USE_PPK", INIT, beside(Notify(NotifyType.USE_PPK))),
    *may_ask("USE_PPK_INT, with data that nobody knows", INIT, beside(
        Notify(NotifyType.USE_PPK_INT, b"later")), (HYBRID,)),
    *may_ask("both ways for a PPK", INIT, beside(
        Notify(NotifyType.USE_PPK), Notify(NotifyType.USE_PPK_INT)), (HYBRID,)),
    *may_ask("CFG_REQUEST", AUTH, beside(Configuration(ConfigurationType.CFG_REQUEST, ()))),
    *may_ask("IPCOMP_SUPPORTED", AUTH, beside(Notify(NotifyType.IPCOMP_SUPPORTED, b"\1\2\2"))),
    *may_ask("EAP_ONLY_AUTHENTICATION", AUTH, beside(Notify(NotifyType.EAP_ONLY_AUTHENTICATION))),
    *may_answer("AUTH_LIFETIME", AUTH, beside(Notify(NotifyType.AUTH_LIFETIME, bytes(4)))),
    *may("an unknown status with a protocol and an SPI", AUTH, beside(
        Notify(NotifyType(50_000), b"", Protocol(9), b"abc"))),
    *may_ask("an error, which a request may have", AUTH, beside(Notify(NotifyType(8_000)))),
    *may_ask("who it is, for RFC 9593", INTERMEDIATE, beside(
        IdentificationInitiator(IdentificationType.ID_FQDN, b"peer.interop.test")), (HYBRID,)),
    *may("SUPPORTED_AUTH_METHODS", INTERMEDIATE, beside(
        Notify(NotifyType.SUPPORTED_AUTH_METHODS, b"\2\0\1")), (HYBRID, SEVEN)),
    # Offers (sections 3.3, 3.3.6) and selectors (section 2.9).
    *may_ask("a proposal of numbers that nobody knows", INIT, second(lambda p: replace(
        p, transforms=tuple(replace(each, identifier=60_000) for each in p.transforms)))),
    *may_ask("a PRF of private use with keys of several lengths", INIT, second(lambda p: replace(p, transforms=tuple(
        replace(each, identifier=60_000, attributes=(KEY_OF_256,)) if each.type == TransformType.PRF else each
        for each in p.transforms)))),
    *may_ask("a Key Length of what is of private use", INIT, second(lambda p: replace(p, transforms=tuple(
        Transform(kind, 1_030, p.transforms[0].attributes) if kind != TransformType.KE else Transform(kind, 31)
        for kind in (TransformType.ENCR, TransformType.PRF, TransformType.INTEG, TransformType.KE))))),
    *may_ask("GCM with INTEG NONE", INIT, second(lambda p: replace(
        p, transforms=(*p.transforms, Transform(TransformType.INTEG, 0)))), (HYBRID,)),
    *may_ask("a Child SA that is not to be encrypted", AUTH, second(lambda p: replace(p, transforms=(
        Transform(TransformType.ENCR, 11), Transform(TransformType.INTEG, 12), Transform(TransformType.SN, 0))))),
    *may_ask("a proposal of AH", AUTH, second(lambda p: replace(p, protocol=Protocol.AH, transforms=(
        Transform(TransformType.INTEG, 12), Transform(TransformType.SN, 0))))),
    *may_ask("thirty proposals", INIT, edited(SecurityAssociation, lambda sa: replace(
        sa, proposals=tuple(replace(sa.proposals[0], number=each) for each in range(1, 31))))),
    *may_ask("all the networks there are", AUTH, each_payload_of_selectors(
        lambda those: (*those, network_selector("0.0.0.0/0"), network_selector("::/0")))),
    *may_answer("a selector twice", AUTH, each_payload_of_selectors(lambda those: those * 2)),
    # IKE_INTERMEDIATE (RFC 9242 section 3.2, RFC 9370 section 2.2.2).
    *may("a Vendor ID beside KE", INTERMEDIATE, beside(VENDOR), (HYBRID, SEVEN)),
    *may("a status beside KE", INTERMEDIATE, beside(STATUS), (HYBRID, SEVEN)),
    *may("a payload of a later document", INTERMEDIATE, in_front(OTHERS), (HYBRID,)),
    # IKE_AUTH (RFC 7296 sections 1.2, 2.3, 2.4, 2.9, 3.13.1).
    *may("its payloads the other way round", AUTH, backwards),
    *may("a Vendor ID", AUTH, beside(VENDOR)),
    # "Notify payloads with status types MAY be added to any message" (section 3.10.1).
    *may("REKEY_SA, which means nothing there", AUTH, beside(
        Notify(NotifyType.REKEY_SA, b"", Protocol.ESP, b"\1\2\3\4"))),
    *may("ADDITIONAL_KEY_EXCHANGE, which means nothing there", AUTH, beside(
        Notify(NotifyType.ADDITIONAL_KEY_EXCHANGE))),
    *may("USE_TRANSPORT_MODE, which means nothing there", INFORMATIONAL, beside(
        Notify(NotifyType.USE_TRANSPORT_MODE))),
    *may_answer("a cookie, which means nothing there", AUTH, beside(Notify(NotifyType.COOKIE, bytes(8)))),
    *may("INITIAL_CONTACT", AUTH, beside(Notify(NotifyType.INITIAL_CONTACT))),
    *may("SET_WINDOW_SIZE", AUTH, beside(Notify(NotifyType.SET_WINDOW_SIZE, b"\0\0\0\4"))),
    *may("MOBIKE_SUPPORTED", AUTH, beside(Notify(NotifyType.MOBIKE_SUPPORTED))),
    *may("a token for a crash", AUTH, beside(Notify(NotifyType.QUICK_CRASH_DETECTION, bytes(16), Protocol.IKE))),
    *may_ask("no wish for an identity", AUTH, dropped(IdentificationResponder)),
    *may_answer("selectors for one protocol", AUTH, each_selector(protocol=1)),
    *may_answer("selectors for what has no ports to see", AUTH, each_selector(
        protocol=1, start_port=65535, end_port=0)),
    *may_ask("selectors for what has no ports to see as well", AUTH, each_payload_of_selectors(
        lambda those: (*those, *(replace(each, protocol=6, start_port=65535, end_port=0) for each in those)))),
    *may_answer("ADDITIONAL_TS_POSSIBLE", AUTH, beside(Notify(NotifyType.ADDITIONAL_TS_POSSIBLE))),
    # INFORMATIONAL (section 1.4).
    *may("a Vendor ID", INFORMATIONAL, beside(VENDOR)),
    *may("a status", INFORMATIONAL, beside(STATUS)),
    *may("a payload of a later document", INFORMATIONAL, beside(OTHERS)),
]  # fmt: skip

PLAYED: list[tuple[Defect, str]] = [(row, scenario) for row in ROWS for scenario in row.scenarios]
