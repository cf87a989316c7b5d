"""Write docs/explanation/coverage.md: which requirement is tested by which scenario, and which is not yet.

Run by `make generated`; a test compares the page with what this would write.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from harness.run.inputs import load_inputs
from harness.scenario.model import Requirement, Scenario
from harness.verify.catalogue import ENGINE_CHECKS
from harness.verify.check import Due

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
OWN, PASSING, FACT, NOT_YET = "own scenario", "in passing", "nothing to test", "not yet"
STATES = (OWN, PASSING, FACT, NOT_YET)

_HEAD = """\
# Coverage

Generated from `scenarios/` and the verifier's checks by `make generated`; a test compares. Do not edit.

Every requirement of [`scenarios/requirements.toml`](../../scenarios/requirements.toml) is here, in our own words; the
document named is what holds, and each row links to its section there. A requirement has its **own scenario** when a
scenario names it, as its subject or for one of its assertions. It is checked **in passing** when no scenario names it,
but a check that other scenarios undergo objects under its id. There is **nothing to test** where it states a fact that
no implementation can break, or a rule for those who write documents (level INFORMATION). All others are **not yet**
tested, which says nothing about any peer.

The level is the document's key word; what a protocol states without one, how a key is made or what a field holds, is a
MUST here. Every MUST, MUST NOT and SHOULD of RFC 9370 and RFC 9242 has its row, but for one MUST of appendix C of
RFC 9370: it is of a design that was discarded.

Named is not exhausted: most scenarios show that a conforming exchange works. That a broken message is refused, as some
of these rules also ask, needs a scenario that sends one.
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


def state_of(requirement: Requirement, named: Mapping[str, object], passing: Mapping[str, object]) -> str:
    """One of ``STATES``."""
    if requirement.id in named:
        return OWN
    if requirement.id in passing:
        return PASSING
    return FACT if requirement.level == "INFORMATION" else NOT_YET


def page(requirements: Iterable[Requirement], named: Mapping[str, list[str]], passing: Mapping[str, list[str]]) -> str:
    """The whole page."""
    families: dict[str, list[Requirement]] = {}
    for requirement in requirements:
        families.setdefault(requirement.id[0], []).append(requirement)
    states = {each.id: state_of(each, named, passing) for group in families.values() for each in group}
    parts = [_HEAD, _summary(families, states)]
    for letter, group in families.items():
        rows = [_row(each, states[each.id], named, passing) for each in group]
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


def _row(
    requirement: Requirement, state: str, named: Mapping[str, list[str]], passing: Mapping[str, list[str]]
) -> tuple[str, ...]:
    where = _where(requirement)
    if state == OWN:
        tested = _scenarios(named[requirement.id])
    elif state == PASSING:
        tested = "; ".join(passing[requirement.id])
    else:
        tested = f"*{state}*"
    return requirement.id, requirement.level, where, requirement.text, tested


def _where(requirement: Requirement) -> str:
    """The document and its sections, each of them a link to its text."""
    links = [f"[{section}]({address})" for section, address in requirement.links]
    return " ".join(filter(None, (requirement.source, ", ".join(links) or requirement.section)))


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
    return page(inputs.requirements.values(), named, checked_in_passing())


if __name__ == "__main__":
    (ROOT / PAGE).parent.mkdir(parents=True, exist_ok=True)
    (ROOT / PAGE).write_text(generated())
    print(f"{PAGE} written", file=sys.stderr)
