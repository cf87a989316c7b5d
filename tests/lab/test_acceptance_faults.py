"""The lab breaks under a case: an ERROR with the reason in words, never the peer's fault, and the run goes on."""

from __future__ import annotations

import json

import pytest
from command import LABEL, ROOT, Started, interop, lines, played, until
from faults import FaultyLab

from harness.results.model import Verdict
from harness.run.events import CaseFinished, PeerStarted
from harness.run.inputs import load_inputs
from harness.run.plan import Selection, make_plan
from harness.run.runner import Runner

pytestmark = pytest.mark.lab

KILL_WORKER = """
import os, pathlib, signal
for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
    if path.read_bytes().endswith(b"-m\\0harness.transport.worker\\0"):
        os.kill(int(path.parent.name), signal.SIGKILL)
"""


@pytest.fixture
def play(lab, tmp_path):
    """Runs a scenario in both roles against 6.1, one case after the other: the records by case, and the lab."""

    def run(before, sabotage, jobs=1):
        inputs = load_inputs(ROOT)
        cases = make_plan(inputs, Selection(("hybrid/x25519-mlkem768", "classical/x25519"), ("strongswan-6.1",)))
        events, faulty = [], FaultyLab(lab, before, sabotage)
        Runner(faulty, inputs.requirements, tmp_path, events.append, jobs, 0).run(cases)
        assert [event for event in events if isinstance(event, PeerStarted)]
        return [event.record for event in events if isinstance(event, CaseFinished)], faulty

    return run


def kill_with(docker_client, signal):
    def kill(running):
        container = docker_client.containers.get(running.container.id)
        container.kill(signal)
        container.wait(timeout=10)

    return kill


FAULTS = {
    "before-it-is-configured": ("load", "KILL"),
    "while-the-tunnel-stands": ("status", "KILL"),
    "by-a-crash-while-the-tunnel-stands": ("status", "SEGV"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_peer_that_dies_mid_case_is_an_error_and_the_next_case_gets_a_fresh_one(play, docker_client, tmp_path, name):
    before, signal = FAULTS[name]
    records, lab = play(before, kill_with(docker_client, signal))
    assert len(records) == 4
    first, others = records[0], records[1:]
    assert [attempt.verdict for attempt in first.attempts] == [Verdict.ERROR, Verdict.PASS]
    assert first.flaky
    assert not first.expected
    assert first.first.reason.startswith("strongswan-6.1: ") or "strongswan-6.1-" in first.first.reason
    assert "\n" not in first.first.reason
    assert [record.first.verdict for record in others] == [Verdict.PASS] * 3
    assert lab.leased[0] not in lab.leased[1:]
    assert len(set(lab.leased[1:])) == 1


def test_a_peer_that_dies_while_the_engine_waits_for_it_is_noticed_and_the_capture_is_kept(
    play, docker_client, tmp_path
):
    """Killed once it has its connection, as the initiator's first datagram is due: the engine talks to nobody."""
    records, _ = play("initiate", kill_with(docker_client, "KILL"))
    [broken] = [record for record in records if record.first.verdict is not Verdict.PASS]
    assert broken.role == "responder"
    assert broken.first.verdict is Verdict.ERROR
    assert "its daemon ended during the case" in broken.first.reason
    assert "exited (137)" in broken.first.reason
    assert broken.first.duration_ms < 15_000
    evidence = tmp_path / broken.first.evidence
    assert (evidence / "wire.pcapng").exists()
    assert '"OutOfTime"' in (evidence / "trace.jsonl").read_text()
    assert broken.attempts[1].verdict is Verdict.PASS


def test_a_worker_that_dies_is_replaced(play, lab):
    def kill(_running):
        assert lab.tester.container.run(["python3", "-c", KILL_WORKER]) == (0, "")

    records, _ = play("status", kill)
    assert [attempt.verdict for attempt in records[0].attempts] == [Verdict.ERROR, Verdict.PASS]
    assert records[0].first.reason == "the worker ended with status 137"
    assert [record.first.verdict for record in records[1:]] == [Verdict.PASS] * 3


def test_an_error_of_ours_in_one_case_is_that_cases_error_with_its_traceback(play, tmp_path):
    def fail(_running):
        raise KeyError("what nobody foresaw")

    records, _ = play("status", fail)
    first = records[0].first
    assert first.verdict is Verdict.ERROR
    assert first.reason.startswith("harness: KeyError: 'what nobody foresaw' (test_acceptance_faults.py:")
    assert "Traceback" in (tmp_path / first.evidence / "harness-error.txt").read_text()
    assert [record.first.verdict for record in records[1:]] == [Verdict.PASS] * 3


def test_without_its_tester_a_run_ends_with_a_reason_for_every_case(docker_client, tmp_path):
    with Started(
        "run", "--out", tmp_path / "run", "--peer", "strongswan-6.1", "--jobs", "2", "--scenario", "classical/*",
        "--scenario", "hybrid/*", "--scenario", "multiple-ke/*",
    ) as run:  # fmt: skip
        until(lambda: played(tmp_path / "run"), "the first case")
        [header] = lines(tmp_path / "run", "header")
        [tester] = docker_client.containers.list(filters={"label": f"{LABEL}={header['id']}", "name": "-tester-"})
        tester.kill()
        status, out, err = run.end(30)
    assert status == 3
    assert "Traceback" not in out + err
    assert "in error" in out
    matrix = json.loads((tmp_path / "run" / "matrix.json").read_text())
    assert len(matrix["cells"]) == len(header["planned"])
    errors = [cell for cell in matrix["cells"] if cell["verdict"] == "ERROR"]
    assert errors
    assert {cell["verdict"] for cell in matrix["cells"]} <= {"ERROR", "PASS", "SKIPPED"}
    assert all("tester" in cell["reason"] or "worker ended" in cell["reason"] for cell in errors)


def test_a_daemon_of_another_version_makes_every_case_an_error_and_the_status_3(docker_client, peers, lab, tmp_path):
    image = lab.peer(peers["strongswan-6.0"]).container.spec.image
    done = interop(
        "run", "--out", tmp_path / "run", "--peer", "strongswan-6.1", "--scenario", "classical/x25519",
        "--image", f"strongswan-6.1={image}",
    )  # fmt: skip
    assert done.returncode == 3
    assert "in error" in done.stdout
    cells = json.loads((tmp_path / "run" / "matrix.json").read_text())["cells"]
    assert all("reports 6.0.1, not 6.1" in cell["reason"] for cell in cells)
