"""A capture of two products that lacks a request names nobody."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pair_builder import good_pair

from harness.results.model import Verdict
from harness.wire.message import Message

HYBRID, REKEY = "pairs/hybrid", "pairs/rekey"


@pytest.mark.parametrize("scenario", [HYBRID, REKEY])
def test_a_request_that_the_capture_lacks_names_nobody(scenario):
    """Whatever was cut out: a later request of the same side was answered, so that its receiver has had this one."""
    pair, cut = good_pair(scenario), 0
    for message in pair.view.messages:
        later = [
            m for m in pair.view.messages if m.frame > message.frame and m.from_initiator == message.from_initiator
        ]
        same = [m for m in later if not m.response and m.pieces[0].octets[:8] == message.pieces[0].octets[:8]]
        if message.response or not same or message.message_id == 0:
            continue
        judged = pair.with_datagrams(d for d in pair.wire.datagrams if d.frame != message.frame).judge()
        assert (judged.verdict, judged.findings) == (Verdict.INCONCLUSIVE, ())
        assert judged.reason.startswith(f"wire.pcapng lacks request {message.message_id} of ")
        cut += 1
    assert cut


def test_a_gap_that_no_answer_follows_may_be_the_senders():
    pair = good_pair(HYBRID)
    last = [m for m in pair.view.messages if not m.response][-1]
    header = replace(last.pieces[0].message.header, message_id=0xFFFFFFFF)
    octets = Message(header, last.pieces[0].message.payloads).to_bytes()
    datagram = last.pieces[0].datagram
    marker = datagram.payload[: -len(last.pieces[0].octets)]
    jumped = pair.changed(datagram, replace(datagram, payload=marker + octets)).without(
        f"INFORMATIONAL response {last.message_id}"
    )
    assert not jumped.judge().reason.startswith("wire.pcapng lacks request")
