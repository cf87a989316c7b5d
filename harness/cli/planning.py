"""``ipsec-interop plan``."""

from __future__ import annotations

import json
from pathlib import Path

import click

from harness.cli.common import ROOT, selection, selection_options, unavailable_methods
from harness.json_codec import to_json
from harness.run.inputs import load_inputs
from harness.run.plan import AnyCase, make_plan


@click.command()
@selection_options
@click.option("--json", "as_json", is_flag=True, help="As JSON, predictions included.")
def plan(
    folders: tuple[Path, ...],
    peers: tuple[str, ...],
    scenarios: tuple[str, ...],
    roles: tuple[str, ...],
    suite: str,
    kernel: str,
    as_json: bool,
) -> None:
    """Show the cases; nothing is started."""
    cases = make_plan(
        load_inputs(ROOT, folders), selection(peers, scenarios, roles, suite, kernel), unavailable_methods()
    )
    if as_json:
        print(json.dumps([{"case": case.id, "expectation": to_json(case.expectation)} for case in cases], indent=2))
        return
    for case in cases:
        print(f"{case.id}  {_prediction(case)}")


def _prediction(case: AnyCase) -> str:
    expected = case.expectation
    if expected.skipped:
        return f"SKIPPED: {expected.skipped}"
    why = f" ({expected.unsupported})" if expected.unsupported else ""
    return f"{expected.outcome}{why}"
