"""A recorded case played again: as it was recorded, and what cannot be the same is said."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from command import ROOT
from fake_lab import attempt

from harness.results.model import CaseRecord, KernelChoice, Outcome, PeerEntry, Run, RunHeader, Runtime, Verdict
from harness.run.plan import Selection, make_plan
from harness.run.repeat import repetition
from harness.scenario.selection import NothingSelected
from harness.scenario.toml_source import InvalidData

NAME = "hybrid/x25519-mlkem768"
CASE = f"{NAME}@strongswan-6.1@initiator"
PEER = PeerEntry("strongswan-6.1", "strongSwan 6.1", False, "6.1.0", "sha256:then", "userspace")
HEADER = RunHeader("id", "2026-01-01T00:00:00+00:00", "0.1.0", 0, "smoke", "", "", {}, "", (PEER,))


def a_run(case: str, evidence: str) -> Run:
    scenario, peer, role = case.split("@")
    return Run(HEADER, (CaseRecord(case, scenario, peer, role, (attempt(Verdict.PASS, evidence),), True),))


@pytest.fixture
def scenario(tmp_path):
    """The scenario file of the evidence, as it is in the checkout until a test changes it."""
    path = tmp_path / "evidence" / "scenario.toml"
    path.parent.mkdir()
    path.write_text((ROOT / "scenarios" / f"{NAME}.toml").read_text())
    return path


def test_nothing_is_said_where_all_is_as_it_was(inputs, scenario, tmp_path):
    again = repetition(tmp_path, a_run(CASE, "evidence"), CASE, inputs)
    assert (again.case.id, again.note) == (CASE, "")
    assert again.case.expectation.outcome is Outcome.HYBRID
    assert again.other_image(PEER) == ""


def test_the_recorded_scenario_is_played_not_todays(inputs, scenario, tmp_path):
    scenario.write_text(scenario.read_text().replace("packets = 5", "packets = 50"))
    again = repetition(tmp_path, a_run(CASE, "evidence"), CASE, inputs)
    assert again.case.scenario.path == scenario
    assert again.case.scenario.expect != inputs.scenarios[NAME].expect
    assert again.note == f"the recorded scenario is played; {inputs.scenarios[NAME].path} is another one by now"


def test_a_scenario_that_is_gone_is_played_from_the_evidence(inputs, scenario, tmp_path):
    fewer = replace(inputs, scenarios={k: v for k, v in inputs.scenarios.items() if k != NAME})
    again = repetition(tmp_path, a_run(CASE, "evidence"), CASE, fewer)
    assert again.case.scenario.id == NAME
    assert "there is none of this name any more" in again.note
    with pytest.raises(NothingSelected, match=f"scenario '{NAME}' matches nothing"):
        repetition(tmp_path, a_run(CASE, ""), CASE, fewer)


def test_a_case_that_was_never_sent_takes_todays_scenario_and_says_so(inputs, tmp_path):
    again = repetition(tmp_path, a_run(CASE, ""), CASE, inputs)
    assert again.case.scenario is inputs.scenarios[NAME]
    assert "today's is played" in again.note


def test_a_recorded_scenario_that_cannot_be_read_is_told_with_its_place(inputs, scenario, tmp_path):
    scenario.write_text('id = "x"\ntitel = 1\n')
    with pytest.raises(InvalidData, match=re.escape(str(scenario))):
        repetition(tmp_path, a_run(CASE, "evidence"), CASE, inputs)


def test_a_recorded_scenario_larger_than_any_is_not_read(inputs, scenario, tmp_path):
    with scenario.open("wb") as file:
        file.truncate(1 << 38)
    with pytest.raises(InvalidData, match="cannot be read: has 274,877,906,944 octets"):
        repetition(tmp_path, a_run(CASE, "evidence"), CASE, inputs)


def test_a_case_that_was_out_of_the_runs_reach_is_so_again(inputs, tmp_path):
    local = replace(a_run(CASE, ""), header=replace(HEADER, runtime=Runtime.LOCAL))
    assert "needs Docker" in repetition(tmp_path, local, CASE, inputs).case.expectation.skipped
    case = CASE.replace("strongswan-6.1", "libreswan-5.2")
    userspace = replace(a_run(case, ""), header=replace(HEADER, kernel_choice=KernelChoice.USERSPACE))
    assert "needs a kernel" in repetition(tmp_path, userspace, case, inputs).case.expectation.skipped


def test_another_image_of_the_peer_is_told(inputs, scenario, tmp_path):
    again = repetition(tmp_path, a_run(CASE, "evidence"), CASE, inputs)
    words = again.other_image(replace(PEER, image="sha256:now"))
    assert words == "strongswan-6.1 runs from another image: sha256:now, recorded sha256:then"
    assert again.other_image(replace(PEER, name="strongswan-6.0", image="sha256:now")) == ""


@pytest.mark.parametrize(
    ("name", "words"),
    [("nothing", "case 'nothing' matches nothing"), ("hybrid/*", "is a pattern; this takes one case by its name")],
)
def test_one_case_of_the_run_is_named(inputs, tmp_path, name, words):
    with pytest.raises(NothingSelected, match=words):
        repetition(tmp_path, a_run(CASE, ""), name, inputs)


def test_a_peer_that_is_gone_is_told(inputs, tmp_path):
    case = f"{NAME}@strongswan-4.6@initiator"
    with pytest.raises(NothingSelected, match=r"peer 'strongswan-4\.6' matches nothing"):
        repetition(tmp_path, a_run(case, ""), case, inputs)


def test_every_case_of_the_full_plan_can_be_repeated(inputs, tmp_path):
    planned = make_plan(inputs, Selection(suite="full"))
    records = [case.record((attempt(Verdict.PASS, ""),), expected=True) for case in planned]
    assert {record.role for record in records} == {"initiator", "responder", "pair"}
    for case, record in zip(planned, records, strict=True):
        again = repetition(tmp_path, Run(HEADER, (record,)), record.case, inputs)
        assert again.case == case


def test_other_images_of_a_pair_are_told_of_each_side(inputs, tmp_path):
    entries = tuple(replace(PEER, name=name, image=f"sha256:{name}") for name in ("strongswan-6.1", "libreswan-5.2"))
    [case] = make_plan(inputs, Selection(cases=("pairs/classical@strongswan-6.1+libreswan-5.2@pair",)))
    run = Run(replace(HEADER, peers=entries), (case.record((attempt(Verdict.PASS, ""),), expected=True),))
    again = repetition(tmp_path, run, case.id, inputs)
    assert [again.other_image(entry) for entry in entries] == ["", ""]
    assert [bool(again.other_image(replace(entry, image="sha256:now"))) for entry in entries] == [True, True]
