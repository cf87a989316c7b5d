"""``ipsec-interop lint``: the data of the checkout."""

from __future__ import annotations

import sys

import click

from harness.cli.common import ROOT
from harness.results.judgement import ExitStatus
from harness.run.inputs import load_inputs
from harness.run.plan import stale_known_failures


@click.command()
def lint() -> None:
    """Validate scenarios, requirements, peers and profiles; find known failures that match no case."""
    inputs = load_inputs(ROOT)
    stale = stale_known_failures(inputs)
    for line in stale:
        print(line, file=sys.stderr)
    if stale:
        sys.exit(ExitStatus.BAD_INPUT)
    counts = (len(inputs.scenarios), len(inputs.requirements), len(inputs.peers))
    print("{} scenarios, {} requirements, {} peers: no complaint".format(*counts))
