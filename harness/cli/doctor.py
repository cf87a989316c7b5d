"""``ipsec-interop doctor``."""

from __future__ import annotations

import sys

import click

from harness.cli.output import out
from harness.lab.doctor import probe
from harness.results.judgement import ExitStatus


@click.command()
def doctor() -> None:
    """Tell what this machine can do, what is missing, and the command that mends it."""
    facts = probe()
    for fact in facts:
        mark = "ok     " if fact.ok else ("missing" if fact.required else "absent ")
        out(f"{mark} {fact.name}: {fact.detail}" + (f"  ->  {fact.remedy}" if fact.remedy else ""))
    if any(fact.required and not fact.ok for fact in facts):
        sys.exit(ExitStatus.LAB_ERROR)
