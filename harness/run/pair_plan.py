"""Scenarios of two products crossed with every ordered pair of peers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from harness.oracle.pair import PairExpectation, expect_pair
from harness.results.model import Attempt, CaseRecord
from harness.scenario.model import Parties, Role, Scenario
from harness.scenario.peer import KnownFailure, Peer

ROLE = "pair"
"""What stands for the role in the name of a case in which the engine has none."""


@dataclass(frozen=True, slots=True)
class PairCase:
    """One planned case of two peers: who initiates to whom, and what must come of it."""

    scenario: Scenario
    initiator: Peer
    responder: Peer
    expectation: PairExpectation

    @property
    def id(self) -> str:
        """``<scenario>@<initiator>+<responder>@pair``, unique in a run."""
        return f"{self.scenario.id}@{self.name}@{ROLE}"

    @property
    def name(self) -> str:
        """What stands in the place of the peer: ``<initiator>+<responder>``."""
        return f"{self.initiator.name}+{self.responder.name}"

    @property
    def peers(self) -> tuple[Peer, Peer]:
        """Both, the initiator first."""
        return (self.initiator, self.responder)

    @property
    def known_failure(self) -> KnownFailure | None:
        """The entry of one of the two that expects this case to fail."""
        sides = ((self.initiator, self.responder, Role.RESPONDER), (self.responder, self.initiator, Role.INITIATOR))
        return next((k for p, o, role in sides for k in p.known_failures if concerns(k, self.scenario, o, role)), None)

    def record(self, attempts: tuple[Attempt, ...], *, expected: bool, known_failure: str = "") -> CaseRecord:
        """The case with what came of it."""
        ends = {"initiator": self.initiator.name, "responder": self.responder.name}
        return CaseRecord(self.id, self.scenario.id, self.name, ROLE, attempts, expected, known_failure, **ends)


def concerns(known: KnownFailure, scenario: Scenario, other: Peer, role: Role) -> bool:
    """Whether a known failure of a peer is of this case, where ``other`` is the other side and ``role`` its role."""
    where = known.scenario == scenario.id and known.role in (None, role)
    return where and bool(known.other) and fnmatchcase(other.name, known.other)


def pair_cases(scenarios: Sequence[Scenario], peers: Sequence[Peer], chosen: Mapping[str, Peer]) -> Iterator[PairCase]:
    """Every ordered pair of ``peers``, a product with itself too, of which one at least is ``chosen``.

    Emulated vendors take part where each side has its own published policy, and nowhere else.
    """
    for scenario in scenarios:
        members = [peer for peer in peers if scenario.parties is Parties.PUBLISHED or not peer.emulated]
        for initiator in members:
            for responder in members:
                if initiator.name in chosen or responder.name in chosen:
                    yield PairCase(scenario, initiator, responder, expect_pair(scenario, initiator, responder))
