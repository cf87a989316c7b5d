"""What the verifier sees of two products: their messages, as far as nobody needs keys, and their reports."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.evidence.model import CapturedDatagram, WirePicture
from harness.evidence.pair import DELETED, PairEvidence, PairReport, PairSide, StepReport
from harness.evidence.peer_report import ChildReport, PeerReport, SaReport
from harness.ike.policy import Suite
from harness.oracle.pair import PairExpectation
from harness.registry.messages import ExchangeType
from harness.registry.notifications import NotifyType
from harness.scenario.model import Scenario
from harness.verify.transcript import Piece, SeenMessage, group, is_esp, read_pieces
from harness.verify.view import answered_suite, of
from harness.wire.payloads import Nonce, Notify, SecurityAssociation


@dataclass(frozen=True, slots=True)
class PairView:
    """What a check may look at."""

    scenario: Scenario
    expectation: PairExpectation
    evidence: PairEvidence
    wire: WirePicture
    report: PairReport
    messages: tuple[SeenMessage, ...]  # of every IKE SA between the two, in the order of the capture
    suite: Suite | None  # as the first IKE_SA_INIT answer has it

    @property
    def sides(self) -> tuple[PairSide, PairSide]:
        """Initiator and responder."""
        return self.evidence.facts.initiator, self.evidence.facts.responder

    def find(self, exchange: ExchangeType, *, response: bool | None = None) -> list[SeenMessage]:
        """Messages of one exchange type; of one direction only, if asked."""
        return [m for m in self.messages if m.exchange == exchange and response in (None, m.response)]

    def sender(self, message: SeenMessage) -> str:
        """Who sent a message, by the address that it came from."""
        return self.owner(message.pieces[0].datagram)

    def owner(self, datagram: CapturedDatagram) -> str:
        """Who sent a datagram."""
        initiator, responder = self.sides
        return initiator.peer if datagram.source[0] == initiator.address else responder.peer

    @property
    def unanswered(self) -> list[SeenMessage]:
        """Requests after IKE_SA_INIT, sent more than once, to which no response is on the wire."""
        answers = {(m.pieces[0].octets[:8], m.message_id, not m.from_initiator) for m in self.messages if m.response}
        return [
            m
            for m in self.messages
            if not m.response and m.protected and len(m.pieces) > 1 and m.pieces[0].fragment is None
            if (m.pieces[0].octets[:8], m.message_id, m.from_initiator) not in answers
        ]

    @property
    def esp(self) -> list[CapturedDatagram]:
        """The ESP packets of the capture."""
        return [datagram for datagram in self.wire.datagrams if is_esp(datagram)]

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
    return next((sa for sa in report.sas if sa.state == "ESTABLISHED" and installed(sa)), None)


def installed(sa: SaReport) -> list[ChildReport]:
    """The Child SAs of an IKE SA that are in use."""
    return [child for child in sa.children if child.state == "INSTALLED"]


def make_view(scenario: Scenario, expectation: PairExpectation, evidence: PairEvidence) -> PairView:
    """Read the wire. The evidence must hold the capture and the steps."""
    assert evidence.wire is not None and evidence.report is not None
    messages = _messages(evidence.wire.datagrams, evidence.facts.initiator.address)
    return PairView(scenario, expectation, evidence, evidence.wire, evidence.report, messages, _agreed(messages))


def _messages(datagrams: Sequence[CapturedDatagram], initiator: str) -> tuple[SeenMessage, ...]:
    """The messages of every IKE SA, by its initiator's SPI: a rekeyed one has another (RFC 7296 section 1.3.2)."""
    everything = read_pieces(datagrams, b"", initiator)
    pieces: dict[bytes, list[Piece]] = {}
    for piece in (*everything.pieces, *everything.strangers):
        pieces.setdefault(piece.octets[:8], []).append(piece)
    found = [message for each in pieces.values() for message in group(each, initiator)]
    return tuple(sorted(found, key=lambda message: message.frame))


def _agreed(messages: Sequence[SeenMessage]) -> Suite | None:
    """The suite of the IKE_SA_INIT response that carries a nonce, and so a choice (RFC 7296 section 1.2)."""
    for message in messages:
        if message.exchange == ExchangeType.IKE_SA_INIT and message.response and of(message, Nonce):
            for answer in of(message, SecurityAssociation):
                return answered_suite(answer)
    return None
