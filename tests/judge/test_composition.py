"""Payloads that come twice or are missing, and offers that are numbered otherwise."""

from __future__ import annotations

from dataclasses import replace

import pytest
from case_builder import Case, good
from extra_messages import behind, protected
from judging import initiator, objects, passes, responder

from harness.policy.role import Role
from harness.registry.messages import ExchangeType, Protocol
from harness.registry.notifications import NotifyType
from harness.registry.transforms import AttributeType, TransformType
from harness.verify.checks.composition import _unprotected
from harness.wire.message import INITIATOR, Header, Message
from harness.wire.payload import Payload
from harness.wire.payloads import (
    Authentication,
    IdentificationInitiator,
    KeyExchange,
    Nonce,
    Notify,
    SecurityAssociation,
    TrafficSelectorsInitiator,
    TrafficSelectorsResponder,
)
from harness.wire.payloads.security_association import Attribute, Proposal, Transform

PAYLOADS, OFFERS = "payloads-as-due", "offers-in-their-form"
HYBRID = "hybrid/x25519-mlkem768"
SCENARIOS = [
    HYBRID, "classical/modp3072", "denial-of-service/cookie", "negotiation/wrong-ke-group-first",
    "authentication/wrong-psk", "hybrid/mlkem768-or-classical", "multiple-ke/seven",
]  # fmt: skip
INIT, ANSWER = "IKE_SA_INIT request 0", "IKE_SA_INIT response 0"
AUTH, AUTH_ANSWER = "IKE_AUTH request 2", "IKE_AUTH response 2"


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_messages_that_are_whole(role, scenario):
    case = good(scenario, role=role)
    passes(case, "payloads-as-due")
    passes(case, "offers-in-their-form")


@pytest.mark.parametrize(
    ("label", "kind", "name", "side"),
    [
        (INIT, SecurityAssociation, "SA", initiator),
        (INIT, KeyExchange, "KE", initiator),
        (ANSWER, KeyExchange, "KE", responder),
        (ANSWER, Nonce, "NONCE", responder),
        (AUTH, IdentificationInitiator, "IDi", initiator),
        (AUTH_ANSWER, Authentication, "AUTH", responder),
        (AUTH, TrafficSelectorsInitiator, "TSi", initiator),
        (AUTH_ANSWER, TrafficSelectorsResponder, "TSr", responder),
    ],
)
def test_a_payload_that_comes_twice(role, label, kind, name, side):
    case = good(HYBRID, role=role)
    again = case.rewritten(label, lambda old: [*old, *(p for p in old if isinstance(p, kind))])
    at = {"party": side(role), "at": case.message(label).pointer, "requirement": "B54"}
    objects(again, "payloads-as-due", f"it has 2 {name} payloads", **at)


def test_of_two_ke_payloads_elsewhere_other_checks_tell(role):
    twice = good(HYBRID, role=role).rewritten("IKE_INTERMEDIATE request 1", lambda old: [*old, *old])
    passes(twice, PAYLOADS)


def without(case: Case, label: str, kind: type) -> Case:
    return case.rewritten(label, lambda old: [p for p in old if not isinstance(p, kind)])


@pytest.mark.parametrize(
    ("label", "kind", "name", "side"),
    [
        (INIT, SecurityAssociation, "SA", initiator),
        (INIT, KeyExchange, "KE", initiator),
        (INIT, Nonce, "Nonce", initiator),
        (ANSWER, KeyExchange, "KE", responder),
        (ANSWER, SecurityAssociation, "SA", responder),
        (ANSWER, Nonce, "Nonce", responder),
    ],
)
def test_a_payload_that_is_missing(role, label, kind, name, side):
    case = without(good(HYBRID, role=role), label, kind)
    at = {"party": side(role), "at": case.message(label).pointer, "requirement": "B54"}
    objects(case, PAYLOADS, f"it has no {name} payload", **at)


@pytest.mark.parametrize(("label", "side"), [(AUTH, initiator), (AUTH_ANSWER, responder)])
def test_ike_auth_without_an_sa(role, label, side):
    case = without(good(HYBRID, role=role), label, SecurityAssociation)
    at = {"party": side(role), "at": case.message(label).pointer, "requirement": "B54"}
    objects(case, PAYLOADS, "it has no SA payload", **at)


def test_a_childless_ike_sa_where_the_responder_takes_one(role):
    """RFC 6023 section 3. Nor does an answer need what the request leaves out."""
    case = good(HYBRID, role=role)
    both = without(without(case, AUTH, SecurityAssociation), AUTH_ANSWER, SecurityAssociation)
    assert [o.party for o in both.check(PAYLOADS).objections] == [initiator(role)]
    announced = Notify(NotifyType.CHILDLESS_IKEV2_SUPPORTED)
    told = case.rewritten(ANSWER, lambda old: [*old, announced])
    passes(without(told, AUTH, SecurityAssociation), PAYLOADS)


def renumbered(*numbers: int):
    def edit(payloads):
        return [
            replace(p, proposals=tuple(replace(p.proposals[0], number=n) for n in numbers))
            if isinstance(p, SecurityAssociation)
            else p
            for p in payloads
        ]

    return edit


@pytest.mark.parametrize("label", [INIT, AUTH])
@pytest.mark.parametrize("numbers", [(0,), (2,), (1, 1), (1, 3), (2, 1)])
def test_proposals_that_are_numbered_otherwise(role, label, numbers):
    case = good(HYBRID, role=role).rewritten(label, renumbered(*numbers))
    at = {"party": initiator(role), "at": case.message(label).pointer, "requirement": "B07"}
    objects(case, "offers-in-their-form", f"its proposals are numbered {list(numbers)}", **at)
    passes(good(HYBRID, role=role).rewritten(label, renumbered(1, 2)), OFFERS)


@pytest.mark.parametrize(("label", "octets"), [(INIT, 8), (AUTH, 8), (AUTH, 0)])
def test_an_spi_of_another_size_in_an_offer(role, label, octets):
    def edit(payloads):
        return [
            replace(p, proposals=tuple(replace(q, spi=bytes(octets)) for q in p.proposals))
            if isinstance(p, SecurityAssociation)
            else p
            for p in payloads
        ]

    case = good(HYBRID, role=role).rewritten(label, edit)
    at = {"party": initiator(role), "at": case.message(label).pointer, "requirement": "B49"}
    objects(case, OFFERS, f"an SPI of {octets} octets", **at)


def in_clear(case: Case, exchange: ExchangeType, *payloads: Payload) -> Case:
    """A request of the peer at the end that should be sealed, and is not: anybody can send it."""
    flags = INITIATOR if case.evidence.role is Role.RESPONDER else 0
    spis = case.evidence.secrets.initiator_spi, case.evidence.secrets.responder_spi
    return behind(case, Message(Header(*spis, exchange, flags, 9), payloads).to_bytes(), by_engine=False)


def test_of_what_is_not_sealed_as_it_should_be_nothing_is_asked(role):
    case = good(HYBRID, role=role)
    offer = next(p for p in renumbered(7)(case.message(AUTH).payloads) if isinstance(p, SecurityAssociation))
    forged = in_clear(case, ExchangeType.IKE_AUTH, offer, offer)
    passes(forged, PAYLOADS)
    passes(forged, OFFERS)


def test_a_request_with_an_error_or_a_cookie_still_has_all_that_it_takes(role):
    cookie = Notify(NotifyType.COOKIE, b"returned")
    case = good(HYBRID, role=role)
    bare = case.rewritten(INIT, lambda old: [cookie, *(p for p in old if not isinstance(p, Nonce))])
    at = {"party": initiator(role), "at": case.message(INIT).pointer, "requirement": "B54"}
    objects(bare, PAYLOADS, "it has no Nonce payload", **at)


def test_an_answer_whose_request_is_not_in_the_capture_may_be_of_no_child_sa(role):
    case = good(HYBRID, role=role).without(AUTH)
    passes(without(case, AUTH_ANSWER, SecurityAssociation), PAYLOADS)


def test_a_new_ike_sa_is_offered_with_an_spi_of_eight_octets(role):
    """Not in the initial exchanges, but in CREATE_CHILD_SA (RFC 7296 section 3.3.1)."""
    case = good(HYBRID, role=role)
    offer = next(p for p in case.message(INIT).payloads if isinstance(p, SecurityAssociation))
    rekey = replace(offer, proposals=tuple(replace(each, spi=(1).to_bytes(8)) for each in offer.proposals))
    octets = protected(case, (rekey,), by_engine=False, message_id=8, exchange=ExchangeType.CREATE_CHILD_SA)
    passes(behind(case, octets, by_engine=False), OFFERS)


def test_a_protocol_that_nobody_knows_has_spis_of_any_size(role):
    def other(payloads):
        return [
            replace(p, proposals=tuple(replace(each, protocol=Protocol(200)) for each in p.proposals))
            if isinstance(p, SecurityAssociation)
            else p
            for p in payloads
        ]

    passes(good(HYBRID, role=role).rewritten(AUTH, other), OFFERS)


def offering(*methods: int):
    """Every proposal of an SA payload with these key exchange methods."""
    more = tuple(Transform(TransformType.KE, method) for method in methods)

    def edit(payloads):
        return [
            replace(p, proposals=tuple(replace(q, transforms=(*q.transforms, *more)) for q in p.proposals))
            if isinstance(p, SecurityAssociation)
            else p
            for p in payloads
        ]

    return edit


@pytest.mark.parametrize("methods", [(31,), (0, 31)])
def test_a_key_exchange_method_in_an_offer_of_ike_auth(role, methods):
    """RFC 7296 section 1.2: its first Child SA has none; NONE is no method."""
    case = good(HYBRID, role=role).rewritten(AUTH, offering(*methods))
    at = {"party": initiator(role), "at": case.message(AUTH).pointer, "requirement": "B58"}
    objects(case, OFFERS, "proposal 1 has a key exchange method", **at)
    passes(good(HYBRID, role=role).rewritten(AUTH, offering(0)), OFFERS)


def test_an_answer_is_no_offer(role):
    """It has the number of the proposal that it takes."""
    for label in (ANSWER, AUTH_ANSWER):
        passes(good(HYBRID, role=role).rewritten(label, renumbered(2)), OFFERS)


def test_in_an_exchange_that_makes_no_sa_nothing_is_offered(role):
    case = good(HYBRID, role=role)
    (offer,) = (p for p in renumbered(7)(case.message(INIT).payloads) if isinstance(p, SecurityAssociation))
    passes(case.rewritten("IKE_INTERMEDIATE request 1", lambda old: [*old, offer]), OFFERS)


LENGTH = (Attribute(AttributeType.KEY_LENGTH, b"\x01\x00"),)


def with_transforms(*more: Transform):
    """The first proposal of an SA payload with these transforms more."""

    def edit(payloads):
        return [
            replace(p, proposals=(replace(p.proposals[0], transforms=(*p.proposals[0].transforms, *more)),))
            if isinstance(p, SecurityAssociation)
            else p
            for p in payloads
        ]

    return edit


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (Transform(TransformType.INTEG, 0), ""),  # NONE may be spelt out
        (Transform(TransformType.INTEG, 12), "an integrity algorithm beside ENCR_AES_GCM_16"),
        (Transform(TransformType.ENCR, 3, LENGTH), "a Key Length beside type 1 number 3"),
        (Transform(TransformType.ENCR, 28, LENGTH), "a Key Length beside type 1 number 28"),
        (Transform(TransformType.KE, 28, LENGTH), ""),  # no sentence tells of the keys of an exchange
        (Transform(TransformType.PRF, 5, LENGTH), "a Key Length beside type 2 number 5"),
        (Transform(TransformType.PRF, 65_000, LENGTH), ""),  # a private one may have keys of several lengths
        (Transform(TransformType.ENCR, 12), "ENCR_AES_CBC without a Key Length"),
        (Transform(TransformType.ENCR, 1024), ""),
    ],
)
def test_what_goes_together_in_a_proposal(role, more, words):
    """RFC 7296 sections 3.3 and 3.3.5."""
    case = good(HYBRID, role=role).rewritten(INIT, with_transforms(more))
    if words:
        at = {"party": initiator(role), "at": case.message(INIT).pointer, "requirement": "B64"}
        objects(case, OFFERS, words, **at)
    else:
        passes(case, OFFERS)


@pytest.mark.parametrize(
    ("transforms", "words"),
    [
        ([(TransformType.ENCR, 3), (TransformType.INTEG, 12)], ""),
        ([(TransformType.ENCR, 3)], "ENCR_3DES without an integrity algorithm"),
        ([(TransformType.ENCR, 3), (TransformType.INTEG, 12), (TransformType.INTEG, 0)], "ENCR_3DES without an integ"),
        ([(TransformType.ENCR, 1024)], ""),  # a private one may have integrity of its own
        ([(TransformType.ENCR, 28)], ""),
        ([(TransformType.ENCR, 11), (TransformType.INTEG, 12)], "ENCR_NULL, which does not encrypt"),
        ([(TransformType.ENCR, 21)], "ENCR_NULL_AUTH_AES_GMAC, which does not encrypt"),
    ],
)
@pytest.mark.parametrize(("label", "due"), [(INIT, True), (AUTH, False)])
def test_what_protects_an_ike_sa(role, transforms, words, label, due):
    """RFC 7296 section 5. ESP may go without encryption."""

    def edit(payloads):
        return [
            replace(p, proposals=tuple(replace(q, transforms=kept(q)) for q in p.proposals))
            if isinstance(p, SecurityAssociation)
            else p
            for p in payloads
        ]

    def kept(proposal):
        others = (t for t in proposal.transforms if t.type not in (TransformType.ENCR, TransformType.INTEG))
        return (*(Transform(kind, number) for kind, number in transforms), *others)

    found = good(HYBRID, role=role).rewritten(label, edit).check(OFFERS).objections
    told = [each for each in found if each.requirement == "B41"]
    assert [each.party for each in told] == ([initiator(role)] if words and due else [])
    assert all(words in each.sentence for each in told)


def test_of_a_cipher_that_leaves_all_in_clear_no_more_is_told():
    proposal = Proposal(1, Protocol.IKE, (Transform(TransformType.ENCR, 11),))
    assert list(_unprotected(proposal)) == ["ENCR_NULL, which does not encrypt"]


@pytest.mark.parametrize(
    ("protocol", "kinds", "lacking"),
    [
        (Protocol.IKE, (1, 2, 4), ()),
        (Protocol.IKE, (1, 3, 5, 6), ("PRF", "KE")),
        (Protocol.IKE, (2, 4), ("ENCR",)),
        (Protocol.ESP, (1, 5), ()),
        (Protocol.ESP, (3,), ("ENCR", "SN")),
        (Protocol.AH, (3, 5), ()),
        (Protocol.AH, (1, 4), ("INTEG", "SN")),
        (Protocol(9), (), ()),  # of a later document
    ],
)
def test_a_proposal_has_each_mandatory_type(role, protocol, kinds, lacking):
    """RFC 7296 section 3.3.3. What the numbers stand for is another matter: these are of private use."""
    label = next(m.label for m in good(HYBRID, role=role).view.messages if m.label.startswith("IKE_AUTH request"))
    octets = {Protocol.IKE: 0}.get(protocol, 4)

    def second(old):
        more = tuple(Transform(TransformType(kind), 60_000) for kind in kinds)
        return [
            replace(p, proposals=(*p.proposals, Proposal(2, protocol, more, bytes(3) + b"\1" if octets else b"")))
            if isinstance(p, SecurityAssociation)
            else p
            for p in old
        ]

    case = good(HYBRID, role=role).rewritten(label, second)
    found = [o for o in case.check(OFFERS).objections if o.requirement == "B66"]
    assert [o.sentence.split(": ")[1] for o in found] == [f"proposal 2 has no {kind} transform" for kind in lacking]
    assert {o.party for o in found} <= {initiator(role)}
