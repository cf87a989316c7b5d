"""Whom a finding accuses: nobody for what our own side did wrong, and what a grade rests on."""

from __future__ import annotations

from dataclasses import replace
from unittest.mock import patch

import pytest
from case_builder import PEER_NAME, Case, good
from extra_messages import behind, protected

from harness.policy.role import Role
from harness.registry.notifications import NotifyType
from harness.results.model import CheckResult, Finding, Grade, Pointer, Severity, Verdict
from harness.verify.check import Checked, Objection
from harness.verify.checks.establishment import came_up_as_predicted
from harness.verify.view import View
from harness.verify.with_keys import (
    _asked,
    _grade,
    _not_for_our_fault,
    _own_fault,
    _without_our_deviation,
    due_checks,
)
from harness.wire.payloads import Notify

WRONG_PSK, COOKIE = "authentication/wrong-psk", "denial-of-service/cookie"
INIT, AUTH = "IKE_SA_INIT request 0", "IKE_AUTH request 1"
CAME_UP = came_up_as_predicted.name


def finding(pointer: Pointer, party: str = "engine", severity: Severity = Severity.FAIL, check: str = "any") -> Finding:
    return Finding(check, "A01", "MUST", party, "it is not as it should be", pointer, severity)


def accused(view: View, fault: Finding) -> tuple[str, str, str]:
    """Whom it accuses that nothing came up, beside this finding, and what another check finds; all else stays."""
    wire = Pointer.to_frame(1)
    came, other = finding(wire, PEER_NAME, check=CAME_UP), finding(wire, PEER_NAME, check="another")
    result = CheckResult("any", "A01", False, "")
    judged = [([fault, came], result), ([other], result)]
    ((first, blamed), _), ((last,), _) = _not_for_our_fault(view, judged)
    assert (first, last) == (fault, other)
    assert blamed == replace(came, party=blamed.party, requirement=blamed.requirement, level=blamed.level)
    return blamed.party, blamed.requirement, blamed.level


OURS, THEIRS = ("engine", "", ""), (PEER_NAME, "A01", "MUST")


def test_who_refuses_a_faulty_request_of_ours_is_not_to_blame_that_nothing_came_up():
    case = good(WRONG_PSK)
    pointer = case.message(AUTH).pointer
    assert accused(case.view, finding(pointer)) == OURS
    assert accused(case.view, finding(pointer, PEER_NAME)) == THEIRS, "that is a fault of the peer's"
    assert accused(case.view, finding(pointer, severity=Severity.NOTE)) == THEIRS, "that is none"
    assert accused(case.view, finding(case.message(INIT).pointer)) == THEIRS, "that was not refused"
    up = good()
    assert accused(up.view, finding(up.message(INIT).pointer)) == THEIRS, "nothing was refused"


def test_what_our_engine_refuses_is_no_request_of_ours():
    case = good(WRONG_PSK, role=Role.RESPONDER)
    assert accused(case.view, finding(case.message(AUTH).pointer)) == THEIRS


def test_only_the_last_request_of_ours_is_one_to_which_it_fell_silent():
    case = good().without("INFORMATIONAL response 3")
    first, last = (case.message(label).pointer for label in ("IKE_AUTH request 2", "INFORMATIONAL request 3"))
    silent = case.with_report(closed_kind="silent").view
    assert accused(silent, finding(last)) == OURS
    assert accused(silent, finding(first)) == THEIRS
    assert accused(case.view, finding(last)) == THEIRS, "it was not silence that ended it"
    asking = good(role=Role.RESPONDER).with_report(closed_kind="silent").view
    assert accused(asking, finding(asking.messages[-2].pointer)) == THEIRS, "that is the peer's request"


def answered(case: Case, number: int) -> Case:
    """A request of ours behind all others, that the peer refuses."""
    asked = behind(case, protected(case, (), by_engine=True, message_id=number), by_engine=True)
    error = Notify(NotifyType.INVALID_SYNTAX)
    refusal = protected(case, (error,), by_engine=False, message_id=number, response=True)
    return behind(asked, refusal, by_engine=False)


def test_the_first_refusal_tells():
    case = answered(good(WRONG_PSK), 2)
    assert len(case.view.refusals) == 2
    assert accused(case.view, finding(case.message(AUTH).pointer)) == OURS
    assert accused(case.view, finding(case.message("INFORMATIONAL request 2").pointer)) == THEIRS


def test_an_answer_refuses_the_requests_of_its_number_before_it():
    view = good(COOKIE).view
    first, second = (m for m in view.messages if m.label == INIT)
    demand, answer = (m for m in view.messages if m.label == "IKE_SA_INIT response 0")
    assert _asked(view, demand) == {first.pointer}
    assert _asked(view, answer) == {first.pointer, second.pointer}
    two = answered(answered(good(WRONG_PSK), 2), 3)
    asked = two.message("INFORMATIONAL request 3").pointer
    assert _asked(two.view, two.message("INFORMATIONAL response 3")) == {asked}


def told(view: View, *findings: Finding) -> list[tuple[str, Severity]]:
    """Whom each of these findings accuses in the end, and how."""
    judged = [([each], CheckResult("any", "A01", False, "")) for each in findings]
    return [(each.party, each.severity) for found, _ in _not_for_our_fault(view, judged) for each in found]


FAILS, UNDETERMINED = (PEER_NAME, Severity.FAIL), ("undetermined", Severity.INCONCLUSIVE)


def test_what_a_peer_does_after_a_wrong_answer_of_ours_is_not_its_doing_alone():
    case = good(role=Role.RESPONDER)
    answer = case.message("IKE_INTERMEDIATE response 1")
    fault, at = finding(answer.pointer), [Pointer.to_frame(answer.frame + more) for more in (-1, 0, 1)]
    theirs = [finding(each, PEER_NAME) for each in (*at, Pointer("peer/sas-after.json"))]
    ours = ("engine", Severity.FAIL)
    assert told(case.view, fault, *theirs) == [ours, FAILS, UNDETERMINED, UNDETERMINED, UNDETERMINED]
    came = finding(at[2], PEER_NAME, check=CAME_UP)
    assert told(case.view, came, fault) == [ours, ours], "that it did not come up is ours to answer for"
    later = finding(case.message("IKE_AUTH response 2").pointer)
    assert told(case.view, theirs[2], later, fault) == [UNDETERMINED, ours, ours], "the first wrong answer counts"
    noted = replace(theirs[2], severity=Severity.NOTE)
    assert told(case.view, noted, fault) == [(PEER_NAME, Severity.NOTE), ours]
    assert told(case.view, replace(theirs[2], party="undetermined"), fault)[0] == ("undetermined", Severity.FAIL)


def test_only_a_wrong_answer_of_ours_excuses_what_comes_after_it():
    case = good(role=Role.RESPONDER)
    answer = case.message("IKE_INTERMEDIATE response 1").pointer
    late = finding(Pointer("peer/sas-after.json"), PEER_NAME)
    assert told(case.view, finding(answer), late)[1] == UNDETERMINED
    for other in (
        finding(answer, severity=Severity.SHOULD),
        finding(answer, PEER_NAME),
        finding(answer, check=CAME_UP),  # it shows where the case ended
        finding(case.message("IKE_INTERMEDIATE request 1").pointer),  # of the peer
        finding(Pointer("engine/sas.json")),
    ):
        assert told(case.view, other, late)[1] == FAILS
    asking = good()
    request = asking.message("IKE_INTERMEDIATE request 1").pointer
    assert told(asking.view, finding(request), late)[1] == FAILS, "that is no answer"
    answered = asking.message("IKE_INTERMEDIATE response 1").pointer
    assert told(asking.view, finding(answered), late)[1] == FAILS, "that is the peer's"


WIRE, PEERS = finding(Pointer.to_frame(1)), finding(Pointer("peer/established.json"))
NOTED = replace(WIRE, severity=Severity.NOTE)


@pytest.mark.parametrize(
    ("findings", "grade"),
    [
        ([], Grade.A),
        ([WIRE], Grade.A),
        ([PEERS], Grade.B),
        ([PEERS, WIRE], Grade.A),
        ([PEERS, NOTED], Grade.B),
        ([NOTED], Grade.A),
        ([replace(PEERS, severity=Severity.NOTE)], Grade.A),
    ],
)
def test_what_fails_by_the_peers_word_alone_has_the_lower_grade(findings, grade):
    assert _grade(findings) is grade


def test_without_an_event_in_the_trace_nothing_was_prepared():
    assert _own_fault(good().with_evidence(trace=()).view) == ""


def test_a_scenario_says_what_a_check_that_is_due_anyway_speaks_for(role):
    case = good(role=role)
    own = replace(case.scenario.expect[0], check="authenticated", requirement="A06", arguments={})
    asking = replace(case, scenario=replace(case.scenario, expect=(own,)))
    assert {due.check.name: due.requirement for due in due_checks(asking.view)}["authenticated"] == "A06"


@pytest.mark.parametrize("reason", ["not_captured", "read_otherwise", "reported_of_another", "read_either_way"])
def test_each_reason_for_which_nothing_can_be_said_is_told_and_before_a_fault_of_ours(reason):
    with patch(f"harness.verify.with_keys.{reason}", return_value="words"):
        judged = good().judge()
        assert (judged.verdict, judged.reason) == (Verdict.INCONCLUSIVE, "words")
        with patch("harness.verify.with_keys._own_fault", return_value="a fault"):
            both = good().judge()
            assert (both.verdict, both.reason) == (Verdict.INCONCLUSIVE, "words")


def test_what_deviates_on_purpose_is_not_held_against_our_engine_and_all_else_is():
    ours, other = Pointer.to_frame(1), Pointer.to_frame(2)
    found = [Objection(party, "why", place) for party in ("engine", PEER_NAME) for place in (ours, other)]
    kept = _without_our_deviation({ours}, Checked("seen", tuple(found)))
    assert (kept.detail, kept.objections) == ("seen; but for our own deviation", tuple(found[1:]))
    same = Checked("seen", tuple(found[1:]))
    assert _without_our_deviation({ours}, same) is same
    assert _without_our_deviation({ours}, Checked("", (found[0],))) == Checked("but for our own deviation")
