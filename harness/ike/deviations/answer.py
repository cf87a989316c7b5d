"""An answer to an offer that is no choice from it (RFC 7296 sections 2.7 and 3.3.6)."""

from __future__ import annotations

from dataclasses import replace

from harness.ike.deviations.outgoing import OutgoingMessage
from harness.registry.messages import ExchangeType
from harness.registry.transforms import AttributeType, TransformType
from harness.wire.payload import Payload
from harness.wire.payloads import SecurityAssociation
from harness.wire.payloads.security_association import Attribute, Proposal, Transform

_OTHER_LENGTH = {256: 128, 128: 256}  # bits


def second_transform(outgoing: OutgoingMessage) -> tuple[Payload, ...]:
    """A second ENCR, of the other AES key length, in front of the chosen one in SAr1.

    A scenario offers both lengths, so that nothing is wrong with the answer but that it leaves the choice open.
    """
    header = outgoing.header
    if header.exchange_type != ExchangeType.IKE_SA_INIT or not header.is_response:
        return outgoing.payloads
    return tuple(
        replace(each, proposals=tuple(_doubled(proposal) for proposal in each.proposals))
        if isinstance(each, SecurityAssociation)
        else each
        for each in outgoing.payloads
    )


def _doubled(proposal: Proposal) -> Proposal:
    seconds = [
        replace(transform, attributes=(Attribute(AttributeType.KEY_LENGTH, _OTHER_LENGTH[length]),))
        for transform in proposal.transforms
        if transform.type == TransformType.ENCR and (length := _key_length(transform)) in _OTHER_LENGTH
    ]
    return replace(proposal, transforms=(*seconds, *proposal.transforms))


def _key_length(transform: Transform) -> int:
    return transform.key_length or 0
