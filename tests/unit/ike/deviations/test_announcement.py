from __future__ import annotations

import pytest
from engine_pair import policy

from harness.ike.deviations.announcement import intermediate_left_out
from harness.ike.deviations.outgoing import OutgoingMessage
from harness.ike.negotiation import offer
from harness.registry.messages import ExchangeType, Protocol
from harness.registry.notifications import NotifyType
from harness.wire.message import RESPONSE, Header
from harness.wire.payload import Payload
from harness.wire.payloads import Nonce, Notify

ANNOUNCED = Notify(NotifyType.INTERMEDIATE_EXCHANGE_SUPPORTED)
OTHERS = (Nonce(bytes(32)), Notify(NotifyType.IKEV2_FRAGMENTATION_SUPPORTED))


def left(payloads: tuple[Payload, ...], exchange: ExchangeType, flags: int) -> tuple[Payload, ...]:
    header = Header(bytes(8), bytes(8), exchange, flags, 0)
    return intermediate_left_out(OutgoingMessage(header, payloads, None, b""))


@pytest.mark.parametrize("flags", [0, RESPONSE], ids=["request", "response"])
def test_the_announcement_alone_is_left_out(flags: int) -> None:
    sa = offer(policy(ke="curve25519", addke3="ecp384"), Protocol.IKE)
    assert left((sa, *OTHERS, ANNOUNCED), ExchangeType.IKE_SA_INIT, flags) == (sa, *OTHERS)


@pytest.mark.parametrize("chosen", [{}, {"addke1": "none"}], ids=["classical", "NONE"])
def test_without_an_additional_key_exchange_there_is_no_rule_to_break(chosen: dict[str, str]) -> None:
    payloads = (offer(policy(ke="curve25519", **chosen), Protocol.IKE), *OTHERS, ANNOUNCED)
    assert left(payloads, ExchangeType.IKE_SA_INIT, RESPONSE) == payloads


def test_other_exchanges_stay_as_they_are() -> None:
    payloads = (offer(policy(ke="curve25519", addke1="ecp384"), Protocol.IKE), ANNOUNCED)
    assert left(payloads, ExchangeType.IKE_AUTH, 0) == payloads
