"""Payloads in exchanges that have no use for them, and answers to what nobody asked for."""

from __future__ import annotations

from dataclasses import replace

import pytest
from case_builder import PEER_NAME, Case, good
from extra_messages import behind, protected
from judging import objects, passes
from rekeying import esp

from harness.policy.role import Role
from harness.registry.identities import AuthenticationMethod, ConfigurationType, IdentificationType
from harness.registry.messages import ExchangeType, PayloadType, Protocol
from harness.registry.notifications import NotifyType
from harness.registry.transforms import KeyExchangeMethod
from harness.wire.payloads import (
    Authentication,
    Configuration,
    Delete,
    ExtensibleAuthentication,
    IdentificationInitiator,
    KeyExchange,
    Nonce,
    Notify,
    TrafficSelectorsInitiator,
)
from harness.wire.payloads.opaque import Unknown, VendorId

PLACE = "payloads-in-their-place"
HYBRID, CLASSICAL = "hybrid/x25519-mlkem768", "classical/modp3072"
NONCE, VALUE = Nonce(bytes(range(32))), KeyExchange(KeyExchangeMethod.CURVE25519, bytes(range(32)))
AUTH = Authentication(AuthenticationMethod.SHARED_KEY_MESSAGE_INTEGRITY_CODE, bytes(32))
WHO = IdentificationInitiator(IdentificationType.ID_FQDN, b"x")
REQUEST, REPLY = (Configuration(kind, ()) for kind in (ConfigurationType.CFG_REQUEST, ConfigurationType.CFG_REPLY))
OFFER = esp()
DEFLATE, LZS = (Notify(NotifyType.IPCOMP_SUPPORTED, bytes((1, 2, number))) for number in (2, 3))
OUT_OF_PLACE = [
    ("IKE_SA_INIT", AUTH), ("IKE_SA_INIT", WHO), ("IKE_SA_INIT", TrafficSelectorsInitiator(())),
    ("IKE_SA_INIT", Delete(Protocol.IKE)),
    ("IKE_AUTH", NONCE), ("IKE_AUTH", VALUE), ("IKE_AUTH", Delete(Protocol.IKE)),
    ("INFORMATIONAL", NONCE), ("INFORMATIONAL", VALUE), ("INFORMATIONAL", AUTH), ("INFORMATIONAL", WHO),
]  # fmt: skip


def label_of(case: Case, exchange: str, *, by_engine: bool = False) -> str:
    """Of the first message of an exchange that a side has sent."""
    seen = (m for m in case.view.messages if (case.view.sender(m) == "engine") == by_engine)
    return next(m.label for m in seen if str(m.exchange) == exchange)


@pytest.mark.parametrize(("exchange", "payload"), OUT_OF_PLACE, ids=lambda each: getattr(each, "type", each))
def test_a_payload_that_has_no_place_there(role, exchange, payload):
    plain = good(HYBRID, role=role)
    label = label_of(plain, exchange)
    passes(plain, "payloads-in-their-place")
    case = plain.rewritten(label, lambda old: [*old, payload])
    words = f"a payload {payload.type.name}, which has no place in {exchange}"
    at = plain.message(label).pointer
    objects(case, "payloads-in-their-place", words, party=PEER_NAME, at=at, requirement="B54")


@pytest.mark.parametrize("exchange", ["IKE_SA_INIT", "IKE_INTERMEDIATE", "IKE_AUTH", "INFORMATIONAL"])
def test_what_may_stand_anywhere(role, exchange):
    plain = good(HYBRID, role=role)
    more = VendorId(b"v"), Notify(NotifyType(40_000)), Unknown(PayloadType(200), b"new")
    passes(plain.rewritten(label_of(plain, exchange), lambda old: [*old, *more]), PLACE)


def test_other_documents_say_what_ike_intermediate_has(role):
    plain = good(HYBRID, role=role)
    passes(plain.rewritten(label_of(plain, "IKE_INTERMEDIATE"), lambda old: [*old, NONCE, AUTH, WHO, OFFER]), PLACE)


def test_what_is_in_clear_may_be_anybodys(role):
    plain = good(CLASSICAL, role=role)
    case = plain.rewritten(label_of(plain, "INFORMATIONAL"), lambda old: [*old, NONCE])
    assert case.check(PLACE).objections
    message = case.message(label_of(case, "INFORMATIONAL"))
    header = message.pieces[0].message.header
    piece = message.pieces[0].datagram
    bare = replace(piece, payload=type(message.pieces[0].message)(header, (NONCE,)).to_bytes())
    passes(case.changed(piece, bare), PLACE)


def test_who_answers_says_who_it_is_alone():
    plain = good(HYBRID)
    label = label_of(plain, "IKE_AUTH")
    case = plain.rewritten(label, lambda old: [*old, WHO])
    objects(case, PLACE, "which is the request's", party=PEER_NAME, at=plain.message(label).pointer, requirement="B54")


def test_extensible_authentication_is_for_whom_sends_no_auth():
    plain = good(HYBRID)
    label = label_of(plain, "IKE_AUTH")
    case = plain.rewritten(label, lambda old: [*old, ExtensibleAuthentication(b"\3\1\0\4")])
    at = plain.message(label).pointer
    objects(case, PLACE, "it has a payload EAP, and its request AUTH", party=PEER_NAME, at=at, requirement="B54")
    ours = label_of(plain, "IKE_AUTH", by_engine=True)
    passes(case.rewritten(ours, lambda old: [p for p in old if p.type != PayloadType.AUTH]), PLACE)


@pytest.mark.parametrize(
    ("asked", "answered", "words", "rule"),
    [
        ((), (REPLY,), "its request no CFG_REQUEST", "B62"),
        ((REPLY,), (REPLY,), "its request no CFG_REQUEST", "B62"),
        ((REQUEST,), (REPLY,), "", ""),
        ((), (DEFLATE,), "with a transform that its request does not offer", "B63"),
        ((LZS,), (DEFLATE,), "with a transform that its request does not offer", "B63"),
        ((LZS, DEFLATE), (DEFLATE, LZS), "it accepts 2 compression transforms", "B63"),
        ((LZS, DEFLATE), (DEFLATE,), "", ""),
        ((LZS, DEFLATE), (), "", ""),
    ],
)
def test_only_what_was_asked_for_is_answered(asked, answered, words, rule):
    plain = good(HYBRID)
    request, label = label_of(plain, "IKE_AUTH", by_engine=True), label_of(plain, "IKE_AUTH")
    case = plain.rewritten(request, lambda old: [*old, *asked]).rewritten(label, lambda old: [*old, *answered])
    if not words:
        passes(case, PLACE)
        return
    objects(case, PLACE, words, party=PEER_NAME, at=plain.message(label).pointer, requirement=rule)


@pytest.mark.parametrize(("first", "answered", "broken"), [
    ((REQUEST, DEFLATE), (REPLY, OFFER, DEFLATE), []), ((REQUEST,), (REPLY, OFFER, DEFLATE), ["B63"]),
    ((DEFLATE,), (REPLY, OFFER, DEFLATE), ["B62"]),
])  # fmt: skip
def test_with_eap_the_last_answer_is_to_the_first_request(first, answered, broken):
    """The first request asks, and the last one has AUTH alone (RFC 7296 appendix C.3)."""
    plain = good(HYBRID)
    case = plain.rewritten(label_of(plain, "IKE_AUTH", by_engine=True), lambda old: [*old, *first])
    last = {"message_id": 9, "exchange": ExchangeType.IKE_AUTH}
    case = behind(case, protected(case, (AUTH,), by_engine=True, **last), by_engine=True)
    case = behind(case, protected(case, (AUTH, *answered), by_engine=False, response=True, **last), by_engine=False)
    assert [each.requirement for each in case.check(PLACE).objections] == broken


def test_compression_stands_beside_an_sa_payload(role):
    plain = good(HYBRID, role=role)
    label = label_of(plain, "INFORMATIONAL")
    case = plain.rewritten(label, lambda old: [*old, DEFLATE])
    at = plain.message(label).pointer
    objects(case, PLACE, "IPCOMP_SUPPORTED and no SA payload", party=PEER_NAME, at=at, requirement="B63")


def test_a_later_exchange_has_its_own_documents():
    plain = good(HYBRID)
    later = protected(plain, (NONCE, AUTH), by_engine=False, message_id=0, exchange=ExchangeType(99))
    passes(behind(plain, later, by_engine=False), PLACE)
    mine = protected(plain, (NONCE,), by_engine=False, message_id=0)
    case = behind(plain, mine, by_engine=False)
    assert [each.party for each in case.check(PLACE).objections] == [PEER_NAME]
    assert plain.evidence.role is Role.INITIATOR


REKEYED = Notify(NotifyType.REKEY_SA, b"", Protocol.ESP, bytes(4))
LINK, FIRST_CONTACT = Notify(NotifyType.ADDITIONAL_KEY_EXCHANGE, b"link"), Notify(NotifyType.INITIAL_CONTACT)
TRANSPORT = Notify(NotifyType.USE_TRANSPORT_MODE)


@pytest.mark.parametrize(
    ("exchange", "notify", "rule"),
    [
        ("IKE_AUTH", REKEYED, ""), ("INFORMATIONAL", REKEYED, ""), ("IKE_AUTH", LINK, ""),
        ("IKE_INTERMEDIATE", LINK, ""), ("INFORMATIONAL", FIRST_CONTACT, "B65"),
        ("IKE_SA_INIT", FIRST_CONTACT, "B65"),
        ("IKE_AUTH", Notify(NotifyType.COOKIE, bytes(8)), ""), ("INFORMATIONAL", TRANSPORT, ""),
        ("IKE_AUTH", FIRST_CONTACT, ""), ("IKE_AUTH", TRANSPORT, ""),
        ("IKE_SA_INIT", Notify(NotifyType.COOKIE, bytes(8)), ""),
    ],
)  # fmt: skip
def test_only_what_its_document_keeps_elsewhere_is_out_of_place(role, exchange, notify, rule):
    """ "Notify payloads with status types MAY be added to any message" (RFC 7296 section 3.10.1)."""
    plain = good(HYBRID, role=role)
    label = label_of(plain, exchange)
    case = plain.rewritten(label, lambda old: [*old, notify])
    if not rule:
        passes(case, PLACE)
        return
    found = case.check(PLACE).objections
    assert [(each.party, each.requirement, each.pointer) for each in found] == [
        (PEER_NAME, rule, plain.message(label).pointer)
    ]
    assert str(notify.notify_type) in found[0].sentence
