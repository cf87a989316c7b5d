"""A recorded prediction is doubted where its policies or its scenario say otherwise, and only there."""

from __future__ import annotations

from dataclasses import replace

import pytest
from case_builder import ROOT

from harness.oracle.confirmed import contradiction
from harness.oracle.expectation import from_record, to_record
from harness.oracle.reaction import Duty, Reaction
from harness.policy.proposals import PartyPolicy, Suite
from harness.registry.algorithms import Algorithm
from harness.registry.notifications import NotifyType
from harness.registry.transforms import TransformType
from harness.results.model import Outcome
from harness.run.inputs import load_inputs
from harness.run.plan import Selection, make_plan
from harness.scenario.peer import Peer

INPUTS = load_inputs(ROOT)


@pytest.fixture(scope="module")
def planned():
    """Every case of the full suite that is sent."""
    return [case for case in make_plan(INPUTS, Selection(suite="full")) if not case.expectation.skipped]


def said(case, **changes):
    emulated = any(isinstance(party, Peer) and party.emulated for party in (case.initiator, case.responder))
    recorded = from_record(to_record(replace(case.expectation, **changes), case.engine), case.engine)
    return contradiction(case.scenario, recorded, case.engine, emulated=emulated)


def test_no_prediction_of_ours_is_doubted(planned):
    assert [(case.id, words) for case in planned if (words := said(case))] == []


def others(prediction):
    """Every field of a prediction changed: each makes another verdict of the same evidence."""
    for outcome in {*Outcome, None} - {prediction.outcome}:
        yield {"outcome": outcome}
    yield {"skipped": "for no reason"}
    yield {"reaction": Reaction(Duty.CARRY_ON, "B99")}
    yield {"ike": (*prediction.ike, Suite(9, {TransformType.KE: Algorithm(36)}))}
    yield {"esp": (*prediction.esp, Suite(9, {TransformType.ENCR: Algorithm(12, 128)}))}
    if prediction.ike and prediction.esp:
        yield {"unsupported": "it lacks a method"}
        yield {"ike": ()}


@pytest.mark.parametrize("every", [7])
def test_each_field_is_confirmed(planned, every):
    for case in planned[::every]:
        for change in others(case.expectation):
            if case.scenario.settings.as_written and change == {"ike": ()}:
                continue  # what a build lacks, its sheet says alone
            if case.engine is None and "reaction" in change:
                continue  # of two products none deviates: a record has no word for it
            assert said(case, **change), (case.id, change)


def test_a_refusal_by_another_error_is_another_prediction(planned):
    refused = [case for case in planned if case.engine and case.expectation.refusal is not None]
    assert refused
    for case in refused[::5]:
        assert said(case, refusal=NotifyType.TS_UNACCEPTABLE)


def test_our_own_policy_is_the_scenarios(planned):
    case = next(case for case in planned if case.id == "classical/x25519@strongswan-6.1@initiator")
    other = PartyPolicy(case.expectation.initiator.ike * 2, case.expectation.initiator.esp)
    assert said(case, initiator=other) == "our engine's policy is not the scenario's"


def test_a_refusal_needs_something_that_is_lacking(planned):
    lacking = [case for case in planned if case.engine and case.expectation.unsupported and not case.expectation.ike]
    assert lacking
    for case in lacking[::5]:
        assert "nothing is said to be lacking" in said(case, unsupported="")
