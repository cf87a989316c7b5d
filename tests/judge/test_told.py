"""What two products tell of their SAs that cannot be so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from pair_builder import FIRST, HYBRID_REKEY, SECOND, Pair, good_pair

from harness.evidence.peer_report import ESTABLISHED, PeerReport
from harness.policy.proposals import Suite
from harness.registry.algorithms import Algorithm
from harness.registry.transforms import SequenceNumbers, TransformType
from harness.scenario.model import Mode, Step
from harness.verify.checks.told import no_tunnel_though_used

FITS, HYBRID, REKEY = "pair-status-fits", "pairs/hybrid", "pairs/rekey"
SIDES = [("initiator", FIRST), ("responder", SECOND)]
NOTHING, SILENT = PeerReport("1", (), "[]"), PeerReport("1", (), "[]", silent=True)


def told(pair: Pair) -> list[str]:
    objections = pair.check(FITS).objections
    assert all((each.party, each.severity) == ("", "inconclusive") for each in objections)
    return [each.sentence for each in objections]


def of(pair: Pair, side: str, step: str = Step.TRAFFIC, **parts: object) -> list[str]:
    return told(pair.with_child(step, side, **parts))


@pytest.mark.parametrize("scenario", [HYBRID, "pairs/classical", REKEY, HYBRID_REKEY])
def test_reports_that_fit(scenario):
    assert told(good_pair(scenario)) == []


@pytest.mark.parametrize(("side", "name"), SIDES)
def test_the_mode(side, name):
    words = f"after traffic {name} reports a Child SA in transport mode, tunnel mode was asked for"
    assert of(good_pair(HYBRID), side, mode="TRANSPORT") == [words]
    for fits in ("tunnel", "TUNNEL", None):
        assert of(good_pair(HYBRID), side, mode=fits) == []
    scenario = good_pair(HYBRID).scenario
    asked = replace(scenario, settings=replace(scenario.settings, mode=Mode.TRANSPORT))
    assert len(told(replace(good_pair(HYBRID), scenario=asked))) == 4  # each side after two steps


def numbers(*kinds: SequenceNumbers) -> tuple[Suite, ...]:
    return tuple(Suite(1, {TransformType.SN: Algorithm(kind)}) for kind in kinds)


SHORT, EXTENDED = SequenceNumbers.NO_EXTENDED_SEQUENCE_NUMBERS, SequenceNumbers.EXTENDED_SEQUENCE_NUMBERS


@pytest.mark.parametrize(
    ("esn", "agreed", "words"),
    [
        (True, numbers(SHORT), "extended"),
        (True, numbers(EXTENDED), ""),
        (True, numbers(SHORT, EXTENDED), ""),
        (False, numbers(EXTENDED), "short"),
        (False, numbers(SHORT), ""),
        (False, (Suite(1, {}),), ""),
        (None, numbers(EXTENDED), ""),
        (True, (), ""),
    ],
)
def test_the_sequence_numbers(esn, agreed, words):
    pair = good_pair(HYBRID)
    for step in (ESTABLISHED, Step.TRAFFIC):
        for side, _ in SIDES:
            pair = pair.with_child(step, side, esn=None)
    pair = replace(pair, expectation=replace(pair.expectation, esp=agreed))
    expected = f"after traffic {SECOND} reports {words} sequence numbers, to which the two policies do not lead"
    assert of(pair, "responder", esn=esn) == ([expected] if words else [])


@pytest.mark.parametrize("way", ["in", "out"])
@pytest.mark.parametrize(("side", "name"), SIDES)
def test_the_packets(side, name, way):
    pair = good_pair(HYBRID)
    (child,) = pair.reported(Step.TRAFFIC, side).sas[0].children
    seen = len(pair.view.esp) // 2
    spi = child.spi_in if way == "in" else child.spi_out
    key = f"packets_{way}"
    for count in (0, 1, seen, None):
        assert of(pair, side, **{key: count, f"bytes_{way}": None}) == []
    for count in (seen + 1, -1):
        words = f"after traffic {name} counts {count} packets {way} on the SA with SPI {spi}, {seen} are on the path"
        assert words in of(pair, side, **{key: count, f"bytes_{way}": None})


@pytest.mark.parametrize("way", ["in", "out"])
@pytest.mark.parametrize(("side", "name"), SIDES)
def test_the_octets(side, name, way):
    pair = good_pair(HYBRID)
    (child,) = pair.reported(Step.TRAFFIC, side).sas[0].children
    packets, spi = getattr(child, f"packets_{way}"), getattr(child, f"spi_{way}")
    crossed = sum(len(each.payload) for each in pair.view.esp if each.payload[:4].hex() == spi)
    for mode, least in (("TUNNEL", 20 * packets), ("tunnel", 20 * packets), (None, packets)):
        for octets in (least, crossed, None):
            assert of(pair, side, mode=mode, **{f"bytes_{way}": octets}) == []
        for octets in (least - 1, crossed + 1):
            words = f"after traffic {name} counts {octets} octets in {packets} packets {way}"
            assert of(pair, side, mode=mode, **{f"bytes_{way}": octets}) == [words]
    in_transport = of(pair, side, mode="TRANSPORT", **{f"bytes_{way}": packets})
    assert not [words for words in in_transport if "octets" in words]
    assert of(pair, side, **{f"bytes_{way}": 10**6, f"packets_{way}": 0}) == []
    assert of(pair, side, **{f"bytes_{way}": 10**6, f"packets_{way}": None}) == []


@pytest.mark.parametrize("way", ["in", "out"])
@pytest.mark.parametrize(("side", "name"), SIDES)
def test_packets_of_another_sa_are_not_counted(side, name, way):
    pair = good_pair(HYBRID)
    (child,) = pair.reported(Step.TRAFFIC, side).sas[0].children
    spi = child.spi_in if way == "in" else child.spi_out
    own = [each for each in pair.view.esp if each.payload[:4].hex() == spi]
    other = pair.changed(own[0], replace(own[0], payload=STRANGER + own[0].payload[4:] + bytes(10**4)))
    words = f"after traffic {name} counts {len(own)} packets {way} on the SA with SPI {spi}, {len(own) - 1} are on the"
    assert [each for each in of(other, side, **{f"bytes_{way}": None}) if each.startswith(words)]
    crossed = sum(len(each.payload) for each in own[1:])
    count = {f"packets_{way}": 1}
    words = f"after traffic {name} counts {crossed + 1} octets in 1 packets {way}"
    assert words not in of(other, side, **count, **{f"bytes_{way}": crossed})
    assert words in of(other, side, **count, **{f"bytes_{way}": crossed + 1})


STRANGER = b"\1\2\3\4"  # an SPI that nobody reports


def test_packets_of_the_other_direction_are_not_counted():
    """Where both sides have the same SPI, the address tells."""
    pair = good_pair(HYBRID)
    (child,) = pair.reported(Step.TRAFFIC, "initiator").sas[0].children
    one = bytes.fromhex(child.spi_in)
    same = pair.with_datagrams(
        replace(d, payload=one + d.payload[4:]) if d in pair.view.esp else d for d in pair.wire.datagrams
    )
    seen = len(pair.view.esp) // 2
    found = of(same, "initiator", spi_out=child.spi_in, packets_in=seen + 1, bytes_in=None)
    assert any(f"counts {seen + 1} packets in" in words for words in found)


@pytest.mark.parametrize(("side", "name"), SIDES)
def test_esp_inside_udp(side, name):
    pair = good_pair(HYBRID)
    assert of(pair, side, udp_encapsulated=True) == of(pair, side, udp_encapsulated=None) == []
    words = f"after traffic {name} reports ESP right above IP, and sends none so"
    assert of(pair, side, udp_encapsulated=False) == [words]
    own = [each for each in pair.view.esp if pair.view.source(each) == name]

    def bare(*which: int) -> Pair:
        gone = {own[each].frame for each in which}
        return pair.with_datagrams(
            replace(d, source=(d.source[0], 0), destination=(d.destination[0], 0)) if d.frame in gone else d
            for d in pair.wire.datagrams
        )

    assert f"after traffic {name} reports ESP inside UDP, and sends none so" in told(bare(*range(len(own))))
    assert not any("UDP" in words for words in told(bare(0))), "some of them are"


@pytest.mark.parametrize("side", ["initiator", "responder"])
@pytest.mark.parametrize("strange", [True, False])
def test_esp_of_others_right_above_ip(side, strange):
    """What has another SPI, or the other sender, is none of what a side sends on its SA."""
    pair = good_pair(HYBRID)
    (child,) = pair.reported(Step.TRAFFIC, side).sas[0].children
    spi = bytes.fromhex(child.spi_out)
    own = [each for each in pair.view.esp if each.payload[:4] == spi]
    source, destination = ((end[0], 0) for end in (own[0].source, own[0].destination))
    if not strange:
        source, destination = destination, source
    payload = (STRANGER if strange else spi) + own[0].payload[4:]
    more = replace(own[0], payload=payload, source=source, destination=destination)
    found = of(pair.changed(own[0], own[0], more), side, udp_encapsulated=False)
    assert any(each.endswith("reports ESP right above IP, and sends none so") for each in found)


STRANGE = {"initiator_spi": "01" * 8, "responder_spi": "02" * 8}


@pytest.mark.parametrize(("side", "name"), SIDES)
def test_an_ike_sa_of_which_nothing_is_on_the_wire(side, name):
    words = f"after traffic {name} reports an IKE SA with the SPIs {'01' * 8} and {'02' * 8}, which nothing on the wire"
    (sentence,) = told(good_pair(HYBRID).with_sa(Step.TRAFFIC, side, **STRANGE))
    assert sentence.startswith(words)
    for half in ({"initiator_spi": None}, {"responder_spi": None}, {"state": "CONNECTING"}):
        assert told(good_pair(HYBRID).with_sa(Step.TRAFFIC, side, **{**STRANGE, **half})) == []


def at(pair: Pair, index: int, side: str, **parts: object) -> Pair:
    """The IKE SA of a side after one step, with other fields."""
    steps = list(pair.report.steps)
    report = getattr(steps[index], side)
    steps[index] = replace(steps[index], **{side: replace(report, sas=(replace(report.sas[0], **parts),))})
    return pair.with_report(steps=tuple(steps))


@pytest.mark.parametrize(("side", "name"), SIDES)
def test_a_new_ike_sa_may_have_no_message_yet(side, name):
    """Unless the wire has one that nobody tells of, or the same side tells of that before the next rekey."""
    pair = good_pair(HYBRID_REKEY)
    (rekeyed,) = [i for i, s in enumerate(pair.report.steps) if s.step == Step.REKEY_IKE]
    one = at(pair, rekeyed, side, **STRANGE)
    assert len([words for words in told(one) if "which nothing on the wire has" in words]) == 1, "the next step differs"
    gone = at(one, rekeyed + 1, side, state="CONNECTING")
    assert not any("which nothing on the wire has" in words for words in told(gone)), "that one does not stand"
    both = at(one, rekeyed + 1, side, **STRANGE)
    assert not any("which nothing on the wire has" in words for words in told(both)), "the other side tells of it"
    other = "responder" if side == "initiator" else "initiator"
    all_four = at(at(both, rekeyed, other, **STRANGE), rekeyed + 1, other, **STRANGE)
    found = [words for words in told(all_four) if "which nothing on the wire has" in words]
    assert len(found) == 4, "the wire has one of which nobody tells"
    new = bytes.fromhex(pair.report.steps[rekeyed].initiator.sas[0].initiator_spi)
    unused = all_four.with_datagrams(d for d in pair.wire.datagrams if new not in d.payload)
    assert not any("which nothing on the wire has" in words for words in told(unused))


def test_an_ike_sa_that_was_only_begun_has_to_be_told_of_by_nobody():
    pair = good_pair(HYBRID_REKEY)
    (rekeyed,) = [i for i, s in enumerate(pair.report.steps) if s.step == Step.REKEY_IKE]
    for side, _ in SIDES:
        pair = at(at(pair, rekeyed, side, **STRANGE), rekeyed + 1, side, **STRANGE)
    new = bytes.fromhex(good_pair(HYBRID_REKEY).report.steps[rekeyed].initiator.sas[0].initiator_spi or "")
    first = pair.message("IKE_SA_INIT request 0").pieces[0].datagram
    begun = replace(first, payload=b"\5" * 8 + first.payload[8:])
    wire = (d for d in pair.wire.datagrams if new not in d.payload)
    assert told(pair.with_datagrams((begun, *wire))) == []


def test_the_next_rekey_ends_what_a_side_can_tell_of():
    pair = good_pair(REKEY)
    rekeys = [i for i, s in enumerate(pair.report.steps) if s.step == Step.REKEY_IKE]
    between = range(rekeys[0], rekeys[1])
    for index in between:
        pair = at(pair, index, "initiator", **STRANGE)
    assert not any("which nothing on the wire has" in words for words in told(pair))


# From step to step.


def children(pair: Pair, side: str, *spis: str | None) -> list[str]:
    """A side tells of other Child SAs after each step of a tunnel that stands; None: of no IKE SA at all."""
    steps = []
    for index, spi in enumerate(spis):
        step = pair.report.steps[min(index, 1)]
        report = getattr(step, side)
        (child,) = report.sas[0].children
        kids = tuple(replace(child, spi_in=each, packets_in=None, packets_out=None) for each in (spi or "").split())
        gone = NOTHING if spi is None else replace(report, sas=(replace(report.sas[0], children=kids),))
        steps.append(replace(step, **{side: gone}))
    return [words for words in told(pair.with_report(steps=tuple(steps))) if "once more" in words]


@pytest.mark.parametrize(("side", "name"), SIDES)
@pytest.mark.parametrize(
    ("spis", "again"),
    [
        (("a", "a", "a"), ""),
        (("a", "b", "c"), ""),
        (("a", "b", "a"), "a"),
        (("a", "a b", "b", "b"), ""),
        (("a", "a b", "b", "a b"), "a"),
        (("a b", "c", "b a"), "a, b"),
        (("a", None, "a"), ""),  # nothing is told in between
        (("a", "b", None, "a"), "a"),
        (("a", "b", "c", "a"), "a"),
    ],
)
def test_a_child_sa_that_was_gone_does_not_come_back(side, name, spis, again):
    found = children(good_pair(HYBRID), side, *spis)
    assert found == ([f"after traffic {name} reports the SPI {again} once more"] if again else [])


@pytest.mark.parametrize(("side", "name"), SIDES)
@pytest.mark.parametrize("way", ["in", "out"])
@pytest.mark.parametrize(
    ("counts", "less"),
    [((1, 2, 3), ""), ((2, 2), ""), ((3, 2), "2 packets {}, 3 before"), ((3, None, 2), "2 packets {}, 3 before"),
     ((1, 3, 2), "2 packets {}, 3 before"), ((None, 1), ""), ((0, 0), ""), ((-1, 0), ""),
     ((0, -1), "-1 packets {}, 0 before")],
)  # fmt: skip
def test_a_counter_does_not_fall(side, name, way, counts, less):
    pair = good_pair(HYBRID)
    steps = []
    for count in counts:
        step = pair.report.steps[1]
        report = getattr(step, side)
        (child,) = report.sas[0].children
        other = replace(child, packets_in=None, packets_out=None, bytes_in=None, bytes_out=None)
        counted = replace(other, **{f"packets_{way}": count})
        steps.append(replace(step, **{side: replace(report, sas=(replace(report.sas[0], children=(counted,)),))}))
    found = [words for words in told(pair.with_report(steps=tuple(steps))) if "before" in words]
    assert found == ([f"after traffic {name} counts {less.format(way)}"] if less else [])


# A tunnel that was used, and of which a side never tells.


def reporting(pair: Pair, side: str, report: PeerReport) -> Pair:
    steps = (replace(s, **{side: report}) for s in pair.report.steps)
    return pair.with_report(steps=tuple(steps))


@pytest.mark.parametrize(("side", "name"), SIDES)
def test_a_tunnel_that_was_used_and_is_never_told_of(side, name):
    pair = reporting(good_pair(HYBRID), side, NOTHING)
    words = f"has no tunnel of {name} after any step, and every echo message came back through it"
    assert no_tunnel_though_used(pair.view).endswith(words)
    assert no_tunnel_though_used(good_pair(HYBRID).view) == ""
    assert no_tunnel_though_used(reporting(pair, side, SILENT).view) == "", "it has no status interface"
    first = good_pair(HYBRID).report.steps[0]
    once = pair.with_report(steps=(first, *pair.report.steps[1:]))
    assert no_tunnel_though_used(once.view) == ""


def only_one_way(pair: Pair) -> Pair:
    gone = {each.frame for each in pair.view.esp if pair.view.source(each) == FIRST}
    return pair.with_datagrams(d for d in pair.wire.datagrams if d.frame not in gone)


@pytest.mark.parametrize(
    "unused",
    [
        lambda p: p.with_step(Step.TRAFFIC, echo_received=1),
        lambda p: p.with_report(steps=(*p.report.steps, replace(p.report.steps[1], echo_received=1))),
        lambda p: p.with_step(Step.TRAFFIC, echo_sent=0, echo_received=0),
        lambda p: p.with_report(steps=tuple(s for s in p.report.steps if s.step != Step.TRAFFIC)),
        only_one_way,
        lambda p: p.without("IKE_AUTH response 2"),
    ],
)
def test_of_a_tunnel_that_was_not_used_nobody_has_to_tell(unused: Callable[[Pair], Pair]):
    assert no_tunnel_though_used(unused(reporting(good_pair(HYBRID), "responder", NOTHING)).view) == ""
