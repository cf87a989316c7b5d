"""What the engine tells its caller, in order. Evidence is made of these."""

from __future__ import annotations

from dataclasses import dataclass

from harness.crypto.key_schedule import ChildKeys
from harness.policy.deviation import Deviation
from harness.policy.proposals import Suite
from harness.registry.messages import ExchangeType
from harness.registry.notifications import NotifyType
from harness.registry.transforms import KeyExchangeMethod
from harness.wire.payloads.traffic_selector import OpaqueSelector, TrafficSelector


@dataclass(frozen=True, slots=True)
class MessageSent:
    """A message left: ``octets`` of the IKE message, ``datagrams`` it took, the payload names inside SK included."""

    exchange: ExchangeType
    message_id: int
    response: bool
    octets: int
    datagrams: tuple[int, ...]  # octets of each IKE message or fragment
    payloads: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MessageReceived:
    """A message was accepted for processing; fields as in MessageSent."""

    exchange: ExchangeType
    message_id: int
    response: bool
    octets: int
    datagrams: tuple[int, ...]
    payloads: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Retransmitted:
    """A request was repeated, bit for bit (RFC 7296 section 2.1)."""

    exchange: ExchangeType
    message_id: int
    attempt: int


@dataclass(frozen=True, slots=True)
class Deviated:
    """The message that leaves next is not what the rules ask for: our deviation altered it."""

    deviation: Deviation
    exchange: ExchangeType
    message_id: int
    response: bool


@dataclass(frozen=True, slots=True)
class Ignored:
    """A datagram was dropped, and why."""

    reason: str


@dataclass(frozen=True, slots=True)
class Negotiated:
    """IKE_SA_INIT settled the suite; the additional key exchanges are still to come."""

    suite: Suite


@dataclass(frozen=True, slots=True)
class KeyExchanged:
    """One key exchange is done: 0 in IKE_SA_INIT, n in the n-th IKE_INTERMEDIATE."""

    index: int
    method: KeyExchangeMethod


@dataclass(frozen=True, slots=True)
class Established:
    """Both ends are authenticated: the IKE SA stands."""

    suite: Suite
    peer_identity: bytes


@dataclass(frozen=True, slots=True)
class ChildEstablished:
    """A Child SA stands. SPIs are the ones each side receives on, 4 octets; selectors as narrowed."""

    local_spi: bytes
    remote_spi: bytes
    suite: Suite
    keys: ChildKeys
    local_selectors: tuple[TrafficSelector | OpaqueSelector, ...]
    remote_selectors: tuple[TrafficSelector | OpaqueSelector, ...]
    initiator: bool  # whether we are the initiator, whose keys come first (RFC 7296 section 2.17)
    transport_mode: bool = False  # else tunnel mode


@dataclass(frozen=True, slots=True)
class ChildRefused:
    """The IKE SA stands without a Child SA (RFC 7296 section 2.21.2)."""

    notify: NotifyType
    by_peer: bool


@dataclass(frozen=True, slots=True)
class LivenessAnswered:
    """The peer answered an empty INFORMATIONAL request (RFC 7296 section 2.4)."""


@dataclass(frozen=True, slots=True)
class Closed:
    """The IKE SA is gone. ``reason`` is empty after a regular Delete; ``party`` names whose fault it was, else empty.

    ``notify`` is the error notification that ended it, whoever sent it.
    """

    reason: str
    party: str  # "", "peer", "engine"
    kind: str  # "deleted", "refused", "misbehaved", "incompatible", "silent", "malformed"
    by_peer: bool
    notify: NotifyType | None = None


Event = (
    MessageSent
    | MessageReceived
    | Retransmitted
    | Deviated
    | Ignored
    | Negotiated
    | KeyExchanged
    | Established
    | ChildEstablished
    | ChildRefused
    | LivenessAnswered
    | Closed
)
