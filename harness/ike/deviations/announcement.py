"""An announcement that a rule asks for, left out (RFC 9370 section 2.2.1)."""

from __future__ import annotations

from harness.ike.deviations.outgoing import OutgoingMessage
from harness.registry.messages import ExchangeType
from harness.registry.notifications import NotifyType
from harness.wire.payload import Payload
from harness.wire.payloads import Notify, SecurityAssociation


def intermediate_left_out(outgoing: OutgoingMessage) -> tuple[Payload, ...]:
    """IKE_SA_INIT without INTERMEDIATE_EXCHANGE_SUPPORTED, where its SA payload has an additional key exchange.

    Of a request that is any proposal, of a response the one that it accepts.
    """
    if outgoing.header.exchange_type != ExchangeType.IKE_SA_INIT or not _has_additional(outgoing.payloads):
        return outgoing.payloads
    return tuple(
        each
        for each in outgoing.payloads
        if not (isinstance(each, Notify) and each.notify_type == NotifyType.INTERMEDIATE_EXCHANGE_SUPPORTED)
    )


def _has_additional(payloads: tuple[Payload, ...]) -> bool:
    return any(
        transform.type.is_additional_key_exchange and transform.identifier
        for each in payloads
        if isinstance(each, SecurityAssociation)
        for proposal in each.proposals
        for transform in proposal.transforms
    )
