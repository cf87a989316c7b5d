"""What our own record lacks or counts is said of nobody, and how strong the evidence is that a verdict stands on."""

from __future__ import annotations

from dataclasses import replace

import pytest
from case_builder import PEER_NAME, good

from harness.evidence.peer_report import PeerReport
from harness.results.model import Finding, Grade, Pointer, Severity, Verdict
from harness.verify import with_keys


def test_a_trace_of_nothing_lacks_what_the_wire_has(role):
    judgement = good(role=role).with_evidence(trace=()).judge()
    assert judgement.verdict is Verdict.INCONCLUSIVE
    assert judgement.reason.startswith("trace.jsonl lacks the IKE_SA_INIT")
    assert judgement.findings == ()


@pytest.mark.parametrize(("counted", "words"), [("requests_received", "requests from"), ("replies_sent", "replies to")])
def test_echo_messages_of_the_other_direction_that_the_capture_lacks(role, counted, words):
    case = good(role=role)
    judgement = case.with_report(echo=replace(case.evidence.report.echo, **{counted: 1})).judge()
    assert judgement.verdict is Verdict.INCONCLUSIVE
    gap = f"wire.pcapng holds 0 of the 1 echo {words} {PEER_NAME} that engine/sas.json counts"
    assert judgement.reason == gap


def test_one_failure_on_the_wire_makes_it_a_matter_of_the_wire(role):
    """What the status alone says is grade B."""
    after = PeerReport("1", good(role=role).evidence.peer_report.sas, "")
    told = good(role=role).with_evidence(peer_report_after=after)
    assert (told.judge().verdict, told.judge().grade) == (Verdict.FAIL, Grade.B)
    alone = good(role=role).awaiting("another word")
    assert (alone.judge().verdict, alone.judge().grade) == (Verdict.FAIL, Grade.A)
    seen = told.awaiting("another word")
    assert (seen.judge().verdict, seen.judge().grade) == (Verdict.FAIL, Grade.A)


def test_what_is_no_failure_makes_a_failure_no_stronger():
    told = Finding("peer-agrees", "P01", "MUST", PEER_NAME, "it differs", Pointer("peer/sas.json"), Severity.FAIL)
    seen = Finding(
        "refused-with", "", "", PEER_NAME, "it contradicts itself", Pointer("wire.pcapng#4"), Severity.SHOULD
    )
    assert with_keys._grade([told, seen]) is Grade.B
    assert with_keys._grade([told, replace(seen, severity=Severity.FAIL)]) is Grade.A
    assert with_keys._grade([seen]) is with_keys._grade([]) is Grade.A
