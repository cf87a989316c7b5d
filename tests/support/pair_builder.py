"""Evidence of two products without a lab: two engines agree in one process, what follows is made as it would be seen.

IKE_SA_INIT to IKE_AUTH are real messages under the two policies of the prediction. Nobody reads protected messages of a
pair, so that those behind them, and ESP, are octets of the right shape.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from case_builder import INNER, PEER_INNER, ROOT, Play, Side, peers, requirements

from harness.crypto.protection import protection
from harness.evidence.model import CapturedDatagram, CaseFacts, PairEvidence, WirePicture
from harness.evidence.model import Side as FactsSide
from harness.evidence.peer_report import DELETED, ESTABLISHED, ChildReport, PairReport, PeerReport, SaReport, StepReport
from harness.ike.configuration import Configuration, Identity, Path
from harness.ike.selectors import network_selector
from harness.oracle.expectation import Expectation
from harness.oracle.negotiation import first_child
from harness.oracle.prediction import expect
from harness.policy.proposals import Suite
from harness.registry.identities import IdentificationType
from harness.registry.key_exchange_sizes import KEY_EXCHANGE_OCTETS
from harness.registry.messages import ExchangeType, PayloadType
from harness.registry.transforms import TransformType
from harness.scenario.catalogue import load_scenarios
from harness.scenario.model import Scenario, Step
from harness.verify.check import Checked
from harness.verify.checks.catalogue import CHECKS, PAIR_CHECKS
from harness.verify.judge import judge
from harness.verify.judgement import Judgement
from harness.verify.pair_view import PairView, make_pair_view
from harness.verify.wire import SeenMessage
from harness.wire.message import INITIATOR, RESPONSE, Header, Message
from harness.wire.payloads import Encrypted

HERE, THERE = "198.51.100.10", "198.51.100.20"
FIRST, SECOND = "strongswan-6.1", "strongswan-6.1-kernel-esp"
ECHOES = 3
_PORT = 4500
_MARKER = bytes(4)
_ESP_HEADER, _INNER, _TRAILER = 8, 84, 2  # octets; of an inner packet with an echo message
BEGINS = {ExchangeType.INFORMATIONAL: PayloadType.DELETE, ExchangeType.IKE_FOLLOWUP_KE: PayloadType.KE}
"""What is inside of SK first, where it is no SA payload."""
_ROOM = 240  # octets inside of SK: for SA, nonce and key exchange of the rekeys, IV and ICV


@functools.cache
def scenarios() -> dict[str, Scenario]:
    return load_scenarios(ROOT / "scenarios", CHECKS)


@dataclass(frozen=True)
class Pair:
    """A case of two products, ready to be judged or altered."""

    scenario: Scenario
    expectation: Expectation
    evidence: PairEvidence

    def judge(self) -> Judgement:
        return judge(self.scenario, self.expectation, self.evidence, requirements())

    def check(self, name: str, **arguments: str | int | bool) -> Checked:
        """What one check says of the case."""
        return PAIR_CHECKS[name](self.view, arguments)

    @property
    def view(self) -> PairView:
        return make_pair_view(self.scenario, self.expectation, self.evidence)

    @property
    def wire(self) -> WirePicture:
        assert self.evidence.wire is not None
        return self.evidence.wire

    @property
    def report(self) -> PairReport:
        assert self.evidence.report is not None
        return self.evidence.report

    def message(self, label: str) -> SeenMessage:
        """The message that a reader calls ``IKE_AUTH response 1``."""
        return next(message for message in self.view.messages if message.label == label)

    def with_evidence(self, **parts: Any) -> Pair:
        return replace(self, evidence=replace(self.evidence, **parts))

    def with_wire(self, **parts: Any) -> Pair:
        return self.with_evidence(wire=replace(self.wire, **parts))

    def with_report(self, **parts: Any) -> Pair:
        return self.with_evidence(report=replace(self.report, **parts))

    def changed(self, old: CapturedDatagram, *new: CapturedDatagram) -> Pair:
        """One datagram of the wire replaced by any number of others."""
        return self.with_datagrams(e for d in self.wire.datagrams for e in (new if d is old else (d,)))

    def with_datagrams(self, datagrams: Iterable[CapturedDatagram]) -> Pair:
        return self.with_wire(datagrams=tuple(datagrams))

    def without(self, label: str) -> Pair:
        """The wire without one message."""
        gone = {piece.datagram.frame for piece in self.message(label).pieces}
        return self.with_wire(datagrams=tuple(d for d in self.wire.datagrams if d.frame not in gone))

    def with_step(self, step: str, **parts: Any) -> Pair:
        """Every step of this name reported with other fields."""
        steps = (replace(each, **parts) if each.step == step else each for each in self.report.steps)
        return self.with_report(steps=tuple(steps))

    def reported(self, step: str, side: str) -> PeerReport:
        """What a side (``initiator``, ``responder``) said after the first step of this name."""
        found: PeerReport = getattr(next(each for each in self.report.steps if each.step == step), side)
        return found

    def with_sa(self, step: str, side: str, **parts: Any) -> Pair:
        """After a step a side reports its IKE SA with other fields."""
        report = self.reported(step, side)
        return self.with_step(step, **{side: replace(report, sas=(replace(report.sas[0], **parts),))})

    def with_child(self, step: str, side: str, **parts: Any) -> Pair:
        """After a step a side reports its Child SA with other fields."""
        child = self.reported(step, side).sas[0].children[0]
        return self.with_sa(step, side, children=(replace(child, **parts),))


def _child_spis() -> tuple[bytes, bytes]:
    """One of each side; never zero, which would be IKE's marker on the port of both."""
    return b"\xc0" + os.urandom(3), b"\xc1" + os.urandom(3)


@dataclass
class _Tunnel:
    """The SAs between the two as they are now. SPIs: the initiator's first; of the Child SA, those each receives on."""

    ike_suite: Suite
    esp_suite: Suite
    ike: tuple[bytes, bytes]
    child: tuple[bytes, bytes] = field(default_factory=_child_spis)
    packets: int = 0
    message_id: int = 2  # of the initiator's next request

    def report(self, index: int) -> PeerReport:
        """The status of the initiator (0) or the responder (1)."""
        into, out = self.child[index].hex(), self.child[1 - index].hex()
        esp, ike = _names(self.esp_suite), _names(self.ike_suite)
        octets = self.packets * 84
        algorithms = esp["ENCR"], esp.get("INTEG"), esp.get("SN") is not None
        counters = self.packets, self.packets, octets, octets
        child = ChildReport("net", "INSTALLED", "TUNNEL", True, into, out, *algorithms, *counters)
        spis = self.ike[0].hex(), self.ike[1].hex()
        additional = tuple(name for kind, name in ike.items() if kind.startswith("ADDKE"))
        chosen = ike["ENCR"], ike.get("INTEG"), ike["PRF"], ike["KE"], additional
        return PeerReport("1", (SaReport("case-1", "ESTABLISHED", index == 0, *spis, *chosen, (child,)),), "[]")


def _names(suite: Suite) -> dict[str, str]:
    return {kind.name: one.name(kind) for kind, one in suite.transforms.items() if one.identifier}


SEVEN, HYBRID_REKEY = "seven additional key exchanges", "a hybrid that is rekeyed"
HYBRID_REKEYS = "a hybrid that is rekeyed behind its Child SA"
"""Cases that no scenario of two products has yet: ``good_pair`` knows them by these names."""


def _planned(name: str) -> Scenario:
    hybrid = scenarios()["pairs/hybrid"]
    if name == SEVEN:
        seven = scenarios()["multiple-ke/seven"]
        offer, accept = (replace(each, esp=hybrid.offer.esp) for each in (seven.offer, seven.accept))
        return replace(hybrid, offer=offer, accept=accept)
    if name in (HYBRID_REKEY, HYBRID_REKEYS):
        first = (Step.REKEY_CHILD,) if name == HYBRID_REKEYS else ()
        return replace(hybrid, steps=(Step.TRAFFIC, *first, Step.REKEY_IKE, Step.TRAFFIC, Step.DELETE))
    return scenarios()[name]


@functools.cache
def good_pair(scenario: str = "pairs/hybrid", initiator: str = FIRST, responder: str = SECOND) -> Pair:
    """A case of two products in which all went as their policies have it."""
    planned, both = _planned(scenario), (peers()[initiator], peers()[responder])
    predicted = expect(planned, *both)
    assert not predicted.skipped, predicted.skipped
    play = Play(*_sides(predicted))
    play.engine.session.start(0.0)
    play.take_events()
    play.settle()
    steps = tuple(_steps(play, planned))
    ends = ((HERE, INNER), (THERE, PEER_INNER))
    sides = (FactsSide(peer.name, "1", "sha256:0", "", *end) for peer, end in zip(both, ends, strict=True))
    facts = CaseFacts(f"{scenario}@{initiator}+{responder}@pair", scenario, *sides)
    return Pair(planned, predicted, PairEvidence(facts, WirePicture(tuple(play.wire)), PairReport(steps)))


def _sides(predicted: Expectation) -> Iterator[Side]:
    ends = [(HERE, INNER, b"first.interop.test"), (THERE, PEER_INNER, b"second.interop.test")]
    for initiates, policy in ((True, predicted.initiator), (False, predicted.responder)):
        here, there = ends if initiates else reversed(ends)
        configuration = Configuration(
            initiates,
            Path((here[0], 500), (there[0], 500)),
            policy.ike,
            first_child(policy.esp),
            Identity(IdentificationType.ID_FQDN, here[2]),
            Identity(IdentificationType.ID_FQDN, there[2]),
            b"a pre-shared key",
            (network_selector(f"{here[1]}/32"),),
            (network_selector(f"{there[1]}/32"),),
        )
        yield Side(configuration, (here[1], there[1]))


def _steps(play: Play, scenario: Scenario) -> Iterator[StepReport]:
    """Take the scenario's steps, and report after each as a lab does."""
    ike, child, nothing = play.engine.recorder.established, play.engine.recorder.child, PeerReport("1", (), "[]")
    if ike is None or child is None:
        yield StepReport(ESTABLISHED, play.at, nothing, nothing, "no proposal chosen")
        return
    begun = 2 + len(ike.suite.additional_key_exchanges)  # IKE_SA_INIT, IKE_INTERMEDIATE and IKE_AUTH
    tunnel = _Tunnel(ike.suite, child.suite, play.engine.session.spis, message_id=begun)
    yield StepReport(ESTABLISHED, play.at, tunnel.report(0), tunnel.report(1))
    for step in scenario.steps:
        if step is Step.TRAFFIC:
            _echo(play, tunnel)
            yield StepReport(step, play.at, tunnel.report(0), tunnel.report(1), "", ECHOES, ECHOES)
        elif step is Step.DELETE:
            _exchange(play, tunnel, ExchangeType.INFORMATIONAL)
        else:
            _exchange(play, tunnel, ExchangeType.CREATE_CHILD_SA)
            for method in ike.suite.additional_key_exchanges if step is Step.REKEY_IKE else ():
                _exchange(play, tunnel, ExchangeType.IKE_FOLLOWUP_KE, KEY_EXCHANGE_OCTETS[method])
            _exchange(play, tunnel, ExchangeType.INFORMATIONAL)  # deletes the SA that was replaced
            _renew(tunnel, step)
            yield StepReport(step, play.at, tunnel.report(0), tunnel.report(1))
    yield StepReport(DELETED, play.at, nothing, nothing)


def _renew(tunnel: _Tunnel, step: Step) -> None:
    """Other SPIs after a rekey."""
    if step is Step.REKEY_IKE:
        tunnel.ike, tunnel.message_id = (os.urandom(8), os.urandom(8)), 0
    else:
        tunnel.child, tunnel.packets = _child_spis(), 0


def _esp_octets(suite: Suite) -> int:
    """The size of an ESP packet with an echo message, under the algorithms of a suite."""
    encr = suite.get(TransformType.ENCR)
    assert encr is not None
    cipher = protection(encr, suite.get(TransformType.INTEG))
    unit = max(cipher.block_octets, 4)
    return _ESP_HEADER + cipher.iv_octets + -(-(_INNER + _TRAILER) // unit) * unit + cipher.icv_octets


def _echo(play: Play, tunnel: _Tunnel) -> None:
    here, there = (HERE, _PORT), (THERE, _PORT)
    octets = _esp_octets(tunnel.esp_suite)
    for number in range(tunnel.packets + 1, tunnel.packets + ECHOES + 1):
        play.captured(here, there, tunnel.child[1] + number.to_bytes(4) + os.urandom(octets - _ESP_HEADER))
        play.captured(there, here, tunnel.child[0] + number.to_bytes(4) + os.urandom(octets - _ESP_HEADER))
    tunnel.packets += ECHOES


def _exchange(play: Play, tunnel: _Tunnel, kind: ExchangeType, more: tuple[int, int] = (0, 0)) -> None:
    """A request by the initiator, and its response, with so many octets more in each."""
    ends = (HERE, _PORT), (THERE, _PORT)
    for path, flags, octets in ((ends, INITIATOR, more[0]), (ends[::-1], RESPONSE, more[1])):
        secret = Encrypted(BEGINS.get(kind, PayloadType.SA), os.urandom(_ROOM + octets))
        header = Header(*tunnel.ike, kind, flags, tunnel.message_id)
        play.captured(*path, _MARKER + Message(header, (secret,)).to_bytes())
    tunnel.message_id += 1
