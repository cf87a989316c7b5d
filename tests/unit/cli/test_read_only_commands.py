"""Commands that start nothing: what they print is data, and fit for a pipe."""

from __future__ import annotations

import json
import subprocess
import sys
from types import SimpleNamespace

import pytest
from command import ROOT, environment

from harness.cli import listing
from harness.lab.errors import DockerUnavailable


def test_the_plan_says_what_each_case_must_end_in(interop):
    said = interop("plan", "--peer", "strongswan-?.?", "--scenario", "hybrid/x25519-mlkem768")
    assert (said.status, said.err) == (0, "")
    lines = dict(line.split("  ", 1) for line in said.out.splitlines())
    assert lines["hybrid/x25519-mlkem768@strongswan-6.1@initiator"] == "HYBRID"
    assert lines["hybrid/x25519-mlkem768@strongswan-5.9@initiator"].startswith("REFUSED (strongSwan 5.9 has no ")
    assert lines["hybrid/x25519-mlkem768@strongswan-5.9@responder"].startswith("SKIPPED: as initiator strongSwan 5.9 ")
    assert len(lines) == 6


def test_the_plan_as_json_has_every_case_once(interop):
    said = interop("plan", "--json")
    cases = [entry["case"] for entry in json.loads(said.out)]
    assert len(cases) == len(set(cases)) >= 240


@pytest.mark.parametrize("what", ["peers", "scenarios", "checks", "deviations", "algorithms"])
def test_a_list_is_the_same_as_json_and_as_text(interop, what):
    rows = json.loads(interop("list", what, "--json").out)
    lines = interop("list", what).out.splitlines()
    assert len(rows) == len(lines) > 0
    assert [line.split()[0] for line in lines] == [row["name"] for row in rows]


def test_peers_are_listed_with_the_reason_that_they_are_unavailable(interop, monkeypatch):
    def refuse():
        raise DockerUnavailable("Docker does not run")

    monkeypatch.setattr(listing, "connect", refuse)
    rows = json.loads(interop("list", "peers", "--json").out)
    assert {row["image"] for row in rows} == {"unavailable: Docker does not run"}


def test_peers_are_listed_with_their_images(interop, monkeypatch):
    class Builder:
        def __init__(self, _client):
            pass

        def missing(self, contexts):
            return [context for context in contexts if context.name == "strongswan-6.0"]

    monkeypatch.setattr(listing, "connect", lambda: SimpleNamespace(close=lambda: None))
    monkeypatch.setattr(listing, "ImageBuilder", Builder)
    images = {row["name"]: row["image"] for row in json.loads(interop("list", "peers", "--json").out)}
    assert images["strongswan-6.0"].startswith("not built yet")
    assert images["strongswan-6.1"] == images["emulated/cisco-8000-26.1.1"] == "built"


def test_a_reader_that_has_seen_enough_is_no_error():
    script = f"{sys.executable} -m harness.cli.entry plan --suite full | head -1"
    done = subprocess.run(script, shell=True, cwd=ROOT, env=environment(), capture_output=True, text=True, check=False)
    assert "@" in done.stdout
    assert done.stderr == ""


def test_the_golden_run_is_reported_in_every_format(interop):
    run = ROOT / "tests" / "golden" / "report"
    for kind in ("html", "markdown", "json", "junit"):
        said = interop("report", run, "--format", kind)
        assert (said.status, said.err) == (0, "")
        assert len(said.out) > 1000


def test_a_run_does_not_differ_from_itself(interop):
    run = ROOT / "tests" / "golden" / "report"
    said = interop("diff", run, run)
    assert (said.status, said.err) == (0, "")
    assert "0 changed, 0 new, 0 gone" in said.out


def test_whole_cases_are_planned_by_their_names(interop):
    names = ("pairs/classical@strongswan-6.1+libreswan-5.2@pair", "hybrid/x25519-mlkem768@strongswan-6.1@responder")
    said = interop("plan", "--json", *(option for name in names for option in ("--case", name)))
    assert {entry["case"] for entry in json.loads(said.out)} == set(names)


def test_a_whole_case_is_not_named_beside_a_part_of_one(interop):
    said = interop("plan", "--case", "hybrid/x25519-mlkem768@strongswan-6.1@responder", "--peer", "strongswan-6.1")
    assert (said.status, said.out) == (2, "")
    assert "--case names whole cases" in said.err
