"""What a case may cost."""

from __future__ import annotations

import socket

import pytest

from harness.border import limits
from harness.evidence.interruption import Overrun, Resource
from harness.transport.budget import Budget
from harness.transport.recorder import Recorder

PEER, US = socket.inet_aton("192.0.2.1"), socket.inet_aton("192.0.2.2")


def test_what_a_case_needs_is_far_below():
    budget = Budget()
    assert all(budget.frame(1500, PEER) for _ in range(200))
    assert all(budget.entry(300) for _ in range(200))
    assert budget.overrun is None


@pytest.mark.parametrize(
    ("octets", "times", "resource", "limit"),
    [
        (100, limits.CASE_FRAMES + 1, Resource.FRAMES, limits.CASE_FRAMES),
        (65_000, limits.CASE_FRAME_OCTETS // 65_000 + 1, Resource.FRAME_OCTETS, limits.CASE_FRAME_OCTETS),
    ],
)
def test_frames_are_counted_by_number_and_octets_and_by_who_sent_them(octets, times, resource, limit):
    calls = []
    budget = Budget(lambda: calls.append(1))
    budget.frame(10, US)
    kept = [budget.frame(octets, PEER) for _ in range(times)]
    assert kept.index(False) >= times - 2
    assert not budget.frame(1, PEER)
    found = budget.overrun
    assert (found.resource, found.limit, found.flooder) == (resource, limit, "192.0.2.1")
    assert found.frames["192.0.2.2"] == 1
    assert calls == [1]


def test_the_trace_has_a_budget_too():
    recorder = Recorder(budget := Budget())
    for _ in range(limits.CASE_TRACE_ENTRIES + 10):
        recorder.note(0.0, "Ignored", reason="nothing")
    assert len(recorder.trace) == limits.CASE_TRACE_ENTRIES
    assert budget.overrun.resource is Resource.TRACE_ENTRIES
    budget = Budget()
    Recorder(budget).note(0.0, "Ignored", reason="x" * (limits.CASE_TRACE_OCTETS + 1))
    assert budget.overrun.resource is Resource.TRACE_OCTETS


def test_without_a_frame_nobody_is_the_flooder():
    assert Overrun(Resource.TRACE_ENTRIES, 1, 0.0).flooder == ""
