"""IKE fragmentation (RFC 7383)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from harness.registry.messages import ExchangeType
from harness.registry.notifications import NotifyType
from harness.results.model import CAPTURE, Pointer
from harness.scenario.check_form import Argument
from harness.verify.check import Arguments, Checked, Due, Objection, engine_check, wire_check
from harness.verify.view import CaseView, View
from harness.verify.wire import SeenMessage, of
from harness.wire.payloads import EncryptedFragment, Notify

_TOGETHER = 0.2
"""Seconds in which a sender has put all fragments of one message on the wire; it sends again after more."""


@engine_check("fragments-within", arguments={"octets": Argument.NUMBER})
def fragments_within(view: View, arguments: Arguments) -> Checked:
    """Protected messages go in IP datagrams of at most ``octets``, large ones in fragments, both ways (F01).

    ``octets`` is the size that the scenario has configured on both sides. Section 2.5.1 leaves the choice of a size
    to the sender, as a SHOULD; a size that was configured and is not kept to is a failure without that sentence.
    """
    limit = int(arguments["octets"])
    objections = _both_announced(view)
    if objections:  # then nobody may send fragments, and no size can be kept to
        return Checked("", tuple(objections))
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
    for initiator in (True, False):
        if not any(message.from_initiator == initiator for message in fragmented):
            party = view.party(initiator=initiator)
            sentence = f"no message is sent in fragments, though one does not fit {limit} octets"
            objections.append(Objection(party, sentence, CAPTURE, None))
    counts = ", ".join(f"{message.label} in {len(message.pieces)}" for message in fragmented)
    return Checked(f"fragments: {counts}; every datagram within {limit} octets", tuple(objections))


@wire_check("fragments-in-their-form", due=Due.ALWAYS, requirement="F03")
def fragments_in_their_form(view: CaseView, _arguments: Arguments) -> Checked:
    """Each fragment has a number within its total, the message's header, and is protected by itself (F02-F06, F08).

    Fragment 1 alone names the first inner payload, and carries what is outside of the encryption. IKE_SA_INIT has none.
    """
    objections, count = [], 0
    for message in (m for m in view.messages if m.fragmented):
        count += 1
        for requirement, sentence in _form(message):
            words = f"{message.label}: {sentence}"
            objections.append(Objection(view.sender(message), words, message.pointer, requirement))
    return Checked(f"{count} messages in fragments, each of them in its form", tuple(objections))


def _form(message: SeenMessage) -> Iterable[tuple[str, str]]:
    if message.exchange == ExchangeType.IKE_SA_INIT:
        yield "F02", "it comes in fragments"
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
        if (fragment.first_inner != 0) != (number == 1) and not _is_all_of_nothing(message, fragment):
            yield "F04", f"fragment {number} has Next Payload {fragment.first_inner.value}"
        if number != 1 and len(piece.message.payloads) > 1:
            yield "F06", f"fragment {number} carries a payload outside of the encryption"
    yield from _smaller_sets(message)
    if _is_one_set(totals := _numbers(message)) and _sent_at_once(message):
        said = " and ".join(map(str, sorted(totals)))
        yield "F03", f"its fragments are one set, and say that they are {said}"


def _is_all_of_nothing(message: SeenMessage, fragment: EncryptedFragment) -> bool:
    """Whether it is the one fragment of an INFORMATIONAL message without payloads, which names none (section 2.5)."""
    only = fragment.fragment_number == fragment.total_fragments == 1
    return only and message.exchange == ExchangeType.INFORMATIONAL


def _numbers(message: SeenMessage) -> dict[int, set[int]]:
    """The Fragment Numbers that were sent and can be, by Total Fragments."""
    totals: dict[int, set[int]] = {}
    for fragment in (piece.fragment for piece in message.pieces if piece.fragment):
        if 1 <= fragment.fragment_number <= fragment.total_fragments:
            totals.setdefault(fragment.total_fragments, set()).add(fragment.fragment_number)
    return totals


def _is_one_set(totals: Mapping[int, set[int]]) -> bool:
    """Whether fragments of several totals are one set: no number comes twice, and together they are all of it.

    A sender may send a message again in more fragments (section 2.5.2). Where both sets have lost some on the path,
    neither is whole.
    """
    numbers = [number for each in totals.values() for number in each]
    return len(totals) > 1 and sorted(numbers) in [list(range(1, total + 1)) for total in totals]


def _sent_at_once(message: SeenMessage) -> bool:
    """Whether the first copies of its fragments left together, and not as a retransmission in other fragments."""
    first: dict[bytes, float] = {}
    for piece in message.pieces:
        first.setdefault(piece.octets, piece.datagram.at)
    return max(first.values()) - min(first.values()) < _TOGETHER


def is_incomplete(message: SeenMessage) -> bool:
    """Whether a message came in fragments of which no whole set is there, so that no key can open it."""
    totals = _numbers(message)
    whole = (total for total, numbers in totals.items() if numbers >= set(range(1, total + 1)))
    return message.fragmented and not any(whole)


def _smaller_sets(message: SeenMessage) -> Iterable[tuple[str, str]]:
    """A new fragment of a smaller set after all of a larger one: sets are to grow (section 2.5.2)."""
    seen: dict[int, set[int]] = {}
    for fragment in (piece.fragment for piece in message.pieces if piece.fragment):
        number, total = fragment.fragment_number, fragment.total_fragments
        whole = max((each for each, numbers in seen.items() if len(numbers) >= each), default=0)
        if number not in seen.setdefault(total, set()) and total < whole:
            yield "F08", f"a fragment of a set of {total} comes after a whole set of {whole}"
        seen[total].add(number)


def _comparable(octets: bytes) -> bytes:
    """The IKE header without Next Payload and Length: SPIs, version, exchange type, flags, Message ID."""
    return octets[:16] + octets[17:24]


def both_announced(view: CaseView, kind: NotifyType) -> list[str]:
    """The parties that did not announce in IKE_SA_INIT what this notification stands for."""
    missing = []
    for initiator in (True, False):
        final = view.final_init[0 if initiator else 1]  # not those before a cookie, or another group, was asked for
        messages = [final] if final else view.find(ExchangeType.IKE_SA_INIT, response=not initiator)
        kinds = {notify.notify_type for message in messages for notify in of(message, Notify)}
        if kind not in kinds:
            missing.append(view.sender(final) if final else view.party(initiator=initiator))
    return missing


def _both_announced(view: View) -> list[Objection]:
    kind = NotifyType.IKEV2_FRAGMENTATION_SUPPORTED
    return [Objection(party, f"{kind} is not announced", CAPTURE, "F01") for party in both_announced(view, kind)]
