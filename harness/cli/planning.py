"""``ipsec-interop plan``."""

from __future__ import annotations

import json
from pathlib import Path

import click

from harness.cli.common import ROOT, selection, selection_options, unavailable_methods
from harness.cli.output import out
from harness.run.case import Case
from harness.run.inputs import load_inputs
from harness.run.plan import make_plan, plan_rows


@click.command()
@selection_options
@click.option("--json", "as_json", is_flag=True, help="As JSON, predictions included.")
def plan(
    folders: tuple[Path, ...],
    peers: tuple[str, ...],
    scenarios: tuple[str, ...],
    roles: tuple[str, ...],
    cases: tuple[str, ...],
    suite: str,
    kernel: str,
    as_json: bool,
) -> None:
    """Show the cases; nothing is started."""
    chosen = selection(peers, scenarios, roles, cases, suite, kernel)
    planned = make_plan(load_inputs(ROOT, folders), chosen, unavailable_methods())
    if as_json:
        out(json.dumps(plan_rows(planned), indent=2))
        return
    for case in planned:
        out(f"{case.id}  {_prediction(case)}")


def _prediction(case: Case) -> str:
    expected = case.expectation
    if expected.skipped:
        return f"SKIPPED: {expected.skipped}"
    why = f" ({expected.unsupported})" if expected.unsupported else ""
    return f"{expected.outcome}{why}"
