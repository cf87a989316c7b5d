"""The peer's time runs while it is the peer's turn."""

from __future__ import annotations

import pytest

from harness.transport import peer_time
from harness.transport.peer_time import PeerTime


class Clock:
    now = 1000.0

    def monotonic(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    made = Clock()
    monkeypatch.setattr(peer_time, "time", made)
    return made


def test_it_runs_out(clock):
    time = PeerTime(20)
    assert (time.end(), time.remaining()) == (1020, 20)
    clock.now += 25
    assert time.remaining() == 0


def test_it_stands_still_while_something_of_ours_is_under_way(clock):
    time = PeerTime(20)
    clock.now += 5
    with time.held("the runner"):
        clock.now += 300
        assert time.remaining() == 15
        clock.now += 300
    clock.now += 5
    assert time.remaining() == 10


def test_a_hold_may_have_an_end_of_its_own(clock):
    time = PeerTime(20)
    time.hold("a verb", at_most=10)
    clock.now += 4
    assert time.remaining() == 20
    clock.now += 10
    assert time.remaining() == 16
    time.release("a verb")
    clock.now += 1
    assert time.remaining() == 15


def test_two_holds_at_once_count_once(clock):
    time = PeerTime(20)
    time.hold("a verb", at_most=10)
    with time.held("the runner"):
        clock.now += 15
    clock.now += 5
    assert time.remaining() == 15


def test_verbs_that_take_as_long_as_their_contract_allows_leave_the_peer_its_time(clock):
    """Initiate, what the peer says of itself twice, terminate: 10 s each, and hardly anything for the wire."""
    time = PeerTime(20)
    for verb in ("initiate", "come-up", "inspect", "terminate"):
        time.hold(verb, at_most=10)
        clock.now += 10
        time.release(verb)
        clock.now += 0.5
    assert time.remaining() == 18


def test_what_is_given_back_is_added(clock):
    time = PeerTime(20)
    clock.now += 20
    time.give(3)
    assert time.remaining() == 3
    time.release("what never was")
