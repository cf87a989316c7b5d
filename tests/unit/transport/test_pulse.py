"""The heartbeat: who stood still, and for how long."""

from __future__ import annotations

import pytest

from harness.evidence.interruption import OwnProcess
from harness.transport.pulse import INTERVAL_S, OWN_LIMIT_S, SILENCE_LIMIT_S, Pulse

ME, OTHER = OwnProcess.WORKER, OwnProcess.RUNNER


def beating(pulse, began, ended, *, other=True):
    """Both beat from one time to another, or only we do."""
    now = began
    while now < ended:
        pulse.tick(now)
        if other:
            pulse.heard(now)
        now += INTERVAL_S
    return now


def told(pulse, began, now):
    return [(each.side, pytest.approx(each.seconds, abs=INTERVAL_S)) for each in pulse.since(began, now)]


def test_two_that_beat_have_nothing_to_tell():
    pulse = Pulse(ME, 100)
    now = beating(pulse, 100, 160)
    assert pulse.since(100, now) == ()


def test_a_gap_of_our_own_is_ours_and_no_silence_of_the_other_one():
    for first in ("tick", "heard", "since"):  # whichever thread is the first to run again
        pulse = Pulse(ME, 100)
        now = beating(pulse, 100, 110) + 25
        if first != "since":
            getattr(pulse, first)(now)
        assert told(pulse, 100, now) == [(ME, 25)]
        assert told(pulse, 100, beating(pulse, now, now + 10)) == [(ME, 25)]


def test_a_silence_of_the_other_one_is_told_while_it_lasts_and_afterwards():
    pulse = Pulse(ME, 100)
    now = beating(pulse, 100, 120, other=False)
    assert told(pulse, 100, now) == [(OTHER, 20)]
    pulse.heard(now)
    assert told(pulse, 100, now) == [(OTHER, 20)]
    assert told(pulse, 100, beating(pulse, now, now + 60)) == [(OTHER, 20)]


def test_what_was_over_before_a_case_began_is_not_told_of_it():
    pulse = Pulse(ME, 100)
    now = beating(pulse, 100, 110) + 25
    pulse.tick(now)
    pulse.heard(now)
    assert told(pulse, now + 1, beating(pulse, now, now + 5)) == []
    assert told(pulse, now - 1, now + 5) == [(ME, 25)]


def test_a_short_gap_does_not_count():
    pulse = Pulse(ME, 100)
    now = 100.0
    for _ in range(20):
        now += OWN_LIMIT_S
        pulse.tick(now)
        if now - 100 < SILENCE_LIMIT_S:
            pulse.heard(now)
    assert all(each.side is OTHER for each in pulse.since(100, now))


def test_what_the_other_one_did_not_say_before_its_start_is_no_silence():
    pulse = Pulse(ME, 100)
    now = beating(pulse, 100, 150, other=False)
    pulse.begin(now)
    assert pulse.since(100, now) == ()
