"""The state table: its picture in the docs is the one it draws, and what happens is what it says."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any, get_args

import pytest
from engine_pair import EnginePair, pair, policy, run

from harness.ike import states, table
from harness.ike.session import Session
from harness.ike.states import Gone
from harness.registry.messages import ExchangeType

ROOT = Path(__file__).resolve().parents[3]
DRAWN = runpy.run_path(str(ROOT / "tools" / "draw_state_table.py"))
ALL = {**table.UNPROTECTED, **table.PROTECTED}
NAMES = {kind.__name__ for kind in get_args(states.State)}


def test_the_docs_show_this_table() -> None:
    assert DRAWN["DOCUMENT"].read_text(encoding="utf-8") == DRAWN["document"](), "run tools/draw_state_table.py"


def test_every_state_has_a_way_in_and_all_but_the_last_a_way_out() -> None:
    arrows = list(DRAWN["arrows"]())
    assert {end for _, end, _ in arrows} == NAMES
    assert {begin for begin, _, _ in arrows} == NAMES - {"Gone"}


def test_a_message_meets_a_state_only_once() -> None:
    assert len(ALL) == len(table.UNPROTECTED) + len(table.PROTECTED)
    assert all(transition.handler.__doc__ for transition in ALL.values())


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> set[tuple[Any, str]]:
    """Every (trigger, state that it led to) while a test runs."""
    found: set[tuple[Any, str]] = set()
    dispatch = Session._dispatch

    def watched(self: Session, message: Any, data: bytes, path: Any) -> None:
        before = type(self.state)
        dispatch(self, message, data, path)
        trigger = table.Trigger(before, message.header.exchange_type, message.header.is_response)
        found.add((trigger, type(self.state).__name__))

    monkeypatch.setattr(Session, "_dispatch", watched)
    return found


def standing() -> EnginePair:
    return run(pair(policy(ke="curve25519")))


def ask(session: Session, exchange: ExchangeType) -> None:
    """An empty request, whether the state has a use for its answer or not."""
    session._machine.send_request(session.state.agreement, exchange, ())  # type: ignore[union-attr]


def lives() -> None:
    """Every kind of handshake, every request while the IKE SA stands, every way to its end."""
    accept = policy(ke="ecp384", addke1="ecp256", addke2="ecp521")
    offer = policy(ke="curve25519 ecp384", addke1="ecp256", addke2="ecp521")
    engines = run(pair(offer, accept, require_cookie=True))
    engines.initiator.send_liveness(0.0)
    engines.deliver()
    engines.initiator.delete(0.0)
    engines.deliver()
    assert isinstance(engines.initiator.state, Gone) and isinstance(engines.responder.state, Gone)
    for exchange in (ExchangeType.CREATE_CHILD_SA, ExchangeType.INFORMATIONAL):
        for deleting in (False, True):
            engines = standing()
            if deleting:
                engines.initiator.delete(0.0)
            ask(engines.responder, exchange)
            engines.deliver()
    engines = standing()
    engines.initiator.delete(0.0)
    engines.responder.delete(0.0)
    engines.deliver()


def test_sessions_go_the_ways_of_the_table_and_all_of_them(seen: set[tuple[Any, str]]) -> None:
    lives()
    known = {(trigger, end) for trigger, transition in ALL.items() for end in transition.leads_to}
    assert {(trigger, end) for trigger, end in seen if trigger in ALL} == known
