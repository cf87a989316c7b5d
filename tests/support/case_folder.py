"""A case that was built in memory as the folder of evidence that a run would leave."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from case_builder import Case, frames_of
from pair_builder import Pair

from harness.evidence.capture import write_pcapng
from harness.evidence.peer_report import Hygiene, Residue
from harness.evidence.store import EvidenceFolder
from harness.evidence.wireshark import tables_of
from harness.oracle.expectation import to_record


def write_case(folder: Path, case: Case | Pair) -> None:
    """Every file that the verifier reads, and the scenario beside them."""
    store, facts = EvidenceFolder(folder), case.evidence.facts
    facts = replace(facts, expectation=to_record(case.expectation, facts.engine))
    store.write_facts(facts)
    store.write_text("scenario.toml", case.scenario.path.read_text())
    clean = Hygiene(Residue((), (), ()))
    if isinstance(case, Case):
        store.write_conversation(case.conversation, tables_of(case.conversation, facts))
        for report, after in ((case.evidence.peer_report, False), (case.evidence.peer_report_after, True)):
            if report is not None:
                store.write_peer_report(report, after=after)
        store.write_json("peer/hygiene.json", clean)
        return
    store.write_json("steps.json", case.report)
    write_pcapng(folder / "wire.pcapng", [frame for each in case.wire.datagrams for frame in frames_of(each)])
    for side in ("initiator", "responder"):
        store.write_json(f"{side}/hygiene.json", clean)
