"""Peers and scenarios as the reports show them, and the header of a run."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import harness
from harness.results.model import PeerEntry, RunHeader, ScenarioEntry
from harness.run.case import Case
from harness.run.plan import case_hash, plan_hash
from harness.scenario.model import Parties, Requirement, Scenario
from harness.scenario.peer import Peer

_PACKAGES = ("cryptography", "liboqs-python", "scapy", "docker", "vici", "jinja2")


def peer_entry(peer: Peer, version_reported: str = "", image: str = "", kernel: str = "") -> PeerEntry:
    """A peer's column; an emulated vendor brings every behaviour that it claims, with its source."""
    behaviours = peer.profile.behaviours if peer.profile else ()
    rows = tuple((each.key, each.value, each.source or "assumed") for each in behaviours)
    # An emulated vendor's version must not read as the vendor's: it is that of the product below.
    on = f"configured on {peer.profile.rendered_on}, " if peer.profile and version_reported else ""
    esp = peer.esp_implementation
    defaults = tuple((e.key, e.value, e.source) for e in (peer.published.behaviours if peer.published else ()))
    ours = () if peer.emulated else defaults
    return PeerEntry(peer.name, peer.title, peer.emulated, on + version_reported, image, esp, rows, kernel, ours)


def scenario_entry(scenario: Scenario) -> ScenarioEntry:
    """A scenario's row."""
    rows = tuple(map(_row, scenario.requirements))
    return ScenarioEntry(scenario.id, scenario.title, rows, scenario.parties is Parties.PUBLISHED)


def _row(requirement: Requirement) -> tuple[str, str, str, str, str]:
    return requirement.id, requirement.source, requirement.section, requirement.level, requirement.text


def run_header(
    run: str,
    started: str,
    cases: Sequence[Case],
    *,
    seed: int,
    suite: str,
    command: str,
    lab: Mapping[str, str],
    requirements: Iterable[Requirement] = (),
) -> RunHeader:
    """The header of a run. ``lab`` holds the kernel and the versions that only the lab knows.

    ``requirements`` is the catalogue: a report shows the text of whatever a finding names.
    """
    peers = {peer.name: peer for case in cases for peer in case.peers}
    scenarios = {case.scenario.id: case.scenario for case in cases}
    return RunHeader(
        id=run,
        started=started,
        harness_version=_version("ipsec-interop"),
        seed=seed,
        suite=suite,
        plan_hash=plan_hash(cases),
        kernel=lab.get("kernel", ""),
        versions=versions_here() | {name: value for name, value in lab.items() if name != "kernel"},
        command=command,
        peers=tuple(peer_entry(peer) for peer in peers.values()),
        scenarios=tuple(scenario_entry(scenario) for scenario in scenarios.values()),
        planned=tuple(case.id for case in cases),
        planned_hashes=tuple(case_hash(case) for case in cases),
        requirements=tuple(map(_row, requirements)),
    )


def versions_here() -> dict[str, str]:
    """Of Python and the packages that a run stands on, and of this code, whose version may stay while it changes."""
    packages = {name: _version(name) for name in _PACKAGES}
    return {"python": platform.python_version(), **packages, "harness files": _files_hash()}


@cache
def _files_hash() -> str:
    """The beginning of a SHA-256 over the package's own files, 12 hexadecimal digits."""
    folder = Path(harness.__file__).parent
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts):
        digest.update(str(path.relative_to(folder)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:12]


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
