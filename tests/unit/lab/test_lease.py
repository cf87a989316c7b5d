"""Who holds a warm peer: it goes when retired and its last user has left; a retired one is never handed out."""

from types import SimpleNamespace

import pytest

from harness.lab.docker_runtime import EXCLUSIVE_COPIES, Lab

SHARED = SimpleNamespace(name="strongswan-6.1", concurrent=True)
EXCLUSIVE = SimpleNamespace(name="openiked-7.4", concurrent=False)


class Peer(SimpleNamespace):
    def __init__(self):
        super().__init__(uses=0, retired=False, removed=0)

    def remove(self):
        self.removed += 1


@pytest.fixture
def lab(monkeypatch):
    """A lab whose warm peers are these: each is handed out until it is retired."""
    made = Lab("test")
    made.supply = [Peer() for _ in range(3)]

    def peer(_peer, _daemon=None, _copy=0):
        return next(each for each in made.supply if not each.retired)

    monkeypatch.setattr(made, "peer", peer)
    return made


def test_a_retired_peer_goes_with_its_last_user(lab):
    with lab.lease(SHARED) as first, lab.lease(SHARED) as neighbour:
        assert neighbour is first
        lab.recycle(first)
        with lab.lease(SHARED) as fresh:
            assert fresh is not first
        assert first.removed == 0
    assert (first.removed, fresh.removed) == (1, 0)


def test_an_unused_peer_goes_at_once_and_only_once(lab):
    with lab.lease(SHARED) as first:
        pass
    lab.recycle(first)
    lab.recycle(first)
    assert first.removed == 1


def test_a_peer_retired_between_being_found_and_being_taken_is_not_taken(lab, monkeypatch):
    found = lab.peer
    unlucky = lab.supply[0]

    def peer(wanted, daemon=None, copy=0):
        running = found(wanted, daemon, copy)
        if running is unlucky:
            lab.recycle(unlucky)  # by a neighbour whose case failed, at just this moment
        return running

    monkeypatch.setattr(lab, "peer", peer)
    with lab.lease(SHARED) as running:
        assert running is not unlucky
    assert unlucky.removed == 1


def test_a_peer_that_takes_one_case_at_a_time_is_leased_copy_by_copy(lab, monkeypatch):
    monkeypatch.setattr(lab, "peer", lambda _peer, _daemon=None, copy=0: lab.supply[copy])
    with lab.lease(EXCLUSIVE) as one, lab.lease(EXCLUSIVE) as other:
        assert one is not other
        assert {one.uses, other.uses} == {1}
        assert lab._free_copies[EXCLUSIVE.name].empty()
    assert lab._free_copies[EXCLUSIVE.name].qsize() == EXCLUSIVE_COPIES
    with lab.lease(EXCLUSIVE) as again:
        assert again in (one, other)
