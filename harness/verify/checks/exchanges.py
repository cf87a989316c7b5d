"""How many exchanges of which kind two products had, and how large: what needs no keys to be seen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import product

from harness.evidence.model import CapturedDatagram
from harness.evidence.peer_report import DELETED, PeerReport, SaReport, StepReport
from harness.registry.messages import ExchangeType
from harness.registry.notifications import NotifyType
from harness.registry.transforms import KeyExchangeMethod, TransformType
from harness.results.model import CAPTURE, STEPS, Severity
from harness.scenario.model import Step
from harness.verify.check import Arguments, Checked, Due, Objection, pair_check, told_otherwise
from harness.verify.checks.deletion import ON_ITS_WAY
from harness.verify.checks.offer import chosen_twice, could_choose, offered
from harness.verify.checks.rekeys import step_of
from harness.verify.checks.room import has_room_for_key
from harness.verify.pair_view import PairView, established, initiator_spi
from harness.verify.wire import SeenMessage, of
from harness.wire.payloads import KeyExchange, Notify, SecurityAssociation

_ESP_SPI, _IKE_SPI = 4, 8  # octets
_PATIENCE = 30.0  # seconds in which a product answers that lives, on a busy machine, too
_REKEYS = (Step.REKEY_CHILD, Step.REKEY_IKE)


@pair_check("pair-exchanges-as-predicted", due=Due.UP, requirement="A06")
def exchanges_as_predicted(view: PairView, _arguments: Arguments) -> Checked:
    """An IKE_INTERMEDIATE for each additional key exchange that was chosen, then IKE_AUTH (RFC 9370 section 2.2).

    There may be more: such exchanges "may still take place" without a key exchange (RFC 9370 section 2.2.1). They are
    the initiator's to begin: what the responder begins is none of them.
    """
    if view.suite is None:
        return Checked("", (Objection("", "no suite is on the wire", CAPTURE),))
    wanted = len(view.suite.additional_key_exchanges)
    objections = []
    requests, responses = (
        {m.message_id for m in view.find(ExchangeType.IKE_INTERMEDIATE, response=response, initiator=not response)}
        for response in (False, True)
    )
    if len(requests) < wanted:
        sentence = f"{len(requests)} IKE_INTERMEDIATE requests are on the wire; the suite chosen asks for {wanted}"
        offer = offered(view)
        possible = offer is None or could_choose(view.suite, offer)
        objections.append(Objection(view.sides[0].peer if possible else "", sentence, CAPTURE))
    if requests - responses:
        sentence = f"{len(responses)} IKE_INTERMEDIATE responses are on the wire to {len(requests)} requests"
        objections.append(Objection("", sentence, CAPTURE))  # what is no valid request is dropped without a word
    for response, kind in ((False, "requests"), (True, "responses")):
        if not view.find(ExchangeType.IKE_AUTH, response=response):
            objections.append(Objection("", f"no IKE_AUTH {kind} are on the wire", CAPTURE, None))
    return Checked(f"IKE_SA_INIT, {len(requests)} IKE_INTERMEDIATE, IKE_AUTH; {wanted} are due", tuple(objections))


@pair_check("pair-key-exchange-sizes", due=Due.UP, requirement="K04")
def pair_key_exchange_sizes(view: PairView, _arguments: Arguments) -> Checked:
    """For each method there is an IKE_INTERMEDIATE with room for its KE payloads, one after the other.

    Between them may be some without a key exchange; nobody can tell which, but for their size.
    """
    if view.suite is None:
        return Checked("", (Objection("", "no suite is on the wire", CAPTURE),))
    if any(kind.is_additional_key_exchange for kind in chosen_twice(view)):
        return Checked("of one additional key exchange the answer has two methods: whose sizes are due is not known")
    methods = view.suite.additional_key_exchanges
    requests, responses = (
        sorted(view.find(ExchangeType.IKE_INTERMEDIATE, response=response), key=lambda m: m.message_id)
        for response in (False, True)
    )
    if min(len(requests), len(responses)) < len(methods):
        return Checked("there are too few IKE_INTERMEDIATE exchanges to compare their sizes")
    objections = [*_too_small(view, requests, methods), *_too_small(view, responses, methods)]
    both = [(m, n) for m in requests for n in responses if m.message_id == n.message_id]
    if not objections and _without_room(view, both, methods) is not None:
        sentence = "no IKE_INTERMEDIATE exchanges one after the other have room for every method both ways"
        objections.append(Objection("", sentence, CAPTURE))
    octets = ", ".join(str(octets_of(message)) for message in (*requests, *responses))
    return Checked(f"room for {len(methods)} methods in IKE_INTERMEDIATE of octets: {octets}", tuple(objections))


def _without_room(
    view: PairView, exchanges: Iterable[Sequence[SeenMessage]], methods: Sequence[KeyExchangeMethod]
) -> int | None:
    """Which method is the first that no exchange is left for, each being taken once, in order; None if there is none.

    An exchange has room if each of its messages that are given has it for the KE payload of its side.
    """
    left = iter(exchanges)
    for number, method in enumerate(methods):
        if not any(all(has_room_for_key(view, m, method) for m in exchange) for exchange in left):
            return number
    return None


def _too_small(
    view: PairView, messages: Sequence[SeenMessage], methods: Sequence[KeyExchangeMethod]
) -> Iterator[Objection]:
    """One side's messages, of which none has room for a method whose turn it is."""
    number = _without_room(view, [(message,) for message in messages], methods)
    if number is None:
        return
    message = messages[number if len(messages) == len(methods) else -1]
    some = f"{message.label} has {octets_of(message)} octets"
    if len(messages) > len(methods):
        some = f"the IKE_INTERMEDIATE up to {some}"
    yield Objection(view.sender(message), f"{some}, too few for {methods[number]}", message.pointer)


@pair_check("pair-key-exchange-offered", due=Due.ALWAYS, requirement="B02")
def pair_key_exchange_offered(view: PairView, _arguments: Arguments) -> Checked:
    """The KE payload in IKE_SA_INIT is of a method that the request offers, and of the one that its answer accepts."""
    objections, seen = [], []
    for message in view.find(ExchangeType.IKE_SA_INIT):
        kinds = {notify.notify_type for notify in of(message, Notify)}
        if message.response and (NotifyType.COOKIE in kinds or any(kind.is_error for kind in kinds)):
            continue  # it accepts nothing
        named = {
            transform.identifier
            for sa in of(message, SecurityAssociation)
            for proposal in sa.proposals
            for transform in proposal.transforms
            if transform.type == TransformType.KE
        }
        methods = [payload.method for payload in of(message, KeyExchange)]
        seen += methods
        if len(methods) != 1 or methods[0] not in named:
            got, verb = ", ".join(map(str, methods)) or "none", "accepts" if message.response else "offers"
            sentence = f"{message.label} is to carry one KE payload, of a method that it {verb}; it carries {got}"
            objections.append(Objection(view.sender(message), sentence, message.pointer))
    return Checked(f"KE payloads of {', '.join(map(str, seen)) or 'no method'}, as offered", tuple(objections))


@pair_check("pair-follow-up-exchanges", due=Due.UP, requirement="A08")
def follow_up_exchanges(view: PairView, _arguments: Arguments) -> Checked:
    """A rekey has an IKE_FOLLOWUP_KE for each of its additional key exchanges, and no more (RFC 9370 section 2.2.4).

    How many there are for an IKE SA is what both sides report of the new one, or else what the first had; for a Child
    SA, what the two policies lead to. What one side alone reports asks for none.
    """
    due = 0
    for step in view.standing:
        if step.step == Step.REKEY_IKE:
            due += min(_additional_reported(view, step))
        elif step.step == Step.REKEY_CHILD:
            due += min((len(suite.additional_key_exchanges) for suite in view.expectation.esp), default=0)
    seen = min(len(view.find(ExchangeType.IKE_FOLLOWUP_KE, response=response)) for response in (False, True))
    if seen >= due:
        objections = tuple(_too_many_follow(view)) or tuple(_before_its_rekey(view))
        return Checked(f"{seen} IKE_FOLLOWUP_KE exchanges, {due} are due", objections)
    begun = view.find(ExchangeType.CREATE_CHILD_SA, response=False)
    asked = len(view.find(ExchangeType.IKE_FOLLOWUP_KE, response=False))
    party = view.sender(begun[-1]) if begun and asked < due else ""  # who rekeys begins the exchanges that follow
    sentence = f"{seen} IKE_FOLLOWUP_KE exchanges are on the wire; the rekeys ask for {due}"
    return Checked("", (Objection(party, sentence, begun[-1].pointer if begun else CAPTURE),))


def _too_many_follow(view: PairView) -> Iterator[Objection]:
    """More than any suite has methods that the policies, the answer in clear or a status lead to.

    Where there are more CREATE_CHILD_SA requests than rekeys, a series may have been begun anew.
    """
    asked = view.find(ExchangeType.IKE_FOLLOWUP_KE, response=False)
    suites = {
        Step.REKEY_IKE: (*view.expectation.ike, *([view.suite] if view.suite else [])),
        Step.REKEY_CHILD: view.expectation.esp,
    }
    most = 0
    for step in (each for each in view.report.steps if each.step in suites):
        methods = [len(suite.additional_key_exchanges) for suite in suites[Step(step.step)]]
        told = _additional_reported(view, step) if step.step == Step.REKEY_IKE else []
        most += max((*methods, *told), default=0)
    if len(asked) > most and not rekeyed_of_themselves(view, response=False):
        sentence = f"{len(asked)} IKE_FOLLOWUP_KE requests are on the wire; the rekeys ask for {most} at most"
        yield Objection(view.sender(asked[-1]), sentence, asked[-1].pointer, "A20")


def _before_its_rekey(view: PairView) -> Iterator[Objection]:
    """An IKE_FOLLOWUP_KE request in front of the CREATE_CHILD_SA request that it is to follow, in the same IKE SA.

    That is known where each CREATE_CHILD_SA exchange is that of a step, and no Child SA has additional key exchanges.
    """
    if any(suite.additional_key_exchanges for suite in view.expectation.esp):
        return
    begun = ((m, step_of(view, m)) for m in view.find(ExchangeType.CREATE_CHILD_SA, response=False))
    rekeys = [message for message, step in begun if step is not None and step.step == Step.REKEY_IKE]
    for created, message in product(rekeys, view.find(ExchangeType.IKE_FOLLOWUP_KE, response=False)):
        sides = {(initiator_spi(each), each.from_initiator) for each in (created, message)}
        if len(sides) == 1 and message.message_id < created.message_id:
            sentence = f"{message.label} comes before {created.label}, which rekeys the IKE SA"
            yield Objection(view.sender(message), sentence, message.pointer)


def _additional_reported(view: PairView, step: StepReport) -> list[int]:
    """How many additional key exchanges the sides report of the IKE SA that stands after a step.

    Where they do not both tell, the first IKE SA tells, too.
    """
    standing = [sa for sa in map(established, (step.initiator, step.responder)) if sa is not None]
    told = [len(sa.additional_ke) for sa in standing if sa.additional_ke is not None]
    first = len(view.suite.additional_key_exchanges) if view.suite else 0
    return told if len(told) == len(view.sides) else [*told, first]


@pair_check("pair-message-ids-in-sequence", due=Due.ALWAYS, requirement="B22")
def pair_message_ids_in_sequence(view: PairView, _arguments: Arguments) -> Checked:
    """Each side numbers its requests in each IKE SA 0, 1, 2, ...; who leaves one out gets no answer (B22).

    Where an answered request shows that one is missing, the capture lacks it: then nothing is judged at all. What a
    side sent and nobody can parse may be the one that is missing.
    """
    objections, count, unreadable = [], 0, view.unreadable
    for sa, initiator in product(view.ike_sas, (True, False)):
        numbers = {m.message_id: m for m in sa.messages if not m.response and m.from_initiator == initiator}
        count += len(numbers)
        gap = next(number for number in range(len(numbers) + 1) if number not in numbers)
        if gap < len(numbers):
            jumped = numbers[min(number for number in numbers if number > gap)]
            if sa.sender(jumped) in unreadable:
                continue
            sentence = f"{jumped.label} is the next request on the wire, {gap} is due"
            objections.append(Objection(sa.sender(jumped), sentence, jumped.pointer))
    return Checked(f"{count} requests numbered without a gap", tuple(objections))


def octets_of(message: SeenMessage) -> int:
    """Of the message with all its fragments, each counted once; of its largest set where it came in several."""
    sets: dict[int | None, dict[int | None, int]] = {}
    for piece, fragment in ((piece, piece.fragment) for piece in message.pieces):
        number, total = (fragment.fragment_number, fragment.total_fragments) if fragment else (None, None)
        sets.setdefault(total, {})[number] = len(piece.octets)
    return max(sum(octets.values()) for octets in sets.values())


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
    objections += _not_deleted_last(view)
    return Checked(f"{done} rekeys, {spoken} CREATE_CHILD_SA exchanges", tuple(objections))


def _other_ike_sas(view: PairView) -> list[Objection]:
    """A rekeyed IKE SA has other SPIs (RFC 7296 section 1.3.2): the wire shows them, whatever the products tell."""
    due = 1 + sum(step is Step.REKEY_IKE for step in view.scenario.steps)
    seen = {initiator_spi(message) for message in view.messages if message.protected}
    if len(seen) >= due:
        return []
    sentence = f"{len(seen)} IKE SAs have protected messages on the wire; the rekeys of the IKE SA make it {due}"
    return [Objection("", sentence, CAPTURE, "B24")]


def _not_deleted_last(view: PairView) -> Iterator[Objection]:
    """A replaced IKE SA over which neither side's last request can be the one that deletes it.

    "The Delete payload to delete itself MUST be the last request sent over the old IKE SA" (RFC 7296 section 2.8). A
    request of the other side may cross that one.
    """
    for sa in view.ike_sas:
        replaced = any(other.rekeyed and other.messages[0].frame > sa.messages[0].frame for other in view.ike_sas)
        asked = [m for m in sa.messages if not m.response and m.sealed]
        last = {message.from_initiator: message for message in asked}.values()
        if replaced and asked and all(message.exchange != ExchangeType.INFORMATIONAL for message in last):
            sentence = f"{asked[-1].label} is the last request in an IKE SA that was rekeyed, and deletes none"
            if view.twice or rekeyed_of_themselves(view, response=False):
                yield Objection(sa.sender(asked[-1]), sentence, asked[-1].pointer, "B24")
            else:  # one capture may lack the exchange that deletes it
                yield Objection("", sentence, asked[-1].pointer, None, Severity.INCONCLUSIVE)


def _renewed(view: PairView, before: StepReport, after: StepReport) -> list[Objection]:
    """Who has no SAs after a rekey, or still has the old one.

    That the old one is deleted says RFC 7296 section 2.8, and no requirement of the catalogue.
    """
    ike = after.step == Step.REKEY_IKE
    objections = []
    for index, (old, new) in enumerate(((before.initiator, after.initiator), (before.responder, after.responder))):
        party, first, second = view.sides[index].peer, established(old), established(new)
        if second is None:
            sentence = f"after {after.step} it has no standing SAs"
            words = f"after {after.step} {party} reports no standing SAs, and every echo message after it came back"
            told = told_otherwise(words, STEPS)
            objections.append(told if _used_later(view, after) else Objection(party, sentence, STEPS, None))
            continue
        if first is None or (ike and None in (first.initiator_spi, second.initiator_spi)):
            continue  # it does not tell
        if ike:
            kept = {str(sa.initiator_spi) for sa in new.sas if sa.stands and sa.spis == first.spis}
        else:
            kept = set() if _goes_later(view, after, index, old) else _children_of(old) & _children_of(new)
        if kept:
            sentence = f"after {after.step} it still has the SA with SPI {', '.join(sorted(kept))}"
            whole = ike or kept <= _as_before(old, new)
            seen = ike or (whole and kept & {packet.payload[:_ESP_SPI].hex() for packet in view.esp})
            which = "which no ESP has" if whole else "with another one to send on"
            words = f"after {after.step} {party} still reports the SPI {', '.join(sorted(kept))}, {which}"
            told = told_otherwise(words, STEPS)
            objections.append(Objection(party, sentence, STEPS, None) if seen else told)
    return objections


def _as_before(old: PeerReport, new: PeerReport) -> set[str]:
    """The SPIs to receive on of the Child SAs that two reports have, both with the same one to send on."""
    return {into for into, _ in _told(old) & _told(new)}


def _told(report: PeerReport) -> set[tuple[str, str]]:
    """The Child SAs in use by the SPIs that a side receives and sends on."""
    return {(child.spi_in, child.spi_out) for sa in report.sas for child in sa.installed}


def _children_of(report: PeerReport) -> set[str]:
    """The SPIs on which a side receives."""
    return {child.spi_in for sa in report.sas for child in sa.installed}


def _goes_later(view: PairView, after: StepReport, index: int, old: PeerReport) -> bool:
    """Whether a side has a new Child SA beside the old one, and the old no more when it tells of any again.

    No sentence says how soon it is deleted, and what is still on its way is to be received (RFC 7296 section 2.8).
    """
    rest = view.standing[view.standing.index(after) :]
    now, *later = ((step.initiator, step.responder)[index] for step in rest)
    following: set[str] = next(filter(None, map(_children_of, later)), set())
    listed = {(child.spi_in, child.spi_out) for sa in now.sas for child in sa.children}  # in use, or not yet
    return bool(listed - _told(old)) and bool(following) and not following & _children_of(old)


def rekeyed_of_themselves(view: PairView, *, response: bool = True) -> bool:
    """Whether there are CREATE_CHILD_SA exchanges that no step asks for: an SA may come and go between two reports."""
    asked = sum(step.step in _REKEYS for step in view.report.steps)
    return len(view.find(ExchangeType.CREATE_CHILD_SA, response=response)) > asked


def _used_later(view: PairView, after: StepReport) -> bool:
    """Whether the next traffic came back through the SAs that a step left."""
    later = view.standing[view.standing.index(after) + 1 :]
    traffic = next((step for step in later if step.step == Step.TRAFFIC), None)
    return traffic is not None and traffic.echo_sent == traffic.echo_received > 0


@pair_check("pair-requests-answered", due=Due.UP, requirement="B30")
def requests_answered(view: PairView, _arguments: Arguments) -> Checked:
    """Every request in a standing IKE SA is answered by the other side (B60), an INFORMATIONAL one always (B30)."""
    objections = []
    deleted = ends_by_deletion(view)
    for message in (*view.unanswered, *_left_open(view)):
        if deleted is not None and message.frame > deleted.frame:  # nobody is left to answer
            continue
        other = next(side.peer for side in view.sides if side.address != message.pieces[0].datagram.source[0])
        times = f"{len(message.pieces)} times" if len(message.pieces) > 1 else "once, long before the end,"
        sentence = f"{message.label} of {view.sender(message)} was sent {times} and never answered"
        requirement = "B30" if message.exchange == ExchangeType.INFORMATIONAL else "B60"
        objections.append(Objection(other, sentence, message.pointer, requirement))
    return Checked("every request has its response", tuple(objections))


def _left_open(view: PairView) -> list[SeenMessage]:
    """The last message of all, where it is a request that both captures have in one copy, long before they end."""
    last = max((m for m in view.messages if m.sealed), key=lambda message: message.frame, default=None)
    if not view.twice or last is None or last not in view.waiting or len(last.pieces) > 1:
        return []
    return [last] if last.pieces[0].datagram.at + _PATIENCE < min(view.report.ended) else []


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
        if any(sa.initiator_spi not in _waiting(view) for sa in report.sas if not _is_begun_anew(view, sa)):
            sentence = f"{side.peer} still reports an IKE SA after the deletion"
            told = deleted or side is view.sides[0]  # the initiator by the lab, the responder by a message alone
            objections.append(Objection(side.peer if told else "", sentence, STEPS))
    if not deleted and _may_lack_the_last_answer(view) and not (last.initiator.sas or last.responder.sas):
        sentence = f"{CAPTURE} lacks the response to the last INFORMATIONAL request, and neither side has an SA left"
        objections.append(Objection("", sentence, CAPTURE, severity=Severity.INCONCLUSIVE))
    elif not deleted:
        objections.append(Objection("", "no answered INFORMATIONAL exchange ends the IKE SA", CAPTURE))
    return Checked("deleted by an INFORMATIONAL exchange; neither side has an SA left", tuple(objections))


def _may_lack_the_last_answer(view: PairView) -> bool:
    """Whether one capture alone ends with an INFORMATIONAL request that was sent once."""
    last = max((m for m in view.messages if m.sealed), key=lambda message: message.frame, default=None)
    if last is None or view.twice or last.exchange != ExchangeType.INFORMATIONAL:
        return False
    return last in view.waiting and last not in view.unanswered


def _is_begun_anew(view: PairView, sa: SaReport) -> bool:
    """Whether it is one that a side only begins: it may go on trying (section 2.4).

    Nothing of it is on the wire, or IKE_SA_INIT alone, which comes behind the deletion.
    """
    seen = [message for message in view.messages if initiator_spi(message).hex() == sa.initiator_spi]
    deleted = ends_by_deletion(view)
    later = deleted is not None and all(
        message.frame > deleted.frame and message.exchange == ExchangeType.IKE_SA_INIT for message in seen
    )
    return not sa.stands and sa.initiator_spi is not None and (later or not seen)


def answered_at_the_end(view: PairView) -> bool:
    """Whether the last IKE SA has an answered INFORMATIONAL exchange after all ESP and every exchange of another kind.

    The order of the capture tells, so that its clock need not be the lab's. The last IKE SA is the one whose first
    protected message came last: a rekeyed one may have none but its deletion. What is in clear is of no IKE SA, such as
    INVALID_SPI (RFC 7296 section 1.5).
    """
    response = ends_by_deletion(view)
    return response is not None and not late_esp(view, response) and not goes_on(view, response)


def goes_on(view: PairView, response: SeenMessage) -> bool:
    """Whether ESP goes both ways behind a response: then it is not that which deletes its SA."""
    behind = {packet.source[0] for packet in view.esp if packet.frame > response.frame}
    return behind >= {side.address for side in view.sides}


def late_esp(view: PairView, response: SeenMessage) -> list[CapturedDatagram]:
    """ESP so long behind a response that it was not on its way when its sender had that word.

    Of one that was sent again nobody knows which copy came.
    """
    over = response.pieces[-1].datagram.at + ON_ITS_WAY
    return [packet for packet in view.esp if packet.frame > response.frame and packet.at > over]


def ends_by_deletion(view: PairView) -> SeenMessage | None:
    """The last answer of such an exchange, whatever ESP comes behind it; None where there is none."""
    protected = [message for message in view.messages if message.sealed]
    if not protected:
        return None
    used = max((m.frame for m in protected if m.exchange != ExchangeType.INFORMATIONAL), default=0)
    first: dict[bytes, int] = {}
    for message in protected:
        first.setdefault(initiator_spi(message), message.frame)
    answers = [
        message
        for message in protected
        if message.response and message.frame > used and first[initiator_spi(message)] == max(first.values())
    ]
    return answers[-1] if answers else None


def _waiting(view: PairView) -> set[str]:
    """The initiator's SPIs of IKE SAs in which a request was never answered: its sender cannot let go of them.

    One that may delete the IKE SA counts, though it came once.
    """
    deleting = [m for m in view.waiting if m.exchange == ExchangeType.INFORMATIONAL and m.sealed]
    return {message.pieces[0].octets[:_IKE_SPI].hex() for message in (*view.unanswered, *deleting)}
