"""INFORMATIONAL: liveness, deletion from either end, and what is refused without ending (RFC 7296 section 1.4)."""

from __future__ import annotations

import pytest
from engine_arrows import arrows, closed, drop, from_initiator
from engine_pair import EnginePair, pair, policy, run

from harness.ike.errors import LocalMisuse
from harness.ike.events import (
    ChildEstablished,
    Closed,
    Ignored,
    LivenessAnswered,
    MessageReceived,
    MessageSent,
    Retransmitted,
)
from harness.ike.machine import Machine
from harness.ike.states import Deleting, Gone, Standing
from harness.registry.messages import ExchangeType, PayloadType, Protocol
from harness.registry.notifications import NotifyType
from harness.wire.payload import Payload
from harness.wire.payloads import Delete, Notify, Unknown

SIDES = ["initiator", "responder"]
INFORMATIONAL = ExchangeType.INFORMATIONAL


def standing(**changes: object) -> EnginePair:
    engines = run(pair(policy(ke="curve25519"), **changes))
    engines.wire.clear()
    return engines


def other(side: str) -> str:
    return SIDES[1 - SIDES.index(side)]


def ask(engines: EnginePair, side: str, *payloads: Payload, exchange: ExchangeType = INFORMATIONAL) -> list[str]:
    """One side's request with any payloads; the names of the payloads that come back."""
    session = getattr(engines, side)
    session._machine.send_request(session.state.agreement, exchange, payloads)
    engines.deliver()
    answers = [event for event in engines.of(side, MessageReceived) if event.response]  # type: ignore[union-attr]
    return list(answers[-1].payloads)  # type: ignore[union-attr]


@pytest.mark.parametrize("side", SIDES)
def test_liveness_is_answered_from_either_end(side: str) -> None:
    engines = standing()
    for _ in range(2):
        getattr(engines, side).send_liveness(engines.now)
        engines.deliver()
    assert engines.of(side, LivenessAnswered) == [LivenessAnswered()] * 2
    there, back = ("->", "<-") if side == "initiator" else ("<-", "->")
    first = 2 if side == "initiator" else 0  # each end counts its own requests
    expected = [f"{way} INFORMATIONAL {first + n}" for n in range(2) for way in (there, back)]
    assert arrows(engines) == expected


@pytest.mark.parametrize("side", SIDES)
def test_delete_from_either_end(side: str) -> None:
    engines = standing()
    getattr(engines, side).delete(engines.now)
    assert isinstance(getattr(engines, side).state, Deleting)
    engines.deliver()
    assert (closed(engines, side).kind, closed(engines, side).by_peer) == ("deleted", False)
    assert (closed(engines, other(side)).kind, closed(engines, other(side)).by_peer) == ("deleted", True)
    assert isinstance(engines.initiator.state, Gone) and isinstance(engines.responder.state, Gone)
    assert [event.payloads for event in engines.of(other(side), MessageReceived)][-1] == ("DELETE",)  # type: ignore[union-attr]
    assert [event.payloads for event in engines.of(side, MessageReceived)][-1] == ()  # type: ignore[union-attr]


def test_both_ends_delete_at_once() -> None:
    engines = standing()
    engines.initiator.delete(engines.now)
    engines.responder.delete(engines.now)
    engines.deliver()
    assert [closed(engines, side).kind for side in SIDES] == ["deleted", "deleted"]


def test_a_lost_answer_to_a_delete_is_given_again() -> None:
    engines = standing()
    engines.initiator.delete(engines.now)
    engines.tamper = lambda datagram: [datagram.payload] if from_initiator(datagram) else []
    engines.deliver()
    assert isinstance(engines.responder.state, Gone) and isinstance(engines.initiator.state, Deleting)
    engines.tamper = lambda datagram: [datagram.payload]
    engines.advance(0.5)
    assert closed(engines, "initiator").kind == "deleted"
    sent = [datagram.payload for datagram in engines.wire]
    assert sent[0] == sent[2] and sent[1] == sent[3]  # request and response bit for bit


@pytest.mark.parametrize("side", SIDES)
def test_delete_of_the_child_sa_is_answered_with_the_other_spi(side: str) -> None:
    engines = standing()
    (child,) = engines.of(side, ChildEstablished)
    session = getattr(engines, side)
    spi = child.local_spi  # type: ignore[union-attr]
    assert ask(engines, side, Delete(Protocol.ESP, 4, (spi,))) == ["DELETE"]
    assert getattr(engines, other(side)).state.child_spis == ()
    assert isinstance(session.state, Standing)
    assert ask(engines, side, Delete(Protocol.ESP, 4, (spi,))) == []  # nothing is left to close


def test_delete_of_an_unknown_child_sa_is_answered_empty() -> None:
    engines = standing()
    assert ask(engines, "initiator", Delete(Protocol.ESP, 4, (b"none",))) == []
    assert len(engines.responder.state.child_spis) == 1  # type: ignore[union-attr]


@pytest.mark.parametrize("side", SIDES)
def test_unknown_notifications_in_a_request_are_ignored(side: str) -> None:
    engines = standing()
    assert ask(engines, side, Notify(NotifyType(16000)), Notify(NotifyType(40960))) == []
    assert isinstance(getattr(engines, other(side)).state, Standing)


def test_payloads_of_unknown_type_are_skipped_unless_critical() -> None:
    engines = standing()
    assert ask(engines, "initiator", Unknown(PayloadType(200), b"new")) == []
    answer = ask(engines, "initiator", Unknown(PayloadType(200), b"new", flags=0x80))
    assert answer == ["N(UNSUPPORTED_CRITICAL_PAYLOAD)"]
    assert isinstance(engines.responder.state, Standing)  # only INVALID_SYNTAX is fatal (section 2.21.3)
    assert "refused" in engines.of("responder", Ignored)[-1].reason  # type: ignore[union-attr]
    assert ask(engines, "initiator") == []


def test_a_malformed_payload_is_answered_with_invalid_syntax_and_ends_both() -> None:
    engines = standing()
    too_short = Unknown(PayloadType.KE, b"\0")
    engines.initiator._machine.send_request(engines.initiator.state.agreement, INFORMATIONAL, (too_short,))  # type: ignore[union-attr]
    engines.deliver()
    assert closed(engines, "responder").kind == "malformed"
    event = closed(engines, "initiator")
    assert (event.kind, event.notify) == ("refused", NotifyType.INVALID_SYNTAX)


@pytest.mark.parametrize("side", SIDES)
def test_a_malformed_response_ends_the_ike_sa(side: str, monkeypatch: pytest.MonkeyPatch) -> None:
    engines = standing()
    bad = [Unknown(PayloadType.KE, b"\0")]
    true = Machine.send_response
    spoiled = lambda self, agreement, exchange, path, _: true(self, agreement, exchange, path, bad)  # noqa: E731
    monkeypatch.setattr(Machine, "send_response", spoiled)
    session = getattr(engines, side)
    session._machine.send_request(session.state.agreement, INFORMATIONAL, ())
    engines.deliver()
    assert closed(engines, side).kind == "malformed"


def test_create_child_sa_is_refused_with_no_additional_sas() -> None:
    engines = standing()
    session = engines.responder
    session._machine.send_request(session.state.agreement, ExchangeType.CREATE_CHILD_SA, ())  # type: ignore[union-attr]
    engines.deliver()
    assert engines.of("initiator", MessageSent)[-1].payloads == ("N(NO_ADDITIONAL_SAS)",)  # type: ignore[union-attr]
    assert isinstance(engines.initiator.state, Standing)


@pytest.mark.parametrize("side", SIDES)
def test_an_answer_that_is_an_error_is_no_sign_of_life(side: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The request that it answers has failed; the IKE SA stands (section 2.21.3)."""
    engines, send = standing(), Machine.send_response
    failed = (Notify(NotifyType.NO_ADDITIONAL_SAS),)
    monkeypatch.setattr(
        Machine, "send_response", lambda self, a, exchange, path, _: send(self, a, exchange, path, failed)
    )
    assert ask(engines, side) == ["N(NO_ADDITIONAL_SAS)"]
    assert not engines.of(side, LivenessAnswered)
    assert isinstance(getattr(engines, side).state, Standing)


def test_a_silent_peer_is_given_up_after_the_last_retransmission() -> None:
    engines = standing()
    engines.tamper = drop
    engines.initiator.send_liveness(engines.now)
    for seconds in (0.5, 1.0, 2.0, 4.0):
        engines.advance(seconds)
    assert [event.attempt for event in engines.of("initiator", Retransmitted)] == [1, 2, 3, 4]  # type: ignore[union-attr]
    assert not engines.of("initiator", Closed)
    engines.advance(8.0)
    assert (closed(engines, "initiator").kind, closed(engines, "initiator").party) == ("silent", "peer")
    assert len(engines.wire) == 5 and len({datagram.payload for datagram in engines.wire}) == 1


def test_requests_cross_on_the_wire() -> None:
    engines = standing()
    engines.initiator.send_liveness(engines.now)
    engines.responder.send_liveness(engines.now)
    engines.deliver()
    assert all(engines.of(side, LivenessAnswered) for side in SIDES)


def test_one_request_at_a_time() -> None:
    engines = standing()
    engines.initiator.send_liveness(engines.now)
    with pytest.raises(LocalMisuse, match="no unanswered request"):
        engines.initiator.send_liveness(engines.now)


@pytest.mark.parametrize("call", ["send_liveness", "delete"])
def test_calls_that_need_a_standing_ike_sa(call: str) -> None:
    with pytest.raises(LocalMisuse, match="an IKE SA that stands"):
        getattr(pair(policy(ke="curve25519")).initiator, call)(0.0)


def test_only_an_idle_initiator_starts() -> None:
    engines = run(pair(policy(ke="curve25519")))
    for session in (engines.initiator, engines.responder):
        with pytest.raises(LocalMisuse, match="an idle initiator"):
            session.start(0.0)
