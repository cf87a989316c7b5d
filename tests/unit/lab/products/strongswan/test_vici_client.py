"""A daemon whose answer has no end, in octets, events or time, or is none of the protocol's."""

from __future__ import annotations

import itertools
import struct
from types import SimpleNamespace

import pytest
from vici.protocol import Message, Packet

from harness.border import limits
from harness.lab.errors import PeerUnreachable, TooMuchSaid
from harness.lab.products.strongswan.vici_client import ViciClient

CONFIRM = struct.pack("!IB", 1, Packet.EVENT_CONFIRM)


class Daemon:
    """A relay's stream whose output is given; ``clock`` goes on by ``pause`` at each reading."""

    def __init__(self, output, clock=None, pause=0.0):
        self.output, self.clock, self.pause = iter(output), clock or [0.0], pause
        self.timeout = None
        self.closed = False
        self.read_octets = 0

    def read(self):
        if self.timeout is None or self.timeout < self.pause:
            if self.timeout is not None:
                raise TimeoutError
            raise AssertionError("an answer is waited for without end")
        self.clock[0] += self.pause
        data = next(self.output, None)
        self.read_octets += len(data or b"")
        return None if data is None else (1, data)

    def write(self, data):
        pass

    def set_timeout(self, seconds):
        self.timeout = seconds

    def close(self):
        self.closed = True


def event(octets):
    message = Message.serialize({"x": {"y": "z" * octets}})
    payload = struct.pack("!BB7s", Packet.EVENT, 7, b"list-sa") + message
    return struct.pack("!I", len(payload)) + payload


def client(daemon):
    return ViciClient("lab-1", lambda: daemon)


def test_events_without_end_are_given_up_at_the_limit():
    daemon = Daemon(itertools.chain([CONFIRM], itertools.repeat(event(60_000))))
    with pytest.raises(TooMuchSaid, match="lab-1: vici: its answer has more octets than are read of one"):
        client(daemon).stream("list-sas", "list-sa", {})
    assert limits.ANSWER_OCTETS < daemon.read_octets < limits.ANSWER_OCTETS + 100_000
    assert daemon.closed


def test_a_message_of_4_gib_is_given_up_at_the_limit():
    daemon = Daemon(itertools.chain([b"\xff\xff\xff\xff"], itertools.repeat(bytes(60_000))))
    with pytest.raises(TooMuchSaid):
        client(daemon).request("version")
    assert daemon.read_octets < limits.ANSWER_OCTETS + 100_000


@pytest.mark.parametrize("first", [b"\0", b"\0\0\0\x09\x01"])
def test_an_octet_now_and_then_has_no_more_time_than_silence(monkeypatch, first):
    clock = [0.0]
    monkeypatch.setattr("harness.lab.waiting.time", SimpleNamespace(monotonic=lambda: clock[0]))
    daemon = Daemon(itertools.chain([first], itertools.repeat(b"\0")), clock, pause=3.0)
    monkeypatch.setattr("harness.lab.products.strongswan.vici_client.REPLY_TIMEOUT_S", 10.0)
    with pytest.raises(PeerUnreachable, match="vici: TimeoutError"):
        client(daemon).request("version")
    assert clock[0] <= 10


def test_events_now_and_then_have_no_more_time_either(monkeypatch):
    clock = [0.0]
    monkeypatch.setattr("harness.lab.waiting.time", SimpleNamespace(monotonic=lambda: clock[0]))
    daemon = Daemon(itertools.chain([CONFIRM], itertools.repeat(event(10))), clock, pause=2.0)
    with pytest.raises(PeerUnreachable, match="vici: TimeoutError"):
        client(daemon).stream("list-sas", "list-sa", {}, timeout_s=9)
    assert clock[0] <= 9


@pytest.mark.parametrize(
    "answer",
    [
        b"", b"\x63", b"\x01\x03", b"\x01\x03\x02\xff\xfe\x00\x00", b"\x01\x02",
        b"\x01\x01\x01a", b"\x01" + Message.serialize({"success": "no"}),
        b"\x01" + Message.serialize({"success": "no"}) + b"\x03\x06errmsg\x00\x01\xff",
    ],
)  # fmt: skip
def test_what_is_not_the_protocol_is_a_peer_out_of_reach(answer):
    daemon = Daemon([struct.pack("!I", len(answer)) + answer])
    with pytest.raises(PeerUnreachable, match="lab-1: vici: "):
        client(daemon).request("version")
    assert daemon.closed


def test_a_session_is_used_again_with_a_fresh_limit():
    answer = Message.serialize({"version": "6.1.0"})
    reply = struct.pack("!IB", 1 + len(answer), Packet.CMD_RESPONSE) + answer
    daemon = Daemon(itertools.repeat(reply))
    vici = client(daemon)
    for _ in range(5):
        assert vici.request("version")["version"] == "6.1.0"
    assert not daemon.closed
