"""Sessions of either role, at every stage of a conversation, and whatever comes next.

Without keys: datagrams as they are. With keys: the fuzzer writes the inside of SK, the header and the fragmentation,
and the message is protected with the keys that the other side would have. The conversations replay octet for octet, as
their randomness is fixed, so that recorded datagrams are good in any new session.
"""

from __future__ import annotations

import copy
import dataclasses
import functools
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from random import Random

import mutation
from engine_pair import EnginePair, configuration, fixed_rng, pair, policy, run
from target import Prepared, Target

from harness.evidence.model import EchoCount
from harness.ike.configuration import Path
from harness.ike.machine import Machine
from harness.ike.opening import Opener
from harness.ike.session import Session
from harness.ike.states import Standing, agreement_of
from harness.json_codec import to_json
from harness.registry.messages import ExchangeType
from harness.transport.recorder import Recorder
from harness.wire.chain import first_type, write_chain
from harness.wire.message import INITIATOR, RESPONSE, Header

POLICY = policy(ke="curve25519 ecp256", addke1="ecp384")
ROLES = ("initiator", "responder")
_LEAST_FRAGMENT = 120
_IP_AND_UDP = 28
_ENVELOPE = 28 + 8 + 8 + 1 + 16
_A_REQUEST = 0x80
_EXCHANGES = (34, 35, 36, 37, 43, 44, 0, 255)


@dataclass(frozen=True)
class Stage:
    """A session is so far: it has been told to act and has heard some datagrams."""

    role: str
    heard: int
    acts: tuple[str, ...] = ()  # what its caller asks for then


def stages() -> list[Stage]:
    """Every point of the conversation at which something may come, and a deletion that awaits its answer."""
    found = [Stage(role, heard) for role in ROLES for heard in range(len(heard_by(role)) + 1)]
    standing = [stage for stage in found if isinstance(session_at(stage).state, Standing)]
    return [*found, *(Stage(s.role, s.heard, (act,)) for s in standing[:2] for act in ("delete", "send_liveness"))]


@functools.cache
def _conversation() -> EnginePair:
    engines = run(pair(POLICY))
    engines.initiator.send_liveness(0.0)
    engines.deliver()
    return engines


def heard_by(role: str) -> list[bytes]:
    """The datagrams of the other side, in order."""
    here = configuration(role == "initiator", POLICY).path.local[0]
    return [each.payload for each in _conversation().wire if each.path.remote[0] == here]


class Victim:
    """A session with a recorder, as the worker drives it."""

    def __init__(self, stage: Stage) -> None:
        self.initiator = stage.role == "initiator"
        here = configuration(self.initiator, POLICY)
        self.session, self.recorder, self.path, self.now = (
            Session(here, fixed_rng(stage.role)),
            Recorder(),
            here.path,
            0.0,
        )
        if self.initiator:
            self.session.start(self.now)
        for datagram in heard_by(stage.role)[: stage.heard]:
            self.hears(datagram)
        for act in stage.acts:
            getattr(self.session, act)(self.now)
        self.settles()

    def hears(self, datagram: bytes, path: Path | None = None) -> None:
        self.session.receive_datagram(datagram, path or self.path, self.now)
        self.settles()

    def settles(self) -> None:
        self.session.datagrams_to_send(self.now)
        while (event := self.session.next_event()) is not None:
            self.recorder.take(event, self.now)

    def waits(self) -> None:
        """The next timer, if there is one."""
        if (timer := self.session.get_timer()) is not None:
            self.now = max(self.now, timer)
            self.session.handle_timer(self.now)
            self.settles()

    def is_told_of(self) -> None:
        """What the worker would bring back can be brought back."""
        state = type(self.session.state).__name__
        to_json(self.recorder.trace)
        to_json(self.recorder.report(state, EchoCount(), ""))
        to_json(self.recorder.secrets(self.session.keylog, self.session.spis, b"psk"))


def session_at(stage: Stage) -> Session:
    return Victim(stage).session


@functools.cache
def _played(stage: Stage) -> Victim:
    return Victim(stage)


def victim_at(stage: Stage) -> Victim:
    """A victim of its own: states never change, so that what holds them is all there is to copy."""
    victim = copy.copy(_played(stage))
    victim.session, victim.recorder = copy.copy(victim.session), copy.copy(victim.recorder)
    victim.recorder.trace = list(victim.recorder.trace)
    machine = victim.session._machine = copy.copy(victim.session._machine)
    machine.rng, machine.events, machine.outbox = fixed_rng(f"{stage}"), deque(), deque()
    machine.window, machine.keylog = copy.copy(machine.window), copy.copy(machine.keylog)
    machine.window.outstanding = copy.copy(machine.window.outstanding)
    for secrets in dataclasses.fields(machine.keylog):
        setattr(machine.keylog, secrets.name, copy.copy(getattr(machine.keylog, secrets.name)))
    victim.session._opener = Opener()
    return victim


@functools.cache
def _stages() -> tuple[Stage, ...]:
    return tuple(stages())


def _chosen(parts: list[bytes]) -> Stage:
    head = parts[0] if parts else b""
    return _stages()[int.from_bytes(head[:1]) % len(_stages())]


def _prepare(data: bytes, deliver: Callable[[Victim, bytes], None], size: Callable[[bytes], int]) -> Prepared:
    """``size``: how many octets a part is on the wire; a thousand empty datagrams are not nothing."""
    parts = mutation.unpack(data)
    victim = victim_at(_chosen(parts))

    def read() -> None:
        for part in parts[1:]:
            deliver(victim, part)
        victim.waits()
        victim.is_told_of()

    return sum(map(size, parts[1:])), read


def _hears(victim: Victim, datagram: bytes) -> None:
    victim.hears(datagram)


def _size(datagram: bytes) -> int:
    return _IP_AND_UDP + len(datagram)


def _seeds_without_keys() -> list[bytes]:
    """At each stage what comes next, and what came before."""
    seeds = []
    for number, stage in enumerate(_stages()):
        every = heard_by(stage.role)
        seeds.append(mutation.pack([bytes((number,)), *every[stage.heard : stage.heard + 2]]))
        seeds.append(mutation.pack([bytes((number,)), *every[max(0, stage.heard - 1) :]]))
    return seeds


@dataclass(frozen=True)
class Inside:
    """A protected message before it is: what the other side's keys are put to."""

    exchange: int
    flags: int  # of the header; 0 takes the right ones
    message_id: int  # what is added to the one that is due, 3 at most; with _A_REQUEST it answers nothing
    first: int
    limit: int  # of a fragment, in octets; 0 for one whole message
    plain: bytes

    def to_bytes(self) -> bytes:
        return bytes((self.exchange, self.flags, self.message_id, self.first, self.limit)) + self.plain

    @classmethod
    def parse(cls, octets: bytes) -> Inside:
        exchange, flags, message_id, first, limit = octets[:5].ljust(5, b"\0")
        return cls(exchange, flags, message_id, first, limit, octets[5:])


def _size_sealed(octets: bytes) -> int:
    """Of all its datagrams, the smallest envelope counted: header, SKF, vector, padding's length and tag."""
    inside = Inside.parse(octets)
    room = max(1, _limit_of(inside) - _IP_AND_UDP - _ENVELOPE) if inside.limit else len(inside.plain) + 1
    datagrams = max(1, -(-len(inside.plain) // room))
    return len(inside.plain) + datagrams * (_IP_AND_UDP + _ENVELOPE)


def _limit_of(inside: Inside) -> int:
    return _LEAST_FRAGMENT + 8 * inside.limit


def _hears_sealed(victim: Victim, octets: bytes) -> None:
    for datagram in sealed(victim, Inside.parse(octets)):
        victim.hears(datagram)


def sealed(victim: Victim, inside: Inside) -> Iterator[bytes]:
    """The datagrams of a message under the keys of the other side; none before there are keys."""
    session, machine = victim.session, victim.session._machine
    agreement = agreement_of(session.state)
    if agreement is None:
        return
    outstanding = None if inside.message_id & _A_REQUEST else machine.window.outstanding
    due = machine.window.next_peer if outstanding is None else outstanding.message_id
    flags = inside.flags or (0 if outstanding is None else RESPONSE) | (0 if victim.initiator else INITIATOR)
    message_id = (due + (inside.message_id & 3)) & 0xFFFFFFFF
    header = Header(*session.spis, ExchangeType(inside.exchange), flags, message_id)
    channel = machine.channel(agreement, sending=False)
    rng = fixed_rng("sealed")
    if inside.limit:
        yield from channel._seal_fragments(header, inside.first, inside.plain, rng, _limit_of(inside))
    else:
        yield channel._seal_one(header, inside.first, inside.plain, rng)


@functools.cache
def insides() -> tuple[tuple[str, Inside], ...]:
    """Who sent what inside of SK in good conversations, by the sender's role."""
    found: list[tuple[str, Inside]] = []
    seal = Machine._seal

    def recorded(self, agreement, header, payloads, path):  # type: ignore[no-untyped-def]
        inside = Inside(header.exchange_type, 0, 0, first_type(payloads), 0, write_chain(payloads))
        found.append(("initiator" if self.configuration.initiator else "responder", inside))
        return seal(self, agreement, header, payloads, path)

    Machine._seal = recorded  # type: ignore[method-assign]
    try:
        for engines in (run(pair(POLICY)), run(pair(POLICY, responder_psk=b"another"))):
            for act in ("send_liveness", "delete"):
                for session in (engines.initiator, engines.responder):
                    if isinstance(session.state, Standing):
                        getattr(session, act)(engines.now)
                        engines.deliver()
    finally:
        Machine._seal = seal  # type: ignore[method-assign]
    return tuple(dict.fromkeys(found))


def _seeds_with_keys() -> list[bytes]:
    seeds = []
    for number, stage in enumerate(_stages()):
        others = [inside for sender, inside in insides() if sender != stage.role]
        seeds += [mutation.pack([bytes((number,)), each.to_bytes()]) for each in others]
        asked = [replace(each, message_id=_A_REQUEST) for each in others if each.exchange == ExchangeType.INFORMATIONAL]
        seeds += [mutation.pack([bytes((number,)), each.to_bytes()]) for each in asked]
        seeds.append(mutation.pack([bytes((number,)), *(each.to_bytes() for each in others)]))
    return seeds


def _mutate_inside(octets: bytes, rng: Random) -> bytes:
    inside = Inside.parse(octets)
    exchange = rng.choice(_EXCHANGES) if rng.random() < 0.1 else inside.exchange
    flags = rng.randrange(256) if rng.random() < 0.05 else inside.flags
    limit = rng.choice((0, 1, 3, 30)) if rng.random() < 0.2 else inside.limit
    ahead = rng.choice((1, 2, 3, _A_REQUEST)) if rng.random() < 0.15 else inside.message_id
    first = rng.randrange(256) if rng.random() < 0.05 else inside.first
    return Inside(exchange, flags, ahead, first, limit, mutation.octets(inside.plain, rng)).to_bytes()


WITHOUT_KEYS = Target(
    "sessions",
    "datagrams of a stranger to a session, at every stage and in both roles",
    _seeds_without_keys,
    lambda data: _prepare(data, _hears, _size),
    mutation.of_parts,
)
WITH_KEYS = Target(
    "keyed",
    "messages of an authentic peer: the inside of SK, at every stage and in both roles",
    _seeds_with_keys,
    lambda data: _prepare(data, _hears_sealed, _size_sealed),
    lambda data, rng: mutation.of_parts(data, rng, _mutate_inside),
)
