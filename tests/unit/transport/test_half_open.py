"""IKE SAs left half-open until the peer demands a cookie. The peer is a socket of the test's on loopback."""

from __future__ import annotations

import asyncio

import pytest
from engine_pair import configuration, policy

from harness.ike.configuration import Path
from harness.registry.messages import ExchangeType
from harness.registry.notifications import NotifyType
from harness.transport import half_open
from harness.transport.half_open import InitAnswer, until_cookies
from harness.wire.message import RESPONSE, Header, Message
from harness.wire.payloads import Nonce, Notify

ORDINARY, COOKIE = Nonce(bytes(32)), Notify(NotifyType.COOKIE, bytes(8))


class Peer(asyncio.DatagramProtocol):
    """Answers request after request with the next of ``answers``; None is silence, octets are sent as they are."""

    def __init__(self, *answers: Nonce | Notify | bytes | None) -> None:
        self._answers, self.ports = iter(answers), set()

    def connection_made(self, transport):
        self._transport = transport

    def datagram_received(self, data, addr):
        self.ports.add(addr[1])
        answer = next(self._answers)
        if answer is not None:
            header = Header(data[:8], bytes(8), ExchangeType.IKE_SA_INIT, RESPONSE, 0)
            octets = answer if isinstance(answer, bytes) else Message(header, (answer,)).to_bytes()
            self._transport.sendto(octets, addr)


def asked(peer: Peer, most: int = 5) -> list[InitAnswer]:
    async def ask() -> list[InitAnswer]:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(lambda: peer, local_addr=("127.0.0.1", 0))
        path = Path(("127.0.0.1", 0), transport.get_extra_info("sockname"))
        try:
            return await until_cookies(configuration(True, policy(ke="curve25519"), path=path), most)
        finally:
            transport.close()

    return asyncio.run(ask())


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(half_open, "_PATIENCE", 0.2)
    monkeypatch.setattr(half_open, "_PAUSE", 0.01)


def test_a_peer_that_counts_late_is_asked_again():
    """A daemon under load answers before it counts: one half-open IKE SA alone then proves nothing."""
    peer = Peer(ORDINARY, ORDINARY, COOKIE)
    assert asked(peer) == [InitAnswer.OTHER, InitAnswer.OTHER, InitAnswer.COOKIE]
    assert len(peer.ports) == 3


def test_a_peer_that_demands_at_once_is_asked_once():
    assert asked(Peer(COOKIE)) == [InitAnswer.COOKIE]


def test_a_peer_that_never_demands_is_asked_so_often_and_no_more():
    assert asked(Peer(*[ORDINARY] * 4), most=3) == [InitAnswer.OTHER] * 3


def test_silence_ends_it():
    assert asked(Peer(ORDINARY, None)) == [InitAnswer.OTHER, InitAnswer.NONE]


def test_octets_that_are_no_message_are_no_cookie():
    assert asked(Peer(b"\0", COOKIE)) == [InitAnswer.OTHER, InitAnswer.COOKIE]


def test_nothing_is_asked_where_none_is_wanted():
    assert asked(Peer(), most=0) == []
