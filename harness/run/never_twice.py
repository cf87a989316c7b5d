"""What no two cases of a run may share: a nonce, or a value of ML-KEM (RFC 7296 section 2.10, FIPS 203)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from threading import Lock

from harness.results.model import CheckResult, Finding, Grade, Severity, Verdict
from harness.verify.checks.freshness import FreshValue
from harness.verify.judgement import Judgement, inconclusive

_CHECK = "never-twice-in-a-run"
_NONCE, _ML_KEM = "B23", "M11"
_CONCLUDED = (Verdict.PASS, Verdict.FAIL, Verdict.UNSUPPORTED)


class NeverTwice:
    """The values of the cases of one run so far; cases may be judged at the same time."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._first: dict[str, tuple[str, FreshValue]] = {}  # by digest: the case and its value

    def judged(self, case: str, judgement: Judgement) -> Judgement:
        """The judgement, with a finding for each value that its sender has sent in another case.

        Where both sides repeat themselves the messages are those of the other case: then the evidence is a copy, and
        nobody is named.
        """
        if judgement.verdict not in _CONCLUDED:
            return judgement
        again = self._again(case, judgement.fresh)
        if not again:
            return judgement
        if len({value.party for value, _ in again}) > 1:
            return inconclusive(f"the evidence holds messages of {again[0][1]}: the same values, from both sides")
        findings = tuple(_finding(value, other) for value, other in again)
        words = "; ".join(finding.sentence for finding in findings)
        result = CheckResult(_CHECK, findings[0].requirement, False, words)
        return replace(
            judgement,
            verdict=Verdict.FAIL,
            grade=judgement.grade or Grade.A,
            findings=(*judgement.findings, *findings),
            checks=(*judgement.checks, result),
        )

    def _again(self, case: str, values: Sequence[FreshValue]) -> list[tuple[FreshValue, str]]:
        again = []
        with self._lock:
            for value in values:
                other, _ = self._first.setdefault(value.digest, (case, value))
                if other != case:
                    again.append((value, other))
        return again


def _finding(value: FreshValue, other: str) -> Finding:
    requirement = _NONCE if value.kind == "nonce" else _ML_KEM
    sentence = f"the {value.kind} of {value.label} is the one of {other}, octet for octet"
    return Finding(_CHECK, requirement, "MUST", value.party, sentence, value.pointer, Severity.FAIL)
