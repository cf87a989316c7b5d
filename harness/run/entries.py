"""Peers and scenarios as the reports show them, and the header of a run."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version

from harness.results.model import PeerEntry, RunHeader, ScenarioEntry
from harness.run.plan import AnyCase, plan_hash
from harness.scenario.model import Parties, Scenario
from harness.scenario.peer import Peer

_PACKAGES = ("cryptography", "liboqs-python", "scapy", "docker", "vici", "jinja2")


def peer_entry(peer: Peer, version_reported: str = "", image: str = "", kernel: str = "") -> PeerEntry:
    """A peer's column; an emulated vendor brings every behaviour that it claims, with its source."""
    behaviours = peer.profile.behaviours if peer.profile else ()
    rows = tuple((each.key, each.value, each.source or "assumed") for each in behaviours)
    # An emulated vendor's version must not read as the vendor's: it is the wearer's.
    worn = f"worn by {peer.profile.rendered_on}, " if peer.profile and version_reported else ""
    esp = peer.esp_implementation
    defaults = tuple((e.key, e.value, e.source) for e in (peer.published.behaviours if peer.published else ()))
    ours = () if peer.emulated else defaults
    return PeerEntry(peer.name, peer.title, peer.emulated, worn + version_reported, image, esp, rows, kernel, ours)


def scenario_entry(scenario: Scenario) -> ScenarioEntry:
    """A scenario's row."""
    rows = tuple((r.id, r.source, r.section, r.level, r.text) for r in scenario.requirements)
    return ScenarioEntry(scenario.id, scenario.title, rows, scenario.parties is Parties.PUBLISHED)


def run_header(
    run: str, started: str, cases: Sequence[AnyCase], *, seed: int, suite: str, command: str, lab: Mapping[str, str]
) -> RunHeader:
    """The header of a run. ``lab`` holds the kernel and the versions that only the lab knows."""
    peers = {peer.name: peer for case in cases for peer in case.peers}
    scenarios = {case.scenario.id: case.scenario for case in cases}
    versions = {"python": platform.python_version(), **{name: _version(name) for name in _PACKAGES}}
    return RunHeader(
        id=run,
        started=started,
        harness_version=_version("ipsec-interop"),
        seed=seed,
        suite=suite,
        plan_hash=plan_hash(cases),
        kernel=lab.get("kernel", ""),
        versions=versions | {name: value for name, value in lab.items() if name != "kernel"},
        command=command,
        peers=tuple(peer_entry(peer) for peer in peers.values()),
        scenarios=tuple(scenario_entry(scenario) for scenario in scenarios.values()),
        planned=tuple(case.id for case in cases),
    )


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
