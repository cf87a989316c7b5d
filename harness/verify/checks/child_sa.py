"""How the Child SA's ESP looks: its mode, whether it is inside UDP, and how long its sequence numbers are."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from ipaddress import ip_address

from harness.crypto.errors import MethodUnavailable
from harness.evidence.model import CapturedDatagram
from harness.evidence.peer_report import ChildReport
from harness.registry.messages import ExchangeType
from harness.registry.notifications import NotifyType
from harness.registry.transforms import TransformType
from harness.results.model import CAPTURE, PEER_STATUS, SECRETS, Pointer, Severity
from harness.scenario.model import Mode
from harness.verify.check import Arguments, Checked, Due, Objection, engine_check, pair_check, told_otherwise
from harness.verify.checks.peer_report import child_of
from harness.verify.esp import (
    SeenEsp,
    esp_packets,
    read_packets,
    uses_extended_sequence_numbers,
)
from harness.verify.keys import child_keys
from harness.verify.pair_view import PairView
from harness.verify.view import View
from harness.verify.wire import SeenMessage, of
from harness.wire.payloads import Notify
from harness.wire.ports import NAT_PORT

_SPIS_OCTETS = 16  # of the IKE header
_INITIAL = (ExchangeType.IKE_INTERMEDIATE, ExchangeType.IKE_AUTH)
_PARTIES = (True, False)  # whether packets are from the engine
_NO_CHILD = Checked("", (Objection("", "no Child SA came up", CAPTURE),))


@engine_check("esp-mode", requirement="B45")
def esp_mode(view: View, _arguments: Arguments) -> Checked:
    """The Child SA has the scenario's mode: asked for and agreed to, and in every ESP packet."""
    wanted = view.scenario.settings.mode
    if view.child is None or view.chain is None:
        return _NO_CHILD
    objections = []
    closed = [packet for packet in esp_packets(view) if packet.problem]
    for response in (False, True):
        message, party = view.transport_mode(response=response), view.party(initiator=not response)
        if (message is not None) == (wanted is Mode.TRANSPORT):
            continue
        if response and message is None and view.transport_mode(response=False) is None:
            continue  # nobody agrees to what was not asked for
        what = "request" if not response else "response"
        verb = "carries" if message is not None else "lacks"
        pointer = message.pointer if message is not None else CAPTURE
        # Nobody has to ask, and a responder may decline: that breaks a rule only where packets are in transport mode.
        declined = message is None and "E04" not in {packet.requirement for packet in closed}
        sentence = f"the IKE_AUTH {what} {verb} USE_TRANSPORT_MODE"
        objections.append(Objection(party, sentence, pointer, None if declined else ""))
    for packet in closed:
        sentence = f"an ESP packet does not open: {packet.problem}"
        objections.append(Objection(_party(view, packet), sentence, packet.pointer, packet.requirement))
    return Checked(f"{wanted} mode is agreed, and every ESP packet says so", tuple(objections))


@engine_check("transport-mode-is-asked-for", due=Due.ALWAYS, requirement="B45")
def transport_mode_is_asked_for(view: View, _arguments: Arguments) -> Checked:
    """A response has USE_TRANSPORT_MODE only where its request has it (RFC 7296 section 1.3.1)."""
    asked, agreed = (view.transport_mode(response=response) for response in (False, True))
    if agreed is None or asked is not None:
        return Checked("no mode is answered that was not asked for")
    sentence = f"{agreed.label} has USE_TRANSPORT_MODE, which the request does not ask for"
    return Checked("", (Objection(view.sender(agreed), sentence, agreed.pointer),))


@engine_check("esp-inside-udp-behind-a-nat", due=Due.ALWAYS, requirement="B46")
def esp_inside_udp_behind_a_nat(view: View, _arguments: Arguments) -> Checked:
    """Who is told of a NAT by the NAT_DETECTION payloads of the other side sends all ESP inside UDP (B46)."""
    objections = []
    for message in (each for each in view.final_init if each is not None):
        party = view.party(initiator=not message.from_initiator)
        bare = [d for d in view.esp if not d.source[1] and view.source(d) == party]
        if bare and _tells_of_a_nat(message):
            sentence = f"{message.label} tells of a NAT, and {len(bare)} ESP packets go right above IP"
            objections.append(Objection(party, sentence, Pointer.to_frame(bare[0].frame)))
    return Checked("ESP is inside UDP wherever a NAT was told of", tuple(objections))


@engine_check("stays-on-the-nat-port", due=Due.ALWAYS, requirement="B36")
def stays_on_the_nat_port(view: View, _arguments: Arguments) -> Checked:
    """An initiator that has moved to port 4500 sends all its later requests there (B36, I05)."""
    objections: list[Objection] = []
    moved: SeenMessage | None = None
    initiator = view.party(initiator=True)
    for message in (m for m in view.messages if m.sealed and not m.response and view.sender(m) == initiator):
        if NAT_PORT in _ports(message.pieces[0].datagram):
            moved = moved or message
        elif moved is not None:
            early = message.exchange in _INITIAL and bool(view.find(ExchangeType.IKE_INTERMEDIATE))
            sentence = f"{message.label} does not go to port {NAT_PORT}, to which {moved.label} has moved"
            objections.append(Objection(initiator, sentence, message.pointer, "I05" if early else "B36"))
    return Checked("requests stay on the port of NAT traversal once they are there", tuple(objections))


@pair_check("pair-moves-behind-a-nat", due=Due.ALWAYS, requirement="B36")
def pair_moves_behind_a_nat(view: PairView, _arguments: Arguments) -> Checked:
    """Who is told that the other side is behind a NAT sends all ESP inside UDP, and asks at port 4500 (B36, B46, I05).

    Told is who has sent NAT_DETECTION itself: else it knows nothing of it. Both messages must show a NAT: where one
    alone has a digest that fits nothing, its sender may have made it wrong. The initiator moves all the same, if "they
    do not match the addresses in the outer packet" (RFC 7296 section 2.23), which takes two captures to be known.
    """
    objections: list[Objection] = []
    for one in view.ike_sas:
        both = [message for message in one.final_init if message is not None]
        if one.rekeyed or not all(map(_detects, both)):
            continue
        agreed = all(False in _digests_fit(each) for each in both)
        for message in both:
            source, destination = _digests_fit(message)
            told = agreed and destination  # where neither fits it is the SPIs, or the addresses, that are others
            objections += _bare_esp(one, message) if told else ()
            if message.response and (told or (view.twice and {source, destination} == {True, False})):
                objections += _unmoved(one, message)
    return Checked("where a NAT was told of, IKE and ESP go over port 4500", tuple(objections))


def _unmoved(view: PairView, told: SeenMessage) -> Iterator[Objection]:
    for message in (m for m in view.messages if m.sealed and not m.response and m.from_initiator):
        if message.pieces[0].datagram.destination[1] != NAT_PORT:
            early = message.exchange == ExchangeType.IKE_INTERMEDIATE
            sentence = f"{told.label} tells of a NAT, and {message.label} does not go to port {NAT_PORT}"
            yield Objection(view.sender(message), sentence, message.pointer, "I05" if early else "B36")


def _bare_esp(view: PairView, told: SeenMessage) -> Iterator[Objection]:
    party = view.party(initiator=not told.from_initiator)
    bare = [packet for packet in view.esp if not packet.source[1] and view.source(packet) == party]
    if bare:
        sentence = f"{told.label} tells of a NAT, and {len(bare)} ESP packets go right above IP"
        yield Objection(party, sentence, Pointer.to_frame(bare[0].frame), "B46")


def _detects(message: SeenMessage) -> bool:
    return any(notify.notify_type == NotifyType.NAT_DETECTION_SOURCE_IP for notify in of(message, Notify))


def _tells_of_a_nat(message: SeenMessage) -> bool:
    """Whether no source digest is that of where it came from, or no destination digest of where it went to (2.23)."""
    return False in _digests_fit(message)


def _digests_fit(message: SeenMessage) -> list[bool | None]:
    """Whether one of the digests is that of the source, and of the destination; None where there is none."""
    datagram, spis = message.pieces[0].datagram, message.pieces[0].octets[:_SPIS_OCTETS]
    fit: list[bool | None] = []
    for kind, (address, port) in (
        (NotifyType.NAT_DETECTION_SOURCE_IP, datagram.source),
        (NotifyType.NAT_DETECTION_DESTINATION_IP, datagram.destination),
    ):
        octets = spis + ip_address(address).packed + port.to_bytes(2)
        digest = hashlib.sha1(octets, usedforsecurity=False).digest()
        told = [notify.data for notify in of(message, Notify) if notify.notify_type == kind]
        told = [data for data in told if len(data) == len(digest)]  # others are none, as another check tells
        fit.append(digest in told if told else None)
    return fit


@engine_check("esp-without-udp", requirement="B46")
def esp_without_udp(view: View, _arguments: Arguments) -> Checked:
    """Without a NAT, ESP goes right above IP in both directions, and IKE stays on port 500 (RFC 7296 section 2.23).

    Either side may put its ESP into UDP whatever the other does: then what the scenario is about did not take place.
    """
    if view.child is None or view.chain is None:
        return _NO_CHILD
    objections = []
    moved = next((m for m in view.messages if NAT_PORT in _ports(m.pieces[0].datagram)), None)
    if moved is not None:
        sentence = f"the {moved.label} goes over port {NAT_PORT}, which only a NAT, or one that is feigned, calls for"
        objections.append(Objection(view.sender(moved), sentence, moved.pointer, severity=Severity.INCONCLUSIVE))
    packets = esp_packets(view)
    for from_engine in _PARTIES:
        mine = [packet for packet in packets if packet.from_engine == from_engine]
        party = "engine" if from_engine else view.peer
        if not mine:
            objections.append(Objection(party, f"no ESP packet comes from {party}", CAPTURE))
        elif inside := [packet for packet in mine if packet.in_udp]:
            severity = Severity.FAIL if from_engine else Severity.INCONCLUSIVE
            sentence = f"{len(inside)} of {len(mine)} ESP packets are inside UDP although there is no NAT"
            objections.append(Objection(party, sentence, inside[0].pointer, severity=severity))
    child = _reported(view)
    if child is not None and child.udp_encapsulated:
        objections.append(told_otherwise("the peer reports that ESP is inside UDP", PEER_STATUS))
    return Checked(f"{len(packets)} ESP packets, all of them right above IP; IKE stays on port 500", tuple(objections))


@engine_check("extended-sequence-numbers", requirement="E03")
def extended_sequence_numbers(view: View, _arguments: Arguments) -> Checked:
    """ESN is agreed, and its high half, which is never sent, enters the ICV of every packet (RFC 4303 2.2.1).

    Proven twice: with the high half every packet opens, without it none does.
    """
    child, chain = view.child, view.chain
    if child is None or chain is None:
        return _NO_CHILD
    if not uses_extended_sequence_numbers(child):
        return Checked("", (Objection(view.party(initiator=False), "the answer does not select ESN", CAPTURE),))
    try:
        keys, cipher = child_keys(chain, child.suite)
    except MethodUnavailable as error:
        return Checked("", (Objection("", str(error), SECRETS, severity=Severity.INCONCLUSIVE),))
    long, short = (read_packets(view, child, keys, cipher, esn=esn) for esn in (True, False))
    objections = []
    for from_engine in _PARTIES:
        party = "engine" if from_engine else view.peer
        opened = [packet for packet in long if packet.from_engine == from_engine and not packet.problem]
        if not opened:
            objections.append(Objection(party, f"no ESP packet from {party} opens with 64-bit numbers", CAPTURE))
    for packet in short:
        if not packet.problem:
            sentence = "the ICV of an ESP packet lacks the high half of its sequence number"
            objections.append(Objection(_party(view, packet), sentence, packet.pointer))
    name = child.suite.transforms[TransformType.ENCR].name(TransformType.ENCR)
    detail = f"{len(long)} ESP packets of {name} open with the high half of their number in the ICV, none without"
    return Checked(detail, tuple(objections))


def _party(view: View, packet: SeenEsp) -> str:
    return "engine" if packet.from_engine else view.peer


def _reported(view: View) -> ChildReport | None:
    """The Child SA in the peer's own report, None where there is none: other checks object to that."""
    report = view.evidence.peer_report
    return None if report is None else child_of(view, tuple(child for sa in report.sas for child in sa.children))


def _ports(datagram: CapturedDatagram) -> tuple[int, int]:
    return datagram.source[1], datagram.destination[1]
