from __future__ import annotations

from harness.ike.deviations import unknown_payload
from harness.ike.deviations.outgoing import OutgoingMessage
from harness.registry.messages import ExchangeType
from harness.wire.message import RESPONSE, Header, Message
from harness.wire.payloads import Nonce

NONCE = (Nonce(bytes(32)),)


def outgoing(exchange: ExchangeType, flags: int = 0) -> OutgoingMessage:
    return OutgoingMessage(Header(bytes(8), bytes(8), exchange, flags, 0), NONCE, None, b"")


def test_a_critical_payload_goes_into_requests_of_one_exchange_alone():
    alter = unknown_payload.critical_in(ExchangeType.IKE_AUTH)
    added = alter(outgoing(ExchangeType.IKE_AUTH))
    assert added[:-1] == NONCE
    assert (added[-1].type, added[-1].critical) == (200, True)
    assert alter(outgoing(ExchangeType.IKE_SA_INIT)) == NONCE
    assert alter(outgoing(ExchangeType.IKE_AUTH, RESPONSE)) == NONCE  # section 2.5 forbids it there


def test_it_goes_over_the_wire_as_it_is():
    given = outgoing(ExchangeType.IKE_SA_INIT)
    payloads = unknown_payload.everywhere(given)
    read = Message.parse(Message(given.header, payloads).to_bytes())
    assert (read.payloads[-1].type, read.payloads[-1].flags) == (200, 0)
