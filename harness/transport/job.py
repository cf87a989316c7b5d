"""What the worker is asked to do, and what it asks of the runner meanwhile (``messages``)."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from harness.policy.deviation import Deviation
from harness.policy.proposals import PartyPolicy
from harness.policy.role import Role
from harness.scenario.model import Mode, Step


class PeerAction(StrEnum):
    """What only the runner can do, as it holds the peer's control interface."""

    INITIATE = "initiate"  # our sockets listen: let the peer begin; done once it says so
    COME_UP = "come-up"  # our SAs stand: done once the peer's do, too, or have had the time for it
    INSPECT = "inspect"  # the SAs stand and have carried traffic: ask the peer what it sees
    TERMINATE = "terminate"  # it is the peer's turn to delete the IKE SA; done once it was told to


@dataclass(frozen=True, slots=True)
class Job:
    """One case as the worker plays it."""

    case: str
    role: Role  # of the engine
    address: str  # ours, for this case alone
    peer_address: str
    identity: str  # FQDN
    peer_identity: str
    psk: bytes = field(repr=False)
    policy: PartyPolicy
    inner_address: str  # inner host address at our end of the tunnel; in transport mode ``address`` itself
    peer_inner_address: str
    steps: tuple[Step, ...]
    mode: Mode = Mode.TUNNEL  # of the Child SA
    announce_intermediate: bool = False
    fragment_octets: int = 1280  # whole IP datagram
    require_cookie: bool = False
    half_open: int = 0  # IKE SAs to leave half-open at most, until the peer demands cookies
    deviation: Deviation | None = None
    listen_on: bool = False  # for what the peer makes of our deviation, which may be nothing that we hear
    echo_requests: int = 5
    echo: bool = True  # whether a reply to each is awaited
    deadline: float = 20.0  # seconds that the whole case leaves the peer: what the runner is about is not its time
    verb: float = 10.0  # seconds that a command to the peer may take before it counts as the peer's time
