"""The harness in its own matrix, without Docker: every scenario and every deviation, as predicted."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness.policy.deviation import Deviation
from harness.results.model import Run, Runtime, Verdict
from harness.results.record import read_run
from harness.run.inputs import load_inputs
from harness.run.plan import Selection, make_plan
from harness.scenario.model import Parties

ROOT = Path(__file__).resolve().parents[2]
WALL_SECONDS = 30  # as a user waits for it, most of them for timers of the protocol
CPU_SECONDS = 20  # of all its processes


def interop(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "harness.cli.entry", *arguments]
    nowhere = {"DOCKER_HOST": "unix:///nonexistent"}
    return subprocess.run(
        command, cwd=ROOT, env={**os.environ, **nowhere, **environment}, capture_output=True, text=True, check=False
    )


def _processor_time() -> float:
    """Seconds of the processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _others() -> float:
    """How many times over the processors were wanted in the last minute; 1 where everybody got one."""
    return max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


@dataclass(frozen=True)
class Played:
    """The whole run, the seconds that a user waited for it, and the processor time that it took."""

    folder: Path
    recorded: Run
    wall: float
    processor: float


def played(folder: Path) -> Played:
    began, used = time.monotonic(), _processor_time()
    done = interop("run", "--runtime", "local", "--peer", "engine", "--out", str(folder))
    wall, processor = time.monotonic() - began, _processor_time() - used
    assert done.returncode == 0, done.stdout + done.stderr
    return Played(folder, read_run(folder), wall, processor)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return played(tmp_path_factory.mktemp("run") / "it")


def test_a_user_does_not_wait_long(run, tmp_path):
    """A machine that others are at work on gets a second try, and as much more time as it had less of its own."""
    if run.wall >= WALL_SECONDS:
        again = played(tmp_path / "again").wall
        assert again < WALL_SECONDS * _others(), f"{run.wall:.0f} s, then {again:.0f} s"


def test_every_case_is_as_predicted_at_little_cost(run):
    recorded = run.recorded
    sent = [case for case in recorded.cases if case.first.verdict is not Verdict.SKIPPED]
    assert {case.first.verdict for case in sent} == {Verdict.PASS}
    assert len(sent) >= 70
    assert not any(case.flaky for case in recorded.cases)
    assert run.processor < CPU_SECONDS, f"{run.processor:.0f} s"


def test_every_scenario_and_every_deviation_is_among_them(run):
    sent = {case.scenario for case in run.recorded.cases if case.first.verdict is not Verdict.SKIPPED}
    scenarios = load_inputs(ROOT).scenarios.values()
    of_engine = {each.id for each in scenarios if each.parties is Parties.ENGINE}
    assert of_engine - sent == {"esp/no-encapsulation"}, "on loopback ESP goes in UDP alone"
    assert {each.deviation for each in scenarios if each.id in sent} >= set(Deviation)


def test_the_evidence_is_judged_again_to_the_same(run):
    again = interop("verify", str(run.folder))
    assert again.returncode == 0, again.stdout


def test_a_case_is_repeated_on_loopback_as_it_was_played(run, tmp_path):
    case = "classical/x25519@engine@initiator"
    again = interop("repro", str(run.folder), case, "--out", str(tmp_path / "again"))
    assert again.returncode == 0, again.stderr
    repeated = read_run(tmp_path / "again")
    assert [(each.case, each.first.verdict) for each in repeated.cases] == [(case, Verdict.PASS)]
    assert repeated.header.runtime is Runtime.LOCAL


def test_a_product_is_planned_and_not_sent(tmp_path):
    inputs = load_inputs(ROOT)
    (case,) = make_plan(inputs, Selection(("classical/x25519",), ("strongswan-6.1",), ("initiator",), docker=False))
    assert case.expectation.skipped == "strongSwan 6.1 needs Docker, and this run was to do without"
    done = interop(
        "run", "--runtime", "local", "--peer", "strongswan-6.1", "--scenario", "classical/x25519", "--out",
        str(tmp_path / "x"),
    )  # fmt: skip
    cells = json.loads((tmp_path / "x" / "matrix.json").read_text())["cells"]
    assert {cell["verdict"] for cell in cells} == {"SKIPPED"}, done.stderr
    assert done.returncode == 1
    assert "nothing passed: the run shows nothing" in done.stdout
