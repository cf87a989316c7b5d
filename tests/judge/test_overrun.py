"""A case that was ended by its budget: who flooded fails; where it was us, or nobody knows, it is an ERROR."""

from __future__ import annotations

from dataclasses import replace

import pytest
from case_builder import ENGINE, PEER, good
from pair_builder import good_pair

from harness.evidence.interruption import Overrun, Resource
from harness.policy.role import Role
from harness.results.model import Grade, Outcome, Verdict


def overrun(frames):
    return Overrun(Resource.FRAMES, 2000, 1.234, frames)


@pytest.mark.parametrize("role", list(Role))
def test_a_peer_that_floods_fails_by_it_alone(role):
    case = good(role=role)
    found = case.with_report(overrun=overrun({PEER: 1990, ENGINE: 11})).judge()
    assert (found.verdict, found.outcome, found.grade) == (Verdict.FAIL, Outcome.BROKEN, Grade.A)
    [finding], [result] = found.findings, found.checks
    assert (result.check, result.passed) == ("no-flood", False)
    assert (finding.requirement, finding.level, finding.party) == ("H04", "MUST", case.evidence.peer)
    assert (
        finding.sentence == f"it floods: after 1.2 s the case had more than 2000 frames: 1990 frames came from {PEER}"
    )


@pytest.mark.parametrize(
    ("frames", "words"),
    [
        ({ENGINE: 1990, PEER: 11}, f"1990 frames came from {ENGINE}"),
        ({}, "no frame was seen"),
        ({"192.0.2.99": 1990}, "1990 frames"),
        ({PEER: 3, ENGINE: 2}, f"3 frames came from {PEER}"),  # our own trace ran over
        ({PEER: 249}, f"249 frames came from {PEER}"),
        ({PEER: 1001, ENGINE: 1000}, f"1001 frames came from {PEER}"),  # each answers the other
    ],
)
def test_where_it_was_not_the_peer_nobody_is_blamed(frames, words):
    found = good().with_report(overrun=overrun(frames)).judge()
    assert (found.verdict, found.findings) == (Verdict.ERROR, ())
    assert words in found.reason


def test_octets_of_frames_are_a_flood_however_few_the_frames():
    found = good().with_report(overrun=Overrun(Resource.FRAME_OCTETS, 2 << 20, 1.0, {PEER: 33, ENGINE: 4})).judge()
    assert (found.verdict, found.findings[0].requirement) == (Verdict.FAIL, "H04")


def test_of_two_products_it_is_the_one_that_most_frames_came_from():
    pair = good_pair()
    for side, other in ((pair.evidence.facts.initiator, "responder"), (pair.evidence.facts.responder, "initiator")):
        address = getattr(pair.evidence.facts, other).address
        found = pair.with_report(overrun=overrun({side.address: 1500, address: 500})).judge()
        assert (found.verdict, found.findings[0].party) == (Verdict.FAIL, side.peer)


def test_a_case_within_its_budget_is_judged_as_ever():
    assert good().judge().verdict is Verdict.PASS
    evidence = replace(good().evidence, report=replace(good().evidence.report, overrun=None))
    assert replace(good(), evidence=evidence).judge().verdict is Verdict.PASS


def test_a_thousand_wrong_datagrams_are_no_page_of_a_thousand_lines():
    case = good()
    [first, *_] = case.evidence.wire.datagrams
    wrong = [
        replace(first, frame=1000 + n, source=(PEER, 500), destination=(ENGINE, 500), payload=b"x") for n in range(300)
    ]
    found = case.with_datagrams((*case.evidence.wire.datagrams, *wrong)).judge()
    assert found.verdict is Verdict.FAIL
    failing = [finding for finding in found.findings if finding.severity == "fail"]
    assert len(failing) == 10
    assert failing[-1].sentence.endswith("; and 290 more of its kind")
