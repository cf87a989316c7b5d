"""Everything that a run reads: scenarios, requirements, peers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.scenario.catalogue import REQUIREMENTS_FILE, load_scenarios
from harness.scenario.model import Requirement, Scenario
from harness.scenario.peer import Peer
from harness.scenario.peer_file import load_peers
from harness.scenario.requirements import load_requirements
from harness.verify.checks.catalogue import CHECKS


@dataclass(frozen=True, slots=True)
class Inputs:
    """The data of a checkout, and the peers that a user brought, validated."""

    scenarios: dict[str, Scenario]
    requirements: dict[str, Requirement]
    peers: dict[str, Peer]
    scenario_folder: Path


def load_inputs(root: Path, brought: Sequence[Path] = ()) -> Inputs:
    """Load ``scenarios/`` and ``peers/`` below the root of a checkout, and the folders of peers that a user brought.

    Raises:
        InvalidData: a file breaks its format; the message names file and line.
    """
    folder = root / "scenarios"
    return Inputs(
        load_scenarios(folder, CHECKS),
        load_requirements(folder / REQUIREMENTS_FILE),
        load_peers(root / "peers", *brought),
        folder,
    )
