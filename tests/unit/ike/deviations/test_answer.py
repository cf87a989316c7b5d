from __future__ import annotations

from engine_pair import policy

from harness.ike.deviations.answer import second_transform
from harness.ike.deviations.outgoing import OutgoingMessage
from harness.ike.negotiation import offer
from harness.registry.messages import ExchangeType, Protocol
from harness.registry.transforms import TransformType
from harness.wire.message import RESPONSE, Header
from harness.wire.payloads import Nonce, SecurityAssociation

ANSWER = (offer(policy(encr="aes-256-gcm-16", ke="curve25519"), Protocol.IKE), Nonce(bytes(32)))


def header(exchange: ExchangeType, flags: int) -> Header:
    return Header(bytes(8), bytes(8), exchange, flags, 0)


def test_the_other_key_length_stands_in_front_of_the_chosen_one():
    sa, nonce = second_transform(OutgoingMessage(header(ExchangeType.IKE_SA_INIT, RESPONSE), ANSWER, None, b""))
    assert isinstance(sa, SecurityAssociation)
    transforms = sa.proposals[0].transforms
    assert [(t.type, t.key_length) for t in transforms[:2]] == [(TransformType.ENCR, 128), (TransformType.ENCR, 256)]
    assert transforms[1:] == ANSWER[0].proposals[0].transforms
    assert nonce == ANSWER[1]


def test_requests_and_later_answers_stay_as_they_are():
    for where in (header(ExchangeType.IKE_SA_INIT, 0), header(ExchangeType.IKE_AUTH, RESPONSE)):
        assert second_transform(OutgoingMessage(where, ANSWER, None, b"")) == ANSWER
