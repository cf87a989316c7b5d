"""What datagrams cost a session: work and memory in proportion to their octets, whoever sends them and at any stage."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable

import pytest
from budget import assert_prepared_within_budget
from engine_pair import EnginePair, pair, policy, run

from harness.ike.configuration import Path
from harness.ike.protected import SecureChannel
from harness.ike.states import HalfOpen, Idle, Standing, agreement_of
from harness.registry.messages import ExchangeType, PayloadType
from harness.transport.recorder import Recorder
from harness.wire.message import INITIATOR, Header, Message
from harness.wire.payloads import Encrypted

POLICY = policy(ke="curve25519")
OCTETS = 16384
BODIES = {
    "nothing": b"",
    "SPIs of no octets": b"\3\0\xff\xff",
    "an unknown notification": b"\0\0\xff\xfe",
}
KINDS = [33, 34, 35, 37, 38, 39, 40, 41, 42, 43, 44, 45, 47, 48, 200]


def chain(kind: int, body: bytes, octets: int) -> bytes:
    length = 4 + len(body)
    count = octets // length
    return b"".join(bytes((kind if n < count - 1 else 0, 0)) + length.to_bytes(2) + body for n in range(count))


def stage(state: type) -> EnginePair:
    """A responder that is so far: nothing heard, IKE_SA_INIT answered, all done."""
    engines = pair(POLICY)
    if state is HalfOpen:
        engines.tamper = lambda datagram: [datagram.payload] if datagram.path.local[0] == "192.0.2.1" else []
    if state is not Idle:
        run(engines)
    assert isinstance(engines.responder.state, state)
    return engines


def cost_little(state: type, sent: Callable[[EnginePair], list[bytes]]) -> None:
    """Datagrams to a responder, as the worker hands them on and tells of them."""

    def prepare() -> Callable[[], None]:
        engines, recorder, path = stage(state), Recorder(), Path(("192.0.2.2", 500), ("192.0.2.1", 500))
        session, datagrams = engines.responder, sent(engines)

        def read() -> None:
            for datagram in datagrams:
                session.receive_datagram(datagram, path, 1.0)
                session.datagrams_to_send(1.0)
                while (event := session.next_event()) is not None:
                    recorder.take(event, 1.0)

        return read

    assert_prepared_within_budget(sum(map(len, sent(stage(state)))), prepare)


def header_of(engines: EnginePair, exchange: int, message_id: int) -> Header:
    return Header(*engines.responder.spis, ExchangeType(exchange), INITIATOR, message_id)


def channel_of(engines: EnginePair) -> SecureChannel:
    """The keys of the initiator's direction."""
    agreement = agreement_of(engines.responder.state)
    assert agreement is not None
    return engines.responder._machine.channel(agreement, sending=False)


def begun(first: int, payloads: bytes) -> bytes:
    """An IKE_SA_INIT request."""
    header = Header(b"initiate", bytes(8), ExchangeType.IKE_SA_INIT, INITIATOR, 0)
    return header.to_bytes(first, 28 + len(payloads)) + payloads


@pytest.mark.parametrize("what", BODIES)
def test_a_chain_of_payloads_in_the_clear(what: str) -> None:
    for kind in KINDS:
        octets = begun(kind, chain(kind, BODIES[what], OCTETS - 28))
        cost_little(Idle, lambda _, octets=octets: [octets])  # type: ignore[misc]


@pytest.mark.parametrize(("state", "exchange"), [(HalfOpen, 35), (HalfOpen, 43), (Standing, 37), (Standing, 36)])
@pytest.mark.parametrize("what", ["nothing", "SPIs of no octets"])
def test_a_chain_of_payloads_inside_of_sk(state: type, exchange: int, what: str) -> None:
    for kind in (41, 42, 45, 200):

        def sent(engines: EnginePair, kind: int = kind) -> list[bytes]:
            header = header_of(engines, exchange, engines.responder._machine.window.next_peer)
            plain = chain(kind, BODIES[what], OCTETS - 100)
            return [channel_of(engines)._seal_one(header, kind, plain, os.urandom)]

        cost_little(state, sent)


def test_an_offer_of_thousands_of_transforms_with_a_nonce_and_a_key() -> None:
    transforms = [struct.pack(">BBHBBH", 3, 0, 8, n % 5 + 1, 0, n) for n in range(254)]
    rest = b"".join(transforms) + struct.pack(">BBHBBH", 0, 0, 8, 1, 0, 20)
    more = [2] * 6 + [0]
    body = b"".join(
        struct.pack(">BBHBBBB", last, 0, 8 + len(rest), n, 1, 0, 255) + rest for n, last in enumerate(more, start=1)
    )
    key_exchange = bytes((40, 0)) + (40).to_bytes(2) + b"\0\x1f\0\0" + bytes(32)
    nonce = bytes((0, 0)) + (36).to_bytes(2) + bytes(32)
    octets = begun(33, bytes((34, 0)) + (4 + len(body)).to_bytes(2) + body + key_exchange + nonce)
    assert Message.parse(octets)
    cost_little(Idle, lambda _: [octets])


@pytest.mark.parametrize("octets", [28, 29, 40])
def test_a_flood_of_what_is_no_message(octets: int) -> None:
    cost_little(Standing, lambda _: [bytes(octets)] * (OCTETS // octets))


def test_a_flood_of_repeated_requests() -> None:
    """A header alone is as good as the whole request: the same response goes out again, and is kept once."""

    def sent(engines: EnginePair) -> list[bytes]:
        again = Message(header_of(engines, 37, engines.responder._machine.window.next_peer - 1), ()).to_bytes()
        return [again] * (OCTETS // len(again))

    cost_little(Standing, sent)


def test_a_flood_of_forged_messages() -> None:
    def sent(engines: EnginePair) -> list[bytes]:
        message = Message(header_of(engines, 37, 2), (Encrypted(PayloadType.NOTIFY, bytes(40)),)).to_bytes()
        return [message] * (OCTETS // len(message))

    cost_little(Standing, sent)


def test_a_flood_of_authentic_requests() -> None:
    def sent(engines: EnginePair) -> list[bytes]:
        first, channel = engines.responder._machine.window.next_peer, channel_of(engines)
        headers = (header_of(engines, 37, number) for number in range(first, first + 200))
        return [channel.seal(header, (), os.urandom, None).messages[0] for header in headers]

    cost_little(Standing, sent)


@pytest.mark.parametrize("growing", [False, True])
def test_a_flood_of_fragments(growing: bool) -> None:
    """Of a message of 65,535, most of which never come; or sets that begin anew, larger each time."""

    def sent(engines: EnginePair) -> list[bytes]:
        channel, header = channel_of(engines), header_of(engines, 37, engines.responder._machine.window.next_peer)
        one = channel._seal_fragments(header, 41, bytes(60), os.urandom, 69)[0]
        places = [(1, 2 + n) if growing else (1 + n, 65535) for n in range(OCTETS // len(one))]
        return [channel._finish(one[:32] + struct.pack(">HH", *place), b"1" * 12, os.urandom) for place in places]

    cost_little(Standing, sent)
