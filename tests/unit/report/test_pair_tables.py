"""Pairs as tables: rows initiate, columns respond."""

from harness.report.pair_tables import pair_tables
from harness.results.model import PeerEntry, Run, RunHeader
from harness.results.record import never_run


def run_of(*pairs: str, peers: str = "a b") -> Run:
    entries = tuple(PeerEntry(name, name.upper(), False, "1", "", "userspace") for name in peers.split())
    header = RunHeader("r", "now", "0", 0, "full", "hash", "", {}, "", entries)
    return Run(header, tuple(never_run(f"pairs/x@{pair}@pair", "why") for pair in pairs))


def test_every_pair_stands_where_its_initiator_and_responder_cross():
    [table] = pair_tables(run_of("b+a", "a+b", "a+a"))
    assert [peer.name for peer in table.initiators] == ["a", "b"] == [peer.name for peer in table.responders]
    named = [[cell.peer if cell else None for cell in row] for row in table.rows]
    assert named == [["a+a", "a+b"], ["b+a", None]]
    assert not table.emulated


def test_a_table_with_an_emulated_member_says_so_and_comes_last():
    run = run_of("a+b", "a+emulated/x")
    [table] = pair_tables(run)
    assert table.emulated
    assert table.responders[-1].name == "emulated/x"


def test_without_pairs_there_is_no_table():
    assert pair_tables(run_of()) == ()
