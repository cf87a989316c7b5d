"""``matrix.json``: a run as other programs read it. ``matrix.schema.json`` beside this file is its contract."""

from __future__ import annotations

from typing import Any

from harness.json_codec import to_json
from harness.results.judgement import exit_status, summarise
from harness.results.model import Attempt, CaseRecord, PeerEntry, Run, ScenarioEntry

SCHEMA = "matrix.schema.json"
FORMAT = 1


def matrix(run: Run) -> dict[str, Any]:
    """The JSON object of ``matrix.json``: ``run``, ``peers``, ``scenarios`` and ``cells``, one cell a planned case."""
    return {
        "run": _run(run),
        "peers": [_peer(peer) for peer in run.header.peers],
        "scenarios": [_scenario(scenario) for scenario in run.header.scenarios],
        "cells": [_cell(record) for record in run.cases],
    }


def _run(run: Run) -> dict[str, Any]:
    header, summary = run.header, summarise(run)
    return {
        "format": FORMAT,
        "id": header.id,
        "started": header.started,
        "duration_ms": run.duration_ms,
        "complete": run.complete,
        "notes": list(run.notes),
        "command": header.command,
        "suite": header.suite,
        "seed": header.seed,
        "plan_hash": header.plan_hash,
        "harness_version": header.harness_version,
        "kernel": header.kernel,
        "versions": dict(header.versions),
        "images": {peer.name: peer.image for peer in header.peers},
        "verdicts": {verdict.value: count for verdict, count in summary.verdicts.items()},
        "unexpected": [record.case for record in summary.unexpected],
        "known_failures": {record.case: record.known_failure for record in run.cases if record.known_failure},
        "exit_status": int(exit_status(run)),
    }


def _peer(peer: PeerEntry) -> dict[str, Any]:
    behaviours = [{"what": what, "value": value, "source": source} for what, value, source in peer.behaviours]
    return {
        "name": peer.name,
        "title": peer.title,
        "emulated": peer.emulated,
        "version": peer.version,
        "image": peer.image,
        "esp": peer.esp,
        "kernel": peer.kernel,
        "probe": peer.probe,
        "behaviours": behaviours,
    }


def _scenario(scenario: ScenarioEntry) -> dict[str, Any]:
    keys = ("id", "source", "section", "level", "text")
    requirements = [dict(zip(keys, row, strict=True)) for row in scenario.requirements]
    return {"id": scenario.id, "title": scenario.title, "requirements": requirements}


def _cell(record: CaseRecord) -> dict[str, Any]:
    first, grade = record.first, record.grade
    parties = {"initiator": record.initiator, "responder": record.responder} if record.role == "pair" else {}
    return {
        "case": record.case,
        "scenario": record.scenario,
        "peer": record.peer,
        "role": record.role,
        **parties,
        "outcome": None if first.outcome is None else first.outcome.value,
        "verdict": first.verdict.value,
        "grade": None if grade is None else grade.value,
        "flaky": record.flaky,
        "attempts": [_attempt(attempt) for attempt in record.attempts],
        "deviation": record.deviation,
        "findings": [to_json(finding) for finding in first.findings],
        "reason": first.reason,
        "kernel": first.kernel,
        "duration_ms": first.duration_ms,
        "evidence": first.evidence,
    }


def _attempt(attempt: Attempt) -> dict[str, Any]:
    return {
        "verdict": attempt.verdict.value,
        "outcome": None if attempt.outcome is None else attempt.outcome.value,
        "reason": attempt.reason,
        "duration_ms": attempt.duration_ms,
        "evidence": attempt.evidence,
    }
