"""Cases of two peers as tables: rows initiate, columns respond, one table for each scenario."""

from __future__ import annotations

from dataclasses import dataclass

from harness.results.model import CaseRecord, PeerEntry, Run, ScenarioEntry

ROLE = "pair"


@dataclass(frozen=True, slots=True)
class PairTable:
    """One scenario between every two peers. ``rows`` has a cell for each responder, None where none is planned."""

    scenario: ScenarioEntry
    published: bool  # whether each side has its own published policy: emulated vendors take part there alone
    emulated: bool  # whether emulated vendors take part: then it is nobody's product that a cell judges
    initiators: tuple[PeerEntry, ...]
    responders: tuple[PeerEntry, ...]
    rows: tuple[tuple[CaseRecord | None, ...], ...]


def pair_tables(run: Run) -> tuple[PairTable, ...]:
    """The tables of a run, in the order of its scenarios; those of products alone come first."""
    records = [record for record in run.cases if record.role == ROLE]
    known = {scenario.id: scenario for scenario in run.header.scenarios}
    names = dict.fromkeys(record.scenario for record in records)
    tables = [_table(run, known.get(name, ScenarioEntry(name, name, ())), records) for name in names]
    return tuple(sorted(tables, key=lambda table: table.emulated))


def _table(run: Run, scenario: ScenarioEntry, records: list[CaseRecord]) -> PairTable:
    cells = {(each.initiator, each.responder): each for each in records if each.scenario == scenario.id}
    initiators = _peers(run, [first for first, _ in cells])
    responders = _peers(run, [second for _, second in cells])
    rows = tuple(tuple(cells.get((row.name, column.name)) for column in responders) for row in initiators)
    emulated = any(peer.emulated for peer in (*initiators, *responders))
    return PairTable(scenario, scenario.published or emulated, emulated, initiators, responders, rows)


def _peers(run: Run, names: list[str]) -> tuple[PeerEntry, ...]:
    """The peers of these names in the header's order; what it does not know comes last."""
    entries = {peer.name: peer for peer in run.header.peers}
    known = [peer for name, peer in entries.items() if name in names]
    unknown = [name for name in dict.fromkeys(names) if name not in entries]
    return (*known, *(PeerEntry(name, name, name.startswith("emulated/"), "", "", "") for name in unknown))
