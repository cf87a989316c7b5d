"""ESP both ways: decrypted with keys computed again, or, between two products, counted by both (RFC 4303)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from ipaddress import IPv4Address, ip_address
from itertools import pairwise
from types import MappingProxyType

from harness.crypto.errors import MethodUnavailable
from harness.evidence.model import steps_before_the_end
from harness.evidence.peer_report import StepReport
from harness.policy.role import Role
from harness.registry.messages import ExchangeType
from harness.results.model import CAPTURE, ENGINE_REPORT, PEER_STATUS, SECRETS, STEPS, Pointer, Severity
from harness.scenario.check_form import Argument
from harness.scenario.model import Mode, Step
from harness.verify.check import Arguments, Checked, Due, Objection, engine_check, missing, pair_check, told_otherwise
from harness.verify.checks.exchanges import rekeyed_of_themselves
from harness.verify.checks.peer_report import child_of
from harness.verify.checks.spis import of_several
from harness.verify.esp import EchoMessage, SeenEsp, read_packets
from harness.verify.keys import child_keys
from harness.verify.pair_view import PairView, established
from harness.verify.view import CaseView, View
from harness.verify.wire import of
from harness.wire.payloads import TrafficSelectorsInitiator, TrafficSelectorsResponder
from harness.wire.payloads.traffic_selector import TrafficSelector


@engine_check("esp-both-ways", requirement="E01", arguments={"packets": Argument.NUMBER})
def esp_both_ways(view: View, arguments: Arguments) -> Checked:
    """``packets`` echo requests get as many replies, all in ESP that the computed keys decrypt, nothing in clear.

    In clear is what the tester's interface carries from a host of the Child SA and is neither IKE nor ESP. A leak that
    the peer routes elsewhere never comes to that interface and is not seen.
    """
    wanted = int(arguments.get("packets", 1))
    child = view.child
    if child is None or view.chain is None:
        return Checked("", (Objection("", "no Child SA came up", CAPTURE),))
    try:
        keys, cipher = child_keys(view.chain, child.suite)
    except MethodUnavailable as error:
        return Checked("", (Objection("", str(error), SECRETS, severity=Severity.INCONCLUSIVE),))
    packets = read_packets(view, child, keys, cipher)
    objections = _packet_faults(view, packets)
    requests = _distinct(packets, from_engine=True, request=True)
    replies = _distinct(packets, from_engine=False, request=False)
    answered = len(requests & replies)
    if len(requests) < wanted:
        objections.append(_too_few(view, f"{len(requests)} echo requests were sent, {wanted} are due"))
    elif answered < len(requests) and view.expectation.echo:
        sentence = f"{answered} of {len(requests)} echo requests are answered through the tunnel"
        objections.append(Objection(view.peer, sentence, CAPTURE))
    objections += _clear(view)
    objections += _counters(view, len(requests))
    return Checked(_proven(view, len(requests), answered), tuple(objections))


def _too_few(view: View, sentence: str) -> Objection:
    """It is the peer's doing if the peer ended the IKE SA, with an error or where, or before, that was its part.

    Which message of the peer's made our engine end it other checks tell.
    """
    report = view.report
    if report.closed_kind in ("misbehaved", "malformed"):
        words = f"{sentence}: our engine ended the IKE SA for what it got, {report.closed_reason}"
        return Objection("", words, ENGINE_REPORT, severity=Severity.INCONCLUSIVE)
    its_part = view.role is Role.RESPONDER and report.closed_kind != "refused" and not _ended_untold(view)
    if report.closed_by_peer and not its_part:
        return Objection(view.peer, f"{sentence}: it ended the IKE SA before", ENGINE_REPORT, None)
    return Objection("engine", sentence, CAPTURE)


def _ended_untold(view: View) -> bool:
    """Whether the IKE SA was over before it was to be deleted; of its steps not every early record tells."""
    tells = view.report.datagrams is not None
    return tells and Step.DELETE not in steps_before_the_end(view.evidence.trace or ())


def _proven(view: View, sent: int, answered: int) -> str:
    """In words, what the wire and the peer's counters show together."""
    report = view.evidence.peer_report
    counted = "" if report is not None and report.silent else "; the peer counts them, too"
    if view.expectation.echo:
        return f"{answered} echo requests and replies decrypted on the wire{counted}"
    # A sheet may say so of a product whose ESP is broken: nothing is claimed of what it made of ours.
    return (
        f"{sent} echo requests went out in ESP; the peer answers none, so that it decrypts them is not shown{counted}"
    )


def _packet_faults(view: View, packets: list[SeenEsp]) -> list[Objection]:
    objections = []
    for from_engine in (True, False):
        party = "engine" if from_engine else view.peer
        mine = [packet for packet in packets if packet.from_engine == from_engine]
        for packet in mine:
            if packet.problem:
                sentence = f"an ESP packet does not open: {packet.problem}"
                objections.append(Objection(party, sentence, packet.pointer, packet.requirement))
        objections += _numbering(party, mine, lost=0 if from_engine else _counted_out(view) - len(mine))
    return objections


def _counted_out(view: View) -> int:
    """The packets that the peer says it has sent on the Child SA; 0 where it does not say."""
    report = view.evidence.peer_report
    child = None if report is None else child_of(view, tuple(each for sa in report.sas for each in sa.children))
    return (child.packets_out or 0) if child is not None else 0


_FEW = 3  # packets that tell an order
_FAR = 512  # numbers that nobody has seen: more than a sender drops of a handful of packets
_ENOUGH = 4  # packets whose numbers tell a step: no path loses just those between them


def _numbering(party: str, packets: list[SeenEsp], *, lost: int) -> list[Objection]:
    """The first number is 1, none stands on two packets, and each is one more (RFC 4303 section 3.3.3).

    The path may bring packets in another order, or one of them twice, or lose those of which their sender tells: that
    is not its doing. Nor is it told of a few that were numbered and never left.
    """
    first: dict[int, SeenEsp] = {}
    for packet in packets:  # that one has the SPI of another SA, its problem tells
        other = first.setdefault(packet.sequence, packet)
        if other.octets != packet.octets:
            sentence = f"two ESP packets have the sequence number {packet.sequence} (RFC 4303 section 3.3.3)"
            return [Objection(party, sentence, packet.pointer, "E02")]
    numbers = list(first)
    if len(numbers) >= _FEW and numbers == sorted(numbers, reverse=True):
        sentence = f"the ESP sequence numbers go down, from {numbers[0]} (RFC 4303 section 3.3.3)"
        return [Objection(party, sentence, packets[0].pointer, "E02")]
    if first and not 1 <= min(first) <= max(lost, 0) + 1:
        sentence = f"the ESP sequence numbers begin with {min(first)}, 1 is due (RFC 4303 section 3.3.3)"
        return [Objection(party, sentence, first[min(first)].pointer, "E02")]
    step = _step(sorted(numbers))
    if step > 1 and lost <= 0:
        sentence = f"the ESP sequence numbers grow by {step} with every packet, 1 is due (RFC 4303 section 3.3.3)"
        return [Objection(party, sentence, packets[0].pointer, "E02")]
    last = max((number for number, packet in first.items() if not packet.problem), default=0)
    if last > len(first) + max(lost, 0) + _FAR:
        sentence = f"{len(first)} ESP packets are numbered {min(first)} to {last} (RFC 4303 section 3.3.3)"
        return [Objection(party, sentence, first[last].pointer, "E02")]
    return []


def _step(numbers: list[int]) -> int:
    """By how much a sender counts on with every packet; 1 where it is not always the same."""
    steps = {later - earlier for earlier, later in pairwise(numbers)}
    return steps.pop() if len(numbers) >= _ENOUGH and len(steps) == 1 else 1


def _distinct(packets: list[SeenEsp], *, from_engine: bool, request: bool) -> set[EchoMessage]:
    """The echo requests of one direction, or the requests that its replies answer."""
    echoes = [p.echo for p in packets if p.from_engine == from_engine and p.echo is not None]
    return {echo if request else echo.counterpart for echo in echoes if echo.request == request}


def _clear(view: View) -> list[Objection]:
    mode = Mode.TUNNEL if view.child is None else view.child.mode
    more = _inner_addresses(view)
    return _leaks(view, mode, dict.fromkeys(more, "engine") if mode is Mode.TUNNEL else {})


def _leaks(view: CaseView, mode: Mode, more: Mapping[str, str] = MappingProxyType({})) -> list[Objection]:
    """Packets in clear that are the Child SA's: from a host behind a gateway, in transport mode from end to end.

    What gateways and others send for themselves is none: "port unreachable", IGMP, multicast. ``more`` are hosts, each
    with its party.
    """
    transport = mode is Mode.TRANSPORT
    hosts = {side.address if transport else side.inner: side.peer for side in view.sides} | dict(more)
    return [
        Objection(
            hosts[packet.source],
            f"an IP packet of protocol {packet.protocol} from {packet.source} to {packet.destination} crosses the path "
            "outside ESP",
            Pointer.to_frame(packet.frame),
        )
        for packet in view.wire.clear
        if packet.source in hosts and (packet.destination in hosts or not transport)
    ]


def _inner_addresses(view: View) -> set[str]:
    """The hosts behind our end, as the traffic selectors of IKE_AUTH have them."""
    kind = TrafficSelectorsInitiator if view.party(initiator=True) == "engine" else TrafficSelectorsResponder
    payloads = [
        payload
        for response in (False, True)
        for m in view.find(ExchangeType.IKE_AUTH, response=response)
        for payload in of(m, kind)
    ]
    selectors = [each for payload in payloads for each in payload.selectors if isinstance(each, TrafficSelector)]
    return {str(IPv4Address(each.start)) for each in selectors if len(each.start) == 4}


def _counters(view: View, wanted: int) -> list[Objection]:
    """The peer's own counters of the Child SA, of packets and of octets: each packet has some."""
    report = view.evidence.peer_report
    if report is None:
        return list(missing("what the peer's status says", PEER_STATUS).objections)
    if report.silent:
        return []
    child = child_of(view, tuple(child for sa in report.sas for child in sa.children))
    if child is None:
        return [told_otherwise("the peer does not report the Child SA while traffic flows", PEER_STATUS)]
    counted = ("packets", child.packets_in, child.packets_out), ("octets", child.bytes_in, child.bytes_out)
    return [
        told_otherwise(f"the peer counts {come} {kind} in and {gone} out, {wanted} packets are due", PEER_STATUS)
        for kind, come, gone in counted
        if any(count is not None and count < wanted for count in (come, gone))
    ]


_SPI_OCTETS = 4


@pair_check("pair-esp-both-ways", due=Due.UP, requirement="E01", arguments={"packets": Argument.NUMBER})
def pair_esp_both_ways(view: PairView, arguments: Arguments) -> Checked:
    """Every echo request got its reply, in ESP whose SPIs both sides report, and both count packets in and out."""
    wanted = int(arguments.get("packets", 1))
    steps = [step for step in view.standing if step.step == Step.TRAFFIC]
    if not steps:
        return Checked("the scenario has no traffic") if Step.TRAFFIC not in view.scenario.steps else _none()
    objections: list[Objection] = []
    for step in steps:
        objections += _echoed(step, wanted)
        objections += _counted(view, step, wanted)
    objections += _on_the_wire(view)
    received = sum(step.echo_received for step in steps)
    return Checked(f"{received} echo replies in {len(view.esp)} ESP packets, counted on both sides", tuple(objections))


def _none() -> Checked:
    return Checked("", (Objection("", "no traffic was sent: the tunnel did not stand", STEPS),))


def _echoed(step: StepReport, wanted: int) -> list[Objection]:
    """The echo requests of the last attempt: those before may have met a tunnel that was not there yet."""
    if not step.echo_sent:
        return [
            Objection("", f"no echo request is known to be sent; {step.said}", STEPS, severity=Severity.INCONCLUSIVE)
        ]
    if step.echo_received > step.echo_sent:
        return [told_otherwise(f"{step.echo_received} answers came to {step.echo_sent} echo requests", STEPS)]
    if step.echo_received == step.echo_sent and step.echo_received >= wanted:
        return []
    return [Objection("", f"{step.echo_received} of {step.echo_sent} echo requests were answered; {step.said}", STEPS)]


def _counted(view: PairView, step: StepReport, wanted: int) -> list[Objection]:
    """Counters of the Child SA that both sides use now.

    Where every echo came back its status contradicts what was seen. Else a side is wrong about what it sent where the
    path shows it; that too little came in may be the fault of its sender, as nobody has the keys.
    """
    objections = []
    all_back = not _echoed(step, wanted)
    for side, report in zip(view.sides, (step.initiator, step.responder), strict=True):
        sa = established(report)
        children = sa.installed if sa else []
        for way in ("in", "out"):
            count = _most(getattr(child, f"packets_{way}") for child in children)
            if count is not None and count < wanted:
                seen = _crossing(view, {getattr(child, f"spi_{way}") for child in children})
                if all_back and count == seen and rekeyed_of_themselves(view):
                    continue  # it counts from the rekey on
                sentence = f"{side.peer} counts {count} packets {way}, {wanted} are due and {seen} are on the path"
                party = side.peer if way == "out" and seen >= wanted else ""
                objections.append(told_otherwise(sentence, STEPS) if all_back else Objection(party, sentence, STEPS))
    return objections


def _crossing(view: PairView, spis: set[str]) -> int:
    """How many ESP packets with one of these SPIs are on the path."""
    return sum(packet.payload[:_SPI_OCTETS].hex() in spis for packet in view.esp)


def _most(counts: Iterable[int | None]) -> int | None:
    told = list(counts)
    return None if None in told else max((count for count in told if count is not None), default=0)


def _on_the_wire(view: PairView) -> list[Objection]:
    """ESP goes both ways, each packet with an SPI that its receiver reports; if its sender does, one of them errs.

    Where every echo came back, the receiver has that SA, whatever its status says. So have both, where neither tells
    of SPIs that go to and fro.
    """
    reported: list[set[str]] = [set(), set()]
    sending: list[set[str]] = [set(), set()]
    for step in view.standing:
        for index, report in enumerate((step.initiator, step.responder)):
            reported[index] |= {child.spi_in for sa in report.sas for child in sa.children}
            sending[index] |= {child.spi_out for sa in report.sas for child in sa.children}
    objections = []
    received = [[e for e in view.esp if e.destination[0] == side.address] for side in view.sides]
    stranger = [{e.payload[:_SPI_OCTETS].hex() for e in those} - reported[n] for n, those in enumerate(received)]
    lost = any(_echoed(step, 1) for step in view.standing if step.step == Step.TRAFFIC)
    for index, side in enumerate(view.sides):
        packets, strange = received[index], stranger[index]
        if not packets:
            objections.append(Objection("", f"no ESP packet goes to {side.peer}", CAPTURE))
        if strange:
            sender = view.sides[1 - index].peer
            own = strange <= sending[1 - index]
            words = f"; {sender} does" if own else f", and neither does {sender}"
            sentence = f"ESP with SPI {', '.join(sorted(strange))} goes to {side.peer}, which reports no such Child SA"
            sentence += words
            contradicted = not lost and (own or all(stranger))
            told = told_otherwise(sentence, STEPS)
            if not own and rekeyed_of_themselves(view):
                continue
            objections.append(told if contradicted else Objection("" if own else sender, sentence, CAPTURE))
    return objections


@pair_check("pair-esp-numbers", due=Due.ALWAYS, requirement="E02")
def pair_esp_numbers(view: PairView, _arguments: Arguments) -> Checked:
    """No sequence number is zero, and none stands on two packets of one SA: both are in clear (RFC 4303 3.3.3).

    Where a receiver has one SPI for several SAs, the numbers of each begin anew.
    """
    objections, seen = [], dict[tuple[str, bytes], bytes]()
    free = {(view.sides[1 - index].address, spi) for index, spi in of_several(view)}
    for packet in view.esp:
        spi, number = packet.payload[:_SPI_OCTETS], packet.payload[_SPI_OCTETS : 2 * _SPI_OCTETS]
        again = seen.setdefault((packet.source[0], spi + number), packet.payload) != packet.payload
        other = again and (packet.source[0], spi.hex()) not in free
        if other or not any(number):
            said = "another ESP packet has the same" if other else "an ESP packet has a"
            sentence = f"{said} sequence number {int.from_bytes(number)} on the SA with SPI {spi.hex()}"
            objections.append(Objection(view.source(packet), sentence, Pointer.to_frame(packet.frame)))
    return Checked(f"{len(seen)} ESP packets, each with a sequence number of its own", tuple(objections))


@pair_check("pair-nothing-in-clear", due=Due.ALWAYS, requirement="E01")
def pair_nothing_in_clear(view: PairView, _arguments: Arguments) -> Checked:
    """Nothing that is to or from the hosts of the Child SA crosses the path in clear."""
    objections = _leaks(view, view.scenario.settings.mode)
    return Checked("nothing of the tunnel's traffic is in clear on the path", tuple(objections))


@pair_check("pair-ip-version")
def pair_ip_version(view: PairView, _arguments: Arguments) -> Checked:
    """Every IKE and ESP packet between the two is of the IP version that the scenario asks for.

    The lab gives the two their addresses: another version is no product's fault.
    """
    wanted = view.scenario.settings.ip_version
    others = [each for each in view.wire.datagrams if ip_address(each.source[0]).version != wanted]
    if others:
        first = others[0]
        sentence = f"{len(others)} packets are not IPv{wanted}, the first from {first.source[0]}"
        pointer = Pointer.to_frame(first.frame)
        return Checked("", (Objection("", sentence, pointer, None, Severity.INCONCLUSIVE),))
    return Checked(f"{len(view.wire.datagrams)} packets of IKE and ESP over IPv{wanted}")
