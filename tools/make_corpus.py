"""Write tests/corpus/ from a recorded standard run: stored cases whose judgement no change of the house may alter.

    python tools/make_corpus.py RUN_FOLDER

At most 210 cases are taken, so that every scenario, product, role, verdict and finding of the run is among them. Logs
are left out, as no verdict rests on them, and so are cases whose verdict did not repeat. Keys in it are test keys,
made for the run.
"""

from __future__ import annotations

import json
import lzma
import sys
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
sys.path.insert(0, str(ROOT / "tests" / "support"))

from corpus import EVIDENCE, EXPECTED, PLAN, Stored, plan_lines  # noqa: E402

from harness.results.model import CaseRecord  # noqa: E402
from harness.results.record import read_run  # noqa: E402

AT_MOST = 210
_LEFT_OUT = ("log.txt",)


def chosen(cases: Iterable[CaseRecord]) -> list[CaseRecord]:
    """A small set of cases in which everything that occurs in the run occurs: greedy, the order of the plan decides."""
    sent = {case.case: case for case in cases if case.first.evidence and not case.flaky}
    left = {feature for case in sent.values() for feature in _features(case)}
    found: list[CaseRecord] = []
    while left and len(found) < AT_MOST:
        best = max(sent.values(), key=lambda case: len(left & set(_features(case))))
        left -= set(_features(best))
        found.append(sent.pop(best.case))
    if left:
        sys.stderr.write(f"{len(left)} of what occurs in the run has no place among {AT_MOST} cases\n")
    return sorted(found, key=lambda case: case.case)


def _features(case: CaseRecord) -> Iterator[tuple[str, ...]]:
    verdict, outcome = str(case.first.verdict), str(case.first.outcome)
    yield "scenario", case.scenario, case.role, verdict
    yield "outcome", verdict, outcome, case.role
    for peer in filter(None, (case.initiator, case.responder) if case.initiator else (case.peer,)):
        yield "peer", peer, verdict, outcome, case.role
    for finding in case.first.findings:
        if finding.severity in ("fail", "inconclusive"):
            yield "finding", case.scenario, finding.requirement, finding.party, finding.severity
        else:
            yield "finding", finding.requirement, finding.party, finding.severity


def write(run_folder: Path) -> None:
    """Write the three files of the corpus."""
    run = read_run(run_folder)
    cases = chosen(run.cases)
    with (
        lzma.open(EVIDENCE, "wb", preset=9 | lzma.PRESET_EXTREME) as packed,
        tarfile.open(fileobj=packed, mode="w") as tar,
    ):
        for number, case in enumerate(cases):
            folder = run_folder / case.first.evidence
            for path in sorted(path for path in folder.rglob("*") if path.is_file() and path.name not in _LEFT_OUT):
                relative = path.relative_to(folder)
                if not relative.parts[0].startswith("attempt-"):
                    tar.add(path, f"{number:03}/{relative}", filter=_plain)
    rows = [Stored.of(case).line() for case in cases]
    EXPECTED.write_text("".join(json.dumps(row) + "\n" for row in rows))
    PLAN.write_text("".join(f"{line}\n" for line in plan_lines()))
    sys.stdout.write(f"{len(cases)} cases, {EVIDENCE.stat().st_size} octets of evidence\n")


def _plain(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    """Without owner and time, so that the same run gives the same octets."""
    entry.uid = entry.gid = entry.mtime = 0
    entry.uname = entry.gname = ""
    entry.mode = 0o644
    return entry


if __name__ == "__main__":
    write(Path(sys.argv[1]))
