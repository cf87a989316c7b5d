"""A whole run written at once, for tests and golden files; a real run is written as it happens."""

from __future__ import annotations

from pathlib import Path

from harness.results.model import Run
from harness.results.record import RunWriter


def write_run(path: Path, run: Run) -> None:
    """The inverse of ``read_run``."""
    with RunWriter(path, run.header) as writer:
        for record in run.cases:
            writer.case(record)
        writer.end(run.duration_ms, complete=run.complete, notes=run.notes)
