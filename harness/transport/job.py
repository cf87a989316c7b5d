"""What the worker is asked to do. One JSON object a line goes in each direction between the runner and the worker.

Runner to worker: ``{"case": ..., "do": "start", "job": {...}}``, then ``{"case": ..., "do": "continue", "wish": ...}``
when a wish is granted, or ``{"case": ..., "do": "abort"}`` to end the case at once: the
conversation comes as usual, with what there is.

Worker to runner: ``{"case": ..., "want": "initiate" | "come-up" | "inspect" | "terminate"}`` when it is the runner's
turn to act on the peer, and at the end ``{"case": ..., "conversation": {...}}`` or ``{"case": ..., "error": "..."}``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from harness.ike.deviations.deviation import Deviation
from harness.scenario.model import Mode, PartyPolicy, Role, Step


class Wish(StrEnum):
    """What only the runner can do, as it holds the peer's control interface."""

    INITIATE = "initiate"  # our sockets listen: let the peer begin; granted once it says that it is done
    COME_UP = "come-up"  # our SAs stand: granted once the peer's do, too, or have had the time for it
    INSPECT = "inspect"  # the SAs stand and have carried traffic: ask the peer what it sees
    TERMINATE = "terminate"  # it is the peer's turn to delete the IKE SA


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
    half_open: int = 0  # IKE SAs to leave half-open first, so that the peer begins to demand cookies
    deviation: Deviation | None = None
    listen_on: bool = False  # for what the peer makes of our deviation, which may be nothing that we hear
    echo_requests: int = 5
    deadline: float = 20.0  # seconds for the whole case
