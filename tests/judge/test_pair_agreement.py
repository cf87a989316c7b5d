"""What two products tell of the same tunnel: who does not tell a thing is not asked for it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pair_answer_rows import with_key_length
from pair_builder import FIRST, HYBRID_REKEY, SECOND, Pair, good_pair

from harness.evidence.peer_report import ESTABLISHED
from harness.policy.proposals import Suite
from harness.registry.algorithms import algorithm
from harness.registry.messages import ExchangeType
from harness.registry.transforms import TransformType
from harness.scenario.model import Step
from harness.wire.message import Message
from harness.wire.payloads.security_association import SecurityAssociation, Transform

HYBRID, CLASSICAL = "pairs/hybrid", "pairs/classical"
AGREE, ESP, NEGOTIATED = "pair-sides-agree", "pair-esp-as-predicted", "pair-negotiated-as-predicted"


def test_without_the_request_the_choice_is_held_against_the_policies_alone():
    assert good_pair(HYBRID).without("IKE_SA_INIT request 0").check(NEGOTIATED).objections == ()
    other = replace(good_pair(HYBRID), expectation=good_pair(CLASSICAL).expectation)
    (objection,) = other.without("IKE_SA_INIT request 0").check(NEGOTIATED).objections
    assert "the two policies lead to" in objection.sentence


@pytest.mark.parametrize("side", ["initiator", "responder"])
def test_a_product_that_does_not_tell_its_esp_algorithms(side):
    silent = good_pair(HYBRID).with_child(ESTABLISHED, side, encr=None, integ=None)
    assert silent.check(ESP).objections == ()
    assert silent.check(AGREE).objections == ()


@pytest.mark.parametrize("side", ["initiator", "responder"])
def test_a_product_that_does_not_tell_its_spis(side):
    silent = good_pair(HYBRID).with_sa(ESTABLISHED, side, initiator_spi=None, responder_spi=None)
    assert silent.check(AGREE).objections == ()


def test_a_new_ike_sa_of_which_there_is_no_message_yet():
    """Rekeyed, and not used: its SPIs are on nothing in clear (RFC 7296 section 1.3.2)."""
    pair = good_pair(HYBRID_REKEY)
    new = bytes.fromhex(pair.reported(Step.REKEY_IKE, "initiator").sas[0].initiator_spi)
    assert any(new in each.payload for each in pair.wire.datagrams)
    unused = pair.with_datagrams(each for each in pair.wire.datagrams if new not in each.payload)
    assert unused.check(AGREE).objections == ()


def two_children(pair: Pair, side: str, **second: str | None) -> Pair:
    """A side reports one more Child SA in front of its own, and does not tell the algorithms of that."""
    (child,) = pair.reported(ESTABLISHED, side).sas[0].children
    into, out = ("a1a1a1a1", "b2b2b2b2") if side == "initiator" else ("b2b2b2b2", "a1a1a1a1")
    silent = replace(child, encr=None, integ=None, spi_in=into, spi_out=out)
    return pair.with_sa(ESTABLISHED, side, children=(silent, replace(child, **second)))


def test_a_child_sa_of_which_nothing_is_told_does_not_hide_the_next_one():
    one = two_children(good_pair(HYBRID), "initiator")
    assert two_children(one, "responder").check(AGREE).objections == ()
    (objection,) = two_children(one, "responder", encr="null").check(AGREE).objections
    assert "of one Child SA" in objection.sentence


def test_an_answer_repeats_a_key_length_that_is_offered():
    """Who offers it is at fault; and the policies lead to no other algorithm for that."""
    pair = with_key_length(TransformType.PRF, 256, "IKE_SA_INIT request 0", "IKE_SA_INIT response 0")(good_pair(HYBRID))
    (objection,) = pair.check("pair-negotiated-as-predicted").objections
    assert objection.party == ""
    (suite,) = pair.expectation.ike
    known = replace(pair.expectation, ike=(Suite(2, {}), suite))
    (objection,) = replace(pair, expectation=known).check("pair-negotiated-as-predicted").objections
    assert objection.party == "", "one of them is enough"
    for other in (algorithm(TransformType.PRF, "hmac-sha1"), None):
        transforms = {**suite.transforms, TransformType.PRF: other}
        kept = {kind: one for kind, one in transforms.items() if one is not None}
        known = replace(pair.expectation, ike=(replace(suite, transforms=kept),))
        (objection,) = replace(pair, expectation=known).check("pair-negotiated-as-predicted").objections
        assert objection.party == SECOND


def test_an_additional_key_exchange_of_none_is_none():
    """A responder that declines says NONE (RFC 9370 section 2.2.1), and the report of what took place is empty."""
    pair = good_pair(CLASSICAL)
    piece = pair.message("IKE_SA_INIT response 0").pieces[0]

    def declining(payload):
        if not isinstance(payload, SecurityAssociation):
            return payload
        (proposal,) = payload.proposals
        none = Transform(TransformType.ADDKE1, 0)
        return replace(payload, proposals=(replace(proposal, transforms=(*proposal.transforms, none)),))

    octets = Message(piece.message.header, tuple(map(declining, piece.message.payloads))).to_bytes()
    declined = pair.changed(piece.datagram, replace(piece.datagram, payload=octets))
    assert TransformType.ADDKE1 in declined.view.suite.transforms
    assert declined.check(AGREE).objections == ()
    claimed = declined.with_sa(ESTABLISHED, "responder", additional_ke=("ml-kem-768",))
    (objection,) = claimed.check(AGREE).objections  # its status and the wire differ: which of the two is right?
    assert (objection.party, objection.severity) == ("", "inconclusive")
    assert f"ADDKE: {SECOND} reports ('ml-kem-768',), the wire ()" in objection.sentence


def without_intermediate(pair: Pair) -> Pair:
    frames = {p.datagram.frame for m in pair.view.find(ExchangeType.IKE_INTERMEDIATE) for p in m.pieces}
    return pair.with_datagrams(each for each in pair.wire.datagrams if each.frame not in frames)


def telling(pair: Pair, *additional: tuple[str, ...] | None) -> Pair:
    """What initiator and responder tell of the additional key exchanges that took place, at the first step."""
    for side, told in zip(("initiator", "responder"), additional, strict=True):
        pair = pair.with_sa(ESTABLISHED, side, additional_ke=told)
    return pair


KEM = ("ml-kem-768",)


@pytest.mark.parametrize(
    ("additional", "objected"),
    [
        (((), ()), [(FIRST, "A06"), (SECOND, "A06")]),  # the wire has none, and both say so: it was left out
        (((), None), [(FIRST, "A06")]),
        ((None, ()), [(SECOND, "A06")]),
        (((), KEM), [("", "")]),  # the two differ: either report errs
        ((KEM, ()), [("", "")]),
        ((KEM, KEM), []),
        ((None, None), []),
    ],
)
def test_an_additional_key_exchange_that_both_left_out(additional, objected):
    pair = telling(without_intermediate(good_pair(HYBRID)), *additional)
    pair = pair.with_report(steps=pair.report.steps[:1])
    found = pair.check(AGREE).objections
    assert [(each.party, each.requirement) for each in found] == objected


def test_an_exchange_took_place_where_there_is_a_response():
    pair = telling(good_pair(HYBRID).without("IKE_INTERMEDIATE response 1"), (), ())
    found = pair.with_report(steps=pair.report.steps[:1]).check(AGREE).objections
    assert [each.party for each in found] == [FIRST, SECOND]


def test_what_took_place_and_is_told_by_nobody_is_nobodys_fault():
    """The wire has the IKE_INTERMEDIATE exchange: the reports err, or what reads them."""
    pair = telling(good_pair(HYBRID), (), ())
    found = pair.with_report(steps=pair.report.steps[:1]).check(AGREE).objections
    assert {(each.party, each.severity) for each in found} == {("", "inconclusive")} and len(found) == 2


def test_a_side_without_a_report_leaves_nothing_out():
    pair = telling(without_intermediate(good_pair(HYBRID)), (), ())
    for side, told in (("initiator", "responder"), ("responder", "initiator")):
        alone = pair.with_step(ESTABLISHED, **{side: replace(pair.reported(ESTABLISHED, side), sas=())})
        (objection,) = alone.with_report(steps=alone.report.steps[:1]).check(AGREE).objections
        assert (objection.party, objection.severity) == ("", "inconclusive"), told


def test_esp_algorithms_that_the_policies_do_not_lead_to():
    pair = good_pair(HYBRID)
    first = pair.with_report(steps=pair.report.steps[:1])
    both = first.with_child(ESTABLISHED, "initiator", encr="null").with_child(ESTABLISHED, "responder", encr="null")
    found = both.check(ESP).objections
    assert {(each.party, each.severity) for each in found} == {("", "fail")}
    assert all("both report null" in each.sentence for each in found) and len(found) == 1
    for side, name in (("initiator", FIRST), ("responder", SECOND)):
        (objection,) = first.with_child(ESTABLISHED, side, encr="null").check(ESP).objections
        assert objection.severity == "inconclusive"
        assert f"{name} alone reports null" in objection.sentence
    (other,) = first.with_child(ESTABLISHED, "initiator", integ="hmac-sha2-256-128").check(ESP).objections
    assert "with hmac-sha2-256-128" in other.sentence


def test_what_is_reported_after_a_rekey_is_held_against_that_alone():
    pair = good_pair(HYBRID_REKEY)
    for side in ("initiator", "responder"):
        roles = pair.with_sa(Step.REKEY_IKE, side, initiator=side != "initiator")
        assert roles.check(AGREE).objections == ()
    (objection, *_) = good_pair(HYBRID).with_sa(ESTABLISHED, "initiator", initiator=False).check(AGREE).objections
    assert "being the initiator" in objection.sentence and objection.severity == "inconclusive"


def test_spis_that_no_message_has():
    strange = {"initiator_spi": "01" * 8, "responder_spi": "02" * 8}
    (objection, *_) = good_pair(HYBRID).with_sa(ESTABLISHED, "responder", **strange).check(AGREE).objections
    words = f"{SECOND} reports an IKE SA with the SPIs {'01' * 8} and {'02' * 8}, which nothing on the wire has"
    assert words in objection.sentence and objection.severity == "inconclusive"
    for half in ({"initiator_spi": None}, {"responder_spi": None}):
        found = good_pair(HYBRID).with_sa(ESTABLISHED, "responder", **(strange | half)).check(AGREE).objections
        assert not any("which nothing on the wire has" in each.sentence for each in found)


MAC = "hmac-sha2-256-128"
CBC = Suite(
    1,
    {
        TransformType.ENCR: algorithm(TransformType.ENCR, "aes-256-cbc"),
        TransformType.INTEG: algorithm(TransformType.INTEG, MAC),
    },
)


def block_cipher(step: str, pair: Pair, *integ: str | None, encr: str = "aes-256-cbc") -> Pair:
    """What initiator and responder tell of the integrity algorithm of an SA with a block cipher."""
    for side, told in zip(("initiator", "responder"), integ, strict=True):
        pair = pair.with_child(step, side, encr=encr, integ=told)
    return replace(pair, expectation=replace(pair.expectation, esp=(CBC,)))


@pytest.mark.parametrize(
    ("integ", "doubted"),
    [((None, None), 0), ((MAC, MAC), 0), ((MAC, None), 1), ((None, MAC), 1), (("hmac-sha1-96",) * 2, 1)],
)
def test_a_status_may_never_show_the_integrity_algorithm(integ, doubted):
    pair = good_pair(HYBRID)
    one = pair.with_report(steps=pair.report.steps[:1])
    assert len(block_cipher(ESTABLISHED, one, *integ).check(ESP).objections) == doubted


def test_whether_it_does_is_told_of_each_cipher():
    pair = good_pair(HYBRID)
    two = block_cipher(ESTABLISHED, pair.with_report(steps=pair.report.steps[:2]), None, None)
    (objection,) = block_cipher(Step.TRAFFIC, two, MAC, MAC, encr="null").check(ESP).objections
    assert "both report null" in objection.sentence


@pytest.mark.parametrize("side", ["initiator", "responder"])
@pytest.mark.parametrize(("step", "differ"), [(Step.REKEY_CHILD, 0), (Step.TRAFFIC, 1)])
def test_a_child_sa_that_was_rekeyed_may_still_stand_beside_the_new_one(side, step, differ):
    """Who has deleted it already and who has not: no difference right after the rekey, and one later."""
    pair = good_pair("pairs/rekey")
    at = next(index for index, each in enumerate(pair.report.steps) if each.step == Step.REKEY_CHILD)
    steps = list(pair.report.steps[at - 1 : at + 1])
    steps[1] = replace(steps[1], step=step)
    (old,), (new,) = (getattr(each, side).sas[0].children for each in steps)
    report = getattr(steps[1], side)
    both = replace(report, sas=(replace(report.sas[0], children=(old, new)),))
    steps[1] = replace(steps[1], **{side: both})
    found = [o.sentence for o in pair.with_report(steps=tuple(steps)).check(AGREE).objections]
    assert len([words for words in found if "report different Child SAs" in words]) == differ


@pytest.mark.parametrize("side", ["initiator", "responder"])
def test_a_side_that_told_nothing_before_a_rekey_has_nothing_new_to_tell_by_that(side):
    """Both report the SA that stood before: that it is no new one is for another check."""
    pair = good_pair("pairs/rekey")
    (before, _) = pair.report.steps[:2]
    silent = replace(before, **{side: replace(getattr(before, side), sas=())})
    steps = (silent, replace(before, step=Step.REKEY_CHILD))
    found = [o.sentence for o in pair.with_report(steps=steps).check(AGREE).objections]
    assert not [words for words in found if "report different Child SAs" in words]
