"""Two products: exchanges that a rekey asks for, and Message IDs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from case_builder import good
from pair_alterations import junk
from pair_builder import FIRST, HERE, HYBRID_REKEY, SECOND, THERE, Pair, good_pair
from pair_form_alterations import one_more
from pair_rekey_rows import with_spi_of_before as rekeyed_with_an_old_spi
from pair_story_rows import counted_on

from harness.evidence.peer_report import PeerReport
from harness.policy.proposals import Suite
from harness.registry.messages import ExchangeType
from harness.registry.transforms import KeyExchangeMethod, TransformType
from harness.results.model import Outcome, Verdict
from harness.scenario.model import Step
from harness.verify.checks.exchanges import octets_of
from harness.verify.pair_view import initiator_spi
from harness.wire.message import Message
from harness.wire.payloads import KeyExchange

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


SIZES, EXCHANGES, REKEYED = "pair-key-exchange-sizes", "pair-exchanges-as-predicted", "pair-rekeyed"
MESSAGES = "pair-messages-as-due"
CLEAR_SIZES = "key-exchange-sizes"
NOTHING = PeerReport("1", (), "[]")


def test_a_request_to_authenticate_that_is_not_on_the_wire():
    objections = good_pair(HYBRID).without("IKE_AUTH request 2").check(EXCHANGES).objections
    assert "no IKE_AUTH requests are on the wire" in [each.sentence for each in objections]


def test_the_octets_of_each_method_are_told():
    pair = good_pair(HYBRID)
    assert pair.check(CLEAR_SIZES).detail == "Key Exchange Data octets: CURVE25519 32, CURVE25519 32"
    request, answer = (octets_of(pair.message(f"IKE_INTERMEDIATE {kind} 1")) for kind in ("request", "response"))
    assert pair.check(SIZES).detail == f"room for 1 methods in IKE_INTERMEDIATE of octets: {request}, {answer}"


def test_a_method_that_nobody_knows_does_not_hide_one_of_another_size():
    pair = good_pair(HYBRID)
    piece = pair.message("IKE_SA_INIT response 0").pieces[0]
    odd, short = KeyExchange(KeyExchangeMethod(9999), b"?"), KeyExchange(KeyExchangeMethod.CURVE25519, bytes(31))
    octets = Message(piece.message.header, (odd, short, *piece.message.payloads)).to_bytes()
    objections = pair.changed(piece.datagram, replace(piece.datagram, payload=octets)).check(CLEAR_SIZES).objections
    assert [(each.party, "has 31 octets" in each.sentence) for each in objections] == [(SECOND, True)]


def with_additional(pair: Pair) -> Pair:
    """The same evidence, where the two policies lead to an additional key exchange of a rekeyed Child SA."""
    ke = pair.expectation.ike[0].transforms
    more = {kind: ke[kind] for kind in (TransformType.KE, TransformType.ADDKE1)}
    esp = tuple(Suite(each.proposal_number, {**each.transforms, **more}) for each in pair.expectation.esp)
    return replace(pair, expectation=replace(pair.expectation, esp=esp))


def test_a_child_sa_that_is_rekeyed_has_its_follow_up_exchanges_too():
    pair = good_pair(REKEY)
    rekeys = sum(step.step == Step.REKEY_CHILD for step in pair.view.standing)
    hybrid = replace(pair, expectation=replace(good_pair(HYBRID).expectation, esp=pair.expectation.esp))
    assert hybrid.check(FOLLOW).objections == ()
    (objection,) = with_additional(hybrid).check(FOLLOW).objections
    assert objection.sentence.endswith(f"0 IKE_FOLLOWUP_KE exchanges are on the wire; the rekeys ask for {rekeys}")


def test_where_the_policies_lead_to_no_child_sa_none_is_due_of_it():
    pair = good_pair(REKEY)
    none = replace(pair, expectation=replace(pair.expectation, esp=()))
    assert none.check(FOLLOW).detail == "0 IKE_FOLLOWUP_KE exchanges, 0 are due"


@pytest.mark.parametrize("kind", ["request", "response"])
def test_half_a_follow_up_exchange_is_none(kind):
    pair = good_pair(HYBRID_REKEY)
    label = next(m.label for m in pair.view.messages if m.label.startswith(f"IKE_FOLLOWUP_KE {kind}"))
    assert pair.without(label).check(FOLLOW).objections


def test_who_rekeyed_last_is_who_leaves_them_out():
    pair = without(good_pair(HYBRID_REKEY), ExchangeType.IKE_FOLLOWUP_KE)
    (begun,) = pair.view.find(ExchangeType.CREATE_CHILD_SA, response=False)
    piece = begun.pieces[0]
    theirs = replace(piece.message.header, flags=0, message_id=0)
    octets = piece.datagram.payload[: -len(piece.octets)] + Message(theirs, piece.message.payloads).to_bytes()
    ends = {"source": piece.datagram.destination, "destination": piece.datagram.source}
    for frame, party in ((piece.datagram.frame - 1, FIRST), (piece.datagram.frame + 1, SECOND)):
        other = replace(piece.datagram, frame=frame, payload=octets, **ends)
        both = (other, piece.datagram) if party == FIRST else (piece.datagram, other)
        (objection,) = pair.changed(piece.datagram, *both).check(FOLLOW).objections
        assert objection.party == party
        last = pair.changed(piece.datagram, *both).view.find(ExchangeType.CREATE_CHILD_SA, response=False)[-1]
        assert objection.pointer == last.pointer
    (objection,) = without(pair, ExchangeType.CREATE_CHILD_SA).check(FOLLOW).objections
    assert (objection.party, objection.pointer) == ("", "wire.pcapng")


def test_a_side_without_a_report_of_its_new_ike_sa_tells_nothing_of_it():
    pair = good_pair(HYBRID_REKEY).with_step(Step.REKEY_IKE, responder=NOTHING)
    assert pair.check(FOLLOW).objections == ()


def near(pair: Pair, responder: bool) -> Pair:
    """The SPIs of the new IKE SA differ from the old ones in their last octet alone, or that of the responder does."""
    old = pair.message("IKE_AUTH request 2").pieces[0].octets[:16]
    new = next(m for m in pair.view.messages if m.protected and m.pieces[0].octets[:8] != old[:8]).pieces[0].octets[:16]
    turned = (old[:8] if responder else old[:7] + bytes((old[7] ^ 1,))) + old[8:15] + bytes((old[15] ^ 1,))
    return pair.with_datagrams(replace(d, payload=d.payload.replace(new, turned)) for d in pair.wire.datagrams)


def test_an_spi_is_another_one_if_its_last_octet_is():
    assert near(good_pair(HYBRID_REKEY), responder=False).check(REKEYED).objections == ()


def test_a_new_ike_sa_has_another_spi_of_its_initiator():
    """Each side chooses its own, "unique identifiers of an IKE SA" (RFC 7296 section 2.6), and the old one lives."""
    pair = near(good_pair(HYBRID_REKEY), responder=True)
    (objection,) = pair.check(MESSAGES).objections
    assert (objection.party, objection.requirement) == (FIRST, "B24")
    words = f"of a rekeyed IKE SA is one that {FIRST} chose for the one before"
    assert objection.sentence.endswith(words)
    assert pair.check(REKEYED).objections == near(good_pair(HYBRID_REKEY), responder=False).check(MESSAGES).objections


def with_spi_of_before(pair: Pair, *, back: int = 1) -> Pair:
    """The last IKE SA has the responder's SPI of the one so far before."""
    sas = pair.view.ike_sas
    old, new = sas[-1 - back].responder_spi, sas[-1].responder_spi
    return pair.with_datagrams(replace(d, payload=d.payload.replace(new, old)) for d in pair.wire.datagrams)


def test_a_new_ike_sa_has_another_spi_of_its_responder():
    pair = with_spi_of_before(good_pair(HYBRID_REKEY))
    spi, last = pair.view.ike_sas[0].responder_spi, pair.view.ike_sas[-1]
    (objection,) = pair.check(MESSAGES).objections
    assert (objection.party, objection.requirement) == (SECOND, "B24")
    words = f"of a rekeyed IKE SA is one that {SECOND} chose for the one before"
    assert objection.sentence == f"the SPI {spi.hex()} {words}"
    assert objection.pointer == last.messages[0].pointer


def test_an_ike_sa_is_another_one_if_either_spi_is():
    """Who keeps the old IKE SA tells both of its SPIs; and who tells none of a responder may have kept it."""
    pair = rekeyed_with_an_old_spi()(good_pair(HYBRID_REKEY))
    assert pair.check(REKEYED).objections == ()
    old = pair.reported(Step.TRAFFIC, "responder").sas[0]
    kept = pair.with_sa(Step.REKEY_IKE, "responder", responder_spi=old.responder_spi)
    assert [each.party for each in kept.check(REKEYED).objections] == [SECOND]
    untold = [pair.with_sa(step, "responder", responder_spi=None) for step in (Step.TRAFFIC, Step.REKEY_IKE)]
    assert [each.check(REKEYED).objections for each in untold] == [(), ()]
    neither = untold[0].with_sa(Step.REKEY_IKE, "responder", responder_spi=None)
    assert [each.party for each in neither.check(REKEYED).objections] == [SECOND]


def test_what_the_other_side_chose_may_be_chosen_as_well():
    """An SPI is its side's own."""
    pair = good_pair(HYBRID_REKEY)
    old, new = pair.view.ike_sas
    theirs = initiator_spi(old.messages[0])
    same = pair.with_datagrams(
        replace(d, payload=d.payload.replace(new.responder_spi, theirs)) for d in pair.wire.datagrams
    )
    assert same.view.ike_sas[-1].responder_spi == theirs
    assert same.check(MESSAGES).objections == ()


def test_the_spi_of_an_ike_sa_that_was_gone_by_then_may_come_again():
    assert len(good_pair(REKEY).view.ike_sas) > 2
    assert [o.requirement for o in with_spi_of_before(good_pair(REKEY)).check(MESSAGES).objections] == ["B24"]
    assert with_spi_of_before(good_pair(REKEY), back=2).check(MESSAGES).objections == ()


def test_what_cannot_be_parsed_may_be_the_number_that_is_missing():
    pair = good_pair(HYBRID)
    first = pair.message("IKE_SA_INIT request 0").pieces[0].datagram
    spoilt = pair.changed(first, replace(first, payload=first.payload[:-4]))
    end = max(each.at for each in pair.wire.datagrams) + 1
    beyond = spoilt.with_evidence(far=spoilt.wire).with_report(ended=(end, end))
    assert beyond.check(IDS).objections == ()
    jumped = counted_on(3)(pair)
    for source, named in ((THERE, [FIRST]), (HERE, [])):  # what is spoilt is the other side's, or its own
        other = junk(source)(jumped)
        found = other.with_evidence(far=other.wire).with_report(ended=(end, end)).check(IDS).objections
        assert [each.party for each in found] == named


def test_what_the_responder_begins_is_no_exchange_that_is_due():
    pair = one_more(ExchangeType.IKE_INTERMEDIATE, 7, initiator=False, behind="IKE_INTERMEDIATE response 1")(
        good_pair(HYBRID)
    )
    assert pair.check("pair-exchanges-as-predicted").objections == ()
    answered = one_more(ExchangeType.IKE_INTERMEDIATE, 7, initiator=True, response=True, behind="IKE_AUTH response 2")(
        pair
    )
    assert answered.check("pair-exchanges-as-predicted").detail.startswith("IKE_SA_INIT, 1 IKE_INTERMEDIATE,")


def test_each_ike_sa_has_numbers_of_its_own():
    pair = near(good_pair(HYBRID_REKEY), responder=False)
    assert pair.check(IDS).objections == ()
    last = next(m for m in reversed(pair.view.messages) if not m.response)
    for message in [m for m in pair.view.messages if m.pieces[0].octets[:8] == last.pieces[0].octets[:8]]:
        piece = message.pieces[0]
        header = replace(piece.message.header, message_id=message.message_id + 1)
        octets = piece.datagram.payload[: -len(piece.octets)] + Message(header, piece.message.payloads).to_bytes()
        pair = pair.changed(piece.datagram, replace(piece.datagram, payload=octets))
    (objection,) = pair.check(IDS).objections
    assert "is the next request on the wire, 0 is due" in objection.sentence


def test_a_message_that_came_whole_and_in_fragments_has_the_octets_of_the_larger_one():
    case = good("fragmentation/mlkem1024-at-576")
    message = next(m for m in case.view.messages if m.fragmented)
    whole = case.message("IKE_AUTH request 2").pieces[0]
    every = [*message.pieces, whole, *message.pieces]
    once = sum(len(piece.octets) for piece in message.pieces)
    assert octets_of(replace(message, pieces=tuple(every))) == once > len(whole.octets)
    assert octets_of(replace(message, pieces=(whole, *message.pieces[:1]))) == len(message.pieces[0].octets)


def test_a_rekey_without_its_request_on_the_wire():
    pair = good_pair(REKEY)
    label = next(m.label for m in pair.view.messages if m.label.startswith("CREATE_CHILD_SA request"))
    assert "5 CREATE_CHILD_SA exchanges" in pair.without(label).check(REKEYED).objections[0].sentence


def kept(pair: Pair, side: str, **parts: Any) -> Pair:
    """After its IKE SA is rekeyed a side still reports the old one, beside the new one."""
    old, new = pair.reported(Step.TRAFFIC, side), pair.reported(Step.REKEY_IKE, side)
    both = replace(new, sas=(*new.sas, replace(old.sas[0], **parts)))
    return pair.with_step(Step.REKEY_IKE, **{side: both})


def test_each_side_answers_for_its_own_rekey():
    pair = kept(good_pair(HYBRID_REKEY), "responder")
    assert [each.party for each in pair.check(REKEYED).objections] == [SECOND]
    gone = pair.with_step(Step.REKEY_IKE, initiator=NOTHING).with_step(Step.TRAFFIC, echo_received=0)
    assert [each.party for each in gone.check(REKEYED).objections] == [FIRST, SECOND]
    silent = pair.with_sa(Step.REKEY_IKE, "initiator", initiator_spi=None)
    assert [each.party for each in silent.check(REKEYED).objections] == [SECOND]


def test_an_ike_sa_that_is_being_deleted_is_not_kept():
    pair = good_pair(HYBRID_REKEY)
    assert kept(pair, "responder", state="DELETING").check(REKEYED).objections == ()


def test_a_side_that_reported_nothing_before_has_kept_nothing():
    pair = good_pair(HYBRID_REKEY)
    assert pair.with_step(Step.TRAFFIC, responder=NOTHING).check(REKEYED).objections == ()


def test_who_does_not_tell_its_ike_spi_tells_those_of_its_child_sas():
    pair = good_pair(REKEY)
    first = pair.reported(Step.TRAFFIC, "initiator")
    silent = replace(first, sas=(replace(first.sas[0], initiator_spi=None),))
    same = pair.with_step(Step.REKEY_CHILD, initiator=silent)
    assert FIRST in {each.party for each in same.check(REKEYED).objections}


def test_without_a_step_nothing_is_said_of_the_deletion():
    (objection,) = good_pair(HYBRID).with_report(steps=()).check("pair-deleted-on-both-sides").objections
    assert objection.severity == "inconclusive"
