"""How many exchanges of which kind two products had, and how large: what needs no keys to be seen."""

from __future__ import annotations

from harness.evidence.peer_report import DELETED, StepReport
from harness.registry.key_exchange_sizes import KEY_EXCHANGE_OCTETS
from harness.registry.messages import ExchangeType
from harness.results.model import CAPTURE, STEPS, Severity
from harness.scenario.model import Step
from harness.verify.check import Arguments, Checked, Due, Objection, pair_check
from harness.verify.view import PairView, established
from harness.verify.wire import SeenMessage, of
from harness.wire.payloads import KeyExchange

_REKEYS = (Step.REKEY_CHILD, Step.REKEY_IKE)
_SPIS_OCTETS = 16  # the initiator's and the responder's (RFC 7296 section 3.1)


@pair_check("pair-exchanges-as-predicted", due=Due.UP, requirement="A06")
def exchanges_as_predicted(view: PairView, _arguments: Arguments) -> Checked:
    """An IKE_INTERMEDIATE for each additional key exchange that was chosen, then IKE_AUTH (RFC 9370 section 2.2)."""
    if view.suite is None:
        return Checked("", (Objection("", "no suite is on the wire", CAPTURE),))
    wanted = len(view.suite.additional_key_exchanges)
    objections = []
    requests, responses = (
        {m.message_id for m in view.find(ExchangeType.IKE_INTERMEDIATE, response=response)}
        for response in (False, True)
    )
    if len(requests) != wanted:
        sentence = f"{len(requests)} IKE_INTERMEDIATE requests are on the wire; the suite chosen asks for {wanted}"
        objections.append(Objection(view.sides[0].peer, sentence, CAPTURE))
    if requests - responses:
        sentence = f"{len(responses)} IKE_INTERMEDIATE responses are on the wire to {len(requests)} requests"
        objections.append(Objection("", sentence, CAPTURE))  # what is no valid request is dropped without a word
    for response, kind in ((False, "requests"), (True, "responses")):
        if not view.find(ExchangeType.IKE_AUTH, response=response):
            objections.append(Objection("", f"no IKE_AUTH {kind} are on the wire", CAPTURE, "B06"))
    return Checked(f"IKE_SA_INIT, {wanted} IKE_INTERMEDIATE, IKE_AUTH", tuple(objections))


@pair_check("pair-key-exchange-sizes", due=Due.UP, requirement="K04")
def pair_key_exchange_sizes(view: PairView, _arguments: Arguments) -> Checked:
    """KE payloads in clear have their method's octets; an IKE_INTERMEDIATE has room for those of its method."""
    if view.suite is None:
        return Checked("", (Objection("", "no suite is on the wire", CAPTURE),))
    objections, seen = [], []
    for message in view.find(ExchangeType.IKE_SA_INIT):
        for payload in of(message, KeyExchange):
            sizes = KEY_EXCHANGE_OCTETS.get(payload.method)
            if sizes is None:
                continue
            seen.append(f"{payload.method} {len(payload.data)}")
            if len(payload.data) != sizes[int(message.response)]:
                sentence = f"KE of {payload.method} in {message.label} has {len(payload.data)} octets"
                objections.append(Objection(view.sender(message), sentence, message.pointer))
    for number, method in enumerate(view.suite.additional_key_exchanges, start=1):
        sizes = KEY_EXCHANGE_OCTETS.get(method)
        for message in view.find(ExchangeType.IKE_INTERMEDIATE) if sizes else ():
            if sizes and message.message_id == number:
                octets = octets_of(message)
                seen.append(f"{method} in {octets}")
                if octets < sizes[int(message.response)]:
                    sentence = f"{message.label} has {octets} octets, too few for {method}"
                    objections.append(Objection(view.sender(message), sentence, message.pointer))
    return Checked("octets: " + ", ".join(seen), tuple(objections))


@pair_check("pair-follow-up-exchanges", due=Due.UP, requirement="A08")
def follow_up_exchanges(view: PairView, _arguments: Arguments) -> Checked:
    """A rekey with additional key exchanges has an IKE_FOLLOWUP_KE for each of them (RFC 9370 section 2.2.4).

    How many there are for an IKE SA is what both sides report of the new one, or else what the first had; for a Child
    SA, what the two policies lead to.
    """
    due = 0
    for step in view.standing:
        if step.step == Step.REKEY_IKE:
            due += _additional_reported(view, step)
        elif step.step == Step.REKEY_CHILD:
            due += min((len(suite.additional_key_exchanges) for suite in view.expectation.esp), default=0)
    seen = min(len(view.find(ExchangeType.IKE_FOLLOWUP_KE, response=response)) for response in (False, True))
    if seen >= due:
        return Checked(f"{seen} IKE_FOLLOWUP_KE exchanges, {due} are due")
    begun = view.find(ExchangeType.CREATE_CHILD_SA, response=False)
    party = view.sender(begun[-1]) if begun else ""  # who rekeys begins the exchanges that follow
    sentence = f"{seen} IKE_FOLLOWUP_KE exchanges are on the wire; the rekeys ask for {due}"
    return Checked("", (Objection(party, sentence, begun[-1].pointer if begun else CAPTURE),))


def _additional_reported(view: PairView, step: StepReport) -> int:
    """How many additional key exchanges the sides report of the IKE SA that stands after a step."""
    standing = [sa for sa in map(established, (step.initiator, step.responder)) if sa is not None]
    told = [len(sa.additional_ke) for sa in standing if sa.additional_ke is not None]
    first = len(view.suite.additional_key_exchanges) if view.suite else 0
    return max(told, default=first)


@pair_check("pair-message-ids-in-sequence", due=Due.ALWAYS, requirement="B22")
def pair_message_ids_in_sequence(view: PairView, _arguments: Arguments) -> Checked:
    """Each side numbers its requests in each IKE SA 0, 1, 2, ...; who leaves one out gets no answer (B22).

    Where an answered request shows that one is missing, the capture lacks it: then nothing is judged at all.
    """
    objections, count = [], 0
    asked: dict[tuple[bytes, bool], dict[int, SeenMessage]] = {}
    for message in (m for m in view.messages if not m.response):
        asked.setdefault((message.pieces[0].octets[:8], message.from_initiator), {})[message.message_id] = message
    for numbers in asked.values():
        count += len(numbers)
        gap = next(number for number in range(len(numbers) + 1) if number not in numbers)
        if gap < len(numbers):
            jumped = numbers[min(number for number in numbers if number > gap)]
            sentence = f"{jumped.label} is the next request on the wire, {gap} is due"
            objections.append(Objection(view.sender(jumped), sentence, jumped.pointer))
    return Checked(f"{count} requests numbered without a gap", tuple(objections))


def octets_of(message: SeenMessage) -> int:
    """Of the message with all its fragments, each counted once."""
    fragments = {piece.fragment.fragment_number if piece.fragment else 0: piece for piece in message.pieces}
    return sum(len(piece.octets) for piece in fragments.values())


@pair_check("pair-rekeyed")
def rekeyed(view: PairView, _arguments: Arguments) -> Checked:
    """After each rekey both sides use new SPIs and the old no more, by a CREATE_CHILD_SA exchange of its own."""
    objections, done = [], 0
    for before, after in zip(view.standing, view.standing[1:], strict=False):
        if after.step in _REKEYS:
            done += 1
            objections += _renewed(view, before, after)
    wanted = sum(step in _REKEYS for step in view.scenario.steps)
    if done < wanted:
        objections.append(Objection("", f"{done} of {wanted} rekeys were begun", STEPS))
    spoken = min(len(view.find(ExchangeType.CREATE_CHILD_SA, response=response)) for response in (False, True))
    if spoken < wanted:
        sentence = f"{spoken} CREATE_CHILD_SA exchanges are on the wire; {wanted} rekeys ask for as many"
        objections.append(Objection("", sentence, CAPTURE))
    objections += _other_ike_sas(view)
    return Checked(f"{done} rekeys, {spoken} CREATE_CHILD_SA exchanges", tuple(objections))


def _other_ike_sas(view: PairView) -> list[Objection]:
    """A rekeyed IKE SA has other SPIs (RFC 7296 section 1.3.2): the wire shows them, whatever the products tell."""
    due = 1 + sum(step is Step.REKEY_IKE for step in view.scenario.steps)
    seen = {piece.octets[:_SPIS_OCTETS] for message in view.messages if message.protected for piece in message.pieces}
    if len(seen) >= due:
        return []
    sentence = f"{len(seen)} IKE SAs have protected messages on the wire; the rekeys of the IKE SA make it {due}"
    return [Objection("", sentence, CAPTURE, "B24")]


def _renewed(view: PairView, before: StepReport, after: StepReport) -> list[Objection]:
    ike = after.step == Step.REKEY_IKE
    requirement = "B24" if ike else "B25"
    objections = []
    for index, (old, new) in enumerate(((before.initiator, after.initiator), (before.responder, after.responder))):
        party, first, second = view.sides[index].peer, established(old), established(new)
        if second is None:
            objections.append(Objection(party, f"after {after.step} it has no standing SAs", STEPS, requirement))
            continue
        if first is None or (ike and None in (first.initiator_spi, second.initiator_spi)):
            continue  # it does not tell
        if ike:
            kept = {str(first.initiator_spi)} & {str(sa.initiator_spi) for sa in new.sas if sa.stands}
        else:
            kept = {c.spi_in for c in first.installed} & {c.spi_in for sa in new.sas for c in sa.installed}
        if kept:
            sentence = f"after {after.step} it still has the SA with SPI {', '.join(sorted(kept))}"
            objections.append(Objection(party, sentence, STEPS, requirement))
    return objections


@pair_check("pair-requests-answered", due=Due.UP, requirement="B30")
def requests_answered(view: PairView, _arguments: Arguments) -> Checked:
    """Every request in a standing IKE SA is answered by the other side (B60), an INFORMATIONAL one always (B30)."""
    objections = []
    for message in view.unanswered:
        other = next(side.peer for side in view.sides if side.address != message.pieces[0].datagram.source[0])
        sentence = f"{message.label} of {view.sender(message)} was sent {len(message.pieces)} times and never answered"
        requirement = "B30" if message.exchange == ExchangeType.INFORMATIONAL else "B60"
        objections.append(Objection(other, sentence, message.pointer, requirement))
    return Checked("every request has its response", tuple(objections))


@pair_check("pair-deleted-on-both-sides", due=Due.UP, requirement="B29")
def pair_deleted_on_both_sides(view: PairView, _arguments: Arguments) -> Checked:
    """Once the initiator was told to delete, an INFORMATIONAL exchange is seen and neither side has an SA left.

    Rekeys have such exchanges, too, for the SAs that they replace: the one that counts comes after all else.
    """
    if Step.DELETE not in view.scenario.steps:
        return Checked("the scenario does not delete")
    last = view.report.steps[-1] if view.report.steps else None
    if last is None or last.step != DELETED:
        return Checked(
            "", (Objection("", "no report was taken after the deletion", STEPS, severity=Severity.INCONCLUSIVE),)
        )
    deleted = answered_at_the_end(view)
    objections = []
    for side, report in zip(view.sides, (last.initiator, last.responder), strict=True):
        if any(sa.initiator_spi not in _waiting(view) for sa in report.sas):
            sentence = f"{side.peer} still reports an IKE SA after the deletion"
            told = deleted or side is view.sides[0]  # the initiator by the lab, the responder by a message alone
            objections.append(Objection(side.peer if told else "", sentence, STEPS))
    if not deleted:
        objections.append(Objection("", "no answered INFORMATIONAL exchange ends the IKE SA", CAPTURE))
    return Checked("deleted by an INFORMATIONAL exchange; neither side has an SA left", tuple(objections))


def answered_at_the_end(view: PairView) -> bool:
    """Whether the last IKE SA has an answered INFORMATIONAL exchange after all ESP and every exchange of another kind.

    The order of the capture tells, so that its clock need not be the lab's. The last IKE SA is the one whose first
    protected message came last: a rekeyed one may have none but its deletion. What is in clear is of no IKE SA, such as
    INVALID_SPI (RFC 7296 section 1.5).
    """
    protected = [message for message in view.messages if message.protected and message.sealed]
    if not protected:
        return False
    others = [message.frame for message in protected if message.exchange != ExchangeType.INFORMATIONAL]
    used = max([*others, *(packet.frame for packet in view.esp)], default=0)
    first: dict[bytes, int] = {}
    for message in protected:
        first.setdefault(_spis(message), message.frame)
    return any(
        message.frame > used and first[_spis(message)] == max(first.values())
        for message in protected
        if message.exchange == ExchangeType.INFORMATIONAL and message.response
    )


def _spis(message: SeenMessage) -> bytes:
    return message.pieces[0].octets[:_SPIS_OCTETS]


def _waiting(view: PairView) -> set[str]:
    """The initiator's SPIs of IKE SAs in which a request was never answered: its sender cannot let go of them."""
    return {message.pieces[0].octets[:8].hex() for message in view.unanswered}
