"""run --resume and verify, of a run that broke off."""

from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace

import pytest
from command import ROOT
from fake_lab import attempt

from harness.cli import running
from harness.results.model import KernelChoice, Verdict
from harness.results.record import RunWriter
from harness.run.header import run_header
from harness.run.inputs import load_inputs
from harness.run.plan import Selection, make_plan

NAMES = ("classical/x25519", "hybrid/x25519-mlkem768")


@pytest.fixture
def cases():
    return make_plan(load_inputs(ROOT), Selection(NAMES, ("strongswan-6.1",)))


@pytest.fixture
def broken(cases, tmp_path):
    """A folder with a run that was killed after so many cases, in the middle of the next line."""

    def write(count, middle="", **changes):
        header = run_header("the-id", "2026-01-01T00:00:00+00:00", cases, seed=3, suite="full", command="", lab={})
        header = replace(header, brought_images={"strongswan-6.1": "mine:1"}, kernel_choice=KernelChoice.OWN, **changes)
        path = tmp_path / "run" / "run.jsonl"
        path.parent.mkdir()
        with RunWriter(path, header) as writer:
            for case in cases[:count]:
                writer.case(case.record((attempt(Verdict.SKIPPED, ""),), expected=True))
        path.write_text(path.read_text() + middle)
        return path.parent

    return write


@pytest.fixture
def executed(monkeypatch):
    calls = []

    def conclude(_folder, _to, play):
        play(SimpleNamespace(listen=print))
        raise SystemExit(0)

    monkeypatch.setattr(running, "_conclude_at_exit", conclude)
    monkeypatch.setattr(running, "finish", lambda _inputs, left, jobs, *_: calls.append((left, jobs)))
    return calls


def test_what_is_left_is_played_with_what_was_recorded(interop, executed, broken, cases):
    folder = broken(1, '{"kind": "ca')
    interop("run", "--resume", folder, "--jobs", "3")
    [(left, jobs)] = executed
    assert (left.cases, left.folder, jobs) == (cases[1:], folder, 3)
    header = left.run.header
    assert (header.seed, header.suite, header.kernel_choice) == (3, "full", "own")
    assert header.brought_images == {"strongswan-6.1": "mine:1"}


@pytest.mark.parametrize(
    "options", [("--seed", "3"), ("--peer", "strongswan-6.1"), ("--suite", "full"), ("--out", "x"), ("--shard", "1/2")]
)
def test_what_is_recorded_cannot_be_given(interop, executed, broken, options):
    said = interop("run", "--resume", broken(1), *options)
    assert said.status == 2
    assert f"--resume takes the rest from the record: {options[0]} cannot be given" in said.err
    assert executed == []


def test_what_cannot_be_finished_is_one_clear_line(interop, executed, broken):
    said = interop("run", "--resume", broken(1, plan_hash="another"))
    assert said.status == 2
    assert said.error.startswith("the plan is another one by now")
    assert executed == []


@pytest.mark.parametrize(("field", "value"), [("runtime", "x"), ("kernel_choice", 7)])
def test_a_record_with_an_option_that_there_is_not_is_one_clear_line(interop, executed, broken, field, value):
    folder = broken(1)
    lines = (folder / "run.jsonl").read_text().splitlines(keepends=True)
    header = json.loads(lines[0])
    header["value"][field] = value
    (folder / "run.jsonl").write_text("".join([json.dumps(header) + "\n", *lines[1:]]))
    said = interop("run", "--resume", folder)
    assert (said.status, executed) == (2, [])
    assert f"run.jsonl:1: header.{field}: {value!r} is not one of " in said.error


def test_a_run_that_is_nowhere_is_one_clear_line(interop, executed):
    said = interop("run", "--resume", "nowhere")
    assert (said.status, executed) == (2, [])
    assert said.error.startswith("no run 'nowhere'")


@pytest.mark.parametrize("count", [0, 1])
def test_a_run_that_did_not_reach_its_end_does_not_verify_well(interop, broken, cases, count):
    said = interop("verify", broken(count))
    assert said.status == 3
    assert said.err.splitlines()[-1] == (
        f"ipsec-interop: run the-id did not reach its end: {len(cases) - count} of {len(cases)} cases have no verdict"
    )
