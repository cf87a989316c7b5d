"""``run.jsonl``: a run as it happens, one line a fact, so that a killed run still tells all it knew.

The first line is the header, then one line for each peer that reported its version and for each case as it finishes,
and at the end a marker with the duration. The file is only ever appended to, and flushed after each line.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from harness.json_codec import RecordError, from_json, to_json
from harness.results.judgement import is_expected
from harness.results.model import Attempt, CaseRecord, PeerEntry, Run, RunHeader, Verdict

FILE_NAME = "run.jsonl"
FORMAT = 1


class RunWriter:
    """Writes ``run.jsonl``. Not thread safe: the runner's one event loop owns it."""

    def __init__(self, path: Path, header: RunHeader) -> None:
        """Create the file with its header.

        Raises:
            FileExistsError: a run is recorded there already; records are never rewritten.
        """
        self._file = path.open("x", encoding="utf-8")
        self._write("header", header, format=FORMAT)

    def peer(self, peer: PeerEntry) -> None:
        """Record what a peer reported of itself once it ran; it replaces the header's entry of that name."""
        self._write("peer", peer)

    def case(self, record: CaseRecord) -> None:
        """Record one finished case."""
        self._write("case", record)

    def end(self, duration_ms: int, *, complete: bool = True, notes: tuple[str, ...] = ()) -> None:
        """Record the end of the run: its duration in milliseconds, and whether every planned case had its turn."""
        self._write("end", None, duration_ms=duration_ms, complete=complete, notes=list(notes))

    def close(self) -> None:
        """Close the file; a file without an end marker reads as an interrupted run."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _write(self, kind: str, value: object, **extra: object) -> None:
        line: dict[str, object] = {"kind": kind, **extra}
        if value is not None:
            line["value"] = to_json(value)
        self._file.write(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n")
        self._file.flush()
        os.fsync(self._file.fileno())


@dataclass(slots=True)
class _Reading:
    """What has been read of a file so far."""

    header: RunHeader | None = None
    peers: dict[str, PeerEntry] = field(default_factory=dict)
    cases: dict[str, CaseRecord] = field(default_factory=dict)
    end: dict[str, Any] | None = None
    notes: list[str] = field(default_factory=list)


def read_run(path: Path) -> Run:
    """The run that ``path`` (a ``run.jsonl``, or the folder that holds one) records.

    A last line cut short by a kill is tolerated and named in the run's notes; without an end marker the run is not
    complete. Every planned case that has no line gets one: SKIPPED, with the reason.

    Raises:
        FileNotFoundError: there is no such file.
        RecordError: a line is not what a harness of this format writes; the message names file and line.
    """
    path = path / FILE_NAME if path.is_dir() else path
    reading = _Reading()
    for where, line in _lines(path, reading.notes):
        try:
            _take(reading, line)
        except RecordError as error:
            raise RecordError(f"{where}: {error}") from None
    if reading.header is None:
        raise RecordError(f"{path}: no header: this is not a recorded run")
    return _finish(reading, reading.header)


def _lines(path: Path, notes: list[str]) -> Iterator[tuple[str, Any]]:
    lines = path.read_bytes().split(b"\n")
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            yield f"{path}:{number}", json.loads(line)
        except ValueError as error:
            # Each line ends in a line feed, written with it: only what follows the last one can be cut short.
            if number < len(lines):
                raise RecordError(f"{path}:{number}: not JSON: {error}") from None
            notes.append(f"{path.name} ends in the middle of line {number}: the run was killed while it wrote it")


def _take(reading: _Reading, line: Any) -> None:
    kind = line.get("kind") if isinstance(line, dict) else None
    if reading.header is None and kind != "header":
        raise RecordError("the first line is not a header: this is not a recorded run")
    value = line.get("value") if isinstance(line, dict) else None
    if kind == "header":
        if line.get("format") != FORMAT:
            raise RecordError(f"format {line.get('format')!r}; this harness reads format {FORMAT}")
        reading.header = from_json(RunHeader, value, "header")
    elif kind == "peer":
        peer = from_json(PeerEntry, value, "peer")
        reading.peers[peer.name] = peer
    elif kind == "case":
        record = from_json(CaseRecord, value, "case")
        if not record.attempts:
            raise RecordError(f"case {record.case} has no attempt")
        reading.cases[record.case] = record
    elif kind == "end":
        reading.end = line
    else:
        raise RecordError(f"unknown kind of line {kind!r}")


def _finish(reading: _Reading, header: RunHeader) -> Run:
    peers = tuple(reading.peers.pop(peer.name, peer) for peer in header.peers) + tuple(reading.peers.values())
    for case in header.planned:
        reading.cases.setdefault(case, never_run(case, "the run ended before this case had its turn"))
    end = reading.end or {}
    notes = [*end.get("notes", []), *reading.notes]
    if reading.end is None:
        notes.append("the run has no end marker: it was interrupted or killed")
    notes += [
        f"{peer.name} fails the compliance probe, its cases were not run: {peer.unfit}" for peer in peers if peer.unfit
    ]
    order = {case: index for index, case in enumerate(header.planned)}
    cases = sorted(reading.cases.values(), key=lambda record: order.get(record.case, len(order)))
    return Run(
        header=replace(header, peers=peers),
        cases=tuple(cases),
        duration_ms=int(end.get("duration_ms", 0)),
        complete=bool(end.get("complete", False)),
        notes=tuple(notes),
    )


def never_run(case: str, reason: str, *, deviation: str | None = None) -> CaseRecord:
    """The record of a planned case ``<scenario>@<peer>@<role>`` that never started: SKIPPED, with the reason.

    Raises:
        RecordError: ``case`` is not of that form.
    """
    scenario, _, rest = case.partition("@")
    peer, _, role = rest.rpartition("@")
    if not (scenario and peer and role):
        raise RecordError(f"case {case!r} is not <scenario>@<peer>@<role>")
    initiator, _, responder = peer.partition("+") if role == "pair" else ("", "", "")
    attempt = Attempt(Verdict.SKIPPED, None, None, (), (), reason, 0, "")
    expected = is_expected(Verdict.SKIPPED, known_failure=False)
    return CaseRecord(
        case, scenario, peer, role, (attempt,), expected, initiator=initiator, responder=responder, deviation=deviation
    )
