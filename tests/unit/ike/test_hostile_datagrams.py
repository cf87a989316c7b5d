"""Whatever arrives: nothing raises, nothing unauthentic ends an IKE SA, repeated requests get their answer again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from engine_arrows import arrows, assert_established, closed, from_initiator, message_of, misbehaving
from engine_pair import EnginePair, pair, policy, run

from harness.ike.configuration import Datagram, Path
from harness.ike.events import Ignored
from harness.ike.machine import Machine
from harness.ike.states import Gone, HalfOpen, Idle, Standing
from harness.registry.messages import ExchangeType, PayloadType
from harness.registry.notifications import NotifyType
from harness.wire.message import Header, Message
from harness.wire.payload import Payload
from harness.wire.payloads import Encrypted, EncryptedFragment, Nonce, Notify, Unknown

CLASSICAL = policy(ke="curve25519")
HYBRID = policy(ke="curve25519", addke1="ecp256")
CRITICAL = Unknown(PayloadType(200), b"new", flags=0x80)


def arrive(engines: EnginePair, octets: bytes, at: str = "responder") -> list[bytes]:
    """Hand octets to one side as if the other had sent them; what it answers."""
    session = getattr(engines, at)
    session.receive_datagram(octets, session._machine.configuration.path, engines.now)
    return [datagram.payload for datagram in session.datagrams_to_send(engines.now)]


def last_reason(engines: EnginePair, at: str = "responder") -> str:
    engines.deliver()
    return engines.of(at, Ignored)[-1].reason  # type: ignore[union-attr]


@pytest.mark.parametrize("exchange", [ExchangeType.IKE_INTERMEDIATE, ExchangeType.IKE_AUTH])
@pytest.mark.parametrize("by_initiator", [True, False])
def test_critical_unknown_payload_inside_sk(
    exchange: ExchangeType, by_initiator: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def add(payloads: Sequence[Payload]) -> Sequence[Payload]:
        return [CRITICAL, *payloads]

    answers: list[Payload] = []
    misbehaving(monkeypatch, add, initiator=by_initiator, exchange=exchange)
    _record_notifies(monkeypatch, answers)
    engines = run(pair(HYBRID))
    victim = "responder" if by_initiator else "initiator"
    assert closed(engines, victim).notify == NotifyType.UNSUPPORTED_CRITICAL_PAYLOAD
    assert Notify(NotifyType.UNSUPPORTED_CRITICAL_PAYLOAD, b"\xc8") in answers
    if by_initiator:
        event = closed(engines, "initiator")
        assert (event.kind, event.notify) == ("refused", NotifyType.UNSUPPORTED_CRITICAL_PAYLOAD)


def _record_notifies(monkeypatch: pytest.MonkeyPatch, into: list[Payload]) -> None:
    seal = Machine._seal

    def recorded(self, agreement, header, payloads, path):  # type: ignore[no-untyped-def]
        into.extend(payloads)
        return seal(self, agreement, header, payloads, path)

    monkeypatch.setattr(Machine, "_seal", recorded)


def test_critical_unknown_payload_in_ike_sa_init() -> None:
    engines = pair(CLASSICAL)

    def add(datagram: Datagram) -> list[bytes]:
        message = message_of(datagram)
        if not from_initiator(datagram):
            return [datagram.payload]
        return [replace(message, payloads=(*message.payloads, CRITICAL)).to_bytes()]

    engines.tamper = add
    run(engines)
    answer = message_of(engines.wire[1])
    assert answer.payloads == (Notify(NotifyType.UNSUPPORTED_CRITICAL_PAYLOAD, b"\xc8"),)
    engines.advance(0.2)
    assert closed(engines, "initiator").notify == NotifyType.UNSUPPORTED_CRITICAL_PAYLOAD


def test_critical_bit_on_a_known_payload_and_unknown_payloads_without_it_are_ignored(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def change(payloads: Sequence[Payload]) -> Sequence[Payload]:
        return [Unknown(PayloadType(200), b"new", flags=0x7F), *(replace(p, flags=0xFF) for p in payloads)]

    misbehaving(monkeypatch, change, initiator=True, exchange=ExchangeType.IKE_AUTH)
    assert_established(run(pair(HYBRID)))


def test_payloads_in_another_order_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    misbehaving(monkeypatch, lambda payloads: payloads[::-1], initiator=True, exchange=ExchangeType.IKE_AUTH)
    assert_established(run(pair(HYBRID)))


def test_major_version_3_is_dropped_and_answered_with_ours() -> None:
    engines = pair(CLASSICAL)
    header = Header(b"12345678", bytes(8), ExchangeType.IKE_SA_INIT, 0x08, 0, version=0x30)
    (answer,) = arrive(engines, Message(header, (Nonce(bytes(32)),)).to_bytes())
    message = Message.parse(answer)
    assert message.payloads == (Notify(NotifyType.INVALID_MAJOR_VERSION),)
    assert (message.header.version, message.header.initiator_spi) == (0x20, b"12345678")
    assert message.header.is_response and not message.header.from_initiator
    assert isinstance(engines.responder.state, Idle)
    assert last_reason(engines) == "major version 3"


def test_versions_below_2_and_responses_of_version_3_are_dropped_unanswered() -> None:
    engines = pair(CLASSICAL)
    for version, flags in ((0x10, 0x08), (0x30, 0x28)):
        header = Header(b"12345678", bytes(8), ExchangeType.IKE_SA_INIT, flags, 0, version=version)
        assert arrive(engines, Message(header, ()).to_bytes()) == []


def test_minor_version_and_reserved_flags_are_ignored() -> None:
    engines = run(pair(CLASSICAL))
    machine = engines.initiator._machine
    true = type(machine).header
    header = replace(true(machine, ExchangeType.INFORMATIONAL, 2, False), version=0x2F, flags=0x08 | 0xD7 & ~0x20)
    sealed = machine.channel(engines.initiator.state.agreement, sending=True).seal(header, (), bytes, None)  # type: ignore[union-attr]
    assert len(arrive(engines, sealed.messages[0])) == 1


def garbage(engines: EnginePair) -> dict[str, bytes]:
    spi_i, spi_r = engines.initiator.spis
    header = Header(spi_i, spi_r, ExchangeType.INFORMATIONAL, 0x08, 2)
    empty = Message(header, (Encrypted(PayloadType.NO_NEXT_PAYLOAD, b""),))
    return {
        "nothing": b"",
        "a header cut short": bytes(27),
        "no SK payload": Message(header, ()).to_bytes(),
        "an error in the clear": Message(header, (Notify(NotifyType.INVALID_IKE_SPI),)).to_bytes(),
        "an empty SK payload": empty.to_bytes(),
        "an SK payload too short": replace(empty, payloads=(Encrypted(PayloadType.KE, bytes(24)),)).to_bytes(),
        "an SK payload of noise": replace(empty, payloads=(Encrypted(PayloadType.KE, bytes(99)),)).to_bytes(),
        "an SKF payload of noise": replace(
            empty, payloads=(EncryptedFragment(PayloadType.KE, 1, 2, bytes(99)),)
        ).to_bytes(),
        "an empty SKF payload": replace(empty, payloads=(EncryptedFragment(PayloadType.KE, 1, 2, b""),)).to_bytes(),
        "another initiator's SPI": replace(empty, header=replace(header, initiator_spi=bytes(8))).to_bytes(),
        "another responder's SPI": replace(empty, header=replace(header, responder_spi=b"12345678")).to_bytes(),
        "our own direction": replace(empty, header=replace(header, flags=0)).to_bytes(),
        "a response to nothing": replace(empty, header=replace(header, flags=0x28)).to_bytes(),
        "a message id too high": replace(empty, header=replace(header, message_id=7)).to_bytes(),
        "an old message id": replace(empty, header=replace(header, message_id=0)).to_bytes(),
    }


@pytest.mark.parametrize("name", garbage(run(pair(CLASSICAL))))
def test_unauthentic_octets_change_nothing(name: str) -> None:
    engines = run(pair(CLASSICAL))
    before = engines.responder.state
    assert arrive(engines, garbage(engines)[name]) == []
    assert engines.responder.state == before and isinstance(before, Standing)
    assert last_reason(engines)
    engines.initiator.send_liveness(engines.now)
    engines.deliver()
    assert arrows(engines)[-1] == "<- INFORMATIONAL 2"


def test_noise_between_all_messages_does_not_stop_a_handshake() -> None:
    engines = pair(HYBRID)

    def noise(datagram: Datagram) -> list[bytes]:
        octets = datagram.payload
        spoiled = octets[:-1] + bytes((octets[-1] ^ 1,)) if "SA_INIT" not in str(message_of(datagram)) else b""
        return [b"", octets[:-1], octets + b"\0", spoiled, octets]

    engines.tamper = noise
    run(engines)
    assert_established(engines)


def test_a_repeated_request_gets_the_same_response_in_every_state() -> None:
    engines = run(pair(HYBRID))
    for request, response in zip(engines.wire[::2], engines.wire[1::2], strict=True):
        fresh = pair(HYBRID)
        position = engines.wire.index(request)
        fresh.tamper = lambda d, end=position, f=fresh: [d.payload] if len(f.wire) <= end + 1 else []
        run(fresh)
        assert arrive(fresh, request.payload) == [response.payload]


def test_a_retransmitted_ike_sa_init_of_a_half_open_sa_gets_the_same_response() -> None:
    engines = pair(CLASSICAL)
    engines.tamper = lambda datagram: [datagram.payload] if from_initiator(datagram) else []
    run(engines)
    engines.advance(0.5)
    assert arrows(engines) == ["-> IKE_SA_INIT 0", "<- IKE_SA_INIT 0"] * 2
    assert engines.wire[0].payload == engines.wire[2].payload
    assert engines.wire[1].payload == engines.wire[3].payload
    assert isinstance(engines.responder.state, HalfOpen)


@pytest.mark.parametrize("lost", range(6))
def test_any_one_lost_datagram_is_made_good_by_retransmission(lost: int) -> None:
    engines = pair(HYBRID)
    engines.tamper = lambda datagram: [] if len(engines.wire) == lost + 1 else [datagram.payload]
    run(engines)
    engines.tamper = lambda datagram: [datagram.payload]
    engines.advance(0.5)
    assert_established(engines)


def test_a_malformed_payload_inside_ike_auth_ends_the_handshake(monkeypatch: pytest.MonkeyPatch) -> None:
    bad = [Unknown(PayloadType.AUTH, b"\2")]
    misbehaving(monkeypatch, lambda _: bad, initiator=True, exchange=ExchangeType.IKE_AUTH)
    engines = run(pair(CLASSICAL))
    assert closed(engines, "responder").kind == "malformed"
    assert closed(engines, "initiator").notify == NotifyType.INVALID_SYNTAX


@pytest.mark.parametrize("exchange", [ExchangeType.IKE_INTERMEDIATE, ExchangeType.IKE_AUTH])
def test_a_malformed_payload_in_a_response_ends_the_handshake(
    exchange: ExchangeType, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = [Unknown(PayloadType.AUTH, b"\2")]
    misbehaving(monkeypatch, lambda _: bad, initiator=False, exchange=exchange)
    engines = run(pair(HYBRID))
    assert closed(engines, "initiator").kind == "malformed"
    assert arrows(engines)[-1].startswith(("-> INFORMATIONAL", "<- INFORMATIONAL"))


def test_a_pad_length_that_does_not_fit_is_malformed() -> None:
    engines = run(pair(CLASSICAL))
    machine = engines.initiator._machine
    channel = machine.channel(engines.initiator.state.agreement, sending=True)  # type: ignore[union-attr]
    header = machine.header(ExchangeType.INFORMATIONAL, 2, response=False)
    prefix = header.to_bytes(46, 28 + 4 + 8 + 2 + 16) + b"\0\0\0\x1e"
    iv = bytes(8)
    octets = prefix + iv + channel.protection.seal(channel.sk_e, channel.sk_a, iv, prefix, b"\0\x02")
    (answer,) = arrive(engines, octets)
    assert Message.parse(answer).header.is_response
    engines.deliver()
    assert closed(engines, "responder").kind == "malformed"


def test_padding_of_any_length_and_content_is_taken() -> None:
    engines = run(pair(CLASSICAL))
    machine = engines.initiator._machine
    channel = machine.channel(engines.initiator.state.agreement, sending=True)  # type: ignore[union-attr]
    header = machine.header(ExchangeType.INFORMATIONAL, 2, response=False)
    prefix = header.to_bytes(46, 28 + 4 + 8 + 256 + 16) + b"\0\0" + (4 + 8 + 256 + 16).to_bytes(2)
    iv, padded = bytes(8), bytes(range(255)) + b"\xff"
    octets = prefix + iv + channel.protection.seal(channel.sk_e, channel.sk_a, iv, prefix, padded)
    assert len(arrive(engines, octets)) == 1
    assert isinstance(engines.responder.state, Standing)


def test_on_port_4500_only_what_has_the_marker_is_ike() -> None:
    engines = run(pair(CLASSICAL))
    path = Path(("192.0.2.2", 4500), ("192.0.2.1", 4500))
    for payload in (b"\xff", bytes(3), b"\1\2\3\4" + bytes(40)):
        engines.responder.receive_datagram(payload, path, engines.now)
        assert last_reason(engines) == "no non-ESP marker on the NAT traversal port"


def test_an_engine_that_is_gone_ignores_what_follows() -> None:
    engines = run(pair(CLASSICAL))
    engines.initiator.delete(engines.now)
    engines.deliver()
    assert isinstance(engines.responder.state, Gone)
    header = Header(*engines.initiator.spis, ExchangeType.INFORMATIONAL, 0x08, 3)
    assert arrive(engines, Message(header, (Encrypted(PayloadType(0), bytes(40)),)).to_bytes()) == []
    assert last_reason(engines).endswith("has no place in Gone")
