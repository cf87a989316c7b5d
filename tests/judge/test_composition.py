"""Payloads that come twice or are missing, and offers that are numbered otherwise."""

from __future__ import annotations

from dataclasses import replace

import pytest
from case_builder import Case, good
from judging import initiator, objects, passes, responder

from harness.registry.notifications import NotifyType
from harness.wire.payloads import (
    Authentication,
    IdentificationInitiator,
    Nonce,
    Notify,
    SecurityAssociation,
    TrafficSelectorsInitiator,
    TrafficSelectorsResponder,
)

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


def without(case: Case, label: str, kind: type) -> Case:
    return case.rewritten(label, lambda old: [p for p in old if not isinstance(p, kind)])


@pytest.mark.parametrize(
    ("label", "kind", "name", "side"),
    [
        (INIT, SecurityAssociation, "SA", initiator),
        (INIT, Nonce, "Nonce", initiator),
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
