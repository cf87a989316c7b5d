"""Scenarios crossed with peers and roles into cases, each with its prediction, before anything starts."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.json_codec import to_json
from harness.oracle.expectation import Expectation, expect
from harness.registry.transforms import KeyExchangeMethod
from harness.run.inputs import Inputs
from harness.scenario.catalogue import load_suite, load_suite_peers
from harness.scenario.model import Role, Scenario
from harness.scenario.peer import KnownFailure, Peer
from harness.scenario.selection import select


@dataclass(frozen=True, slots=True)
class Selection:
    """What a user asks for: shell patterns, each of which must match; empty means everything."""

    scenarios: tuple[str, ...] = ()
    peers: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    suite: str = "smoke"


@dataclass(frozen=True, slots=True)
class Case:
    """One planned case: who plays what against whom, and what must come of it."""

    scenario: Scenario
    peer: Peer
    role: Role  # of the engine
    expectation: Expectation

    @property
    def id(self) -> str:
        """``<scenario>@<peer>@<role>``, unique in a run."""
        return f"{self.scenario.id}@{self.peer.name}@{self.role.value}"

    @property
    def known_failure(self) -> KnownFailure | None:
        """The entry of the peer that expects this case to fail."""
        return next((k for k in self.peer.known_failures if _concerns(k, self.scenario.id, self.role)), None)


def _concerns(known: KnownFailure, scenario: str, role: Role) -> bool:
    return known.scenario == scenario and known.role in (None, role)


def make_plan(
    inputs: Inputs, selection: Selection, unavailable: Mapping[KeyExchangeMethod, str] | None = None
) -> tuple[Case, ...]:
    """The cases of a selection, by scenario, peer and role. ``unavailable``: methods that this machine lacks.

    Raises:
        NothingSelected: a pattern matches nothing.
        InvalidData: there is no such suite.
    """
    suite = load_suite(inputs.scenario_folder, selection.suite, inputs.scenarios)
    suite_peers = load_suite_peers(inputs.scenario_folder, selection.suite, inputs.peers)
    # A scenario or a peer asked for by name runs, whether the suite holds it or not.
    scenarios = select(inputs.scenarios if selection.scenarios else suite, selection.scenarios, "scenario")
    peers = select(inputs.peers if selection.peers else suite_peers, selection.peers, "peer")
    roles = select([role.value for role in Role], selection.roles, "role")
    return tuple(
        Case(scenario, peer, Role(role), expect(scenario, peer, Role(role), unavailable))
        for scenario in (inputs.scenarios[name] for name in scenarios)
        for peer in (inputs.peers[name] for name in peers)
        for role in roles
    )


def plan_hash(cases: Sequence[Case]) -> str:
    """SHA-256 over all that is asked of each case, what is predicted and what is checked; hexadecimal."""
    digest = hashlib.sha256()
    for case in cases:
        scenario = case.scenario
        asked = [to_json(part) for part in (scenario.settings, scenario.steps, scenario.expect)]
        content = [case.id, to_json(case.expectation), *asked, scenario.expects_refusal]
        digest.update(json.dumps(content, sort_keys=True).encode())
    return digest.hexdigest()


def stale_known_failures(inputs: Inputs) -> list[str]:
    """Known failures that match no case of the full plan that is sent: each a line with file and line."""
    stale = []
    for peer in inputs.peers.values():
        for known in peer.known_failures:
            scenario = inputs.scenarios.get(known.scenario)
            roles = [known.role] if known.role else list(Role)
            if scenario is None or all(expect(scenario, peer, role).skipped for role in roles):
                stale.append(f"{known.where}: known failure of {peer.name} in {known.scenario!r} matches no case")
    return stale
