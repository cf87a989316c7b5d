"""One case as the checks see it: the prediction beside the wire, and the keys of our engine."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import inf
from typing import NamedTuple

from harness.crypto.errors import MethodUnavailable
from harness.evidence.model import (
    CapturedDatagram,
    CaseEvidence,
    CaseFacts,
    EngineReport,
    Secrets,
    Side,
    WirePicture,
)
from harness.oracle.expectation import Expectation
from harness.oracle.negotiation import TooManySuites, acceptable_suites
from harness.policy.proposals import Suite
from harness.policy.role import Role
from harness.registry.messages import ExchangeType
from harness.registry.notifications import NotifyType
from harness.scenario.model import Mode, Scenario
from harness.verify.keys import KeyChain, key_chain
from harness.verify.wire import (
    Piece,
    SeenMessage,
    accepts,
    announces_intermediate,
    answered_suite,
    decrypt,
    final_init,
    group,
    is_esp,
    names_additional,
    of,
    read_pieces,
)
from harness.wire.message import VERSION_2_0
from harness.wire.payloads import Authentication, KeyExchange, Nonce, Notify, SecurityAssociation


@dataclass(frozen=True, slots=True)
class SeenChild:
    """The Child SA of IKE_AUTH as the two SA payloads on the wire have it. An SPI is the one its side receives on."""

    initiator_spi: bytes
    responder_spi: bytes
    suite: Suite
    mode: Mode  # transport if USE_TRANSPORT_MODE stands beside both SA payloads (RFC 7296 section 1.3.1)


@dataclass(frozen=True)
class CaseView(ABC):
    """What a check may look at, whatever is known of the case besides the wire."""

    scenario: Scenario
    expectation: Expectation
    facts: CaseFacts
    wire: WirePicture
    messages: tuple[SeenMessage, ...]  # in the order of the capture
    suite: Suite | None  # as answered on the wire
    malformed: tuple[CapturedDatagram, ...]  # to or from our ports of IKE, and no IKE message
    strangers: tuple[Piece, ...]  # IKE messages there of another IKE SA than this case's

    @property
    def ike_sas(self) -> Sequence[CaseView]:
        """Each IKE SA by itself: with our engine there is one."""
        return (self,)

    @property
    def rekeyed(self) -> bool:
        """Whether this is one IKE SA that came of another one, without an IKE_SA_INIT of its own."""
        return False

    @cached_property
    def final_init(self) -> tuple[SeenMessage | None, SeenMessage | None]:
        """The IKE_SA_INIT request and response that count."""
        return final_init(self.messages)

    @property
    @abstractmethod
    def responder_spi(self) -> bytes:
        """The responder's SPI of the IKE SA."""

    @property
    def sides(self) -> tuple[Side, Side]:
        """Initiator and responder."""
        return self.facts.initiator, self.facts.responder

    def party(self, *, initiator: bool) -> str:
        """Who played the IKE initiator, or the responder: a peer's name or ``engine``."""
        return self.sides[0 if initiator else 1].peer

    def sender(self, message: SeenMessage) -> str:
        """Who sent a message."""
        return self.party(initiator=message.from_initiator)

    def source(self, datagram: CapturedDatagram) -> str:
        """Who sent a datagram, by the address that it came from; none of ours, it came from the other side."""
        initiator, responder = self.sides
        if self.facts.engine is Role.RESPONDER:
            return responder.peer if datagram.source[0] == responder.address else initiator.peer
        return initiator.peer if datagram.source[0] == initiator.address else responder.peer

    def find(
        self, exchange: ExchangeType, *, response: bool | None = None, initiator: bool | None = None
    ) -> list[SeenMessage]:
        """Messages of one exchange type; of one direction or of one side alone, if asked."""
        found = self._by_exchange.get(exchange, ())
        return [m for m in found if response in (None, m.response) and initiator in (None, m.from_initiator)]

    @cached_property
    def requests(self) -> Sequence[SeenMessage]:
        """The requests of both sides: a flood of other messages is gone through once."""
        return [m for m in self.messages if not m.response]

    @cached_property
    def _by_exchange(self) -> dict[ExchangeType, list[SeenMessage]]:
        found: dict[ExchangeType, list[SeenMessage]] = {}
        for message in self.messages:
            found.setdefault(message.exchange, []).append(message)
        return found

    @cached_property
    def esp(self) -> list[CapturedDatagram]:
        """The ESP packets of the capture: many checks ask for them."""
        return [datagram for datagram in self.wire.datagrams if is_esp(datagram) and self.is_between(datagram)]

    def is_between(self, datagram: CapturedDatagram) -> bool:
        """Whether a datagram went from one side to the other; what others send to an open port is nobody's doing."""
        known = {side.address for side in self.sides}
        return not all(known) or {datagram.source[0], datagram.destination[0]} <= known


@dataclass(frozen=True)
class View(CaseView):
    """What a check may look at where our engine took part: everything on the wire can be read with our keys."""

    evidence: CaseEvidence
    secrets: Secrets
    report: EngineReport
    chain: KeyChain | None = field(repr=False)  # computed again from the recorded shared secrets

    @property
    def role(self) -> Role:
        """The engine's."""
        return Role(self.evidence.role)

    @property
    def peer(self) -> str:
        """The peer's name."""
        return self.evidence.peer

    @property
    def responder_spi(self) -> bytes:
        """As recorded with the keys."""
        return self.secrets.responder_spi

    def intermediates(self, *, response: bool) -> list[SeenMessage]:
        """The sealed IKE_INTERMEDIATE messages of one direction before IKE_AUTH, by Message ID.

        Only the initiator asks. What comes behind IKE_AUTH is covered by nothing.
        """
        found = self.find(ExchangeType.IKE_INTERMEDIATE, response=response, initiator=not response)
        auth = self.find(ExchangeType.IKE_AUTH, response=False, initiator=True)
        end = min((message.message_id for message in auth), default=inf)
        before = (message for message in found if message.sealed and message.message_id < end)
        return sorted(before, key=lambda message: message.message_id)

    def in_place(self, message: SeenMessage) -> bool:
        """Whether a message has the header by which its receiver knows it for one of this IKE SA, its keys, its turn.

        Others are to be dropped, whatever they hold: what would follow from them is not due (RFC 7296 sections 2.2,
        2.5, 3.1; RFC 9242 section 3.3.1).
        """
        spis = self.secrets.initiator_spi, self.secrets.responder_spi
        headers = (piece.message.header for piece in message.pieces)
        known = all(
            header.version >> 4 == VERSION_2_0 >> 4
            and header.from_initiator == message.from_initiator
            and (header.initiator_spi, header.responder_spi) == spis
            for header in headers
        )
        keyed = not message.protected or message.generation == self.due_generation(message)
        return known and keyed and self._in_turn(message)

    def due_generation(self, message: SeenMessage) -> int:
        """Of the keys that a protected message is due under: the newest that exist before it (RFC 9242 section 3.3.1).

        An IKE_INTERMEDIATE without a key exchange leaves the keys as they are. One that the responder begins comes when
        none should come, under whatever keys there are.
        """
        last = len(self.secrets.shared_secrets) - 1
        begun_by_initiator = message.from_initiator != message.response
        if message.exchange != ExchangeType.IKE_INTERMEDIATE or not begun_by_initiator:
            return last
        return min(sum(number < message.message_id for number in self.key_exchanges), last)

    @property
    def key_exchanges(self) -> list[int]:
        """The Message IDs of the IKE_INTERMEDIATE exchanges with a KE payload, in order: KEi(1), KEi(2), ...

        RFC 9370 section 2.2.2 counts the payloads; others may come between (section 2.2.1). What cannot be read is
        taken for one of them.
        """
        found = (m for response in (False, True) for m in self.intermediates(response=response))
        return sorted({m.message_id for m in found if of(m, KeyExchange) or not m.readable})

    def _in_turn(self, message: SeenMessage) -> bool:
        requests = [m for m in self.requests if m.frame < message.frame]
        if message.response:
            wanted = (message.exchange, message.message_id, not message.from_initiator)
            return any((m.exchange, m.message_id, m.from_initiator) == wanted for m in requests)
        before = {m.message_id for m in requests if m.from_initiator == message.from_initiator}
        return before >= set(range(message.message_id)) if message.message_id <= len(before) else False

    @property
    def skips_additional(self) -> bool:
        """Whether the responder has to skip every proposal with additional key exchanges (RFC 9370 section 2.2.1).

        The initiator offers some and does not announce IKE_INTERMEDIATE.
        """
        offers = [m for m in self.find(ExchangeType.IKE_SA_INIT, response=False) if of(m, SecurityAssociation)]
        offer = self.final_init[0] or next(iter(offers[-1:]), None)
        return offer is not None and names_additional(offer) and not announces_intermediate(offer)

    @property
    def allowed(self) -> tuple[Suite, ...]:
        """The suites of the IKE SA that the responder may choose: the predicted ones, less what it has to skip."""
        if not self.skips_additional:
            return self.expectation.ike
        offer, accept = self.expectation.initiator.ike, self.expectation.responder.ike
        try:
            return acceptable_suites(offer, accept, knows_additional=False)
        except TooManySuites:
            return tuple(suite for suite in self.expectation.ike if not suite.names_additional)

    @property
    def established(self) -> bool:
        """Whether the wire shows an IKE_AUTH response that decrypts and carries AUTH."""
        return any(of(m, Authentication) for m in self._taken_responses)

    @property
    def _taken_responses(self) -> list[SeenMessage]:
        """The IKE_AUTH responses that the initiator had to take for such: they decrypt under the keys that are due."""
        responses = self.find(ExchangeType.IKE_AUTH, response=True)
        return [message for message in responses if self.in_place(message)]

    @property
    def child_established(self) -> bool:
        """Whether the wire shows one that, besides AUTH, carries the answer for a Child SA."""
        return any(of(m, Authentication) and accepts(m) for m in self._taken_responses)

    @property
    def child(self) -> SeenChild | None:
        """The Child SA that IKE_AUTH agreed on, None if there is none."""
        offers, answers = (
            [sa for m in self.find(ExchangeType.IKE_AUTH, response=response) for sa in accepts(m)]
            for response in (False, True)
        )
        if not offers or not answers:
            return None
        accepted = answers[0].proposals[0]
        offered = next((p for p in offers[-1].proposals if p.number == accepted.number), offers[-1].proposals[0])
        transport = all(self.transport_mode(response=response) for response in (False, True))
        mode = Mode.TRANSPORT if transport else Mode.TUNNEL
        return SeenChild(offered.spi, accepted.spi, answered_suite(answers[0]), mode)

    def transport_mode(self, *, response: bool) -> SeenMessage | None:
        """The IKE_AUTH request, or response, that carries USE_TRANSPORT_MODE; None if none does."""
        kind = NotifyType.USE_TRANSPORT_MODE
        seen = self.find(ExchangeType.IKE_AUTH, response=response)
        return next((m for m in seen if any(n.notify_type == kind for n in of(m, Notify))), None)

    @property
    def child_alone_refused(self) -> bool:
        """Whether only the Child SA was to be refused: the IKE SA then stands without one (RFC 7296 section 2.21.2)."""
        expected = self.expectation
        return bool(expected.ike) and not expected.esp and not self.scenario.settings.wrong_psk

    @property
    def refusals(self) -> list[tuple[SeenMessage, NotifyType]]:
        """Error notifications in readable responses, but for the two that only ask to try again."""
        retry = (NotifyType.INVALID_KE_PAYLOAD,)
        pairs = [(m, n.notify_type) for m in self.messages if m.response and m.readable for n in of(m, Notify)]
        return [(m, kind) for m, kind in pairs if kind.is_error and kind not in retry]


def make_view(scenario: Scenario, expectation: Expectation, evidence: CaseEvidence) -> View:
    """Read the wire with the recorded secrets. The evidence must hold wire, secrets and report."""
    assert evidence.wire is not None and evidence.secrets is not None and evidence.report is not None
    initiator = evidence.engine_address if evidence.role == Role.INITIATOR else evidence.peer_address
    seen = read_messages(evidence.wire.datagrams, evidence.secrets, evidence.engine_address, initiator)
    view = View(
        scenario, expectation, evidence.facts, evidence.wire, seen.messages, seen.suite,
        seen.malformed, seen.strangers, evidence, evidence.secrets, evidence.report, seen.chain,
    )  # fmt: skip
    return replace(
        view,
        malformed=tuple(each for each in view.malformed if view.is_between(each)),
        strangers=tuple(each for each in view.strangers if view.is_between(each.datagram)),
    )


class Reading(NamedTuple):
    """What the datagrams of a capture say with the recorded secrets."""

    messages: tuple[SeenMessage, ...]
    malformed: tuple[CapturedDatagram, ...]
    strangers: tuple[Piece, ...]
    suite: Suite | None
    chain: KeyChain | None


def read_messages(
    datagrams: Sequence[CapturedDatagram], secrets: Secrets, engine_address: str = "", initiator_address: str = ""
) -> Reading:
    """The messages of the IKE SA whose secrets these are, in order, decrypted where the computed keys fit.

    The addresses are as in ``read_pieces`` and ``group``.
    """
    spi = secrets.initiator_spi if any(secrets.initiator_spi) else _first_spi(datagrams, engine_address)
    pieces, malformed, strangers = read_pieces(datagrams, spi, engine_address)
    messages = group(pieces, initiator_address)
    suite, nonces = _agreed(messages)
    chain = _chain(suite, nonces, secrets) if suite is not None and nonces is not None else None
    if chain is not None:
        messages = _decrypted(messages, chain)
    return Reading(tuple(messages), tuple(malformed), tuple(strangers), suite, chain)


def _first_spi(datagrams: Sequence[CapturedDatagram], engine_address: str) -> bytes:
    """The initiator's SPI of what came first, where our engine took nothing of it for a beginning."""
    _, _, found = read_pieces(datagrams, b"", engine_address)
    first = min(found, key=lambda piece: piece.datagram.frame, default=None)
    return b"" if first is None else first.octets[:8]


def _agreed(messages: Iterable[SeenMessage]) -> tuple[Suite | None, tuple[bytes, bytes] | None]:
    """The suite and the nonces of the IKE_SA_INIT exchange that counts, where its response has an SA payload."""
    request, response = final_init(messages)
    answers = of(response, SecurityAssociation) if response is not None else []
    if response is None or not answers:
        return None, None
    nonces = None if request is None else (of(request, Nonce)[0].nonce, of(response, Nonce)[0].nonce)
    return answered_suite(answers[0]), nonces


def _chain(suite: Suite, nonces: tuple[bytes, bytes], secrets: Secrets) -> KeyChain | None:
    shared = tuple(entry.secret for entry in secrets.shared_secrets)
    try:
        return key_chain(suite, nonces, (secrets.initiator_spi, secrets.responder_spi), shared)
    except (ValueError, MethodUnavailable):
        return None


def _decrypted(messages: list[SeenMessage], chain: KeyChain) -> list[SeenMessage]:
    """Open each protected message with the newest generation that fits: IKE_INTERMEDIATE n has generation n - 1."""
    result = []
    for message in messages:
        if message.protected:
            for generation in reversed(range(len(chain.generations))):
                whole = decrypt(message, chain, generation)
                if whole is not None:
                    message = replace(message, generation=generation, opened=whole)  # noqa: PLW2901
                    break
        result.append(message)
    return result
