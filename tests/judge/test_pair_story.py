"""Capture, steps and reports of two products that are not of one case: INCONCLUSIVE, and neither is named."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pair_builder import FIRST, HYBRID_REKEY, SECOND, Pair, good_pair

from harness.evidence.peer_report import DELETED, ESTABLISHED, PeerReport
from harness.registry.messages import ExchangeType
from harness.registry.notifications import NotifyType
from harness.results.model import Verdict
from harness.scenario.model import Step
from harness.verify.checks.pair_story import not_of_one_case
from harness.verify.pair_view import PairView
from harness.verify.wire import SeenMessage
from harness.wire.message import RESPONSE, Header, Message
from harness.wire.payloads import Notify

HYBRID, REKEY, REKEY_IKE, CLASSICAL = "pairs/hybrid", "pairs/rekey-child", HYBRID_REKEY, "pairs/classical"
SIDES = ("initiator", "responder")


def contradicts(pair: Pair, saying: str) -> None:
    judged = pair.judge()
    assert judged.verdict is Verdict.INCONCLUSIVE, judged.findings
    assert saying in judged.reason
    assert judged.findings == ()


@pytest.mark.parametrize("scenario", [HYBRID, REKEY_IKE])
def test_one_story(scenario):
    assert good_pair(scenario).judge().verdict is Verdict.PASS


def other() -> Pair:
    """Another case of the same two."""
    return good_pair(REKEY_IKE)


def test_the_steps_of_another_case():
    pair = good_pair(HYBRID)
    steps = [each for each in other().report.steps if each.step in (ESTABLISHED, Step.TRAFFIC, DELETED)]
    contradicts(pair.with_report(steps=(*steps[:2], steps[-1])), "whose SPIs are not in wire.pcapng")


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("step", [ESTABLISHED, Step.TRAFFIC])
def test_one_sides_report_of_another_case(side, step):
    report = other().reported(ESTABLISHED, side)
    contradicts(good_pair(HYBRID).with_step(step, **{side: report}), "whose SPIs are not in wire.pcapng")


@pytest.mark.parametrize("side", SIDES)
def test_a_product_that_tells_other_ike_spis_alone_has_a_report_of_this_case(side):
    """The SPIs of its Child SA are on the wire: all else is judged."""
    spis = {"initiator_spi": "01" * 8, "responder_spi": "02" * 8}
    judged = good_pair(HYBRID).with_sa(ESTABLISHED, side, **spis).judge()
    assert judged.verdict is not Verdict.PASS
    assert judged.checks and "whose SPIs are not in wire.pcapng" not in judged.reason


@pytest.mark.parametrize("side", SIDES)
def test_a_product_that_tells_no_spis(side):
    pair = good_pair(HYBRID)
    for step in (ESTABLISHED, Step.TRAFFIC):
        pair = pair.with_sa(step, side, initiator_spi=None, responder_spi=None)
    assert pair.judge().verdict is Verdict.PASS


def test_addresses_exchanged():
    pair = good_pair(HYBRID)
    facts = pair.evidence.facts
    ends = facts.initiator.address, facts.responder.address
    mine, theirs = replace(facts.initiator, address=ends[1]), replace(facts.responder, address=ends[0])
    exchanged = pair.with_evidence(facts=replace(facts, initiator=mine, responder=theirs))
    contradicts(exchanged, f"the first IKE_SA_INIT request comes from {SECOND}, which case.json has for the responder")


def test_sides_exchanged():
    pair = good_pair(HYBRID)
    steps = (replace(each, initiator=each.responder, responder=each.initiator) for each in pair.report.steps)
    contradicts(pair.with_report(steps=tuple(steps)), f"that {FIRST} is the responder, case.json has it otherwise")


@pytest.mark.parametrize("side", SIDES)
def test_one_side_that_claims_the_others_role(side):
    pair = good_pair(HYBRID)
    contradicts(pair.with_sa(ESTABLISHED, side, initiator=side != "initiator"), "case.json has it otherwise")


def test_who_rekeys_the_ike_sa_is_its_initiator():
    """RFC 7296 section 2.18."""
    pair = good_pair(REKEY_IKE)
    for side in SIDES:
        pair = pair.with_sa(Step.REKEY_IKE, side, initiator=side != "initiator")
    assert "case.json has it otherwise" not in pair.judge().reason


@pytest.mark.parametrize("scenario", [HYBRID, REKEY_IKE])
def test_a_step_twice_or_gone(scenario):
    pair = good_pair(scenario)
    steps = pair.report.steps
    for number, step in enumerate(steps):
        contradicts(pair.with_report(steps=(*steps[:number], *steps[number + 1 :])), "steps.json has the steps")
        twice = (*steps[:number], step, *steps[number:])
        contradicts(pair.with_report(steps=twice), "those of the scenario are established")
    contradicts(pair.with_report(steps=()), "steps.json has the steps none")


def test_a_case_that_never_came_up_has_its_first_step_alone():
    refused = good_pair(HYBRID, FIRST, "strongswan-5.9")
    assert [step.step for step in refused.report.steps] == [ESTABLISHED]
    assert refused.judge().verdict is Verdict.UNSUPPORTED


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("step", [ESTABLISHED, Step.TRAFFIC])
def test_a_report_that_was_emptied(side, step):
    """Both took part in the deletion at the end: neither can have been without the IKE SA before."""
    pair = good_pair(HYBRID)
    emptied = pair.with_step(step, **{side: replace(pair.reported(step, side), sas=())})
    contradicts(emptied, f"has no IKE SA of {(FIRST, SECOND)[SIDES.index(side)]} after {step}, and it took part in")
    both = emptied.with_step(step, **{one: replace(pair.reported(step, one), sas=()) for one in SIDES})
    assert "took part" not in not_of_one_case(both.view)  # where the two agree, it was gone
    left = emptied.with_sa(step, SIDES[side == SIDES[0]], state="DELETING")
    assert "took part" not in not_of_one_case(left.view)


def test_a_side_that_has_lost_its_sas_is_named():
    """Nobody answers the deletion then."""
    pair = good_pair(HYBRID)
    empty = replace(pair.reported(Step.TRAFFIC, "responder"), sas=())
    lost = pair.with_step(Step.TRAFFIC, responder=empty)
    last = [message for message in lost.view.messages if message.exchange == ExchangeType.INFORMATIONAL][-1]
    assert last.response
    frames = {piece.datagram.frame for piece in last.pieces}
    judged = lost.with_datagrams(d for d in lost.wire.datagrams if d.frame not in frames).judge()
    assert "took part" not in judged.reason


def test_a_silent_product_reports_nothing():
    pair = good_pair(HYBRID)
    for step in (ESTABLISHED, Step.TRAFFIC, DELETED):
        pair = pair.with_step(step, responder=PeerReport("1", (), "", silent=True))
    assert "took part" not in pair.judge().reason
    assert not_of_one_case(pair.view) == ""
    fallen = good_pair(HYBRID).with_step(Step.TRAFFIC, responder=PeerReport("1", (), "", silent=True))
    assert fallen.view.up and not_of_one_case(fallen.view) == ""


@pytest.mark.parametrize("what", [0, -1])
def test_a_packet_of_a_stranger(what):
    pair = good_pair(HYBRID)
    datagram = pair.wire.datagrams[what]
    foreign = replace(datagram, source=("203.0.113.5", datagram.source[1]), frame=1000)
    contradicts(pair.with_datagrams((*pair.wire.datagrams, foreign)), "packets of 203.0.113.5, which is neither side's")


def test_an_initiator_may_use_any_port():
    """RFC 7296 section 2.11: "an implementation MUST accept incoming requests even if the source port is not 500"."""
    pair = good_pair(HYBRID)
    address = pair.evidence.facts.initiator.address

    def end(each: tuple[str, int]) -> tuple[str, int]:
        return (each[0], each[1] + 40000) if each[0] == address else each

    moved = (replace(d, source=end(d.source), destination=end(d.destination)) for d in pair.wire.datagrams)
    judged = pair.with_datagrams(moved).judge()
    assert "lacks request 0" not in judged.reason
    assert judged.verdict is Verdict.PASS, (judged.reason, judged.findings)


@pytest.mark.parametrize("first", [True, False])
def test_an_invalid_spi_in_clear_after_the_deletion(first):
    """RFC 7296 section 1.5: outside of an IKE SA, with SPIs of its own."""
    pair = good_pair(HYBRID)
    last = pair.wire.datagrams[-1]
    header = Header(bytes(8), bytes(8), ExchangeType.INFORMATIONAL, RESPONSE if first else 0, 0)
    octets = bytes(4) + Message(header, (Notify(NotifyType.INVALID_SPI, b"\1\2\3\4"),)).to_bytes()
    clear = replace(last, frame=last.frame + 1, at=last.at + 0.01, payload=octets)
    assert pair.with_datagrams((*pair.wire.datagrams, clear)).judge().verdict is Verdict.PASS


def test_sealed_messages_alone_delete():
    pair = good_pair(HYBRID)
    informational = {m.frame for m in pair.view.messages if m.exchange == ExchangeType.INFORMATIONAL}
    undeleted = pair.with_datagrams(d for d in pair.wire.datagrams if d.frame not in informational)
    assert undeleted.judge().verdict is Verdict.FAIL


@pytest.mark.parametrize("scenario", [HYBRID, CLASSICAL])
def test_a_capture_in_another_order(scenario):
    """The second request names the SPI that the first response tells."""
    pair = good_pair(scenario)
    datagrams = list(pair.evidence.wire.datagrams)
    second, third = datagrams[1:3]
    datagrams[1:3] = replace(third, frame=second.frame, at=second.at), replace(second, frame=third.frame, at=third.at)
    contradicts(pair.with_wire(datagrams=tuple(datagrams)), "in front of the response that tells its SPI")


def at(message: SeenMessage, frame: int) -> SeenMessage:
    """The message in another place of the capture."""
    pieces = (replace(piece, datagram=replace(piece.datagram, frame=frame)) for piece in message.pieces)
    return replace(message, pieces=tuple(pieces))


def placed(view: PairView, *others: SeenMessage) -> PairView:
    """The view with other messages in place of those of the same label."""
    by_label = {message.label: message for message in others}
    return replace(view, messages=tuple(by_label.get(message.label, message) for message in view.messages))


def test_a_responder_knows_its_own_spi():
    """Only the initiator learns it from the IKE_SA_INIT response."""
    pair = good_pair(HYBRID)
    late = at(pair.message("IKE_SA_INIT response 0"), 10**6)
    told = "wire.pcapng has the IKE_INTERMEDIATE request 1 in front of the response that tells its SPI"
    view = placed(pair.view, late)
    assert not_of_one_case(view) == told
    own = tuple(m for m in view.messages if not (m.protected and m.from_initiator))
    assert not_of_one_case(replace(view, messages=own)) == ""


def test_the_first_copy_of_a_request_tells_when_its_sender_knew_the_spi():
    pair = good_pair(HYBRID)
    request, late = pair.message("IKE_AUTH request 2"), at(pair.message("IKE_SA_INIT response 0"), 10**6)
    damaged = replace(request.pieces[0], octets=request.pieces[0].octets[:8] + bytes(8) + request.pieces[0].octets[16:])
    twice = replace(request, pieces=(request.pieces[0], damaged))
    alone = replace(pair.view, messages=(pair.message("IKE_SA_INIT request 0"), twice, late))
    assert "has the IKE_AUTH request 2 in front of" in not_of_one_case(alone)


def test_without_an_ike_sa_init_nobody_has_the_others_role():
    view = good_pair(HYBRID).view
    assert not_of_one_case(replace(view, messages=())) == ""


def test_the_request_alone_tells_whose_the_first_ike_sa_is():
    pair = good_pair(HYBRID).with_sa(ESTABLISHED, "initiator", initiator=False)
    alone = replace(pair.view, messages=(pair.message("IKE_SA_INIT request 0"),))
    spi = pair.message("IKE_SA_INIT request 0").pieces[0].octets[:8].hex()
    assert pair.reported(ESTABLISHED, "initiator").sas[0].initiator_spi == spi
    assert "is the responder, case.json has it otherwise" in not_of_one_case(alone)


@pytest.mark.parametrize("side", SIDES)
def test_who_tells_no_role_or_that_of_another_sa_claims_none(side):
    other = side != "initiator"
    of_another = {"initiator": other, "initiator_spi": "01" * 8}
    for changes in ({"initiator": None}, {"initiator": other, "state": "DELETING"}, of_another):
        assert not_of_one_case(good_pair(HYBRID).with_sa(ESTABLISHED, side, **changes).view) == ""


def test_who_tells_no_spis_may_have_another_role_once_the_ike_sa_was_rekeyed():
    pair = good_pair(REKEY_IKE)
    for side in SIDES:
        pair = pair.with_sa(Step.REKEY_IKE, side, initiator=side != "initiator", initiator_spi=None, responder_spi=None)
    assert not_of_one_case(pair.view) == ""
    first = good_pair(HYBRID).with_sa(ESTABLISHED, "initiator", initiator=False, initiator_spi=None)
    assert "case.json has it otherwise" in not_of_one_case(first.view)


def test_a_case_that_was_ended_after_it_came_up_says_why():
    """Its first step has the words of the side that did not go on."""
    pair = good_pair(HYBRID)
    (first, *_) = pair.report.steps
    assert "steps.json has the steps established; those" in not_of_one_case(pair.with_report(steps=(first,)).view)
    ended = pair.with_report(steps=(replace(first, said="its control interface does not answer"),))
    assert ended.view.up
    assert not_of_one_case(ended.view) == ""


def bare(message: SeenMessage) -> SeenMessage:
    """The same in clear."""
    pieces = (replace(piece, message=replace(piece.message, payloads=())) for piece in message.pieces)
    return replace(message, pieces=tuple(pieces))


IN_FRONT = "wire.pcapng has the {} in front of its request"


@pytest.mark.parametrize("label", ["IKE_INTERMEDIATE response 1", "IKE_AUTH response 2", "IKE_SA_INIT response 0"])
def test_no_answer_comes_before_its_request(label):
    pair = good_pair(HYBRID)
    request = pair.message(label.replace("response", "request"))
    late = at(request, 10**6)
    assert not_of_one_case(placed(pair.view, late)) == IN_FRONT.format(label)
    twice = replace(pair.view, messages=(*pair.view.messages, late))
    for either in (twice, replace(twice, messages=twice.messages[::-1])):
        assert "in front of its request" not in not_of_one_case(either)
    alone = tuple(message for message in pair.view.messages if message is not request)
    assert "in front of its request" not in not_of_one_case(replace(pair.view, messages=alone))
    if request.protected:
        for clear in ((bare(late),), (late, bare(pair.message(label)))):
            assert "in front of its request" not in not_of_one_case(placed(pair.view, *clear))


def test_the_capture_beside_the_responder_is_in_order_too():
    pair = good_pair(HYBRID)
    datagrams = list(pair.wire.datagrams)
    assert not_of_one_case(pair.with_evidence(far=pair.wire).view) == ""
    third, fourth = datagrams[2:4]
    datagrams[2:4] = replace(fourth, frame=third.frame), replace(third, frame=fourth.frame)
    far = replace(pair.wire, datagrams=tuple(datagrams))
    words = "wire-responder.pcapng has the IKE_INTERMEDIATE response 1 in front of its request"
    assert not_of_one_case(pair.with_evidence(far=far).view) == words


def test_what_is_in_clear_names_no_spi_and_a_late_answer_tells_it_to_nobody_else():
    pair = good_pair(HYBRID)
    view = placed(pair.view, at(pair.message("IKE_SA_INIT response 0"), 10**6))
    first = pair.message("IKE_SA_INIT request 0")
    assert not_of_one_case(replace(view, messages=(first, *view.find(ExchangeType.IKE_SA_INIT, response=True)))) == ""
    other = replace(view.messages[2], pieces=tuple(replace(p, octets=bytes(16) + p.octets[16:])
                                                   for p in view.messages[2].pieces))  # fmt: skip
    assert not_of_one_case(replace(view, messages=(first, other, view.messages[1]))) == ""


def test_the_words_of_the_first_step_count_only_where_it_is_the_last():
    pair = good_pair(HYBRID)
    (first, *rest) = pair.report.steps
    told = replace(first, said="its control interface does not answer")
    assert not_of_one_case(pair.with_report(steps=(told, *rest)).view) == ""
    assert "steps.json has the steps" in not_of_one_case(pair.with_report(steps=(told, rest[0])).view)
    assert "steps.json has the steps" in not_of_one_case(pair.with_report(steps=rest[:1]).view)


def test_an_answer_is_no_request_of_that_number():
    """The capture may lack the request to it."""
    pair = good_pair(HYBRID)
    answer = pair.message("IKE_AUTH response 2")
    other = replace(at(answer, 4), from_initiator=True)
    view = replace(pair.view, messages=(*pair.view.messages, other))
    assert "in front of its request" not in not_of_one_case(view)
