"""The stored corpus: cases of a standard run with what was concluded of them, and every case of the full plan."""

from __future__ import annotations

import hashlib
import json
import lzma
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.results.model import CaseRecord, Finding
from harness.run.inputs import load_inputs
from harness.run.plan import Selection, make_plan, plan_rows
from harness.verify.judgement import Judgement

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "tests" / "corpus"
EVIDENCE, EXPECTED, PLAN = FOLDER / "evidence.tar.xz", FOLDER / "expected.jsonl", FOLDER / "plan.txt"


@dataclass(frozen=True)
class Stored:
    """What was concluded of one case: verdict, outcome, grade, and of each finding requirement, party and severity."""

    case: str
    verdict: str
    outcome: str | None
    grade: str | None
    findings: tuple[tuple[str, str, str], ...]

    @classmethod
    def of(cls, record: CaseRecord) -> Stored:
        first = record.first
        return cls(record.case, str(first.verdict), _word(first.outcome), _word(first.grade), _told(first.findings))

    @classmethod
    def judged(cls, case: str, now: Judgement) -> Stored:
        return cls(case, str(now.verdict), _word(now.outcome), _word(now.grade), _told(now.findings))

    def line(self) -> dict[str, Any]:
        return {
            "case": self.case, "verdict": self.verdict, "outcome": self.outcome, "grade": self.grade,
            "findings": [list(each) for each in self.findings],
        }  # fmt: skip


def _word(value: object) -> str | None:
    return None if value is None else str(value)


def _told(findings: Iterable[Finding]) -> tuple[tuple[str, str, str], ...]:
    return tuple(sorted((each.requirement, each.party, each.severity) for each in findings))


def stored() -> list[Stored]:
    """Every case of the corpus, in the order of its folders."""
    rows = [json.loads(line) for line in EXPECTED.read_text().splitlines()]
    return [Stored(**{**row, "findings": tuple(tuple(each) for each in row["findings"])}) for row in rows]


def unpack(target: Path) -> None:
    """The evidence below ``target``, one folder a case: 000, 001, ..."""
    with lzma.open(EVIDENCE) as packed, tarfile.open(fileobj=packed) as tar:
        tar.extractall(target, filter="data")


def plan_lines() -> Iterator[str]:
    """Every case of the full plan with its prediction, where every key exchange method is at hand."""
    for row in plan_rows(make_plan(load_inputs(ROOT), Selection(suite="full"), {})):
        yield plan_line(row)


def plan_line(row: Mapping[str, Any]) -> str:
    """``<case> <outcome> <refusal> <planned as> <digest of suites and policies>``, without any reason in words."""
    predicted = dict(row["expectation"])
    skipped, unsupported = predicted.pop("skipped"), predicted.pop("unsupported")
    predicted.pop(
        "knows_additional", None
    )  # leads to no other prediction: it says which sentence a wrong choice breaks
    outcome, refusal = predicted.pop("outcome"), predicted.pop("refusal", None)
    planned = "skipped" if skipped else "unsupported" if unsupported else "played"
    digest = hashlib.sha256(json.dumps(predicted, sort_keys=True).encode()).hexdigest()[:12]
    return f"{row['case']} {outcome or '-'} {refusal or '-'} {planned} {digest}"
