"""The two parties of a case: each is our engine, or a peer (a product, or a vendor's policy configured on one)."""

from __future__ import annotations

from dataclasses import dataclass

from harness.policy.role import ENGINE_NAME
from harness.scenario.peer import Peer


@dataclass(frozen=True, slots=True)
class Engine:
    """Our own engine, under our control: we hold its keys, and it misbehaves where a scenario asks for it."""

    name: str = ENGINE_NAME
    title: str = "our engine"


ENGINE = Engine()

Party = Engine | Peer
