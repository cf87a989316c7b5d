"""Two products: what the SK payloads must have room for, and must begin with; nobody can read more of them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from harness.evidence.peer_report import DELETED, StepReport
from harness.registry.algorithms import Algorithm
from harness.registry.key_exchange_sizes import KEY_EXCHANGE_OCTETS
from harness.registry.messages import ExchangeType, PayloadType
from harness.registry.notifications import NotifyType
from harness.registry.transforms import KeyExchangeMethod, TransformType
from harness.scenario.model import Step
from harness.verify.check import Arguments, Checked, Due, Objection, pair_check
from harness.verify.checks.exchanges import ends_by_deletion, octets_of, rekeyed_of_themselves
from harness.verify.checks.freshness import cipher_of
from harness.verify.checks.placement import is_out_of_place
from harness.verify.checks.rekeys import step_of
from harness.verify.checks.room import KE, PAD_LENGTH, has_room_for_key, is_of_the_first, room, sealed_parts
from harness.verify.pair_view import PairView, established, initiator_spi
from harness.verify.wire import SeenMessage, of
from harness.wire.payloads import Encrypted, Notify

_ICV = 8  # octets that no two messages have in common by chance
_IV = 8  # octets; it may be a counter, and a longer one of 16 octets is none
_MADE_BY_NO_CIPHER = re.compile(rb"(.)\1{15}", re.DOTALL)  # by chance there once in 2^120
_HEADER = 4  # of a payload
_SA = _HEADER + 8 + 4 + 2 * 8  # one proposal with an SPI of ESP and two transforms without attributes
_TS = _HEADER + 4 + 16  # one selector of IPv4 addresses
_ID = _HEADER + 4
_AUTH = _HEADER + 4 + 16  # the least that any method has for its data
_NONCE = _HEADER + 16
_OF_A_CHILD = _SA + 2 * _TS
_REKEY_SA = _HEADER + 4 + 4  # REKEY_SA with an SPI of ESP (RFC 7296 section 1.3.3)
_SA_OF_IKE = _HEADER + 8 + 8 + 3 * 8  # one proposal with an SPI of IKE, a cipher, a PRF and a method
_SEALED_WITHIN = (PayloadType.SK, PayloadType.SKF)
_WITH_A_FIXED_PART = (
    PayloadType.KE, PayloadType.IDi, PayloadType.IDr, PayloadType.AUTH, PayloadType.NOTIFY, PayloadType.DELETE,
    PayloadType.TSi, PayloadType.TSr, PayloadType.CP,
)  # fmt: skip
"""Payloads that begin with four octets of their own (RFC 7296 sections 3.4 to 3.15)."""

_EMPTY = {
    ExchangeType.IKE_AUTH: "B54",
    ExchangeType.CREATE_CHILD_SA: "B54",
    ExchangeType.IKE_FOLLOWUP_KE: "A21",
}
"""Exchanges of which neither message is ever empty, and the rule that says so."""


@pair_check("pair-sealed-in-its-form", due=Due.ALWAYS, requirement="B41")
def sealed_in_its_form(view: PairView, _arguments: Arguments) -> Checked:
    """Each SK payload has room for IV, padding and ICV of the cipher that was chosen, and for what must be inside.

    The Next Payload of SK names the first payload inside, and is in clear: it has its place in the exchange, and what
    agrees on keys, authenticates or deletes is not empty (A15, A21, B29, B54). Nothing stands in front of SK, and what
    is inside is encrypted (B61). Who rekeys the IKE SA has room for a KE payload (B24).
    """
    objections, count = [], 0
    for message in (m for m in view.messages if m.sealed):
        count += 1
        faults = (
            *_begins(message), *_in_front(message), *_cipher_fits(view, message), *_lacks_room(view, message),
            *_is_not_encrypted(message),
        )  # fmt: skip
        for requirement, sentence in faults:
            words = f"{message.label}: {sentence}"
            objections.append(Objection(view.sender(message), words, message.pointer, requirement))
    objections += _empty_key_exchanges(view)
    objections += _deletes_nothing(view)
    objections += _same_seals(view)
    return Checked(f"{count} messages with room for what they carry", tuple(dict.fromkeys(objections)))


def _first_inside(message: SeenMessage) -> int | None:
    """The type of the first payload inside; None where the first fragment is not there."""
    for sealed in sealed_parts(message):
        if isinstance(sealed, Encrypted) or sealed.fragment_number == 1:
            return int(sealed.next_inside)
    return None


def _begins(message: SeenMessage) -> Iterator[tuple[str, str]]:
    first = _first_inside(message)
    if first == 0 and not message.fragmented and message.exchange in _EMPTY:  # of fragments another check tells
        yield _EMPTY[message.exchange], "nothing is inside of SK"
    if first in _SEALED_WITHIN:
        yield "B41", "inside of SK is another Encrypted payload, and nothing may follow one"
    if first is not None and is_out_of_place(first, message.exchange):
        yield "B54", f"inside of SK is first a payload of type {first}, which has no place in {message.exchange}"
    if first == PayloadType.IDi and message.exchange == ExchangeType.IKE_AUTH and message.response:
        yield "B54", "inside of SK is first a payload IDi, which is the request's"


def _in_front(message: SeenMessage) -> Iterator[tuple[str, str]]:
    """Payloads outside of SK: in IKE_INTERMEDIATE alone a document may put some there (RFC 9242 section 3.3.2)."""
    known = message.exchange.is_known and message.exchange != ExchangeType.IKE_INTERMEDIATE
    outer = [payload.type for piece in message.pieces for payload in piece.message.payloads]
    bare = [kind for kind in outer if kind.is_known and kind not in _SEALED_WITHIN]
    if known and bare:
        yield "B61", f"a payload {bare[0].name} is in clear in front of SK"


def _is_not_encrypted(message: SeenMessage) -> Iterator[tuple[str, str]]:
    """Behind the IV, ciphertext and ICV look like chance: no cipher makes 16 octets of one value in a row."""
    for sealed in sealed_parts(message):
        if found := _MADE_BY_NO_CIPHER.search(sealed.content, _IV):
            yield "B61", f"inside of SK are 16 octets {found[1].hex()} in a row, which no cipher makes"


def _deletes_nothing(view: PairView) -> Iterator[Objection]:
    """Both report the deletion, and no INFORMATIONAL request of the last IKE SA has anything inside (section 1.4.1)."""
    answer, last = ends_by_deletion(view), view.report.steps[-1] if view.report.steps else None
    if answer is None or last is None or last.step != DELETED or last.initiator.sas or last.responder.sas:
        return
    asked = [
        message
        for message in view.find(ExchangeType.INFORMATIONAL, response=False)
        if message.sealed and initiator_spi(message) == initiator_spi(answer)
    ]
    if asked and all(_first_inside(message) == 0 for message in asked):
        senders = {view.sender(message) for message in asked}
        sentence = f"{asked[-1].label} is empty, so that nothing deletes the IKE SA"
        yield Objection(senders.pop() if len(senders) == 1 else "", sentence, asked[-1].pointer, "B29")


def _same_seals(view: PairView) -> Iterator[Objection]:
    """The check value, or the ciphertext, of an earlier message in another one: it is made of neither (RFC 7296 3.14).

    Where the vector is that of before, too, another check tells.
    """
    cipher = cipher_of(view)
    if cipher is None:
        return
    seen: dict[tuple[bool, bytes], tuple[str, bytes]] = {}
    parts = ((each, sealed) for each in view.messages for sealed in sealed_parts(each))
    for message, sealed in ((each, sealed) for each, sealed in parts if is_of_the_first(view, each)):
        vector, rest = sealed.content[: cipher.iv_octets], sealed.content[cipher.iv_octets :]
        end = len(rest) - cipher.icv_octets
        for octets in (rest[:end], rest[end:]):
            label, before = seen.setdefault((message.from_initiator, octets), (message.label, vector))
            if len(octets) >= _ICV and label != message.label and before != vector:
                sentence = f"{message.label} has the ciphertext or the check value of {label}"
                yield Objection(view.sender(message), sentence, message.pointer, "B61")


def _empty_key_exchanges(view: PairView) -> Iterator[Objection]:
    """Additional key exchanges without payloads: fewer messages than methods have any (RFC 9370 section 2.2.2)."""
    wanted = len(view.suite.additional_key_exchanges) if view.suite else 0
    for response in (False, True):
        found = view.find(ExchangeType.IKE_INTERMEDIATE, response=response)
        empty = [m for m in found if not m.fragmented and _first_inside(m) == 0]
        if len(found) >= wanted > len(found) - len(empty):
            sentence = f"{empty[0].label}: nothing is inside of SK, though each of {wanted} key exchanges needs one"
            yield Objection(view.sender(empty[0]), sentence, empty[0].pointer, "A15")


def _cipher_fits(view: PairView, message: SeenMessage) -> Iterator[tuple[str, str]]:
    cipher = cipher_of(view)
    if cipher is None or not is_of_the_first(view, message):
        return
    for sealed in sealed_parts(message):
        plain = len(sealed.content) - cipher.iv_octets - cipher.icv_octets
        if plain < PAD_LENGTH:
            yield "B41", f"{plain + cipher.iv_octets + cipher.icv_octets} octets hold neither IV, padding nor ICV"
        elif plain % cipher.block_octets:
            yield "B41", f"{plain} octets of ciphertext are no whole number of blocks"


def _octets_at_least(kind: int | None) -> int:
    """Of a payload of this type: each has a header, and those that RFC 7296 knows best four octets more."""
    return 0 if not kind else _HEADER + (4 if kind in _WITH_A_FIXED_PART else 0)


def _lacks_room(view: PairView, message: SeenMessage) -> Iterator[tuple[str, str]]:
    """Too few octets for what a message of its exchange holds, where both sides have the SAs that it led to.

    Whatever came of it, it has room for the first payload that is inside. Of a rekeyed IKE SA nobody knows the cipher.
    """
    least, first, octets = _least(view, message), _octets_at_least(_first_inside(message)), room(view, message)
    with_key = _least_of_a_rekeyed_ike_sa(view, message)
    if least and octets < least:
        yield "B54", f"too few octets for the payloads that it must have, which take {least} at least"
    elif with_key and octets < with_key:
        yield "B24", f"too few octets to rekey the IKE SA with a KE payload, which takes {with_key} at least"
    elif 0 <= octets < first and is_of_the_first(view, message):
        yield "B53", f"too few octets for the first payload that it has, which takes {first} at least"


def _least(view: PairView, message: SeenMessage) -> int:
    """What the payloads take at least that a message must have."""
    if is_of_the_first(view, message) and message.exchange == ExchangeType.IKE_AUTH and _is_the_only_auth(view):
        childless = any(
            notify.notify_type == NotifyType.CHILDLESS_IKEV2_SUPPORTED
            for each in view.find(ExchangeType.IKE_SA_INIT, response=True)
            for notify in of(each, Notify)
        )
        # Where it cannot be made in IKE_AUTH "the IKE SA is still created as usual" (section 1.2).
        left_out = childless or (message.response and rekeyed_of_themselves(view))
        return _ID + _AUTH + (0 if left_out else _OF_A_CHILD)
    step = step_of(view, message)
    if step is not None and step.step == Step.REKEY_CHILD:
        return _SA + _NONCE + 2 * _TS + (0 if message.response else _REKEY_SA)
    return _SA + _NONCE if message.exchange == ExchangeType.CREATE_CHILD_SA and (step or not message.response) else 0


def _least_of_a_rekeyed_ike_sa(view: PairView, message: SeenMessage) -> int:
    """What a message takes at least that rekeyed the IKE SA, KE payload included; 0 for any other one.

    "The KEi payload MUST be included" (RFC 7296 section 1.3.2). Of which method it is both sides report; or else it has
    what the shortest one takes.
    """
    step = step_of(view, message)
    if step is None or step.step != Step.REKEY_IKE:
        return 0
    return _SA_OF_IKE + _NONCE + KE + _octets_of_a_key(step, int(message.response))


def _octets_of_a_key(step: StepReport, side: int) -> int:
    """Of the request (0) or the answer (1), with the method that both sides report after a step."""
    told = {sa.ke for sa in map(established, (step.initiator, step.responder)) if sa}
    octets = {Algorithm(int(method)).name(TransformType.KE): both for method, both in KEY_EXCHANGE_OCTETS.items()}
    known = octets.get(str(told.pop())) if len(told) == 1 else None
    return known[side] if known else min(both[side] for both in octets.values())


def _is_the_only_auth(view: PairView) -> bool:
    """Whether one IKE_AUTH exchange led to the SAs: with EAP there are more, and none has all payloads."""
    numbers = {m.message_id for m in view.find(ExchangeType.IKE_AUTH)}
    return view.up and len(numbers) == 1


@pair_check("pair-follow-up-sizes", due=Due.UP, requirement="K04")
def follow_up_sizes(view: PairView, _arguments: Arguments) -> Checked:
    """Each IKE_FOLLOWUP_KE of a rekeyed IKE SA has room for the KE payload of the method whose turn it is (K04).

    That is known where only IKE SAs have additional key exchanges, and each rekey of one has them all.
    """
    methods = _methods_of_rekeys(view)
    rekeys = sum(step.step == Step.REKEY_IKE for step in view.standing)
    found = [view.find(ExchangeType.IKE_FOLLOWUP_KE, response=response) for response in (False, True)]
    created = min((m.frame for m in view.find(ExchangeType.CREATE_CHILD_SA)), default=0)
    early = any(m.frame < created for each in found for m in each)
    if early or any(len(each) != rekeys * len(methods) for each in found):
        return Checked("which method which IKE_FOLLOWUP_KE is of is not known")
    objections = []
    for messages in found:
        for place, message in enumerate(messages):
            method = methods[place % len(methods)]
            if not has_room_for_key(view, message, method):
                sentence = f"{message.label} has {octets_of(message)} octets, too few for {method}"
                objections.append(Objection(view.sender(message), sentence, message.pointer))
    return Checked(f"{len(found[0])} IKE_FOLLOWUP_KE with room for their KE payloads", tuple(objections))


def _methods_of_rekeys(view: PairView) -> Sequence[KeyExchangeMethod]:
    """The additional methods of a rekeyed IKE SA, as the first one has them; none where a Child SA may have some."""
    if view.suite is None or any(suite.additional_key_exchanges for suite in view.expectation.esp):
        return ()
    return view.suite.additional_key_exchanges
