"""Recorded runs: read, and every report made of what was read."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random

import mutation
from run_files import write_run
from target import Prepared, Target

from harness.cli.reporting import FORMATS
from harness.json_codec import RecordError
from harness.report import diff_report
from harness.results.diff import diff_runs
from harness.results.judgement import exit_status, summarise
from harness.results.model import Run
from harness.results.record import read_run

_GOLDEN = Path(__file__).parents[1] / "golden" / "report" / "run.jsonl"
_ROOT = tempfile.TemporaryDirectory(prefix="fuzz-record-", dir="/dev/shm" if Path("/dev/shm").is_dir() else None)
_PATH = Path(_ROOT.name) / "run.jsonl"


def prepare(data: bytes) -> Prepared:
    _PATH.write_bytes(data)

    def read() -> Callable[[], None] | None:
        try:
            run = read_run(_PATH)
        except RecordError as error:
            assert str(_PATH) in str(error)
            return None
        return lambda: report(run)

    return len(data), read


def report(run: Run) -> None:
    for _, render in FORMATS.values():
        render(run).encode("utf-8")
    assert summarise(run).sentence
    exit_status(run)
    diff_report.render(diff_runs(_good(), run)).encode("utf-8")


def _good() -> Run:
    return read_run(_GOLDEN)


def seeds() -> list[bytes]:
    """The golden run in small pieces: a header, a few cases, the end."""
    found = []
    run = read_run(_GOLDEN)
    for start in range(0, len(run.cases), 4):
        cases = run.cases[start : start + 4]
        names = {each.peer for each in cases}
        header = replace(run.header, planned=tuple(each.case for each in cases), scenarios=run.header.scenarios[:3],
                         peers=tuple(peer for peer in run.header.peers if peer.name in names))  # fmt: skip
        _PATH.unlink(missing_ok=True)
        write_run(_PATH, replace(run, header=header, cases=cases))
        found.append(_PATH.read_bytes())
    return found


def mutate(data: bytes, rng: Random) -> bytes:
    return mutation.json_lines(data, rng)


TARGET = Target("records", "run.jsonl, and the reports of what it records", seeds, prepare, mutate)
