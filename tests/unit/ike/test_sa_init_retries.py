"""IKE_SA_INIT sent again: COOKIE, INVALID_KE_PAYLOAD, and both in a row (RFC 7296 sections 1.2, 2.6 and 2.6.1)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from engine_arrows import arrows, assert_established, closed, drop, exchanges, from_initiator, message_of, rewrite
from engine_pair import EnginePair, pair, policy, run

from harness.ike.configuration import Datagram
from harness.ike.events import Closed
from harness.ike.states import InitSent
from harness.policy.proposals import Policy
from harness.registry.notifications import NotifyType
from harness.registry.transforms import KeyExchangeMethod
from harness.wire.message import Message
from harness.wire.payloads import KeyExchange, Nonce, Notify, SecurityAssociation

Change = Callable[[Message], Message]
OFFER = policy(ke="curve25519 ecp384", addke1="ecp256")
WRONG_GUESS = policy(ke="ecp384", addke1="ecp256")


def requests(engines: EnginePair) -> list[Message]:
    """The IKE_SA_INIT requests, in order."""
    messages = [message_of(datagram) for datagram in engines.wire if from_initiator(datagram)]
    return [message for message in messages if message.header.exchange_type == 34]


def test_cookie_comes_back_as_the_first_payload_and_all_others_stay() -> None:
    engines = run(pair(OFFER, responder_require_cookie=True))
    assert arrows(engines) == [
        "-> IKE_SA_INIT 0",
        "<- IKE_SA_INIT 0 COOKIE",
        "-> IKE_SA_INIT 0 COOKIE",
        "<- IKE_SA_INIT 0",
        *("-> IKE_INTERMEDIATE 1", "<- IKE_INTERMEDIATE 1", "-> IKE_AUTH 2", "<- IKE_AUTH 2"),
    ]
    first, second = requests(engines)
    demanded = message_of(engines.wire[1]).first(Notify)
    assert demanded is not None and 1 <= len(demanded.data) <= 64
    assert second.payloads == (Notify(NotifyType.COOKIE, demanded.data), *first.payloads)
    assert second.header == first.header
    assert message_of(engines.wire[1]).header.responder_spi == bytes(8)  # no state is kept
    assert_established(engines)


def test_wrong_guess_is_repeated_with_the_method_asked_for_and_the_same_offer() -> None:
    engines = run(pair(OFFER, WRONG_GUESS))
    assert arrows(engines)[:4] == [
        "-> IKE_SA_INIT 0",
        "<- IKE_SA_INIT 0 INVALID_KE_PAYLOAD",
        "-> IKE_SA_INIT 0",
        "<- IKE_SA_INIT 0",
    ]
    first, second = requests(engines)
    asked = message_of(engines.wire[1]).first(Notify)
    assert asked is not None and asked.data == b"\0\x14"
    assert first.first(SecurityAssociation) == second.first(SecurityAssociation)
    methods = [message.first(KeyExchange) for message in (first, second)]
    assert [ke.method for ke in methods if ke] == [KeyExchangeMethod.CURVE25519, KeyExchangeMethod.ECP_384]
    assert_established(engines)


def test_cookie_then_invalid_ke_payload() -> None:
    """The cookie goes along with the second retry, too: one round trip less (section 2.6.1)."""
    engines = run(pair(OFFER, WRONG_GUESS, responder_require_cookie=True))
    assert arrows(engines)[:6] == [
        "-> IKE_SA_INIT 0",
        "<- IKE_SA_INIT 0 COOKIE",
        "-> IKE_SA_INIT 0 COOKIE",
        "<- IKE_SA_INIT 0 INVALID_KE_PAYLOAD",
        "-> IKE_SA_INIT 0 COOKIE",
        "<- IKE_SA_INIT 0",
    ]
    assert_established(engines)


def test_a_peer_without_the_short_form_may_demand_a_cookie_anew() -> None:
    """INVALID_KE_PAYLOAD, then another COOKIE: B11's long form must not fail."""
    engines = pair(OFFER, WRONG_GUESS, responder_require_cookie=True)
    demands = 0

    def new_secret(datagram: Datagram) -> list[bytes]:
        nonlocal demands
        first = message_of(datagram).payloads[0]
        if isinstance(first, Notify) and first.notify_type == NotifyType.INVALID_KE_PAYLOAD:
            demands += 1
            engines.responder._machine.cookie_secret = b""
        return [datagram.payload]

    engines.tamper = new_secret
    run(engines)
    assert demands == 1
    assert arrows(engines).count("<- IKE_SA_INIT 0 COOKIE") == 2
    assert_established(engines)


def test_a_wrong_cookie_counts_as_none() -> None:
    spoiled = 0

    def spoil_once(message: Message) -> Message:
        nonlocal spoiled
        first, *rest = message.payloads
        if spoiled or not isinstance(first, Notify):
            return message
        spoiled += 1
        return replace(message, payloads=(replace(first, data=bytes(32)), *rest))

    engines = pair(policy(ke="curve25519"), responder_require_cookie=True)
    engines.tamper = rewrite(spoil_once, by_initiator=True)
    run(engines)
    assert spoiled == 1
    assert arrows(engines)[3] == "<- IKE_SA_INIT 0 COOKIE"  # the same cookie again, which the initiator has returned
    engines.advance(0.5)
    assert_established(engines)


@pytest.mark.parametrize("octets", [1, 64])
def test_cookies_of_legal_size_are_returned(octets: int) -> None:
    engines = pair(policy(ke="curve25519"))
    engines.tamper = rewrite(_demand(bytes([7]) * octets), by_initiator=False)
    run(engines)
    first = requests(engines)[1].payloads[0]
    assert first == Notify(NotifyType.COOKIE, bytes([7]) * octets)


@pytest.mark.parametrize("octets", [0, 65])
def test_cookies_of_illegal_size_are_misbehaviour(octets: int) -> None:
    engines = pair(policy(ke="curve25519"))
    engines.tamper = rewrite(_demand(bytes(octets)), by_initiator=False)
    run(engines)
    assert closed(engines, "initiator").kind == "misbehaved"
    assert "a cookie of 1 to 64 octets" in closed(engines, "initiator").reason


def _demand(cookie: bytes) -> Change:
    def change(message: Message) -> Message:
        header = replace(message.header, responder_spi=bytes(8))
        return Message(header, (Notify(NotifyType.COOKIE, cookie),))

    return change


def _ask_for(data: bytes) -> Change:
    def change(message: Message) -> Message:
        return Message(message.header, (Notify(NotifyType.INVALID_KE_PAYLOAD, data),))

    return change


@pytest.mark.parametrize("data", [b"", b"\0", b"\0\0\x14", b"\0\x0e"], ids=["none", "1", "3", "not offered"])
def test_invalid_ke_payload_must_name_a_method_of_the_offer(data: bytes) -> None:
    engines = pair(OFFER)
    engines.tamper = rewrite(_ask_for(data), by_initiator=False)
    run(engines)
    assert closed(engines, "initiator").kind == "misbehaved"


@pytest.mark.parametrize("again", ["INVALID_KE_PAYLOAD", "COOKIE"])
def test_a_peer_that_goes_on_asking_for_what_it_got_is_given_up_with_the_last_retransmission(again: str) -> None:
    """Its first repetition may be a duplicate of the network's making, so it is not blamed at once."""
    engines = pair(OFFER)
    demand = _ask_for(b"\0\x1f") if again == "INVALID_KE_PAYLOAD" else _demand(b"more")
    engines.tamper = rewrite(demand, by_initiator=False)
    run(engines)
    for _ in range(4):
        engines.advance(10)
        assert isinstance(engines.initiator.state, InitSent)
    engines.advance(10)
    assert closed(engines, "initiator").kind == "misbehaved"


def test_the_number_of_retries_is_bounded() -> None:
    count = 0

    def another(message: Message) -> Message:
        nonlocal count
        count += 1
        return _demand(bytes((count,)))(message)

    engines = pair(OFFER)
    engines.tamper = rewrite(another, by_initiator=False)
    run(engines)
    assert len(requests(engines)) == 5
    assert "within 4 retries" in closed(engines, "initiator").reason


@pytest.mark.parametrize("accept", [OFFER, WRONG_GUESS], ids=["cookie", "cookie and wrong guess"])
def test_every_datagram_twice_establishes_all_the_same(accept: Policy) -> None:
    engines = pair(OFFER, accept, responder_require_cookie=True)
    engines.tamper = lambda datagram: [datagram.payload] * 2
    run(engines)
    assert_established(engines)


# Unprotected errors: anybody could have sent them (section 2.21.1).


def refuse(message: Message, notify: int = NotifyType.NO_PROPOSAL_CHOSEN) -> bytes:
    return Message(message.header, (Notify(NotifyType(notify)),)).to_bytes()


def test_a_refusal_is_believed_after_the_grace() -> None:
    engines = run(pair(policy(ke="curve25519"), policy(ke="ecp384")))
    assert arrows(engines) == ["-> IKE_SA_INIT 0", "<- IKE_SA_INIT 0 NO_PROPOSAL_CHOSEN"]
    assert closed(engines, "responder").kind == "incompatible"
    assert isinstance(engines.initiator.state, InitSent)
    assert engines.initiator.get_timer() == 0.2
    engines.advance(0.19)
    assert not engines.of("initiator", Closed)
    engines.advance(0.02)
    event = closed(engines, "initiator")
    assert (event.kind, event.party, event.by_peer) == ("refused", "peer", True)
    assert event.notify == NotifyType.NO_PROPOSAL_CHOSEN
    assert engines.initiator.get_timer() is None


@pytest.mark.parametrize("notify", [14, 7, 24, 16000], ids=str)
def test_a_forged_error_before_the_real_answer_changes_nothing(notify: int) -> None:
    engines = pair(OFFER)

    def forge(datagram: Datagram) -> list[bytes]:
        message = message_of(datagram)
        if from_initiator(datagram) or message.header.exchange_type != 34:
            return [datagram.payload]
        return [refuse(message, notify), datagram.payload]

    engines.tamper = forge
    run(engines)
    assert_established(engines)
    assert arrows(engines) == exchanges("IKE_SA_INIT", "IKE_INTERMEDIATE", "IKE_AUTH")


def test_unknown_status_notifications_are_ignored() -> None:
    engines = pair(policy(ke="curve25519"))

    def add(message: Message) -> Message:
        return replace(message, payloads=(*message.payloads, Notify(NotifyType(40960), b"?")))

    engines.tamper = rewrite(add, by_initiator=False)
    run(engines)
    # RealMessage2 differs between the two ends, so that AUTH cannot fit: but the message itself was taken.
    assert arrows(engines)[2] == "-> IKE_AUTH 1"


def test_without_an_answer_the_peer_is_silent() -> None:
    engines = pair(OFFER)
    engines.tamper = drop
    run(engines)
    for _ in range(5):
        engines.advance(10)
    assert closed(engines, "initiator").kind == "silent"
    assert len(engines.wire) == 5
    assert len({datagram.payload for datagram in engines.wire}) == 1


@pytest.mark.parametrize("octets", [0, 15, 257])
@pytest.mark.parametrize("by_initiator", [True, False])
def test_nonces_of_illegal_size_are_refused(octets: int, by_initiator: bool) -> None:
    engines = pair(policy(ke="curve25519"))
    engines.tamper = rewrite(_with_nonce(octets), by_initiator=by_initiator)
    run(engines)
    event = closed(engines, "responder" if by_initiator else "initiator")
    assert event.kind == "misbehaved" and "16 to 256" in event.reason


@pytest.mark.parametrize("octets", [16, 256])
def test_nonces_of_legal_size_are_taken(octets: int) -> None:
    engines = pair(policy(ke="curve25519"))
    engines.tamper = rewrite(_with_nonce(octets), by_initiator=True)
    run(engines)
    assert arrows(engines)[1] == "<- IKE_SA_INIT 0"
    assert not engines.of("initiator", Closed)


def test_a_nonce_is_at_least_half_the_prf_s_key() -> None:
    engines = pair(policy(ke="curve25519", prf="hmac-sha2-512"))
    engines.tamper = rewrite(_with_nonce(31), by_initiator=True)
    run(engines)
    assert "half hmac-sha2-512's key" in closed(engines, "responder").reason


def _with_nonce(octets: int) -> Change:
    def change(message: Message) -> Message:
        payloads = [Nonce(bytes(octets)) if isinstance(p, Nonce) else p for p in message.payloads]
        return replace(message, payloads=tuple(payloads))

    return change
