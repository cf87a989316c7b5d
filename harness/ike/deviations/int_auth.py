"""AUTH over another IntAuth than the one that the exchanges on the wire give (RFC 9242 section 3.3.2)."""

from __future__ import annotations

from dataclasses import replace

from harness.crypto import authentication as formulas
from harness.ike.deviations.outgoing import OutgoingMessage
from harness.ike.states import Agreement
from harness.wire.payload import Payload
from harness.wire.payloads import Authentication, IdentificationInitiator, IdentificationResponder


def wrong(outgoing: OutgoingMessage) -> tuple[Payload, ...]:
    """AUTH over our own IntAuth with one bit turned over, as if other octets had been sent in IKE_INTERMEDIATE."""
    agreement = outgoing.agreement
    if agreement is None or not agreement.int_auth_i:
        return outgoing.payloads
    ours, theirs = agreement.int_auth_i, agreement.int_auth_r
    if outgoing.header.is_response:
        return _signed(outgoing, agreement, ours + _turned_over(theirs))
    return _signed(outgoing, agreement, _turned_over(ours) + theirs)


def left_out(outgoing: OutgoingMessage) -> tuple[Payload, ...]:
    """AUTH as RFC 7296 section 2.15 alone has it, as if no IKE_INTERMEDIATE had taken place."""
    agreement = outgoing.agreement
    if agreement is None or not agreement.int_auth_i:
        return outgoing.payloads
    return _signed(outgoing, agreement, b"")


def _turned_over(octets: bytes) -> bytes:
    return bytes((octets[0] ^ 1,)) + octets[1:]


def _signed(outgoing: OutgoingMessage, agreement: Agreement, chained: bytes) -> tuple[Payload, ...]:
    """The payloads with AUTH made anew: right but for ``chained``, which stands for IntAuth_iN | IntAuth_rN."""
    by_responder = outgoing.header.is_response
    kind = IdentificationResponder if by_responder else IdentificationInitiator
    identity = next((each for each in outgoing.payloads if isinstance(each, kind)), None)
    if identity is None:
        return outgoing.payloads
    schedule, keys = agreement.schedule, agreement.keys
    message, nonce, sk_p = (
        (agreement.response, schedule.nonce_i, keys.sk_pr)
        if by_responder
        else (agreement.request, schedule.nonce_r, keys.sk_pi)
    )
    covered = formulas.signed_octets(
        message,
        nonce,
        formulas.maced_id(agreement.prf, sk_p, identity.body()),
        formulas.int_auth_octets(chained, b"", outgoing.header.message_id) if chained else b"",
    )
    auth = formulas.shared_key_auth(agreement.prf, outgoing.psk, covered)
    return tuple(replace(each, data=auth) if isinstance(each, Authentication) else each for each in outgoing.payloads)
