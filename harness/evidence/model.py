"""What was seen of one case: the secrets, the engine's trace, and what our side says of its security associations."""

from __future__ import annotations

from dataclasses import dataclass, field

from harness.evidence.hygiene import Hygiene
from harness.evidence.peer_report import PeerReport
from harness.ike.policy import Suite
from harness.registry.transforms import KeyExchangeMethod


@dataclass(frozen=True, slots=True)
class SharedSecret:
    """The outcome of one key exchange: the one of IKE_SA_INIT first, then one of each IKE_INTERMEDIATE."""

    method: KeyExchangeMethod
    secret: bytes = field(repr=False)


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


@dataclass(frozen=True, slots=True)
class TraceEntry:
    """One event of the engine or of the worker: when (seconds since the case began), what, and its fields in words."""

    at: float
    event: str
    detail: dict[str, str]


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
    capture_drops: int = 0  # frames that the kernel dropped from the capture while the case ran, of any case


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


@dataclass(frozen=True, slots=True)
class WirePicture:
    """A capture, read."""

    datagrams: tuple[CapturedDatagram, ...]
    clear: tuple[ClearPacket, ...] = ()


@dataclass(frozen=True, slots=True)
class CaseEvidence:
    """Everything that the verifier looks at. None means that the file is missing: then nothing is concluded from it."""

    peer: str
    role: str  # of the engine
    engine_address: str
    peer_address: str
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
