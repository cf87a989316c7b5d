"""Whether two products authenticated by certificate, as far as anybody without their keys can see."""

from __future__ import annotations

from harness.registry.messages import ExchangeType
from harness.registry.notifications import NotifyType
from harness.verify.pair.exchanges import octets_of
from harness.verify.pair.view import PairView
from harness.verify.result import Arguments, Checked, Objection
from harness.verify.view import of
from harness.wire.payloads import Notify


def room_for_certificates(view: PairView, _arguments: Arguments) -> Checked:
    """The IKE_AUTH messages of both have room for their certificates; what else could be read is encrypted.

    Beside this stands that neither was told any other means to authenticate, and that both say that the IKE SA stands.
    Who announces SIGNATURE_HASH_ALGORITHMS, in clear, can use the signatures of RFC 7427.
    """
    objections, seen = [], []
    for index, side in enumerate(view.sides):
        messages = view.find(ExchangeType.IKE_AUTH, response=index == 1)
        octets = max(map(octets_of, messages), default=0)
        seen.append(f"{octets} octets for a certificate of {side.certificate_octets}")
        if octets <= side.certificate_octets:
            sentence = (
                f"no IKE_AUTH message of {side.peer} has room for its certificate of {side.certificate_octets} octets"
            )
            objections.append(Objection(side.peer, sentence, messages[0].pointer if messages else "wire.pcapng"))
    return Checked(f"IKE_AUTH: {', '.join(seen)}; {_announced(view)}", tuple(objections))


def _announced(view: PairView) -> str:
    """Which of the two announce that they know the signatures of RFC 7427."""
    who = {
        view.sender(message)
        for message in view.find(ExchangeType.IKE_SA_INIT)
        for notify in of(message, Notify)
        if notify.notify_type == NotifyType.SIGNATURE_HASH_ALGORITHMS
    }
    return f"SIGNATURE_HASH_ALGORITHMS from {' and '.join(sorted(who)) or 'neither'}"
