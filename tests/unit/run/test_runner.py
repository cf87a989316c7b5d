"""The runner: failures once more against a fresh peer, the first attempt counts, nothing is lost or made up."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest
from fake_lab import FakeLab

from harness.evidence.interruption import Disturbance, OwnProcess
from harness.evidence.peer_report import Hygiene, Residue
from harness.evidence.store import EvidenceFolder, folder_name
from harness.lab.errors import LabError, WorkerLost
from harness.results.model import Verdict
from harness.run.events import CaseFinished, CaseStarted, PeerStarted
from harness.run.plan import Selection, make_plan
from harness.run.runner import Runner
from harness.scenario.peer import KnownFailure
from harness.transport.pulse import Pulse

PASS, FAIL, ERROR = Verdict.PASS, Verdict.FAIL, Verdict.ERROR
NAME = "hybrid/x25519-mlkem768"
A = "hybrid/x25519-mlkem768@strongswan-6.1@initiator"
B = "hybrid/x25519-mlkem768@strongswan-6.1@responder"


class Played:
    def __init__(self, events) -> None:
        self.events = events
        self.records = {event.record.case: event.record for event in events if isinstance(event, CaseFinished)}

    def verdicts(self, case):
        return [attempt.verdict for attempt in self.records[case].attempts]


@pytest.fixture
def run(inputs, tmp_path, script):
    def go(lab, cases=None, jobs=1, seed=0):
        if cases is None:
            cases = make_plan(inputs, Selection(("hybrid/x25519-mlkem768",), ("strongswan-6.1",)))
        events = []
        Runner(lab, inputs.requirements, tmp_path, events.append, jobs, seed).run(cases)
        return Played(events)

    return go


def listing(case, entry):
    """The case, whose peer has an entry on record."""
    peer = replace(case.peers[0], known_failures=(entry,))
    return replace(case, **{case.engine.other.value: peer})


def known(cases, scenario):
    entry = KnownFailure(scenario, None, "A06", "broken since 6.1", "https://example.org/7", "peer.toml:1")
    return [listing(case, entry) for case in cases]


def test_what_passes_is_played_once_on_a_warm_peer(run, lab, script):
    played = run(lab)
    assert played.verdicts(A) == played.verdicts(B) == [PASS]
    assert [peer for _, peer, _ in script.played] == ["strongswan-6.1#1"] * 2
    assert lab.log == []
    assert all(record.expected and not record.flaky for record in played.records.values())


@pytest.mark.parametrize("second", [FAIL, PASS, ERROR])
@pytest.mark.parametrize("first", [FAIL, ERROR])
def test_a_failure_is_run_once_more_in_a_fresh_peer_and_the_first_attempt_counts(run, lab, script, first, second):
    script.by_case[A] = [first, second]
    record = run(lab).records[A]
    assert [attempt.verdict for attempt in record.attempts] == [first, second]
    assert record.first.verdict is first
    assert record.flaky == (first is not second)
    assert not record.expected
    peers = [peer for case, peer, _ in script.played if case == A]
    assert peers[0] != peers[1]
    assert "recycled strongswan-6.1#1" in lab.log or "recycled strongswan-6.1#2" in lab.log


def test_the_second_attempt_has_a_folder_of_its_own_inside_the_first(run, lab, script):
    script.by_case[A] = [FAIL, FAIL]
    run(lab)
    folders = [folder for case, _, folder in script.played if case == A]
    name = "cases/hybrid__x25519-mlkem768@strongswan-6.1@initiator"
    assert folders == [name, f"{name}/attempt-2"]


@pytest.mark.parametrize("verdict", [PASS, Verdict.UNSUPPORTED, Verdict.INCONCLUSIVE])
def test_nothing_else_is_run_twice(run, lab, script, verdict):
    script.by_case[A] = [verdict, PASS]
    played = run(lab)
    assert played.verdicts(A) == [verdict]
    assert played.records[A].expected == (verdict is not Verdict.INCONCLUSIVE)
    assert lab.log == []


def test_a_lab_error_is_an_error_with_its_words(run, lab, script):
    script.by_case[A] = [LabError("vici: the control socket was closed"), PASS]
    played = run(lab)
    assert played.verdicts(A) == [ERROR, PASS]
    assert played.records[A].first.reason == "vici: the control socket was closed"
    assert played.verdicts(B) == [PASS]


def test_an_error_while_one_of_ours_stood_still_says_that_first(run, lab, script, monkeypatch):
    script.by_case[A] = [LabError("vici: TimeoutError"), PASS]
    stalls = (Disturbance(OwnProcess.WORKER, 0.0, 2.5), Disturbance(OwnProcess.RUNNER, 0.0, 25.04))
    monkeypatch.setattr(Pulse, "since", lambda *_: stalls)
    assert run(lab).records[A].attempts[0].reason == "our runner stood still for 25.0 s: vici: TimeoutError"


def test_a_bug_of_ours_ends_its_case_and_not_the_run(run, lab, script, tmp_path):
    script.by_case[A] = [ZeroDivisionError("division by zero"), PASS]
    played = run(lab)
    first = played.records[A].first
    assert played.verdicts(A) == [ERROR, PASS]
    assert first.reason.startswith("harness: ZeroDivisionError: division by zero (fake_lab.py:")
    assert first.files == ("harness-error.txt",)
    assert "ZeroDivisionError" in (tmp_path / first.evidence / "harness-error.txt").read_text()
    assert played.verdicts(B) == [PASS]


def test_a_known_failure_that_fails_is_expected_and_says_why(run, lab, script, inputs):
    cases = known(make_plan(inputs, Selection((NAME,), ("strongswan-6.1",))), NAME)
    script.by_case[A] = [FAIL, FAIL]
    played = run(lab, cases)
    assert played.records[A].expected
    assert played.verdicts(A) == [FAIL], "it is on record, so once is enough"
    assert played.records[A].known_failure == "broken since 6.1 (https://example.org/7)"
    assert not played.records[B].expected, "an unexpected pass is a failure"


def test_another_failure_than_the_listed_one_is_not_excused_by_it(run, lab, script, inputs):
    entry = KnownFailure(NAME, None, "B30", "another", "https://example.org/8", "peer.toml:1")
    cases = make_plan(inputs, Selection((NAME,), ("strongswan-6.1",)))
    script.by_case[A] = [FAIL, FAIL]
    played = run(lab, [listing(case, entry) for case in cases])
    assert not played.records[A].expected
    assert played.verdicts(A) == [FAIL, FAIL]


CLEAN = Hygiene(Residue((), (), (), 4096))
NOTED = {
    "clean": (CLEAN, True),
    "an-sa-is-left": (replace(CLEAN, residue=Residue(("ESTABLISHED",))), False),
    "the-kernel-did-not-answer": (replace(CLEAN, residue=Residue((), unknown="ip: killed")), False),
    "a-fault-is-told": (replace(CLEAN, faults=("ASSERTION FAILED",)), False),
    "nobody-was-asked": (None, False),
}


@pytest.mark.parametrize("name", NOTED)
def test_after_a_known_failure_a_peer_goes_on_if_it_left_nothing(run, lab, script, inputs, tmp_path, name):
    hygiene, goes_on = NOTED[name]
    if hygiene is not None:
        EvidenceFolder(tmp_path / "cases" / folder_name(A)).write_json("peer/hygiene.json", hygiene)
    cases = known(make_plan(inputs, Selection((NAME,), ("strongswan-6.1",))), NAME)
    script.by_case[A] = [FAIL]
    run(lab, cases)
    assert any("recycled" in line for line in lab.log) is not goes_on


def test_after_another_failure_no_peer_goes_on(run, lab, script, tmp_path):
    EvidenceFolder(tmp_path / "cases" / folder_name(A)).write_json("peer/hygiene.json", CLEAN)
    script.by_case[A] = [FAIL, PASS]
    run(lab)
    assert any("recycled" in line for line in lab.log)


def test_an_error_is_played_once_more_even_where_a_failure_is_known(run, lab, script, inputs):
    cases = known(make_plan(inputs, Selection((NAME,), ("strongswan-6.1",))), NAME)
    script.by_case[A] = [ERROR, FAIL]
    assert run(lab, cases).verdicts(A) == [ERROR, FAIL]


def test_a_planned_skip_is_told_and_never_sent(run, lab, script, inputs):
    played = run(lab, make_plan(inputs, Selection(("hybrid/x25519-mlkem768",), ("strongswan-5.9",))))
    skipped = played.records["hybrid/x25519-mlkem768@strongswan-5.9@responder"]
    assert skipped.first.verdict is Verdict.SKIPPED
    assert "cannot offer ml-kem-768" in skipped.first.reason
    assert skipped.expected
    assert [case for case, _, _ in script.played] == ["hybrid/x25519-mlkem768@strongswan-5.9@initiator"]


def test_every_case_is_started_and_finished_and_each_peer_told_once(run, lab, inputs):
    cases = make_plan(inputs, Selection(("hybrid/*",), ("strongswan-?.?",)))
    played = run(lab, cases, jobs=4)
    started = [event.case for event in played.events if isinstance(event, CaseStarted)]
    assert sorted(started) == sorted(case.id for case in cases if not case.expectation.skipped)
    assert set(played.records) == {case.id for case in cases}
    peers = [event.peer.name for event in played.events if isinstance(event, PeerStarted)]
    assert sorted(peers) == ["strongswan-5.9", "strongswan-6.0", "strongswan-6.1"]


def test_the_seed_fixes_the_order(run, inputs, script):
    cases = make_plan(inputs, Selection(("hybrid/*",), ("strongswan-6.1",)))

    def order(seed):
        script.played.clear()
        run(FakeLab(), cases, seed=seed)
        return [case for case, _, _ in script.played]

    assert order(1) == order(1)
    assert order(1) != order(2)
    assert sorted(order(1)) == sorted(order(2))


def test_no_more_cases_at_a_time_than_jobs(run, lab, inputs, script):
    gate = threading.Barrier(3, timeout=10)

    def meet(_stage, _case):
        if len(script.played) <= 3:
            gate.wait()

    script.before = meet
    run(lab, make_plan(inputs, Selection(("hybrid/*",), ("strongswan-6.1",))), jobs=3)
    assert lab.busiest == 3


def test_a_lost_worker_is_replaced_once(run, lab, script, inputs):
    def lose(_stage, _case):
        if len(script.played) == 2:
            lab.workers[-1].lost = True
            raise WorkerLost("the worker ended with status 137")

    script.before = lose
    cases = make_plan(inputs, Selection(("hybrid/*",), ("strongswan-6.1",)))
    played = run(lab, cases)
    assert len(lab.workers) == 2
    errors = [record for record in played.records.values() if record.first.verdict is ERROR]
    assert [record.first.reason for record in errors] == ["the worker ended with status 137"]
    assert [attempt.verdict for attempt in errors[0].attempts] == [ERROR, PASS]


def test_when_no_worker_can_be_started_any_more_every_case_says_so_and_no_peer_is_taken(run, lab, script, inputs):
    def lose(_stage, _case):
        lab.workers[-1].lost = True
        lab.refuse = "container tester is not running"
        raise WorkerLost("the worker ended")

    script.before = lose
    played = run(lab, make_plan(inputs, Selection(("hybrid/*",), ("strongswan-6.1",))))
    assert {record.first.verdict for record in played.records.values()} == {ERROR}
    reasons = [record.first.reason for record in played.records.values()]
    assert sorted(set(reasons)) == ["container tester is not running", "the worker ended"]
    assert len(script.played) == 1


def test_without_a_worker_there_is_no_run(run, lab):
    lab.refuse = "container tester is not running"
    with pytest.raises(LabError, match="container tester is not running"):
        run(lab)


def test_an_interrupted_run_tells_nothing_of_what_breaks_afterwards(inputs, tmp_path, script):
    """Ctrl-C arrives while a case is in flight; what that case meets as the lab is taken down is no verdict."""
    in_flight, interrupted, events = threading.Event(), threading.Event(), []

    def listener(event):
        events.append(event)
        if isinstance(event, CaseFinished):
            raise KeyboardInterrupt

    def wait_for_the_end(_stage, case):
        if case.id == A:
            assert in_flight.wait(10)
        else:
            in_flight.set()
            assert interrupted.wait(10)
            raise LabError("the lab is closed")

    script.before = wait_for_the_end
    cases = make_plan(inputs, Selection(("hybrid/x25519-mlkem768",), ("strongswan-6.1",)))
    with pytest.raises(KeyboardInterrupt):
        Runner(FakeLab(), inputs.requirements, tmp_path, listener, 2, 0).run(cases)
    told = len(events)
    interrupted.set()
    for thread in threading.enumerate():
        if thread.name.startswith("case"):
            thread.join(10)
    assert len(events) == told
    assert [case for case, _, _ in script.played].count(B) == 1, "no second attempt either"


def test_the_record_names_the_deviation_of_its_scenario(run, lab, inputs):
    cases = make_plan(inputs, Selection(("multiple-ke/encapsulation-key-short",), ("strongswan-6.1",)))
    played = run(lab, cases)
    assert {record.deviation for record in played.records.values()} == {"encapsulation-key-short"}
    assert {record.first.verdict for record in played.records.values()} == {PASS, Verdict.SKIPPED}
    assert {record.deviation for record in run(lab).records.values()} == {None}
