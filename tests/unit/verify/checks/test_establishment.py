from __future__ import annotations

from dataclasses import replace

import pytest
from case_builder import PEER_NAME, good
from pair_alterations import edited
from pair_builder import good_pair

from harness.policy.role import Role
from harness.registry.messages import ExchangeType, PayloadType
from harness.registry.notifications import NotifyType
from harness.results.model import Outcome
from harness.verify.checks.establishment import came_up
from harness.verify.judgement import outcome_seen, unproven
from harness.verify.view import View
from harness.wire.payloads import EncryptedFragment, KeyExchange, Notify

NO_PROPOSAL, SYNTAX = NotifyType.NO_PROPOSAL_CHOSEN, NotifyType.INVALID_SYNTAX


def test_the_predicted_outcome_needs_no_more_words():
    assert came_up(good().view, Outcome.HYBRID).detail == "HYBRID as predicted"
    assert unproven(good().view) == ()


@pytest.mark.parametrize("outcome", [Outcome.CLASSICAL, Outcome.PQ_ONLY, Outcome.BROKEN, Outcome.REFUSED])
@pytest.mark.parametrize("role", list(Role))
def test_any_other_outcome_is_objected_to(role, outcome):
    (objection,) = came_up(good(role=role).view, outcome).objections
    assert objection.sentence.startswith("HYBRID was predicted, as both policies allow proposal 1, ENCR=aes-256-gcm-16")
    assert str(outcome) in objection.sentence
    assert objection.requirement is None


def test_several_suites_may_be_right():
    """Where both policies allow a hybrid and a classical suite and do not agree which comes first, either will do."""
    case = good("hybrid/mlkem768-or-classical")
    classical = good("hybrid/mlkem768-or-classical", "strongswan-6.0").expectation.ike
    both = replace(case.expectation, ike=(*case.expectation.ike, *classical))
    view = replace(case, expectation=both).view
    assert came_up(view, Outcome.HYBRID).objections == ()
    assert came_up(view, Outcome.CLASSICAL).objections == ()
    assert came_up(view, Outcome.BROKEN).objections


def test_keys_that_cannot_be_proven_break_the_outcome():
    without = lambda old: [p for p in old if not isinstance(p, KeyExchange)]  # noqa: E731
    flawed = good().rewritten("IKE_INTERMEDIATE response 1", without)
    assert outcome_seen(flawed.view) is Outcome.BROKEN
    (objection,) = came_up(flawed.view, Outcome.BROKEN).objections
    assert "not proven that every key exchange entered the keys" in objection.sentence
    assert objection.party == PEER_NAME


def test_our_own_word_is_needed_too():
    case = good()
    assert outcome_seen(case.view) is Outcome.HYBRID
    assert outcome_seen(case.with_report(established=False).view) is Outcome.BROKEN
    assert outcome_seen(case.with_report(child_established=False).view) is Outcome.BROKEN
    assert outcome_seen(case.with_datagrams(()).view) is None


def test_what_our_engine_lacks_is_its_own_fault():
    case = good().with_report(established=False, closed_kind="unavailable", closed_reason="no ML-KEM here")
    (objection,) = came_up(case.view, Outcome.BROKEN).objections
    assert objection.party == "engine"
    assert "no ML-KEM here" in objection.sentence
    silent = good().with_report(established=False, closed_kind="silent", closed_reason="no answer")
    (objection,) = came_up(silent.view, Outcome.BROKEN).objections
    assert objection.party == PEER_NAME


def silent() -> View:
    """Our engine waits in vain for the answer to its first request, a sound one."""
    view = good(role=Role.INITIATOR).with_report(established=False, closed_kind="silent").view
    asked = [m for m in view.messages if not m.response and view.sender(m) == "engine"]
    until = tuple(m for m in view.messages if m.frame <= asked[0].frame)
    unanswered = replace(view.secrets, responder_spi=bytes(8))
    return replace(view, messages=until, secrets=unanswered)


def rule_of(view: View) -> str | None:
    (objection,) = came_up(view, Outcome.BROKEN).objections
    return objection.requirement


def test_a_sound_request_that_gets_no_answer():
    view = silent()
    assert rule_of(view) == "B60"
    awaited = replace(view, report=replace(view.report, closed_kind="", timed_out="an answer"))
    assert rule_of(awaited) == "B60"
    refused = replace(view, report=replace(view.report, closed_kind="refused", timed_out=""))
    assert rule_of(refused) is None


def test_a_request_that_is_not_sound_needs_no_answer():
    view = silent()
    turned = replace(view, secrets=replace(view.secrets, initiator_spi=bytes(8)))
    assert rule_of(turned) is None
    assert rule_of(replace(view, messages=())) is None


def test_our_answers_and_the_peers_requests_are_no_requests_of_ours():
    view = good(role=Role.RESPONDER).with_report(established=False, closed_kind="silent").view
    until = tuple(m for m in view.messages if m.exchange.name == "IKE_SA_INIT")
    assert rule_of(replace(view, messages=until)) is None


def test_who_sends_anything_after_it_is_not_silent():
    view = silent()
    (asked,) = view.messages
    late = replace(asked.pieces[0].datagram, frame=asked.frame + 1)
    theirs = replace(late, source=late.destination, destination=late.source)
    piece = replace(asked.pieces[0], datagram=theirs)
    answered = replace(asked, response=True, from_initiator=False, pieces=(piece,))
    assert rule_of(replace(view, malformed=(theirs,))) is None
    assert rule_of(replace(view, strangers=(piece,))) is None
    assert rule_of(replace(view, messages=(asked, answered))) is None
    before = replace(theirs, frame=asked.frame - 1)
    assert rule_of(replace(view, malformed=(before, late))) == "B60"


def test_half_a_message_is_not_heard():
    view = silent()
    (asked,) = view.messages
    datagram = asked.pieces[0].datagram
    theirs = replace(datagram, frame=asked.frame + 1, source=datagram.destination, destination=datagram.source)
    for total, rule in ((2, "B60"), (1, None)):
        part = EncryptedFragment(PayloadType.NO_NEXT_PAYLOAD, 1, total, bytes(40))
        piece = replace(asked.pieces[0], datagram=theirs, message=replace(asked.pieces[0].message, payloads=(part,)))
        fields = {"exchange": ExchangeType.IKE_AUTH, "response": True, "from_initiator": False, "pieces": (piece,)}
        assert rule_of(replace(view, messages=(asked, replace(asked, **fields)))) == rule


def test_what_comes_between_two_copies_of_the_request_is_heard():
    view = silent()
    (asked,) = view.messages
    (piece,) = asked.pieces
    later = replace(piece, datagram=replace(piece.datagram, frame=asked.frame + 2))
    twice = replace(asked, pieces=(piece, later))
    between = replace(
        piece.datagram, frame=asked.frame + 1, source=piece.datagram.destination, destination=piece.datagram.source
    )
    assert rule_of(replace(view, messages=(twice,))) == "B60"
    assert rule_of(replace(view, messages=(twice,), malformed=(between,))) is None


def test_the_first_refusal_of_two_is_the_one_that_ended_it():
    def rule_of(view: View) -> str | None:
        (objection,) = came_up(view, Outcome.REFUSED).objections
        return objection.requirement

    wrong = replace(good("authentication/wrong-psk"), expectation=good().expectation).view
    assert rule_of(wrong) == "K03"
    refusal = next(m for m in wrong.messages if m.label == "IKE_AUTH response 1")
    ours = replace(refusal, message_id=7, from_initiator=True)
    assert rule_of(replace(wrong, messages=(*wrong.messages, ours))) == "K03"


@pytest.mark.parametrize(
    ("notifies", "rule"),
    [
        ((NO_PROPOSAL,), "B08"),
        ((NO_PROPOSAL, SYNTAX), "B08"),
        ((SYNTAX, NO_PROPOSAL), None),
        ((SYNTAX,), None),
    ],
)
def test_of_two_products_it_is_the_first_refusal_too(notifies, rule):
    pair = good_pair("pairs/hybrid")
    refused = edited(lambda _: [Notify(kind) for kind in notifies], "IKE_SA_INIT response 0")(pair)
    (objection,) = refused.check("pair-came-up-as-predicted").objections
    assert (objection.party, objection.requirement) == (pair.view.sides[1].peer, rule)
