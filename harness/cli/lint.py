"""``ipsec-interop lint``: the data of the checkout."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from harness.cli.common import ROOT, peers_option
from harness.cli.output import err, out
from harness.results.judgement import ExitStatus
from harness.run.inputs import load_inputs
from harness.run.plan import Selection, make_plan, stale_known_failures
from harness.run.preflight import try_templates
from harness.scenario.catalogue import suite_names


@click.command()
@peers_option
def lint(folders: tuple[Path, ...]) -> None:
    """Validate scenarios, suites, requirements, peers and templates; find known failures that match no case."""
    inputs = load_inputs(ROOT, folders)
    plans = {suite: make_plan(inputs, Selection(suite=suite)) for suite in suite_names(inputs.scenario_folder)}
    try_templates(plans["full"])
    stale = stale_known_failures(inputs)
    for line in stale:
        err(line)
    if stale:
        sys.exit(ExitStatus.BAD_INPUT)
    counts = (len(inputs.scenarios), len(inputs.requirements), len(inputs.peers))
    out("{} scenarios, {} requirements, {} peers: no complaint".format(*counts))
