"""What the capture of two products must have lacked, and what both say that it contradicts."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pair_alterations import clear, edited, idle_exchange, junk
from pair_alterations import each as each_of
from pair_answer_rows import with_key_length
from pair_builder import FIRST, HERE, HYBRID_REKEY, SECOND, SEVEN, THERE, Pair, good_pair
from pair_defect_rows import Alter

from harness.evidence.model import CapturedDatagram
from harness.evidence.peer_report import ESTABLISHED, PeerReport
from harness.registry.algorithms import Algorithm
from harness.registry.messages import ExchangeType, PayloadType
from harness.registry.notifications import NotifyType
from harness.registry.transforms import TransformType
from harness.results.model import Outcome, Verdict
from harness.scenario.check_form import Known
from harness.scenario.model import Expect, Step
from harness.verify.check import Due
from harness.verify.checks.agreement import additional_shown, esp_as_predicted, pair_negotiated_as_predicted
from harness.verify.checks.catalogue import due_without_asking
from harness.verify.checks.establishment import pair_came_up_as_predicted
from harness.verify.checks.offer import offered_as_published
from harness.verify.checks.published import agreed_as_published
from harness.verify.with_reports import _rests_on_records, due_checks, not_captured, told_otherwise
from harness.wire.message import INITIATOR, RESPONSE, Header, Message
from harness.wire.payloads import Encrypted, EncryptedFragment, Notify, SecurityAssociation
from harness.wire.payloads.security_association import Transform

HYBRID, PUBLISHED, CLASSICAL = "pairs/hybrid", "pairs/as-published", "pairs/classical"
ANSWER, AUTH = "IKE_SA_INIT response 0", "IKE_AUTH request 2"
NOTHING = PeerReport("1", (), "[]")
CAME_UP, NEGOTIATED = pair_came_up_as_predicted.name, pair_negotiated_as_predicted.name


def lacks(pair: Pair) -> str:
    return not_captured(pair.view)


def sent(pair: Pair, number: int, *, by_initiator: bool, response: bool = False, spis: bytes = b"") -> CapturedDatagram:
    """An INFORMATIONAL message of either side, to stand behind all others."""
    ike = spis or pair.message(AUTH).pieces[0].octets[:16]
    flags = (INITIATOR if by_initiator else 0) | (RESPONSE if response else 0)
    header = Header(ike[:8], ike[8:], ExchangeType.INFORMATIONAL, flags, number)
    octets = bytes(4) + Message(header, (Encrypted(PayloadType.SA, bytes(80)),)).to_bytes()
    ends = ((HERE, 4500), (THERE, 4500)) if by_initiator else ((THERE, 4500), (HERE, 4500))
    last = pair.wire.datagrams[-1]
    return replace(last, frame=last.frame + 1, payload=octets, source=ends[0], destination=ends[1])


def adding(pair: Pair, *messages: tuple[int, bool, bool]) -> Pair:
    """The pair with these at its end: number, whether the initiator sends it, whether it is a response."""
    for number, by_initiator, response in messages:
        more = sent(pair, number, by_initiator=by_initiator, response=response)
        pair = pair.with_datagrams((*pair.wire.datagrams, more))
    return pair


def last_number(pair: Pair) -> int:
    return max(m.message_id for m in pair.view.messages if not m.response)


def test_what_a_product_says_of_a_case_without_a_message_is_told_whenever_it_says_it():
    pair = good_pair(HYBRID)
    steps = (pair.report.steps[0], replace(pair.report.steps[0], said="no route"))
    judged = pair.with_datagrams(()).with_report(steps=steps).judge()
    assert judged.reason == f"no IKE message is in the capture; {FIRST} says: no route"


def test_a_gap_in_what_nobody_answers_may_be_the_senders():
    pair = good_pair(HYBRID)
    alone = sent(pair, 1, by_initiator=True)
    down = pair.with_report(steps=(replace(pair.report.steps[0], initiator=NOTHING, responder=NOTHING),))
    assert lacks(down.with_datagrams((alone,))) == ""


def test_a_request_that_is_answered_is_followed_by_the_next_one_once_its_answer_is_there():
    pair = good_pair(HYBRID)
    number = last_number(pair)
    answer = f"INFORMATIONAL response {number}"
    later = adding(pair.without(answer), (number + 1, True, False), (number + 1, False, True))
    words = lacks(later)
    assert words.startswith(f"wire.pcapng lacks the response of {SECOND} to the INFORMATIONAL request {number}")
    assert lacks(adding(pair.without(answer), (number + 1, True, False))) == "", "neither is answered"


def test_both_must_have_stood_for_that_be_it_after_one_step():
    pair = good_pair(HYBRID)
    number = last_number(pair)
    answer = f"INFORMATIONAL response {number}"
    later = adding(pair.without(answer), (number + 1, True, False), (number + 1, False, True))
    assert lacks(later.with_step(Step.TRAFFIC, responder=NOTHING))
    for side in ("initiator", "responder"):
        never = later
        for step in {each.step for each in later.report.steps}:
            never = never.with_step(step, **{side: NOTHING})
        assert lacks(never) == ""


def test_a_request_that_was_repeated_in_vain_may_have_had_no_answer():
    pair = good_pair(HYBRID)
    number = last_number(pair)
    cut = pair.without(f"INFORMATIONAL response {number}")
    request = cut.message(f"INFORMATIONAL request {number}").pieces[0].datagram
    twice = cut.changed(request, request, replace(request, frame=request.frame + 1))
    assert lacks(adding(twice, (number + 1, True, False), (number + 1, False, True))) == ""


def test_each_side_has_numbers_of_its_own():
    pair = good_pair(HYBRID)
    assert lacks(adding(pair, (0, False, False), (0, True, True))) == ""
    assert lacks(adding(pair, (0, False, False))) == "", "its first request may be on its way"


def fragments(pair: Pair, label: str, *numbered: tuple[int, int]) -> Pair:
    """A message in fragments instead: number and total of each."""
    piece = pair.message(label).pieces[0]
    marker = piece.datagram.payload[: -len(piece.octets)]
    new = []
    for number, total in numbered:
        sealed = EncryptedFragment(PayloadType.SA, number, total, bytes(40))
        octets = Message(piece.message.header, (sealed,)).to_bytes()
        new.append(replace(piece.datagram, payload=marker + octets))
    return pair.changed(piece.datagram, *new)


@pytest.mark.parametrize(
    ("numbered", "words"),
    [
        (((1, 2), (2, 2)), ""),
        (((2, 2), (1, 2)), ""),
        (((1, 2),), "fragment 2 of 2"),
        (((2, 2),), "fragment 1 of 2"),
        (((1, 2), (1, 3), (2, 3), (3, 3)), ""),
        (((1, 2), (2, 2), (1, 3)), ""),
        (((1, 2), (1, 3), (3, 3)), "fragment 2 of 3"),
        (((1, 2), (2, 2), (1, 4), (4, 4)), ""),
        (((1, 2), (2, 3)), ""),
        (((1, 2), (2, 3), (3, 3)), ""),
        (((1, 2), (1, 3)), "fragment 2 of 3"),
        (((0, 2),), ""),
        (((3, 2),), ""),
    ],
)
def test_one_whole_set_of_fragments_is_enough(numbered, words):
    found = lacks(fragments(good_pair(HYBRID), AUTH, *numbered))
    assert found == (f"wire.pcapng lacks {words} of the {AUTH} of {FIRST}, and both had the SAs" if words else "")


@pytest.mark.parametrize(
    ("numbered", "other", "words"),
    [
        (((1, 2), (1, 2)), True, ""),
        (((1, 2), (1, 2)), False, "fragment 2 of 2"),
        (((1, 3), (3, 3), (3, 3)), True, ""),
        (((1, 3), (1, 3)), True, "fragment 2 of 3"),
        (((1, 2), (1, 3), (1, 3)), True, "fragment 2 of 3"),
    ],
)
def test_as_many_different_fragments_as_a_set_has_have_wrong_numbers_in_both_captures(numbered, other, words):
    pair = fragments(good_pair(HYBRID), AUTH, *numbered)
    last = pair.message(AUTH).pieces[-1].datagram
    pair = pair.changed(last, replace(last, payload=last.payload[:-1] + bytes((other,))))
    lacking = f"wire.pcapng lacks {words} of the {AUTH} of {FIRST}, and both had the SAs"
    assert lacks(watched(pair)) == (lacking if words else "")
    assert lacks(pair).startswith("wire.pcapng lacks fragment 2 of")


def without_esp_to(pair: Pair, address: str) -> Pair:
    gone = {d.frame for d in pair.view.esp if d.destination[0] == address}
    return pair.with_datagrams(d for d in pair.wire.datagrams if d.frame not in gone)


@pytest.mark.parametrize(("address", "peer", "side"), [(HERE, FIRST, "initiator"), (THERE, SECOND, "responder")])
def test_esp_that_was_echoed_and_counted_was_there(address, peer, side):
    pair = without_esp_to(good_pair(HYBRID), address)
    words = lacks(pair)
    assert words == f"wire.pcapng lacks all ESP to {peer}: 3 echo replies came back, and it counts 3 packets in"
    for count in (None, 0):
        assert lacks(pair.with_child(Step.TRAFFIC, side, packets_in=count)) == ""
    assert lacks(pair.with_step(Step.TRAFFIC, **{side: NOTHING})) == ""
    assert lacks(pair.with_step(Step.TRAFFIC, echo_received=2)) == ""
    lost = pair.with_step(Step.TRAFFIC, echo_received=0)
    assert lacks(lost) == ""
    counted = lost.with_child(ESTABLISHED, side, packets_in=5)
    assert lacks(counted) == "", "no echo came back before there was any"


def both_telling(pair: Pair, step: str = ESTABLISHED, **parts: object) -> Pair:
    for each in (step, Step.TRAFFIC):
        for side in ("initiator", "responder"):
            pair = pair.with_sa(each, side, **parts)
    return pair


def test_what_both_say_otherwise_is_told_and_what_neither_says_is_not():
    pair = good_pair(HYBRID)
    assert told_otherwise(pair.view) == ""
    for name in ("encr", "prf", "ke", "additional_ke"):
        assert told_otherwise(both_telling(pair, **{name: None}).view) == ""
    assert "both report ENCR null" in told_otherwise(both_telling(pair, encr="null").view)
    one = pair.with_sa(ESTABLISHED, "initiator", encr="null", additional_ke=("ml-kem-1024",))
    assert told_otherwise(one.view) == "", "they do not say the same"


def test_additional_key_exchanges_that_both_report_otherwise():
    pair = good_pair(HYBRID)
    other = both_telling(pair, additional_ke=("ml-kem-1024",))
    words = "both report the additional key exchanges ml-kem-1024, and wire.pcapng has ml-kem-768 in the answer"
    assert told_otherwise(other.view) == words
    none = both_telling(pair, additional_ke=())
    assert told_otherwise(none.view).startswith("both report the additional key exchanges none, and")
    request = none.without("IKE_INTERMEDIATE response 1")
    assert told_otherwise(request.view) == "", "both left out the exchange, which is not on the wire either"
    assert told_otherwise(request.without("IKE_INTERMEDIATE request 1").view) == ""


def test_a_declined_exchange_is_none():
    pair = good_pair(CLASSICAL)
    piece = pair.message(ANSWER).pieces[0]

    def declining(payload):
        if not isinstance(payload, SecurityAssociation):
            return payload
        (proposal,) = payload.proposals
        none = Transform(TransformType.ADDKE1, 0)
        return replace(payload, proposals=(replace(proposal, transforms=(*proposal.transforms, none)),))

    octets = Message(piece.message.header, tuple(map(declining, piece.message.payloads))).to_bytes()
    assert told_otherwise(pair.changed(piece.datagram, replace(piece.datagram, payload=octets)).view) == ""


@pytest.mark.parametrize("kind", [TransformType.PRF, TransformType.KE, TransformType.ADDKE1])
def test_a_key_length_that_the_answer_must_not_have_contradicts_nobody(kind):
    pair = with_key_length(kind, 256)(good_pair(HYBRID))
    assert told_otherwise(pair.view) == ""
    assert pair.check("pair-sides-agree").objections == ()
    assert "both report" in told_otherwise(both_telling(pair, prf="hmac-sha1", additional_ke=("ml-kem-512",)).view)


def test_what_the_answer_does_not_have_is_told():
    pair = good_pair(HYBRID)
    suite = pair.view.suite
    assert suite is not None
    kept = {kind: one for kind, one in suite.transforms.items() if kind != TransformType.PRF}
    lacking = replace(pair.view, suite=replace(suite, transforms=kept))
    (told,) = {sa.prf for sa in pair.reported(ESTABLISHED, "initiator").sas}
    assert told_otherwise(lacking) == f"both report PRF {told}, and wire.pcapng has None in the answer"


def test_additional_key_exchanges_are_named_one_by_one():
    suite = good_pair(SEVEN).view.suite
    assert suite is not None
    told = tuple(method.name.lower().replace("_", "-") for method in suite.additional_key_exchanges)
    for those in (told, told[:3], (), (*told, "more"), None):
        assert len(additional_shown(suite, those)) == len(told)
    odd = replace(suite, transforms={**suite.transforms, TransformType.ADDKE2: Algorithm(36, 1)})
    assert additional_shown(odd, ("ml-kem-768", "ml-kem-768"))[1] == "ml-kem-768"
    assert additional_shown(odd, ("ml-kem-768",))[1] == "unassigned-36-1"


def test_ike_sas_are_told_apart_by_the_last_octet_of_an_spi():
    pair = good_pair(HYBRID_REKEY)
    old = pair.message(AUTH).pieces[0].octets[:8]
    new = next(m for m in pair.view.messages if m.pieces[0].octets[:8] != old).pieces[0].octets[:8]
    turned = old[:7] + bytes((old[7] ^ 1,))
    near = pair.with_datagrams(replace(d, payload=d.payload.replace(new, turned)) for d in pair.wire.datagrams)
    assert lacks(near) == ""
    last = next(m for m in reversed(near.view.messages) if not m.response)
    spis = last.pieces[0].octets[:16]
    second = sent(near, last.message_id + 2, by_initiator=True, spis=spis)
    answer = sent(near, last.message_id + 2, by_initiator=False, response=True, spis=spis)
    gap = near.with_datagrams((*near.wire.datagrams, second, replace(answer, frame=second.frame + 1)))
    assert lacks(gap).startswith(f"wire.pcapng lacks request {last.message_id + 1} of {FIRST}")


def names(pair: Pair) -> dict[str, str]:
    return {due.check.name: due.requirement for due in due_checks(pair.view)}


def test_the_first_requirement_of_a_scenario_is_what_coming_up_speaks_for():
    pair = good_pair(HYBRID)
    first, second = (replace(pair.scenario.requirements[0], id=name) for name in ("A01", "B06"))
    about = replace(pair, scenario=replace(pair.scenario, requirements=(first, second)))
    assert names(about)[CAME_UP] == "A01"
    assert names(replace(pair, scenario=replace(pair.scenario, requirements=())))[CAME_UP] == ""
    asking = replace(about.scenario, expect=(*pair.scenario.expect, Expect(CAME_UP, "K01")))
    assert names(replace(about, scenario=asking))[CAME_UP] == "A01", "it is due already"


def test_a_tunnel_that_nobody_predicted_undergoes_what_a_refusal_does():
    """But for two published policies, where the record may be what is wrong."""
    pair = good_pair(HYBRID)
    refused = replace(pair, expectation=replace(pair.expectation, outcome=Outcome.REFUSED, ike=(), esp=()))
    assert refused.view.up
    assert "pair-esp-both-ways" in names(pair) and "pair-esp-both-ways" not in names(refused)
    due = "pair-refused-with-no-proposal-chosen"
    assert due in names(refused) and due not in names(pair)


REFUSED = NotifyType.NO_PROPOSAL_CHOSEN


@pytest.mark.parametrize("kinds", [(REFUSED,), (REFUSED, NotifyType.INVALID_SYNTAX)])
def test_the_first_refusal_tells_whether_our_record_explains_it(kinds):
    pair = good_pair(PUBLISHED)
    less = replace(pair.expectation.initiator, ike=pair.expectation.initiator.ike[:1])
    doubted = replace(pair, expectation=replace(pair.expectation, initiator=less))
    piece = doubted.message(ANSWER).pieces[0]
    octets = Message(piece.message.header, tuple(Notify(kind) for kind in kinds)).to_bytes()
    cut = doubted.changed(piece.datagram, replace(piece.datagram, payload=octets))
    ended = cut.with_datagrams(d for d in cut.wire.datagrams if d.frame <= piece.datagram.frame)
    steps = (replace(pair.report.steps[0], initiator=NOTHING, responder=NOTHING, said="not established"),)
    assert ended.with_report(steps=steps).judge().verdict is Verdict.INCONCLUSIVE


def test_without_a_capture_or_steps_nothing_is_judged():
    pair = good_pair(HYBRID)
    assert pair.judge().verdict is Verdict.PASS
    for part, name in (("wire", "wire.pcapng"), ("report", "steps.json")):
        judged = pair.with_evidence(**{part: None}).judge()
        assert (judged.verdict, judged.reason) == (Verdict.INCONCLUSIVE, f"{name} is missing from the evidence")
    dropping = pair.with_report(capture_drops=3).judge()
    assert (dropping.verdict, dropping.reason) == (
        Verdict.INCONCLUSIVE, "the kernel dropped 3 frames of the capture",
    )  # fmt: skip


def test_evidence_that_contradicts_itself_accuses_nobody():
    judged = good_pair(HYBRID).without(AUTH).judge()
    assert judged.verdict is Verdict.INCONCLUSIVE
    assert judged.reason.startswith(f"wire.pcapng lacks request 2 of {FIRST} in IKE SA {ike_spi(good_pair(HYBRID))}")


WITH_ITS = "and has its response"


def ike_spi(pair: Pair) -> str:
    return pair.message(AUTH).pieces[0].octets[:8].hex()


def watched(pair: Pair) -> Pair:
    """Both ends of the path have the same in their captures."""
    return pair.with_evidence(far=pair.wire).with_report(ended=(1.0, 1.0))


def test_what_neither_capture_has_was_not_sent():
    pair = good_pair(HYBRID)
    gap = pair.without("IKE_INTERMEDIATE request 1").without("IKE_INTERMEDIATE response 1")
    assert lacks(gap).startswith(f"wire.pcapng lacks request 1 of {FIRST} in IKE SA {ike_spi(pair)}, whose request")
    assert lacks(watched(gap)) == ""
    one = adding(pair, (1, False, False), (1, True, True))
    assert lacks(one).startswith(f"wire.pcapng lacks request 0 of {SECOND}")
    assert lacks(watched(one)) == "", "an answer of its own is no request that waits for one"


def test_a_word_in_clear_that_no_such_sa_is_there_answers_nothing():
    pair = good_pair(HYBRID)
    number = last_number(pair) + 1
    answer = sent(pair, number, by_initiator=False, response=True)
    ike = Message.parse(answer.payload[4:]).header
    word = Message(ike, (Notify(NotifyType.INVALID_IKE_SPI),)).to_bytes()
    told = pair.with_datagrams((*pair.wire.datagrams, replace(answer, payload=bytes(4) + word)))
    assert lacks(told) == ""
    sealed = pair.with_datagrams((*pair.wire.datagrams, answer))
    assert lacks(sealed) == f"wire.pcapng lacks request {number} of {FIRST} in IKE SA {ike_spi(pair)}, {WITH_ITS}"
    begins = clear(pair.message(ANSWER), [Notify(NotifyType.INVALID_MAJOR_VERSION)])
    refused = pair.with_datagrams((begins,)).with_report(steps=())
    assert WITH_ITS in lacks(refused), "of IKE_SA_INIT it answers"


def test_a_response_with_an_spi_of_no_ike_sa_lacks_no_request():
    pair = good_pair(HYBRID)
    for number in (0, 9):
        nowhere = sent(pair, number, by_initiator=False, response=True, spis=b"n" * 16)
        later = (replace(d, frame=d.frame + 99) for d in pair.wire.datagrams)
        assert lacks(pair.with_datagrams((nowhere, *later))) == ""


def test_a_response_that_nobody_can_have_asked_for_lacks_no_request():
    pair = good_pair(HYBRID)
    assert lacks(adding(pair, (last_number(pair) + 5, False, True))) == ""
    assert lacks(adding(pair, (5, True, True))) == ""


def test_what_cannot_be_read_may_be_what_is_missing():
    """Of who sent it, and of nobody else."""
    pair = good_pair(HYBRID)
    request = pair.without(AUTH)
    assert lacks(watched(junk(HERE)(request))) == ""
    assert lacks(watched(junk(THERE)(request))).startswith(f"wire.pcapng lacks request 2 of {FIRST}")
    both = adding(pair, (0, True, True)).without(AUTH)
    assert lacks(watched(junk(THERE)(both))).startswith(f"wire.pcapng lacks request 2 of {FIRST}")
    number = last_number(pair)
    cut = pair.without(f"INFORMATIONAL response {number}")
    response = adding(cut, (number + 1, True, False), (number + 1, False, True))
    assert lacks(watched(junk(THERE)(response))) == ""
    assert lacks(watched(junk(HERE)(response))).startswith(f"wire.pcapng lacks the response of {SECOND}")
    part = fragments(pair, AUTH, (1, 2))
    assert lacks(watched(junk(HERE)(part))) == ""
    assert lacks(watched(junk(THERE)(part))).startswith("wire.pcapng lacks fragment 2 of 2")


@pytest.mark.parametrize(("label", "place", "lacking"), [(AUTH, AUTH, False), (AUTH, "IKE_AUTH response 2", True)])
def test_of_a_message_that_is_in_clear_too_a_part_was_not_protected(label, place, lacking):
    pair = fragments(good_pair(HYBRID), label, (1, 2))
    piece = pair.message(place).pieces[0]
    bare = Message(piece.message.header, (Notify(NotifyType.INITIAL_CONTACT),)).to_bytes()
    marker = piece.datagram.payload[: -len(piece.octets)]
    both = pair.changed(piece.datagram, piece.datagram, replace(piece.datagram, payload=marker + bare))
    assert lacks(both).startswith("wire.pcapng lacks fragment 2 of 2") is lacking


def test_what_begins_an_ike_sa_is_in_clear_anyway():
    pair = good_pair(HYBRID)
    piece = pair.message("IKE_SA_INIT request 0").pieces[0]
    part = Message(piece.message.header, (EncryptedFragment(PayloadType.SA, 1, 2, bytes(40)),)).to_bytes()
    both = pair.changed(piece.datagram, piece.datagram, replace(piece.datagram, payload=part))
    assert lacks(both).startswith("wire.pcapng lacks fragment 2 of 2 of the IKE_SA_INIT request 0")


def adding_to_the_answer(*more: Transform) -> Alter:
    def edit(payload: SecurityAssociation) -> SecurityAssociation:
        (proposal,) = payload.proposals
        return replace(payload, proposals=(replace(proposal, transforms=(*proposal.transforms, *more)),))

    return edited(each_of(SecurityAssociation, edit), ANSWER)


def test_a_declined_exchange_is_none_where_another_one_took_place_without_a_key_exchange():
    idle = idle_exchange(good_pair(CLASSICAL))
    assert told_otherwise(adding_to_the_answer(Transform(TransformType.ADDKE1, 0))(idle).view) == ""


def test_of_two_algorithms_that_are_chosen_neither_contradicts_what_both_say():
    pair = good_pair(HYBRID)
    two = adding_to_the_answer(Transform(TransformType.ENCR, 3))(pair)
    assert told_otherwise(two.view) == ""
    other = both_telling(two, additional_ke=("ml-kem-1024",))
    assert told_otherwise(other.view).startswith("both report the additional key exchanges ml-kem-1024")
    methods = both_telling(adding_to_the_answer(Transform(TransformType.ADDKE1, 37))(pair), additional_ke=())
    assert told_otherwise(methods.view) == ""


@pytest.mark.parametrize("side", ["initiator", "responder"])
def test_who_reports_no_ike_sa_contradicts_nobody(side):
    pair = both_telling(good_pair(HYBRID), encr="null")
    for step in (ESTABLISHED, Step.TRAFFIC):
        pair = pair.with_step(step, **{side: NOTHING})
    assert told_otherwise(pair.view) == ""


def ended(pair: Pair) -> Pair:
    """Neither side has anything."""
    steps = (replace(pair.report.steps[0], initiator=NOTHING, responder=NOTHING, said="not established"),)
    return pair.with_report(steps=steps)


def of_no_outcome(pair: Pair) -> Pair:
    return replace(pair, expectation=replace(pair.expectation, outcome=Outcome.REFUSED, ike=(), esp=()))


def test_what_is_due_goes_by_what_was_predicted_and_what_came_of_it():
    pair = good_pair(HYBRID)
    own = Expect("pair-esp-both-ways", "K01")
    asking = replace(pair, scenario=replace(pair.scenario, expect=(own,)))
    assert names(asking)[own.check] == "K01" != names(pair)[own.check]
    assert {check.name for check in due_without_asking(Known.PEER_REPORTS, Due.UP, Due.ALWAYS)} <= set(names(pair))
    broken = {check.name for check in due_without_asking(Known.PEER_REPORTS, Due.NOT_UP, Due.ALWAYS)}
    assert set(names(ended(pair))) == {CAME_UP, NEGOTIATED, *broken}
    unanswered = ended(pair.with_datagrams(pair.wire.datagrams[:1]))
    assert set(names(unanswered)) == {CAME_UP, *broken}, "nothing was chosen"
    published = of_no_outcome(good_pair(PUBLISHED))
    assert {check.name for check in due_without_asking(Known.PEER_REPORTS, Due.UP)} <= set(names(published))


def test_all_that_is_due_is_looked_at_where_our_records_fit():
    for pair in (good_pair(HYBRID), good_pair(PUBLISHED), of_no_outcome(good_pair(HYBRID))):
        assert {each.check for each in pair.judge().checks} == set(names(pair))
    wrong = good_pair(HYBRID).with_sa(ESTABLISHED, "initiator", encr="null")
    assert {each.check for each in wrong.judge().checks} == set(names(wrong)), "no record of ours is behind that"


def test_where_a_record_is_in_doubt_what_rests_on_it_is_left_out_and_no_more():
    pair = good_pair(PUBLISHED)
    less = replace(pair.expectation.initiator, ike=pair.expectation.initiator.ike[:1])
    doubted = replace(pair, expectation=replace(pair.expectation, initiator=less))
    view = doubted.view
    left = [due.check.name for due in due_checks(view) if not _rests_on_records(view, due.check)]
    assert [each.check for each in doubted.judge().checks] == left and offered_as_published.name in left


def test_which_objections_our_record_may_be_behind():
    view = good_pair(PUBLISHED).view
    predicted = pair_came_up_as_predicted, pair_negotiated_as_predicted, esp_as_predicted, agreed_as_published
    assert all(_rests_on_records(view, check) for check in predicted)
    assert not _rests_on_records(view, offered_as_published)
    broken = ended(good_pair(PUBLISHED)).with_datagrams(good_pair(PUBLISHED).wire.datagrams[:2]).view
    assert not _rests_on_records(broken, pair_came_up_as_predicted), "it ended without a refusal"
    assert _rests_on_records(broken, esp_as_predicted)
    never = adding_to_the_answer(Transform(TransformType.KE, 99))(good_pair(PUBLISHED)).view
    assert not _rests_on_records(never, pair_negotiated_as_predicted), "it was never offered"
    assert _rests_on_records(never, esp_as_predicted)


@pytest.mark.parametrize(
    ("kinds", "rests"),
    [((REFUSED,), True), ((NotifyType.INVALID_SYNTAX,), False), ((NotifyType.INVALID_SYNTAX, REFUSED), False)],
)
def test_by_another_error_than_for_want_of_a_proposal_no_record_ends_a_case(kinds, rests):
    pair = good_pair(PUBLISHED)
    answer = pair.message(ANSWER)
    told = [Notify(kind) for kind in kinds]
    cut = ended(pair.changed(answer.pieces[0].datagram, clear(answer, told))).view
    assert cut.suite is None and _rests_on_records(cut, pair_came_up_as_predicted) is rests
    beside = [*answer.pieces[0].message.payloads, *told]
    chosen = ended(pair.changed(answer.pieces[0].datagram, clear(answer, beside))).view
    assert chosen.suite is not None and _rests_on_records(chosen, pair_came_up_as_predicted)
