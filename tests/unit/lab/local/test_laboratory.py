"""The lab on loopback: its addresses for peers are a pool, and have no end in a run of any length."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from harness.lab.driver import DaemonSettings
from harness.lab.errors import LabError
from harness.lab.local import laboratory
from harness.lab.local.laboratory import LocalLab

PEER, SETTINGS = SimpleNamespace(name="engine", driver="engine"), DaemonSettings()
ADDRESSES = 127  # the lower half of a /24, without the address of the network


@pytest.fixture
def lab(monkeypatch):
    monkeypatch.setattr(laboratory, "attached", lambda _peer, _daemon, host, _files: SimpleNamespace(
        address=host.address, remove=host.remove, restart=host.restart
    ))  # fmt: skip
    with LocalLab("a-run") as made:
        yield made


def test_more_peers_than_addresses_one_after_the_other(lab):
    addresses = []
    for _ in range(2 * ADDRESSES):
        with lab.lease_alone(PEER, SETTINGS) as running:
            addresses.append(running.address)
    assert addresses[:ADDRESSES] == addresses[ADDRESSES:]
    assert len(set(addresses)) == ADDRESSES


def test_at_the_same_time_there_are_no_more_and_that_is_told(lab):
    running = [lab._start_peer(PEER, SETTINGS, {}) for _ in range(ADDRESSES)]
    with pytest.raises(LabError, match=r"all addresses for peers of 127\.\S+ are in use: run fewer cases at a time"):
        lab._start_peer(PEER, SETTINGS, {})
    running[7].restart()
    with pytest.raises(LabError):
        lab._start_peer(PEER, SETTINGS, {})
    running[7].remove()
    running[7].remove()
    assert lab._start_peer(PEER, SETTINGS, {}).address == running[7].address
    with pytest.raises(LabError):
        lab._start_peer(PEER, SETTINGS, {})
