"""ESP between two products: with the SPIs that they report, counted by both, and nothing beside it."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_address

from harness.evidence.pair import StepReport
from harness.scenario.model import Step
from harness.verify.pair.agreement import FILE
from harness.verify.pair.view import PairView, established, installed
from harness.verify.result import Arguments, Checked, Objection

_SPI_OCTETS = 4


def esp_both_ways(view: PairView, arguments: Arguments) -> Checked:
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
    return Checked("", (Objection("", "no traffic was sent: the tunnel did not stand", FILE),))


def _echoed(step: StepReport, wanted: int) -> list[Objection]:
    """The echo requests of the last attempt: those before may have met a tunnel that was not there yet."""
    if not step.echo_sent:
        return [Objection("", f"no echo request is known to be sent; {step.said}", FILE, severity="inconclusive")]
    if step.echo_received == step.echo_sent and step.echo_received >= wanted:
        return []
    return [Objection("", f"{step.echo_received} of {step.echo_sent} echo requests were answered; {step.said}", FILE)]


def _counted(view: PairView, step: StepReport, wanted: int) -> list[Objection]:
    """Counters of the Child SA that both sides use now.

    A side is wrong about what it sent where the path shows it. What came in counts once it was decrypted, and nobody
    has the keys: that too little was, may be the fault of its sender.
    """
    objections = []
    for side, report in zip(view.sides, (step.initiator, step.responder), strict=True):
        sa = established(report)
        children = installed(sa) if sa else []
        for way in ("in", "out"):
            count = _most(getattr(child, f"packets_{way}") for child in children)
            if count is not None and count < wanted:
                seen = _crossing(view, {getattr(child, f"spi_{way}") for child in children})
                sentence = f"{side.peer} counts {count} packets {way}, {wanted} are due and {seen} are on the path"
                own = way == "out" and seen >= wanted
                objections.append(Objection(side.peer if own else "", sentence, FILE))
    return objections


def _crossing(view: PairView, spis: set[str]) -> int:
    """How many ESP packets with one of these SPIs are on the path."""
    return sum(packet.payload[:_SPI_OCTETS].hex() in spis for packet in view.esp)


def _most(counts: Iterable[int | None]) -> int | None:
    told = list(counts)
    return None if None in told else max((count for count in told if count is not None), default=0)


def _on_the_wire(view: PairView) -> list[Objection]:
    """ESP goes both ways, each packet with an SPI that its receiver reports; if its sender does, one of them errs."""
    reported: list[set[str]] = [set(), set()]
    sending: list[set[str]] = [set(), set()]
    for step in view.standing:
        for index, report in enumerate((step.initiator, step.responder)):
            reported[index] |= {child.spi_in for sa in report.sas for child in sa.children}
            sending[index] |= {child.spi_out for sa in report.sas for child in sa.children}
    objections = []
    for index, side in enumerate(view.sides):
        packets = [each for each in view.esp if each.destination[0] == side.address]
        if not packets:
            objections.append(Objection("", f"no ESP packet goes to {side.peer}", "wire.pcapng"))
        strange = {each.payload[:_SPI_OCTETS].hex() for each in packets} - reported[index]
        if strange:
            sender = view.sides[1 - index].peer
            own = strange <= sending[1 - index]
            words = f"; {sender} does" if own else f", and neither does {sender}"
            sentence = f"ESP with SPI {', '.join(sorted(strange))} goes to {side.peer}, which reports no such Child SA"
            objections.append(Objection("" if own else sender, sentence + words, "wire.pcapng"))
    return objections


def nothing_in_clear(view: PairView, _arguments: Arguments) -> Checked:
    """Nothing but IKE and ESP crosses the path between the two, be it from outer or from inner addresses."""
    objections = []
    for packet in view.wire.clear:
        at_initiator = packet.source in (view.sides[0].address, view.sides[0].inner)
        party = view.sides[0 if at_initiator else 1].peer
        sentence = (
            f"an IP packet of protocol {packet.protocol} from {packet.source} to {packet.destination} crosses in clear"
        )
        objections.append(Objection(party, sentence, f"wire.pcapng#{packet.frame}"))
    return Checked("only IKE and ESP on the path", tuple(objections))


def ip_version_as_asked(view: PairView, _arguments: Arguments) -> Checked:
    """Every IKE and ESP packet between the two is of the IP version that the scenario asks for."""
    wanted = view.scenario.settings.ip_version
    others = [each for each in view.wire.datagrams if ip_address(each.source[0]).version != wanted]
    if others:
        first = others[0]
        sentence = f"{len(others)} packets are not IPv{wanted}, the first from {first.source[0]}"
        return Checked("", (Objection(view.owner(first), sentence, f"wire.pcapng#{first.frame}"),))
    return Checked(f"{len(view.wire.datagrams)} packets of IKE and ESP over IPv{wanted}")
