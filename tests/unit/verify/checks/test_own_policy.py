"""When our engine speaks by another policy than its record has, and when that is not the record's fault."""

from __future__ import annotations

from dataclasses import replace

from case_builder import PEER_NAME, Case, good

from harness.policy.role import Role
from harness.registry.messages import ExchangeType
from harness.verify.checks.own_policy import of_another_policy
from harness.verify.view import View
from harness.verify.wire import SeenMessage

HYBRID, BLOCKS = "hybrid/x25519-mlkem768", "classical/modp3072"
SECOND, UNANNOUNCED = "negotiation/second-transform-in-the-answer", "multiple-ke/unannounced-alone"


def recorded(case: Case, role: Role, other: str) -> View:
    """The view of a case with another IKE policy on record for our engine."""
    view = case.view
    own = replace(view.expectation.of(role), ike=good(other, role=role).expectation.of(role).ike)
    return replace(view, expectation=replace(view.expectation, **{role.value: own}))


def request_of(scenario: str, role: Role) -> SeenMessage:
    return good(scenario, role=role).message("IKE_SA_INIT request 0")


def test_what_is_chosen_answers_the_last_offer():
    view = recorded(good(HYBRID, role=Role.RESPONDER), Role.RESPONDER, BLOCKS)
    words = "our engine chooses in the IKE_SA_INIT response 0 what its policy in case.json does not have"
    assert of_another_policy(view) == words
    again = replace(view, messages=(request_of(BLOCKS, Role.RESPONDER), *view.messages))
    assert of_another_policy(again) == words


def test_what_nobody_offered_is_our_engines_fault_and_not_the_records():
    view = recorded(good(HYBRID, role=Role.RESPONDER), Role.RESPONDER, BLOCKS)
    offered = replace(view, messages=(request_of(BLOCKS, Role.RESPONDER), *view.messages[1:]))
    assert of_another_policy(offered) == ""


def test_what_is_changed_on_purpose_follows_no_policy():
    for scenario, role in ((SECOND, Role.RESPONDER), (UNANNOUNCED, Role.INITIATOR)):
        case = good(scenario, role=role)
        view = recorded(case, role, BLOCKS)
        assert of_another_policy(view) == ""
        as_due = replace(view, scenario=replace(view.scenario, deviation=None))
        assert "IKE_SA_INIT" in of_another_policy(as_due)


def test_what_the_peer_offers_is_its_own(role):
    """It may begin another exchange with our SPI: what it says there is no word of our engine."""
    view = good(HYBRID, role=role).view
    other = good(BLOCKS, role=role).view
    messages = (*other.find(ExchangeType.IKE_SA_INIT), *other.find(ExchangeType.IKE_AUTH))
    theirs = [replace(m, from_initiator=role is Role.RESPONDER) for m in messages]
    assert {view.sender(message) for message in theirs} == {PEER_NAME}
    offers = [m for m in view.messages if not m.response]
    answers = [m for m in view.messages if m.response]
    asked = [m for m in theirs if m.response is (role is Role.RESPONDER)]
    assert of_another_policy(replace(view, messages=(*offers, *asked, *answers))) == ""
