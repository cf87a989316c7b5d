"""A recorded run judged again: by its own scenario, case by case, with nothing of the record changed."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import pytest
from case_builder import facts_of, frames_of, good, requirements
from command import ROOT
from fake_lab import attempt

from harness.evidence.model import Conversation
from harness.evidence.store import EvidenceFolder, digests, folder_name
from harness.evidence.wireshark import tables_of
from harness.oracle.expectation import to_record
from harness.policy.role import Role
from harness.results.model import CaseRecord, Grade, Outcome, Run, RunHeader, Verdict
from harness.run.rejudge import rejudge
from harness.scenario.selection import NothingSelected
from harness.verify.judge import judge_folder

NAME = "hybrid/x25519-mlkem768"
HEADER = RunHeader("id", "2026-01-01T00:00:00+00:00", "0.1.0", 0, "smoke", "", "", {}, "")


@pytest.fixture(scope="module")
def evidence(tmp_path_factory):
    """The evidence of a case in which all went well, as a run would have left it."""
    folder, case = tmp_path_factory.mktemp("evidence"), good(NAME)
    store, seen = EvidenceFolder(folder), case.evidence
    facts = replace(facts_of(case), expectation=to_record(case.expectation, Role.INITIATOR))
    store.write_facts(facts)
    store.write_text("scenario.toml", (ROOT / "scenarios" / f"{NAME}.toml").read_text())
    frames = tuple(frame for datagram in seen.wire.datagrams for frame in frames_of(datagram))
    conversation = Conversation(seen.trace, seen.secrets, seen.report, frames, datagrams=seen.datagrams)
    store.write_conversation(conversation, tables_of(conversation, facts))
    store.write_peer_report(seen.peer_report, after=False)
    store.write_peer_report(seen.peer_report_after, after=True)
    return folder


@pytest.fixture
def recorded(evidence, tmp_path):
    """A run with that case, and cases that were never judged: (folder, run, the case's evidence)."""
    sent = f"{NAME}@strongswan-6.1@initiator"
    folder = tmp_path / "cases" / folder_name(sent)
    shutil.copytree(evidence, folder)

    def record(case, verdict, where, reason=""):
        scenario, peer, role = case.split("@")
        return CaseRecord(case, scenario, peer, role, (attempt(verdict, where, reason),), True)

    cases = (
        record(sent, Verdict.PASS, f"cases/{folder_name(sent)}"),
        record(f"{NAME}@strongswan-6.1@responder", Verdict.ERROR, "cases/broken", "the worker ended"),
        record(f"{NAME}@strongswan-5.9@responder", Verdict.SKIPPED, ""),
    )
    return tmp_path, Run(HEADER, cases), folder


def test_the_same_evidence_gets_the_same_verdict(inputs, recorded):
    folder, run, _ = recorded
    first, second = rejudge(folder, run, inputs)
    assert (first.judgement.verdict, first.same) == (Verdict.PASS, True)
    assert first.judgement.findings == ()
    assert (second.judgement.verdict, second.judgement.reason) == (Verdict.ERROR, "the worker ended")
    assert second.same


@pytest.mark.parametrize(
    ("recorded_as", "difference"),
    [
        ({"outcome": Outcome.CLASSICAL}, ("outcome", "CLASSICAL", "HYBRID")),
        ({"grade": Grade.B}, ("grade", "B", "A")),
        ({"verdict": Verdict.FAIL}, ("verdict", "FAIL", "PASS")),
    ],
)
def test_another_verdict_outcome_or_grade_is_a_difference(inputs, recorded, recorded_as, difference):
    folder, run, _ = recorded
    record = replace(run.cases[0], attempts=(replace(run.cases[0].first, **recorded_as),))
    (again,) = rejudge(folder, Run(HEADER, (record,)), inputs)
    assert again.differences == (difference,)
    assert not again.same


def test_a_pattern_chooses_cases_and_must_match(inputs, recorded):
    folder, run, _ = recorded
    assert [each.record.role for each in rejudge(folder, run, inputs, "*@initiator")] == ["initiator"]
    with pytest.raises(NothingSelected, match="case 'nothing' matches nothing"):
        list(rejudge(folder, run, inputs, "nothing"))


def test_a_run_without_cases_has_nothing_to_judge(inputs, tmp_path):
    assert list(rejudge(tmp_path, Run(HEADER, ()), inputs)) == []


def test_it_is_judged_by_the_scenario_it_was_played_by(inputs, recorded):
    folder, run, evidence = recorded
    path = evidence / "scenario.toml"
    path.write_text(path.read_text().replace("packets = 5", "packets = 50"))
    first = next(rejudge(folder, run, inputs))
    assert first.judgement.verdict is Verdict.FAIL
    assert "50" in first.judgement.findings[0].sentence


def test_a_check_that_is_not_made_any_more_is_a_difference(inputs, recorded):
    """The scenario that the evidence holds asks for less than the one that was played."""
    folder, run, evidence = recorded
    first = next(rejudge(folder, run, inputs))
    made = replace(run.cases[0].first, checks=first.judgement.checks)
    record = replace(run.cases[0], attempts=(made,))
    path = evidence / "scenario.toml"
    text = path.read_text()
    start = text.index('[[expect]]\ncheck = "esp-both-ways"')
    path.write_text(text[:start] + text[text.index("[[expect]]", start + 1) :])
    (again,) = rejudge(folder, Run(HEADER, (record,)), inputs)
    assert again.judgement.verdict is first.judgement.verdict
    assert again.differences == (("check esp-both-ways", "made", "not made"),)
    assert not again.same


def test_a_file_that_is_not_as_it_was_recorded_is_named_and_no_more(inputs, recorded):
    folder, run, evidence = recorded
    kept = replace(run.cases[0].first, sha256=digests(evidence))
    record = replace(run.cases[0], attempts=(kept,))
    run = Run(HEADER, (record,))
    assert [each.altered for each in rejudge(folder, run, inputs)] == [()]
    (evidence / "scenario.toml").write_text((evidence / "scenario.toml").read_text() + "# a word\n")
    (evidence / "wireshark" / "esp_sa").unlink()
    (again,) = rejudge(folder, run, inputs)
    assert again.altered == ("scenario.toml", "wireshark/esp_sa")
    assert again.judgement.verdict is Verdict.INCONCLUSIVE
    (evidence / "wireshark" / "esp_sa").symlink_to("/etc/hostname")
    assert next(rejudge(folder, run, inputs)).altered == ("scenario.toml", "wireshark/esp_sa")


@pytest.mark.parametrize("content", [None, "id = ", 'id = "hybrid/x25519-mlkem768"\nnew-key = 1\n'])
def test_without_a_readable_scenario_nothing_is_concluded(inputs, recorded, content):
    folder, run, evidence = recorded
    path = evidence / "scenario.toml"
    path.unlink() if content is None else path.write_text(content)
    first = next(rejudge(folder, run, inputs))
    assert first.judgement.verdict is Verdict.INCONCLUSIVE
    assert str(path) in first.judgement.reason
    assert "\n" not in first.judgement.reason


FILES = ("case.json", "secrets.json", "trace.jsonl", "engine/sas.json", "peer/sas.json", "peer/sas-after.json",
         "wire.pcapng")  # fmt: skip


@pytest.mark.parametrize("damage", ["gone", "empty", "not UTF-8", "another kind", "a folder"])
@pytest.mark.parametrize("name", FILES)
def test_whatever_file_is_lost_or_damaged_nothing_is_concluded(inputs, recorded, name, damage):
    _, _, evidence = recorded
    path = evidence / name
    path.unlink()
    if damage == "a folder":
        path.mkdir()
    elif damage != "gone":
        path.write_bytes({"empty": b"", "not UTF-8": b"\xff\xfe{}", "another kind": b'{"a": 1}'}[damage])
    judgement = judge_folder(evidence, inputs.scenarios[NAME], requirements())
    assert judgement.verdict is Verdict.INCONCLUSIVE
    assert judgement.reason


def without_a_number(facts):
    transforms = facts["expectation"]["ike"][0]["transforms"]
    transforms["ENCR"] = transforms.pop("1")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (without_a_number, "expected a number for a key, got 'ENCR'"),
        (lambda facts: facts.update(engine="bystander"), "'bystander' is not one of initiator, responder"),
    ],
)
def test_a_fact_of_the_case_that_is_none_is_named(inputs, recorded, change, words):
    _, _, evidence = recorded
    path = evidence / "case.json"
    facts = json.loads(path.read_text())
    change(facts)
    path.write_text(json.dumps(facts))
    judgement = judge_folder(evidence, inputs.scenarios[NAME], requirements())
    assert judgement.verdict is Verdict.INCONCLUSIVE
    assert words in judgement.reason


@pytest.mark.parametrize("name", FILES[:-1])
def test_a_file_that_nests_without_end_is_named(inputs, recorded, name):
    _, _, evidence = recorded
    (evidence / name).write_text("[" * 100_000)
    judgement = judge_folder(evidence, inputs.scenarios[NAME], requirements())
    assert judgement.verdict is Verdict.INCONCLUSIVE
    assert name in judgement.reason


def test_no_damage_to_any_octet_of_the_capture_ends_in_a_traceback(inputs, recorded):
    _, _, evidence = recorded
    path = evidence / "wire.pcapng"
    whole = path.read_bytes()
    seen = set()
    for index in range(0, len(whole), 97):
        path.write_bytes(whole[:index] + bytes([whole[index] ^ 0xFF]) + whole[index + 1 :])
        seen.add(judge_folder(evidence, inputs.scenarios[NAME], requirements()).verdict)
    assert seen <= {Verdict.PASS, Verdict.INCONCLUSIVE}  # an octet of an Ethernet header carries nothing that is judged
    assert Verdict.INCONCLUSIVE in seen


def test_a_capture_cut_short_anywhere_is_never_blamed_on_anybody(inputs, recorded):
    _, _, evidence = recorded
    path = evidence / "wire.pcapng"
    whole = path.read_bytes()
    for length in range(0, len(whole), 61):
        path.write_bytes(whole[:length])
        judgement = judge_folder(evidence, inputs.scenarios[NAME], requirements())
        assert judgement.verdict is Verdict.INCONCLUSIVE, (length, judgement.findings)


@pytest.mark.parametrize("what", ["case", "scenario.toml"])
def test_evidence_that_is_a_link_to_elsewhere_is_not_judged(inputs, recorded, tmp_path_factory, what):
    folder, run, case = recorded
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "kept"
    moved = case if what == "case" else case / what
    shutil.move(moved, elsewhere)
    moved.symlink_to(elsewhere)
    first, *_ = rejudge(folder, run, inputs)
    assert first.judgement.verdict is Verdict.INCONCLUSIVE
    assert "a link leads out" in first.judgement.reason


def test_evidence_of_another_case_proves_nothing_of_this_one(inputs, recorded):
    folder, run, evidence = recorded
    facts = json.loads((evidence / "case.json").read_text())
    facts["case"] = f"{NAME}@strongswan-5.9@initiator"
    (evidence / "case.json").write_text(json.dumps(facts))
    first, *_ = rejudge(folder, run, inputs)
    assert first.judgement.verdict is Verdict.INCONCLUSIVE
    assert first.judgement.reason == f"the evidence is that of {NAME}@strongswan-5.9@initiator"


def test_a_case_that_is_recorded_as_never_sent_has_no_evidence(inputs, recorded):
    folder, run, evidence = recorded
    skipped = run.cases[2].case
    shutil.copytree(evidence, folder / "cases" / folder_name(skipped))
    *_, last = rejudge(folder, run, inputs)
    assert (last.record.case, last.judgement.verdict, last.same) == (skipped, Verdict.INCONCLUSIVE, False)
    broken_off = replace(run, unplayed=(skipped,))  # what an attempt has left that broke off
    assert len(list(rejudge(folder, broken_off, inputs))) == 2


@pytest.mark.parametrize("change", [{"outcome": "CLASSICAL"}, {"skipped": "for no reason"}, {"unsupported": "ML-KEM"}])
def test_a_prediction_is_not_believed_but_made_again(inputs, recorded, change):
    folder, run, evidence = recorded
    facts = json.loads((evidence / "case.json").read_text())
    facts["expectation"] |= change
    (evidence / "case.json").write_text(json.dumps(facts))
    first, *_ = rejudge(folder, run, inputs)
    assert first.judgement.verdict is Verdict.INCONCLUSIVE
    assert first.judgement.reason.startswith("the prediction in case.json contradicts itself or its scenario: ")
