"""A key exchange that its initiator leaves out: what its last request shows."""

from __future__ import annotations

from dataclasses import replace

import pytest
from case_builder import good

from harness.policy.role import Role
from harness.registry.messages import ExchangeType, PayloadType
from harness.registry.notifications import NotifyType
from harness.registry.transforms import KeyExchangeMethod
from harness.verify.checks.catalogue import CHECKS
from harness.verify.checks.fragmentation import is_incomplete
from harness.verify.checks.key_agreement import _left_out
from harness.verify.view import View
from harness.verify.wire import SeenMessage
from harness.wire.payload import Payload
from harness.wire.payloads import EncryptedFragment, KeyExchange, Notify

HYBRID, DUE = "hybrid/x25519-mlkem768", [KeyExchangeMethod.ML_KEM_1024, KeyExchangeMethod.ML_KEM_512]
ASKED, ANSWERED = "IKE_INTERMEDIATE request 1", "IKE_INTERMEDIATE response 1"


@pytest.fixture
def view(role: Role) -> View:
    return good(HYBRID, role=role).view


def holding(message: SeenMessage, *payloads: Payload) -> SeenMessage:
    assert message.opened is not None
    return replace(message, opened=replace(message.opened, inner=payloads))


def up_to(view: View, *others: SeenMessage) -> View:
    """The case as it is after IKE_SA_INIT, with these messages instead of all that follow."""
    return replace(view, messages=(*view.find(ExchangeType.IKE_SA_INIT), *others))


def said(view: View, methods: list[KeyExchangeMethod] | None = None) -> list[tuple[str | None, str]]:
    found = list(_left_out(view, DUE if methods is None else methods))
    assert {each.party for each in found} <= {view.party(initiator=True)}
    return [(each.requirement, each.sentence) for each in found]


def message(view: View, label: str) -> SeenMessage:
    return next(each for each in view.messages if each.label == label)


def test_ike_auth_comes_before_a_key_exchange_that_is_due(view):
    words = "IKE_AUTH request 2 is sent before the key exchange of ML_KEM_1024 has taken place"
    assert said(view) == [("A06", words)]
    assert said(view, []) == []


def test_without_a_protected_request_nothing_was_left_out_yet(view):
    assert said(up_to(view)) == []


def test_an_ike_intermediate_without_a_ke_payload_that_is_answered_as_it_came(view):
    bare, answer = holding(message(view, ASKED)), message(view, ANSWERED)
    words = f"{ASKED} carries no KE payload, and nothing follows that does: that of ML_KEM_1024 is due"
    assert said(up_to(view, bare, answer)) == [("A15", words)]
    informational = next(m for m in view.find(ExchangeType.INFORMATIONAL, response=False) if m.from_initiator)
    assert said(up_to(view, bare, answer, informational)) == [("A15", words)]  # it may have given up
    theirs = replace(message(view, "IKE_AUTH request 2"), from_initiator=False)
    assert said(up_to(view, bare, answer, theirs)) == [("A15", words)]


def test_it_may_still_come(view):
    """The exchange is not over, or was refused, or nobody knows what was in it."""
    bare, answer = holding(message(view, ASKED)), message(view, ANSWERED)
    refused = holding(answer, Notify(NotifyType.INVALID_SYNTAX))
    closed = replace(bare, opened=None, generation=None)
    assert said(up_to(view, bare)) == said(up_to(view, bare, refused)) == said(up_to(view, closed, answer)) == []
    assert said(up_to(view, bare, replace(answer, message_id=9))) == []
    assert said(up_to(view, message(view, ASKED), answer)) == []


def test_another_exchange_is_none_of_the_initial_ones(view):
    create = replace(message(view, "IKE_AUTH request 2"), exchange=ExchangeType.CREATE_CHILD_SA)
    assert said(up_to(view, holding(message(view, ASKED)), message(view, ANSWERED), create)) == []


def test_only_a_protected_request_of_the_initiator_may_be_its_last(view):
    bare, answer = holding(message(view, ASKED)), message(view, ANSWERED)
    words = f"{ASKED} carries no KE payload, and nothing follows that does: that of ML_KEM_1024 is due"
    reply = replace(answer, from_initiator=True, exchange=ExchangeType.CREATE_CHILD_SA)
    again = message(view, "IKE_SA_INIT request 0")
    assert said(up_to(view, bare, answer, reply)) == said(up_to(view, bare, answer, again)) == [("A15", words)]


def test_what_opens_is_due_under_its_keys_whatever_else_came_of_it_in_fragments(view):
    auth = message(view, "IKE_AUTH request 2")
    (piece,) = auth.pieces
    fragment = EncryptedFragment(PayloadType.NO_NEXT_PAYLOAD, 2, 3, bytes(40))
    part = replace(piece, message=replace(piece.message, payloads=(fragment,)))
    both = replace(auth, pieces=(piece, part), generation=0)
    assert is_incomplete(both) and both.opened is not None
    for seen, rules in ((both, ["I07"]), (replace(both, opened=None, generation=None), [])):
        objections = CHECKS["opens-with-the-keys-due"](up_to(view, seen)).objections
        assert [each.requirement for each in objections] == rules


Q = b"\x01\x0d\0"  # coefficients q and 0


@pytest.mark.parametrize(
    ("label", "method", "data", "found"),
    [
        (ASKED, KeyExchangeMethod.ML_KEM_512, Q + bytes(797), [("M01", True)]),
        (ASKED, KeyExchangeMethod.ML_KEM_768, Q + bytes(1181), [("M01", True)]),
        (ASKED, KeyExchangeMethod.ML_KEM_1024, Q + bytes(1565), [("M01", True)]),
        (ASKED, KeyExchangeMethod.ML_KEM_768, bytes(1184), []),
        (ASKED, KeyExchangeMethod.ML_KEM_768, Q + bytes(1182), [("", True)]),  # its size is wrong
        (ASKED, KeyExchangeMethod.CURVE25519, b"\xff" * 32, []),
        (ASKED, KeyExchangeMethod.SNTRUP761X25519, b"\xff" * 1190, []),
        (ANSWERED, KeyExchangeMethod.ML_KEM_768, b"\xff" * 1088, []),  # a ciphertext
        ("IKE_SA_INIT request 0", KeyExchangeMethod.ML_KEM_768, Q + bytes(1181), [(None, True)]),  # no additional one
    ],
)
def test_an_encapsulation_key_has_its_coefficients_below_q(view, label, method, data, found):
    """draft-ietf-ipsecme-ikev2-mlkem section 2.1, FIPS 203 section 7.2."""
    message = next(m for m in view.messages if m.label == label)
    payload = KeyExchange(method, data)
    if message.protected:
        altered = holding(message, payload)
    else:
        piece = message.pieces[0]
        altered = replace(message, pieces=(replace(piece, message=replace(piece.message, payloads=(payload,))),))
    objections = CHECKS["key-exchange-sizes"](replace(view, messages=(altered,))).objections
    party = view.sender(message)
    assert [(each.requirement, each.party == party) for each in objections] == found
