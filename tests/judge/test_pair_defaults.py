"""Where other defaults of a product than those on record would explain what was seen, and where nothing does."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pair_builder import SECOND, Pair, good_pair

from harness.evidence.peer_report import ESTABLISHED, PeerReport
from harness.oracle.negotiation import acceptable_suites, first_child
from harness.policy.proposals import Policy, ProposalPolicy
from harness.registry.algorithms import algorithm
from harness.registry.notifications import NotifyType
from harness.registry.transforms import TransformType
from harness.scenario.model import Step
from harness.verify.checks.offer import could_choose, offered, policy_of
from harness.verify.checks.published import agreed_as_published, wrongly_chosen
from harness.wire.message import Message
from harness.wire.payloads import Notify, SecurityAssociation
from harness.wire.payloads.security_association import Transform

PUBLISHED, HYBRID, CISCO = "pairs/as-published", "pairs/hybrid", "emulated/cisco-8000-26.1.1"
ANSWER, REQUEST = "IKE_SA_INIT response 0", "IKE_SA_INIT request 0"
AGREED, RECORD, REFUSED = agreed_as_published.name, "pair-offered-as-published", "pair-refused-with-no-proposal-chosen"
NOTHING = PeerReport("1", (), "[]")
NO_PROPOSAL, SYNTAX, OTHER_KE = (
    NotifyType.NO_PROPOSAL_CHOSEN, NotifyType.INVALID_SYNTAX, NotifyType.INVALID_KE_PAYLOAD
)  # fmt: skip
OFFERED_METHOD = algorithm(TransformType.KE, "ecp384").identifier.to_bytes(2)


def recorded(pair: Pair, **policies: tuple[Policy | None, Policy | None]) -> Pair:
    """The same evidence, where our records (``ike``, ``esp``: initiator's, responder's) say something else."""
    sides = pair.expectation.initiator, pair.expectation.responder
    for kind, replaced in policies.items():
        sides = tuple(s if p is None else replace(s, **{kind: p}) for s, p in zip(sides, replaced, strict=True))
    ike = acceptable_suites(sides[0].ike, sides[1].ike)
    esp = acceptable_suites(first_child(sides[0].esp), first_child(sides[1].esp)) if ike else ()
    return replace(
        pair, expectation=replace(pair.expectation, initiator=sides[0], responder=sides[1], ike=ike, esp=esp)
    )


def only(policy: Policy, kind: TransformType, name: str) -> Policy:
    one = (algorithm(kind, name),)
    return tuple(ProposalPolicy({k: one if k == kind else v for k, v in p.transforms.items()}) for p in policy)


def apart(pair: Pair) -> Pair:
    """The same evidence, where our records have no IKE proposal in common."""
    return recorded(pair, ike=(None, only(pair.expectation.responder.ike, TransformType.KE, "modp1024")))


def doubts(pair: Pair) -> list[str]:
    return [each.sentence for each in pair.check(AGREED).objections]


def answered(pair: Pair, *notifies: Notify, responder: PeerReport = NOTHING, said: str = "not established") -> Pair:
    """The responder answers IKE_SA_INIT with these, and nothing comes up."""
    piece = pair.message(ANSWER).pieces[0]
    octets = Message(piece.message.header, notifies).to_bytes()
    cut = pair.changed(piece.datagram, replace(piece.datagram, payload=octets))
    return down(cut.with_datagrams(d for d in cut.wire.datagrams if d.frame <= piece.datagram.frame), responder, said)


def down(pair: Pair, responder: PeerReport = NOTHING, said: str = "not established") -> Pair:
    step = replace(pair.report.steps[0], initiator=NOTHING, responder=responder, said=said)
    return pair.with_report(steps=(step,))


def emulated(pair: Pair, side: str) -> Pair:
    facts = pair.evidence.facts
    return pair.with_evidence(facts=replace(facts, **{side: replace(getattr(facts, side), peer=CISCO)}))


def childless(pair: Pair) -> PeerReport:
    report = pair.reported(ESTABLISHED, "responder")
    return replace(report, sas=(replace(report.sas[0], children=()),))


def test_without_the_request_nobody_is_said_to_have_chosen_wrongly():
    assert not wrongly_chosen(good_pair(PUBLISHED).without(REQUEST).view)
    assert doubts(good_pair(PUBLISHED).without(REQUEST)) == []


def test_a_scenario_with_policies_of_its_own_has_no_defaults_to_doubt():
    pair = good_pair(HYBRID)
    assert doubts(recorded(pair, ike=(None, only(pair.expectation.responder.ike, TransformType.KE, "modp1024")))) == []


def test_a_responder_that_is_told_its_policy_is_not_doubted_and_one_that_is_not_is():
    pair = apart(good_pair(PUBLISHED))
    assert any("leads to nothing in common" in words for words in doubts(pair))
    assert any("leads to nothing in common" in words for words in doubts(emulated(pair, "initiator")))
    assert doubts(emulated(pair, "responder")) == []


REFUSALS = [
    ((Notify(NO_PROPOSAL),), True),
    ((Notify(NO_PROPOSAL), Notify(SYNTAX)), True),
    ((Notify(SYNTAX), Notify(NO_PROPOSAL)), False),
    ((Notify(SYNTAX),), False),
    ((Notify(OTHER_KE, OFFERED_METHOD),), False),
    ((), False),
]


@pytest.mark.parametrize(("notifies", "doubted"), REFUSALS)
def test_which_end_in_clear_other_defaults_would_explain(notifies, doubted):
    assert bool(doubts(answered(good_pair(PUBLISHED), *notifies))) is doubted


APART = [
    ((Notify(NO_PROPOSAL),), False),
    ((Notify(OTHER_KE, OFFERED_METHOD),), True),
    ((Notify(NotifyType(40_000)), Notify(OTHER_KE, OFFERED_METHOD)), True),
    ((Notify(OTHER_KE, OFFERED_METHOD), Notify(NO_PROPOSAL)), False),
    ((Notify(NotifyType(40_000), OFFERED_METHOD),), False),
    ((Notify(OTHER_KE, bytes((0, 2))),), False),
]


@pytest.mark.parametrize(("notifies", "doubted"), APART)
def test_which_end_they_would_explain_where_the_records_have_nothing_in_common(notifies, doubted):
    case = answered(apart(good_pair(PUBLISHED)), *notifies)
    assert bool(doubts(case)) is doubted
    assert doubts(case.without(REQUEST)) == [], "nothing is known of the offer"


SAID = "received NO_PROPOSAL_CHOSEN notify, no CHILD_SA built"


def test_a_child_sa_that_is_refused_is_doubted_where_the_records_lead_to_one():
    pair = good_pair(PUBLISHED)
    assert doubts(down(pair, said=SAID))
    esp = only(pair.expectation.responder.esp, TransformType.ENCR, "chacha20-poly1305")
    gcm = only(pair.expectation.initiator.esp, TransformType.ENCR, "aes-256-gcm-16")
    assert doubts(down(recorded(pair, esp=(gcm, esp)), said=SAID)) == [], "it is as predicted"
    assert not [w for w in doubts(answered(pair, Notify(NO_PROPOSAL), said=SAID)) if "Child SA" in w]
    assert doubts(down(pair.without("IKE_AUTH response 1"), said=SAID)) == []
    assert doubts(down(pair, childless(pair), said="it sends INITIAL_CONTACT")), "which is no error"


def test_a_side_that_reports_nothing_after_a_step_is_for_another_check():
    assert doubts(good_pair(PUBLISHED).with_step(Step.TRAFFIC, responder=NOTHING)) == []


def with_esp(pair: Pair, **parts: str | None) -> Pair:
    for step in (ESTABLISHED, Step.TRAFFIC):
        for side in ("initiator", "responder"):
            pair = pair.with_child(step, side, **parts)
    return pair


def test_integrity_of_its_own_belongs_to_a_cipher_and_no_other():
    pair = good_pair(PUBLISHED)
    assert pair.reported(ESTABLISHED, "initiator").sas[0].children[0].integ is None
    assert doubts(with_esp(pair, integ="hmac-sha2-256-128"))
    block = only(pair.expectation.initiator.esp, TransformType.ENCR, "aes-128-cbc")
    with_mac = tuple(
        ProposalPolicy({**p.transforms, TransformType.INTEG: (algorithm(TransformType.INTEG, "hmac-sha2-256-128"),)})
        for p in block
    )
    known = recorded(pair, esp=(with_mac, with_mac))
    assert doubts(with_esp(known, encr="aes-128-cbc", integ="hmac-sha2-256-128")) == []
    assert doubts(with_esp(known, encr="aes-128-cbc", integ="hmac-sha1-96"))
    assert doubts(with_esp(known, encr="aes-128-cbc", integ=None))


def test_the_offer_that_is_compared_is_the_first_one():
    pair = good_pair(PUBLISHED)
    less = recorded(pair, ike=(pair.expectation.initiator.ike[1:], None))
    request = less.message(REQUEST)
    piece = request.pieces[0]
    late = replace(
        piece.datagram, frame=99, payload=Message(piece.message.header, piece.message.payloads[:-1]).to_bytes()
    )
    for case in (less, less.with_datagrams((*less.wire.datagrams, late))):
        (objection,) = case.check(RECORD).objections
        assert objection.pointer == request.pointer


def test_a_record_that_lacks_a_type_says_none():
    pair = good_pair(PUBLISHED)
    bare = tuple(
        ProposalPolicy({k: v for k, v in p.transforms.items() if k != TransformType.PRF})
        for p in pair.expectation.initiator.ike
    )
    (objection,) = recorded(pair, ike=(bare, None)).check(RECORD).objections
    assert "PRF of proposal 1 is none on record" in objection.sentence


def test_a_list_of_four_is_told_whole():
    pair = good_pair(PUBLISHED)
    first = pair.expectation.initiator.ike[0]
    four = ProposalPolicy({**first.transforms, TransformType.KE: first.of(TransformType.KE)[:4]})
    (objection,) = recorded(pair, ike=((four, *pair.expectation.initiator.ike[1:]), None)).check(RECORD).objections
    on_record = objection.sentence.partition(" on record")[0]
    assert on_record.count(", ") == 3 and "more" not in on_record


def test_a_choice_is_of_the_proposal_whose_number_it_has():
    view = good_pair(PUBLISHED).view
    offer = offered(view)
    assert could_choose(view.suite, offer)
    other = ProposalPolicy({**offer[0].transforms, TransformType.KE: (algorithm(TransformType.KE, "modp1024"),)})
    second = replace(view.suite, proposal_number=2)
    assert could_choose(second, (other, offer[0]))
    assert not could_choose(second, (offer[0], other))


def test_the_first_refusal_of_a_child_sa_in_the_wrong_place_is_told():
    pair = good_pair(HYBRID)
    early = replace(pair, expectation=replace(pair.expectation, esp=()))
    unable = replace(
        early.expectation, outcome=good_pair(HYBRID, "strongswan-6.1", "strongswan-5.9").expectation.outcome
    )
    (objection,) = (
        answered(replace(early, expectation=unable), Notify(NO_PROPOSAL), Notify(SYNTAX)).check(REFUSED).objections
    )
    assert "it ends with NO_PROPOSAL_CHOSEN" in objection.sentence and objection.party == SECOND


def test_a_policy_is_of_one_protocol_and_without_what_says_none():
    """Beside a combined-mode cipher an offer may spell out INTEG NONE, or leave it away (RFC 7296 section 3.3)."""
    (offer,) = (p for p in good_pair(PUBLISHED).message(REQUEST).payloads if isinstance(p, SecurityAssociation))
    (first, *_) = offer.proposals
    none, mac = Transform(TransformType.INTEG, 0), Transform(TransformType.INTEG, 12)
    bare = tuple(t for t in first.transforms if t.type != TransformType.INTEG)

    def read(*transforms: Transform) -> Policy:
        return policy_of(replace(offer, proposals=(replace(first, transforms=transforms),)))

    assert read(*bare, none) == read(*bare)
    assert read(*bare, mac) != read(*bare)
    assert len(read(*bare, none, mac)[0].of(TransformType.INTEG)) == 2
    foreign = replace(first, protocol=type(first.protocol)(2))
    assert len(policy_of(replace(offer, proposals=(first, foreign)), first.protocol)) == 1


def test_what_the_prediction_allows_is_not_chosen_wrongly():
    """Whatever the offer on the wire and the policy on record come to together."""
    pair = emulated(good_pair(PUBLISHED), "responder")
    other = replace(pair.expectation.responder, ike=only(pair.expectation.responder.ike, TransformType.KE, "modp1024"))
    assert not wrongly_chosen(replace(pair, expectation=replace(pair.expectation, responder=other)).view)
    assert wrongly_chosen(replace(pair, expectation=replace(pair.expectation, responder=other, ike=())).view)
