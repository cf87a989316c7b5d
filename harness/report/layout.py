"""Where each case stands in the matrix: rows are scenarios by topic, columns are peers and roles by group."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

from harness.report.pair_tables import ROLE
from harness.report.words import EMULATED_TITLE
from harness.results.model import CaseRecord, PeerEntry, Run, ScenarioEntry, Verdict

_ACRONYMS = {"pq": "PQ", "ke": "key exchange", "esp": "ESP", "nat": "NAT", "sa": "SA", "ike": "IKE", "auth": "AUTH"}
_ROLES = ("initiator", "responder")


@dataclass(frozen=True, slots=True)
class PeerColumn:
    """One peer with its sub-columns. ``footnote`` numbers the emulated ones from 1; 0 for a product."""

    peer: PeerEntry
    roles: tuple[str, ...]
    footnote: int = 0


@dataclass(frozen=True, slots=True)
class Group:
    """Columns that may be compared with each other: products, emulated vendors."""

    title: str
    emulated: bool
    columns: tuple[PeerColumn, ...]

    @property
    def width(self) -> int:
        """The number of sub-columns."""
        return sum(len(column.roles) for column in self.columns)


@dataclass(frozen=True, slots=True)
class Row:
    """One scenario; ``cells`` has an entry for each sub-column, None where the plan has no such case."""

    scenario: ScenarioEntry
    cells: tuple[CaseRecord | None, ...]


@dataclass(frozen=True, slots=True)
class Topic:
    """The scenarios of one folder."""

    name: str
    rows: tuple[Row, ...]

    @property
    def title(self) -> str:
        """The folder's name as words: "Denial of service", "PQ only"."""
        words = [_ACRONYMS.get(word, word) for word in self.name.split("-")]
        return " ".join([words[0][:1].upper() + words[0][1:], *words[1:]])


@dataclass(frozen=True, slots=True)
class Layout:
    """The whole matrix."""

    groups: tuple[Group, ...]
    topics: tuple[Topic, ...]

    @property
    def columns(self) -> tuple[tuple[PeerColumn, str], ...]:
        """Every sub-column, from left to right."""
        return tuple((c, role) for group in self.groups for c in group.columns for role in c.roles)

    @property
    def idle(self) -> frozenset[tuple[str, str]]:
        """(peer, role) of every sub-column in which nothing was sent: all its cells are SKIPPED."""
        rows = [row.cells for topic in self.topics for row in topic.rows]
        return frozenset(
            (column.peer.name, role)
            for (column, role), cells in zip(self.columns, zip(*rows, strict=True), strict=True)
            if all(cell is None or cell.first.verdict is Verdict.SKIPPED for cell in cells)
        )


def layout(run: Run) -> Layout:
    """Lay out a run. Order is that of the header; what the header does not know comes last, by name."""
    groups = _groups(run)
    columns = [(column.peer.name, role) for group in groups for column in group.columns for role in column.roles]
    by_place = {(record.scenario, record.peer, record.role): record for record in _with_engine(run)}
    rows = [
        Row(scenario, tuple(by_place.get((scenario.id, peer, role)) for peer, role in columns))
        for scenario in _scenarios(run)
    ]
    rows.sort(key=lambda row: _topic_order(rows_topic(row), run))
    topics = tuple(Topic(name, tuple(group)) for name, group in groupby(rows, key=rows_topic))
    return Layout(groups, topics)


def rows_topic(row: Row) -> str:
    """The topic of a row: what stands before the slash of its scenario's id."""
    return row.scenario.id.partition("/")[0]


def _topic_order(topic: str, run: Run) -> int:
    topics = [scenario.id.partition("/")[0] for scenario in run.header.scenarios]
    return topics.index(topic) if topic in topics else len(topics)


def _scenarios(run: Run) -> list[ScenarioEntry]:
    used = {record.scenario for record in _with_engine(run)}
    known = [scenario for scenario in run.header.scenarios if scenario.id in used]
    unknown = sorted(used - {scenario.id for scenario in known})
    return known + [ScenarioEntry(name, name, ()) for name in unknown]


def _groups(run: Run) -> tuple[Group, ...]:
    roles: dict[str, set[str]] = {}
    for record in _with_engine(run):
        roles.setdefault(record.peer, set()).add(record.role)
    entries = {peer.name: peer for peer in run.header.peers}
    for name in sorted(set(roles) - set(entries)):
        entries[name] = PeerEntry(name, name, name.startswith("emulated/"), "", "", "")
    columns = [
        PeerColumn(peer, tuple(role for role in _ROLES if role in roles[name]))
        for name, peer in entries.items()
        if name in roles
    ]
    emulating = [column for column in columns if column.peer.emulated]
    groups = (
        Group("Products", False, tuple(column for column in columns if not column.peer.emulated)),
        Group(EMULATED_TITLE, True, tuple(PeerColumn(c.peer, c.roles, n) for n, c in enumerate(emulating, start=1))),
    )
    return tuple(group for group in groups if group.columns)


def _with_engine(run: Run) -> list[CaseRecord]:
    """The cases of our engine and a peer; those of two peers have tables of their own."""
    return [record for record in run.cases if record.role != ROLE]
