"""Of a case that did not come up as predicted: how it ended, by whom, and by which sentence it should not have."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from unittest.mock import patch

import pytest
from case_builder import ENGINE, PEER_NAME, Case, build, flipped, good, requirements
from defect_rows import ANYTHING, ELSEWHERE, TSI, TSR, esp_spi, selectors, spoilt, two_proposals
from defective import NAME, Defect, Edit, beside, doubled, dropped
from extra_messages import behind, in_front_of, protected
from idle_exchanges import idle_exchanges
from misbehaving import on_the_wire
from pair_builder import FIRST, SECOND, Pair, good_pair

from harness.ike.machine import Machine
from harness.policy.role import Role
from harness.registry.messages import ExchangeType
from harness.registry.notifications import NotifyType
from harness.results.model import Outcome, Severity, Verdict
from harness.scenario.model import Step, Subject
from harness.verify.check import Objection
from harness.verify.checks.establishment import came_up
from harness.wire.message import Message
from harness.wire.payload import CRITICAL, Payload
from harness.wire.payloads import (
    Authentication,
    KeyExchange,
    Nonce,
    Notify,
    SecurityAssociation,
    TrafficSelectorsInitiator,
    TrafficSelectorsResponder,
)
from harness.wire.payloads.opaque import VendorId

HYBRID, WRONG_PSK, CLASSICAL = "hybrid/x25519-mlkem768", "authentication/wrong-psk", "classical/modp3072"
ANNOUNCED = "multiple-ke/intermediate-announced-classical"
REQUEST, ANSWER = "IKE_SA_INIT request 0", "IKE_SA_INIT response 0"
AUTH, AUTH_ANSWER = "IKE_AUTH request 1", "IKE_AUTH response 1"
NO_PROPOSAL, SYNTAX = NotifyType.NO_PROPOSAL_CHOSEN, NotifyType.INVALID_SYNTAX
FAILED, SELECTORS = NotifyType.AUTHENTICATION_FAILED, NotifyType.TS_UNACCEPTABLE
MAJOR = NotifyType.INVALID_MAJOR_VERSION
INITIATOR, RESPONDER = Role.INITIATOR, Role.RESPONDER


def told(case: Case, outcome: Outcome = Outcome.REFUSED) -> Objection:
    (objection,) = came_up(case.view, outcome).objections
    return objection


def ending_with(case: Case, label: str, *kinds: NotifyType) -> Case:
    """The case as far as this response, which is one of these errors."""
    last = case.message(label).frame
    cut = case.rewritten(label, lambda _old: [Notify(kind) for kind in kinds])
    return cut.with_datagrams(d for d in cut.datagrams if d.frame <= last)


def with_errors(case: Case, label: str, *kinds: NotifyType) -> Case:
    return case.rewritten(label, lambda old: [*old, *(Notify(kind) for kind in kinds)])


def without(case: Case, label: str, *kinds: type[Payload]) -> Case:
    return case.rewritten(label, lambda old: [p for p in old if not isinstance(p, kinds)])


def test_of_two_refusals_the_first_counts(role):
    case = good(CLASSICAL, role=role)
    first = ending_with(case, ANSWER, NO_PROPOSAL, SYNTAX)
    assert told(first).requirement == "B08"
    assert f"answered NO_PROPOSAL_CHOSEN in {ANSWER}" in told(first).sentence
    other = ending_with(case, ANSWER, SYNTAX, NO_PROPOSAL)
    assert told(other).requirement == "B06"
    assert f"answered INVALID_SYNTAX in {ANSWER}" in told(other).sentence


def test_of_two_refusals_in_two_exchanges_the_first_counts():
    """As it does of two parties: whoever refuses afterwards has a reason to."""
    case = with_errors(good(CLASSICAL), ANSWER, SYNTAX)
    both = with_errors(case, AUTH_ANSWER, SYNTAX)
    assert told(both).requirement == "B06"
    octets = protected(case, (Notify(SYNTAX),), by_engine=True, message_id=0, response=True)
    assert told(behind(case, octets, by_engine=True)).party == PEER_NAME


@pytest.mark.parametrize(
    ("subject", "about", "kind", "rule"),
    [
        (Subject.OFFER, ("A03",), NO_PROPOSAL, "A03"),
        (Subject.OFFER, ("K03", "B04", "A03"), NO_PROPOSAL, "B04"),
        (Subject.OFFER, ("K03",), NO_PROPOSAL, "B08"),
        (Subject.OFFER, ("A03",), SYNTAX, "B06"),
        (None, ("A03",), NO_PROPOSAL, "B08"),
    ],
)
def test_a_refusal_breaks_the_sentence_that_the_offer_is_about(role, subject, about, kind, rule):
    case = ending_with(good(CLASSICAL, role=role), ANSWER, kind)
    other = next(each for each in Subject if each is not Subject.OFFER)
    rules = tuple(requirements()[each] for each in about)
    scenario = replace(case.scenario, subject=subject or other, requirements=rules)
    assert told(replace(case, scenario=scenario)).requirement == rule


def test_what_did_not_end_in_a_refusal_is_none(role):
    refused = told(good(WRONG_PSK, role=role), Outcome.BROKEN)
    assert refused.requirement is None
    assert "it ended BROKEN" in refused.sentence and "answered" not in refused.sentence


def test_only_what_is_not_proven_is_said_not_to_be():
    words, label = "not proven that every key exchange", "IKE_INTERMEDIATE response 1"
    assert words not in told(good(HYBRID), Outcome.CLASSICAL).sentence
    flawed = without(good(HYBRID), label, KeyExchange)
    assert words in told(flawed, Outcome.BROKEN).sentence
    ours = flawed.with_report(established=False, closed_reason="we gave up")
    assert told(ours, Outcome.BROKEN).sentence.endswith("it ended BROKEN: we gave up")
    unanswered = flawed.without("IKE_AUTH response 2")
    assert words not in told(unanswered, Outcome.BROKEN).sentence


def test_the_end_is_what_was_awaited_or_else_the_last_message(role):
    case = good(HYBRID, role=role).without("IKE_AUTH response 2").with_report(closed_reason="", timed_out="")
    last = case.view.messages[-1].label
    assert told(case, Outcome.BROKEN).sentence.endswith(f"it ended BROKEN, after {last}")
    waited = case.with_report(timed_out="an answer")
    assert told(waited, Outcome.BROKEN).sentence.endswith("we waited in vain for an answer")


def unused(case: Case) -> bool:
    """Whether the refusal is explained by an IKE_INTERMEDIATE that was announced and not used."""
    return "although AUTH is right" in told(replace(case, expectation=good(HYBRID).expectation)).sentence


def refusing_psk(role: Role = INITIATOR, exchanges: int = 0) -> Case:
    other = {"product" if role is INITIATOR else "engine": {"psk": b"another key, so that it refuses"}}
    doctored = {"doctored": idle_exchanges(exchanges)} if exchanges else {}
    return build(ANNOUNCED, role=role, **other, **doctored)


def wrong(payloads: tuple[Payload, ...]) -> list[Payload]:
    return [replace(p, data=flipped(p.data)) if isinstance(p, Authentication) else p for p in payloads]


def test_an_unused_exchange_explains_a_right_auth_that_failed_and_nothing_else():
    case = refusing_psk()
    assert unused(case)
    other = case.rewritten(AUTH_ANSWER, lambda _old: [Notify(NO_PROPOSAL)])
    assert not unused(other)
    assert not unused(case.rewritten(AUTH, wrong))
    used = refusing_psk(exchanges=1)
    assert used.view.refusals and not unused(used)
    silent = used.without("IKE_INTERMEDIATE response 1")
    assert silent.view.refusals and not unused(silent)
    assert not unused(ending_with(good(ANNOUNCED), ANSWER, FAILED))


CHILD = (SecurityAssociation, TrafficSelectorsInitiator, TrafficSelectorsResponder)


def test_an_initiator_of_ours_that_asks_for_no_child_sa_is_at_fault_itself():
    case = without(good(CLASSICAL), AUTH, *CHILD).without(AUTH_ANSWER)
    assert told(case, Outcome.BROKEN).party == "engine"


def test_a_responder_of_ours_that_says_that_it_stands_and_does_not_is_at_fault():
    """Where the peer asked for all that a Child SA takes; where it did not, it is the peer."""
    case = good(CLASSICAL, role=RESPONDER)
    assert told(case.without(AUTH_ANSWER), Outcome.BROKEN).party == "engine"
    assert told(without(case, AUTH_ANSWER, SecurityAssociation), Outcome.BROKEN).party == "engine"
    assert told(without(case, AUTH, *CHILD).without(AUTH_ANSWER), Outcome.BROKEN).party == PEER_NAME


@pytest.mark.parametrize(
    ("kind", "version", "party"),
    [
        (MAJOR, 0x20, "engine"),
        (MAJOR, 0x2F, "engine"),
        (MAJOR, 0x30, PEER_NAME),
        (SYNTAX, 0x30, "engine"),
    ],
)
def test_our_refusal_of_a_version_is_right_for_a_higher_one(kind, version, party):
    """ "... a higher major version number" (RFC 7296 section 2.5); minor ones are ignored."""
    case = good(CLASSICAL, role=RESPONDER).rewritten(REQUEST, version=version)
    assert told(ending_with(case, ANSWER, kind, SYNTAX)).party == party


def test_one_copy_of_another_version_is_enough():
    case = good(CLASSICAL, role=RESPONDER)
    twice = case.repeated(REQUEST, lambda octets: octets[:17] + b"\x30" + octets[18:])
    assert told(ending_with(twice, ANSWER, MAJOR)).party == PEER_NAME


def offering(case: Case, label: str, edit: Callable[[SecurityAssociation], SecurityAssociation]) -> Case:
    return case.rewritten(label, lambda old: [edit(p) if isinstance(p, SecurityAssociation) else p for p in old])


def unknown(offer: SecurityAssociation) -> SecurityAssociation:
    """An offer of nothing that anybody has."""
    (proposal, *_) = offer.proposals
    odd = tuple(replace(each, identifier=9999) for each in proposal.transforms)
    return replace(offer, proposals=(replace(proposal, transforms=odd),))


def test_our_refusal_of_an_offer_is_judged_by_the_last_one():
    case = good(CLASSICAL, role=RESPONDER)
    refused = ending_with(case, ANSWER, NO_PROPOSAL)
    assert told(refused).party == "engine"
    off = offering(refused, REQUEST, unknown)
    assert told(off).party == PEER_NAME
    assert told(refused.without(REQUEST)).party == "engine", "no offer is on the wire"
    first, second = off.datagrams[0], replace(refused.datagrams[0], frame=0)
    assert told(off.with_datagrams((second, first, *off.datagrams[1:]))).party == PEER_NAME
    again = replace(first, frame=0), refused.datagrams[0]
    assert told(off.with_datagrams((*again, *off.datagrams[1:]))).party == "engine"


def test_the_first_refusal_tells_which_offer_it_is_of():
    """In IKE_SA_INIT that of the IKE SA, whatever is wrong about the one of the Child SA."""
    case = offering(good(CLASSICAL, role=RESPONDER), AUTH, unknown)
    assert told(ending_with(case, AUTH_ANSWER, NO_PROPOSAL)).party == PEER_NAME
    early = with_errors(with_errors(case, ANSWER, NO_PROPOSAL), AUTH_ANSWER, NO_PROPOSAL)
    assert told(early).party == "engine"


def elsewhere(payloads: tuple[Payload, ...]) -> list[Payload]:
    """Traffic selectors that let nobody of the case through."""
    found: list[Payload] = []
    for each in payloads:
        if isinstance(each, TrafficSelectorsInitiator | TrafficSelectorsResponder):
            there = bytes((192, 0, 2, 1))
            moved = tuple(replace(one, start=there, end=there) for one in each.selectors)
            found.append(replace(each, selectors=moved))
        else:
            found.append(each)
    return found


def hosts(case: Case, **inner: str) -> Case:
    facts = case.evidence.facts
    sides = {side: replace(getattr(facts, side), inner=host) for side, host in inner.items()}
    return case.with_evidence(facts=replace(facts, **sides))


def test_our_refusal_of_selectors_is_right_where_they_leave_a_host_out():
    case = good(CLASSICAL, role=RESPONDER)
    narrow = case.rewritten(AUTH, elsewhere)
    assert told(ending_with(case, AUTH_ANSWER, SELECTORS)).party == "engine"
    assert told(ending_with(narrow, AUTH_ANSWER, SELECTORS)).party == PEER_NAME
    assert told(ending_with(narrow, AUTH_ANSWER, SYNTAX)).party == "engine"
    assert told(ending_with(narrow, AUTH_ANSWER, SYNTAX, SELECTORS)).party == "engine"
    early = with_errors(with_errors(narrow, ANSWER, SELECTORS), AUTH_ANSWER, SELECTORS)
    assert told(early).party == "engine"
    refused = ending_with(narrow, AUTH_ANSWER, SELECTORS)
    assert told(refused.without(AUTH)).party == "engine", "no request is on the wire"
    assert told(hosts(refused, initiator="")).party == "engine", "a host of the case is not on record"


def refused_pair() -> Pair:
    """Two products of which the second refuses, in clear, what it could have taken."""
    pair = good_pair("pairs/hybrid")
    return answered(pair, NO_PROPOSAL)


def answered(pair: Pair, *kinds: NotifyType) -> Pair:
    piece = pair.message(ANSWER).pieces[0]
    octets = Message(piece.message.header, tuple(Notify(kind) for kind in kinds)).to_bytes()
    nothing = replace(pair.report.steps[0].initiator, sas=())
    steps = (replace(pair.report.steps[0], initiator=nothing, responder=nothing),)
    cut = pair.changed(piece.datagram, replace(piece.datagram, payload=octets)).with_report(steps=steps)
    return cut.with_datagrams(d for d in cut.wire.datagrams if d.frame <= piece.datagram.frame)


CAME_UP = "pair-came-up-as-predicted"


def test_the_first_refusal_of_a_pair_counts_and_the_last_message_is_shown():
    pair = good_pair("pairs/hybrid")
    (objection,) = answered(pair, NO_PROPOSAL, SYNTAX).check(CAME_UP).objections
    assert "answered NO_PROPOSAL_CHOSEN" in objection.sentence
    assert (objection.party, objection.pointer) == (SECOND, answered(pair, NO_PROPOSAL).message(ANSWER).pointer)
    broken = pair.with_report(steps=refused_pair().report.steps).without("IKE_AUTH response 2")
    (objection,) = broken.check(CAME_UP).objections
    assert objection.pointer == broken.view.messages[-1].pointer
    assert len({message.pointer for message in broken.view.messages}) > 3


def nothing_acceptable(pair: Pair) -> Pair:
    """The same wire, where the responder's policy takes nothing of the offer."""
    theirs = good_pair("pairs/hybrid", FIRST, "strongswan-5.9").expectation.responder
    return replace(pair, expectation=replace(pair.expectation, responder=theirs))


def test_the_right_refusal_of_what_was_predicted_to_fit_is_nobodys():
    pair = good_pair("pairs/hybrid")
    for kinds, party in (
        ((NO_PROPOSAL,), ""),
        ((NO_PROPOSAL, SYNTAX), ""),
        ((SYNTAX,), SECOND),
        ((SYNTAX, NO_PROPOSAL), SECOND),
    ):
        (objection,) = nothing_acceptable(answered(pair, *kinds)).check(CAME_UP).objections
        assert objection.party == party, kinds


def test_what_a_product_says_of_the_end_is_told_whenever_it_says_it():
    pair = good_pair("pairs/hybrid").without("IKE_AUTH response 2")
    nothing = refused_pair().report.steps[0]
    steps = (nothing, replace(nothing, step=Step.TRAFFIC, said="the peer is gone"))
    (objection,) = pair.with_report(steps=steps).check(CAME_UP).objections
    assert objection.sentence.endswith(f"and {FIRST} says: the peer is gone")


def test_a_refusal_of_an_offer_that_is_not_on_the_wire_is_nobodys():
    pair = refused_pair()
    alone = nothing_acceptable(pair).without(REQUEST)
    assert [each.party for each in alone.check(CAME_UP).objections] == [""]


def test_of_two_doubts_about_the_keys_the_first_names_its_party():
    case = without(good(HYBRID), "IKE_INTERMEDIATE response 1", KeyExchange)
    assert told(case, Outcome.BROKEN).party == PEER_NAME
    both = case.rewritten("IKE_AUTH request 2", generation=0)
    assert told(both, Outcome.BROKEN).party == PEER_NAME


def test_what_is_asked_for_in_clear_is_not_what_the_peer_asks_for():
    case = good(CLASSICAL, role=RESPONDER).without(AUTH_ANSWER)
    header = case.message(AUTH).pieces[0].message.header
    forged = in_front_of(case, AUTH, Message(header, (Notify(SYNTAX),)).to_bytes(), by_engine=False)
    assert told(forged, Outcome.BROKEN).party == "engine"


def test_the_version_is_that_of_the_request_that_was_refused_first():
    case = good(CLASSICAL, role=RESPONDER).rewritten(REQUEST, version=0x30)
    both = with_errors(with_errors(case, ANSWER, MAJOR), AUTH_ANSWER, SYNTAX)
    assert told(both).party == PEER_NAME


def ours(exchange: ExchangeType, edit: Edit, *, response: bool = False) -> AbstractContextManager[object]:
    """Inside, requests of our engine leave edited, or its responses; it does not mean to deviate."""
    right = Machine._as_it_leaves

    def wrong(self, header, payloads, agreement=None):
        given = right(self, header, payloads, agreement)
        mine = self.configuration.path.local[0] == ENGINE and header.is_response == response
        return tuple(edit(given)) if mine and header.exchange_type == exchange else given

    return patch.object(Machine, "_as_it_leaves", wrong)


@pytest.mark.parametrize(
    ("exchange", "edit", "rule"),
    [
        (ExchangeType.IKE_SA_INIT, spoilt(Nonce, "nonce", lambda nonce: nonce[:15]), "B23"),
        (ExchangeType.IKE_SA_INIT, spoilt(KeyExchange, "data", lambda data: data[:-1]), "K04"),
        (ExchangeType.IKE_INTERMEDIATE, doubled(KeyExchange), "A15"),
        (ExchangeType.IKE_AUTH, esp_spi(1), "E07"),
    ],
)
def test_who_refuses_or_leaves_alone_what_we_made_wrong_is_not_to_blame(exchange, edit, rule):
    """Whether it answers such a request at all is at first the responder's to decide (RFC 7296 section 2.21)."""
    silent = on_the_wire("", exchange, True, lambda _: [], "", ())
    with ours(exchange, edit):
        for case in (build(HYBRID), silent.play(HYBRID)):
            failing = [each for each in case.judge().findings if each.severity is Severity.FAIL]
            assert {each.party for each in failing} == {"engine"}
            assert {each.requirement for each in failing} == {rule, ""}


def test_who_refuses_another_message_than_the_wrong_one_is_to_blame():
    wrong = ours(ExchangeType.IKE_INTERMEDIATE, beside(VendorId(b"", flags=CRITICAL)))
    refusing = Defect("", ExchangeType.IKE_AUTH, True, lambda _: [Notify(SELECTORS)], "", ()).in_force()
    with wrong:
        found = build(HYBRID, doctored=refusing, product={"deviation": NAME}).judge().findings
    assert {each.party for each in found if each.requirement == "B14"} == {"engine"}
    assert {each.party for each in found if each.check == "came-up-as-predicted"} == {PEER_NAME}


@pytest.mark.parametrize(
    ("exchange", "edit", "rules"),
    [
        (ExchangeType.IKE_SA_INIT, two_proposals, {"B06", ""}),
        (ExchangeType.IKE_SA_INIT, spoilt(KeyExchange, "data", lambda data: data[:-1]), {"K04", ""}),
        (ExchangeType.IKE_INTERMEDIATE, spoilt(KeyExchange, "data", lambda data: data[:-1]), {"K04", ""}),
        (ExchangeType.IKE_AUTH, two_proposals, {"B06", "E01"}),  # that our engine sends no echo request comes of it
        (ExchangeType.IKE_AUTH, selectors(TSI, ELSEWHERE), {"B50", "E01"}),
        (ExchangeType.IKE_AUTH, selectors(TSR, ANYTHING), {"B50", "E01"}),
        (ExchangeType.IKE_AUTH, dropped(TrafficSelectorsInitiator), {"B50", "E01"}),
    ],
)
def test_who_gives_up_after_a_wrong_answer_of_ours_is_not_to_blame(exchange, edit, rules):
    judged = build(HYBRID, role=Role.RESPONDER, doctored=ours(exchange, edit, response=True)).judge()
    failing = [each for each in judged.findings if each.severity is Severity.FAIL]
    assert {(each.party, each.requirement) for each in failing} == {("engine", rule) for rule in rules}
    assert judged.verdict is Verdict.FAIL
