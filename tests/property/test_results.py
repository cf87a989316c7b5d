"""What is recorded is what is read, whatever the words in it, and wherever a kill cuts the file."""

from __future__ import annotations

import json
import tempfile
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import jsonschema
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from run_files import write_run

from harness.border.text import harmless
from harness.json_codec import from_json, to_json
from harness.report import html, junit, markdown
from harness.results import matrix as matrix_module
from harness.results.judgement import is_expected
from harness.results.model import (
    Attempt,
    CaseRecord,
    CheckResult,
    Finding,
    Grade,
    LadderStep,
    Outcome,
    PeerEntry,
    Pointer,
    Run,
    RunHeader,
    ScenarioEntry,
    Severity,
    Verdict,
)
from harness.results.record import read_run

SCHEMA = json.loads((Path(matrix_module.__file__).parent / matrix_module.SCHEMA).read_text())
TEXT = st.text(st.characters(), max_size=12).map(harmless)  # as it is recorded; tests/unit/test_json_codec.py
SOME = st.text(st.characters(), min_size=1, max_size=12).map(harmless)
NAME = st.text(st.characters(codec="utf-8", categories=("L", "N")), min_size=1, max_size=12)  # of a file
NUMBER = st.integers(0, 2**40)
findings = st.builds(Finding, TEXT, TEXT, TEXT, TEXT, TEXT, TEXT.map(Pointer), st.sampled_from(Severity))
steps = st.builds(
    LadderStep, st.sampled_from("<>"), TEXT, TEXT, NUMBER, st.floats(0, 1e9, allow_nan=False, allow_infinity=False)
)
judged = st.builds(
    Attempt,
    st.sampled_from(Verdict),
    st.none() | st.sampled_from(Outcome),
    st.none() | st.sampled_from(Grade),
    st.lists(findings, max_size=2).map(tuple),
    st.lists(st.builds(CheckResult, TEXT, TEXT, st.booleans(), TEXT), max_size=2).map(tuple),
    SOME,
    NUMBER,
    NAME,
    st.lists(steps, max_size=2).map(tuple),
    st.lists(NAME, max_size=2).map(tuple),
)
never_judged = judged.map(lambda attempt: replace(attempt, verdict=Verdict.SKIPPED, evidence=""))
attempts = judged | never_judged | judged.map(lambda attempt: replace(attempt, verdict=Verdict.ERROR, evidence=""))
peers = st.builds(
    PeerEntry, st.sampled_from(["a", "b<", "c&"]), TEXT, st.booleans(), TEXT, TEXT,
    st.sampled_from(["userspace", "kernel"]),
    st.lists(st.tuples(TEXT, TEXT, SOME), max_size=2).map(tuple),
)  # fmt: skip
scenarios = st.builds(
    ScenarioEntry, st.sampled_from(["s/1", "s/2", "t/1"]), TEXT, st.lists(st.tuples(*[TEXT] * 5), max_size=2).map(tuple)
)


@st.composite
def records(draw):
    scenario = draw(st.sampled_from(["s/1", "s/2", "t/1", "u/9"]))
    peer, role = draw(st.sampled_from(["a", "b<", "d|"])), draw(st.sampled_from(["initiator", "responder"]))
    made = tuple(draw(st.lists(attempts, min_size=1, max_size=2)))
    known = draw(TEXT)
    expected = is_expected(made[0].verdict, known_failure=bool(known))
    return CaseRecord(f"{scenario}@{peer}@{role}", scenario, peer, role, made, expected, known)


runs = st.builds(
    Run,
    st.builds(
        RunHeader,
        SOME,
        TEXT,
        TEXT,
        NUMBER,
        TEXT,
        TEXT,
        TEXT,
        st.dictionaries(SOME, TEXT, max_size=2),
        TEXT,
        st.lists(peers, max_size=3, unique_by=lambda peer: peer.name).map(tuple),
        st.lists(scenarios, max_size=3, unique_by=lambda scenario: scenario.id).map(tuple),
    ),
    st.lists(records(), max_size=4, unique_by=lambda record: record.case).map(tuple),
    NUMBER,
    st.booleans(),
    st.lists(TEXT, max_size=2).map(tuple),
).map(lambda run: replace(run, header=replace(run.header, planned=tuple(record.case for record in run.cases))))
QUICK = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@given(runs)
@QUICK
def test_round_trip(run):
    assert from_json(Run, json.loads(json.dumps(to_json(run)))) == run
    with tempfile.TemporaryDirectory() as folder:
        write_run(Path(folder) / "run.jsonl", run)
        assert read_run(Path(folder)) == run


@given(runs.filter(lambda run: run.cases), st.data())
@QUICK
def test_a_cut_never_invents_and_never_hides(run, data):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "run.jsonl"
        write_run(path, run)
        whole = path.read_bytes()
        cut = data.draw(st.integers(whole.index(b"\n") + 1, len(whole) - 2))
        path.write_bytes(whole[:cut])
        read = read_run(path)
        whole_lines = len(read.cases) - len(read.unplayed)
        assert read.cases[:whole_lines] == run.cases[:whole_lines]
        assert [record.case for record in read.cases] == list(run.header.planned)
        assert all(record.first.verdict is Verdict.SKIPPED for record in read.cases[whole_lines:])
        assert not read.complete
        assert read.notes


@given(runs)
@QUICK
def test_every_report_is_well_formed(run):
    jsonschema.validate(matrix_module.matrix(run), SCHEMA)
    assert len(list(ET.fromstring(junit.render(run)).iter("testcase"))) == len(run.cases)
    assert markdown.render(run)
    pages = html.render(run) + html.render_pairs(run) + html.render_published(run)
    assert pages.count('<article class="case"') == len(run.cases)


@given(runs, SOME)
@QUICK
def test_recorded_words_never_become_markup(run, word):
    hostile = replace(run, header=replace(run.header, command=f"<i>{word}<script>&"), notes=("<b>|`",))
    assert "<script>&" not in html.render(hostile)
    assert "<b>" not in markdown.render(hostile)
