"""What was seen of one case, by whom it was played and where: the types of the files of its evidence."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from harness.evidence.interruption import Death, Disturbance, Overrun
from harness.evidence.peer_report import Hygiene, PairReport, PeerReport
from harness.json_codec import from_json
from harness.policy.proposals import Suite
from harness.policy.role import ENGINE_NAME, Role
from harness.registry.messages import ExchangeType
from harness.registry.transforms import KeyExchangeMethod


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two parties, as it was in the case."""

    peer: str  # its name; ``engine`` for our own
    version: str = ""  # as the product reported it
    image: str = ""
    kernel: str = ""  # whose kernel did its ESP; "" where its daemon did
    address: str = ""  # outer
    inner: str = ""  # the host behind it
    certificate_octets: int = 0  # of the certificate that it authenticates with, in DER; 0 where it has a key instead
    identity: str = ""  # the FQDN that it was told to authenticate as; "" where no record was kept of it


@dataclass(frozen=True, slots=True)
class CaseFacts:
    """A case and its two sides."""

    case: str
    scenario: str
    initiator: Side
    responder: Side
    expectation: dict[str, Any] = field(default_factory=dict)
    engine: Role | None = None  # the role of our engine; None where two products talk
    sheets: dict[str, Any] = field(default_factory=dict)  # by role, what was predicted from of each product

    def side(self, role: Role) -> Side:
        """The party in a role."""
        return self.initiator if role is Role.INITIATOR else self.responder

    @property
    def ours(self) -> Side:
        """Our engine's side. Raises ValueError where it takes no part."""
        return self.side(self._role())

    @property
    def tested(self) -> Side:
        """The side that our engine meets. Raises ValueError where it takes no part."""
        return self.side(self._role().other)

    def _role(self) -> Role:
        if self.engine is None:
            raise ValueError(f"{self.case}: our engine takes no part")
        return self.engine


def read_facts(value: Any) -> CaseFacts:
    """The facts of a case, also as the first harnesses wrote them: of our engine and one peer, without its two sides.

    Raises:
        RecordError: it holds no facts.
    """
    if not isinstance(value, Mapping) or "initiator" in value or "engine_address" not in value:
        return from_json(CaseFacts, value)
    old = from_json(_OneSided, value)
    engine = Side(ENGINE_NAME, address=old.engine_address)
    tested = Side(old.peer, old.peer_version, old.image, old.kernel, old.peer_address)
    sides = (engine, tested) if old.role is Role.INITIATOR else (tested, engine)
    return CaseFacts(old.case, old.scenario, *sides, old.expectation, old.role)


@dataclass(frozen=True, slots=True)
class _OneSided:
    """``case.json`` before a case had two sides."""

    case: str
    scenario: str
    peer: str
    role: Role
    engine_address: str
    peer_address: str
    peer_version: str
    image: str
    kernel: str = ""
    expectation: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SharedSecret:
    """The outcome of one key exchange: the one of IKE_SA_INIT first, then one of each IKE_INTERMEDIATE."""

    method: KeyExchangeMethod
    secret: bytes = field(repr=False)
    answer_sha256: str = ""  # hexadecimal, of our KEr as it belongs to the secret; "" where KEr is the peer's


@dataclass(frozen=True, slots=True)
class KeyGeneration:
    """SK_d to SK_pr: generation 0 after IKE_SA_INIT, n after the n-th IKE_INTERMEDIATE (RFC 7296 section 2.14)."""

    sk_d: bytes = field(repr=False)
    sk_ai: bytes = field(repr=False)
    sk_ar: bytes = field(repr=False)
    sk_ei: bytes = field(repr=False)
    sk_er: bytes = field(repr=False)
    sk_pi: bytes = field(repr=False)
    sk_pr: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class ChildSecrets:
    """The keys of one Child SA (RFC 7296 section 2.17). An SPI is the one that its side receives on, 4 octets."""

    initiator_spi: bytes
    responder_spi: bytes
    suite: Suite
    initiator_encryption: bytes = field(repr=False)
    initiator_integrity: bytes = field(repr=False)
    responder_encryption: bytes = field(repr=False)
    responder_integrity: bytes = field(repr=False)


MOST_KEY_EXCHANGES = 8
"""Of one IKE SA: that of IKE_SA_INIT, and seven additional ones (RFC 9370 section 2.2.1)."""


@dataclass(frozen=True, slots=True)
class Secrets:
    """Every secret of one IKE SA: test keys, made for the run. With the capture they are enough to judge again."""

    initiator_spi: bytes  # 8 octets
    responder_spi: bytes  # 8 octets; zero when the responder never chose one
    psk: bytes = field(repr=False)
    shared_secrets: tuple[SharedSecret, ...]
    generations: tuple[KeyGeneration, ...]
    int_auth_initiator: tuple[bytes, ...] = field(repr=False)  # IntAuth_i1, IntAuth_i2, ... (RFC 9242 section 3.3.2)
    int_auth_responder: tuple[bytes, ...] = field(repr=False)
    children: tuple[ChildSecrets, ...]

    def __post_init__(self) -> None:
        """A message may be tried with every generation of keys. Raises ValueError for more than an IKE SA has."""
        if len(self.shared_secrets) > MOST_KEY_EXCHANGES:
            raise ValueError(f"{len(self.shared_secrets)} shared secrets; an IKE SA has {MOST_KEY_EXCHANGES} at most")


@dataclass(frozen=True, slots=True)
class TraceEntry:
    """One event of the engine or of the worker: when (seconds since the case began), what, and its fields in words."""

    at: float
    event: str
    detail: dict[str, str]


@dataclass(frozen=True, slots=True)
class SocketDatagram:
    """What our side sent or read at one of its sockets: UDP payload or bare ESP packet, beside what the capture has."""

    sent: bool
    port: int  # ours; 0 for bare ESP
    other: tuple[str, int]  # address and port of the other side
    octets: int
    sha256: str  # hexadecimal

    @classmethod
    def of(cls, payload: bytes, port: int, other: tuple[str, int], *, sent: bool) -> SocketDatagram:
        """The datagram of these octets between a port of ours and the other side."""
        return cls(sent, port, other, len(payload), hashlib.sha256(payload).hexdigest())


@dataclass(frozen=True, slots=True)
class EchoCount:
    """Inner traffic as our side counted it: ICMP echo requests and replies."""

    requests_sent: int = 0
    replies_received: int = 0
    requests_received: int = 0
    replies_sent: int = 0


@dataclass(frozen=True, slots=True)
class EngineReport:
    """Where our side stood at the end, and why."""

    state: str  # the engine's state by name: "Gone", "Standing"
    established: bool
    child_established: bool
    suite: Suite | None  # of the IKE SA, once it stands
    negotiated: Suite | None  # as IKE_SA_INIT left it
    child_suite: Suite | None
    closed_kind: str  # as in ike.events.Closed: "deleted", "refused", ...; "" while it stands
    closed_reason: str
    closed_by_peer: bool
    notify: str  # the error notification that ended it, by name; "" for none
    echo: EchoCount
    timed_out: str  # what the worker waited for when the case's time ran out; "" when it did not
    capture_drops: int = 0  # frames of the case that the kernel dropped from the capture
    overrun: Overrun | None = None  # where the case ended as it cost more than any case may
    datagrams: int | None = None  # sent and read at our sockets; None in records of the first harnesses


@dataclass(frozen=True, slots=True)
class Frame:
    """One Ethernet frame as captured in the tester: seconds since the epoch, octets."""

    at: float
    octets: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Conversation:
    """All that the worker brings back from one case."""

    trace: tuple[TraceEntry, ...]
    secrets: Secrets
    report: EngineReport
    frames: tuple[Frame, ...]
    disturbances: tuple[Disturbance, ...] = ()  # as far as the worker knows
    datagrams: tuple[SocketDatagram, ...] = ()  # in their order


@dataclass(frozen=True, slots=True)
class CapturedDatagram:
    """One UDP datagram, or bare ESP packet with ports 0, of a capture; IP fragments are put together."""

    frame: int  # number of its last frame in the capture, from 1
    at: float  # seconds since the epoch
    source: tuple[str, int]
    destination: tuple[str, int]
    payload: bytes = field(repr=False)
    ip_octets: tuple[int, ...]  # sizes of the IP packets that carried it


@dataclass(frozen=True, slots=True)
class ClearPacket:
    """An IP packet of a capture that is neither UDP on the ports of IKE nor ESP: it crossed the path in the clear."""

    frame: int
    source: str
    destination: str
    protocol: int  # IP protocol number
    at: float = field(default=0.0, compare=False)  # seconds since the epoch


@dataclass(frozen=True, slots=True)
class WirePicture:
    """A capture, read."""

    datagrams: tuple[CapturedDatagram, ...]
    clear: tuple[ClearPacket, ...] = ()


@dataclass(frozen=True, slots=True)
class CaseEvidence:
    """What is known of a case with our engine. None: the file is missing, and nothing is concluded from it."""

    facts: CaseFacts
    wire: WirePicture | None
    secrets: Secrets | None
    trace: tuple[TraceEntry, ...] | None
    report: EngineReport | None
    peer_report: PeerReport | None  # while the SAs stood
    peer_report_after: PeerReport | None  # after the case
    ikev2_tables: tuple[str, ...] | None  # text of wireshark/<n>/ikev2_decryption_table, n = 0, 1, ...
    esp_table: str | None  # text of wireshark/esp_sa
    configuration_refused: str = ""  # in the peer's words, why it did not take its configuration; "" where it did
    hygiene: Hygiene | None = None  # of the peer, once its connection was unloaded
    disturbances: tuple[Disturbance, ...] = ()  # of our own side
    death: Death | None = None  # of the peer's daemon
    datagrams: tuple[SocketDatagram, ...] | None = None  # at our sockets

    @property
    def role(self) -> Role:
        """Our engine's."""
        assert self.facts.engine is not None
        return self.facts.engine

    @property
    def peer(self) -> str:
        """The name of the peer that our engine meets."""
        return self.facts.tested.peer

    @property
    def engine_address(self) -> str:
        """Our outer address."""
        return self.facts.ours.address

    @property
    def peer_address(self) -> str:
        """The peer's outer address."""
        return self.facts.tested.address


@dataclass(frozen=True, slots=True)
class PairEvidence:
    """What is known of a case of two products. None: the file is missing, and nothing is concluded from it."""

    facts: CaseFacts
    wire: WirePicture | None
    report: PairReport | None
    hygiene: tuple[Hygiene | None, Hygiene | None] = (None, None)  # initiator, responder, once all was unloaded
    disturbances: tuple[Disturbance, ...] = ()  # of our own side
    death: Death | None = None  # of one of the two daemons
    far: WirePicture | None = None  # the capture beside the responder; ``wire`` is the one beside the initiator


# What the verifier rests on of the trace is read here and nowhere else: it reads no words that are meant for people. An
# entry that does not say what it should tells nothing.
_SENT, _RECEIVED = "MessageSent", "MessageReceived"
_TRUTH = {"True": True, "False": False}


@dataclass(frozen=True, slots=True)
class MessagePlace:
    """A message by its exchange type, Message ID and direction."""

    exchange: ExchangeType
    message_id: int
    response: bool

    def __str__(self) -> str:
        return f"{self.exchange.name} {'response' if self.response else 'request'} {self.message_id}"


@dataclass(frozen=True, slots=True)
class TracedMessage:
    """A message that our side says it has sent or received."""

    place: MessagePlace
    sent: bool
    pieces: tuple[int, ...]  # octets of each IKE message or fragment; none where the trace does not tell

    def __str__(self) -> str:
        octets = f" of {'+'.join(map(str, self.pieces))} octets" if self.pieces else ""
        return f"{self.place}{octets}, {'sent' if self.sent else 'received'}"


def messages_in_trace(trace: Iterable[TraceEntry]) -> Iterator[TracedMessage]:
    """The messages that our side says it has sent or received."""
    for entry in trace:
        for place in _places((entry,)) if entry.event in (_SENT, _RECEIVED) else ():
            sizes = entry.detail.get("datagrams", "").split()
            known = all(size.isascii() and size.isdigit() for size in sizes)
            yield TracedMessage(place, entry.event == _SENT, tuple(map(int, sizes)) if known else ())


def deviations_in_trace(trace: Iterable[TraceEntry]) -> Iterator[MessagePlace]:
    """The messages in which our side says it broke a rule on purpose."""
    return _places(entry for entry in trace if entry.event == "Deviated")


def half_open_in_trace(trace: Iterable[TraceEntry]) -> Iterator[bool]:
    """For each IKE SA that was left half-open to prepare the peer, whether it was answered."""
    for entry in trace:
        answered = _TRUTH.get(entry.detail.get("answered", ""))
        if entry.event == "HalfOpenLeft" and answered is not None:
            yield answered


def steps_before_the_end(trace: Iterable[TraceEntry]) -> Iterator[str]:
    """The scenario's steps that our side began while the IKE SA was not over."""
    for entry in trace:
        if entry.event == "Closed":
            return
        if entry.event == "Step":
            yield entry.detail.get("step", "")


def _places(entries: Iterable[TraceEntry]) -> Iterator[MessagePlace]:
    kinds = {kind.name: kind for kind in ExchangeType.known()}
    for entry in entries:
        exchange = kinds.get(entry.detail.get("exchange", ""))
        number, response = entry.detail.get("message_id", ""), _TRUTH.get(entry.detail.get("response", ""))
        if exchange is not None and number.isascii() and number.isdigit() and response is not None:
            yield MessagePlace(exchange, int(number), response)
