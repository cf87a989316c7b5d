"""From a folder of evidence to a verdict, and what comes before any check."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from case_builder import Case, facts_of, frames_of, good, requirements
from pair_builder import good_pair

from harness.evidence.interruption import Cause, Death, Disturbance, OwnProcess
from harness.evidence.model import Conversation
from harness.evidence.store import EvidenceFolder
from harness.evidence.wireshark import tables_of
from harness.oracle.expectation import to_record
from harness.policy.role import Role
from harness.results.model import Verdict
from harness.verify.judge import judge_folder

HYBRID = "hybrid/x25519-mlkem768"
TWICE = Death("strongswan-6.1", "peer", Cause.ITSELF, "it is gone", ("another@case",), again=True)
STILL = (Disturbance(OwnProcess.RUNNER, 0.0, 25.0),)


def written(case: Case, role: Role, folder: Path) -> Path:
    """The evidence of a case as a run leaves it."""
    store, seen = EvidenceFolder(folder), case.evidence
    facts = replace(facts_of(case), expectation=to_record(case.expectation, role))
    store.write_facts(facts)
    frames = tuple(frame for datagram in case.datagrams for frame in frames_of(datagram))
    conversation = Conversation(seen.trace, seen.secrets, seen.report, frames, datagrams=seen.datagrams)
    store.write_conversation(conversation, tables_of(conversation, facts))
    for report, after in ((seen.peer_report, False), (seen.peer_report_after, True)):
        if report is not None:
            store.write_peer_report(report, after=after)
    return folder


@pytest.mark.parametrize(
    ("scenario", "peer"), [(HYBRID, "strongswan-6.1"), ("authentication/wrong-psk", "emulated/cisco-8000-26.1.1")]
)
def test_a_folder_is_judged_as_the_case_in_it(tmp_path, scenario, peer):
    """With a vendor that wears a policy our engine's is not the scenario's, where an exchange is what counts."""
    case = good(scenario, peer)
    found = judge_folder(written(case, Role.INITIATOR, tmp_path / "case"), case.scenario, requirements())
    assert (found.verdict, found.outcome) == (Verdict.PASS, case.judge().outcome), found.reason


def test_evidence_that_cannot_be_read_is_inconclusive(tmp_path):
    case = good(HYBRID)
    for name in ("wire.pcapng", "secrets.json", "case.json"):
        folder = written(case, Role.INITIATOR, tmp_path / name)
        (folder / name).write_bytes(b"{ this is none")
        found = judge_folder(folder, case.scenario, requirements())
        assert (found.verdict, found.findings) == (Verdict.INCONCLUSIVE, ()), name


def test_a_prediction_that_contradicts_its_scenario_is_inconclusive(tmp_path):
    case = good(HYBRID)
    other = replace(case, expectation=good("classical/ecp384").expectation)
    found = judge_folder(written(other, Role.INITIATOR, tmp_path / "case"), case.scenario, requirements())
    assert found.verdict is Verdict.INCONCLUSIVE
    assert found.reason.startswith("the prediction in case.json contradicts")


def test_a_daemon_of_a_pair_that_died_is_told_with_what_was_seen():
    pair = good_pair().with_evidence(death=TWICE)
    assert pair.judge().verdict is Verdict.FAIL and pair.judge().ladder
    for lacking in ({"wire": None}, {"report": None}, {"wire": None, "report": None}):
        found = pair.with_evidence(**lacking).judge()
        assert found.verdict is Verdict.FAIL and found.ladder == ()


def test_what_was_shown_to_be_right_stays_where_a_deviation_is_to_be_carried_on():
    """Only where it is right to fall silent may we not have been there to hear."""
    carried = good("errors/unknown-payload-everywhere")
    assert carried.with_evidence(disturbances=STILL).judge().verdict is Verdict.PASS
    refused = good("errors/critical-payload-in-ike-auth")
    assert refused.with_evidence(disturbances=STILL).judge().verdict is Verdict.ERROR
