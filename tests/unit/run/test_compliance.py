"""The compliance probe: each way to fail it, what passes, and that a run with such a peer says so and goes on."""

from __future__ import annotations

import itertools
from contextlib import contextmanager
from dataclasses import replace
from types import SimpleNamespace

import pytest
from fake_lab import FakeLab, attempt

from harness.evidence.interruption import DEATH_FILE, Cause, Death
from harness.evidence.peer_report import ChildReport, PeerReport, SaReport
from harness.evidence.store import EvidenceFolder
from harness.lab.errors import (
    LabError,
    NotReady,
    PeerDied,
    PeerUnreachable,
    UnreadableStatus,
    WorkerLost,
    WrongAnswer,
    WrongVersion,
)
from harness.oracle.prediction import expect
from harness.results.judgement import exit_status
from harness.results.model import CheckResult, Finding, Outcome, Run, Verdict
from harness.run.compliance import Compliance, NotCompliant, probe_scenarios, read_back, refused
from harness.run.events import CaseFinished, PeerStarted
from harness.run.plan import Selection, make_plan
from harness.run.runner import Runner
from harness.scenario.party import ENGINE
from harness.scenario.selection import NothingSelected

NAME = "hybrid/x25519-mlkem768"
PEER = "strongswan-6.1"


def seen(verdict, outcome, *findings) -> object:
    return replace(attempt(verdict), outcome=outcome, findings=findings)


def finding(requirement: str) -> Finding:
    return Finding("refused-with", requirement, "MUST", PEER, "sentence", "wire.pcapng")


REFUSES = seen(Verdict.PASS, Outcome.REFUSED)
CHILD = ChildReport("case-2", "INSTALLED", "TUNNEL", True, "c0ffee01", "0badcafe", None, None, None, 5, 5, 420, 420)
SHOWN = SaReport("case-2", "ESTABLISHED", False, None, None, None, None, None, None, None, (CHILD,))
TUNNEL = "lifecycle/liveness-and-delete"


def tunnel(verdict=Verdict.PASS, outcome=Outcome.CLASSICAL, *, agrees=True):
    checks = (CheckResult("peer-agrees", "", agrees, "the peer reports no IKE SA with SPIs 1 and 2"),)
    return replace(attempt(verdict), outcome=outcome, checks=checks)


class Running:
    """A peer that runs, and comes back or does not."""

    def __init__(self, lab, name, peer=None):
        self.lab, self.name, self.peer, self.version, self.image_id, self.kernel = (
            lab,
            name,
            peer,
            "6.1.0",
            "sha256:1",
            "",
        )

    def restart(self):
        self.lab.log.append(f"restarted {self.name}")
        if self.lab.restarts and (error := self.lab.restarts.pop(0)):
            raise error
        return 0.4


class ProbedLab(FakeLab):
    """Starts and restarts go as a test says: None or an exception, one a time."""

    def __init__(self):
        super().__init__()
        self.starts, self.restarts = [], []

    def lease(self, peer, settings):
        if self.starts and (error := self.starts.pop(0)):
            raise error
        return self._leased(super().lease(peer, settings), peer)

    @contextmanager
    def _leased(self, lease, peer):
        with lease as named:
            running = Running(self, named.name, peer)
            yield running


@pytest.fixture
def lab():
    return ProbedLab()


@pytest.fixture
def probe(inputs, lab, tmp_path, monkeypatch):
    """Probe one peer. ``plays`` are what the exchange with a wrong key ends in, REFUSES without one; ``tunnels`` what
    the tunnel does, and what its status shows: attempts or exceptions."""

    def go(*plays, peer=PEER, tunnels=(), shown=SHOWN):
        left = {True: list(plays), False: list(tunnels)}

        def play(_stage, case, _number, folder, running):
            lab.log.append(f"played {case.id} in {folder.relative_to(tmp_path)} on {running[0].name}")
            refusal = case.scenario.settings.wrong_psk
            if not refusal:
                EvidenceFolder(folder).write_peer_report(
                    PeerReport("6.1.0", (shown,) if shown else (), ""), after=False
                )
            mine = left[refusal]
            what = mine.pop(0) if mine else (REFUSES if refusal else tunnel())
            if isinstance(what, BaseException):
                raise what
            return what

        monkeypatch.setattr("harness.run.compliance.play", play)
        stage = SimpleNamespace(lab=lab, run_folder=tmp_path)
        return Compliance(probe_scenarios(inputs), itertools.count(1)).probed(stage, inputs.peers[peer])

    return go


def test_a_peer_that_does_all_of_it_passes(probe, lab):
    found = probe()
    assert found.failure == ""
    assert found.words == (
        "passed: reports version 6.1.0; refuses a wrong pre-shared key; its status shows a tunnel and its packets; "
        "back 0.4 s after a restart"
    )
    assert lab.log == [
        f"played authentication/wrong-psk@{PEER}@initiator in probes/{PEER} on {PEER}#1",
        f"played {TUNNEL}@{PEER}@initiator in probes/{PEER}/tunnel on {PEER}#1",
        f"restarted {PEER}#1",
    ]


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (NotReady("peer acme", 45, "exited (1)", "an answer", ""), "not ready within 45 s"),
        (WrongVersion("acme: the daemon reports 2.0, not 1.0"), "reports 2.0, not 1.0"),
        (WrongAnswer("peer-control version: answer: version is missing"), "version is missing"),
    ],
)
def test_it_has_to_start_and_report_its_version(probe, lab, error, words):
    lab.starts = [error, error]
    found = probe()
    assert words in found.failure
    assert found.running is None
    assert lab.log == []


def test_it_has_to_load_a_configuration(probe):
    refusal = PeerUnreachable("connection case-1: unknown algorithm")
    found = probe(refusal, refusal)
    assert found.failure == "connection case-1: unknown algorithm"
    assert found.running.version == "6.1.0"


@pytest.mark.parametrize(
    "accepting",
    [
        seen(Verdict.FAIL, Outcome.CLASSICAL),
        seen(Verdict.FAIL, Outcome.HYBRID),
        seen(Verdict.FAIL, Outcome.BROKEN, finding("K03")),  # by the wire it stood; our engine saw through it
        seen(Verdict.FAIL, Outcome.REFUSED, finding("K03")),
    ],
)
def test_it_has_to_refuse_a_wrong_psk(probe, lab, accepting):
    found = probe(accepting, accepting)
    assert found.failure == "it accepts a wrong pre-shared key (RFC 7296 section 2.15)"
    assert not any(line.startswith("restarted") for line in lab.log)


UNREADABLE = UnreadableStatus("whack --status", '#1: "case-2":500 UP')


@pytest.mark.parametrize(
    ("plays", "shown", "words"),
    [
        (UNREADABLE, SHOWN, """whack --status: the driver cannot read this: '#1: "case-2":500 UP'"""),
        (
            tunnel(Verdict.FAIL, agrees=False),
            SHOWN,
            "its status is not of the tunnel that the wire shows: the peer rep",
        ),
        (tunnel(), None, "its status shows no Child SA of a tunnel that carried packets"),
        (
            tunnel(),
            replace(SHOWN, children=(replace(CHILD, packets_in=0),)),
            "its status counts no packets of a tunnel",
        ),
        (replace(attempt(Verdict.INCONCLUSIVE, reason="the capture has a gap"), outcome=None), SHOWN, "has a gap"),
    ],
)
def test_its_status_has_to_show_a_tunnel_that_stood(probe, lab, plays, shown, words):
    found = probe(tunnels=(plays, plays), shown=shown)
    assert words in found.failure
    assert not any(line.startswith("restarted") for line in lab.log)


def test_a_product_need_not_count_packets(probe):
    uncounted = replace(SHOWN, children=(replace(CHILD, packets_in=None, packets_out=None),))
    assert "its status shows a tunnel, and counts no packets" in probe(shown=uncounted).words


def test_why_no_tunnel_comes_up_is_for_the_cases_to_say(probe, tmp_path):
    refusing = tunnel(Verdict.FAIL, Outcome.REFUSED)
    assert "no tunnel came up to be read back" in probe(tunnels=(refusing,)).words
    assert read_back(tunnel(Verdict.FAIL, Outcome.BROKEN), tmp_path) == "no tunnel came up to be read back"


def test_every_peer_has_a_tunnel_that_can_be_tried(inputs):
    scenarios = probe_scenarios(inputs).tunnels
    for peer in inputs.peers.values():
        assert any(expect(scenario, ENGINE, peer).establishes for scenario in scenarios[:2]), peer.name


def test_it_has_to_come_back_after_a_restart(probe, lab):
    lab.restarts = [WrongVersion("after a restart it reports 5, before it 6")] * 2
    assert probe().failure == "after a restart it reports 5, before it 6"


def test_a_miss_is_tried_once_more_in_a_fresh_peer_with_a_folder_of_its_own(probe, lab):
    lab.restarts = [NotReady("peer", 45, "running", "an answer", "")]
    found = probe()
    assert found.failure == ""
    assert lab.log == [
        f"played authentication/wrong-psk@{PEER}@initiator in probes/{PEER} on {PEER}#1",
        f"played {TUNNEL}@{PEER}@initiator in probes/{PEER}/tunnel on {PEER}#1",
        f"restarted {PEER}#1",
        f"recycled {PEER}#1",
        f"played authentication/wrong-psk@{PEER}@initiator in probes/{PEER}/attempt-2 on {PEER}#2",
        f"played {TUNNEL}@{PEER}@initiator in probes/{PEER}/attempt-2/tunnel on {PEER}#2",
        f"restarted {PEER}#2",
    ]


def test_how_it_refused_is_told():
    assert refused(REFUSES) == "refuses a wrong pre-shared key"
    assert refused(seen(Verdict.FAIL, Outcome.REFUSED, finding("K05"))) == "refuses a wrong pre-shared key"
    assert "before the wrong" in refused(seen(Verdict.UNSUPPORTED, Outcome.REFUSED))
    assert "without an answer" in refused(seen(Verdict.FAIL, Outcome.BROKEN))
    with pytest.raises(NotCompliant):
        refused(seen(Verdict.FAIL, Outcome.PQ_ONLY))


@pytest.mark.parametrize("verdict", [Verdict.ERROR, Verdict.INCONCLUSIVE])
def test_an_exchange_that_says_nothing_is_not_taken_for_a_refusal(verdict):
    with pytest.raises(LabError, match="the capture has a gap"):
        refused(replace(attempt(verdict, reason="the capture has a gap"), outcome=None))


def test_a_lost_worker_is_not_held_against_the_peer(probe):
    with pytest.raises(WorkerLost):
        probe(WorkerLost("the worker ended"))


def died(cause):
    return PeerDied(Death(PEER, "peer", cause, "container x is exited (139)"))


def test_a_daemon_that_ends_by_itself_is_for_the_scenario_that_it_dies_of(probe, lab, tmp_path):
    """Each time, or the first exchange would make every cell of the peer an ERROR for ever."""
    found = probe(died(Cause.ITSELF), died(Cause.ITSELF))
    assert found.failure == ""
    assert "its daemon ended by itself in authentication/wrong-psk, which is for that case to judge" in found.words
    assert (tmp_path / "probes" / PEER / DEATH_FILE).is_file()
    assert lab.log == [
        f"played authentication/wrong-psk@{PEER}@initiator in probes/{PEER} on {PEER}#1",
        f"restarted {PEER}#1",
        f"played {TUNNEL}@{PEER}@initiator in probes/{PEER}/tunnel on {PEER}#1",
        f"restarted {PEER}#1",
    ]
    found = probe(tunnels=(died(Cause.ITSELF),))
    assert f"its daemon ended by itself in {TUNNEL}" in found.words


@pytest.mark.parametrize("cause", [cause for cause in Cause if cause is not Cause.ITSELF])
def test_any_other_end_of_the_daemon_is_a_miss(probe, cause):
    assert "exited (139)" in probe(died(cause), died(cause)).failure


def test_a_daemon_that_ended_by_itself_has_to_come_back(probe, lab):
    lab.restarts = [NotReady("peer", 45, "exited (1)", "an answer", "")] * 2
    assert "not ready within 45 s" in probe(died(Cause.ITSELF), died(Cause.ITSELF)).failure


def test_without_the_scenario_there_is_no_probe(inputs):
    with pytest.raises(NothingSelected, match="needs the scenario authentication/wrong-psk"):
        probe_scenarios(replace(inputs, scenarios={}))


def test_a_run_names_the_peer_and_each_case_of_it_and_does_not_end_well(inputs, lab, script, tmp_path, monkeypatch):
    monkeypatch.setattr(
        "harness.run.compliance.play",
        lambda _stage, case, *_: seen(Verdict.FAIL, Outcome.CLASSICAL) if case.peers[0].name == PEER else REFUSES,
    )
    cases = make_plan(inputs, Selection((NAME,), ("strongswan-6.[01]",)))
    events = []
    Runner(lab, inputs.requirements, tmp_path, events.append, 2, 0, probe_scenarios(inputs)).run(cases)
    records = [event.record for event in events if isinstance(event, CaseFinished)]
    unfit = [record for record in records if record.peer == PEER]
    assert len(unfit) == 2
    for record in unfit:
        (only,) = record.attempts
        assert only.verdict is Verdict.ERROR
        assert (
            only.reason == "compliance probe: strongswan-6.1: it accepts a wrong pre-shared key (RFC 7296 section 2.15)"
        )
        assert not record.expected
    others = [record for record in records if record.peer != PEER]
    assert all(record.expected for record in others)
    assert [case for case, _, _ in script.played] == [f"{NAME}@strongswan-6.0@initiator"]
    told = {event.peer.name: event.peer for event in events if isinstance(event, PeerStarted)}
    assert told[PEER].unfit.startswith("it accepts a wrong")
    assert told["strongswan-6.0"].unfit == ""
    assert told["strongswan-6.0"].probe.startswith("passed: ")
    assert exit_status(Run(SimpleNamespace(), tuple(records))) == 3
