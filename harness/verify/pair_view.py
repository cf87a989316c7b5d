"""A case of two products as the checks see it: what is in clear on the wire, and what both sides report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import inf

from harness.evidence.model import CapturedDatagram, PairEvidence
from harness.evidence.peer_report import DELETED, PairReport, PeerReport, SaReport, StepReport
from harness.oracle.expectation import Expectation
from harness.policy.proposals import Suite
from harness.registry.messages import ExchangeType
from harness.registry.notifications import NotifyType
from harness.scenario.model import Scenario
from harness.verify.misplaced import Restored, adopted
from harness.verify.restored import put_right, readable_nonetheless, unmarked
from harness.verify.view import CaseView
from harness.verify.wire import (
    Piece,
    SeenMessage,
    answered_suite,
    final_init,
    group,
    is_esp,
    of,
    pieces_by_sa,
    why_malformed,
)
from harness.wire.payloads import Nonce, Notify, SecurityAssociation


@dataclass(frozen=True)
class PairView(CaseView):
    """What a check may look at where two products talk: messages as far as they are in clear, and both sides' word.

    ``messages`` are those of every IKE SA between the two, ``suite`` is as the first IKE_SA_INIT answer has it.
    ``ike_sas`` has a view of each IKE SA by itself.
    """

    evidence: PairEvidence
    report: PairReport
    twice: bool  # both ends of the path were watched: what both captures have was so on the wire
    init_before: tuple[SeenMessage, ...] = ()  # of one IKE SA that was rekeyed: the IKE_SA_INIT that began the first
    each: tuple[PairView, ...] | None = None  # the IKE SAs; None in a view of one of them
    restored: tuple[Restored, ...] = ()  # the messages that were put right, each with what was wrong about it
    unmarked: frozenset[int] = frozenset()  # frames of IKE messages on port 4500 that look like ESP

    @cached_property
    def esp(self) -> list[CapturedDatagram]:
        """The ESP packets of the capture."""
        return [datagram for datagram in super().esp if datagram.frame not in self.unmarked]

    @property
    def unreadable(self) -> set[str]:
        """Who sent what does not have the form of a message, in both captures: it may stand for one that is missing."""
        return {self.source(each) for each in self.malformed if why_malformed(each)} if self.twice else set()

    @property
    def ike_sas(self) -> tuple[PairView, ...]:
        """Each IKE SA by itself, in which its own initiator counts as the initiator of the case."""
        return (self,) if self.each is None else self.each

    @property
    def rekeyed(self) -> bool:
        """Whether this is one IKE SA without an IKE_SA_INIT of its own."""
        return bool(self.init_before)

    @cached_property
    def final_init(self) -> tuple[SeenMessage | None, SeenMessage | None]:
        """The IKE_SA_INIT messages that count: a rekeyed IKE SA goes by what was announced in those of the first."""
        return final_init(self.init_before or self.messages)

    @property
    def responder_spi(self) -> bytes:
        """Of one IKE SA: as the answer in IKE_SA_INIT and most of the messages after it have it; zero if unknown."""
        _, answer = final_init(self.messages)
        told = [m for m in self.messages if m is answer or (m.protected and m.sealed)]
        spis = Counter(message.pieces[0].message.header.responder_spi for message in told)
        reported = {sa.responder_spi for s in self.report.steps for r in (s.initiator, s.responder) for sa in r.sas}
        best = [spi for spi, times in spis.items() if times == max(spis.values())]
        return next((spi for spi in best if spi.hex() in reported), best[0]) if best else bytes(_SPI_OCTETS)

    @property
    def unanswered(self) -> list[SeenMessage]:
        """Requests after IKE_SA_INIT, sent more than once, to which no response is on the wire."""
        return [m for m in self.waiting if len(m.pieces) > 1 and m.pieces[0].fragment is None]

    @property
    def waiting(self) -> list[SeenMessage]:
        """Requests after IKE_SA_INIT to which no response is on the wire."""
        answers = {(m.ike_sa, m.message_id, not m.from_initiator) for m in self.messages if m.response}
        asked = (m for m in self.messages if not m.response and m.protected)
        return [m for m in asked if (m.ike_sa, m.message_id, m.from_initiator) not in answers]

    @property
    def refusals(self) -> list[tuple[SeenMessage, NotifyType]]:
        """Error notifications in IKE_SA_INIT, which anybody can read, but for the one that only asks to try again."""
        found = [
            (message, notify.notify_type)
            for message in self.find(ExchangeType.IKE_SA_INIT, response=True)
            for notify in of(message, Notify)
        ]
        return [(m, kind) for m, kind in found if kind.is_error and kind is not NotifyType.INVALID_KE_PAYLOAD]

    @property
    def standing(self) -> list[StepReport]:
        """The reports while the IKE SA is to stand."""
        return [step for step in self.report.steps if step.step != DELETED]

    @property
    def up(self) -> bool:
        """Whether at some step both sides reported an IKE SA with a Child SA, and the wire shows who chose what."""
        return self.suite is not None and any(
            established(step.initiator) and established(step.responder) for step in self.standing
        )


def established(report: PeerReport) -> SaReport | None:
    """The IKE SA that a side reports as standing with a Child SA in its kernel or daemon; None if there is none."""
    return next((sa for sa in report.sas if sa.stands and sa.installed), None)


def make_pair_view(scenario: Scenario, expectation: Expectation, evidence: PairEvidence) -> PairView:
    """Read the wire. The evidence must hold the capture and the steps."""
    assert evidence.wire is not None and evidence.report is not None
    malformed: list[CapturedDatagram] = []
    watched = bool(evidence.report.ended) and evidence.far is not None
    pieces = _pieces_of_all(evidence.wire.datagrams, malformed, watched=watched)
    pieces = adopted(pieces, evidence.facts.initiator.address, _told_spis(evidence.report))
    found = [m for each in pieces.values() for m in group(each, evidence.facts.initiator.address)]
    messages, restored = put_right(found)
    agreed = _agreed_in_clear(messages)
    seen = evidence.facts, evidence.wire, messages, agreed, tuple(malformed), ()
    bare = frozenset(p.datagram.frame for m in messages for p in m.pieces if is_esp(p.datagram))
    view = PairView(scenario, expectation, *seen, evidence, evidence.report, watched, restored=restored, unmarked=bare)
    return replace(view, each=tuple(_each_ike_sa(view)))


def _told_spis(report: PairReport) -> set[bytes]:
    """The initiator's SPIs that both sides report."""
    sides = [
        {sa.initiator_spi for step in report.steps for sa in (step.initiator, step.responder)[side].sas}
        for side in (0, 1)
    ]
    both = {spi for spi in sides[0] & sides[1] if spi is not None and len(spi) == 2 * _SPI_OCTETS}
    return {bytes.fromhex(spi) for spi in both if not set(spi) - set("0123456789abcdef")}


def _pieces_of_all(
    datagrams: Sequence[CapturedDatagram], malformed: list[CapturedDatagram], *, watched: bool
) -> dict[bytes, list[Piece]]:
    """The messages of every IKE SA, by its initiator's SPI: a rekeyed one has another (RFC 7296 section 1.3.2).

    What does not have the form of a message takes its place all the same where both captures have it so.
    """
    pieces = pieces_by_sa(datagrams, malformed)
    known = pieces.keys() - {bytes(_SPI_OCTETS)}
    more = unmarked(datagrams, known)
    taken = {piece.datagram.frame for piece in more}
    malformed[:] = [each for each in malformed if each.frame not in taken]
    more += readable_nonetheless(malformed, known) if watched else []
    for piece in more:
        pieces[piece.message.header.initiator_spi].append(piece)
    return {spi: sorted(each, key=lambda piece: piece.datagram.frame) for spi, each in pieces.items()}


def _agreed_in_clear(messages: Sequence[SeenMessage]) -> Suite | None:
    """The suite of the IKE_SA_INIT response that carries a nonce, and so a choice (RFC 7296 section 1.2)."""
    for message in messages:
        if message.exchange == ExchangeType.IKE_SA_INIT and message.response and of(message, Nonce):
            for answer in of(message, SecurityAssociation):
                return _in_its_place(answered_suite(answer), messages)
    return None


def _in_its_place(suite: Suite, messages: Sequence[SeenMessage]) -> Suite:
    """With the place that its number has in the offer: an answer repeats numbers that are the offer's fault."""
    request, _ = final_init(messages)
    offers = of(request, SecurityAssociation) if request is not None else []
    numbers = [proposal.number for offer in offers for proposal in offer.proposals]
    if numbers.count(suite.proposal_number) != 1:
        return suite
    return replace(suite, proposal_number=numbers.index(suite.proposal_number) + 1)


_SPI_OCTETS = 8


def initiator_spi(message: SeenMessage) -> bytes:
    """The initiator's SPI, which no other IKE SA between the two is to have; or what tells it apart all the same."""
    return message.ike_sa


def _each_ike_sa(view: PairView) -> Iterator[PairView]:
    """The IKE SAs of a case. What belongs to none of them is a stranger to each.

    An IKE SA begins with an IKE_SA_INIT, or else by a CREATE_CHILD_SA exchange in another one.
    """
    found: dict[bytes, list[SeenMessage]] = {}
    for message in view.messages:
        found.setdefault(initiator_spi(message), []).append(message)
    init = view.find(ExchangeType.IKE_SA_INIT)
    begun = {initiator_spi(message) for message in init}
    answer = None if view.unreadable else True  # what cannot be read may be the answer
    rekeyed = min((m.frame for m in view.find(ExchangeType.CREATE_CHILD_SA, response=answer)), default=inf)
    known = {spi: messages for spi, messages in found.items() if spi in begun or rekeyed < messages[0].frame}
    strangers = tuple(
        piece for spi in found.keys() - known.keys() for message in found[spi] for piece in message.pieces
    )
    for spi, messages in known.items():
        own = spi in begun
        before = () if own else tuple(m for m in init if m.frame < messages[0].frame)
        one = replace(
            view, messages=tuple(messages), strangers=strangers, init_before=before,
            suite=_agreed_in_clear(messages) if own else view.suite,
        )  # fmt: skip
        yield one if _began(view, messages) else _swapped(one)


def _began(view: PairView, messages: Sequence[SeenMessage]) -> bool:
    """Whether the initiator of the case is that of an IKE SA, too.

    Who sent the IKE_SA_INIT request is. Of a rekeyed IKE SA it is who rekeyed (RFC 7296 section 2.18): most Initiator
    flags tell, or else who asked for the last CREATE_CHILD_SA before it.
    """
    request = next((m for m in messages if m.exchange == ExchangeType.IKE_SA_INIT and not m.response), None)
    if request is not None:
        return request.from_initiator
    flags = Counter(m.pieces[0].message.header.from_initiator == m.from_initiator for m in messages)
    if flags[True] != flags[False]:
        return flags[True] > flags[False]
    asked = [m for m in view.find(ExchangeType.CREATE_CHILD_SA, response=False) if m.frame < messages[0].frame]
    return asked[-1].from_initiator if asked else True


def _swapped(view: PairView) -> PairView:
    """The same with the two sides in each other's role."""
    facts, expectation = view.facts, view.expectation
    messages, before = (
        tuple(replace(each, from_initiator=not each.from_initiator) for each in seen)
        for seen in (view.messages, view.init_before)
    )
    return replace(
        view,
        facts=replace(facts, initiator=facts.responder, responder=facts.initiator),
        expectation=replace(expectation, initiator=expectation.responder, responder=expectation.initiator),
        messages=messages,
        init_before=before,
    )
