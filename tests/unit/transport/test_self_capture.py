"""A capture that the transport writes: what is read back from it is what went over loopback."""

from __future__ import annotations

import os

import pytest

from harness.border import limits
from harness.evidence.capture import read_capture, write_pcapng
from harness.ike.configuration import Path
from harness.transport.budget import Budget
from harness.transport.self_capture import MTU, SelfCapture, frames_of
from harness.transport.wiring import DIRECT, LOOPBACK, VARIABLE, Wiring, of_this_process

HERE, THERE = ("127.99.0.1", 500), ("127.99.0.2", 4500)


@pytest.mark.parametrize("octets", [0, 1, 1472, 1473, 4000, 20_000])
def test_what_was_seen_is_read_back(tmp_path, octets):
    capture, payload = SelfCapture(), os.urandom(octets)
    capture.watch((HERE[0], "10.0.0.1"), (THERE[0],), Budget())
    capture.seen(payload, HERE, THERE)
    frames, lost = capture.collect(HERE[0])
    write_pcapng(tmp_path / "wire.pcapng", frames)
    (datagram,) = read_capture(tmp_path / "wire.pcapng").datagrams
    assert (datagram.source, datagram.destination, datagram.payload, lost) == (HERE, THERE, payload, 0)
    assert sum(datagram.ip_octets) == 20 * len(frames) + 8 + octets
    assert all(each <= MTU for each in datagram.ip_octets)


def test_a_header_has_the_right_checksum():
    (frame,) = frames_of(b"x" * 100, HERE, THERE, 7)
    words = [int.from_bytes(frame[at : at + 2]) for at in range(14, 34, 2)]
    total = sum(words)
    assert (total & 0xFFFF) + (total >> 16) == 0xFFFF


def test_a_case_sees_its_own_datagrams_alone():
    capture = SelfCapture()
    capture.watch(("127.99.0.1", "10.0.0.1"), (THERE[0],), Budget())
    capture.watch(("127.99.0.3", "10.0.0.3"), (THERE[0],), Budget())
    capture.seen(b"a", ("127.99.0.1", 500), THERE)
    capture.seen(b"b", THERE, ("127.99.0.3", 500))
    capture.seen(b"c", ("127.99.0.9", 500), THERE)
    assert [frame.octets[-1:] for frame in capture.collect("127.99.0.1")[0]] == [b"a"]
    assert [frame.octets[-1:] for frame in capture.collect("127.99.0.3")[0]] == [b"b"]


def test_a_flood_is_not_kept_beyond_the_budget_of_its_case():
    capture, budget = SelfCapture(), Budget()
    capture.watch((HERE[0],), (THERE[0],), budget)
    for _ in range(limits.CASE_FRAMES + 5):
        capture.seen(b"x", THERE, HERE)
    assert budget.overrun.flooder == THERE[0]
    assert len(capture.collect(HERE[0])[0]) == limits.CASE_FRAMES


def test_well_known_ports_are_mapped_and_no_others():
    wiring = Wiring(10_000)
    for port, actual in ((500, 10_500), (4500, 14_500), (40_000, 40_000), (0, 0)):
        assert wiring.actual(("127.0.0.1", port)) == ("127.0.0.1", actual)
        assert wiring.logical(("127.0.0.1", actual)) == ("127.0.0.1", port)


def test_only_a_process_of_the_local_runtime_is_wired_so(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    assert of_this_process() is DIRECT
    monkeypatch.setenv(VARIABLE, LOOPBACK)
    seen = []
    wiring = of_this_process(lambda *told: seen.append(told))
    wiring.told(b"x", Path(HERE, THERE), sent=True)
    wiring.told(b"y", Path(HERE, THERE), sent=False)
    assert seen == [(b"x", HERE, THERE), (b"y", THERE, HERE)]
    assert not wiring.bare_esp
