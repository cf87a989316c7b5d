"""Evidence of a case without a lab: two engines talk in one process, one of them stands for the product.

``build`` plays a scenario of ``scenarios/`` against a peer of ``peers/`` as the prediction configures both halves, and
leaves what a run would leave: the wire, our secrets and trace, both reports, the decryption tables. Every part can be
altered afterwards; what is altered stays as honest as the test wants it, as protected messages are sealed again.
"""

from __future__ import annotations

import contextlib
import functools
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path as FilePath
from typing import Any

from built_reports import peer_report
from scapy.layers.inet import IP, UDP, fragment
from scapy.layers.l2 import Ether

from harness.crypto.errors import IntegrityError
from harness.esp.errors import EspError
from harness.evidence.model import (
    CapturedDatagram,
    CaseEvidence,
    CaseFacts,
    Conversation,
    EchoCount,
    Frame,
    SocketDatagram,
    TraceEntry,
    WirePicture,
)
from harness.evidence.model import Side as FactsSide
from harness.evidence.peer_report import PeerReport
from harness.evidence.wireshark import decryption_tables
from harness.ike.configuration import Configuration, Datagram, Identity, Path
from harness.ike.protected import SecureChannel
from harness.ike.selectors import network_selector
from harness.ike.session import Session
from harness.ike.states import Gone, Standing
from harness.oracle.expectation import Expectation, Unavailable
from harness.oracle.negotiation import first_child
from harness.oracle.prediction import expect
from harness.policy.role import Role
from harness.registry.identities import IdentificationType
from harness.scenario.capable_policy import without_unsupported
from harness.scenario.catalogue import load_scenarios
from harness.scenario.model import Mode, Parties, Requirement, Scenario, Step
from harness.scenario.party import ENGINE as OUR_ENGINE
from harness.scenario.peer import Peer
from harness.scenario.peer_file import load_peers
from harness.scenario.requirements import load_requirements
from harness.transport.recorder import Recorder
from harness.transport.tunnel import Tunnel
from harness.verify.check import Checked
from harness.verify.checks.catalogue import CHECKS
from harness.verify.judge import judge
from harness.verify.judgement import Judgement
from harness.verify.view import View, make_view
from harness.verify.wire import SeenMessage, group, pieces_by_sa
from harness.wire.message import Message
from harness.wire.payload import Payload

ROOT = FilePath(__file__).resolve().parents[2]
ENGINE, PEER = "198.51.100.10", "198.51.100.20"
INNER, PEER_INNER = "10.100.0.1", "10.99.0.1"
PEER_NAME = "strongswan-6.1"
_BEGAN = 1_790_000_000.0
_MTU = 1500

Tamper = Callable[[Datagram, bool], list[bytes]]
"""What becomes of a datagram on its way: (datagram, whether the engine sent it) to the payloads that arrive."""


@functools.cache
def scenarios() -> dict[str, Scenario]:
    """Those between our engine and a peer."""
    found = load_scenarios(ROOT / "scenarios", CHECKS)
    return {name: scenario for name, scenario in found.items() if scenario.parties is Parties.ENGINE}


@functools.cache
def peers() -> dict[str, Peer]:
    return load_peers(ROOT / "peers")


@functools.cache
def requirements() -> dict[str, Requirement]:
    return load_requirements(ROOT / "scenarios" / "requirements.toml")


def expect_of(scenario: Scenario, peer: Peer, role: Role, unavailable: Unavailable | None = None) -> Expectation:
    """The prediction for our engine, in this role, and a peer."""
    if role is Role.INITIATOR:
        return expect(scenario, OUR_ENGINE, peer, unavailable)
    return expect(scenario, peer, OUR_ENGINE, unavailable)


def flipped(octets: bytes, index: int = 0) -> bytes:
    """The same octets with one bit of one of them turned over."""
    turned = bytearray(octets)
    turned[index] ^= 1
    return bytes(turned)


@dataclass(frozen=True)
class Case:
    """A case that was played, ready to be judged or altered."""

    scenario: Scenario
    expectation: Expectation
    evidence: CaseEvidence
    conversation: Conversation

    def judge(self) -> Judgement:
        return judge(self.scenario, self.expectation, self.evidence, requirements())

    @property
    def view(self) -> View:
        return make_view(self.scenario, self.expectation, self.evidence)

    def check(self, name: str, **arguments: str | int | bool) -> Checked:
        """What one check says of the case."""
        return CHECKS[name](self.view, arguments)

    def message(self, label: str) -> SeenMessage:
        """The message that a reader calls ``IKE_AUTH response 2``."""
        return next(message for message in self.view.messages if message.label == label)

    def with_evidence(self, **parts: Any) -> Case:
        return replace(self, evidence=replace(self.evidence, **parts))

    def with_secrets(self, **parts: Any) -> Case:
        assert self.evidence.secrets is not None
        return self.with_evidence(secrets=replace(self.evidence.secrets, **parts))

    def with_report(self, **parts: Any) -> Case:
        assert self.evidence.report is not None
        return self.with_evidence(report=replace(self.evidence.report, **parts))

    def awaiting(self, words: str) -> Case:
        """Our side waited in vain."""
        entry = TraceEntry(9.0, "OutOfTime", {"awaited": words})
        return self.with_evidence(trace=(*(self.evidence.trace or ()), entry)).with_report(timed_out=words)

    def ending(self, kind: str, reason: str) -> Case:
        """Our side ended it for another reason."""
        closed = TraceEntry(9.0, "Closed", {"kind": kind, "reason": reason, "by_peer": "False"})
        trace = tuple(entry for entry in self.evidence.trace or () if entry.event != "Closed")
        told = self.with_evidence(trace=(*trace, closed))
        return told.with_report(closed_kind=kind, closed_reason=reason, closed_by_peer=False)

    def with_echo(self, **counts: int) -> Case:
        """Our side counted other echo messages."""
        assert self.evidence.report is not None
        return self.with_report(echo=replace(self.evidence.report.echo, **counts))

    def with_peer_sa(self, **parts: Any) -> Case:
        """The peer reports its IKE SA with other fields."""
        report = self.evidence.peer_report
        assert report is not None
        return self.with_evidence(peer_report=replace(report, sas=(replace(report.sas[0], **parts),)))

    def with_peer_child(self, **parts: Any) -> Case:
        """The peer reports its Child SA with other fields."""
        report = self.evidence.peer_report
        assert report is not None
        return self.with_peer_sa(children=(replace(report.sas[0].children[0], **parts),))

    @property
    def datagrams(self) -> tuple[CapturedDatagram, ...]:
        assert self.evidence.wire is not None
        return self.evidence.wire.datagrams

    def with_datagrams(self, datagrams: Iterable[CapturedDatagram]) -> Case:
        """Others crossed the wire; our sockets saw them, too, and our engine notes how large they were."""
        assert self.evidence.wire is not None
        wire = replace(self.evidence.wire, datagrams=tuple(datagrams))
        seen, trace = sockets_saw(wire.datagrams), retold(self.evidence.trace or (), wire.datagrams)
        return self.with_evidence(wire=wire, datagrams=seen, trace=trace).with_report(datagrams=len(seen))

    def with_capture(self, datagrams: Iterable[CapturedDatagram]) -> Case:
        """The capture alone says otherwise: a damaged file."""
        assert self.evidence.wire is not None
        return self.with_evidence(wire=replace(self.evidence.wire, datagrams=tuple(datagrams)))

    def esp(self, *, from_engine: bool) -> list[CapturedDatagram]:
        """The ESP packets of one direction."""
        source = ENGINE if from_engine else PEER
        return [d for d in self.datagrams if d.source[0] == source and d.source[1] in (0, 4500)]

    def changed(self, old: CapturedDatagram, *new: CapturedDatagram) -> Case:
        """One datagram of the wire replaced by any number of others."""
        return self.with_datagrams(one for each in self.datagrams for one in (new if each is old else (each,)))

    def without(self, label: str) -> Case:
        """The wire without one message."""
        gone = {piece.datagram.frame for piece in self.message(label).pieces}
        return self.with_datagrams(each for each in self.datagrams if each.frame not in gone)

    def repeated(self, label: str, edit: Callable[[bytes], bytes] = bytes) -> Case:
        """The first datagram of a message once more, right behind it, with its octets edited."""
        datagram = self.message(label).pieces[0].datagram
        again = replace(datagram, payload=edit(datagram.payload))
        return self.changed(datagram, datagram, again)

    def rewritten(
        self,
        label: str,
        edit: Callable[[tuple[Any, ...]], Iterable[Payload]] = tuple,
        generation: int | None = None,
        **header: Any,
    ) -> Case:
        """One message with other payloads or header fields, in one piece; a protected one is sealed again.

        ``generation`` is the one of the keys to seal it with, by default the one that it came under.
        """
        message = self.message(label)
        octets = self._sealed(message, tuple(edit(message.payloads)), generation, header)
        first = replace(message.pieces[0].datagram, payload=octets, ip_octets=ip_sizes(len(octets) + 8))
        frames = {piece.datagram.frame for piece in message.pieces}
        kept = (first if d.frame == first.frame else d for d in self.datagrams)
        return self.with_datagrams(d for d in kept if d is first or d.frame not in frames)

    def _sealed(
        self, message: SeenMessage, payloads: tuple[Payload, ...], generation: int | None, changes: dict[str, Any]
    ) -> bytes:
        header = replace(message.pieces[0].message.header, **changes)
        if not message.protected:
            return Message(header, payloads).to_bytes()
        chain, at = self.view.chain, message.generation if generation is None else generation
        assert chain is not None and at is not None
        sk_e, sk_a, _ = chain.generations[at].of(initiator=message.from_initiator)
        channel = SecureChannel(chain.protection, sk_e, sk_a)
        return channel.seal(header, payloads, os.urandom, None).messages[0]


def sockets_saw(datagrams: Iterable[CapturedDatagram]) -> tuple[SocketDatagram, ...]:
    """What our sockets tell of a wire."""
    seen = []
    for each in datagrams:
        sent = each.source[0] == ENGINE
        here, there = (each.source, each.destination) if sent else (each.destination, each.source)
        if here[0] == ENGINE:
            seen.append(SocketDatagram.of(each.payload, here[1], there, sent=sent))
    return tuple(seen)


def retold(trace: Iterable[TraceEntry], datagrams: Sequence[CapturedDatagram]) -> tuple[TraceEntry, ...]:
    """The trace with the octets of the messages that are on the wire, where it tells of others."""
    found: dict[tuple[str, ...], list[list[int]]] = {}
    for pieces in pieces_by_sa(datagrams).values():
        for each in group(pieces, ENGINE):
            event = "MessageSent" if each.from_initiator else "MessageReceived"  # by our address, whatever our role
            key = event, each.exchange.name, str(each.message_id), str(each.response)
            found.setdefault(key, []).append([len(piece.octets) for piece in each.pieces])
    return tuple(_retold(entry, found) for entry in trace)


def _retold(entry: TraceEntry, found: dict[tuple[str, ...], list[list[int]]]) -> TraceEntry:
    detail = entry.detail
    sizes = found.get((entry.event, *(detail.get(name, "") for name in ("exchange", "message_id", "response"))), [])
    told = Counter(map(int, detail["datagrams"].split())) if sizes else Counter()
    if not sizes or any(told <= Counter(each) for each in sizes):
        return entry
    words = " ".join(map(str, sizes[0]))
    return replace(entry, detail={**detail, "octets": str(sum(sizes[0])), "datagrams": words})


def ip_sizes(payload: int) -> tuple[int, ...]:
    """Octets of the IP packets that carry an IP payload of so many octets over a path of 1500."""
    step = (_MTU - 20) // 8 * 8
    return tuple(20 + min(step, payload - start) for start in range(0, payload, step))


class Side:
    """One engine with its recorder and, once there is a Child SA, its end of the tunnel."""

    def __init__(
        self, configuration: Configuration, inner: tuple[str, str], spoil: Callable[[Tunnel], None] | None = None
    ) -> None:
        """``spoil`` makes the end of a tunnel a defective one, as soon as there is one."""
        self.session, self.recorder, self._inner = Session(configuration, os.urandom), Recorder(), inner
        self.initiator, self._spoil = configuration.initiator, spoil
        self._tunnel: Tunnel | None = None

    @property
    def tunnel(self) -> Tunnel | None:
        if self._tunnel is None and self.recorder.child is not None:
            self._tunnel = Tunnel(self.recorder.child, *self._inner, os.urandom)
            if self._spoil is not None:
                self._spoil(self._tunnel)
        return self._tunnel

    @property
    def settled(self) -> bool:
        waits = isinstance(self.session.state, Standing) and self.session.get_timer() is not None
        return isinstance(self.session.state, Standing | Gone) and not waits

    def take_events(self, at: float) -> None:
        while (event := self.session.next_event()) is not None:
            self.recorder.take(event, at)


def _deliver(datagram: Datagram, _by_engine: bool) -> list[bytes]:
    return [datagram.payload]


@dataclass
class Play:
    """Two sides, the wire between them and the clock."""

    engine: Side
    peer: Side
    tamper: Tamper = _deliver
    at: float = 0.0
    wire: list[CapturedDatagram] = field(default_factory=list)
    frame: int = 0

    def captured(self, source: tuple[str, int], destination: tuple[str, int], payload: bytes, udp: int = 8) -> None:
        sizes = ip_sizes(len(payload) + udp)
        self.frame, self.at = self.frame + len(sizes), self.at + 0.001
        self.wire.append(CapturedDatagram(self.frame, _BEGAN + self.at, source, destination, payload, sizes))

    def deliver(self) -> None:
        """Pass datagrams until both sides are quiet. The capture stands at the engine's interface."""
        moved = True
        while moved:
            moved = False
            for by_engine, sender, receiver in ((True, self.engine, self.peer), (False, self.peer, self.engine)):
                for datagram in sender.session.datagrams_to_send(self.at):
                    moved, path = True, datagram.path
                    arriving = self.tamper(datagram, by_engine)
                    for payload in [datagram.payload] if by_engine else arriving:
                        self.captured(path.local, path.remote, payload)
                    for payload in arriving:
                        receiver.session.receive_datagram(payload, Path(path.remote, path.local), self.at)
            self.take_events()

    def take_events(self) -> None:
        self.engine.take_events(self.at)
        self.peer.take_events(self.at)

    def settle(self) -> None:
        """Deliver, and let time pass, until both sides know how it ended or nothing is left to wait for."""
        for _ in range(50):
            self.deliver()
            timers = [s.session.get_timer() for s in (self.engine, self.peer) if not s.settled]
            due = [timer for timer in timers if timer is not None]
            if not due:
                return
            self.at = max(self.at, min(due))
            for side in (self.engine, self.peer):
                side.session.handle_timer(self.at)
            self.take_events()

    def traffic(self, requests: int, port: int) -> None:
        """Echo requests by the engine, each answered at once; ``port`` 0 is ESP without UDP."""
        there, back = self.engine.tunnel, self.peer.tunnel
        if there is None or back is None:
            return
        here, far, udp = (ENGINE, port), (PEER, port), 8 if port else 0
        for _ in range(requests):
            request = there.request(7)
            self.captured(here, far, request, udp)
            reply = None
            with contextlib.suppress(EspError, IntegrityError):  # what does not open is dropped
                reply = back.receive(request)
            if reply is not None:
                self.captured(far, here, reply, udp)
                with contextlib.suppress(EspError, IntegrityError):
                    answer = there.receive(reply)
                    if answer is not None:
                        self.captured(here, far, answer, udp)


def build(
    scenario: str = "hybrid/x25519-mlkem768",
    peer: str = PEER_NAME,
    role: Role = Role.INITIATOR,
    *,
    tamper: Tamper = _deliver,
    doctored: AbstractContextManager[Any] | None = None,
    esp_port: int = 4500,
    steps: Sequence[Step] | None = None,
    engine: dict[str, Any] | None = None,
    product: dict[str, Any] | None = None,
    spoil: Callable[[Tunnel], None] | None = None,
) -> Case:
    """Play a case. ``doctored`` is in force meanwhile; ``engine`` and ``product`` replace configuration fields.

    ``spoil`` makes the product's end of the tunnel a defective one.
    """
    planned, partner = scenarios()[scenario], peers()[peer]
    predicted = expect_of(planned, partner, role)
    assert not predicted.skipped, predicted.skipped
    theirs = predicted.of(role.other)  # a build passes over what it lacks, also where it is configured
    able = without_unsupported(theirs, partner.capabilities) if planned.settings.as_written else theirs
    halves = replace(predicted, **{role.other.value: able})
    ours, theirs = _sides(planned, halves, role, engine or {}, product or {}, spoil)
    play = Play(ours, theirs, tamper)
    with doctored or contextlib.nullcontext():
        initiator = play.engine if role is Role.INITIATOR else play.peer
        initiator.session.start(0.0)
        play.take_events()
        play.settle()
        report = None
        for step in planned.steps if steps is None else steps:
            report = _step(play, step, role, esp_port) or report
    return _collected(play, planned, predicted, partner, role, report)


@functools.cache
def good(scenario: str = "hybrid/x25519-mlkem768", peer: str = PEER_NAME, role: Role = Role.INITIATOR) -> Case:
    """A case in which nothing went wrong, played once; where ESP is to go without UDP, both sides do so."""
    bare = any(expect.check == "esp-without-udp" for expect in scenarios()[scenario].expect)
    return build(scenario, peer, role, esp_port=0 if bare else 4500)


def _sides(
    scenario: Scenario,
    predicted: Expectation,
    role: Role,
    engine: dict[str, Any],
    product: dict[str, Any],
    spoil: Callable[[Tunnel], None] | None = None,
) -> Iterator[Side]:
    settings = scenario.settings
    for ours, policy, changes in ((True, predicted.of(role), engine), (False, predicted.of(role.other), product)):
        here, there = (ENGINE, PEER) if ours else (PEER, ENGINE)
        inner = (INNER, PEER_INNER) if ours else (PEER_INNER, INNER)
        if settings.mode is Mode.TRANSPORT:
            inner = (here, there)
        names = ("engine.interop.test", "peer.interop.test") if ours else ("peer.interop.test", "engine.interop.test")
        own, other = (Identity(IdentificationType.ID_FQDN, name.encode()) for name in names)
        local, remote = ((network_selector(f"{address}/32"),) for address in inner)
        initiator = (role is Role.INITIATOR) == ours
        configuration = Configuration(
            initiator,
            Path((here, 500), (there, 500)),
            policy.ike,
            first_child(policy.esp),
            own,
            other,
            b"a pre-shared key" if ours or not settings.wrong_psk else b"quite another key",
            local,
            remote,
            transport_mode=settings.mode is Mode.TRANSPORT,
            announce_intermediate=settings.announce_intermediate,
            fragment_octets=settings.fragment_size or 1280,
            require_cookie=settings.require_cookie and not initiator,
            deviation=scenario.deviation if ours else None,
        )
        yield Side(replace(configuration, **changes), inner, None if ours else spoil)


def _step(play: Play, step: Step, role: Role, esp_port: int) -> PeerReport | None:
    play.engine.recorder.note(play.at, "Step", step=step.value)
    if isinstance(play.engine.session.state, Gone):
        return None
    initiator = play.engine if role is Role.INITIATOR else play.peer
    report = None
    if step is Step.TRAFFIC:
        play.traffic(5, esp_port)
        report = peer_report(play.peer, in_udp=esp_port != 0)
    elif isinstance(play.engine.session.state, Standing) and step is Step.LIVENESS:
        play.engine.session.send_liveness(play.at)
    elif isinstance(initiator.session.state, Standing):
        initiator.session.delete(play.at)
    play.settle()
    return report


def _collected(
    play: Play, scenario: Scenario, predicted: Expectation, peer: Peer, role: Role, report: PeerReport | None
) -> Case:
    session, recorder = play.engine.session, play.engine.recorder
    tunnel = play.engine.tunnel
    secrets = recorder.secrets(session.keylog, session.spis, b"a pre-shared key")
    seen = sockets_saw(play.wire)
    recorder.datagrams[:] = seen
    engine_report = recorder.report(type(session.state).__name__, tunnel.count() if tunnel else EchoCount(), "")
    tables = decryption_tables(secrets, engine_report, *((ENGINE, PEER) if role is Role.INITIATOR else (PEER, ENGINE)))
    ikev2 = tuple(text for name, text in tables.items() if name.endswith("ikev2_decryption_table"))
    evidence = CaseEvidence(
        facts=_facts(scenario, peer.name, role),
        wire=WirePicture(tuple(play.wire)),
        secrets=secrets,
        trace=tuple(recorder.trace),
        report=engine_report,
        peer_report=report,
        peer_report_after=peer_report(play.peer),
        ikev2_tables=ikev2,
        esp_table=tables.get("esp_sa"),
        datagrams=seen,
    )
    frames = tuple(frame for datagram in play.wire for frame in frames_of(datagram))
    told = Conversation(tuple(recorder.trace), secrets, engine_report, frames, datagrams=seen)
    return Case(scenario, predicted, evidence, told)


def frames_of(datagram: CapturedDatagram) -> list[Frame]:
    """The Ethernet frames of a datagram, as the tester's interface would show them."""
    (source, sport), (destination, dport) = datagram.source, datagram.destination
    packet = Ether() / IP(src=source, dst=destination, id=datagram.frame & 0xFFFF)
    if sport:
        packet = packet / UDP(sport=sport, dport=dport) / datagram.payload
    else:
        packet = packet / datagram.payload
        packet[IP].proto = 50
    return [Frame(datagram.at, bytes(piece)) for piece in fragment(packet, fragsize=_MTU - 20)]


def facts_of(case: Case) -> CaseFacts:
    """``case.json`` of a built case."""
    return case.evidence.facts


def _facts(scenario: Scenario, peer: str, role: Role) -> CaseFacts:
    engine = FactsSide("engine", address=ENGINE, inner=INNER, identity="engine.interop.test")
    tested = FactsSide(peer, "6.1.0", "sha256:0", address=PEER, inner=PEER_INNER, identity="peer.interop.test")
    sides = (engine, tested) if role is Role.INITIATOR else (tested, engine)
    return CaseFacts(f"{scenario.id}@{peer}@{role.value}", scenario.id, *sides, engine=role)
