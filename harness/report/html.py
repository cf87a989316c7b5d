"""The matrix as one self-contained HTML file: no external resource, readable without scripts, from a file system."""

from __future__ import annotations

import shlex
from functools import cache
from pathlib import Path
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from harness.report import words
from harness.report.layout import layout
from harness.report.pair_tables import pair_tables
from harness.results.judgement import summarise
from harness.results.model import Attempt, CaseRecord, LadderStep, Run

_FOLDER = Path(__file__).parent


def render(run: Run) -> str:
    """The HTML matrix of a run. Links to evidence are relative: the file belongs into the run's folder."""
    return (
        _environment()
        .get_template("matrix.html.j2")
        .render(
            run=run,
            header=run.header,
            layout=layout(run),
            pair_tables=pair_tables(run),
            summary=summarise(run),
            scenarios={scenario.id: scenario for scenario in run.header.scenarios},
            peers={peer.name: peer for peer in run.header.peers},
            words=words,
            css=(_FOLDER / "matrix.css").read_text(encoding="utf-8"),
            script=(_FOLDER / "matrix.js").read_text(encoding="utf-8"),
        )
    )


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["url"] = lambda text: quote(text, safe="/@+.-_~")
    environment.filters["sentence"] = _sentence
    environment.globals["web_address"] = lambda source: source.startswith(("https://", "http://"))
    environment.globals["repeat_commands"] = _repeat_commands
    environment.globals["pointer_file"] = _pointer_file
    environment.globals["evidence_groups"] = _evidence_groups
    environment.globals["ladder_rows"] = _ladder_rows
    return environment


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _repeat_commands(run: Run, record: CaseRecord) -> tuple[tuple[str, str], ...]:
    selection = ["ipsec-interop", "run", "--scenario", record.scenario]
    if record.role == "pair":
        selection += ["--peer", record.initiator, "--peer", record.responder]
    else:
        selection += ["--peer", record.peer, "--role", record.role]
    return (
        (
            "As recorded (a run kept outside of reports/runs: in its folder)",
            shlex.join(["ipsec-interop", "repro", run.header.id, record.case]),
        ),
        ("Against today's peer", shlex.join(selection)),
    )


def _pointer_file(attempt: Attempt, pointer: str) -> str:
    """The evidence file that a finding points into, "" where it is not known to exist."""
    name = pointer.partition("#")[0]
    return name if attempt.evidence and name in attempt.files else ""


_FOLDER_TITLES = {"engine": "The engine's side", "peer": "The peer's side", "wireshark": "Keys for Wireshark"}


def _evidence_groups(attempt: Attempt) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """The files of an evidence folder under a heading each, in the order in which a person opens them."""
    groups: dict[str, list[str]] = {"The case": []}
    for name in sorted(attempt.files):
        top, slash, _ = name.partition("/")
        groups.setdefault(_FOLDER_TITLES.get(top, top) if slash else "The case", []).append(name)
    return tuple((title, tuple(names)) for title, names in groups.items() if names)


def _ladder_rows(attempt: Attempt) -> tuple[tuple[LadderStep, str], ...]:
    """Each step with the time that a reader sees: milliseconds, with a decimal below ten."""
    return tuple(
        (step, f"{step.at_ms:.1f} ms" if step.at_ms < 10 else f"{step.at_ms:,.0f} ms") for step in attempt.ladder
    )
