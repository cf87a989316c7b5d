"""Seeded defects of two products in their ESP, and in what their status says beside names and SPIs.

As in ``pair_defect_rows``, verdict, party and sentences were written before a row was played.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Container
from dataclasses import replace
from ipaddress import ip_address
from typing import Any

from case_builder import INNER, PEER_INNER
from pair_alterations import after, found, numbered
from pair_builder import FIRST, HERE, HYBRID_REKEY, SECOND, THERE, Pair
from pair_defect_rows import CLASSICAL, FAIL, HYBRID, NOBODY, NOTHING, OPEN, REKEY, Alter, PairDefect, and_then
from pair_form_alterations import REQUEST, every, moved_to_4500, seen_twice, told_of_a_nat

from harness.evidence.model import CapturedDatagram
from harness.evidence.peer_report import DELETED, ESTABLISHED, ChildReport, SaReport
from harness.scenario.model import Step

Change = Callable[[CapturedDatagram, int], CapturedDatagram]
SIDES = ("initiator", "responder")


def sent_by(pair: Pair, side: int) -> list[CapturedDatagram]:
    """The ESP packets of the initiator (0) or the responder (1)."""
    return [each for each in pair.view.esp if each.source[0] == (HERE, THERE)[side]]


def esp(side: int, change: Change, which: Container[int] = range(99)) -> Alter:
    """The packets of a side changed, or those of these places alone."""

    def alter(pair: Pair) -> Pair:
        for place, packet in enumerate(sent_by(pair, side)):
            if place in which:
                pair = pair.changed(packet, change(packet, place))
        return pair

    return alter


def more_esp(
    side: int, number: int, spi: Callable[[Pair], bytes] | None = None, *, at_the_end: bool = False, later: float = 0.0
) -> Alter:
    """One packet more, so many seconds later, on the SA of the last one or on another."""

    def alter(pair: Pair) -> Pair:
        last = sent_by(pair, side)[-1]
        place = pair.wire.datagrams[-1] if at_the_end else last
        own = last.payload[:4] if spi is None else spi(pair)
        fresh = own + number.to_bytes(4) + os.urandom(len(last.payload) - 8)
        return after(pair, place, replace(last, payload=fresh, at=place.at + later))

    return alter


def with_number(change: Callable[[int], int]) -> Change:
    """Another sequence number, by the place of the packet."""
    return lambda packet, place: replace(
        packet, payload=packet.payload[:4] + change(place).to_bytes(4) + packet.payload[8:]
    )


def in_octets(count: int) -> Change:
    return lambda packet, _: replace(packet, payload=(packet.payload + os.urandom(count))[:count])


def ending(octets: bytes) -> Change:
    return lambda packet, _: replace(packet, payload=packet.payload[: -len(octets)] + octets)


def above_ip(packet: CapturedDatagram, _place: int) -> CapturedDatagram:
    return replace(packet, source=(packet.source[0], 0), destination=(packet.destination[0], 0))


def not_encrypted(packet: CapturedDatagram, _place: int) -> CapturedDatagram:
    """The inner IPv4 header right behind the ESP header."""
    hosts = (INNER, PEER_INNER) if packet.source[0] == HERE else (PEER_INNER, INNER)
    inner = bytes.fromhex("450000540001000040010000") + b"".join(ip_address(host).packed for host in hosts)
    return replace(packet, payload=(packet.payload[:8] + inner + bytes(200))[: len(packet.payload)])


def without(side: int, count: int) -> Alter:
    """The capture without the first packets of a side."""

    def alter(pair: Pair) -> Pair:
        gone = {packet.frame for packet in sent_by(pair, side)[:count]}
        return pair.with_datagrams(datagram for datagram in pair.wire.datagrams if datagram.frame not in gone)

    return alter


def too_early(pair: Pair) -> Pair:
    """The first ESP packet in front of the IKE_AUTH request."""
    early, place = sent_by(pair, 0)[0], found(pair, REQUEST(pair)).pieces[0].datagram
    return numbered(pair, [each for d in pair.wire.datagrams for each in ((early, d) if d is place else (d,))])


def each_report(side: str, change: Callable[[SaReport], SaReport], *steps: str) -> Alter:
    """The IKE SAs that a side reports changed, after these steps or after all."""

    def alter(pair: Pair) -> Pair:
        done = []
        for step in pair.report.steps:
            report = getattr(step, side)
            if step.step != DELETED and (not steps or step.step in steps):
                report = replace(report, sas=tuple(map(change, report.sas)))
            done.append(replace(step, **{side: report}))
        return pair.with_report(steps=tuple(done))

    return alter


def each_child(side: str, change: Callable[[ChildReport], ChildReport], *steps: str) -> Alter:
    return each_report(side, lambda sa: replace(sa, children=tuple(map(change, sa.children))), *steps)


def silent_of_it(side: str) -> Alter:
    """A side that reports nothing after any step."""

    def alter(pair: Pair) -> Pair:
        nothing: dict[str, Any] = {side: NOTHING}
        return pair.with_report(steps=tuple(replace(step, **nothing) for step in pair.report.steps))

    return alter


def exchanged(child: ChildReport) -> ChildReport:
    return replace(child, spi_in=child.spi_out, spi_out=child.spi_in)


def elsewhere(sa: SaReport) -> SaReport:
    return replace(sa, initiator_spi="12" * 8, responder_spi="34" * 8)


def on_both(change: Callable[[ChildReport], ChildReport]) -> tuple[Alter, Alter]:
    return each_child("initiator", change), each_child("responder", change)


def zero_spi(place: int) -> Alter:
    """The SPI of the initiator (0) or the responder (8) is zero in every message, and both report it."""
    name = "responder_spi" if place else "initiator_spi"
    wire = every(lambda m: m.response or m.protected or not place, lambda o: o[:place] + bytes(8) + o[place + 8 :])
    zero: dict[str, Any] = {name: "00" * 8}
    reports = (each_report(side, lambda sa: replace(sa, **zero)) for side in SIDES)
    return and_then(wire, *reports)


def first_spi(side: int) -> Callable[[Pair], bytes]:
    return lambda pair: sent_by(pair, side)[0].payload[:4]


def one_spi_over_a_rekey(side: int, *, rekey: int = 0) -> Alter:
    """The initiator (0) or the responder (1) receives on its first SPI after a rekey, and both report so."""
    own, other = SIDES[side], SIDES[1 - side]

    def alter(pair: Pair) -> Pair:
        place = [at for at, step in enumerate(pair.report.steps) if step.step == Step.REKEY_CHILD][rekey]
        old, new = (getattr(pair.report.steps[at], own).sas[0].children[0].spi_in for at in (0, place))
        pair = pair.with_datagrams(
            replace(d, payload=bytes.fromhex(old) + d.payload[4:]) if d.payload[:4].hex() == new else d
            for d in pair.wire.datagrams
        )
        pair = each_child(own, lambda c: replace(c, spi_in=old) if c.spi_in == new else c)(pair)
        return each_child(other, lambda c: replace(c, spi_out=old) if c.spi_out == new else c)(pair)

    return alter


def of_one_text(text: bytes, at: int = 24) -> Change:
    """These octets from a place on; by default the ciphertext, behind header and vector."""
    return lambda packet, _: replace(packet, payload=packet.payload[:at] + text + packet.payload[at + len(text) :])


def told(name: str, alter: Alter, *scenarios: str) -> PairDefect:
    """What one status alone says, or both against the wire: nobody is named."""
    return PairDefect(name, scenarios or (CLASSICAL, HYBRID), alter, OPEN, NOBODY, "")


ROWS: list[PairDefect] = [
    # Sizes, and what is behind the ESP header.
    PairDefect("an ESP packet has an octet too many", (HYBRID, CLASSICAL), esp(0, in_octets(153)), FAIL, FIRST, "E01"),
    PairDefect("the ICV has 12 octets", (CLASSICAL, REKEY), esp(1, in_octets(132)), FAIL, SECOND, "E01"),
    PairDefect("one ESP packet is too short", (CLASSICAL,), esp(0, in_octets(40), {1}), FAIL, FIRST, "E01"),
    PairDefect("the inner packet is not encrypted", (HYBRID, CLASSICAL), esp(0, not_encrypted), FAIL, FIRST, "E01"),
    PairDefect("the responder's is not", (CLASSICAL,), esp(1, not_encrypted), FAIL, SECOND, "E01"),
    PairDefect("ESP above IP behind a NAT", (CLASSICAL, HYBRID), and_then(
        told_of_a_nat, moved_to_4500, esp(0, above_ip)), FAIL, FIRST, "B46"),
    PairDefect("the ICV is zero", (CLASSICAL, HYBRID), seen_twice(esp(0, ending(bytes(32)))), FAIL, FIRST, "E01"),
    PairDefect("one ciphertext for all", (CLASSICAL, HYBRID), esp(0, of_one_text(b"\5" * 96)), FAIL, FIRST, "E01"),
    PairDefect("one packet for all but its number", (REKEY,), esp(1, of_one_text(bytes(112), 8)), FAIL, SECOND, "E10"),
    PairDefect("one ICV for all", (REKEY,), seen_twice(esp(1, ending(b"\xa5" * 32))), FAIL, SECOND, "E01"),
    # Numbers.
    PairDefect("ESP numbers from 1000", (HYBRID, CLASSICAL), esp(0, with_number(lambda place: 1000 + place)),
               FAIL, FIRST, "E02"),
    PairDefect("a jump in the ESP numbers", (CLASSICAL,), esp(1, with_number(lambda place: 1 + 5000 * place)),
               FAIL, SECOND, "E02"),
    PairDefect("ESP numbers go down", (HYBRID, CLASSICAL), esp(0, with_number(lambda place: 3 - place)),
               FAIL, FIRST, "E02"),
    # Whether the SA stood.
    PairDefect("ESP behind the deletion", (HYBRID, CLASSICAL), more_esp(0, 4, at_the_end=True, later=1.5),
               FAIL, FIRST, "B29"),
    PairDefect("the responder's ESP behind the deletion", (CLASSICAL, REKEY), more_esp(
        1, 77, at_the_end=True, later=1.5), FAIL, SECOND, "B29"),
    PairDefect("ESP on a replaced Child SA", (REKEY,), more_esp(0, 44, first_spi(0)), FAIL, FIRST, "B29"),
    told("an SPI comes again once it is free", one_spi_over_a_rekey(0, rekey=1), REKEY),
    told("the responder's does", one_spi_over_a_rekey(1, rekey=2), REKEY),
    told("ESP in front of IKE_AUTH", too_early),
    told("two ESP packets are not in the capture", without(0, 2)),
    told("an ESP packet of each traffic is not in the capture", without(1, 3), REKEY),
    # An SPI that is chosen while an SA with it stands: the numbers of what comes on it begin anew all the same.
    PairDefect("the initiator's SPI is that of before", (REKEY,), one_spi_over_a_rekey(0), FAIL, FIRST, "E07"),
    PairDefect("the responder's SPI is that of before", (REKEY,), one_spi_over_a_rekey(1), FAIL, SECOND, "E07"),
    # SPIs of zero: who chose them.
    PairDefect("the initiator's SPI is zero", (HYBRID, CLASSICAL), zero_spi(0), FAIL, FIRST, "B39"),
    PairDefect("the responder's SPI is zero", (HYBRID, CLASSICAL), zero_spi(8), FAIL, SECOND, "B39"),
    # What a status cannot mean.
    *(
        told(f"the {side} {words}", each_child(side, change, *steps))
        for side in SIDES
        for words, change, steps in (
            ("reports transport mode", lambda c: replace(c, mode="TRANSPORT"), ()),
            ("reports extended sequence numbers", lambda c: replace(c, esn=True), ()),
            ("reports ESP above IP", lambda c: replace(c, udp_encapsulated=False), ()),
            ("counts 5000 packets out", lambda c: replace(c, packets_out=5000), (Step.TRAFFIC,)),
            ("counts 40 packets in before any", lambda c: replace(c, packets_in=40), (ESTABLISHED,)),
            ("counts no octets in", lambda c: replace(c, bytes_in=0), (Step.TRAFFIC,)),
            ("counts an octet out for each packet", lambda c: replace(c, bytes_out=c.packets_out), (Step.TRAFFIC,)),
            ("reports its SPIs the other way round", exchanged, ()),
            ("has no Child SA in use", lambda c: replace(c, state="INSTALLING"), ()),
        )
    ),
    *(told(f"the {side} reports nothing while ESP flows", silent_of_it(side)) for side in SIDES),
    *(
        told(f"the {side} reports another SPI after each traffic", each_child(
            side, lambda c: replace(c, spi_in="abad1dea"), Step.TRAFFIC), REKEY)
        for side in SIDES
    ),
    *(
        told(f"the {side} reports one SPI that no ESP has", each_child(side, lambda c: replace(c, spi_in="abad1dea")),
             REKEY)
        for side in SIDES
    ),
    told("both report their SPIs the other way round", and_then(*on_both(exchanged))),
    told("both report other SPIs of the new IKE SA", and_then(
        *(each_report(side, elsewhere, Step.REKEY_IKE) for side in SIDES)), REKEY),
    told("the steps of one name report the same", lambda p: p.with_child(Step.TRAFFIC, "initiator").with_child(
        Step.TRAFFIC, "responder"), REKEY),
    told("more answers than echo messages", lambda p: p.with_step(Step.TRAFFIC, echo_received=5)),
    told("seven echo messages in three packets", lambda p: p.with_step(Step.TRAFFIC, echo_sent=7, echo_received=7)),
    told("after a rekey a side has nothing, and is used", lambda p: p.with_step(Step.REKEY_IKE, responder=NOTHING),
         HYBRID_REKEY),
]  # fmt: skip

LEGITIMATE: list[tuple[str, str, Alter]] = [
    (name, scenario, alter)
    for name, scenarios, alter in (
        ("ESP above IP", (HYBRID, CLASSICAL, REKEY), seen_twice(
            esp(0, above_ip), esp(1, above_ip), *on_both(lambda c: replace(c, udp_encapsulated=False)))),
        ("an ESP packet comes twice", (CLASSICAL,), seen_twice(lambda p: after(p, sent_by(p, 0)[1], sent_by(p, 0)[1]))),
        ("more padding", (CLASSICAL,), seen_twice(esp(0, in_octets(152 + 64)))),
        ("a last packet on the old Child SA", (REKEY,), seen_twice(lambda p: after(
            p, found(p, "CREATE_CHILD_SA response 2").pieces[0].datagram,
            replace(sent_by(p, 0)[2], payload=sent_by(p, 0)[2].payload[:7] + b"\4" + os.urandom(144))))),
        ("two packets in each other's place", (HYBRID, CLASSICAL), seen_twice(
            esp(0, with_number(lambda place: (2, 1, 3)[place])))),
        ("nothing is told of the Child SA but its SPIs", (HYBRID, CLASSICAL), seen_twice(*on_both(lambda c: replace(
            c, mode=None, udp_encapsulated=None, encr=None, integ=None, esn=None, packets_in=None, packets_out=None,
            bytes_in=None, bytes_out=None)))),
    )
    for scenario in scenarios
]  # fmt: skip
