"""A built case as files in a folder, as a run leaves it today."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from case_builder import ROOT, Case, facts_of, frames_of, peers

from harness.evidence.model import Conversation
from harness.evidence.store import EvidenceFolder
from harness.evidence.wireshark import tables_of
from harness.oracle.expectation import to_record
from harness.oracle.sheet import sheet_record
from harness.policy.role import Role


def written(case: Case, scenario: str, role: Role, folder: Path) -> None:
    """The evidence of a case as a run leaves it today."""
    store, seen = EvidenceFolder(folder), case.evidence
    assert seen.trace is not None and seen.secrets is not None
    assert seen.report is not None and seen.datagrams is not None
    facts = facts_of(case)
    sheets = {role.other.value: sheet_record(peers()[facts.tested.peer])}
    facts = replace(facts, expectation=to_record(case.expectation, role), sheets=sheets)
    store.write_facts(facts)
    store.write_text("scenario.toml", (ROOT / "scenarios" / f"{scenario}.toml").read_text())
    frames = tuple(frame for datagram in case.datagrams for frame in frames_of(datagram))
    conversation = Conversation(seen.trace, seen.secrets, seen.report, frames, datagrams=seen.datagrams)
    store.write_conversation(conversation, tables_of(conversation, facts))
    for report, after in ((seen.peer_report, False), (seen.peer_report_after, True)):
        if report is not None:
            store.write_peer_report(report, after=after)
