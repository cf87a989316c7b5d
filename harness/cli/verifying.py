"""``ipsec-interop verify``."""

from __future__ import annotations

import sys

import click

from harness.cli.common import ROOT, find_run
from harness.results.judgement import ExitStatus
from harness.results.record import read_run
from harness.run.inputs import load_inputs
from harness.run.rejudge import rejudge


@click.command()
@click.argument("run_name", metavar="RUN")
@click.option("--case", "case_glob", default="*", metavar="GLOB", help="Only these cases.")
def verify(run_name: str, case_glob: str) -> None:
    """Judge a recorded RUN again from its evidence alone; exit status 1 if a verdict is not the recorded one."""
    folder = find_run(run_name)
    changed = False
    for again in rejudge(folder, read_run(folder), load_inputs(ROOT), case_glob):
        same = again.judgement.verdict is again.recorded
        changed |= not same
        note = "" if same else f"  recorded: {again.recorded}"
        print(f"{again.judgement.verdict:12} {again.case}{note}")
        if not same:
            for finding in again.judgement.findings:
                print(f"             {finding.party}: {finding.sentence} [{finding.pointer}]")
            if again.judgement.reason:
                print(f"             {again.judgement.reason}")
    if changed:
        sys.exit(ExitStatus.NOT_AS_EXPECTED)
