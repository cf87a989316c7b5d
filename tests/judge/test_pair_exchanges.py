"""Two products: exchanges that a rekey asks for, and Message IDs."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pair_builder import FIRST, HERE, HYBRID_REKEY, Pair, good_pair

from harness.registry.messages import ExchangeType
from harness.results.model import Outcome, Verdict
from harness.wire.message import Message

FOLLOW, IDS, HYBRID, REKEY = "pair-follow-up-exchanges", "pair-message-ids-in-sequence", "pairs/hybrid", "pairs/rekey"


def without(pair: Pair, exchange: ExchangeType) -> Pair:
    """The wire without an exchange type, the requests behind it numbered as if it had never been."""
    gone = {piece.datagram.frame for m in pair.view.find(exchange) for piece in m.pieces}
    numbers = sorted({m.message_id for m in pair.view.find(exchange)})
    spis = {m.pieces[0].octets[:8] for m in pair.view.find(exchange)}
    kept = pair.with_datagrams(d for d in pair.wire.datagrams if d.frame not in gone)
    for message in kept.view.messages:
        behind = sum(number < message.message_id for number in numbers)
        if behind and message.pieces[0].octets[:8] in spis:
            for piece in message.pieces:
                header = replace(piece.message.header, message_id=message.message_id - behind)
                octets = Message(header, piece.message.payloads).to_bytes()
                marker = piece.datagram.payload[: -len(piece.octets)]
                kept = kept.changed(piece.datagram, replace(piece.datagram, payload=marker + octets))
    return kept


def test_a_rekey_with_its_follow_up_exchanges():
    for scenario, seen in ((HYBRID_REKEY, 1), (REKEY, 0), (HYBRID, 0)):
        checked = good_pair(scenario).check("pair-follow-up-exchanges")
        assert checked.objections == ()
        assert checked.detail == f"{seen} IKE_FOLLOWUP_KE exchanges, {seen} are due"
    judged = good_pair(HYBRID_REKEY).judge()
    assert (judged.verdict, judged.outcome) == (Verdict.PASS, Outcome.HYBRID), judged


def test_a_rekey_without_its_follow_up_exchanges():
    pair = without(good_pair(HYBRID_REKEY), ExchangeType.IKE_FOLLOWUP_KE)
    (objection,) = pair.check("pair-follow-up-exchanges").objections
    assert objection.party == FIRST
    assert objection.sentence == "0 IKE_FOLLOWUP_KE exchanges are on the wire; the rekeys ask for 1"
    assert pair.judge().verdict is Verdict.FAIL


def test_what_neither_reports_is_what_the_first_ike_sa_had():
    pair = without(good_pair(HYBRID_REKEY), ExchangeType.IKE_FOLLOWUP_KE)
    for step in {each.step for each in pair.view.standing}:
        for side in ("initiator", "responder"):
            pair = pair.with_sa(step, side, additional_ke=None)
    assert pair.check(FOLLOW).objections


def test_a_side_that_rekeys_without_them_and_says_so_owes_none():
    pair = without(good_pair(HYBRID_REKEY), ExchangeType.IKE_FOLLOWUP_KE)
    for side in ("initiator", "responder"):
        pair = pair.with_sa("rekey-ike", side, additional_ke=())
    assert pair.check(FOLLOW).objections == ()


@pytest.mark.parametrize("scenario", [HYBRID, REKEY])
def test_numbers_without_a_gap(scenario):
    checked = good_pair(scenario).check("pair-message-ids-in-sequence")
    assert checked.objections == () and "numbered without a gap" in checked.detail


def test_a_number_that_is_left_out_and_never_answered():
    pair = good_pair(HYBRID)
    last = [m for m in pair.view.messages if not m.response][-1]
    piece = last.pieces[0]
    header = replace(piece.message.header, message_id=9)
    octets = piece.datagram.payload[: -len(piece.octets)] + Message(header, piece.message.payloads).to_bytes()
    jumped = pair.changed(piece.datagram, replace(piece.datagram, payload=octets))
    jumped = jumped.without(f"INFORMATIONAL response {last.message_id}")
    (objection,) = jumped.check("pair-message-ids-in-sequence").objections
    assert (objection.party, objection.pointer) == (FIRST, last.pointer)
    assert objection.sentence == f"INFORMATIONAL request 9 is the next request on the wire, {last.message_id} is due"
    assert jumped.judge().verdict is Verdict.FAIL
    assert last.pieces[0].datagram.source[0] == HERE
