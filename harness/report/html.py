"""Pages of a run, each a self-contained HTML file: no external resource, readable without scripts, from a file system.

The matrix of the engine's cases, the pairs of products, and the pairs of peers as published; they link to each other.
"""

from __future__ import annotations

import shlex
from base64 import b64encode
from dataclasses import replace
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from harness.report import words
from harness.report.layout import layout
from harness.report.pair_tables import ROLE, PairTable, pair_tables
from harness.results.judgement import Summary, summarise
from harness.results.model import (
    Attempt,
    CaseRecord,
    Finding,
    KernelChoice,
    LadderStep,
    PeerEntry,
    Pointer,
    Run,
    RunHeader,
    Runtime,
)

_FOLDER = Path(__file__).parent


_MARK_SCRIPTED = 'document.documentElement.classList.add("scripted")'

MATRIX, PAIRS, PUBLISHED = "matrix.html", "pairs.html", "published.html"


def render(run: Run) -> str:
    """The matrix of the engine's cases. Links to evidence are relative: the file belongs into the run's folder."""
    cases = tuple(record for record in run.cases if record.role != ROLE)
    return _page(
        "matrix.html.j2", run, cases, MATRIX, layout=layout(run), summary=summarise(run), shown=_alone(run, cases)
    )


def render_pairs(run: Run) -> str:
    """The page of two products with each other; "" where the run has none."""
    return _pair_page(run, PAIRS, published=False)


def render_published(run: Run) -> str:
    """The page of two peers each with its own published policy, emulated vendors among them; "" without any."""
    return _pair_page(run, PUBLISHED, published=True)


_TITLES = {
    MATRIX: "Engine and peers",
    PAIRS: "Two products with each other",
    PUBLISHED: "Two peers as published",
}


def _tables(run: Run, *, published: bool) -> tuple[PairTable, ...]:
    return tuple(table for table in pair_tables(run) if table.published is published)


def _pair_page(run: Run, name: str, *, published: bool) -> str:
    tables = _tables(run, published=published)
    if not tables:
        return ""
    scenarios = {table.scenario.id for table in tables}
    cases = tuple(record for record in run.cases if record.role == ROLE and record.scenario in scenarios)
    members: dict[str, PeerEntry] = {p.name: p for t in tables for p in (*t.initiators, *t.responders)}
    return _page(
        "pairs.html.j2",
        run,
        cases,
        name,
        title=_TITLES[name],
        tables=tables,
        published=published,
        members=tuple(members.values()),
        emulated=any(table.emulated for table in tables),
        summary=_alone(run, cases),
    )


def _alone(run: Run, cases: tuple[CaseRecord, ...]) -> Summary:
    """The summary of the cases of one page."""
    return summarise(replace(run, cases=cases, header=replace(run.header, planned=())))


def _page(template: str, run: Run, cases: tuple[CaseRecord, ...], name: str, **variables: Any) -> str:
    there = [MATRIX, *(page for page, each in ((PAIRS, False), (PUBLISHED, True)) if _tables(run, published=each))]
    return (
        _environment()
        .get_template(template)
        .render(
            run=run,
            header=run.header,
            cases=cases,
            links=[(page, _TITLES[page]) for page in there if page != name],
            scenarios={scenario.id: scenario for scenario in run.header.scenarios},
            peers={peer.name: peer for peer in run.header.peers},
            requirements=_named_requirements(run, cases),
            words=words,
            css=(_FOLDER / "matrix.css").read_text(encoding="utf-8"),
            **_scripts(),
            **variables,
        )
    )


@cache
def _scripts() -> dict[str, str]:
    """Both scripts of a page, and their hashes for its Content-Security-Policy: no other script runs there."""
    script = (_FOLDER / "matrix.js").read_text(encoding="utf-8")
    hashes = (b64encode(sha256(each.encode()).digest()).decode() for each in (_MARK_SCRIPTED, script))
    return {
        "mark_scripted": _MARK_SCRIPTED,
        "script": script,
        "script_hashes": " ".join(f"'sha256-{each}'" for each in hashes),
    }


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
    environment.globals["quoted_findings"] = _quoted_findings
    environment.globals["other_requirements"] = _other_requirements
    environment.globals["pointer_file"] = _pointer_file
    environment.globals["evidence_groups"] = _evidence_groups
    environment.globals["ladder_rows"] = _ladder_rows
    return environment


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _repeat_commands(run: Run, record: CaseRecord) -> tuple[tuple[str, str], ...]:
    return (
        (
            "As recorded (a run kept outside of reports/runs: in its folder)",
            shlex.join(["ipsec-interop", "repro", run.header.id, record.case]),
        ),
        (
            "Against today's peers",
            shlex.join(["ipsec-interop", "run", *_ground(run.header, record), "--case", record.case]),
        ),
    )


def _ground(header: RunHeader, record: CaseRecord) -> list[str]:
    """The options without which another run has no such peer, or plays the case somewhere else."""
    options = [("--peers", folder) for folder in header.brought_peers]
    members = (record.peer, record.initiator, record.responder)
    options += [("--image", f"{peer}={image}") for peer, image in header.brought_images.items() if peer in members]
    if header.runtime is not Runtime.DOCKER:
        options.append(("--runtime", header.runtime))
    if header.kernel_choice is not KernelChoice.AUTO:
        options.append(("--kernel", header.kernel_choice))
    return [word for option in options for word in option]


_Requirement = tuple[str, str, str, str, str]


def _known_requirements(run: Run) -> dict[str, _Requirement]:
    """The requirements by their names; of a run of before, whose header has no catalogue, those of its scenarios."""
    rows = (*(scenario.requirements for scenario in run.header.scenarios), run.header.requirements)
    return {row[0]: row for each in rows for row in each}


def _named_requirements(run: Run, cases: tuple[CaseRecord, ...]) -> dict[str, _Requirement]:
    """Those that checks and findings of some cases name: a page has the text of each once, to which they link."""
    known = _known_requirements(run)
    named = {check.requirement for record in cases for check in record.first.checks}
    named |= {finding.requirement for record in cases for attempt in record.attempts for finding in attempt.findings}
    return {name: known[name] for name in sorted(known) if name in named}


def _quoted_findings(run: Run, record: CaseRecord) -> tuple[tuple[Finding, _Requirement | None], ...]:
    """The findings that count, each with the requirement that it says is broken: its text stands there once."""
    left = _known_requirements(run)
    return tuple((finding, left.pop(finding.requirement or "", None)) for finding in record.first.findings)


def _other_requirements(run: Run, record: CaseRecord) -> tuple[_Requirement, ...]:
    """The scenario's requirements that no finding quotes."""
    rows = next((each.requirements for each in run.header.scenarios if each.id == record.scenario), ())
    quoted = {finding.requirement for finding in record.first.findings}
    return tuple(row for row in rows if row[0] not in quoted)


def _pointer_file(attempt: Attempt, pointer: Pointer) -> str:
    """The evidence file that a finding points into, "" where it is not known to exist."""
    name = pointer.file
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
