"""What was seen of one case: the secrets, the engine's trace, and what our side says of its security associations."""

from __future__ import annotations

from dataclasses import dataclass, field

from harness.ike.policy import Suite
from harness.registry.transforms import KeyExchangeMethod


@dataclass(frozen=True, slots=True)
class SharedSecret:
    """The outcome of one key exchange: the one of IKE_SA_INIT first, then one of each IKE_INTERMEDIATE."""

    method: KeyExchangeMethod
    secret: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class KeyGeneration:
    """SK_d to SK_pr of one generation: 0 after IKE_SA_INIT, n after the n-th IKE_INTERMEDIATE (RFC 7296 section 2.14)."""

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
    """Every secret of one IKE SA: test keys, made for the run. From these and the capture a verdict can be had again."""

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
    suite: Suite | None  # of the IKE SA
    child_suite: Suite | None
    closed_kind: str  # as in ike.events.Closed: "deleted", "refused", ...; "" while it stands
    closed_reason: str
    closed_by_peer: bool
    notify: str  # the error notification that ended it, by name; "" for none
    echo: EchoCount
    timed_out: str  # what the worker waited for when the case's time ran out; "" when it did not


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
