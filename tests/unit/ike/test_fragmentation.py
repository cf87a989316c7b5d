"""RFC 7383 between two engines: sizes, order, repetition, corruption, and IntAuth over what was whole before."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from engine_arrows import (
    arrows,
    assert_established,
    closed,
    from_initiator,
    message_of,
    misbehaving,
    rewrite,
)
from engine_pair import EnginePair, pair, policy, run

from harness.ike.configuration import Datagram, Path
from harness.ike.events import Ignored, MessageReceived, MessageSent
from harness.registry.messages import ExchangeType, PayloadType
from harness.registry.notifications import NotifyType
from harness.wire.message import Message
from harness.wire.payloads import EncryptedFragment, KeyExchange, Notify

LARGE = policy(ke="curve25519", addke1="modp8192")  # 1024 octets of KE data, and both ends' octets come from the rng
ML_KEM_1024 = policy(ke="curve25519", addke1="ml-kem-1024")
CBC = {"encr": "aes-256-cbc", "integ": "hmac-sha2-256-128"}


def fragments(engines: EnginePair) -> list[tuple[Datagram, EncryptedFragment]]:
    last = [(datagram, message_of(datagram).payloads[-1]) for datagram in engines.wire]
    return [(datagram, payload) for datagram, payload in last if isinstance(payload, EncryptedFragment)]


def sent(engines: EnginePair, name: str) -> tuple[int, ...]:
    """The sizes of the messages that this side's IKE_INTERMEDIATE took."""
    (event,) = [
        event
        for event in engines.of(name, MessageSent)
        if isinstance(event, MessageSent) and event.exchange == ExchangeType.IKE_INTERMEDIATE
    ]
    return event.datagrams


@pytest.mark.parametrize("limit", [576, 1280])
def test_large_messages_are_fragmented_in_both_directions(limit: int) -> None:
    engines = run(pair(ML_KEM_1024, fragment_octets=limit))
    assert_established(engines)
    count = {576: 4, 1280: 2}[limit]
    numbers = [f"{number}/{count}" for number in range(1, count + 1)]
    assert arrows(engines)[2:-2] == [f"{way} IKE_INTERMEDIATE 1 {n}" for way in ("->", "<-") for n in numbers]
    assert all(28 + len(datagram.payload) <= limit for datagram, _ in fragments(engines))
    for way in (True, False):
        first, *others = [payload for datagram, payload in fragments(engines) if from_initiator(datagram) == way]
        assert first.first_inner == PayloadType.KE and {other.first_inner for other in others} == {0}


# Octets of request and response and fragments of each, as computed in advance from RFC 7296 section 3.14 and RFC 7383.
SIZES = [
    ("ml-kem-768", {}, (1249, 1153)),
    ("ml-kem-768", CBC, (1264, 1168)),
    ("ml-kem-1024", {}, (1633, 1633)),
    ("ml-kem-1024", CBC, (1648, 1648)),
    pytest.param("ml-kem-512", {}, (865, 833), marks=pytest.mark.liboqs),
]


@pytest.mark.parametrize(("method", "cipher", "octets"), SIZES)
def test_whole_messages_have_the_size_that_the_rfcs_give(
    method: str, cipher: dict[str, str], octets: tuple[int, int]
) -> None:
    engines = run(pair(policy(ke="curve25519", addke1=method, **cipher), fragment_octets=9000))
    assert (sent(engines, "initiator"), sent(engines, "responder")) == ((octets[0],), (octets[1],))


@pytest.mark.parametrize(
    ("method", "cipher", "limit", "port", "counts"),
    [
        ("ml-kem-768", {}, 1280, 500, (1, 1)),
        ("ml-kem-768", {}, 1280, 4500, (2, 1)),  # the non-ESP marker makes the difference of one octet
        ("ml-kem-768", {}, 1281, 4500, (1, 1)),
        ("ml-kem-768", {}, 1185, 4500, (2, 1)),
        ("ml-kem-768", {}, 1184, 4500, (2, 2)),
        ("ml-kem-768", {}, 576, 500, (3, 3)),
        ("ml-kem-768", CBC, 1280, 500, (2, 1)),
        ("ml-kem-768", {}, 1200, 500, (2, 1)),
        ("ml-kem-768", {}, 1400, 4500, (1, 1)),
        ("ml-kem-1024", {}, 576, 4500, (4, 4)),
        ("ml-kem-1024", CBC, 576, 500, (4, 4)),
        ("ml-kem-1024", {}, 1400, 500, (2, 2)),
    ],
)
def test_number_of_fragments(
    method: str, cipher: dict[str, str], limit: int, port: int, counts: tuple[int, int]
) -> None:
    ports = {
        f"{name}_path": Path((f"192.0.2.{own}", port), (f"192.0.2.{3 - own}", port))
        for own, name in ((1, "initiator"), (2, "responder"))
    }
    engines = run(pair(policy(ke="curve25519", addke1=method, **cipher), fragment_octets=limit, **ports))
    assert_established(engines)
    assert (len(sent(engines, "initiator")), len(sent(engines, "responder"))) == counts
    assert all(28 + len(datagram.payload) <= limit for datagram, _ in fragments(engines))


def test_ip_version_6_has_a_larger_header() -> None:
    path = Path(("2001:db8::1", 500), ("2001:db8::2", 500))
    whole = pair(policy(ke="curve25519", addke1="ml-kem-768"), fragment_octets=1249 + 48, initiator_path=path)
    whole.responder._machine.configuration = replace(
        whole.responder._machine.configuration, path=Path(path.remote, path.local)
    )
    assert sent(run(whole), "initiator") == (1249,)


@pytest.mark.parametrize("small", [True, False])
def test_liveness_is_never_fragmented(small: bool) -> None:
    engines = run(pair(LARGE, fragment_octets=576))
    side = engines.initiator if small else engines.responder
    side.send_liveness(engines.now)
    engines.deliver()
    assert "INFORMATIONAL" in arrows(engines)[-2] and "/" not in arrows(engines)[-2]


@pytest.mark.parametrize("without", ["initiator", "responder"])
def test_without_the_peer_s_announcement_nothing_is_fragmented(without: str, monkeypatch: pytest.MonkeyPatch) -> None:
    announcement = Notify(NotifyType.IKEV2_FRAGMENTATION_SUPPORTED)

    def strip(message: Message) -> Message:
        return replace(message, payloads=tuple(p for p in message.payloads if p != announcement))

    engines = pair(LARGE, fragment_octets=576)
    engines.tamper = rewrite(strip, by_initiator=without == "initiator")
    run(engines)
    other = "responder" if without == "initiator" else "initiator"
    assert len(sent(engines, other)) == 1
    assert len(sent(engines, without)) == 3


@pytest.mark.parametrize("cipher", [{}, CBC, {"encr": "chacha20-poly1305"}], ids=["gcm", "cbc", "chacha20"])
def test_int_auth_is_the_same_with_and_without_fragmentation(cipher: dict[str, str]) -> None:
    offer = policy(ke="curve25519", addke1="modp8192", **cipher)
    whole = run(pair(offer, fragment_octets=9000)).initiator.keylog
    for limit in (576, 1280):
        cut = run(pair(offer, fragment_octets=limit)).initiator.keylog
        assert cut.int_auth_initiator == whole.int_auth_initiator
        assert cut.int_auth_responder == whole.int_auth_responder


# Fragments that arrive otherwise than they left.


def reordered(engines: EnginePair, order: Callable[[list[bytes]], list[bytes]], *, by_initiator: bool) -> None:
    """Hold one side's fragments until all are there, then let them go in another order."""
    held: list[bytes] = []

    def tamper(datagram: Datagram) -> list[bytes]:
        last = message_of(datagram).payloads[-1]
        if not isinstance(last, EncryptedFragment) or from_initiator(datagram) != by_initiator:
            return [datagram.payload]
        held.append(datagram.payload)
        if len(held) % last.total_fragments:
            return []
        batch = held[-last.total_fragments :]
        return order(batch)

    engines.tamper = tamper


ORDERS: dict[str, Callable[[list[bytes]], list[bytes]]] = {
    "reversed": lambda batch: batch[::-1],
    "shuffled": lambda batch: [batch[1], batch[2], batch[0]],
    "each twice": lambda batch: [octets for octets in batch for _ in range(2)],
    "a whole set twice": lambda batch: batch * 2,
    "corrupted ones in front": lambda batch: [octets[:-1] + bytes((octets[-1] ^ 1,)) for octets in batch] + batch,
    "corrupted ones between": lambda batch: [x for octets in batch for x in (octets[:-1] + b"?", octets)],
}


@pytest.mark.parametrize("name", ORDERS)
@pytest.mark.parametrize("by_initiator", [True, False], ids=["requests", "responses"])
def test_fragments_in_any_order_repeated_or_beside_corrupted_ones(name: str, by_initiator: bool) -> None:
    engines = pair(LARGE, fragment_octets=576)
    reordered(engines, ORDERS[name], by_initiator=by_initiator)
    run(engines)
    assert_established(engines)
    receiver = "responder" if by_initiator else "initiator"
    received = [event.exchange for event in engines.of(receiver, MessageReceived)]  # type: ignore[union-attr]
    assert received.count(ExchangeType.IKE_INTERMEDIATE) == 1


def numbered(octets: bytes, number: int, total: int) -> bytes:
    """The same fragment under another number: it is not authentic any more."""
    return octets[:32] + number.to_bytes(2) + total.to_bytes(2) + octets[36:]


@pytest.mark.parametrize(
    ("number", "total", "why"),
    [
        (0, 3, "fragment 0 of 3 is out of range"),
        (4, 3, "fragment 4 of 3 is out of range"),
        (1, 0, "fragment 1 of 0 is out of range"),
        (1, 65535, "the Integrity Checksum Data does not fit"),
        (3, 4, "the Integrity Checksum Data does not fit"),
    ],
)
def test_bad_numbers_are_discarded_and_poison_nothing(number: int, total: int, why: str) -> None:
    engines = pair(LARGE, fragment_octets=576)
    reordered(engines, lambda batch: [batch[0], numbered(batch[1], number, total), *batch[1:]], by_initiator=True)
    run(engines)
    assert Ignored(why) in engines.events["responder"]
    assert_established(engines)


def test_a_set_with_a_larger_total_replaces_what_was_there() -> None:
    """The peer fragmented anew (RFC 7383 sections 2.5.2 and 2.6); the older, coarser set comes too late."""
    engines = pair(LARGE, fragment_octets=800)
    engines.tamper = lambda datagram: [] if "2/2" in arrow_of(datagram) else [datagram.payload]
    run(engines)
    coarse = [datagram for datagram, _ in fragments(engines)]
    assert len(coarse) == 2
    machine = engines.initiator._machine
    machine.configuration = replace(machine.configuration, fragment_octets=576)
    again = resealed(engines)
    assert len(again) == 3
    engines.tamper = lambda datagram: [datagram.payload]
    back = Path(coarse[0].path.remote, coarse[0].path.local)
    for payload in (again[0], coarse[1].payload, *again[1:]):
        engines.responder.receive_datagram(payload, back, engines.now)
    engines.deliver()
    reasons = [event.reason for event in engines.of("responder", Ignored) if isinstance(event, Ignored)]
    assert "a set of 2 fragments after one of 3" in reasons
    assert [event.datagrams for event in engines.of("responder", MessageReceived)][1] == tuple(map(len, again))  # type: ignore[union-attr]


def arrow_of(datagram: Datagram) -> str:
    last = message_of(datagram).payloads[-1]
    return f"{last.fragment_number}/{last.total_fragments}" if isinstance(last, EncryptedFragment) else ""


def resealed(engines: EnginePair) -> tuple[bytes, ...]:
    """The initiator's outstanding KE payload, cut into smaller pieces."""
    machine, state = engines.initiator._machine, engines.initiator.state
    agreement, public = state.agreement, state.key_pair.public  # type: ignore[union-attr]
    payload = KeyExchange(agreement.remaining[0], public)
    header = machine.header(ExchangeType.IKE_INTERMEDIATE, 1, response=False)
    return machine._seal(agreement, header, (payload,), agreement.path).messages


@pytest.mark.parametrize("by_initiator", [True, False], ids=["request", "response"])
def test_a_missing_fragment_is_repeated_with_the_whole_set(by_initiator: bool) -> None:
    engines = pair(LARGE, fragment_octets=576)
    lost = 0

    def lose_one(datagram: Datagram) -> list[bytes]:
        nonlocal lost
        if not lost and arrow_of(datagram) == "2/3" and from_initiator(datagram) == by_initiator:
            lost += 1
            return []
        return [datagram.payload]

    engines.tamper = lose_one
    run(engines)
    assert lost == 1 and "IKE_AUTH" not in arrows(engines)[-1]
    engines.advance(0.5)
    assert_established(engines)
    sets = [[d.payload for d, _ in fragments(engines) if from_initiator(d) == way] for way in (True, False)]
    repeated = sets[0] if by_initiator else sets[1]
    assert repeated[:3] == repeated[3:]  # bit for bit


def test_only_the_first_fragment_of_an_answered_request_brings_the_response_again() -> None:
    engines = pair(LARGE, fragment_octets=576)
    engines.tamper = lambda datagram: [datagram.payload] if from_initiator(datagram) or not arrow_of(datagram) else []
    run(engines)
    request = [datagram for datagram, _ in fragments(engines) if from_initiator(datagram)]
    response = [datagram.payload for datagram, _ in fragments(engines) if not from_initiator(datagram)]
    back = Path(request[0].path.remote, request[0].path.local)
    for datagram, answers in zip(request, (response, [], []), strict=True):
        engines.responder.receive_datagram(datagram.payload, back, engines.now)
        assert [sent.payload for sent in engines.responder.datagrams_to_send(engines.now)] == answers


def test_an_error_inside_fragments_ends_the_handshake(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(payloads: object) -> list[Notify]:
        return [Notify(NotifyType.INVALID_SYNTAX, bytes(1500))]

    misbehaving(monkeypatch, refuse, initiator=False, exchange=ExchangeType.IKE_INTERMEDIATE)  # type: ignore[arg-type]
    engines = run(pair(LARGE, fragment_octets=576))
    assert closed(engines, "initiator").kind == "refused"
