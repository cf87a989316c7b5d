"""Scenarios crossed with peers and roles into cases, each with its prediction, before anything starts."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from harness.json_codec import to_json
from harness.oracle.expectation import Expectation, expect, skipped
from harness.oracle.pair import skipped_pair
from harness.registry.transforms import KeyExchangeMethod
from harness.results.model import Attempt, CaseRecord
from harness.run.inputs import Inputs
from harness.run.pair_plan import ROLE, PairCase, pair_cases
from harness.scenario.catalogue import load_suite, load_suite_peers
from harness.scenario.model import Parties, Role, Scenario
from harness.scenario.peer import KnownFailure, Peer
from harness.scenario.selection import select


@dataclass(frozen=True, slots=True)
class Selection:
    """What a user asks for: shell patterns, each of which must match; empty means everything."""

    scenarios: tuple[str, ...] = ()
    peers: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    suite: str = "smoke"
    kernel_esp: bool = True  # whether peers whose ESP needs a kernel take part; without, they are planned SKIPPED


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
    def peers(self) -> tuple[Peer, ...]:
        """Every party but the engine."""
        return (self.peer,)

    def record(self, attempts: tuple[Attempt, ...], *, expected: bool, known_failure: str = "") -> CaseRecord:
        """The case with what came of it."""
        deviation = self.scenario.deviation
        return CaseRecord(
            self.id, self.scenario.id, self.peer.name, self.role.value, attempts, expected, known_failure,
            deviation=deviation.value if deviation else None,
        )  # fmt: skip

    @property
    def known_failure(self) -> KnownFailure | None:
        """The entry of the peer that expects this case to fail."""
        return next((k for k in self.peer.known_failures if _concerns(k, self.scenario.id, self.role)), None)


def _concerns(known: KnownFailure, scenario: str, role: Role) -> bool:
    return known.scenario == scenario and known.role in (None, role) and not known.other


AnyCase = Case | PairCase


def make_plan(
    inputs: Inputs, selection: Selection, unavailable: Mapping[KeyExchangeMethod, str] | None = None
) -> tuple[AnyCase, ...]:
    """The cases of a selection, by scenario, peer and role. ``unavailable``: methods that this machine lacks.

    Raises:
        NothingSelected: a pattern matches nothing.
        InvalidData: there is no such suite.
    """
    suite = load_suite(inputs.scenario_folder, selection.suite, inputs.scenarios)
    suite_peers = load_suite_peers(inputs.scenario_folder, selection.suite, inputs.peers)
    suite_peers = (*suite_peers, *(n for n, p in inputs.peers.items() if p.brought_in and n not in suite_peers))
    # A scenario or a peer asked for by name runs, whether the suite holds it or not.
    scenarios = select(inputs.scenarios if selection.scenarios else suite, selection.scenarios, "scenario")
    peers = select(inputs.peers if selection.peers else suite_peers, selection.peers, "peer")
    roles = select([*(role.value for role in Role), ROLE], selection.roles, "role")
    chosen = {name: inputs.peers[name] for name in peers}
    return (
        *_engine_cases([inputs.scenarios[name] for name in scenarios], chosen, roles, selection, unavailable),
        *(_pairs(inputs, scenarios, suite_peers, chosen, selection) if ROLE in roles else ()),
    )


def _engine_cases(
    scenarios: Sequence[Scenario],
    peers: Mapping[str, Peer],
    roles: Sequence[str],
    selection: Selection,
    unavailable: Mapping[KeyExchangeMethod, str] | None,
) -> Iterator[Case]:
    for scenario in scenarios:
        if scenario.parties is Parties.ENGINE:
            for peer in peers.values():
                for role in (each for each in Role if each.value in roles):
                    yield Case(scenario, peer, role, _prediction(scenario, peer, role, selection, unavailable))


def _pairs(
    inputs: Inputs,
    scenarios: Sequence[str],
    suite_peers: Sequence[str],
    chosen: Mapping[str, Peer],
    selection: Selection,
) -> Iterator[PairCase]:
    """Pairs of which a member is chosen; the other one is any of the suite, or any chosen one."""
    members = [peer for name, peer in inputs.peers.items() if name in suite_peers or name in chosen]
    of_pairs = [s for s in map(inputs.scenarios.__getitem__, scenarios) if s.parties is not Parties.ENGINE]
    for case in pair_cases(of_pairs, members, chosen):
        needing = [peer.title for peer in case.peers if peer.esp_implementation == "kernel"]
        if needing and not selection.kernel_esp and not case.expectation.skipped:
            yield replace(case, expectation=skipped_pair(case.expectation, _WITHOUT_KERNEL.format(needing[0])))
        else:
            yield case


_WITHOUT_KERNEL = "{} needs a kernel for its ESP, and this run was to do without"


def _prediction(
    scenario: Scenario,
    peer: Peer,
    role: Role,
    selection: Selection,
    unavailable: Mapping[KeyExchangeMethod, str] | None,
) -> Expectation:
    predicted = expect(scenario, peer, role, unavailable)
    if peer.esp_implementation == "kernel" and not selection.kernel_esp and not predicted.skipped:
        return skipped(predicted, _WITHOUT_KERNEL.format(peer.title))
    return predicted


def plan_hash(cases: Sequence[AnyCase]) -> str:
    """SHA-256 over all that is asked of each case, what is predicted and what is checked; hexadecimal.

    Of a peer that a user brought, its folder's files are in it, wherever the folder is.
    """
    digest = hashlib.sha256()
    brought = {peer.folder for case in cases for peer in case.peers if peer.brought_in}
    for path in sorted(path for folder in brought for path in folder.rglob("*") if path.is_file()):
        digest.update(path.read_bytes())  # no version of the harness stands for what a user brings
    for case in cases:
        scenario = case.scenario
        asked = [to_json(part) for part in (scenario.settings, scenario.steps, scenario.expect)]
        content = [case.id, to_json(case.expectation), *asked, scenario.expects_refusal, to_json(scenario.deviation)]
        digest.update(json.dumps(content, sort_keys=True).encode())
    return digest.hexdigest()


def stale_known_failures(inputs: Inputs) -> list[str]:
    """Known failures that match no case of the full plan that is sent: each a line with file and line."""
    return [
        f"{known.where}: known failure of {peer.name} in {known.scenario!r} matches no case"
        for peer in inputs.peers.values()
        for known in peer.known_failures
        if not _matches(inputs, peer, known)
    ]


def _matches(inputs: Inputs, peer: Peer, known: KnownFailure) -> bool:
    scenario = inputs.scenarios.get(known.scenario)
    if scenario is None or (scenario.parties is Parties.ENGINE) == bool(known.other):
        return False
    if scenario.parties is Parties.ENGINE:
        roles = [known.role] if known.role else list(Role)
        return not all(expect(scenario, peer, role).skipped for role in roles)
    cases = pair_cases([scenario], list(inputs.peers.values()), {peer.name: peer})
    return any(case.known_failure is known and not case.expectation.skipped for case in cases)
