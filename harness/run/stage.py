"""What the attempts of a run share, and what an attempt has of each product."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from harness.evidence.interruption import Disturbance
from harness.lab.driver import Connection
from harness.lab.running_peer import RunningPeer
from harness.lab.runtime import Laboratory
from harness.policy.role import Role
from harness.run.never_twice import NeverTwice
from harness.run.workers import Workers
from harness.scenario.model import Requirement


@dataclass(frozen=True, slots=True)
class Stage:
    """What attempts share."""

    lab: Laboratory
    workers: Workers
    helpers: Executor  # for commands to the peer that wait for the peer
    requirements: dict[str, Requirement]
    run_folder: Path
    never_twice: NeverTwice = field(default_factory=NeverTwice)


@dataclass(frozen=True, slots=True)
class Product:
    """A product in an attempt: what it plays, the connection it is told, and its folder of the evidence."""

    role: Role
    running: RunningPeer
    connection: Connection
    folder: str


class Talk(Protocol):
    """How the two parties are brought to talk, and how what they say is seen."""

    @property
    def trouble(self) -> BaseException | None:
        """What kept us from doing our part; None for nothing. The evidence comes first."""

    @property
    def disturbances(self) -> tuple[Disturbance, ...]:
        """What the worker knows of stalls of ours; empty where it has no part."""

    def hold(self, load: Callable[[], None]) -> None:
        """Have the products' connections loaded by ``load``, have the two talk, and store what was seen.

        Raises:
            LabError: the lab or the worker broke.
        """

    def finish(self) -> None:
        """All connections are unloaded: let go of what is still under way."""
