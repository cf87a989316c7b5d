"""Nonces (RFC 7296 sections 2.10 and 3.9)."""

from __future__ import annotations

from harness.crypto.errors import MethodUnavailable
from harness.crypto.prf import prf
from harness.registry.algorithms import Algorithm
from harness.registry.messages import ExchangeType
from harness.registry.transforms import TransformType
from harness.verify.check import Arguments, Checked, Due, Objection, wire_check
from harness.verify.checks.misbehaviour import deviating
from harness.verify.view import CaseView, View
from harness.verify.wire import of
from harness.wire.payloads import Nonce, SecurityAssociation

_LEAST, _MOST = 16, 256  # octets


@wire_check("nonces-of-due-size", due=Due.ALWAYS, requirement="B23")
def nonces_of_due_size(view: CaseView, _arguments: Arguments) -> Checked:
    """Every nonce has 16 to 256 octets, and at least half as many as the key of the negotiated PRF (B23)."""
    half_key = _half_of_prf_key(view)
    ours = {message.frame for message in deviating(view)} if isinstance(view, View) else set()
    seen = [(message, len(nonce.nonce)) for message in view.messages for nonce in of(message, Nonce)]
    objections = []
    for message, octets in seen:
        if message.frame in ours:
            continue
        sentence = f"{message.label} carries a nonce of {octets} octets"
        if not _LEAST <= octets <= _MOST:
            words = f"{sentence}; {_LEAST} to {_MOST} are allowed"
            objections.append(Objection(view.sender(message), words, message.pointer))
        elif octets < half_key:
            words = f"{sentence}; half the key of the PRF has {half_key}"
            objections.append(Objection(view.sender(message), words, message.pointer))
    return Checked(f"octets of the nonces: {', '.join(str(octets) for _, octets in seen) or 'none'}", tuple(objections))


def _half_of_prf_key(view: CaseView) -> int:
    """Half the octets of the negotiated PRF's key, which for HMAC is its output; the least there are if unknown.

    Where none is negotiated, of those on offer the shortest: so much is due whichever is chosen.
    """
    chosen = view.suite.get(TransformType.PRF) if view.suite else None
    try:
        known = [prf(each) for each in ([chosen] if chosen is not None else _offered(view))]
    except MethodUnavailable:
        return _LEAST
    return min((each.output_octets // 2 for each in known), default=_LEAST)


def _offered(view: CaseView) -> set[Algorithm]:
    return {
        Algorithm(transform.identifier, transform.key_length)
        for message in view.find(ExchangeType.IKE_SA_INIT, response=False)
        for offer in of(message, SecurityAssociation)
        for proposal in offer.proposals
        for transform in proposal.transforms
        if transform.type == TransformType.PRF
    }
