"""What a conversation leaves behind: the engine's events in words, its secrets, and where it ended."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import fields

from harness.evidence.model import (
    ChildSecrets,
    EchoCount,
    EngineReport,
    KeyGeneration,
    Secrets,
    SharedSecret,
    SocketDatagram,
    TraceEntry,
)
from harness.ike.configuration import Path
from harness.ike.events import (
    ChildEstablished,
    ChildRefused,
    Closed,
    Deviated,
    Established,
    Event,
    LivenessAnswered,
    Negotiated,
)
from harness.ike.keylog import KeyLog
from harness.policy.deviation import Deviation
from harness.policy.proposals import Suite
from harness.registry.transforms import TransformType
from harness.transport.budget import Budget

_SECRET_FIELDS = ("keys",)


class Recorder:
    """Collects the events of one session."""

    def __init__(self, budget: Budget | None = None) -> None:
        self._budget = budget or Budget()
        self.trace: list[TraceEntry] = []
        self.datagrams: list[SocketDatagram] = []
        self.negotiated: Negotiated | None = None
        self.established: Established | None = None
        self.child: ChildEstablished | None = None
        self.child_refused: ChildRefused | None = None
        self.closed: Closed | None = None
        self.liveness_answers = 0
        self.deviated = False

    def take(self, event: Event, at: float) -> None:
        """Note an event, ``at`` seconds after the case began."""
        detail = {field.name: in_words(getattr(event, field.name)) for field in fields(event) if field.repr}
        self.note(at, type(event).__name__, **{k: v for k, v in detail.items() if k not in _SECRET_FIELDS})
        if isinstance(event, Negotiated):
            self.negotiated = event
        elif isinstance(event, Established):
            self.established = event
        elif isinstance(event, ChildEstablished):
            self.child = event
        elif isinstance(event, ChildRefused):
            self.child_refused = event
        elif isinstance(event, Closed):
            self.closed = event
        elif isinstance(event, Deviated):
            self.deviated = True
        elif isinstance(event, LivenessAnswered):
            self.liveness_answers += 1

    def datagram(self, payload: bytes, path: Path, *, sent: bool) -> None:
        """Note what goes through a socket of ours. The capture's budget holds for it, too: nothing comes after that."""
        if self._budget.overrun is None:
            self.datagrams.append(SocketDatagram.of(payload, path.local[1], path.remote, sent=sent))

    def note(self, at: float, event: str, **detail: str) -> None:
        """Note something that is not the engine's: a step of the worker."""
        if self._budget.entry(sum(map(len, (event, *detail, *detail.values())))):
            self.trace.append(TraceEntry(round(at, 6), event, detail))

    def report(self, state: str, echo: EchoCount, timed_out: str, capture_drops: int = 0) -> EngineReport:
        """Where our side stands. ``capture_drops``: frames that the kernel dropped from the capture meanwhile."""
        closed, notify = self.closed, ""
        if closed is not None and closed.notify is not None:
            notify = closed.notify.name
        elif self.child_refused is not None:
            notify = self.child_refused.notify.name
        return EngineReport(
            state=state,
            established=self.established is not None,
            child_established=self.child is not None,
            suite=self.established.suite if self.established else None,
            negotiated=self.negotiated.suite if self.negotiated else None,
            child_suite=self.child.suite if self.child else None,
            closed_kind=closed.kind if closed else "",
            closed_reason=closed.reason if closed else "",
            closed_by_peer=closed.by_peer if closed else False,
            notify=notify,
            echo=echo,
            timed_out=timed_out,
            capture_drops=capture_drops,
            overrun=self._budget.overrun,
            datagrams=len(self.datagrams),
        )

    def secrets(self, keylog: KeyLog, spis: tuple[bytes, bytes], psk: bytes) -> Secrets:
        """The key log as evidence keeps it."""
        names = [field.name for field in fields(KeyGeneration)]
        return Secrets(
            initiator_spi=spis[0],
            responder_spi=spis[1],
            psk=psk,
            shared_secrets=tuple(_shared_secrets(keylog)),
            generations=tuple(KeyGeneration(*(getattr(keys, n) for n in names)) for keys in keylog.generations),
            int_auth_initiator=tuple(keylog.int_auth_initiator),
            int_auth_responder=tuple(keylog.int_auth_responder),
            children=() if self.child is None else (_child_secrets(self.child),),
        )


def _shared_secrets(keylog: KeyLog) -> Iterator[SharedSecret]:
    for place, (method, secret) in enumerate(keylog.shared_secrets):
        answer = keylog.answers.get(place)
        yield SharedSecret(method, secret, "" if answer is None else hashlib.sha256(answer).hexdigest())


def _child_secrets(child: ChildEstablished) -> ChildSecrets:
    keys = child.keys
    spis = (child.local_spi, child.remote_spi) if child.initiator else (child.remote_spi, child.local_spi)
    by_initiator = (keys.initiator_encryption, keys.initiator_integrity)
    return ChildSecrets(*spis, child.suite, *by_initiator, keys.responder_encryption, keys.responder_integrity)


def in_words(value: object) -> str:
    """A field of an event as a reader of the trace sees it."""
    if isinstance(value, Suite):
        pairs = value.transforms.items()
        chosen = ", ".join(f"{kind.name}={a.name(TransformType(kind))}" for kind, a in pairs)
        return f"proposal {value.proposal_number}: {chosen}"
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, tuple):
        return " ".join(in_words(item) for item in value)
    if isinstance(value, Deviation):
        return value.value  # as scenario files spell it
    return getattr(value, "name", None) or str(value)
