"""repro: the command that a report prints works, wherever the run is kept."""

from __future__ import annotations

import shutil
from dataclasses import replace

import pytest
from command import ROOT
from fake_lab import attempt
from run_files import write_run

from harness.cli import repeating
from harness.results.model import CaseRecord, KernelChoice, PeerEntry, Run, RunHeader, Runtime, Verdict
from harness.run.events import PeerStarted

NAME = "hybrid/x25519-mlkem768"
CASE = f"{NAME}@strongswan-6.1@initiator"
PEER = PeerEntry("strongswan-6.1", "strongSwan 6.1", False, "6.1.0", "sha256:then", "userspace")
HEADER = RunHeader("the-id", "2026-01-01T00:00:00+00:00", "0.1.0", 7, "smoke", "", "", {}, "", (PEER,),
                   brought_images={"strongswan-6.1": "mine:1"}, kernel_choice=KernelChoice.OWN)  # fmt: skip


@pytest.fixture
def kept(tmp_path):
    """A run that was made with --out, or came from somebody else."""
    folder = tmp_path / "kept"
    (folder / "evidence").mkdir(parents=True)
    shutil.copy(ROOT / "scenarios" / f"{NAME}.toml", folder / "evidence" / "scenario.toml")
    record = CaseRecord(
        CASE, NAME, "strongswan-6.1", "initiator", (attempt(Verdict.PASS, "evidence"),), expected=True
    )  # fmt: skip
    write_run(folder / "run.jsonl", Run(replace(HEADER, planned=(CASE,)), (record,)))
    return folder


@pytest.fixture
def executed(monkeypatch):
    """What would have been carried out; the peer starts from another image."""
    calls = []

    def execute(_inputs, cases, options, _to, watch):
        calls.append((cases, options))
        for each in watch:
            each(PeerStarted(replace(PEER, image="sha256:now")))

    monkeypatch.setattr(repeating, "execute", execute)
    return calls


@pytest.mark.parametrize("name", ["path", "the-id", "."])
def test_a_run_kept_elsewhere_is_repeated_as_recorded(interop, executed, kept, monkeypatch, name):
    if name != "path":
        monkeypatch.chdir(kept)
    said = interop("repro", kept if name == "path" else name, CASE)
    [((case,), options)] = executed
    assert said.status == 0
    assert case.id == CASE
    assert (options.seed, options.jobs, options.images) == (7, 1, {"strongswan-6.1": "mine:1"})
    assert (options.runtime, options.kernel) == (Runtime.DOCKER, KernelChoice.OWN)
    assert said.err.splitlines() == [
        "recorded: PASS HYBRID",
        "strongswan-6.1 runs from another image: sha256:now, recorded sha256:then",
    ]


def test_an_id_that_is_nowhere_is_one_clear_line(interop, executed, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    said = interop("repro", "the-id", CASE)
    assert said.status == 2
    assert said.error.startswith("no run 'the-id': ")
    assert executed == []


def test_a_case_that_the_run_lacks_is_one_clear_line(interop, executed, kept):
    said = interop("repro", kept, "hybrid/x25519-mlkem769@strongswan-6.1@initiator")
    assert said.status == 2
    assert f"did you mean '{CASE}'?" in said.error
    assert executed == []
