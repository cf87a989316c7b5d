"""IKE fragmentation (RFC 7383)."""

from __future__ import annotations

from collections.abc import Iterable

from harness.registry.messages import ExchangeType
from harness.registry.notifications import NotifyType
from harness.results.model import CAPTURE, Pointer
from harness.scenario.check_form import Argument
from harness.verify.check import Arguments, Checked, Objection, engine_check
from harness.verify.view import View, of
from harness.verify.wire import SeenMessage
from harness.wire.payloads import Notify


@engine_check("fragments-within", arguments={"octets": Argument.NUMBER})
def fragments_within(view: View, arguments: Arguments) -> Checked:
    """Protected messages go in IP datagrams of at most ``octets``, large ones in fragments, both ways (F01, F03-F05).

    ``octets`` is the size that the scenario has configured on both sides. Section 2.5.1 leaves the choice of a size
    to the sender, as a SHOULD; a size that was configured and is not kept to is a failure without that sentence.
    """
    limit = int(arguments["octets"])
    objections: list[Objection] = []
    fragmented = [message for message in view.messages if message.fragmented]
    for message in view.messages:
        for piece in message.pieces:
            largest = max(piece.datagram.ip_octets)
            if message.protected and (largest > limit or len(piece.datagram.ip_octets) > 1):
                sentence = (
                    f"{message.label} takes an IP datagram of {sum(piece.datagram.ip_octets)} octets, over {limit}"
                )
                pointer = Pointer.to_frame(piece.datagram.frame)
                objections.append(Objection(view.sender(message), sentence, pointer, None))
        for requirement, sentence in _form(message):
            objections.append(
                Objection(view.sender(message), f"{message.label}: {sentence}", message.pointer, requirement)
            )
    objections += _both_announced(view)
    for initiator in (True, False):
        if not any(message.from_initiator == initiator for message in fragmented):
            party = view.party(initiator=initiator)
            sentence = f"no message is sent in fragments, though one does not fit {limit} octets"
            objections.append(Objection(party, sentence, CAPTURE, None))
    counts = ", ".join(f"{message.label} in {len(message.pieces)}" for message in fragmented)
    return Checked(f"fragments: {counts}; every datagram within {limit} octets", tuple(objections))


def _form(message: SeenMessage) -> Iterable[tuple[str, str]]:
    headers = {_comparable(piece.octets) for piece in message.pieces if piece.fragment}
    if len(headers) > 1:
        yield "F05", "the fragments' IKE headers differ in more than Next Payload and Length"
    for piece in message.pieces:
        fragment = piece.fragment
        if fragment is None:
            continue
        number, total = fragment.fragment_number, fragment.total_fragments
        if not 1 <= number <= total:
            yield "F03", f"fragment {number} of {total}"
        if (fragment.first_inner != 0) != (number == 1):
            yield "F04", f"fragment {number} has Next Payload {fragment.first_inner.value}"


def _comparable(octets: bytes) -> bytes:
    """The IKE header without Next Payload and Length: SPIs, version, exchange type, flags, Message ID."""
    return octets[:16] + octets[17:24]


def both_announced(view: View, kind: NotifyType) -> list[str]:
    """The parties that did not announce in IKE_SA_INIT what this notification stands for."""
    missing = []
    for initiator in (True, False):
        final = view.final_init[0 if initiator else 1]  # not those before a cookie, or another group, was asked for
        messages = [final] if final else view.find(ExchangeType.IKE_SA_INIT, response=not initiator)
        kinds = {notify.notify_type for message in messages for notify in of(message, Notify)}
        if kind not in kinds:
            missing.append(view.party(initiator=initiator))
    return missing


def _both_announced(view: View) -> list[Objection]:
    kind = NotifyType.IKEV2_FRAGMENTATION_SUPPORTED
    return [Objection(party, f"{kind} is not announced", CAPTURE, "F01") for party in both_announced(view, kind)]
