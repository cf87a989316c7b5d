"""What our own record lacks or counts is said of nobody, and how strong the evidence is that a verdict stands on."""

from __future__ import annotations

from dataclasses import replace

import pytest
from case_builder import PEER_NAME, good

from harness.evidence.peer_report import PeerReport
from harness.policy.role import Role
from harness.registry.transforms import TransformType
from harness.results.model import Finding, Grade, Pointer, Severity, Verdict
from harness.verify import with_keys
from harness.verify.checks.own_policy import of_another_policy
from harness.wire.payloads import SecurityAssociation
from harness.wire.payloads.security_association import Transform


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


def with_more(*more):
    def edit(payloads):
        return [
            replace(p, proposals=tuple(replace(each, transforms=(*each.transforms, *more)) for each in p.proposals))
            if isinstance(p, SecurityAssociation)
            else p
            for p in payloads
        ]

    return edit


@pytest.mark.parametrize(("number", "contradicted"), [(0, False), (31, True)])
def test_none_that_an_offer_spells_out_may_come_back(number, contradicted):
    """ "Any value other than NONE" is what an offer of IKE_AUTH has not (RFC 7296 section 1.2)."""
    case = good("hybrid/x25519-mlkem768", role=Role.RESPONDER)
    for label in ("IKE_AUTH request 2", "IKE_AUTH response 2"):
        case = case.rewritten(label, with_more(Transform(TransformType.KE, number)))
    assert bool(of_another_policy(case.view)) == contradicted
