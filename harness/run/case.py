"""A case: one scenario between two parties, with what must come of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase

from harness.oracle.expectation import Expectation
from harness.policy.role import Role
from harness.results.model import Attempt, CaseRecord
from harness.scenario.model import Scenario
from harness.scenario.party import Engine, Party
from harness.scenario.peer import KnownFailure, Peer

PAIR = "pair"
"""What stands for the role in the name of a case in which our engine has none."""


@dataclass(frozen=True, slots=True)
class Case:
    """One planned case. At most one of the two parties is our engine."""

    scenario: Scenario
    initiator: Party
    responder: Party
    expectation: Expectation

    @property
    def engine(self) -> Role | None:
        """The role of our engine; None where it takes no part."""
        if isinstance(self.initiator, Engine):
            return Role.INITIATOR
        return Role.RESPONDER if isinstance(self.responder, Engine) else None

    @property
    def role(self) -> str:
        """The last part of the id: the role of our engine, or ``pair``."""
        return self.engine.value if self.engine else PAIR

    @property
    def peers(self) -> tuple[Peer, ...]:
        """Every party but our engine, the initiator first."""
        return tuple(party for party in (self.initiator, self.responder) if isinstance(party, Peer))

    @property
    def name(self) -> str:
        """What stands in the place of the peer: its name, or ``<initiator>+<responder>``."""
        return "+".join(peer.name for peer in self.peers)

    @property
    def id(self) -> str:
        """``<scenario>@<peer>@<role>``, or ``<scenario>@<initiator>+<responder>@pair``; unique in a run."""
        return f"{self.scenario.id}@{self.name}@{self.role}"

    def party(self, role: Role) -> Party:
        """Who plays a role."""
        return self.initiator if role is Role.INITIATOR else self.responder

    @property
    def known_failure(self) -> KnownFailure | None:
        """The entry of a peer that expects this case to fail."""
        return next((known for known in self._known() if known.scenario == self.scenario.id), None)

    def _known(self) -> Iterator[KnownFailure]:
        for role in (Role.RESPONDER, Role.INITIATOR):  # of the other side: first what the initiator has on record
            peer, other = self.party(role.other), self.party(role)
            for known in peer.known_failures if isinstance(peer, Peer) else ():
                if known.role in (None, role) and _is_of(known, other):
                    yield known

    def record(self, attempts: tuple[Attempt, ...], *, expected: bool, known_failure: str = "") -> CaseRecord:
        """The case with what came of it."""
        ends = {} if self.engine else {"initiator": self.initiator.name, "responder": self.responder.name}
        deviation = self.scenario.deviation
        return CaseRecord(
            self.id, self.scenario.id, self.name, self.role, attempts, expected, known_failure,
            deviation=deviation.value if deviation else None, **ends,
        )  # fmt: skip


def _is_of(known: KnownFailure, other: Party) -> bool:
    """Whether an entry is of cases with this other side: our engine where it names none, else the peers it names."""
    if isinstance(other, Engine):
        return not known.other
    return bool(known.other) and fnmatchcase(other.name, known.other)
