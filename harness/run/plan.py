"""Scenarios crossed with parties into cases, each with its prediction, before anything starts."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from harness.json_codec import to_json
from harness.oracle.applicability import WITHOUT_UDP_CHECK
from harness.oracle.expectation import Unavailable, to_record
from harness.oracle.prediction import expect
from harness.policy.role import Role
from harness.run.case import PAIR, Case
from harness.run.inputs import Inputs
from harness.scenario.catalogue import load_suite, load_suite_peers
from harness.scenario.model import Parties, Scenario
from harness.scenario.party import ENGINE, Party
from harness.scenario.peer import KnownFailure, Peer
from harness.scenario.selection import select

ROLES = (*(role.value for role in Role), PAIR)
"""What a selection may ask for: our engine's role, or two peers without it."""

_WITHOUT_DOCKER = "{} needs Docker, and this run was to do without"
_WITHOUT_KERNEL = "{} needs a kernel for its ESP, and this run was to do without"


@dataclass(frozen=True, slots=True)
class Selection:
    """What a user asks for: shell patterns, each of which must match; empty means everything.

    ``cases`` are patterns of whole cases' ids, and stand in the place of all others.
    """

    scenarios: tuple[str, ...] = ()
    peers: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    suite: str = "smoke"
    kernel_esp: bool = True  # whether peers whose ESP needs a kernel take part; without, they are planned SKIPPED
    cases: tuple[str, ...] = ()
    docker: bool = True  # whether products can be started; without, all but the harness itself is planned SKIPPED


def make_plan(inputs: Inputs, selection: Selection, unavailable: Unavailable | None = None) -> tuple[Case, ...]:
    """The cases of a selection, by scenario, peer and role. ``unavailable``: methods that this machine lacks.

    Raises:
        NothingSelected: a pattern matches nothing.
        InvalidData: there is no such suite.
    """
    if selection.cases:
        return _named_cases(inputs, selection, unavailable)
    suite = load_suite(inputs.scenario_folder, selection.suite, inputs.scenarios)
    suite_peers = load_suite_peers(inputs.scenario_folder, selection.suite, inputs.peers)
    suite_peers = (*suite_peers, *(n for n, p in inputs.peers.items() if p.brought_in and n not in suite_peers))
    # A scenario or a peer asked for by name runs, whether the suite holds it or not.
    scenarios = select(inputs.scenarios if selection.scenarios else suite, selection.scenarios, "scenario")
    peers = select(inputs.peers if selection.peers else suite_peers, selection.peers, "peer")
    roles = select(ROLES, selection.roles, "role")
    chosen = [inputs.peers[name] for name in peers]
    members = [peer for name, peer in inputs.peers.items() if name in suite_peers or peer in chosen]
    crossed = _crossed([inputs.scenarios[name] for name in scenarios], chosen, members, roles)
    cases = (planned(scenario, initiator, responder, unavailable) for scenario, initiator, responder in crossed)
    return tuple(within_reach(case, docker=selection.docker, kernel_esp=selection.kernel_esp) for case in cases)


def planned(scenario: Scenario, initiator: Party, responder: Party, unavailable: Unavailable | None = None) -> Case:
    """A case with its prediction."""
    return Case(scenario, initiator, responder, expect(scenario, initiator, responder, unavailable))


def _named_cases(inputs: Inputs, selection: Selection, unavailable: Unavailable | None) -> tuple[Case, ...]:
    """The cases whose ids the patterns match, of any suite, in the order of the full plan."""
    scenarios = tuple(dict.fromkeys(_scenario_part(pattern) for pattern in selection.cases))
    everything = replace(selection, cases=(), scenarios=scenarios, peers=("*",), roles=())
    cases = {case.id: case for case in make_plan(inputs, everything, unavailable)}
    return tuple(cases[name] for name in select(cases, selection.cases, "case"))


def _scenario_part(pattern: str) -> str:
    """What a pattern of case ids says of the scenario; ``*`` where its wild cards may reach beyond it."""
    scenario = pattern.partition("@")[0]
    return scenario if "@" in pattern and not set("*?[") & set(scenario) else "*"


Crossed = tuple[Scenario, Party, Party]
"""A scenario with its initiator and its responder."""


def _crossed(
    scenarios: Sequence[Scenario], chosen: Sequence[Peer], members: Sequence[Peer], roles: Sequence[str]
) -> Iterator[Crossed]:
    """Scenarios with the engine first, as both plan and reports have them, then those of two peers."""
    for scenario in scenarios:
        if scenario.parties is Parties.ENGINE:
            yield from _with_engine(scenario, chosen, roles)
    for scenario in scenarios:
        if scenario.parties is not Parties.ENGINE and PAIR in roles:
            yield from pairs(scenario, members, chosen)


def _with_engine(scenario: Scenario, peers: Sequence[Peer], roles: Sequence[str]) -> Iterator[Crossed]:
    for peer in peers:
        if Role.INITIATOR in roles:
            yield scenario, ENGINE, peer
        if Role.RESPONDER in roles:
            yield scenario, peer, ENGINE


def pairs(scenario: Scenario, members: Sequence[Peer], chosen: Sequence[Peer]) -> Iterator[Crossed]:
    """Every ordered pair of ``members``, a product with itself too, of which one at least is ``chosen``.

    Emulated vendors take part where each side has its own published policy, and nowhere else. As two products are
    judged by what both report, one without a status interface takes no part.
    """
    products = [peer for peer in members if peer.capabilities.status and not peer.is_harness]
    able = [peer for peer in products if scenario.parties is Parties.PUBLISHED or not peer.emulated]
    for initiator in able:
        for responder in able:
            if initiator in chosen or responder in chosen:
                yield scenario, initiator, responder


def within_reach(case: Case, *, docker: bool, kernel_esp: bool) -> Case:
    """The case, planned SKIPPED if it needs Docker, or a kernel for ESP, and the run is to do without."""
    case = case if docker else _without_docker(case)
    return case if kernel_esp else _without_kernel_esp(case)


def _without_docker(case: Case) -> Case:
    """The case, planned SKIPPED if a party of it needs a container, or if it is about ESP without UDP."""
    if case.expectation.skipped:
        return case
    needing = [peer.title for peer in case.peers if not peer.is_harness]
    if needing:
        return replace(case, expectation=case.expectation.without(_WITHOUT_DOCKER.format(needing[0])))
    if any(expect.check == WITHOUT_UDP_CHECK for expect in case.scenario.expect):
        return replace(case, expectation=case.expectation.without("on loopback ESP goes in UDP alone"))
    return case


def _without_kernel_esp(case: Case) -> Case:
    """The case, planned SKIPPED if a party of it needs a kernel for its ESP."""
    needing = [peer.title for peer in case.peers if peer.esp_implementation == "kernel"]
    if not needing or case.expectation.skipped:
        return case
    return replace(case, expectation=case.expectation.without(_WITHOUT_KERNEL.format(needing[0])))


def plan_rows(cases: Sequence[Case]) -> list[dict[str, Any]]:
    """The plan as ``plan --json`` shows it: each case with its prediction."""
    return [{"case": case.id, "expectation": to_record(case.expectation, case.engine)} for case in cases]


def plan_hash(cases: Sequence[Case]) -> str:
    """SHA-256 over all that is asked of each case, what is predicted and what is checked; hexadecimal.

    Of a peer that a user brought, the files of its folder are in it, and those of the peer that it extends or is
    configured on, wherever the folders are.
    """
    digest = hashlib.sha256()
    peers = [peer for case in cases for peer in case.peers if peer.brought_in]
    for folder in dict.fromkeys(folder for peer in peers for folder in peer.described_in):
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            digest.update(path.read_bytes())  # no version of the harness stands for what a user brings
    for case in cases:
        digest.update(_content(case))
    return digest.hexdigest()


def case_hash(case: Case) -> str:
    """The beginning of a SHA-256 over the same of one case, 16 hexadecimal digits."""
    return hashlib.sha256(_content(case)).hexdigest()[:16]


def _content(case: Case) -> bytes:
    scenario = case.scenario
    asked = [to_json(part) for part in (scenario.settings, scenario.steps, scenario.expect)]
    predicted = to_record(case.expectation, case.engine)
    content = [case.id, predicted, *asked, scenario.expects_refusal, to_json(scenario.deviation)]
    return json.dumps(content, sort_keys=True).encode()


def stale_known_failures(inputs: Inputs) -> list[str]:
    """Known failures that match no case of the full plan that is sent: each a line with file and line."""
    return [
        f"{known.where}: known failure of {peer.name} in {known.scenario!r} matches no case"
        for peer in inputs.peers.values()
        for known in peer.known_failures
        if not _matches(inputs.scenarios, list(inputs.peers.values()), peer, known)
    ]


def _matches(scenarios: Mapping[str, Scenario], peers: Sequence[Peer], peer: Peer, known: KnownFailure) -> bool:
    scenario = scenarios.get(known.scenario)
    if scenario is None:
        return False
    cases = (planned(*each) for each in _crossed([scenario], [peer], peers, ROLES))
    return any(case.known_failure is known and not case.expectation.skipped for case in cases)
