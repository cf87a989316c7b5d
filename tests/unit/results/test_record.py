from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from run_files import write_run

from harness.json_codec import RecordError
from harness.results.model import PeerEntry, Verdict
from harness.results.record import RunWriter, never_run, read_run

GOLDEN = Path(__file__).parents[2] / "golden" / "report" / "run.jsonl"


@pytest.fixture
def run():
    return read_run(GOLDEN)


def test_written_run_reads_back(tmp_path, run):
    write_run(tmp_path / "run.jsonl", run)
    assert read_run(tmp_path) == run
    assert read_run(tmp_path / "run.jsonl") == run


def test_each_line_is_on_disk_when_the_call_returns(tmp_path, run):
    path = tmp_path / "run.jsonl"
    with RunWriter(path, run.header) as writer:
        assert len(path.read_text().splitlines()) == 1
        for count, record in enumerate(run.cases[:3], start=2):
            writer.case(record)
            assert len(path.read_text().splitlines()) == count


def test_a_record_is_never_overwritten(tmp_path, run):
    write_run(tmp_path / "run.jsonl", run)
    with pytest.raises(FileExistsError):
        RunWriter(tmp_path / "run.jsonl", run.header)


def test_every_cut_of_the_last_line_is_tolerated_and_said(tmp_path, run):
    path = tmp_path / "run.jsonl"
    small = replace(run, cases=run.cases[:2], header=replace(run.header, planned=()))
    write_run(path, small)
    lines = path.read_bytes().splitlines(keepends=True)
    for cut in range(1, len(lines[2]) - 1, 97):
        path.write_bytes(b"".join(lines[:2]) + lines[2][:cut])
        read = read_run(path)
        assert read.cases == small.cases[:1]
        assert not read.complete
        assert any("middle of line 3" in note for note in read.notes)


def test_killed_run_has_a_cell_for_every_planned_case(tmp_path, run):
    path = tmp_path / "run.jsonl"
    with RunWriter(path, run.header) as writer:
        writer.case(run.cases[5])
        writer.case(run.cases[1])
    read = read_run(path)
    assert [record.case for record in read.cases] == list(run.header.planned)
    assert read.cases[5] == run.cases[5]
    assert read.cases[0].first.verdict is Verdict.SKIPPED
    assert "before this case" in read.cases[0].first.reason
    assert not read.complete


def test_last_line_of_the_file_without_its_line_feed_still_counts_when_whole(tmp_path, run):
    path = tmp_path / "run.jsonl"
    write_run(path, run)
    path.write_bytes(path.read_bytes().rstrip(b"\n"))
    assert read_run(path) == run


def test_broken_line_in_the_middle_names_file_and_line(tmp_path, run):
    path = tmp_path / "run.jsonl"
    write_run(path, run)
    lines = path.read_text().splitlines()
    lines[1] = lines[1][:-5]
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(RecordError, match=r"run\.jsonl:2: not JSON"):
        read_run(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda line: line["value"].pop("role"), r":2: case: role is missing"),
        (lambda line: line["value"]["attempts"][0].update(verdict="FINE"), r":2: case\.attempts\[0\]\.verdict: 'FINE'"),
        (lambda line: line["value"]["attempts"][0].update(duration_ms=True), r"duration_ms: expected int, got True"),
        (lambda line: line["value"].update(attempts=[]), r"has no attempt"),
        (lambda line: line.update(kind="surprise"), r"unknown kind of line 'surprise'"),
    ],
)
def test_wrong_case_line_is_refused(tmp_path, run, change, message):
    path = tmp_path / "run.jsonl"
    write_run(path, run)
    lines = path.read_text().splitlines()
    line = json.loads(lines[1])
    change(line)
    path.write_text("\n".join([lines[0], json.dumps(line), *lines[2:]]) + "\n")
    with pytest.raises(RecordError, match=message):
        read_run(path)


@pytest.mark.parametrize("content", ["", '{"kind":"case"}\n', "[1]\n", '{"kind":"header","format":2,"value":{}}\n'])
def test_what_is_no_record_is_refused(tmp_path, content):
    path = tmp_path / "run.jsonl"
    path.write_text(content)
    with pytest.raises(RecordError, match=r"run\.jsonl"):
        read_run(path)


def test_a_peer_line_replaces_the_headers_entry(tmp_path, run):
    path = tmp_path / "run.jsonl"
    reported = replace(run.header.peers[4], version="6.1.0", image="sha256:beef")
    late = PeerEntry("late-1.0", "Late 1.0", False, "1.0", "", "kernel")
    with RunWriter(path, run.header) as writer:
        writer.peer(reported)
        writer.peer(late)
    assert read_run(path).header.peers == (*run.header.peers[:4], reported, late)


def test_keys_of_a_newer_harness_are_ignored(tmp_path, run):
    path = tmp_path / "run.jsonl"
    write_run(path, run)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    for line in lines[:-1]:
        line["value"]["tomorrow"] = 1
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert read_run(path) == run


def test_never_run_pair_names_both_parties():
    record = never_run("pairs/as-published@strongswan-6.1+emulated/cisco-8000-26.1.1@pair", "why")
    assert (record.initiator, record.responder) == ("strongswan-6.1", "emulated/cisco-8000-26.1.1")
    assert record.expected
    with pytest.raises(RecordError, match="not <scenario>@<peer>@<role>"):
        never_run("classical/x25519", "why")
