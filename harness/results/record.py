"""``run.jsonl``: a run as it happens, one line a fact, so that a killed run still tells all it knew.

The first line is the header, then one line for each peer that reported its version and for each case as it finishes,
and at the end a marker with the duration. The file is only ever appended to, and flushed after each line. A run that
broke off is finished by more lines after these; of a line that was cut short by a kill nothing is kept then.
"""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TextIO

from harness.border.files import append_whole, read_stored
from harness.border.names import UnsafeName, plain_name
from harness.json_codec import RecordError, from_json, parse_json, to_json
from harness.policy.role import Role
from harness.results.judgement import is_expected
from harness.results.model import Attempt, CaseRecord, PeerEntry, Run, RunHeader, Verdict

FILE_NAME = "run.jsonl"
FORMAT = 1
_PAIR = "pair"  # what stands for the role of our engine where it has none


class StillPlayed(RecordError):
    """A run is to be gone on with that another process is playing."""


def require_ended(path: Path) -> None:
    """Raises StillPlayed where another process is playing the run that this file records."""
    with path.open(encoding="utf-8") as file:
        _lock(file)


def _lock(file: TextIO) -> None:
    """Only one process writes a record; its end, however it comes, gives the lock back."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise StillPlayed(f"{file.name}: this run is still being played") from None


class RunWriter:
    """Writes ``run.jsonl``. Not thread safe: the runner's one event loop owns it."""

    def __init__(self, path: Path, header: RunHeader) -> None:
        """Create the file with its header; without room for that, no file is left.

        Raises:
            FileExistsError: a run is recorded there already; records are never rewritten.
        """
        self._file = path.open("x", encoding="utf-8")
        self._lock()
        try:
            self._write("header", header, format=FORMAT)
        except OSError:
            self._file.close()
            path.unlink()
            raise

    @classmethod
    def resumed(cls, path: Path) -> Self:
        """Go on with the file of a run that broke off.

        Raises:
            StillPlayed: its process is alive.
        """
        writer = cls.__new__(cls)
        writer._file = path.open("r+", encoding="utf-8")
        writer._lock()
        octets = path.read_bytes()
        whole = octets.rfind(b"\n") + 1
        writer._file.truncate(whole)
        if _is_whole(octets[whole:]):  # its line feed alone is missing: whoever read the run took it for recorded
            append_whole(writer._file.fileno(), path, octets[whole:] + b"\n")
        return writer

    def _lock(self) -> None:
        try:
            _lock(self._file)
        except StillPlayed:
            self._file.close()
            raise

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
        line = to_json({"kind": kind, **extra, **({} if value is None else {"value": value})})
        octets = json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode("utf-8") + b"\n"
        append_whole(self._file.fileno(), Path(self._file.name), octets)


def _is_whole(line: bytes) -> bool:
    try:
        parse_json(line)
    except RecordError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class _End:
    """The marker at the end of a run."""

    duration_ms: int = 0
    complete: bool = False
    notes: tuple[str, ...] = ()


@dataclass(slots=True)
class _Reading:
    """What has been read of a file so far."""

    header: RunHeader | None = None
    peers: dict[str, PeerEntry] = field(default_factory=dict)
    cases: dict[str, CaseRecord] = field(default_factory=dict)
    end: _End | None = None
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
    try:
        return _finish(reading, reading.header)
    except RecordError as error:
        raise RecordError(f"{path}: {error}") from None


def _octets(path: Path) -> bytes:
    """The whole file. Raises FileNotFoundError, or RecordError where it is no plain file or larger than is read."""
    try:
        return read_stored(path)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise RecordError(f"{path}: {error.strerror}") from error


def _lines(path: Path, notes: list[str]) -> Iterator[tuple[str, Any]]:
    lines = _octets(path).split(b"\n")
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            yield f"{path}:{number}", parse_json(line)
        except RecordError as error:
            # Each line ends in a line feed, written with it: only what follows the last one can be cut short.
            if number < len(lines):
                raise RecordError(f"{path}:{number}: {error}") from None
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
        for name in reading.header.planned:
            never_run(name, "")  # each has the form of a case's name
    elif kind == "peer":
        peer = from_json(PeerEntry, value, "peer")
        reading.peers[peer.name] = peer
    elif kind == "case":
        record = from_json(CaseRecord, value, "case")
        if not record.attempts:
            raise RecordError(f"case {record.case} has no attempt")
        _check_place(record)
        _check_names(record)
        _check_words(record)
        reading.cases[record.case] = record
    elif kind == "end":
        reading.end = from_json(_End, line, "end")
    else:
        raise RecordError(f"unknown kind of line {kind!r}")


def _check_place(record: CaseRecord) -> None:
    """Its place in a report follows from scenario, peer and role: they are those of its name.

    Raises:
        RecordError: they are others, or the role is none.
    """
    named = never_run(record.case, "")
    if (named.scenario, named.peer, named.role) != (record.scenario, record.peer, record.role):
        raise RecordError(f"case {record.case} is recorded as {record.scenario}@{record.peer}@{record.role}")
    if record.role == _PAIR and not (record.initiator and record.responder):
        raise RecordError(f"case {record.case} does not name its two peers")


def _check_names(record: CaseRecord) -> None:
    """Links lead, and files are read, where the record says that evidence is: within the run's folder.

    Raises:
        RecordError: a name in the record is none of a file there.
    """
    try:
        for attempt in record.attempts:
            for name in (*filter(None, [attempt.evidence]), *attempt.files):
                plain_name(name)
    except UnsafeName as error:
        raise RecordError(f"case {record.case}: {error}") from error


def _check_words(record: CaseRecord) -> None:
    """What it says of itself fits together.

    Raises:
        RecordError: a verdict without evidence, or one that is called expected or not against the rule.
    """
    verdict, known = record.first.verdict, bool(record.known_failure)
    if verdict not in (Verdict.SKIPPED, Verdict.ERROR) and not record.first.evidence:
        raise RecordError(f"case {record.case} is recorded {verdict} without evidence")
    as_listed = verdict is not Verdict.FAIL or record.expected  # a FAIL may be another one than the listed one
    if record.expected != is_expected(verdict, known_failure=known and as_listed):
        raise RecordError(f"case {record.case}, {verdict}, is recorded as {'' if record.expected else 'not '}expected")


def _finish(reading: _Reading, header: RunHeader) -> Run:
    peers = tuple(reading.peers.pop(peer.name, peer) for peer in header.peers) + tuple(reading.peers.values())
    if strange := sorted(reading.cases.keys() - set(header.planned)):
        raise RecordError(f"case {strange[0]} is recorded, and was not planned")
    unplayed = tuple(case for case in header.planned if case not in reading.cases)
    for case in unplayed:
        reading.cases.setdefault(case, never_run(case, "the run ended before this case had its turn"))
    end = reading.end or _End()
    notes = [*end.notes, *reading.notes]
    if reading.end is None:
        notes.append("the run has no end marker: it was interrupted or killed")
    elif end.complete and unplayed:
        notes.append(f"the run says that it is complete, and {len(unplayed)} of its cases are not recorded")
    notes += [
        f"{peer.name} fails the compliance probe, its cases were not run: {peer.unfit}" for peer in peers if peer.unfit
    ]
    order = {case: index for index, case in enumerate(header.planned)}
    cases = sorted(reading.cases.values(), key=lambda record: order.get(record.case, len(order)))
    return Run(
        header=replace(header, peers=peers),
        cases=tuple(cases),
        duration_ms=end.duration_ms,
        complete=end.complete and not unplayed,
        notes=tuple(notes),
        unplayed=unplayed,
    )


def never_run(case: str, reason: str, *, deviation: str | None = None) -> CaseRecord:
    """The record of a planned case ``<scenario>@<peer>@<role>`` that never started: SKIPPED, with the reason.

    Raises:
        RecordError: ``case`` is not of that form.
    """
    scenario, _, rest = case.partition("@")
    peer, _, role = rest.rpartition("@")
    if not (scenario and peer and role in (*Role, _PAIR)):
        raise RecordError(f"case {case!r} is not <scenario>@<peer>@<role>")
    initiator, _, responder = peer.partition("+") if role == _PAIR else ("", "", "")
    attempt = Attempt(Verdict.SKIPPED, None, None, (), (), reason, 0, "")
    expected = is_expected(Verdict.SKIPPED, known_failure=False)
    return CaseRecord(
        case, scenario, peer, role, (attempt,), expected, initiator=initiator, responder=responder, deviation=deviation
    )
