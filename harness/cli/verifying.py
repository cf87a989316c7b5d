"""``ipsec-interop verify``."""

from __future__ import annotations

import sys
from dataclasses import replace

import click

from harness.cli.common import ROOT, find_run
from harness.cli.output import err, out
from harness.results.judgement import ExitStatus, exit_status
from harness.results.record import read_run
from harness.run.inputs import load_inputs
from harness.run.rejudge import Rejudged, rejudge


@click.command()
@click.argument("run_name", metavar="RUN")
@click.option("--case", "case_glob", default="*", metavar="GLOB", help="Only these cases.")
def verify(run_name: str, case_glob: str) -> None:
    """Judge a recorded RUN again from its evidence alone.

    Exit status 1 if a verdict, outcome or grade is not the recorded one, or a check is not made any more; else that of
    the recorded verdicts: 3 of a run that did not reach its end. A file of the evidence that is not as it was recorded
    is named.
    """
    folder = find_run(run_name)
    run = read_run(folder)
    again = list(rejudge(folder, run, load_inputs(ROOT), case_glob))
    for each in again:
        _show(each)
    if not all(each.same for each in again):
        sys.exit(ExitStatus.NOT_AS_EXPECTED)
    if not run.complete:
        left = f"{len(run.unplayed)} of {len(run.header.planned)} cases have no verdict"
        err(f"ipsec-interop: run {run.header.id} did not reach its end: {left}")
    judged = replace(run, cases=tuple(each.record for each in again)) if again else run
    sys.exit(exit_status(judged, part=len(again) < len(run.cases)))


def _show(each: Rejudged) -> None:
    judgement = each.judgement
    notes = ", ".join(f"{what} {now}, recorded {recorded}" for what, recorded, now in each.differences)
    out(f"{judgement.verdict:12} {each.record.case}" + (f"  differs: {notes}" if notes else ""))
    if each.altered:
        out(f"             warning: not as it was recorded: {', '.join(each.altered)}")
    if each.same:
        return
    for finding in judgement.findings:
        out(f"             {finding.party}: {finding.sentence} [{finding.pointer}]")
    if judgement.reason:
        out(f"             {judgement.reason}")
