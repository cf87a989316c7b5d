"""Which Delete of the IKE SA is to be taken: one whose sender has an answer to all that it asked before."""

from __future__ import annotations

from dataclasses import replace

import pytest
from case_builder import good

from harness.policy.role import Role
from harness.registry.messages import ExchangeType, Protocol
from harness.registry.notifications import NotifyType
from harness.verify.checks.lifecycle import _within_the_window, deleted_on_both_sides
from harness.verify.view import View
from harness.verify.wire import SeenMessage
from harness.wire.payload import Payload
from harness.wire.payloads import Authentication, Delete, Notify

HYBRID = "hybrid/x25519-mlkem768"


@pytest.fixture
def view(role: Role) -> View:
    return good(HYBRID, role=role).view


def deletion(view: View) -> SeenMessage:
    """The last request of the initiator, which deletes the IKE SA."""
    return view.find(ExchangeType.INFORMATIONAL, response=False, initiator=True)[-1]


def auth(view: View, *, response: bool) -> SeenMessage:
    return view.find(ExchangeType.IKE_AUTH, response=response)[0]


def without(view: View, *gone: SeenMessage, more: tuple[SeenMessage, ...] = ()) -> View:
    kept = (message for message in view.messages if not any(message is each for each in gone))
    return replace(view, messages=(*kept, *more))


def test_all_that_was_asked_before_is_answered(view):
    assert _within_the_window(view, deletion(view))


def test_a_request_before_it_that_is_not_answered_leaves_it_outside(view):
    unanswered = without(view, auth(view, response=True))
    assert not _within_the_window(unanswered, deletion(view))
    (objection,) = deleted_on_both_sides(unanswered, {}).objections
    assert objection.sentence == "no Delete of the IKE SA is on the wire that is to be taken"


def test_its_own_answer_is_not_asked_for(view):
    answer = view.find(ExchangeType.INFORMATIONAL, response=True, initiator=False)[-1]
    assert answer.message_id == deletion(view).message_id
    assert _within_the_window(without(view, answer), deletion(view))


def test_only_a_response_of_the_other_side_answers(view):
    request, answer = auth(view, response=False), auth(view, response=True)
    for more in (replace(answer, response=False), replace(request, response=True), request):
        assert not _within_the_window(without(view, answer, more=(more,)), deletion(view))


def test_a_number_that_is_jumped_over_leaves_it_outside(view):
    """Nobody asked with it, and the Delete has to wait for its answer (RFC 7296 section 2.3)."""
    request, answer = auth(view, response=False), auth(view, response=True)
    for more in ((), (replace(request, response=True),), (replace(answer, response=False),)):
        assert not _within_the_window(without(view, request, answer, more=more), deletion(view))
    assert _within_the_window(without(view, answer, more=(answer, replace(answer, message_id=99))), deletion(view))


@pytest.mark.parametrize("kind", ["misbehaved", "malformed", ""])
def test_where_our_engine_ended_it_for_what_it_got_no_delete_is_due(view, kind):
    report = replace(view.report, closed_kind=kind, closed_reason="two SA payloads")
    bare = replace(without(view, deletion(view)), report=report)
    (objection,) = deleted_on_both_sides(bare, {}).objections
    if kind in ("misbehaved", "malformed"):
        assert (objection.party, objection.severity) == ("", "inconclusive")
        assert objection.sentence.endswith("for what it got: two SA payloads")
    else:
        assert (objection.party, objection.severity) == (view.party(initiator=True), "fail")
    assert deleted_on_both_sides(replace(view, report=report), {}).objections == ()


def ending_by(view: View, kind: NotifyType, *, by_engine: bool = False, **fields: object) -> View:
    """The last request of one side is this error, and the other's deletion is not on the wire."""
    initiator = (view.role is Role.INITIATOR) == by_engine
    old = deletion(view)
    assert old.opened is not None
    opened = replace(old.opened, inner=(Notify(kind),)) if fields.get("opened", True) else None
    error = replace(old, opened=opened, from_initiator=initiator, response=bool(fields.get("response")))
    report = replace(view.report, closed_kind="refused")
    return replace(without(view, old, more=(error,)), report=report)


FAILED = NotifyType.AUTHENTICATION_FAILED


def test_an_auth_that_is_right_is_no_reason_to_end_it_without_a_delete(view):
    (objection,) = deleted_on_both_sides(ending_by(view, FAILED), {}).objections
    assert objection.party == view.peer
    assert "says AUTHENTICATION_FAILED in place of a Delete" in objection.sentence
    assert objection.pointer == deletion(view).pointer


def test_an_auth_of_ours_that_is_wrong_is_one(role):
    case = good(HYBRID, role=role)
    label = auth(case.view, response=role is Role.RESPONDER).label

    def wrong(payload):
        return replace(payload, data=bytes(64)) if isinstance(payload, Authentication) else payload

    view = ending_by(case.rewritten(label, lambda old: map(wrong, old)).view, FAILED)
    assert deleted_on_both_sides(view, {}).objections == ()


@pytest.mark.parametrize(
    "fields", [{"kind": NotifyType.INVALID_SELECTORS}, {"by_engine": True}, {"opened": False}, {"response": True}]
)
def test_only_a_request_of_the_peer_that_says_so_ends_it_so(view, fields):
    assert deleted_on_both_sides(ending_by(view, **{"kind": FAILED, **fields}), {}).objections == ()


def in_clear(view: View, payload: Payload) -> SeenMessage:
    """The last request of the initiator, with this payload outside of SK: anybody may have sent it."""
    old = deletion(view)
    piece = replace(old.pieces[0], message=replace(old.pieces[0].message, payloads=(payload,)))
    return replace(old, opened=None, generation=None, pieces=(piece,))


def test_what_is_in_clear_neither_deletes_nor_ends(view):
    old = deletion(view)
    bare = without(view, old, more=(in_clear(view, Delete(Protocol.IKE, 0, ())),))
    (objection,) = deleted_on_both_sides(bare, {}).objections
    assert objection.sentence == "no Delete of the IKE SA is on the wire that is to be taken"
    failed = replace(in_clear(view, Notify(FAILED)), from_initiator=view.role is not Role.INITIATOR)
    report = replace(view.report, closed_kind="refused")
    assert deleted_on_both_sides(replace(without(view, old, more=(failed,)), report=report), {}).objections == ()
