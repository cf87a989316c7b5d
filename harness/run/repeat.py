"""A recorded case played again: by the scenario that it was played by, with the images that were brought then."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.oracle.expectation import expect
from harness.registry.transforms import KeyExchangeMethod
from harness.results.model import CaseRecord, PeerEntry, Run
from harness.run.inputs import Inputs
from harness.run.plan import Case
from harness.run.rejudge import recorded_scenario
from harness.scenario.model import Role, Scenario
from harness.scenario.selection import NothingSelected, select

_FILE = "scenario.toml"


@dataclass(frozen=True, slots=True)
class Repetition:
    """What is to be played, and what it was then."""

    case: Case
    record: CaseRecord
    image_id: str  # of the peer then; "" where it never started
    note: str  # how the scenario stands to today's; "" where it is the same

    def other_image(self, peer: PeerEntry) -> str:
        """In words, that the peer now runs from another image than then; "" where it does not."""
        if peer.name != self.record.peer or self.image_id in ("", peer.image):
            return ""
        return f"{peer.name} runs from another image: {peer.image}, recorded {self.image_id}"


def repetition(
    folder: Path, run: Run, case: str, inputs: Inputs, unavailable: Mapping[KeyExchangeMethod, str] | None = None
) -> Repetition:
    """The repetition of one case of the run in ``folder``. ``unavailable``: methods that this machine lacks.

    Raises:
        NothingSelected: the run has no such case, or the checkout no such peer, role or scenario.
        InvalidData: the recorded scenario breaks today's format; the message names file and line.
    """
    records = {record.case: record for record in run.cases}
    select(records, [case], "case")
    if case not in records:
        raise NothingSelected(f"case {case!r} is a pattern; this takes one case by its name")
    record = records[case]
    [role] = select([role.value for role in Role], [record.role], "role")
    select(inputs.peers, [record.peer], "peer")
    scenario, note = _scenario(folder, record, inputs)
    peer = inputs.peers[record.peer]
    planned = Case(scenario, peer, Role(role), expect(scenario, peer, Role(role), unavailable))
    image = next((entry.image for entry in run.header.peers if entry.name == record.peer), "")
    return Repetition(planned, record, image, note)


def _scenario(folder: Path, record: CaseRecord, inputs: Inputs) -> tuple[Scenario, str]:
    """The scenario that the evidence holds; a case that was never sent has none there, and takes today's."""
    today = inputs.scenarios.get(record.scenario)
    recorded = folder / record.first.evidence / _FILE
    if not record.first.evidence or not recorded.is_file():
        select(inputs.scenarios, [record.scenario], "scenario")
        return inputs.scenarios[record.scenario], "the run holds no scenario of this case; today's is played"
    if today is not None and today.path.read_bytes() == recorded.read_bytes():
        return today, ""
    what = f"{today.path} is another one by now" if today else "there is none of this name any more"
    return recorded_scenario(recorded.parent, inputs), f"the recorded scenario is played; {what}"
