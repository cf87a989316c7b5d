"""What one end of an IKE SA is configured with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from harness.crypto.interface import KeyExchange
from harness.crypto.key_exchange import key_exchange
from harness.policy.deviation import Deviation
from harness.policy.proposals import Policy
from harness.registry.identities import IdentificationType
from harness.registry.transforms import KeyExchangeMethod
from harness.wire.payloads.traffic_selector import TrafficSelector

Address = tuple[str, int]
"""IP address and UDP port."""


@dataclass(frozen=True, slots=True)
class Path:
    """Where a datagram comes from or goes to, seen from our end."""

    local: Address
    remote: Address


@dataclass(frozen=True, slots=True)
class Datagram:
    """One UDP datagram to send; the payload of port 4500 includes the non-ESP marker (RFC 3948 section 2.2)."""

    path: Path
    payload: bytes


@dataclass(frozen=True, slots=True)
class Identity:
    """Identification type and data (RFC 7296 section 3.5)."""

    id_type: IdentificationType
    data: bytes


@dataclass(frozen=True, slots=True)
class Retransmission:
    """When an unanswered request is repeated: after ``first`` seconds, then each time ``factor`` later."""

    first: float = 0.5
    factor: float = 2.0
    tries: int = 4

    def delay(self, attempt: int) -> float:
        """Seconds to wait after sending for the ``attempt``-th time, counted from 0."""
        return float(self.first * self.factor**attempt)


@dataclass(frozen=True, slots=True)
class Configuration:
    """One end's configuration. Both roles use all of it; only the initiator starts by itself."""

    initiator: bool
    path: Path  # local and remote address with the ports to begin on
    ike: Policy
    esp: Policy
    local_identity: Identity
    remote_identity: Identity | None  # None accepts any
    psk: bytes = field(repr=False)
    local_selectors: tuple[TrafficSelector, ...]
    remote_selectors: tuple[TrafficSelector, ...]
    transport_mode: bool = False  # asked for as initiator, agreed to as responder (RFC 7296 section 1.3.1)
    announce_intermediate: bool = False  # also where no ADDKE needs it (RFC 9242 section 3.1)
    fragment_octets: int = 1280  # whole IP datagram (RFC 7383 section 2.5.1)
    require_cookie: bool = False  # as responder, before any state is kept (RFC 7296 section 2.6)
    nat_port: int = 4500  # where IKE moves when a NAT is seen (RFC 7296 section 2.23)
    refusal_grace: float = 0.2  # seconds to wait for a better answer after an unprotected error (section 2.21.1)
    retransmission: Retransmission = Retransmission()
    deviation: Deviation | None = None  # a rule to break on purpose, where messages leave
    key_exchange: Callable[[KeyExchangeMethod], KeyExchange] = key_exchange
