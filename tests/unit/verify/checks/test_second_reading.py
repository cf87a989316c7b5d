"""What our engine recorded against the wire, one part of the record after the other."""

from __future__ import annotations

from dataclasses import replace
from unittest.mock import patch

import pytest
from case_builder import good

from harness.verify.checks import second_reading


@pytest.mark.parametrize("trace", [None, ()])
def test_without_a_trace_nothing_is_compared_with_it(role, trace):
    view = good(role=role).view
    assert list(second_reading._traced(view)) == []
    assert list(second_reading._traced(replace(view, evidence=replace(view.evidence, trace=trace)))) == []


def test_a_suite_that_only_the_trace_has_is_compared_with_none(role):
    view = good(role=role).view
    report = replace(view.report, negotiated=None, suite=None, child_suite=None)
    assert list(second_reading._traced(replace(view, report=report))) == []


@pytest.mark.parametrize(
    ("state", "kind", "told"),
    [
        ("Gone", "deleted", ""),
        ("Standing", "", ""),
        ("HalfOpen", "", ""),
        ("", "deleted", "no state for our engine, and tells of an end, deleted"),
        ("", "", "no state for our engine, and tells of no end"),
        ("Standing", "refused", "Standing for our engine, and tells of an end, refused"),
        ("Gone", "", "Gone for our engine, and tells of no end"),
    ],
)
def test_an_engine_that_is_gone_has_come_to_an_end_and_no_other(role, state, kind, told):
    """The event of an end and the state behind it are one step of the engine."""
    view = good(role=role).view
    entries = tuple(entry for entry in view.evidence.trace if entry.event != "Closed")
    detail = {"kind": kind, "by_peer": "False", "reason": ""}
    trace = (*entries, replace(entries[-1], event="Closed", detail=detail)) if kind else entries
    report = replace(view.report, state=state, closed_kind=kind, closed_by_peer=False, closed_reason="")
    told_so = replace(view, report=report, evidence=replace(view.evidence, trace=trace))
    due = [f"engine/sas.json has {told}"] if told else []
    assert list(second_reading._report_and_trace(told_so)) == due


@pytest.mark.parametrize(
    ("stood", "end", "waiting", "told"),
    [(False, "", "", True), (False, "deleted", "", False), (False, "", "IKE_AUTH", False), (True, "", "", False)],
)
def test_a_child_sa_that_only_the_wire_shows_needs_an_end(role, stood, end, waiting, told):
    view = good(role=role).view
    report = replace(view.report, child_established=stood, closed_kind=end, timed_out=waiting)
    said = list(second_reading._report_and_wire(replace(view, report=report)))
    assert bool([words for words in said if "tells neither of it nor of an end" in words]) is told


@pytest.mark.parametrize("scenario", ["intermediate/int-auth-wrong", "errors/critical-payload-in-ike-auth"])
def test_an_auth_that_we_made_wrong_on_purpose_fits_nothing(scenario):
    view = good(scenario).view
    assert list(second_reading._auth(view)) == []
    with patch.object(second_reading, "auth_fits_some_first_message", return_value=False):
        assert list(second_reading._auth(view)) == []
        honest = replace(view, scenario=replace(view.scenario, deviation=None))
        assert ["our engine made" in words for words in second_reading._auth(honest)] == [True]
    assert list(second_reading._auth(view)) == []
