"""Two captures of two products: what only one of them has makes nobody guilty."""

from __future__ import annotations

from dataclasses import replace

import pytest
from case_builder import flipped
from pair_builder import Pair, good_pair

from harness.evidence.model import ClearPacket
from harness.results.model import Verdict
from harness.verify.checks.both_ends import captured_otherwise


def watched_twice(pair: Pair) -> Pair:
    end = pair.wire.datagrams[-1].at + 1
    return pair.with_evidence(far=pair.wire).with_report(ended=(end, end))


def inconclusive(pair: Pair, saying: str) -> None:
    judged = pair.judge()
    assert (judged.verdict, judged.findings) == (Verdict.INCONCLUSIVE, ())
    assert saying in judged.reason


@pytest.mark.parametrize("scenario", ["pairs/hybrid", "pairs/classical", "pairs/rekey"])
def test_both_have_the_same(scenario):
    assert watched_twice(good_pair(scenario)).judge().verdict is Verdict.PASS


def test_one_capture_of_before():
    assert good_pair().judge().verdict is Verdict.PASS


def test_a_capture_that_is_gone():
    inconclusive(watched_twice(good_pair()).with_evidence(far=None), "wire-responder.pcapng is missing")
    inconclusive(watched_twice(good_pair()).with_report(ended=()), "the end of a capture in steps.json is missing")


def test_other_octets_in_one_of_them():
    pair = watched_twice(good_pair())
    for datagram in pair.wire.datagrams:
        turned = pair.changed(datagram, replace(datagram, payload=flipped(datagram.payload, -1)))
        inconclusive(turned, "and wire-responder.pcapng has not")
        inconclusive(pair.with_evidence(far=turned.wire), "pcapng has not")


def test_a_datagram_that_only_one_has():
    pair = watched_twice(good_pair())
    last = pair.wire.datagrams[-1]
    packet = next(m for m in pair.view.messages if m.label.startswith("IKE_AUTH response")).pieces[0].datagram
    inconclusive(pair.changed(packet), "wire-responder.pcapng has the datagram of")
    late = replace(last, at=last.at + 1, payload=b"late" * 20)
    assert pair.with_evidence(far=pair.changed(last, last, late).wire).judge().verdict is Verdict.PASS
    early = replace(late, at=packet.at)
    inconclusive(pair.with_evidence(far=pair.changed(packet, packet, early).wire), "and wire.pcapng has not")


def test_a_packet_in_clear_that_only_one_has():
    pair = watched_twice(good_pair())
    side = pair.evidence.facts.initiator
    leak = ClearPacket(3, side.inner, pair.evidence.facts.responder.inner, 1)
    inconclusive(pair.with_wire(clear=(leak,)), "a packet of protocol 1 in clear in frame 3")
    both = pair.with_wire(clear=(leak,))
    assert both.with_evidence(far=both.wire).judge().verdict is Verdict.FAIL


def test_what_passes_after_one_capture_has_ended_only_the_other_one_has():
    """They do not end in the same moment."""
    pair = watched_twice(good_pair())
    last = pair.wire.datagrams[-1]
    end = last.at + 1
    late = replace(last, at=last.at + 2, payload=b"late" * 20)
    longer = pair.changed(last, last, late)
    assert captured_otherwise(longer.with_report(ended=(end + 2, end)).view) == ""
    inconclusive(longer.with_report(ended=(end, end + 2)), "wire.pcapng has the datagram")
    far = pair.with_evidence(far=longer.wire)
    assert captured_otherwise(far.with_report(ended=(end, end + 2)).view) == ""
    inconclusive(far.with_report(ended=(end + 2, end)), "wire-responder.pcapng has the datagram")
