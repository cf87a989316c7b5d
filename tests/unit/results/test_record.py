from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
from run_files import write_run

from harness.border.text import harmless
from harness.json_codec import RecordError
from harness.results.model import KernelChoice, PeerEntry, Runtime, Verdict
from harness.results.record import RunWriter, StillPlayed, never_run, read_run

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
    small = replace(run, cases=run.cases[:2], header=replace(run.header, planned=run.header.planned[:2]))
    write_run(path, small)
    lines = path.read_bytes().splitlines(keepends=True)
    for cut in range(1, len(lines[2]) - 1, 97):
        path.write_bytes(b"".join(lines[:2]) + lines[2][:cut])
        read = read_run(path)
        assert read.cases[:1] == small.cases[:1]
        assert read.unplayed == small.header.planned[1:]
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


def test_a_record_from_before_an_option_was_recorded_had_its_default(tmp_path, run):
    path = tmp_path / "run.jsonl"
    write_run(path, run)
    lines = path.read_text().splitlines(keepends=True)
    header = json.loads(lines[0])
    del header["value"]["runtime"], header["value"]["kernel_choice"]
    path.write_text("".join([json.dumps(header) + "\n", *lines[1:]]))
    assert (read_run(path).header.runtime, read_run(path).header.kernel_choice) == (Runtime.DOCKER, KernelChoice.AUTO)


def test_never_run_pair_names_both_parties():
    record = never_run("pairs/as-published@strongswan-6.1+emulated/cisco-8000-26.1.1@pair", "why")
    assert (record.initiator, record.responder) == ("strongswan-6.1", "emulated/cisco-8000-26.1.1")
    assert record.expected
    with pytest.raises(RecordError, match="not <scenario>@<peer>@<role>"):
        never_run("classical/x25519", "why")


@pytest.mark.parametrize("name", ["../../other-run/cases/x", "/etc", "a\\b", "..", "cases/\u202e"])
@pytest.mark.parametrize("field", ["evidence", "files"])
def test_a_record_does_not_point_out_of_its_folder(tmp_path, run, field, name):
    first = replace(run.cases[0].first, **{field: name if field == "evidence" else (name,)})
    write_run(tmp_path / "run.jsonl", replace(run, cases=(replace(run.cases[0], attempts=(first,)),)))
    with pytest.raises(RecordError, match=r"run\.jsonl:2: case .*: file name"):
        read_run(tmp_path)


@pytest.mark.parametrize("words", ["1.0 \ud800", "\x1b[2J\0", "two\nlines\r", "\u202e\u2028", "\udcff" * 5], ids=ascii)
def test_whatever_a_peer_says_the_record_is_written_and_read(tmp_path, run, words):
    peer = replace(run.header.peers[0], version=words, probe=f"failed: {words}")
    first = replace(run.cases[0].first, reason=words, kernel=words)
    with RunWriter(tmp_path / "run.jsonl", replace(run.header, command=words)) as writer:
        writer.peer(peer)
        writer.case(replace(run.cases[0], attempts=(first,)))
        writer.end(1, notes=(words,))
    read = read_run(tmp_path)
    shown = harmless(words)
    assert (read.header.peers[0].version, read.cases[0].first.reason, read.notes[0]) == (shown, shown, shown)
    assert read.header.command == shown


def lines_of(run, tmp_path):
    path = tmp_path / "run.jsonl"
    write_run(path, replace(run, cases=run.cases[:1]))
    return path, path.read_bytes().splitlines(keepends=True)


END = [
    ({"duration_ms": "soon"}, "end.duration_ms: expected int, got str"),
    ({"duration_ms": [1]}, "end.duration_ms: expected int, got list"),
    ({"notes": 7}, "end.notes: expected list, got int"),
    ({"notes": [["a"]]}, "end.notes[0]: expected str, got list"),
    ({"complete": "yes"}, "end.complete: expected bool, got str"),
]


@pytest.mark.parametrize(("changes", "message"), END)
def test_an_end_marker_that_is_none_is_refused(tmp_path, run, changes, message):
    path, lines = lines_of(run, tmp_path)
    path.write_bytes(b"".join(lines[:-1]) + json.dumps({**json.loads(lines[-1]), **changes}).encode() + b"\n")
    with pytest.raises(RecordError, match=rf"run\.jsonl:{len(lines)}: ") as caught:
        read_run(path)
    assert message in str(caught.value)


def test_a_planned_case_whose_name_is_none_is_refused_with_its_line(tmp_path, run):
    path, lines = lines_of(run, tmp_path)
    header = json.loads(lines[0])
    header["value"]["planned"] = ["no case"]
    path.write_bytes(json.dumps(header).encode() + b"\n" + b"".join(lines[1:]))
    with pytest.raises(RecordError, match=r"run\.jsonl:1: case 'no case' is not <scenario>@<peer>@<role>"):
        read_run(path)


@pytest.mark.parametrize(
    "line", [b"[" * 100_000, b'{"kind":"end","duration_ms":NaN}', b"[]", b"7", b'{"kind":["end"]}']
)
def test_a_line_that_is_no_record_is_refused(tmp_path, run, line):
    path, lines = lines_of(run, tmp_path)
    path.write_bytes(b"".join(lines[:-1]) + line + b"\n" + lines[-1])
    with pytest.raises(RecordError, match=rf"run\.jsonl:{len(lines)}: "):
        read_run(path)


def test_a_record_that_is_no_file_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "run.jsonl")
    with pytest.raises(RecordError, match=r"run\.jsonl: is not a plain file"):
        read_run(tmp_path)


@pytest.mark.parametrize("cut", [0, 1, 40])
def test_a_run_that_broke_off_is_gone_on_with(tmp_path, run, cut):
    """``cut``: octets of a line that the kill left."""
    path = tmp_path / "run.jsonl"
    whole = replace(run, cases=run.cases[:4], header=replace(run.header, planned=tuple(c.case for c in run.cases[:4])))
    write_run(path, whole)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:3]) + lines[3][:cut])
    broken = read_run(path)
    assert (broken.complete, broken.unplayed) == (False, tuple(c.case for c in run.cases[2:4]))
    with RunWriter.resumed(path) as writer:
        for record in run.cases[2:4]:
            writer.case(record)
        writer.end(7, notes=("finished",))
    finished = read_run(path)
    assert finished.cases == whole.cases
    assert (finished.complete, finished.unplayed, finished.notes) == (True, (), ("finished",))


def test_a_last_line_that_lacks_its_line_feed_alone_is_kept(tmp_path, run):
    """It counts as recorded when the run is read, so nobody would play its case again."""
    path = tmp_path / "run.jsonl"
    with RunWriter(path, replace(run.header, planned=tuple(c.case for c in run.cases[:2]))) as writer:
        writer.case(run.cases[0])
        writer.case(run.cases[1])
    path.write_bytes(path.read_bytes().removesuffix(b"\n"))
    assert read_run(path).unplayed == ()
    with RunWriter.resumed(path) as writer:
        writer.end(7)
    assert read_run(path).cases == run.cases[:2]


def test_an_interrupted_run_has_an_end_and_is_gone_on_with_behind_it(tmp_path, run):
    path = tmp_path / "run.jsonl"
    with RunWriter(path, run.header) as writer:
        writer.case(run.cases[0])
        writer.end(5, complete=False)
    with RunWriter.resumed(path) as writer:
        for record in run.cases[1:]:
            writer.case(record)
        writer.end(12)
    assert read_run(path).complete
    assert read_run(path).duration_ms == 12


def test_a_run_that_is_still_being_played_is_not_gone_on_with(tmp_path, run):
    path = tmp_path / "run.jsonl"
    with RunWriter(path, run.header) as writer:
        with pytest.raises(StillPlayed, match="still being played"):
            RunWriter.resumed(path)
        writer.case(run.cases[0])
    with RunWriter.resumed(path):
        pass


def spoiled(run, **fields):
    """The first case that passed, recorded with other fields; an attempt's are those of its first attempt."""
    passed = next(record for record in run.cases if record.first.verdict is Verdict.PASS and not record.known_failure)
    names = {"verdict", "evidence"} & fields.keys()
    first = replace(passed.first, **{name: fields.pop(name) for name in names})
    changed = replace(passed, attempts=(first, *passed.attempts[1:]), **fields)
    return replace(run, cases=tuple(changed if record is passed else record for record in run.cases))


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"evidence": ""}, "is recorded PASS without evidence"),
        ({"verdict": Verdict.FAIL}, "FAIL, is recorded as expected"),
        ({"verdict": Verdict.ERROR}, "ERROR, is recorded as expected"),
        ({"expected": False}, "PASS, is recorded as not expected"),
        ({"known_failure": "because"}, "PASS, is recorded as expected"),
    ],
)
def test_a_record_that_contradicts_itself_is_none(tmp_path, run, fields, words):
    write_run(tmp_path / "run.jsonl", spoiled(run, **fields))
    with pytest.raises(RecordError, match=words):
        read_run(tmp_path)


def test_a_fail_that_is_not_the_listed_one_is_not_expected(tmp_path, run):
    write_run(tmp_path / "run.jsonl", spoiled(run, verdict=Verdict.FAIL, expected=False, known_failure="another one"))
    assert read_run(tmp_path)


def test_a_case_that_nobody_planned_is_no_case(tmp_path, run):
    write_run(tmp_path / "run.jsonl", replace(run, header=replace(run.header, planned=run.header.planned[1:])))
    with pytest.raises(RecordError, match="is recorded, and was not planned"):
        read_run(tmp_path)


def test_a_complete_run_that_lacks_a_case_is_not_complete(tmp_path, run):
    write_run(tmp_path / "run.jsonl", replace(run, cases=run.cases[1:], complete=True))
    read = read_run(tmp_path)
    assert not read.complete
    assert any("1 of its cases are not recorded" in note for note in read.notes)
