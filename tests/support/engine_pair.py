"""Two engines in one process, no sockets: every datagram passes through a list that a test can read and tamper with."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from harness.crypto.random_source import Rng
from harness.ike.configuration import Configuration, Datagram, Identity, Path
from harness.ike.events import Event
from harness.ike.selectors import network_selector
from harness.ike.session import Session
from harness.policy.proposals import Policy, ProposalPolicy
from harness.registry.algorithms import algorithm
from harness.registry.identities import IdentificationType
from harness.registry.transforms import TransformType

E = TypeVar("E", bound=Event)

_KINDS = {"encr": 1, "prf": 2, "integ": 3, "ke": 4, "sn": 5} | {f"addke{n}": 5 + n for n in range(1, 8)}


def proposal(**algorithms: str) -> ProposalPolicy:
    """``proposal(encr="aes-256-gcm-16", ke="curve25519 ecp384")``."""
    table = {TransformType(_KINDS[key]): value.split() for key, value in algorithms.items()}
    return ProposalPolicy({kind: tuple(algorithm(kind, name) for name in names) for kind, names in table.items()})


def policy(**algorithms: str) -> Policy:
    """A policy of one proposal; AES-256-GCM and HMAC-SHA2-256 unless said otherwise."""
    defaults = {} if "encr" in algorithms else {"encr": "aes-256-gcm-16"}
    return (proposal(**(defaults | ({} if "prf" in algorithms else {"prf": "hmac-sha2-256"}) | algorithms)),)


ESP = (proposal(encr="aes-256-gcm-16", sn="no-esn"),)
INITIATOR_ADDRESS, RESPONDER_ADDRESS = "192.0.2.1", "192.0.2.2"


def fixed_rng(seed: str) -> Rng:
    """A random source that repeats: SHAKE-256 over the seed and a counter."""
    count = 0

    def rng(octets: int) -> bytes:
        nonlocal count
        count += 1
        return hashlib.shake_256(f"{seed} {count}".encode()).digest(octets)

    return rng


def configuration(initiator: bool, ike: Policy, esp: Policy = ESP, **changes: object) -> Configuration:
    """One end of the pair; keyword arguments replace fields."""
    here, there = (INITIATOR_ADDRESS, RESPONDER_ADDRESS) if initiator else (RESPONDER_ADDRESS, INITIATOR_ADDRESS)
    identities = [Identity(IdentificationType.ID_FQDN, name) for name in (b"initiator.example", b"responder.example")]
    selectors = [(network_selector("10.1.0.1/32"),), (network_selector("10.2.0.1/32"),)]
    if not initiator:
        identities.reverse()
        selectors.reverse()
    base = Configuration(
        initiator=initiator,
        path=Path((here, 500), (there, 500)),
        ike=ike,
        esp=esp,
        local_identity=identities[0],
        remote_identity=identities[1],
        psk=b"a pre-shared key of the tests",
        local_selectors=selectors[0],
        remote_selectors=selectors[1],
    )
    return replace(base, **changes)  # type: ignore[arg-type]


def unchanged(datagram: Datagram) -> list[bytes]:
    return [datagram.payload]


@dataclass
class EnginePair:
    """An initiator and a responder; ``tamper`` turns each datagram on its way into any number of payloads."""

    initiator: Session
    responder: Session
    tamper: Callable[[Datagram], list[bytes]] = unchanged
    now: float = 0.0
    wire: list[Datagram] = field(default_factory=list)
    events: dict[str, list[Event]] = field(default_factory=lambda: {"initiator": [], "responder": []})

    def deliver(self) -> None:
        """Pass datagrams until both are quiet; at most 1000 of them."""
        for _ in range(1000):
            sent = [
                (receiver, datagram)
                for sender, receiver in ((self.initiator, self.responder), (self.responder, self.initiator))
                for datagram in sender.datagrams_to_send(self.now)
            ]
            if not sent:
                break
            for receiver, datagram in sent:
                self.wire.append(datagram)
                back = Path(datagram.path.remote, datagram.path.local)
                for payload in self.tamper(datagram):
                    receiver.receive_datagram(payload, back, self.now)
        for name, session in (("initiator", self.initiator), ("responder", self.responder)):
            while (event := session.next_event()) is not None:
                self.events[name].append(event)

    def advance(self, seconds: float) -> None:
        """Let time pass, fire what is due, deliver."""
        self.now += seconds
        for session in (self.initiator, self.responder):
            timer = session.get_timer()
            if timer is not None and timer <= self.now:
                session.handle_timer(self.now)
        self.deliver()

    def of(self, name: str, kind: type[E]) -> list[E]:
        return [event for event in self.events[name] if isinstance(event, kind)]


def pair(offer: Policy, accept: Policy | None = None, **changes: Any) -> EnginePair:
    """A pair that has not begun; ``initiator_...`` and ``responder_...`` replace fields of one end, others of both."""
    split: dict[str, dict[str, Any]] = {"initiator": {}, "responder": {}}
    for key, value in changes.items():
        side, _, rest = key.partition("_")
        for name in [side] if side in split else list(split):
            split[name][rest if side in split else key] = value
    initiator = Session(configuration(True, offer, **split["initiator"]), fixed_rng("initiator"))
    responder = Session(configuration(False, accept or offer, **split["responder"]), fixed_rng("responder"))
    return EnginePair(initiator, responder)


def run(engines: EnginePair) -> EnginePair:
    """Start and deliver everything."""
    engines.initiator.start(engines.now)
    engines.deliver()
    return engines
