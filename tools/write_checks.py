"""Write docs/reference/checks.md and scenarios/scenario.schema.json: what a scenario may assert.

Run by `make generated`; tests compare both with what this would write.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from harness.scenario.model import Requirement  # noqa: E402
from harness.scenario.requirements import load_requirements  # noqa: E402
from harness.scenario.schema import SCHEMA_FILE, scenario_schema  # noqa: E402
from harness.verify.check import Check  # noqa: E402
from harness.verify.checks.catalogue import CHECKS, ENGINE_CHECKS, PAIR_CHECKS  # noqa: E402

PAGE = ROOT / "docs" / "reference" / "checks.md"
SCHEMA = ROOT / "scenarios" / SCHEMA_FILE

_TEXT = """\
# Checks

Generated from the checks that `harness/verify/` declares by `make generated`; a test compares. Do not edit.
`ipsec-interop list checks` shows the same names.

A scenario asks for a check by its name in an `[[expect]]`. Some checks are due without being asked for. The
requirement is the one of [`scenarios/requirements.toml`](../../scenarios/requirements.toml) that a check speaks for
where the scenario names none, with its place in the document.

## Of our engine and one peer

We hold the keys of one side: everything on the wire can be read.

{engine}
## Of two products

Nobody has their keys: the wire is read as far as it is in clear, and both sides are asked.

{pair}"""


def generated() -> str:
    """The page as it should be."""
    known = load_requirements(ROOT / "scenarios" / "requirements.toml")
    return _TEXT.format(engine=_table(ENGINE_CHECKS.values(), known), pair=_table(PAIR_CHECKS.values(), known))


def schema() -> str:
    """The JSON Schema of scenario files as it should be."""
    return json.dumps(scenario_schema(CHECKS), indent=2) + "\n"


def _table(checks: Iterable[Check[Any]], known: Mapping[str, Requirement]) -> str:
    head = "| name | what it says | arguments | due | requirement |\n|---|---|---|---|---|\n"
    return head + "".join(f"| {' | '.join(_row(check, known))} |\n" for check in checks)


def _row(check: Check[Any], known: Mapping[str, Requirement]) -> tuple[str, ...]:
    arguments = ", ".join(f"`{name}`: {kind.value}" for name, kind in check.arguments.items())
    speaks_for = _place(known[check.requirement]) if check.requirement else ""
    return f"`{check.name}`", check.title.replace("``", "`"), arguments, str(check.due), speaks_for


def _place(requirement: Requirement) -> str:
    """``B08, RFC 7296 [2.7](https://...)``."""
    links = ", ".join(f"[{section}]({address})" for section, address in requirement.links)
    return f"{requirement.id}, {requirement.source} {links}".strip()


if __name__ == "__main__":
    for path, text in ((PAGE, generated()), (SCHEMA, schema())):
        path.write_text(text, encoding="utf-8")
        sys.stdout.write(f"{path.relative_to(ROOT)} written\n")
