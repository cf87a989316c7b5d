"""A daemon that ends during a case: who did it, and what becomes of the cases beside it."""

from __future__ import annotations

import itertools
import json
import threading

import pytest
from fake_lab import attempt

from harness.evidence.interruption import Cause, Death
from harness.lab.errors import LabError, PeerDied
from harness.results.model import Verdict
from harness.run.events import CaseFinished
from harness.run.plan import Selection, make_plan
from harness.run.runner import Runner

PEER = "strongswan-6.1"


def died(cause=Cause.ITSELF, peer=PEER, side="peer"):
    return PeerDied(Death(peer, side, cause, "container x is exited (139)"))


@pytest.fixture
def run(inputs, tmp_path, lab, script):
    """Run the initiator's cases of some scenarios with one peer: the records by scenario."""

    def go(*scenarios, jobs=1):
        events = []
        cases = make_plan(inputs, Selection(scenarios, (PEER,), ("initiator",)))
        Runner(lab, inputs.requirements, tmp_path, events.append, jobs, 0).run(cases)
        return {event.record.scenario: event.record for event in events if isinstance(event, CaseFinished)}

    return go


KILLER = f"classical/x25519@{PEER}@initiator"


def test_one_that_ends_by_itself_twice_fails_under_its_scenario(run, script, tmp_path):
    script.by_case = {KILLER: [died(), died()]}
    record = run("classical/x25519")["classical/x25519"]
    assert [each.verdict for each in record.attempts] == [Verdict.FAIL, Verdict.FAIL]
    assert not record.flaky
    [finding] = record.first.findings
    assert (finding.requirement, finding.level, finding.party) == ("H03", "MUST", PEER)
    assert "exited (139)" in finding.sentence
    told = json.loads((tmp_path / record.first.evidence / finding.pointer).read_text())
    assert (told["cause"], told["again"]) == ("itself", True)
    assert [peer for _, peer, _ in script.played] == [f"{PEER}#1", f"{PEER} alone 1"]


@pytest.mark.parametrize(
    ("then", "second"),
    [
        (Verdict.PASS, Verdict.PASS),
        (Verdict.FAIL, Verdict.FAIL),
        (LabError("the lab broke"), Verdict.ERROR),
        (died(Cause.OUTSIDE), Verdict.ERROR),
        (died(peer="another"), Verdict.ERROR),
    ],
)
def test_what_does_not_come_again_is_an_error(run, script, then, second):
    script.by_case = {KILLER: [died(), then]}
    record = run("classical/x25519")["classical/x25519"]
    assert [each.verdict for each in record.attempts] == [Verdict.ERROR, second]
    assert record.first.reason == f"{PEER}: its daemon ended during the case; container x is exited (139)"
    assert not record.expected


@pytest.mark.parametrize("cause", [Cause.OUTSIDE, Cause.LIMIT, Cause.LAB, Cause.UNKNOWN])
def test_what_it_did_not_do_itself_is_never_its_fault(run, script, cause):
    script.by_case = {KILLER: [died(cause), died(cause)]}
    record = run("classical/x25519")["classical/x25519"]
    assert [each.verdict for each in record.attempts] == [Verdict.ERROR, Verdict.ERROR]
    assert [peer for _, peer, _ in script.played] == [f"{PEER}#1", f"{PEER}#2"]  # as after any ERROR


def test_one_that_ends_in_the_second_attempt_alone_is_an_error_there(run, script):
    script.by_case = {KILLER: [Verdict.FAIL, died()]}
    record = run("classical/x25519")["classical/x25519"]
    assert [each.verdict for each in record.attempts] == [Verdict.FAIL, Verdict.ERROR]


def test_its_neighbours_are_played_again_without_it_and_say_what_happened(run, lab, script, monkeypatch):
    shared = lab.lease
    meeting = threading.Barrier(3)
    one = None

    def lease(peer, settings):  # all on the same daemon
        nonlocal one
        context = shared(peer, settings)
        return _Same(context)

    class _Same:
        def __init__(self, context):
            self._context = context

        def __enter__(self):
            nonlocal one
            mine = self._context.__enter__()
            one = one or mine
            return one

        def __exit__(self, *error):
            return self._context.__exit__(*error)

    monkeypatch.setattr(lab, "lease", lease)
    names = ("classical/x25519", "classical/ecp384", "hybrid/x25519-mlkem768")
    script.by_case = {f"{name}@{PEER}@initiator": [died()] for name in names}
    script.by_case[KILLER].append(died())
    first_round = itertools.count()

    def meet(_stage, _case):
        if next(first_round) < 3:
            meeting.wait(10)

    script.before = meet
    records = run(*names, jobs=3)
    killer, *victims = (records[name] for name in names)
    assert [each.verdict for each in killer.attempts] == [Verdict.FAIL, Verdict.FAIL]
    for victim in victims:
        assert [each.verdict for each in victim.attempts] == [Verdict.ERROR, Verdict.PASS]
        assert KILLER in victim.first.reason
        assert victim.case not in victim.first.reason
        assert victim.flaky
    alone = [peer for _, peer, _ in script.played if " alone " in peer]
    assert len(alone) == len(set(alone)) == 3


def test_an_attempt_is_what_it_always_was(run, script):
    assert run("classical/x25519")["classical/x25519"].attempts == (attempt(Verdict.PASS),)
