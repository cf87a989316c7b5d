"""Write docs/reference/state-table.md from the engine's state table: ``python tools/draw_state_table.py``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from harness.ike import states, table  # noqa: E402

DOCUMENT = ROOT / "docs" / "reference" / "state-table.md"

_TEXT = """\
# States of an IKE SA

Generated from `harness/ike/table.py` by `tools/draw_state_table.py`; a test compares. Each state is a frozen dataclass
of `harness/ike/states.py`. What the table does not have is ignored and told of as `Ignored`; an error leads from every
state to `Gone`, and so does a peer that stays silent. A repeated request gets the same answer again without coming
here.

```mermaid
stateDiagram-v2
    [*] --> Idle
{diagram}
    Gone --> [*]
```

## Messages

| State | Message | Handler | Leads to |
|---|---|---|---|
{messages}

## What our caller may ask for

| Call | From | Leads to |
|---|---|---|
{calls}

## States

| State | Meaning |
|---|---|
{states}
"""


def message_name(trigger: table.Trigger) -> str:
    """``IKE_AUTH request``."""
    return f"{trigger.exchange.name} {'response' if trigger.response else 'request'}"


def arrows() -> Iterator[tuple[str, str, str]]:
    """From, to, and what leads there."""
    for call, (begin, end) in table.STARTS.items():
        yield begin, end, call
    for trigger, transition in (table.UNPROTECTED | table.PROTECTED).items():
        for end in transition.leads_to:
            yield trigger.state.__name__, end, message_name(trigger)


def diagram() -> str:
    """One line an arrow; what leads from one state to the same other one shares its arrow."""
    shared: dict[tuple[str, str], list[str]] = {}
    for begin, end, label in arrows():
        shared.setdefault((begin, end), []).append(label)
    return "\n".join(f"    {begin} --> {end}: {', '.join(labels)}" for (begin, end), labels in shared.items())


def rows(cells: Iterator[tuple[str, ...]]) -> str:
    """The body of a Markdown table."""
    return "\n".join(f"| {' | '.join(row)} |" for row in cells)


def handler_name(transition: table.Transition) -> str:
    """The handler as its module calls it."""
    module = transition.handler.__module__.rpartition(".")[2]
    return f"`{module}.{transition.handler.__name__}`"


def document() -> str:
    """The whole page."""
    transitions = (table.UNPROTECTED | table.PROTECTED).items()
    classes: tuple[type, ...] = get_args(states.State)
    return _TEXT.format(
        diagram=diagram(),
        messages=rows(
            (trigger.state.__name__, message_name(trigger), handler_name(transition), ", ".join(transition.leads_to))
            for trigger, transition in transitions
        ),
        calls=rows((f"`{call}`", begin, end) for call, (begin, end) in table.STARTS.items()),
        states=rows((kind.__name__, " ".join((kind.__doc__ or "").split())) for kind in classes),
    )


if __name__ == "__main__":
    DOCUMENT.parent.mkdir(parents=True, exist_ok=True)
    DOCUMENT.write_text(document(), encoding="utf-8")
    print(DOCUMENT.relative_to(ROOT))
