"""Two peers with their own policies: what our record of them may have wrong is no product's failure, all else is."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pair_builder import FIRST, SECOND, Pair, good_pair

from harness.evidence.model import ClearPacket
from harness.evidence.peer_report import ESTABLISHED, Hygiene, PeerReport, Residue, SaReport
from harness.oracle.negotiation import acceptable_suites, first_child
from harness.policy.proposals import Policy, ProposalPolicy
from harness.registry.algorithms import algorithm
from harness.registry.messages import ExchangeType
from harness.registry.notifications import NotifyType
from harness.registry.transforms import TransformType
from harness.results.model import Finding, Outcome, Verdict
from harness.scenario.model import Step
from harness.verify.checks.agreement import pair_negotiated_as_predicted
from harness.verify.checks.establishment import pair_came_up_as_predicted
from harness.verify.checks.offer import offered_as_published
from harness.verify.checks.published import agreed_as_published
from harness.wire.message import Message
from harness.wire.payloads import Notify, SecurityAssociation

PUBLISHED, HYBRID = "pairs/as-published", "pairs/hybrid"
CISCO = "emulated/cisco-8000-26.1.1"
NOTHING = PeerReport("1", (), "[]")
RECORD, AGREED = offered_as_published.name, agreed_as_published.name
CAME_UP, NEGOTIATED = pair_came_up_as_predicted.name, pair_negotiated_as_predicted.name
PREDICTED = {CAME_UP, NEGOTIATED, "pair-esp-as-predicted", "pair-refused-with-no-proposal-chosen"}


def recorded(pair: Pair, **policies: tuple[Policy | None, Policy | None]) -> Pair:
    """The same evidence, where our records (``ike``, ``esp``: initiator's, responder's) say something else."""
    sides = pair.expectation.initiator, pair.expectation.responder
    for kind, replaced in policies.items():
        sides = tuple(s if p is None else replace(s, **{kind: p}) for s, p in zip(sides, replaced, strict=True))
    ike = acceptable_suites(sides[0].ike, sides[1].ike)
    esp = acceptable_suites(first_child(sides[0].esp), first_child(sides[1].esp)) if ike else ()
    known = replace(pair.expectation, initiator=sides[0], responder=sides[1], ike=ike, esp=esp)
    if not (ike and esp):
        known = replace(known, outcome=Outcome.REFUSED, unsupported="nothing in common")
    return replace(pair, expectation=known)


def only(policy: Policy, kind: TransformType, name: str) -> Policy:
    """A policy with one algorithm alone of a type, wherever it has the type."""
    one = (algorithm(kind, name),)
    return tuple(ProposalPolicy({k: one if k == kind else v for k, v in p.transforms.items()}) for p in policy)


def edited(pair: Pair, label: str, *payloads: Notify | SecurityAssociation) -> Pair:
    """One message in clear with other payloads: a notification instead of all, an SA in its place."""
    piece = pair.message(label).pieces[0]
    (new,) = payloads
    kept = piece.message.payloads
    others = (new,) if isinstance(new, Notify) else tuple(new if isinstance(p, type(new)) else p for p in kept)
    octets = Message(piece.message.header, others).to_bytes()
    return pair.changed(piece.datagram, replace(piece.datagram, payload=octets))


def answered(pair: Pair, notify: Notify) -> Pair:
    """The responder answers IKE_SA_INIT with a notification, and no tunnel comes up."""
    label = "IKE_SA_INIT response 0"
    frame = pair.message(label).pieces[0].datagram.frame
    cut = edited(pair, label, notify)
    return never_up(cut.with_wire(datagrams=tuple(d for d in cut.wire.datagrams if d.frame <= frame)))


def never_up(pair: Pair, said: str = "not established", responder: PeerReport = NOTHING) -> Pair:
    """The initiator gave up, and no Child SA is on either side."""
    nothing = replace(pair.report.steps[0], initiator=NOTHING, responder=responder, said=said)
    return pair.with_report(steps=(nothing,))


def childless(pair: Pair) -> PeerReport:
    """The responder's IKE SA without its Child SA."""
    report = pair.reported(ESTABLISHED, "responder")
    return replace(report, sas=(replace(report.sas[0], children=()),))


def other_offer(pair: Pair) -> Pair:
    """The same evidence, where our record of the initiator has one of the two proposals that it offers."""
    return recorded(pair, ike=(pair.expectation.initiator.ike[:1], None))


def emulated(pair: Pair, side: str) -> Pair:
    """The same evidence, where one side is an emulated vendor, which was told its policy."""
    facts = pair.evidence.facts
    return pair.with_evidence(facts=replace(facts, **{side: replace(getattr(facts, side), peer=CISCO)}))


def chosen(pair: Pair, kind: TransformType, name: str) -> Pair:
    """The responder's answer, in clear, with another algorithm of one type that has no key length; both use it then."""
    label = "IKE_SA_INIT response 0"
    (sa,) = (p for p in pair.message(label).pieces[0].message.payloads if isinstance(p, SecurityAssociation))
    (proposal,) = sa.proposals
    other = algorithm(kind, name).identifier
    transforms = tuple(replace(t, identifier=other) if t.type == kind else t for t in proposal.transforms)
    for step in {each.step for each in pair.view.standing if each.initiator.sas and each.responder.sas}:
        for side in ("initiator", "responder"):
            pair = pair.with_sa(step, side, **{kind.name.lower(): name})
    return edited(pair, label, replace(sa, proposals=(replace(proposal, transforms=transforms),)))


def doubted(pair: Pair) -> Finding:
    """The one finding of a case that proves nothing but that our record and a product disagree."""
    judgement = pair.judge()
    assert (judgement.verdict, judgement.grade) == (Verdict.INCONCLUSIVE, None), judgement.findings
    (finding,) = judgement.findings
    assert (finding.check, finding.party, finding.severity) == (AGREED, "undetermined", "inconclusive")
    assert (
        finding.requirement == finding.level == ""
        and "disagree" in finding.sentence
        and judgement.reason == finding.sentence
    )
    assert not {result.check for result in judgement.checks} & (PREDICTED - {CAME_UP})
    return finding


def failed(pair: Pair) -> dict[str, str]:
    """The party that each failing check names."""
    judgement = pair.judge()
    assert judgement.verdict is Verdict.FAIL
    return {finding.check: finding.party for finding in judgement.findings if finding.severity == "fail"}


def in_clear(pair: Pair) -> Pair:
    return pair.with_wire(clear=(ClearPacket(9, pair.view.sides[1].inner, pair.view.sides[0].inner, 1),))


def test_with_the_right_records_all_checks_are_due():
    judgement = good_pair(PUBLISHED).judge()
    assert (judgement.verdict, judgement.findings) == (Verdict.PASS, ())
    names = {result.check for result in judgement.checks}
    assert {RECORD, AGREED, CAME_UP, NEGOTIATED, "pair-esp-as-predicted", "pair-esp-both-ways"} <= names


def test_an_offer_that_is_not_on_record_is_our_mistake_and_nobody_elses():
    pair = good_pair(PUBLISHED)
    ike = pair.expectation.initiator.ike
    turned = ProposalPolicy({**ike[0].transforms, TransformType.KE: ike[0].of(TransformType.KE)[::-1]})
    for policy, words in (
        (ike[1:], "it has 1 proposals, the wire 2"),
        ((turned, *ike[1:]), "KE of proposal 1 is modp2048, modp8192, modp6144, modp4096 and 9 more on record, ecp256"),
    ):
        judgement = recorded(pair, ike=(policy, None)).judge()
        assert (judgement.verdict, judgement.grade) == (Verdict.INCONCLUSIVE, None)
        (finding,) = judgement.findings
        assert (finding.check, finding.party, finding.severity) == (RECORD, "undetermined", "inconclusive")
        assert "our record" in finding.sentence and words in finding.sentence


def test_what_rests_on_no_record_stays_a_failure_where_the_offer_is_not_on_record():
    pair = other_offer(good_pair(PUBLISHED))
    assert [result.check for result in pair.judge().checks if not result.passed] == [RECORD]
    assert failed(in_clear(pair)) == {"pair-nothing-in-clear": SECOND}
    assert failed(never_up(pair).without("IKE_AUTH response 1")) == {CAME_UP: "undetermined"}
    assert failed(answered(pair, Notify(NotifyType.INVALID_SYNTAX))) == {CAME_UP: SECOND}
    assert failed(chosen(pair, TransformType.KE, "modp1024"))[NEGOTIATED] == SECOND
    faults = Hygiene(Residue(()), ("core dumped",))
    told = {(each.check, each.party) for each in pair.with_evidence(hygiene=(faults, None)).judge().findings}
    assert told == {(RECORD, "undetermined"), ("pair-no-fault-in-the-log", FIRST)}
    cut = pair.without(pair.view.messages[-1].label)
    request = cut.view.messages[-1].pieces[0].datagram
    again = cut.changed(request, request, replace(request, frame=request.frame + 1))
    assert failed(again)["pair-requests-answered"] == SECOND
    for case in (pair, never_up(pair), answered(pair, Notify(NotifyType.NO_PROPOSAL_CHOSEN))):
        judgement = case.judge()
        assert judgement.verdict is Verdict.INCONCLUSIVE
        assert {finding.check for finding in judgement.findings} == {RECORD}


def test_a_choice_of_what_is_on_record_but_not_in_the_offer_is_the_responders():
    pair = good_pair(PUBLISHED)
    sides = (
        only(policy.ike, TransformType.KE, "modp1024")
        for policy in (pair.expectation.initiator, pair.expectation.responder)
    )
    case = chosen(recorded(pair, ike=tuple(sides)), TransformType.KE, "modp1024")
    assert failed(case)[NEGOTIATED] == SECOND


def test_a_vendor_that_is_told_its_policy_is_not_held_to_an_offer_that_is_not_on_record():
    pair = good_pair(PUBLISHED, CISCO, CISCO)
    for case in (other_offer(pair), recorded(pair, ike=(pair.expectation.initiator.ike[1:], None))):
        assert case.judge().verdict is Verdict.INCONCLUSIVE
        assert [result.check for result in case.judge().checks if not result.passed] == [RECORD]


def test_without_a_request_nothing_is_said_of_the_record():
    pair = good_pair(HYBRID).without("IKE_SA_INIT request 0")
    (objection,) = pair.check(RECORD).objections
    assert objection.severity == "inconclusive"


def test_a_choice_of_the_offer_that_the_responders_record_does_not_lead_to_is_our_records():
    """Be it that our record lacks what was chosen, or has it in another order."""
    pair = good_pair(PUBLISHED)
    ike = pair.expectation.responder.ike
    finding = doubted(recorded(pair, ike=(None, only(ike, TransformType.KE, "modp3072"))))
    assert f"our record of {SECOND}" in finding.sentence
    assert "KE=modp3072, but it chose ENCR=aes-128-cbc" in finding.sentence and "KE=ecp256" in finding.sentence
    later = chosen(pair, TransformType.PRF, "hmac-sha1")
    for step in (ESTABLISHED, Step.TRAFFIC):
        for side in ("initiator", "responder"):
            later = later.with_sa(step, side, prf="hmac-sha1")
    assert "PRF=hmac-sha2-256, INTEG=hmac-sha2-256-128, KE=ecp256, but it chose" in doubted(later).sentence


def test_a_choice_that_was_never_offered_is_the_responders():
    pair = good_pair(PUBLISHED)
    for case in (
        chosen(pair, TransformType.KE, "modp1024"),
        chosen(recorded(pair, ike=(None, only(pair.expectation.responder.ike, TransformType.KE, "modp1024"))),
               TransformType.KE, "modp1024"),
    ):  # fmt: skip
        assert failed(case)[NEGOTIATED] == SECOND
        (sentence,) = (f.sentence for f in case.judge().findings if f.check == NEGOTIATED)
        assert sentence.endswith(f"which is no choice from what {FIRST} offers")
    assert failed(never_up(chosen(pair, TransformType.KE, "modp1024")))[NEGOTIATED] == SECOND


def test_a_refusal_that_the_record_does_not_lead_to_is_our_records():
    refused = answered(good_pair(PUBLISHED), Notify(NotifyType.NO_PROPOSAL_CHOSEN))
    assert refused.judge().outcome is Outcome.REFUSED
    finding = doubted(refused)
    assert "leads to ENCR=aes-128-cbc" in finding.sentence
    assert finding.sentence.endswith("but it answered NO_PROPOSAL_CHOSEN in IKE_SA_INIT response 0")


def test_a_refusal_that_no_policy_explains_is_the_responders():
    refused = answered(good_pair(PUBLISHED), Notify(NotifyType.INVALID_SYNTAX))
    assert failed(refused) == {CAME_UP: SECOND}


def test_a_tunnel_where_the_records_have_nothing_in_common_is_our_records_and_is_looked_at():
    pair = good_pair(PUBLISHED)
    apart = recorded(pair, ike=(None, only(pair.expectation.responder.ike, TransformType.KE, "modp1024")))
    finding = doubted(apart)
    assert "leads to nothing in common, but it chose ENCR" in finding.sentence
    assert "pair-esp-both-ways" in {result.check for result in apart.judge().checks}
    assert failed(in_clear(apart)) == {"pair-nothing-in-clear": SECOND}
    method = algorithm(TransformType.KE, "ecp384").identifier.to_bytes(2)
    asked = answered(apart, Notify(NotifyType.INVALID_KE_PAYLOAD, method))
    assert "asked for another key exchange method" in asked.check(AGREED).objections[0].sentence
    assert failed(asked) == {CAME_UP: "undetermined"}


def test_a_method_asked_for_that_was_never_offered_is_the_responders():
    pair = good_pair(PUBLISHED)
    apart = recorded(pair, ike=(None, only(pair.expectation.responder.ike, TransformType.KE, "modp1024")))
    asked = answered(apart, Notify(NotifyType.INVALID_KE_PAYLOAD, bytes((0, 2))))
    assert failed(asked)["pair-refused-with-no-proposal-chosen"] == SECOND
    assert any("there is INVALID_KE_PAYLOAD" in finding.sentence for finding in asked.judge().findings)


@pytest.mark.parametrize("side", [0, 1])
def test_other_esp_than_the_records_lead_to_is_our_records(side: int):
    pair = good_pair(PUBLISHED)
    policy = only(pair.expectation.initiator.esp, TransformType.ENCR, "aes-256-gcm-16")[:1]
    wrong = recorded(pair, esp=(policy, None) if side == 0 else (None, policy))
    assert doubted(wrong).sentence.endswith("ENCR=aes-256-gcm-16, SN=no-esn, but they report aes-128-gcm-16 alone")
    apart = recorded(pair, esp=(policy, only(policy, TransformType.ENCR, "aes-192-gcm-16")))
    assert doubted(apart).sentence.endswith("lead to nothing in common, but they report aes-128-gcm-16 alone")
    for step in (ESTABLISHED, Step.TRAFFIC):
        for name in ("initiator", "responder"):
            apart = apart.with_child(step, name, encr=None, integ=None)
    assert doubted(apart).sentence.endswith("lead to nothing in common, but they report a Child SA")


def test_no_child_sa_where_the_records_lead_to_one_is_our_records():
    pair = good_pair(PUBLISHED)
    words = "received NO_PROPOSAL_CHOSEN notify, no CHILD_SA built"
    for case in (never_up(pair, words), never_up(pair, "not established", childless(pair))):
        sentence = doubted(case).sentence
        assert "the recorded ESP policies lead to ENCR=aes-128-gcm-16" in sentence
        assert "but neither side has a Child SA after" in sentence
        assert sentence.endswith(f"and {FIRST} says: {case.report.steps[0].said}")
    assert good_pair(PUBLISHED).message("IKE_AUTH response 1").exchange == ExchangeType.IKE_AUTH


def test_an_ike_auth_that_fails_for_another_reason_is_explained_by_no_esp_record():
    pair = good_pair(PUBLISHED)
    for case in (
        never_up(pair),
        never_up(pair, "received AUTHENTICATION_FAILED notify error"),
        never_up(pair, "received TS_UNACCEPTABLE notify, no CHILD_SA built", childless(pair)),
        never_up(pair, "not established", replace(childless(pair), sas=(connecting(pair),))),
    ):
        assert case.judge().outcome is Outcome.REFUSED
        assert case.check(AGREED).objections == ()
        assert failed(case) == {CAME_UP: "undetermined"}


def connecting(pair: Pair) -> SaReport:
    return replace(childless(pair).sas[0], state="CONNECTING")


def test_an_exchange_that_breaks_off_is_explained_by_no_record():
    broken = never_up(good_pair(PUBLISHED)).without("IKE_AUTH response 1")
    assert failed(broken) == {CAME_UP: "undetermined"}


def test_two_sides_that_report_different_esp_are_explained_by_no_record():
    pair = good_pair(PUBLISHED).with_child(ESTABLISHED, "responder", encr="aes-256-gcm-16")
    judgement = pair.judge()
    assert judgement.verdict is Verdict.INCONCLUSIVE
    assert {each.party for each in judgement.findings} == {"undetermined"}
    assert "pair-sides-agree" in {each.check for each in judgement.findings}


def test_who_is_told_its_policy_is_held_to_it():
    """An emulated vendor, and every product of a scenario that has policies of its own, runs with what it was told."""
    told = good_pair(PUBLISHED, CISCO, CISCO)
    assert told.judge().verdict is Verdict.PASS
    refused = answered(told, Notify(NotifyType.NO_PROPOSAL_CHOSEN))
    assert failed(refused) == {CAME_UP: CISCO}
    assert refused.check(AGREED).objections == ()
    alone = told.with_child(ESTABLISHED, "responder", encr="null").judge()
    assert alone.verdict is Verdict.INCONCLUSIVE and {each.party for each in alone.findings} == {"undetermined"}
    hybrid = answered(good_pair(HYBRID), Notify(NotifyType.NO_PROPOSAL_CHOSEN))
    assert failed(hybrid) == {CAME_UP: SECOND}


def test_esp_that_a_side_was_not_told_is_no_other_sides_default():
    """The responder's own defaults cannot make an initiator use what it does not offer."""
    pair = good_pair(PUBLISHED)
    told = with_esp(emulated(pair, "initiator"), encr="chacha20-poly1305")
    assert failed(told)["pair-esp-as-predicted"] == "undetermined"  # who offered it, or chose it, nobody can read
    assert told.check(AGREED).objections == ()


def with_esp(pair: Pair, **parts: str | None) -> Pair:
    """Both sides report other ESP algorithms."""
    for step in (ESTABLISHED, Step.TRAFFIC):
        for name in ("initiator", "responder"):
            pair = pair.with_child(step, name, **parts)
    return pair


@pytest.mark.parametrize("side", ["initiator", "responder"])
def test_a_child_sa_of_untold_algorithms_may_be_by_the_defaults_of_the_one_side_that_has_them(side: str):
    pair = emulated(good_pair(PUBLISHED), side)
    ciphers = "aes-192-gcm-16", "aes-256-gcm-16"
    apart = recorded(pair, esp=tuple(only(pair.expectation.initiator.esp, TransformType.ENCR, c)[:1] for c in ciphers))
    untold = with_esp(apart, encr=None, integ=None)
    assert doubted(untold).sentence.endswith("lead to nothing in common, but they report a Child SA")
    strange = with_esp(apart, encr="chacha20-poly1305")
    assert strange.check(AGREED).objections == ()
    assert failed(strange)[CAME_UP] == "undetermined"


def test_a_wrong_choice_of_ike_is_told_beside_an_esp_record_in_doubt():
    """Neither hides the other: the choice is the responder's fault, the ESP algorithms are nobody's."""
    pair = good_pair(PUBLISHED)
    gcm = only(pair.expectation.initiator.esp, TransformType.ENCR, "aes-256-gcm-16")[:1]
    never_offered = chosen(recorded(pair, esp=(gcm, None)), TransformType.KE, "modp1024")
    policy = only(pair.expectation.responder.ike, TransformType.KE, "modp3072")
    untold = recorded(emulated(pair, "responder"), ike=(None, policy), esp=(gcm, None))
    for case, party in ((never_offered, SECOND), (untold, CISCO)):
        assert failed(case)[NEGOTIATED] == party
        assert "pair-esp-as-predicted" not in {result.check for result in case.judge().checks}
        (objection,) = case.check(AGREED).objections
        assert "the recorded ESP policies" in objection.sentence and objection.severity == "inconclusive"
    right = chosen(pair, TransformType.KE, "modp1024")
    assert right.check(AGREED).objections == ()
    assert "pair-esp-as-predicted" in {result.check for result in right.judge().checks}
