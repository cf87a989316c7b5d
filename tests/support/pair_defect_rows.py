"""Seeded defects of two products, and of what we kept of them: what must be said of each, written before it was played.

Nobody has the keys of two products, so a defect is an altered capture, or an altered word of one side. Where both
reports and the outcome show that a message was there, our capture lacks it: the verdict is INCONCLUSIVE and names
nobody. Where the wire cannot be short of anything, as its Message IDs follow each other, somebody erred.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any

from pair_builder import FIRST, HERE, HYBRID_REKEY, SECOND, SEVEN, THERE, Pair

from harness.evidence.model import ClearPacket
from harness.evidence.peer_report import DELETED, ESTABLISHED, PeerReport
from harness.registry.messages import ExchangeType, PayloadType
from harness.registry.notifications import NotifyType
from harness.registry.transforms import AttributeType, TransformType
from harness.results.model import Verdict
from harness.scenario.model import Step
from harness.verify.wire import Piece
from harness.wire.message import Header, Message
from harness.wire.payloads import Encrypted, KeyExchange, Notify, SecurityAssociation
from harness.wire.payloads.security_association import Attribute

HYBRID, REKEY, CLASSICAL = "pairs/hybrid", "pairs/rekey", "pairs/classical"
INTERMEDIATE, FOLLOW_UP = ExchangeType.IKE_INTERMEDIATE, ExchangeType.IKE_FOLLOWUP_KE
NOTHING, NOBODY = PeerReport("1", (), "[]"), ""
Alter = Callable[[Pair], Pair]


@dataclass(frozen=True)
class PairDefect:
    """One row: what is wrong, and what must come of it. ``requirement`` is "" where no sentence may be cited."""

    name: str
    scenarios: tuple[str, ...]
    alter: Alter
    verdict: Verdict
    party: str | tuple[str, str]
    requirement: str
    also: tuple[str, ...] = ()  # what else it breaks; "" is a finding without a sentence

    @property
    def named(self) -> set[str]:
        """Whom the findings must name, and nobody else."""
        return ({self.party} if isinstance(self.party, str) else set(self.party)) - {NOBODY}


def sealed_again(pair: Pair, piece: Piece, **header: Any) -> Pair:
    """One datagram with other fields in its IKE header; what is sealed nobody can read, and so nobody checks."""
    changed: Header = replace(piece.message.header, **header)
    octets = Message(changed, piece.message.payloads).to_bytes()
    marker = piece.datagram.payload[: -len(piece.octets)]
    return pair.changed(piece.datagram, replace(piece.datagram, payload=marker + octets))


def without(exchange: ExchangeType, *, response: bool | None = None, numbers: tuple[int, ...] = ()) -> Alter:
    """The capture without messages of an exchange type; of one direction, or with these Message IDs, alone."""

    def alter(pair: Pair) -> Pair:
        found = [m for m in pair.view.find(exchange, response=response) if not numbers or m.message_id in numbers]
        gone = {piece.datagram.frame for m in found for piece in m.pieces}
        return pair.with_datagrams(d for d in pair.wire.datagrams if d.frame not in gone)

    return alter


def a_fragment_less(label: str) -> Alter:
    """The capture without the last fragment of a message."""

    def alter(pair: Pair) -> Pair:
        gone = pair.message(label).pieces[-1].datagram
        return pair.with_datagrams(d for d in pair.wire.datagrams if d is not gone)

    return alter


def never_sent(exchange: ExchangeType, *numbers: int) -> Alter:
    """As if exchanges had never been: what follows them in their IKE SA is numbered without them."""

    def alter(pair: Pair) -> Pair:
        found = [m for m in pair.view.find(exchange) if not numbers or m.message_id in numbers]
        gone = {m.message_id for m in found if not m.response}
        spis = {m.pieces[0].octets[:8] for m in found}
        cut = without(exchange, numbers=tuple(gone))(pair)
        for message in cut.view.messages:
            before = sum(number < message.message_id for number in gone)
            for piece in message.pieces if before and message.pieces[0].octets[:8] in spis else ():
                cut = sealed_again(cut, piece, message_id=message.message_id - before)
        return cut

    return alter


def esp_without(*, to: tuple[str, ...]) -> Alter:
    """The capture without ESP to these addresses."""
    return lambda pair: pair.with_datagrams(
        d for d in pair.wire.datagrams if d not in pair.view.esp or d.destination[0] not in to
    )


def silent_path(*, to: tuple[str, ...]) -> Alter:
    """No ESP to these addresses, no echo came back, and both count what they had."""

    def alter(pair: Pair) -> Pair:
        lost = esp_without(to=to)(pair).with_step(Step.TRAFFIC, echo_received=0, said="0 of 3")
        for side, address in (("initiator", HERE), ("responder", THERE)):
            if address in to:
                lost = lost.with_child(Step.TRAFFIC, side, packets_in=0)
            else:
                lost = lost.with_child(Step.TRAFFIC, side, packets_out=0)
        return lost

    return alter


def reports(side: str, **fields: Any) -> Alter:
    """After every step one side reports its IKE SA with other fields."""

    def alter(pair: Pair) -> Pair:
        for step in {each.step for each in pair.view.standing}:
            pair = pair.with_sa(step, side, **fields)
        return pair

    return alter


def reports_child(side: str, **fields: Any) -> Alter:
    def alter(pair: Pair) -> Pair:
        for step in {each.step for each in pair.view.standing}:
            pair = pair.with_child(step, side, **fields)
        return pair

    return alter


def reserved_spi(side: str, spi: str) -> Alter:
    """A side receives on this SPI, as both report and its ESP shows."""
    other, address = {"initiator": ("responder", HERE), "responder": ("initiator", THERE)}[side]

    def on_the_wire(pair: Pair) -> Pair:
        return pair.with_datagrams(
            replace(d, payload=bytes.fromhex(spi) + d.payload[4:])
            if d in pair.view.esp and d.destination[0] == address
            else d
            for d in pair.wire.datagrams
        )

    return and_then(reports_child(side, spi_in=spi), reports_child(other, spi_out=spi), on_the_wire)


def rewritten(label: str, edit: Callable[[Any], Any]) -> Alter:
    """One message with each of its payloads edited."""

    def alter(pair: Pair) -> Pair:
        piece = pair.message(label).pieces[0]
        octets = Message(piece.message.header, tuple(map(edit, piece.message.payloads))).to_bytes()
        return pair.changed(piece.datagram, replace(piece.datagram, payload=octets))

    return alter


def jumped(pair: Pair) -> Pair:
    """The last request leaves numbers out, and nobody answers it."""
    last = [m for m in pair.view.messages if not m.response][-1]
    cut = pair.without(last.label.replace("request", "response"))
    return sealed_again(cut, cut.message(last.label).pieces[0], message_id=last.message_id + 7)


def left_unanswered(pair: Pair) -> Pair:
    """The request to delete is sent twice, and nobody answers."""
    cut = pair.without(pair.view.messages[-1].label)
    request = cut.view.messages[-1].pieces[0].datagram
    return cut.changed(request, request, replace(request, frame=request.frame + 1))


def other_transform(kind: TransformType, identifier: int, *attributes: Attribute) -> Callable[[Any], Any]:
    def edit(payload: Any) -> Any:
        if not isinstance(payload, SecurityAssociation):
            return payload
        chosen = payload.proposals[0]
        transforms = tuple(
            replace(t, identifier=identifier, attributes=attributes or t.attributes) if t.type == kind else t
            for t in chosen.transforms
        )
        return replace(payload, proposals=(replace(chosen, transforms=transforms),))

    return edit


def without_transform(kind: TransformType) -> Callable[[Any], Any]:
    def edit(payload: Any) -> Any:
        if not isinstance(payload, SecurityAssociation):
            return payload
        chosen = payload.proposals[0]
        kept = tuple(t for t in chosen.transforms if t.type != kind)
        return replace(payload, proposals=(replace(chosen, transforms=kept),))

    return edit


def and_then(*steps: Alter) -> Alter:
    """One alteration after the other."""
    return lambda pair: reduce(lambda altered, step: step(altered), steps, pair)


def both_report(**fields: Any) -> tuple[Alter, Alter]:
    return reports("initiator", **fields), reports("responder", **fields)


def shortened(payload: Any) -> Any:
    return replace(payload, data=payload.data[:-1]) if isinstance(payload, KeyExchange) else payload


def to_a_small_room(payload: Any) -> Any:
    return Encrypted(PayloadType.KE, os.urandom(700)) if isinstance(payload, Encrypted) else payload


def refused(kind: NotifyType) -> Alter:
    """IKE_SA_INIT is refused, and neither side has anything."""

    def alter(pair: Pair) -> Pair:
        piece = pair.message("IKE_SA_INIT response 0").pieces[0]
        header = replace(piece.message.header)
        answer = replace(piece.datagram, payload=Message(header, (Notify(kind),)).to_bytes())
        first = pair.wire.datagrams[0]
        ended = pair.with_datagrams((first, answer))
        return ended.with_report(steps=(replace(pair.report.steps[0], initiator=NOTHING, responder=NOTHING),))

    return alter


def broken_off(pair: Pair) -> Pair:
    """It ends after the IKE_AUTH request, and neither side has anything."""
    last = pair.view.find(ExchangeType.IKE_AUTH, response=False)[0].frame
    ended = pair.with_datagrams(d for d in pair.wire.datagrams if d.frame <= last)
    return ended.with_report(steps=(replace(pair.report.steps[0], initiator=NOTHING, responder=NOTHING),))


def in_clear(side: int) -> Alter:
    def alter(pair: Pair) -> Pair:
        here, there = pair.view.sides[side], pair.view.sides[1 - side]
        return pair.with_wire(clear=(ClearPacket(9, here.inner, there.inner, 1),))

    return alter


def unknown_spi(to: str) -> Alter:
    """One ESP packet has an SPI that nobody reports."""

    def alter(pair: Pair) -> Pair:
        packet = next(each for each in pair.view.esp if each.destination[0] == to)
        return pair.changed(packet, replace(packet, payload=b"\xfe" * 4 + packet.payload[4:]))

    return alter


def keeps(side: str) -> Alter:
    """After the deletion a side still has what it had."""
    return lambda pair: pair.with_step(DELETED, **{side: getattr(pair.report.steps[-2], side)})


def never_renewed(step: Step, side: str) -> Alter:
    """After a rekey a side has the SAs of the beginning."""
    return lambda pair: pair.with_step(step, **{side: pair.reported(ESTABLISHED, side)})


FAIL, OPEN = Verdict.FAIL, Verdict.INCONCLUSIVE
KEY_OF_128 = Attribute(AttributeType.KEY_LENGTH, 128)
FIRST_ANSWER, BOTH_WAYS = "IKE_SA_INIT response 0", (HERE, THERE)
CBC_CHOSEN = rewritten(FIRST_ANSWER, other_transform(TransformType.ENCR, 12))
SHORTER_CHOSEN = rewritten(FIRST_ANSWER, other_transform(TransformType.ENCR, 20, KEY_OF_128))
PRF_CHOSEN = rewritten(FIRST_ANSWER, other_transform(TransformType.PRF, 7))
CLASSICAL_CHOSEN = rewritten(FIRST_ANSWER, without_transform(TransformType.ADDKE1))

ROWS: list[PairDefect] = [
    # Our capture lacks a message. An answered request shows that its receiver had all before it, and that both sides
    # have the SAs shows that the initial exchanges are complete: nobody erred but we.
    PairDefect("every IKE_INTERMEDIATE is cut out", (HYBRID, SEVEN), without(INTERMEDIATE), OPEN, NOBODY, ""),
    PairDefect("its requests are", (HYBRID, SEVEN), without(INTERMEDIATE, response=False), OPEN, NOBODY, ""),
    PairDefect("its responses are", (HYBRID, SEVEN), without(INTERMEDIATE, response=True), OPEN, NOBODY, ""),
    PairDefect("the third exchange is", (SEVEN,), without(INTERMEDIATE, numbers=(3,)), OPEN, NOBODY, ""),
    PairDefect("every IKE_FOLLOWUP_KE is cut out", (HYBRID_REKEY,), without(FOLLOW_UP), OPEN, NOBODY, ""),
    PairDefect("the response to IKE_AUTH is", (HYBRID, CLASSICAL), without(ExchangeType.IKE_AUTH, response=True),
               OPEN, NOBODY, ""),
    PairDefect("the response to IKE_SA_INIT is", (HYBRID, REKEY), without(ExchangeType.IKE_SA_INIT, response=True),
               OPEN, NOBODY, ""),
    PairDefect("one fragment of a request is", (SEVEN,), a_fragment_less("IKE_INTERMEDIATE request 5"),
               OPEN, NOBODY, ""),
    PairDefect("one fragment of a response is", (SEVEN,), a_fragment_less("IKE_INTERMEDIATE response 5"),
               OPEN, NOBODY, ""),
    PairDefect("the response to a rekey is", (REKEY,), without(
        ExchangeType.CREATE_CHILD_SA, response=True, numbers=(2,)), OPEN, NOBODY, ""),
    PairDefect("the responses to IKE_FOLLOWUP_KE are", (HYBRID_REKEY,), without(FOLLOW_UP, response=True),
               OPEN, NOBODY, ""),
    PairDefect("the request of IKE_AUTH is", (HYBRID, CLASSICAL), without(ExchangeType.IKE_AUTH, response=False),
               OPEN, NOBODY, ""),
    PairDefect("the exchanges of a rekey are", (REKEY,), without(ExchangeType.CREATE_CHILD_SA, numbers=(2,)),
               OPEN, NOBODY, ""),
    PairDefect("the last request is", (HYBRID, REKEY), lambda p: p.with_datagrams(
        d for d in p.wire.datagrams if d.frame != [m for m in p.view.messages if not m.response][-1].frame
    ), OPEN, NOBODY, ""),
    # Every echo came back and is counted, so that ESP did go there: the capture lacks it.
    PairDefect("no ESP to the responder, all counted", (HYBRID, CLASSICAL), esp_without(to=(THERE,)), OPEN, NOBODY, ""),
    PairDefect("no ESP to the initiator, all counted", (HYBRID, CLASSICAL), esp_without(to=(HERE,)), OPEN, NOBODY, ""),
    PairDefect("no ESP at all, all counted", (HYBRID, CLASSICAL), esp_without(to=BOTH_WAYS), OPEN, NOBODY, ""),
    # Numbers without a gap: what is not there was never sent. Who has to begin the exchange is the initiator.
    PairDefect("no IKE_INTERMEDIATE took place", (HYBRID, SEVEN), never_sent(INTERMEDIATE), FAIL, FIRST, "A06"),
    PairDefect("one IKE_INTERMEDIATE too few", (SEVEN,), never_sent(INTERMEDIATE, 7), FAIL, FIRST, "A06"),
    PairDefect("four too few", (SEVEN,), never_sent(INTERMEDIATE, 4, 5, 6, 7), FAIL, FIRST, "A06"),
    PairDefect("a hybrid rekey without its exchanges", (HYBRID_REKEY,), never_sent(FOLLOW_UP), FAIL, FIRST, "A08"),
    PairDefect("a number left out, and no answer", (HYBRID, CLASSICAL, REKEY), jumped, FAIL, FIRST, "B22"),
    # One side says otherwise than the wire shows in clear: product, driver or record errs, and nobody can tell which.
    *(
        PairDefect(f"the {side} reports {field} {value}", (HYBRID, CLASSICAL), reports(side, **{field: value}),
                   OPEN, NOBODY, "")
        for side in ("initiator", "responder")
        for field, value in (
            ("encr", "aes-128-cbc"), ("integ", "hmac-sha1-96"), ("prf", "hmac-sha1"), ("ke", "modp2048"),
            ("additional_ke", ("ml-kem-1024",)), ("additional_ke", ("ml-kem-768", "ml-kem-512")),
            ("initiator_spi", "00" * 8), ("responder_spi", "11" * 8),
        )
    ),
    *(
        PairDefect(f"the {side} reports no additional key exchange", (HYBRID, SEVEN), reports(side, additional_ke=()),
                   OPEN, NOBODY, "")
        for side in ("initiator", "responder")
    ),
    PairDefect("each says that it is the responder", (HYBRID,), reports("initiator", initiator=False),
               OPEN, NOBODY, ""),
    PairDefect("each says that it is the initiator", (HYBRID,), reports("responder", initiator=True),
               OPEN, NOBODY, ""),
    *(
        PairDefect(f"the {side} reports ESP {field}", (HYBRID, CLASSICAL), reports_child(side, **{field: value}),
                   OPEN, NOBODY, "")
        for side in ("initiator", "responder")
        for field, value in (("encr", "aes-128-cbc"), ("integ", "hmac-sha1-96"), ("integ", None))
    ),
    PairDefect("the initiator reports a reserved SPI", (HYBRID,), reports_child("initiator", spi_in="00000007"),
               OPEN, NOBODY, ""),
    # Both say the same, which neither policy leads to; who offered or chose it is encrypted.
    PairDefect("both report another ESP", (HYBRID, CLASSICAL), and_then(
        reports_child("initiator", encr="aes-128-cbc"), reports_child("responder", encr="aes-128-cbc")),
        FAIL, NOBODY, "B06"),
    # ESP that did not go, or not as they say.
    PairDefect("no ESP to the responder", (HYBRID,), silent_path(to=(THERE,)), FAIL, NOBODY, "E01"),
    PairDefect("no ESP to the initiator", (HYBRID,), silent_path(to=(HERE,)), FAIL, NOBODY, "E01"),
    PairDefect("no ESP at all", (HYBRID, CLASSICAL), silent_path(to=BOTH_WAYS), FAIL, NOBODY, "E01"),
    PairDefect("an SPI that the responder does not know", (HYBRID, CLASSICAL), unknown_spi(THERE), FAIL, FIRST, "E01"),
    PairDefect("an SPI that the initiator does not know", (HYBRID, CLASSICAL), unknown_spi(HERE), FAIL, SECOND, "E01"),
    PairDefect("the initiator sends in clear", (HYBRID, CLASSICAL), in_clear(0), FAIL, FIRST, "E01"),
    PairDefect("the responder sends in clear", (HYBRID, CLASSICAL), in_clear(1), FAIL, SECOND, "E01"),
    PairDefect("the initiator has a reserved SPI", (HYBRID,), reserved_spi("initiator", "00000007"),
               FAIL, FIRST, "E07"),
    PairDefect("the responder has a reserved SPI", (HYBRID,), reserved_spi("responder", "000000ff"),
               FAIL, SECOND, "E07"),
    # The choice in clear is not what the two use, by the word of both: then it is our record that changed on the way.
    PairDefect("the capture has another cipher", (HYBRID, CLASSICAL), CBC_CHOSEN, OPEN, NOBODY, ""),
    PairDefect("the capture has another key length", (HYBRID, CLASSICAL), SHORTER_CHOSEN, OPEN, NOBODY, ""),
    PairDefect("the capture has another PRF", (HYBRID, CLASSICAL), PRF_CHOSEN, OPEN, NOBODY, ""),
    PairDefect("the capture has another answer than ML-KEM", (HYBRID,), CLASSICAL_CHOSEN, OPEN, NOBODY, ""),
    # The choice is what both use, and no choice from the offer; the refusal in clear.
    PairDefect("the answer has another cipher", (HYBRID, CLASSICAL), and_then(
        CBC_CHOSEN, *both_report(encr="aes-256-cbc")), FAIL, SECOND, "B06"),
    PairDefect("the answer has another key length", (HYBRID, CLASSICAL), and_then(
        SHORTER_CHOSEN, *both_report(encr="aes-128-gcm-16")), FAIL, SECOND, "B06"),
    PairDefect("the answer has another PRF", (HYBRID, CLASSICAL), and_then(
        PRF_CHOSEN, *both_report(prf="hmac-sha2-512")), FAIL, SECOND, "B06"),
    PairDefect("the answer leaves ML-KEM out", (HYBRID,), and_then(
        CLASSICAL_CHOSEN, never_sent(INTERMEDIATE), *both_report(additional_ke=())), FAIL, SECOND, "B06", ("",)),
    # The initiator began none, the responder went on to IKE_AUTH without any, and each says so.
    PairDefect("both leave out what was chosen", (HYBRID, SEVEN), and_then(
        never_sent(INTERMEDIATE), *both_report(additional_ke=())), FAIL, (FIRST, SECOND), "A06"),
    PairDefect("KE of the answer is too short", (HYBRID, CLASSICAL), rewritten(FIRST_ANSWER, shortened),
               FAIL, SECOND, "K04"),
    PairDefect("KE of the request is too short", (HYBRID, CLASSICAL), rewritten("IKE_SA_INIT request 0", shortened),
               FAIL, FIRST, "K04"),
    PairDefect("no room for an encapsulation key", (HYBRID,), rewritten("IKE_INTERMEDIATE request 1", to_a_small_room),
               FAIL, FIRST, "K04"),
    PairDefect("no room for a ciphertext", (HYBRID,), rewritten("IKE_INTERMEDIATE response 1", to_a_small_room),
               FAIL, SECOND, "K04"),
    PairDefect("what both allow is refused", (HYBRID, CLASSICAL), refused(NotifyType.NO_PROPOSAL_CHOSEN),
               FAIL, SECOND, "B08"),
    PairDefect("it is refused as invalid", (HYBRID, CLASSICAL), refused(NotifyType.INVALID_SYNTAX),
               FAIL, SECOND, ""),
    PairDefect("it breaks off in IKE_AUTH", (HYBRID, CLASSICAL), broken_off, FAIL, NOBODY, ""),
    # Rekeys and the deletion.
    *(
        PairDefect(f"the {side} does not renew its {what}", (REKEY,), never_renewed(step, side), FAIL, party, "")
        for side, party in (("initiator", FIRST), ("responder", SECOND))
        for what, step in (("Child SA", Step.REKEY_CHILD), ("IKE SA", Step.REKEY_IKE))
    ),
    PairDefect("the initiator keeps its IKE SA", (HYBRID, REKEY), keeps("initiator"), FAIL, FIRST, "B29"),
    PairDefect("the responder keeps its IKE SA", (HYBRID, REKEY), keeps("responder"), FAIL, SECOND, "B29"),
    PairDefect("the deletion is not answered", (HYBRID, CLASSICAL), left_unanswered, FAIL, SECOND, "B30", ("B29",)),
]  # fmt: skip
