"""Write docs/reference/deviations.md: how the engine misbehaves by name, what a peer owes then, and who tries it.

Run by `make generated`; a test compares the page with what this would write.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from harness.ike.deviations.table import DEVIATIONS  # noqa: E402
from harness.oracle.reaction import Duty, Reaction, reaction_to  # noqa: E402
from harness.policy.deviation import Deviation  # noqa: E402
from harness.policy.role import Role  # noqa: E402
from harness.run.inputs import load_inputs  # noqa: E402
from harness.scenario.model import Requirement, Scenario  # noqa: E402

PAGE = ROOT / "docs" / "reference" / "deviations.md"

_TEXT = """\
# Deviations

Generated from `harness/ike/deviations/table.py`, `harness/oracle/reaction.py` and `scenarios/` by `make generated`; a
test compares. Do not edit. `ipsec-interop list deviations` shows the same names.

A deviation is a rule that our engine breaks on purpose, to see what a peer makes of it. A scenario names it by its key
`deviation`; the cell of the matrix carries the name. It acts in one place, where the payloads of a message are handed
over to be encoded or sealed: the handlers of the exchanges know nothing of it, and what they are told of the message
is what left. The trace has an entry `Deviated` for each message that it altered, and the verifier holds against our
engine whatever else it does wrong, but not that message.

What the peer owes is predicted, not written in the scenario. **refuse**: as responder it answers with the error named,
as initiator, that can answer nothing, it goes no further (it may say why in an INFORMATIONAL, RFC 7296 section
2.21.2). **carry on**: as if nothing were there. **notice later**: nothing tells it; its next message is under keys that
we do not have, which makes the outcome BROKEN and the verdict PASS. A peer that takes the message as if it were right
breaks the first rule, and fails. One that refuses by another error, or in silence, breaks the second one: where that is
a SHOULD, the cell passes and carries the finding.

An emulated vendor has no deviations played to it: its reaction would be that of the product that its policy is
configured on. A product that lacks what leads up to the deviation is SKIPPED.

| name | what our engine does | it breaks | our role | the peer owes | rules |
|---|---|---|---|---|---|
{rows}

## Scenarios

| name | scenarios |
|---|---|
{scenarios}

## Add one

1. Its name in `harness/policy/deviation.py`.
2. What it does: a function from the payloads of a message to those that leave instead, in the file of its family in
   `harness/ike/deviations/`, and its line in `table.py` with one sentence and the source of the rule.
3. What a peer owes, in `harness/oracle/reaction.py`.
4. In `tests/unit/ike/deviations/test_table.py`, how our own engine notices it; a test asks for each.
5. A scenario, then `make generated`.
"""


def generated() -> str:
    """The page as it should be."""
    inputs = load_inputs(ROOT)
    scenarios = inputs.scenarios.values()
    return _TEXT.format(
        rows="\n".join(_row(name, inputs.requirements) for name in Deviation),
        scenarios="\n".join(f"| `{name}` | {_named(name, scenarios)} |" for name in Deviation),
    )


def _row(name: Deviation, requirements: Mapping[str, Requirement]) -> str:
    entry = DEVIATIONS[name]
    roles = [r for r, can in ((Role.INITIATOR, entry.as_initiator), (Role.RESPONDER, entry.as_responder)) if can]
    role = roles[0].value if len(roles) == 1 else "either"
    reaction = reaction_to(name, roles[0])
    broken = dict.fromkeys(filter(None, (reaction.rule, reaction.answer_rule)))
    rules = ", ".join(_linked(requirements[identifier]) for identifier in broken)
    owed = _owes(reaction)
    if (otherwise := reaction_to(name, roles[0], another=True)) != reaction:
        owed += f"; {_owes(otherwise)} where another proposal is left"
    return f"| `{name}` | {entry.sentence} | {entry.source} | {role} | {owed} | {rules} |"


def _linked(requirement: Requirement) -> str:
    """The id, as a link to the first of its sections."""
    return f"[{requirement.id}]({requirement.links[0][1]})" if requirement.links else requirement.id


def _owes(reaction: Reaction) -> str:
    word = reaction.duty.value.replace("-", " ")
    return f"{word}: {reaction.notify.name}" if reaction.duty is Duty.REFUSE and reaction.notify else word


def _named(name: Deviation, scenarios: Iterable[Scenario]) -> str:
    return ", ".join(f"`{each.id}`" for each in sorted(scenarios, key=lambda s: s.id) if each.deviation is name)


if __name__ == "__main__":
    PAGE.write_text(generated(), encoding="utf-8")
    sys.stdout.write(f"{PAGE.relative_to(ROOT)} written\n")
