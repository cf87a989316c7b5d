"""Who holds a warm peer: it goes when retired and its last user has left; a retired one is never handed out."""

from types import SimpleNamespace

import pytest

from harness.lab.driver import DaemonSettings
from harness.lab.warm_peers import EXCLUSIVE_COPIES, WarmPeers
from harness.scenario.peer_file import load_peers

COOKIES = DaemonSettings(cookie_threshold=1)


class Running(SimpleNamespace):
    """A started peer, as far as its leases go."""

    def __init__(self, peer):
        super().__init__(peer=peer, uses=0, retired=False, removed=0, runs=True)
        self.container = SimpleNamespace(is_running=lambda: self.runs)

    def remove(self):
        self.removed += 1


class Starter:
    """Starts peers, and keeps what was started."""

    def __init__(self):
        self.started = []

    def __call__(self, peer, daemon, files):
        assert files
        self.started.append(Running(peer))
        return self.started[-1]


@pytest.fixture
def starter():
    return Starter()


@pytest.fixture
def warm(starter):
    return WarmPeers(starter)


@pytest.fixture
def peers(root):
    return load_peers(root / "peers")


@pytest.fixture
def shared(peers):
    return peers["strongswan-6.1"]


@pytest.fixture
def exclusive(peers):
    return peers["openiked-7.4"]


def test_a_peer_stays_warm_for_each_daemon_wide_configuration(warm, shared):
    plain = warm.running(shared)
    assert warm.running(shared, DaemonSettings()) is plain
    assert warm.running(shared, COOKIES) is not plain


def test_one_that_has_ended_is_removed_and_started_anew(warm, shared):
    dead = warm.running(shared)
    dead.runs = False
    assert warm.running(shared) is not dead
    assert dead.removed == 1


def test_a_retired_peer_goes_with_its_last_user(warm, shared):
    with warm.lease(shared) as first, warm.lease(shared) as neighbour:
        assert neighbour is first
        warm.recycle(first)
        with warm.lease(shared) as fresh:
            assert fresh is not first
        assert first.removed == 0
    assert (first.removed, fresh.removed) == (1, 0)


def test_an_unused_peer_goes_at_once_and_only_once(warm, shared):
    with warm.lease(shared) as first:
        pass
    warm.recycle(first)
    warm.recycle(first)
    assert first.removed == 1


def test_a_peer_retired_between_being_found_and_being_taken_is_not_taken(warm, shared, monkeypatch):
    found = warm.running
    unlucky = warm.running(shared)

    def running(*asked):
        if (each := found(*asked)) is unlucky:
            warm.recycle(unlucky)  # by a neighbour whose case failed, at just this moment
        return each

    monkeypatch.setattr(warm, "running", running)
    with warm.lease(shared) as taken:
        assert taken is not unlucky
    assert unlucky.removed == 1


def test_a_peer_that_takes_one_case_at_a_time_is_leased_copy_by_copy(warm, exclusive, starter):
    with warm.lease(exclusive) as one, warm.lease(exclusive) as other:
        assert one is not other
        assert {one.uses, other.uses} == {1}
        assert warm._free_copies[exclusive.name].empty()
    assert warm._free_copies[exclusive.name].qsize() == EXCLUSIVE_COPIES
    with warm.lease(exclusive) as again:
        assert again in (one, other)
    assert len(starter.started) == EXCLUSIVE_COPIES


@pytest.mark.parametrize("name", ["strongswan-6.1", "openiked-7.4"])
def test_a_peer_that_meets_itself_runs_twice(warm, peers, name):
    settings = DaemonSettings()
    with warm.lease_pair((peers[name], peers[name]), (settings, settings)) as (first, second):
        assert first is not second
        assert {first.uses, second.uses} == {1}


def test_a_pair_is_handed_out_in_the_order_asked_for_and_started_in_one_order(warm, shared, exclusive, starter):
    settings = DaemonSettings()
    for pair in ((shared, exclusive), (exclusive, shared)):
        with warm.lease_pair(pair, (settings, settings)) as taken:
            assert tuple(each.peer for each in taken) == pair
    assert [each.peer for each in starter.started] == [exclusive, shared]


def test_a_peer_alone_is_a_fresh_one_that_nobody_else_gets(warm, starter, shared):
    with warm.lease(shared) as common, warm.lease_alone(shared) as alone:
        assert alone is not common
        with warm.lease(shared) as other:
            assert other is common
        warm.recycle(alone)
        assert alone.removed == 0
    assert (alone.removed, common.removed) == (1, 0)


def test_a_peer_that_takes_one_case_at_a_time_is_alone_without_waiting(warm, starter, exclusive):
    with warm.lease(exclusive), warm.lease(exclusive), warm.lease_alone(exclusive) as alone:
        assert alone is starter.started[-1]
    assert alone.removed == 1
