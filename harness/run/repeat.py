"""A recorded case played again: by its scenario, where the run was played, with the images that were brought then."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from glob import escape
from pathlib import Path

from harness.border.names import inside
from harness.policy.role import Role
from harness.registry.transforms import KeyExchangeMethod
from harness.results.model import CaseRecord, KernelChoice, PeerEntry, Run, Runtime
from harness.run.case import PAIR, Case
from harness.run.inputs import Inputs
from harness.run.plan import ROLES, planned, within_reach
from harness.run.rejudge import recorded_scenario
from harness.scenario.model import Scenario
from harness.scenario.party import ENGINE
from harness.scenario.peer import Peer
from harness.scenario.selection import NothingSelected, select

_FILE = "scenario.toml"


@dataclass(frozen=True, slots=True)
class Repetition:
    """What is to be played, and what it was then."""

    case: Case
    record: CaseRecord
    image_ids: Mapping[str, str]  # of its peers then, by name; "" where one never started
    note: str  # how the scenario stands to today's; "" where it is the same

    def other_image(self, peer: PeerEntry) -> str:
        """In words, that the peer now runs from another image than then; "" where it does not."""
        then = self.image_ids.get(peer.name, "")
        if then in ("", peer.image):
            return ""
        return f"{peer.name} runs from another image: {peer.image}, recorded {then}"


def repetition(
    folder: Path, run: Run, case: str, inputs: Inputs, unavailable: Mapping[KeyExchangeMethod, str] | None = None
) -> Repetition:
    """The repetition of one case of the run in ``folder``. ``unavailable``: methods that this machine lacks.

    Raises:
        NothingSelected: the run has no such case, or the checkout no such peer, role or scenario.
        InvalidData: the recorded scenario breaks today's format; the message names file and line.
        UnsafeName: the recorded scenario is a link that leads out of the run's folder.
    """
    records = {record.case: record for record in run.cases}
    select(records, [case], "case")
    if case not in records:
        raise NothingSelected(f"case {case!r} is a pattern; this takes one case by its name")
    record = records[case]
    scenario, note = _scenario(folder, record, inputs)
    header = run.header
    docker, kernel_esp = header.runtime is Runtime.DOCKER, header.kernel_choice is not KernelChoice.USERSPACE
    found = within_reach(_case(record, scenario, inputs, unavailable), docker=docker, kernel_esp=kernel_esp)
    names = {peer.name for peer in found.peers}
    images = {entry.name: entry.image for entry in header.peers if entry.name in names}
    return Repetition(found, record, images, note)


def _case(
    record: CaseRecord, scenario: Scenario, inputs: Inputs, unavailable: Mapping[KeyExchangeMethod, str] | None
) -> Case:
    """The case as it is planned today, of the engine and one peer, or of two peers."""
    select(ROLES, [escape(record.role)], "role")
    if record.role == PAIR:
        initiator, responder = (_peer(name, inputs) for name in (record.initiator, record.responder))
        return planned(scenario, initiator, responder)
    peer = _peer(record.peer, inputs)
    if record.role == Role.INITIATOR:
        return planned(scenario, ENGINE, peer, unavailable)
    return planned(scenario, peer, ENGINE, unavailable)


def _peer(name: str, inputs: Inputs) -> Peer:
    select(inputs.peers, [escape(name)], "peer")
    return inputs.peers[name]


def _scenario(folder: Path, record: CaseRecord, inputs: Inputs) -> tuple[Scenario, str]:
    """The scenario that the evidence holds; a case that was never sent has none there, and takes today's."""
    today = inputs.scenarios.get(record.scenario)
    name = record.first.evidence
    recorded = inside(folder, f"{name}/{_FILE}") if name else None
    if recorded is None or not recorded.is_file():
        select(inputs.scenarios, [record.scenario], "scenario")
        return inputs.scenarios[record.scenario], "the run holds no scenario of this case; today's is played"
    if today is not None and _same(today.path, recorded):
        return today, ""
    what = f"{today.path} is another one by now" if today else "there is none of this name any more"
    return recorded_scenario(recorded.parent, inputs), f"the recorded scenario is played; {what}"


def _same(today: Path, recorded: Path) -> bool:
    """Whether two files hold the same; one of another size, however large, is not read."""
    return today.stat().st_size == recorded.stat().st_size and today.read_bytes() == recorded.read_bytes()
