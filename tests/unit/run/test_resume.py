"""What is left of a run that broke off, and when it cannot be finished as it was begun."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from fake_lab import attempt

from harness.evidence.store import folder_name
from harness.policy.role import Role
from harness.results.model import PeerEntry, Run, Verdict
from harness.run.header import run_header
from harness.run.plan import Selection, make_plan
from harness.run.resume import NotResumable, resumption

LAB = {"kernel": "6.18.0", "docker engine": "20.10.24"}
PEER = "strongswan-6.1"


@pytest.fixture(scope="module")
def cases(inputs):
    names = ("classical/x25519", "hybrid/x25519-mlkem768", "pairs/classical")
    return make_plan(inputs, Selection(names, (PEER,)))


@pytest.fixture
def broken(cases):
    """A run that was killed after its first two cases."""
    header = run_header("the-id", "2026-01-01T00:00:00+00:00", cases, seed=3, suite="smoke", command="", lab=LAB)
    entries = tuple(replace(entry, image=f"sha256:{entry.name}") for entry in header.peers)
    records = tuple(case.record((attempt(Verdict.PASS),), expected=True) for case in cases[:2])
    unplayed = tuple(case.id for case in cases[2:])
    return Run(replace(header, peers=entries), records, complete=False, unplayed=unplayed)


def test_what_has_no_record_is_left_in_the_order_of_the_plan(inputs, cases, broken, tmp_path):
    assert resumption(tmp_path, broken, inputs).cases == cases[2:]


def test_a_plan_of_another_order_keeps_its_order(inputs, cases, broken, tmp_path):
    back = tuple(reversed(cases))
    header = run_header("id", "2026-01-01T00:00:00+00:00", back, seed=0, suite="smoke", command="", lab=LAB)
    again = replace(broken, header=header, unplayed=tuple(case.id for case in back))
    assert resumption(tmp_path, again, inputs).cases == back


def refused(words, *arguments):
    with pytest.raises(NotResumable, match=re.escape(words)) as error:
        resumption(*arguments)
    assert "\n" not in str(error.value)


def test_a_complete_run_has_nothing_left(inputs, broken, tmp_path):
    refused("run the-id is complete", tmp_path, replace(broken, complete=True), inputs)


def test_another_version_is_named(inputs, broken, tmp_path):
    versions = {**broken.header.versions, "scapy": "0.1"}
    other = replace(broken, header=replace(broken.header, versions=versions))
    refused(f"scapy is {broken.header.versions['scapy']}, was 0.1", tmp_path, other, inputs)


def test_code_that_has_changed_is_another_version(inputs, broken, tmp_path):
    versions = {**broken.header.versions, "harness files": "0123456789ab"}
    other = replace(broken, header=replace(broken.header, versions=versions))
    refused("was 0123456789ab", tmp_path, other, inputs)


def test_a_case_whose_prediction_is_another_one_is_named(inputs, broken, tmp_path):
    peer = inputs.peers[PEER]
    narrower = replace(peer, capabilities=replace(peer.capabilities, roles=(Role.RESPONDER,), role_reason="why"))
    changed = replace(inputs, peers={**inputs.peers, PEER: narrower})
    refused(f"the plan is another one by now: of classical/x25519@{PEER}@responder", tmp_path, broken, changed)


def test_a_case_that_is_gone_is_named(inputs, broken, tmp_path):
    fewer = {name: each for name, each in inputs.scenarios.items() if name != "pairs/classical"}
    refused("scenario 'pairs/classical' matches nothing", tmp_path, broken, replace(inputs, scenarios=fewer))


def test_a_record_of_before_has_no_hashes_of_cases_and_is_compared_as_a_whole(inputs, cases, broken, tmp_path):
    old = replace(broken, header=replace(broken.header, planned_hashes=()))
    assert resumption(tmp_path, old, inputs).cases == cases[2:]
    refused("the plan is another one", tmp_path, replace(old, header=replace(old.header, plan_hash="0")), inputs)


def test_the_lab_has_to_be_as_it_was(inputs, broken, tmp_path):
    left = resumption(tmp_path, broken, inputs)
    images = {PEER: f"sha256:{PEER}"}
    left.check_lab(LAB, images)
    for facts, ids, words in (
        ({**LAB, "kernel": "7.0"}, images, "kernel is 7.0, was 6.18.0"),
        (LAB, {PEER: "sha256:other"}, f"image of {PEER} is sha256:other, was sha256:{PEER}"),
    ):
        with pytest.raises(NotResumable, match=re.escape(words)):
            left.check_lab(facts, ids)


def test_a_peer_that_never_started_has_no_image_to_compare(inputs, broken, tmp_path):
    entry = PeerEntry(PEER, "strongSwan 6.1", False, "", "", "userspace")
    never = replace(broken, header=replace(broken.header, peers=(entry,)))
    resumption(tmp_path, never, inputs).check_lab(LAB, {PEER: "sha256:any"})


def test_what_an_attempt_that_broke_off_has_left_is_taken_away(inputs, cases, broken, tmp_path):
    left = resumption(tmp_path, broken, inputs)
    folders = {case.id: tmp_path / "cases" / folder_name(case.id) for case in cases}
    probe = tmp_path / "probes" / PEER
    for folder in (*folders.values(), probe):
        folder.mkdir(parents=True)
        (folder / "disturbances.json").write_text("{}")
    left.clear()
    kept = {case for case, folder in folders.items() if folder.exists()}
    assert kept == {case.id for case in cases[:2]}
    assert not probe.exists()


@pytest.mark.parametrize("linked", ["run.jsonl", "cases", "probes", "case"])
def test_nothing_is_cleared_or_written_through_a_link_out_of_the_runs_folder(inputs, cases, broken, tmp_path, linked):
    folder, outside = tmp_path / "run", tmp_path / "outside"
    outside.mkdir()
    (folder / "cases").mkdir(parents=True)
    left = resumption(folder, broken, inputs).cases
    name = f"cases/{folder_name(left[0].id)}" if linked == "case" else linked
    if linked == "cases":
        (folder / "cases").rmdir()
    (folder / name).symlink_to(outside)
    with pytest.raises(NotResumable, match="is a link that leads out of the run's folder"):
        resumption(folder, broken, inputs)
