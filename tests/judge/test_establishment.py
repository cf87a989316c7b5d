from __future__ import annotations

from dataclasses import replace

from case_builder import PEER_NAME, good
from judging import objects, passes


def test_a_tunnel_that_came_up_as_predicted_passes(role):
    passes(good(role=role), "came-up-as-predicted")


def test_a_tunnel_that_did_not_come_up_is_objected_to(role):
    case = good(role=role).with_report(established=False, closed_kind="silent", closed_reason="no answer")
    objection = objects(
        case, "came-up-as-predicted", "it ended BROKEN: no answer",
        party=PEER_NAME, at=case.view.messages[-1].pointer, requirement=None,
    )  # fmt: skip
    assert objection.sentence.startswith("HYBRID was predicted")


def test_the_answerer_is_named_where_it_refused():
    case = replace(good("authentication/wrong-psk"), expectation=good().expectation)
    (objection,) = case.check("came-up-as-predicted").objections
    assert objection.party == PEER_NAME
    assert "answered AUTHENTICATION_FAILED" in objection.sentence
