"""One case as the checks see it: the prediction beside the wire, decrypted and put in order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple, TypeVar

from harness.crypto.errors import MethodUnavailable
from harness.evidence.model import CapturedDatagram, CaseEvidence, EngineReport, Secrets, WirePicture
from harness.ike.policy import Suite
from harness.oracle.expectation import Expectation
from harness.registry.algorithms import Algorithm
from harness.registry.messages import ExchangeType
from harness.registry.notifications import NotifyType
from harness.scenario.model import Mode, Role, Scenario
from harness.verify.key_chain import KeyChain, key_chain
from harness.verify.transcript import Piece, SeenMessage, decrypt, group, read_pieces
from harness.wire.payload import Payload
from harness.wire.payloads import Authentication, Nonce, Notify, SecurityAssociation

P = TypeVar("P", bound=Payload)


@dataclass(frozen=True, slots=True)
class SeenChild:
    """The Child SA of IKE_AUTH as the two SA payloads on the wire have it. An SPI is the one its side receives on."""

    initiator_spi: bytes
    responder_spi: bytes
    suite: Suite
    mode: Mode  # transport if USE_TRANSPORT_MODE stands beside both SA payloads (RFC 7296 section 1.3.1)


@dataclass(frozen=True, slots=True)
class View:
    """What a check may look at. ``wire``, ``secrets`` and ``report`` are there: without them nothing is judged."""

    scenario: Scenario
    expectation: Expectation
    evidence: CaseEvidence
    wire: WirePicture
    secrets: Secrets
    report: EngineReport
    messages: tuple[SeenMessage, ...]
    malformed: tuple[CapturedDatagram, ...]  # to or from our ports of IKE, and no IKE message
    strangers: tuple[Piece, ...]  # IKE messages there of another IKE SA than this case's
    suite: Suite | None  # as answered on the wire
    chain: KeyChain | None = field(repr=False)  # computed again from the recorded shared secrets

    @property
    def role(self) -> Role:
        """The engine's."""
        return Role(self.evidence.role)

    @property
    def peer(self) -> str:
        """The peer's name."""
        return self.evidence.peer

    def party(self, *, initiator: bool) -> str:
        """Who played the IKE initiator, or the responder: a peer's name or ``engine``."""
        return "engine" if initiator == (self.role is Role.INITIATOR) else self.peer

    def sender(self, message: SeenMessage) -> str:
        """Who sent a message."""
        return self.party(initiator=message.from_initiator)

    def source(self, datagram: CapturedDatagram) -> str:
        """Who sent a datagram, by the address that it came from."""
        return "engine" if datagram.source[0] == self.evidence.engine_address else self.peer

    def find(self, exchange: ExchangeType, *, response: bool, initiator: bool | None = None) -> list[SeenMessage]:
        """Messages of one exchange type and direction; ``initiator`` narrows to those that the IKE initiator sent."""
        found = [m for m in self.messages if m.exchange == exchange and m.response == response]
        return found if initiator is None else [m for m in found if m.from_initiator == initiator]

    @property
    def final_init(self) -> tuple[SeenMessage | None, SeenMessage | None]:
        """The IKE_SA_INIT request and response that count: the response with a nonce, and the request before it."""
        response = next((m for m in self.find(ExchangeType.IKE_SA_INIT, response=True) if of(m, Nonce)), None)
        requests = self.find(ExchangeType.IKE_SA_INIT, response=False)
        before = [m for m in requests if response is not None and m.frame < response.frame]
        return (before[-1] if before else None), response

    @property
    def established(self) -> bool:
        """Whether the wire shows an IKE_AUTH response that decrypts and carries AUTH."""
        responses = self.find(ExchangeType.IKE_AUTH, response=True)
        return any(m.opened is not None and of(m, Authentication) for m in responses)

    @property
    def child_established(self) -> bool:
        """Whether the wire shows one that, besides AUTH, carries the answer for a Child SA."""
        responses = self.find(ExchangeType.IKE_AUTH, response=True)
        whole = [m for m in responses if m.opened is not None]
        return any(of(m, Authentication) and accepts(m) for m in whole)

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
    def deviating(self) -> tuple[SeenMessage, ...]:
        """The messages in which our engine broke a rule on purpose, as its trace tells."""
        told = {
            (entry.detail.get("exchange"), entry.detail.get("message_id"), entry.detail.get("response"))
            for entry in self.evidence.trace or ()
            if entry.event == "Deviated"
        }
        keys = [(m, (m.exchange.name, str(m.message_id), str(m.response))) for m in self.messages]
        return tuple(m for m, key in keys if key in told and self.sender(m) == "engine")

    @property
    def refusals(self) -> list[tuple[SeenMessage, NotifyType]]:
        """Error notifications in readable responses, but for the two that only ask to try again."""
        retry = (NotifyType.INVALID_KE_PAYLOAD,)
        pairs = [(m, n.notify_type) for m in self.messages if m.response and m.readable for n in of(m, Notify)]
        return [(m, kind) for m, kind in pairs if kind.is_error and kind not in retry]


def of(message: SeenMessage, kind: type[P]) -> list[P]:
    """The payloads of one class in a message."""
    return [payload for payload in message.payloads if isinstance(payload, kind)]


def accepts(message: SeenMessage) -> list[SecurityAssociation]:
    """The SA payloads of a message that is no refusal: beside an error notification they agree on nothing."""
    refused = message.readable and any(notify.notify_type.is_error for notify in of(message, Notify))
    return [] if refused else of(message, SecurityAssociation)


def make_view(scenario: Scenario, expectation: Expectation, evidence: CaseEvidence) -> View:
    """Read the wire with the recorded secrets. The evidence must hold wire, secrets and report."""
    assert evidence.wire is not None and evidence.secrets is not None and evidence.report is not None
    initiator = evidence.engine_address if evidence.role == Role.INITIATOR else evidence.peer_address
    seen = read_messages(evidence.wire.datagrams, evidence.secrets, evidence.engine_address, initiator)
    return View(scenario, expectation, evidence, evidence.wire, evidence.secrets, evidence.report, *seen)


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
    pieces, malformed, strangers = read_pieces(datagrams, secrets.initiator_spi, engine_address)
    messages = group(pieces, initiator_address)
    suite, nonces = _agreed(messages)
    chain = _chain(suite, nonces, secrets) if suite is not None and nonces is not None else None
    if chain is not None:
        messages = _decrypted(messages, chain)
    return Reading(tuple(messages), tuple(malformed), tuple(strangers), suite, chain)


def _agreed(messages: Iterable[SeenMessage]) -> tuple[Suite | None, tuple[bytes, bytes] | None]:
    """The suite and the nonces of the IKE_SA_INIT exchange whose response carries an SA answer."""
    suite, nonce_i, nonce_r = None, None, None
    for message in messages:
        if message.exchange != ExchangeType.IKE_SA_INIT:
            continue
        sa, nonce = of(message, SecurityAssociation), of(message, Nonce)
        if not message.response and nonce and suite is None:
            nonce_i = nonce[0].nonce
        elif message.response and sa and nonce and suite is None:
            suite, nonce_r = answered_suite(sa[0]), nonce[0].nonce
    return suite, None if nonce_i is None or nonce_r is None else (nonce_i, nonce_r)


def answered_suite(answer: SecurityAssociation) -> Suite:
    """The suite in an SA payload of a response; of several transforms of one type the last, which a check forbids."""
    accepted = answer.proposals[0]
    chosen = {
        transform.type: Algorithm(transform.identifier, transform.key_length) for transform in accepted.transforms
    }
    return Suite(accepted.number, chosen)


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
                whole = decrypt(message, chain.generations[generation], chain)
                if whole is not None:
                    message = replace(message, generation=generation, opened=whole)  # noqa: PLW2901
                    break
        result.append(message)
    return result
