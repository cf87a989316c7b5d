from __future__ import annotations

import os
from dataclasses import replace

import pytest
from engine_pair import pair, policy, run

from harness.ike.events import ChildEstablished
from harness.transport.tunnel import Tunnel

OURS, THEIRS = "198.51.100.10", "198.51.100.20"

POLICY = policy(ke="curve25519")


@pytest.fixture(params=[False, True], ids=["tunnel", "transport"])
def tunnels(request):
    engines = run(pair(POLICY, transport_mode=request.param))
    children = [engines.of(name, ChildEstablished)[0] for name in ("initiator", "responder")]
    assert [child.transport_mode for child in children] == [request.param] * 2
    ends = ((OURS, THEIRS), (THEIRS, OURS))
    return [Tunnel(child, *addresses, os.urandom) for child, addresses in zip(children, ends, strict=True)]


def test_a_request_comes_back_as_a_reply(tunnels):
    here, there = tunnels
    reply = there.receive(here.request(7))
    assert reply is not None
    assert here.receive(reply) is None
    assert here.answered
    assert here.count().replies_received == there.count().replies_sent == 1


def test_transport_mode_spares_the_inner_header(tunnels):
    tunnel, _ = tunnels
    transport = tunnel._transport
    assert len(tunnel.request(7)) == (8 + 8 + 64 + 4 + 16 if transport else 8 + 8 + 84 + 4 + 16)


def test_a_packet_of_the_other_mode_is_no_echo():
    engines = run(pair(POLICY, transport_mode=True))
    sender, receiver = (engines.of(name, ChildEstablished)[0] for name in ("initiator", "responder"))
    tunnel = Tunnel(replace(sender, transport_mode=False), OURS, THEIRS, os.urandom)
    other = Tunnel(receiver, THEIRS, OURS, os.urandom)
    assert other.receive(tunnel.request(7)) is None
    assert other.count().requests_received == 0
