"""What two products tell of their SAs beside names and SPIs: mode, numbers, counters, against wire and policies.

That a status says otherwise is nobody's fault alone: the product, what reads its status, or a capture of ours errs.
"""

from __future__ import annotations

from collections.abc import Iterator

from harness.evidence.model import Side
from harness.evidence.peer_report import ChildReport, PeerReport, SaReport, StepReport
from harness.policy.proposals import Suite
from harness.registry.messages import ExchangeType
from harness.registry.transforms import SequenceNumbers, TransformType
from harness.results.model import STEPS
from harness.scenario.model import Mode, Step
from harness.verify.check import Arguments, Checked, Due, pair_check, told_otherwise
from harness.verify.pair_view import PairView, established
from harness.verify.view import CaseView

_SPI = 4  # octets of an ESP SPI
_IPV4 = 20  # octets of the shortest header of a packet that is tunnelled


@pair_check("pair-status-fits", due=Due.UP)
def pair_status_fits(view: PairView, _arguments: Arguments) -> Checked:
    """Mode, sequence numbers, UDP and counters of each side's status are possible by the policies and the wire.

    So is each IKE SA that it says stands. What a product does not tell it is not asked for.
    """
    sentences = dict.fromkeys(
        f"after {step.step} {side.peer} {words}"
        for step, side, report in _reports(view)
        for sa in report.sas
        for words in (*_of_the_child_sas(view, side, sa), *_of_the_ike_sa(view, step, side, sa))
    )
    sentences |= dict.fromkeys(words for index in (0, 1) for words in (*_again(view, index), *_less(view, index)))
    told = sum(bool(report.sas) for _, _, report in _reports(view))
    return Checked(f"{told} status reports that fit", tuple(told_otherwise(each, STEPS) for each in sentences))


def _again(view: PairView, index: int) -> Iterator[str]:
    """A Child SA that a side tells of again after a step at which it had another one in its place: it was gone."""
    gone: set[str] = set()
    before: set[str] = set()
    for step in view.standing:
        sa = established((step.initiator, step.responder)[index])
        if sa is None:
            continue
        now = {child.spi_in for child in sa.installed}
        if back := now & gone:
            yield f"after {step.step} {view.sides[index].peer} reports the SPI {', '.join(sorted(back))} once more"
        gone |= before - now
        before = now


def _less(view: PairView, index: int) -> Iterator[str]:
    """A counter of a Child SA that is lower than after an earlier step."""
    most: dict[tuple[str, str], int] = {}
    for step in view.standing:
        for child in (c for sa in (step.initiator, step.responder)[index].sas for c in sa.installed):
            for way, count in (("in", child.packets_in), ("out", child.packets_out)):
                if count is None:
                    continue
                before = most.get((child.spi_in, way), count)
                if count < before:
                    yield f"after {step.step} {view.sides[index].peer} counts {count} packets {way}, {before} before"
                most[child.spi_in, way] = max(before, count)


def _reports(view: PairView) -> Iterator[tuple[StepReport, Side, PeerReport]]:
    for step in view.standing:
        yield step, view.sides[0], step.initiator
        yield step, view.sides[1], step.responder


def _of_the_child_sas(view: PairView, side: Side, sa: SaReport) -> Iterator[str]:
    for child in sa.installed:
        mode = view.scenario.settings.mode.value
        if child.mode is not None and child.mode.lower() != mode:
            yield f"reports a Child SA in {child.mode.lower()} mode, {mode} mode was asked for"
        extended = {_extended(suite) for suite in view.expectation.esp}
        if child.esn is not None and extended and child.esn not in extended:
            kind = "extended" if child.esn else "short"
            yield f"reports {kind} sequence numbers, to which the two policies do not lead"
        yield from _counted(view, side, child)
        yield from inside_udp(view, side.address, child)


def _extended(suite: Suite) -> bool:
    chosen = suite.get(TransformType.SN)
    return chosen is not None and chosen.identifier == SequenceNumbers.EXTENDED_SEQUENCE_NUMBERS


def _counted(view: PairView, side: Side, child: ChildReport) -> Iterator[str]:
    """More packets than there are on the path, or packets in fewer octets than they have at least."""
    least = _IPV4 if child.mode is not None and child.mode.lower() == Mode.TUNNEL else 1
    for way, spi, packets, octets in (
        ("in", child.spi_in, child.packets_in, child.bytes_in),
        ("out", child.spi_out, child.packets_out, child.bytes_out),
    ):
        end = "destination" if way == "in" else "source"
        seen = sum(each.payload[:_SPI].hex() == spi and getattr(each, end)[0] == side.address for each in view.esp)
        if packets is not None and not 0 <= packets <= seen:
            yield f"counts {packets} packets {way} on the SA with SPI {spi}, {seen} are on the path"
        crossed = sum(len(each.payload) for each in view.esp if each.payload[:_SPI].hex() == spi)
        if packets and octets is not None and not least * packets <= octets <= crossed:
            yield f"counts {octets} octets in {packets} packets {way}"


def inside_udp(view: CaseView, address: str, child: ChildReport) -> Iterator[str]:
    """What the side with this address says of UDP, against what it sends itself.

    The other side is free to send otherwise (RFC 7296 section 2.23).
    """
    sent = [e for e in view.esp if e.payload[:_SPI].hex() == child.spi_out and e.source[0] == address]
    inside = {bool(each.source[1]) for each in sent}
    if child.udp_encapsulated is not None and inside == {not child.udp_encapsulated}:
        kind = "inside UDP" if child.udp_encapsulated else "right above IP"
        yield f"reports ESP {kind}, and sends none so"


def _of_the_ike_sa(view: PairView, step: StepReport, side: Side, sa: SaReport) -> Iterator[str]:
    """An IKE SA that stands and of which nothing is on the wire, though the wire has one that nobody reports.

    Or it is another one than the same side tells of before the next rekey.
    """
    if not sa.stands or sa.initiator_spi is None or sa.responder_spi is None:
        return
    seen = {(piece.octets[:8].hex(), piece.octets[8:16].hex()) for m in view.messages for piece in m.pieces}
    own = sa.initiator_spi, sa.responder_spi
    rekeyed = any(step.step == Step.REKEY_IKE for step in view.report.steps)
    unused = rekeyed and not (_unreported(view) or _beside(view, step, side) & seen)
    if own in seen or unused:  # of a new IKE SA there may be no message yet
        return
    yield f"reports an IKE SA with the SPIs {own[0]} and {own[1]}, which nothing on the wire has"


def _beside(view: PairView, step: StepReport, side: Side) -> set[tuple[str | None, str | None]]:
    """The SPIs that a side tells after the next steps, up to the next rekey of the IKE SA."""
    found: set[tuple[str | None, str | None]] = set()
    for each in view.standing[view.standing.index(step) + 1 :]:
        if each.step == Step.REKEY_IKE:
            break
        report = each.initiator if side is view.sides[0] else each.responder
        found |= {(sa.initiator_spi, sa.responder_spi) for sa in report.sas if sa.stands}
    return found


def _unreported(view: PairView) -> set[str]:
    """The initiators' SPIs of IKE SAs with protected messages that no report tells of."""
    told = {sa.initiator_spi for _, _, report in _reports(view) for sa in report.sas}
    return {m.pieces[0].octets[:8].hex() for m in view.messages if m.sealed} - told


def no_tunnel_though_used(view: PairView) -> str:
    """A side that never tells of the tunnel whose ESP brought every echo message back, in words; "" for none.

    IKE_AUTH is complete, and ESP went both ways: its status, or what reads it, errs.
    """
    traffic = [step for step in view.standing if step.step == Step.TRAFFIC]
    used = traffic and all(step.echo_sent and step.echo_sent == step.echo_received for step in traffic)
    both_ways = {packet.source[0] for packet in view.esp} >= {side.address for side in view.sides}
    if not used or not both_ways or not view.find(ExchangeType.IKE_AUTH, response=True):
        return ""
    for index, side in enumerate(view.sides):
        reports = [(step.initiator, step.responder)[index] for step in view.standing]
        if not any(established(report) or report.silent for report in reports):
            return f"{STEPS} has no tunnel of {side.peer} after any step, and every echo message came back through it"
    return ""
