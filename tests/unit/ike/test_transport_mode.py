from __future__ import annotations

from engine_pair import pair, policy, run

from harness.ike.events import ChildEstablished, ChildRefused, Closed
from harness.ike.exchanges import child
from harness.ike.states import Standing
from harness.registry.notifications import NotifyType
from harness.wire.payloads import Notify

POLICY = policy(ke="curve25519")


def modes(engines):
    return [engines.of(name, ChildEstablished)[0].transport_mode for name in ("initiator", "responder")]


def test_tunnel_mode_unless_asked_otherwise():
    assert modes(run(pair(POLICY))) == [False, False]


def test_both_want_transport_mode():
    assert modes(run(pair(POLICY, transport_mode=True))) == [True, True]


def test_a_responder_may_decline():
    assert modes(run(pair(POLICY, initiator_transport_mode=True))) == [False, False]


def test_a_responder_does_not_begin_with_it():
    assert modes(run(pair(POLICY, responder_transport_mode=True))) == [False, False]


def test_an_answer_in_a_mode_that_was_not_asked_for(monkeypatch):
    answer = child.answer

    def unasked(machine, standing, opened):
        following, payloads = answer(machine, standing, opened)
        return following, (Notify(NotifyType.USE_TRANSPORT_MODE), *payloads)

    monkeypatch.setattr(child, "answer", unasked)
    engines = run(pair(POLICY))
    (closed,) = engines.of("initiator", Closed)
    assert (closed.kind, closed.party) == ("misbehaved", "peer")


def test_an_error_notification_counts_whatever_stands_beside_it(monkeypatch):
    answer = child.answer

    def contradicting(machine, standing, opened):
        following, payloads = answer(machine, standing, opened)
        return following, (*payloads, Notify(NotifyType.NO_PROPOSAL_CHOSEN))

    monkeypatch.setattr(child, "answer", contradicting)
    engines = run(pair(POLICY))
    (refused,) = engines.of("initiator", ChildRefused)
    assert (refused.notify, refused.by_peer) == (NotifyType.NO_PROPOSAL_CHOSEN, True)
    assert not engines.of("initiator", ChildEstablished)
    assert isinstance(engines.initiator.state, Standing)
