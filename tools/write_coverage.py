"""Write docs/explanation/coverage.md: which requirement is tested by what, shown by a defect, and which is not yet.

Run by `make generated`; a test compares the page with what this would write.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from harness.run.inputs import load_inputs
from harness.scenario.model import Requirement, Scenario
from harness.verify.check import Due
from harness.verify.checks.catalogue import ENGINE_CHECKS

ROOT = Path(__file__).resolve().parents[1]
PAGE = Path("docs/explanation/coverage.md")

FAMILIES: Mapping[str, str] = {
    "B": "IKEv2 (RFC 7296)",
    "K": "Keys and authentication (RFC 7296)",
    "E": "ESP (RFC 4303)",
    "F": "Fragmentation (RFC 7383)",
    "I": "IKE_INTERMEDIATE (RFC 9242)",
    "A": "Multiple key exchanges (RFC 9370)",
    "P": "Post-quantum preshared keys (RFC 8784, RFC 9867)",
    "M": "ML-KEM in IKEv2 (draft-ietf-ipsecme-ikev2-mlkem)",
    "S": "Signatures and their announcement (RFC 7427, RFC 9593)",
    "C": "IKE SAs without a Child SA (RFC 6023)",
    "R": "Child SAs of a single resource (RFC 9611)",
    "H": "Hygiene (this project's own)",
}
OWN, PASSING, UNPROVEN, FACT, NOT_YET = "own scenario", "in passing", "no defect yet", "nothing to test", "not yet"
STATES = (OWN, PASSING, UNPROVEN, FACT, NOT_YET)

_HEAD = """\
# Coverage

Generated from `scenarios/` and the verifier's checks by `make generated`; a test compares. Do not edit.

Every requirement of [`scenarios/requirements.toml`](../../scenarios/requirements.toml) is here, in our own words; the
document named is what holds, and each row links to its section there. To be named by a scenario is not enough: a
requirement counts as covered only where at least one seeded defect, a peer or a pair that does one thing wrong
(`tests/defects/`), turns a case red for it. Behind what tests it stands how many do.

The level is the document's key word; what a protocol states without one, how a key is made or what a field holds, is a
MUST here. Every MUST, MUST NOT and SHOULD of RFC 9370 and RFC 9242 has its row, but for one MUST of appendix C of
RFC 9370: it is of a design that was discarded.

It then has its **own scenario** when a scenario names it, as its subject or for one of its assertions, and is checked
**in passing** when no scenario does, but a check that other scenarios undergo objects under its id. Where one of both
names it and no defect shows that it can fail, there is **no defect yet**, for the reason given (all of them stand in
`tests/support/not_turned_red.py`). There is **nothing to test** where it states a fact that no implementation can
break, or a rule for those who write documents (level INFORMATION). All others are **not yet** tested, which says
nothing about any peer.

Shown is not exhausted: that a broken message of ours is refused, as some of these rules also ask, needs a scenario that
sends one.
"""
_ID = re.compile(r'"([A-Z]\d\d)"')
_RANGE = re.compile(r"\b([A-Z])(\d\d)(?:-[A-Z](\d\d))?\b")


def named_by_scenarios(scenarios: Iterable[Scenario]) -> dict[str, list[str]]:
    """The ids of the scenarios that name a requirement, by requirement."""
    named: dict[str, list[str]] = {}
    for scenario in scenarios:
        ids = {each.id for each in scenario.requirements} | {each.requirement for each in scenario.expect}
        for identifier in ids:
            named.setdefault(identifier, []).append(scenario.id)
    return named


def checked_in_passing() -> dict[str, list[str]]:
    """The places where a check objects under a requirement of its own choice, by requirement."""
    places: dict[str, list[str]] = {}
    for due in (Due.ALWAYS, Due.UP):
        for check in (each for each in ENGINE_CHECKS.values() if each.due is due):
            places.setdefault(check.requirement, []).append(f"check `{check.name}`, {due}")
    for name, check in ENGINE_CHECKS.items():
        for identifier in _ids_in(check.text):
            if not any(f"`{name}`" in place for place in places.get(identifier, [])):
                places.setdefault(identifier, []).append(f"check `{name}`")
    for path in sorted((ROOT / "harness" / "verify").rglob("*.py")):
        for identifier in dict.fromkeys(_ID.findall(path.read_text())):
            if identifier not in places:
                places[identifier] = [f"a check of `{path.name}`"]
    return places


def _ids_in(text: str) -> list[str]:
    """``(B14, F03-F05)`` as B14, F03, F04, F05."""
    found = []
    for letter, first, last in _RANGE.findall(text):
        found += [f"{letter}{number:02}" for number in range(int(first), int(last or first) + 1)]
    return found


def seeded() -> Counter[str]:
    """How many seeded defects turn a case red for a requirement, by its id: ``tests/defects/`` proves each of them."""
    played = [*_of_the_tests("all_defects").PLAYED, *_of_the_tests("all_pair_defects").PLAYED]
    return Counter(row.requirement for row, _ in played if row.requirement)


def reasons() -> Mapping[str, str]:
    """Why no seeded defect turns a case red for a requirement that is tested, by its id."""
    found: Mapping[str, str] = _of_the_tests("not_turned_red").NOT_TURNED_RED
    return found


def _of_the_tests(name: str) -> Any:
    """A module of ``tests/support/``, which is on no path but the tests'."""
    folder = str(ROOT / "tests" / "support")
    if folder not in sys.path:
        sys.path.append(folder)
    return import_module(name)


def state_of(
    requirement: Requirement, named: Mapping[str, object], passing: Mapping[str, object], red: Mapping[str, int]
) -> str:
    """One of ``STATES``."""
    if requirement.id in named or requirement.id in passing:
        if not red.get(requirement.id):
            return UNPROVEN
        return OWN if requirement.id in named else PASSING
    return FACT if requirement.level == "INFORMATION" else NOT_YET


def page(
    requirements: Iterable[Requirement],
    named: Mapping[str, list[str]],
    passing: Mapping[str, list[str]],
    red: Mapping[str, int],
    why: Mapping[str, str],
) -> str:
    """The whole page. ``red`` has how many defects show it, ``why`` the reason where none does."""
    families: dict[str, list[Requirement]] = {}
    for requirement in requirements:
        families.setdefault(requirement.id[0], []).append(requirement)
    states = {each.id: state_of(each, named, passing, red) for group in families.values() for each in group}
    parts = [_HEAD, _summary(families, states)]
    for letter, group in families.items():
        tested = {each.id: _tested(each.id, states[each.id], named, passing, red, why) for each in group}
        rows = [_row(each, tested[each.id]) for each in group]
        table = _table(("id", "level", "where", "in our words", "tested by"), rows)
        parts.append(f"## {FAMILIES.get(letter, group[0].source)}\n\n{table}")
    return "\n".join(parts)


def _summary(families: Mapping[str, list[Requirement]], states: Mapping[str, str]) -> str:
    rows = []
    for letter, group in families.items():
        counts = [sum(states[each.id] == state for each in group) for state in STATES]
        rows.append((FAMILIES.get(letter, group[0].source), len(group), *counts))
    everything = list(states.values())
    rows.append(("**all**", len(everything), *(everything.count(state) for state in STATES)))
    return "## Counts\n\n" + _table(("", "requirements", *STATES), rows)


def _row(requirement: Requirement, tested: str) -> tuple[str, ...]:
    return requirement.id, requirement.level, _where(requirement), requirement.text, tested


def _where(requirement: Requirement) -> str:
    """The document and its sections, each of them a link to its text."""
    links = [f"[{section}]({address})" for section, address in requirement.links]
    return " ".join(filter(None, (requirement.source, ", ".join(links) or requirement.section)))


def _tested(
    identifier: str,
    state: str,
    named: Mapping[str, list[str]],
    passing: Mapping[str, list[str]],
    red: Mapping[str, int],
    why: Mapping[str, str],
) -> str:
    if state == UNPROVEN:
        return f"*{UNPROVEN}*: {why.get(identifier, 'no reason is given')}"
    if state not in (OWN, PASSING):
        return f"*{state}*"
    words = _scenarios(named[identifier]) if state == OWN else "; ".join(passing[identifier])
    return f"{words}; {red[identifier]} defect{'' if red[identifier] == 1 else 's'}"


def _scenarios(ids: list[str], at_most: int = 6) -> str:
    shown = ", ".join(f"`{each}`" for each in ids[:at_most])
    return shown + (f" and {len(ids) - at_most} more" if len(ids) > at_most else "")


def _table(head: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    head = list(head)
    lines = [head, ["---"] * len(head), *([str(cell).replace("|", "\\|") for cell in row] for row in rows)]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def generated() -> str:
    """The page of this checkout."""
    inputs = load_inputs(ROOT)
    named = named_by_scenarios(inputs.scenarios.values())
    return page(inputs.requirements.values(), named, checked_in_passing(), seeded(), reasons())


if __name__ == "__main__":
    (ROOT / PAGE).parent.mkdir(parents=True, exist_ok=True)
    (ROOT / PAGE).write_text(generated())
    print(f"{PAGE} written", file=sys.stderr)
