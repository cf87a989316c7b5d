"""How a case of two products is judged: by what is in clear on the wire, and by what both sides report."""

from __future__ import annotations

from collections.abc import Container, Iterator
from itertools import count

from harness.evidence.model import PairEvidence
from harness.evidence.peer_report import SaReport
from harness.oracle.expectation import Expectation
from harness.registry.messages import ExchangeType
from harness.registry.notifications import NotifyType
from harness.registry.transforms import ADDITIONAL_KEY_EXCHANGES, TransformType
from harness.results.model import STEPS, CheckResult, Finding, Grade, Outcome
from harness.scenario.check_form import Known
from harness.scenario.model import Expect, Parties, Scenario, Step
from harness.verify.check import Check, Due, DueCheck, Requirements, asked
from harness.verify.checks.agreement import additional_shown, esp_as_predicted, pair_negotiated_as_predicted
from harness.verify.checks.both_ends import captured_otherwise
from harness.verify.checks.catalogue import PAIR_CHECKS, due_without_asking
from harness.verify.checks.establishment import pair_came_up_as_predicted
from harness.verify.checks.key_agreement import late_error
from harness.verify.checks.offer import chosen_twice, offered_as_published, refused_with_no_proposal_chosen
from harness.verify.checks.pair_esp import too_few_packets
from harness.verify.checks.pair_messages import copies, unasked_responses
from harness.verify.checks.pair_story import not_of_one_case
from harness.verify.checks.published import agreed_as_published, wrongly_chosen
from harness.verify.checks.told import no_tunnel_though_used
from harness.verify.judgement import Judgement, concluded, inconclusive, pair_outcome_seen
from harness.verify.pair_view import PairView, established, initiator_spi, make_pair_view
from harness.verify.wire import SeenMessage

_OF_OUR_RECORDS = (offered_as_published, agreed_as_published)
"""The checks of our own records of policies. Where one objects, what was predicted from the records proves nothing."""

_PREDICTED = (
    pair_came_up_as_predicted,
    pair_negotiated_as_predicted,
    esp_as_predicted,
    refused_with_no_proposal_chosen,
)
"""Checks that compare with the prediction, and so accuse nobody of what a wrong record behind it would explain."""


def judge_pair(
    scenario: Scenario, expectation: Expectation, evidence: PairEvidence, requirements: Requirements
) -> Judgement:
    """The verdict on one attempt."""
    if evidence.wire is None or evidence.report is None:
        absent = "wire.pcapng" if evidence.wire is None else STEPS
        return inconclusive(f"{absent} is missing from the evidence")
    view = make_pair_view(scenario, expectation, evidence)
    outcome = pair_outcome_seen(view)
    if outcome is None:
        said = next((step.said for step in view.report.steps if step.said), "")
        return inconclusive(f"no IKE message is in the capture{f'; {view.sides[0].peer} says: {said}' if said else ''}")
    if evidence.report.capture_drops:
        return inconclusive(f"the kernel dropped {evidence.report.capture_drops} frames of the capture", view)
    for contradiction in _CONTRADICTIONS:
        if words := contradiction(view):
            return inconclusive(words, view)
    return concluded(view, outcome, _judged(view, requirements), lambda _findings: Grade.B)


def not_captured(view: PairView) -> str:
    """A message that the capture lacks, by those after it; "" for none.

    The Message ID of each side's requests grows by one, from 0 (RFC 7296 section 2.2): who answers request 5 has had
    request 4. A gap that no answer follows may be the sender's fault. An error in clear answers nothing (section 1.5).
    """
    responses = [m for m in view.messages if m.response and not (m.protected and late_error(m))]
    answered = {(initiator_spi(m), not m.from_initiator, m.message_id) for m in responses}
    asked: dict[tuple[bytes, bool], set[int]] = {}
    known = {initiator_spi(message) for one in view.ike_sas for message in one.messages}
    for message in view.messages:
        if not message.response:
            asked.setdefault((initiator_spi(message), message.from_initiator), set()).add(message.message_id)
    for (spi, by_initiator), numbers in asked.items():
        last = max((number for number in numbers if (spi, by_initiator, number) in answered), default=0)
        gap = next(number for number in count() if number not in numbers)
        if gap < last and not view.twice:  # what neither capture has was not sent
            party = view.party(initiator=by_initiator)
            return f"wire.pcapng lacks request {gap} of {party} in IKE SA {spi.hex()}, whose request {last} is answered"
    unasked = {(initiator_spi(m), not m.from_initiator, m.message_id) for m in unasked_responses(view)}
    for spi, by_initiator, number in sorted(answered - unasked):
        if spi in known and number not in asked.get((spi, by_initiator), ()):
            party = view.party(initiator=by_initiator)
            if party in view.unreadable:
                continue
            return f"wire.pcapng lacks request {number} of {party} in IKE SA {spi.hex()}, and has its response"
    return _answer_missing(view, answered) or _esp_missing(view)


def _both_stood(view: PairView) -> bool:
    """Whether both have reported an IKE SA with a Child SA after one step, whatever the wire shows of it."""
    return any(established(step.initiator) and established(step.responder) for step in view.standing)


def _answer_missing(view: PairView, answered: Container[tuple[bytes, bool, int]]) -> str:
    """A response, or a fragment, that must have come: both sides had the SAs, and the next exchange went on.

    A side begins no exchange before it has the response to its last request (section 2.3), and repeats a request until
    then: one that was sent once, and is followed by another one that is answered, has got its own.
    """
    if not _both_stood(view):
        return ""
    last: dict[tuple[bytes, bool], int] = {}
    for message in view.messages:
        side = initiator_spi(message), message.from_initiator
        if not message.response and (*side, message.message_id) in answered:
            last[side] = max(last.get(side, 0), message.message_id)
    for message in view.messages:
        gap = "" if view.twice and _is_misnumbered(message) else _fragments_missing(message)
        if gap and view.sender(message) not in view.unreadable and not _is_in_clear_too(view, message):
            return f"wire.pcapng lacks {gap} of the {message.label} of {view.sender(message)}, and both had the SAs"
        spi, number = initiator_spi(message), message.message_id
        across = view.party(initiator=not message.from_initiator)
        if (
            message.response
            or across in view.unreadable
            or copies(message) > 1
            or (spi, message.from_initiator, number) in answered
        ):
            continue
        later = last.get((spi, message.from_initiator), 0)
        if number < later:
            party = view.party(initiator=not message.from_initiator)
            return f"wire.pcapng lacks the response of {party} to the {message.label}: request {later} has its own"
    return ""


def _is_in_clear_too(view: PairView, message: SeenMessage) -> bool:
    """Whether something in clear has the place of a message: then a part of it was not protected."""
    place = message.exchange, message.message_id, message.response, message.from_initiator
    return any(
        (m.exchange, m.message_id, m.response, m.from_initiator) == place and m.protected and not m.sealed
        for m in view.messages
    )


def _is_misnumbered(message: SeenMessage) -> bool:
    """Whether there are as many different fragments as a set has, so that their numbers are what is wrong."""
    sets: dict[int, set[bytes]] = {}
    for piece in message.pieces:
        if (fragment := piece.fragment) is not None:
            sets.setdefault(fragment.total_fragments, set()).add(piece.octets)
    return any(len(octets) >= total for total, octets in sets.items())


def _fragments_missing(message: SeenMessage) -> str:
    """A fragment that the capture lacks of a message that came in fragments alone, and in no whole set; "" for none.

    Fragments of totals that do not fit together, all numbers there, are their sender's doing; so is a number beyond.
    """
    sets: dict[int, set[int]] = {}
    for fragment in (piece.fragment for piece in message.pieces):
        if fragment is None:  # it came whole as well
            return ""
        if not 1 <= fragment.fragment_number <= fragment.total_fragments:
            return ""
        sets.setdefault(fragment.total_fragments, set()).add(fragment.fragment_number)
    if any(len(numbers) >= total for total, numbers in sets.items()):
        return ""
    total = max(sets)
    together = set[int]().union(*sets.values())
    if together == set(range(1, max(together) + 1)) and max(together) in (min(sets), total):
        return ""
    return f"fragment {next(number for number in count(1) if number not in sets[total])} of {total}"


def _esp_missing(view: PairView) -> str:
    """ESP of a direction in which the capture has none, although every echo came back and the receiver counts it."""
    for index, side in enumerate(view.sides):
        if any(each.destination[0] == side.address for each in view.esp):
            continue
        for step in view.standing:
            report = (step.initiator, step.responder)[index]
            counted = max((child.packets_in or 0 for sa in report.sas for child in sa.children), default=0)
            if counted and step.echo_received and step.echo_received == step.echo_sent:
                words = f"{step.echo_received} echo replies came back, and it counts {counted} packets in"
                return f"wire.pcapng lacks all ESP to {side.peer}: {words}"
    return ""


def told_otherwise(view: PairView) -> str:
    """What both sides say of the IKE SA, the same thing, and the answer in our capture contradicts; "" for nothing.

    Two products that agree with each other did not use what only our capture shows. That both left out an exchange
    which was chosen is another matter: then it is not on the wire either.
    """
    if view.suite is None:
        return ""
    twice = chosen_twice(view)
    took_place = len(view.find(ExchangeType.IKE_INTERMEDIATE, response=True))
    for first, second in _told_of_the_first(view):
        for name, kind in (("encr", TransformType.ENCR), ("prf", TransformType.PRF), ("ke", TransformType.KE)):
            told, algorithm = getattr(first, name), view.suite.get(kind)
            shown = algorithm and algorithm.name_beside(told, kind)
            if told is not None and told == getattr(second, name) and told != shown and kind not in twice:
                return f"both report {kind.name} {told}, and wire.pcapng has {shown} in the answer"
        told = None if any(kind in ADDITIONAL_KEY_EXCHANGES for kind in twice) else first.additional_ke
        chosen = additional_shown(view.suite, told)
        left_out = told is not None and took_place == len(told) < len(chosen)
        if told is not None and told == second.additional_ke and told != chosen and not left_out:
            words = (", ".join(methods) or "none" for methods in (told, chosen))
            return "both report the additional key exchanges {}, and wire.pcapng has {} in the answer".format(*words)
    return ""


def _told_of_the_first(view: PairView) -> Iterator[tuple[SaReport, SaReport]]:
    """What the two say of the first IKE SA, at each step before it is rekeyed."""
    for step in view.standing:
        if step.step == Step.REKEY_IKE:
            return
        first, second = established(step.initiator), established(step.responder)
        if first is not None and second is not None:
            yield first, second


_CONTRADICTIONS = (
    captured_otherwise, not_captured, not_of_one_case, too_few_packets, no_tunnel_though_used, told_otherwise,
)  # fmt: skip
"""What contradicts what in the evidence, in words, the first of which is the reason: then nobody is accused."""


def _judged(view: PairView, requirements: Requirements) -> list[tuple[list[Finding], CheckResult]]:
    judged = []
    doubted = False
    for due in due_checks(view):
        if doubted and _rests_on_records(view, due.check):
            continue
        found, result = due.judged(due.check(view, due.arguments), requirements)
        judged.append((found, result))
        doubted = doubted or (due.check in _OF_OUR_RECORDS and not result.passed)
    return judged


def due_checks(view: PairView) -> Iterator[DueCheck[PairView]]:
    """The checks that the prediction calls for, each once; those of our records first.

    A tunnel that no record leads to undergoes what any tunnel does: the record may be what is wrong.
    """
    default = view.scenario.requirements[0].id if view.scenario.requirements else ""
    published = view.scenario.parties is Parties.PUBLISHED
    first = (*_OF_OUR_RECORDS, pair_came_up_as_predicted) if published else (pair_came_up_as_predicted,)
    due: dict[str, Expect] = {check.name: asked(check, default) for check in first}
    usual: list[Check[PairView]] = []
    if view.up and (published or view.expectation.establishes):
        due |= {expect.check: expect for expect in view.scenario.expect if expect.check not in due}
        usual += due_without_asking(Known.PEER_REPORTS, Due.UP, Due.ALWAYS)
    if not (view.up and view.expectation.establishes):
        usual += due_without_asking(Known.PEER_REPORTS, Due.NOT_UP, Due.ALWAYS)
        if view.suite is not None:  # a choice in clear can be wrong whatever became of it
            usual.append(pair_negotiated_as_predicted)
    for check in usual:
        due.setdefault(check.name, asked(check))
    for expect in due.values():
        yield DueCheck(PAIR_CHECKS[expect.check], expect.requirement, expect.arguments, {})


def _rests_on_records(view: PairView, check: Check[PairView]) -> bool:
    """Whether an objection of this check may be our record's fault.

    Three things never are: a choice that no record of ours can excuse, an end without a refusal, and one by another
    error in clear than NO_PROPOSAL_CHOSEN.
    """
    if check is pair_negotiated_as_predicted:
        return not wrongly_chosen(view)
    if check is pair_came_up_as_predicted and pair_outcome_seen(view) is Outcome.BROKEN:
        return False
    ended = view.refusals[:1] if view.suite is None else []
    compares = check in (*_PREDICTED, agreed_as_published)
    return compares and all(kind is NotifyType.NO_PROPOSAL_CHOSEN for _, kind in ended)
