"""IKE_SA_INIT messages with another exchange type: by what they hold they are told (RFC 7296 sections 1.2, 3.1)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from pair_alterations import sealed
from pair_builder import good_pair

from harness.registry.messages import ExchangeType
from harness.verify.restored import put_right
from harness.verify.wire import SeenMessage
from harness.wire.payloads import KeyExchange, Nonce, SecurityAssociation

REQUEST, ANSWER = good_pair("pairs/hybrid").view.messages[:2]
AUTH, INIT = ExchangeType.IKE_AUTH, ExchangeType.IKE_SA_INIT


def otherwise(message: SeenMessage, **fields: Any) -> SeenMessage:
    return replace(message, exchange=AUTH, **fields)


def holding(message: SeenMessage, *payloads: Any) -> SeenMessage:
    (piece,) = message.pieces
    return otherwise(message, pieces=(replace(piece, message=replace(piece.message, payloads=payloads)),))


def faults(*found: SeenMessage) -> list[tuple[str, str]]:
    return [(each.requirement, each.sentence) for each in put_right(found)[1]]


@pytest.mark.parametrize(("which", "name"), [(0, "request"), (1, "response")])
def test_what_agrees_on_an_ike_sa_is_ike_sa_init(which, name):
    found = [REQUEST, ANSWER]
    found[which] = otherwise(found[which])
    words = f"the IKE_SA_INIT {name} 0 is a message of the exchange IKE_AUTH"
    assert faults(*found) == [("B60", words)]
    assert [each.exchange for each in put_right(found)[0]] == [INIT, INIT]


def test_where_there_is_one_the_other_is_none():
    later = otherwise(ANSWER)
    assert all("message of the exchange" not in words for _, words in faults(REQUEST, ANSWER, later))


@pytest.mark.parametrize("kind", [SecurityAssociation, KeyExchange, Nonce])
def test_what_lacks_a_payload_of_it_may_be_anything(kind):
    bare = holding(ANSWER, *(each for each in ANSWER.payloads if not isinstance(each, kind)))
    assert faults(REQUEST, bare) == []


def test_what_has_another_number_or_is_sealed_is_none():
    assert faults(REQUEST, otherwise(ANSWER, message_id=1)) == []
    (fault,) = faults(REQUEST, holding(ANSWER, *ANSWER.payloads, sealed()))
    assert "message of the exchange IKE_AUTH" in fault[1] and "is answered by" in fault[1]  # another rule's


def test_a_sealed_one_keeps_its_number():
    (fault,) = faults(replace(REQUEST, message_id=3))
    assert fault == ("B22", "IKE_SA_INIT request 3 is sent where request 0 is due")
    closed = replace(holding(REQUEST, *REQUEST.payloads, sealed()), exchange=INIT, message_id=3)
    assert faults(REQUEST, closed) == []
