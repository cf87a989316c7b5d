"""Every check of two products, shown passing and failing, and the verdicts that follow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from all_pair_defects import PLAYED, play
from pair_builder import FIRST, HERE, SECOND, THERE, Pair, good_pair

from harness.evidence.model import ClearPacket, WirePicture
from harness.evidence.peer_report import DELETED, ESTABLISHED, PeerReport
from harness.registry.messages import PayloadType
from harness.registry.notifications import NotifyType
from harness.registry.transforms import TransformType
from harness.results.model import Grade, Outcome, Verdict
from harness.scenario.model import Step
from harness.verify.checks.catalogue import ENGINE_CHECKS, PAIR_CHECKS
from harness.verify.checks.offer import offered_as_published
from harness.verify.checks.published import agreed_as_published
from harness.wire.message import Message
from harness.wire.payload import Payload
from harness.wire.payloads import Encrypted, KeyExchange, Nonce, Notify

RECORD, AGREED = offered_as_published.name, agreed_as_published.name
HYBRID, REKEY, EITHER, CLASSICAL = "pairs/hybrid", "pairs/rekey", "pairs/hybrid-or-classical", "pairs/classical"
PUBLISHED = "pairs/as-published"
IPV6 = "pairs/ipv6"
OLD = "strongswan-5.9"
NOTHING = PeerReport("1", (), "[]")


def test_all_goes_as_the_policies_have_it():
    for scenario, outcome in ((HYBRID, Outcome.HYBRID), (REKEY, Outcome.CLASSICAL), (EITHER, Outcome.HYBRID)):
        judgement = good_pair(scenario).judge()
        assert (judgement.verdict, judgement.outcome, judgement.grade) == (Verdict.PASS, outcome, Grade.B)
        assert judgement.findings == ()
        assert [step.label for step in judgement.ladder][:2] == ["IKE_SA_INIT request 0", "IKE_SA_INIT response 0"]


@pytest.mark.parametrize("name", PAIR_CHECKS)
def test_each_check_passes_and_says_what_it_looked_at(name):
    checked = good_pair(REKEY if name == "pair-rekeyed" else HYBRID).check(name)
    assert checked.objections == ()
    assert checked.detail


def another_suite(pair: Pair) -> Pair:
    """The same wire, where the policies lead to the classical suite."""
    return replace(pair, expectation=good_pair(CLASSICAL).expectation)


def never_up(pair: Pair) -> Pair:
    return pair.with_report(steps=(replace(pair.report.steps[0], responder=NOTHING, said="no answer"),))


def rewritten(pair: Pair, label: str, edit: Callable[[Payload], Payload]) -> Pair:
    """One message, from port 500, with each payload edited."""
    piece = pair.message(label).pieces[0]
    octets = Message(piece.message.header, tuple(map(edit, piece.message.payloads))).to_bytes()
    return pair.changed(piece.datagram, replace(piece.datagram, payload=octets))


def short_key_exchange(pair: Pair) -> Pair:
    label = "IKE_SA_INIT response 0"
    return rewritten(pair, label, lambda p: replace(p, data=p.data[1:]) if isinstance(p, KeyExchange) else p)


def small_intermediate(pair: Pair) -> Pair:
    """An IKE_INTERMEDIATE request with no room for the 1184 octets of an encapsulation key."""
    return rewritten(pair, "IKE_INTERMEDIATE request 1", lambda _: Encrypted(PayloadType.KE, bytes(1100)))


def strange_esp(pair: Pair) -> Pair:
    packet = next(each for each in pair.view.esp if each.destination[0] == THERE)
    return pair.changed(packet, replace(packet, payload=b"\xff" * 4 + packet.payload[4:]))


def echo_lost(pair: Pair) -> Pair:
    """One echo request has no reply."""
    step = next(each for each in pair.report.steps if each.step == Step.TRAFFIC)
    return pair.with_step(Step.TRAFFIC, echo_received=step.echo_sent - 1)


def one_way(pair: Pair) -> Pair:
    gone = [each for each in pair.view.esp if each.destination[0] == THERE]
    return pair.with_wire(datagrams=tuple(each for each in pair.wire.datagrams if each not in gone))


def another_refusal(pair: Pair) -> Pair:
    """The IKE_SA_INIT response says INVALID_SYNTAX, where NO_PROPOSAL_CHOSEN is due."""
    other = Notify(NotifyType.INVALID_SYNTAX)
    return rewritten(pair, "IKE_SA_INIT response 0", lambda p: other if isinstance(p, Notify) else p)


def as_refused(pair: Pair) -> Pair:
    return replace(pair, expectation=good_pair(HYBRID, FIRST, OLD).expectation)


def large_certificate(pair: Pair) -> Pair:
    """The responder's certificate is larger than what it sends in IKE_AUTH."""
    facts = pair.evidence.facts
    return pair.with_evidence(facts=replace(facts, responder=replace(facts.responder, certificate_octets=2000)))


def in_clear(pair: Pair) -> Pair:
    return pair.with_wire(clear=(ClearPacket(9, pair.view.sides[1].inner, pair.view.sides[0].inner, 1),))


def over_ipv6(pair: Pair) -> Pair:
    """The same case between IPv6 addresses."""
    found = {HERE: "2001:db8::10", THERE: "2001:db8::20"}
    datagrams = (
        replace(d, source=(found[d.source[0]], d.source[1]), destination=(found[d.destination[0]], d.destination[1]))
        for d in pair.wire.datagrams
    )
    facts = pair.evidence.facts
    sides = {name: getattr(facts, name) for name in ("initiator", "responder")}
    facts = replace(facts, **{name: replace(side, address=found[side.address]) for name, side in sides.items()})
    return pair.with_evidence(facts=facts).with_wire(datagrams=tuple(datagrams))


def unanswered(pair: Pair) -> Pair:
    """The request to delete, sent twice, to which nobody answers."""
    label = pair.view.messages[-1].label
    cut = pair.without(label)
    request = cut.message(label.replace("response", "request")).pieces[0].datagram
    return cut.changed(request, request, replace(request, frame=request.frame + 1))


def still_there(pair: Pair) -> Pair:
    return pair.with_step(DELETED, responder=pair.reported(Step.TRAFFIC, "responder"))


def the_same_child(pair: Pair) -> Pair:
    return pair.with_step(Step.REKEY_CHILD, initiator=pair.reported(ESTABLISHED, "initiator"))


def the_same_ike_sa(pair: Pair) -> Pair:
    first = pair.reported(ESTABLISHED, "responder").sas[0]
    spis: dict[str, Any] = {"initiator_spi": first.initiator_spi, "responder_spi": first.responder_spi}
    steps = tuple(
        replace(s, responder=replace(s.responder, sas=(replace(s.responder.sas[0], **spis),))) if s.responder.sas else s
        for s in pair.report.steps
    )
    return pair.with_report(steps=steps)


def one_exchange_less(pair: Pair) -> Pair:
    return pair.without(next(m.label for m in pair.view.messages if m.label.startswith("CREATE_CHILD_SA response")))


Spoil = Callable[[Pair], Pair]

SPOILED: list[tuple[str, str, Spoil, str, str]] = [
    ("pair-came-up-as-predicted", HYBRID, another_suite, "CLASSICAL was predicted", ""),
    ("pair-came-up-as-predicted", HYBRID, never_up, "it ended BROKEN", ""),
    ("pair-negotiated-as-predicted", HYBRID, another_suite, "the two policies lead to", SECOND),
    ("pair-negotiated-as-predicted", HYBRID, lambda p: p.without("IKE_SA_INIT response 0"), "no IKE_SA_INIT", SECOND),
    ("pair-exchanges-as-predicted", HYBRID, lambda p: p.without("IKE_INTERMEDIATE request 1"), "0 IKE_INTER", FIRST),
    ("pair-exchanges-as-predicted", HYBRID, lambda p: p.without("IKE_INTERMEDIATE response 1"), "0 IKE_INTER", ""),
    ("pair-exchanges-as-predicted", HYBRID, lambda p: p.without("IKE_AUTH response 2"), "no IKE_AUTH responses", ""),
    ("pair-exchanges-as-predicted", HYBRID, lambda p: p.without("IKE_SA_INIT response 0"), "no suite", ""),
    ("key-exchange-sizes", HYBRID, short_key_exchange, "KE of CURVE25519", SECOND),
    ("pair-key-exchange-sizes", HYBRID, small_intermediate, "too few for ML_KEM_768", FIRST),
    ("pair-key-exchange-sizes", HYBRID, lambda p: p.without("IKE_SA_INIT response 0"), "no suite", ""),
    ("pair-esp-both-ways", HYBRID, lambda p: p.with_step(Step.TRAFFIC, echo_received=0), "0 of 3 echo", ""),
    (
        "pair-esp-both-ways",
        HYBRID,
        lambda p: echo_lost(p.with_child(Step.TRAFFIC, "initiator", packets_in=0)),
        "0 packets in",
        "",
    ),
    (
        "pair-esp-both-ways",
        HYBRID,
        lambda p: echo_lost(p.with_child(Step.TRAFFIC, "responder", packets_out=0)),
        "0 packets out",
        SECOND,
    ),
    ("pair-esp-both-ways", HYBRID, strange_esp, "which reports no such Child SA", FIRST),
    ("pair-esp-both-ways", HYBRID, one_way, f"no ESP packet goes to {SECOND}", ""),
    ("pair-esp-both-ways", HYBRID, never_up, "no traffic was sent", ""),
    ("pair-nothing-in-clear", HYBRID, in_clear, "protocol 1 from", SECOND),
    ("pair-refused-with-no-proposal-chosen", HYBRID, as_refused, "there is no error notification in clear", SECOND),
    ("pair-room-for-certificates", HYBRID, large_certificate, "has room for its certificate of 2000 octets", SECOND),
    (
        "pair-room-for-certificates",
        HYBRID,
        lambda p: p.without("IKE_AUTH request 2"),
        "no IKE_AUTH message of",
        FIRST,
    ),
    ("pair-rekeyed", REKEY, the_same_child, "after rekey-child it still has", FIRST),
    ("pair-rekeyed", REKEY, the_same_ike_sa, "after rekey-ike it still has", SECOND),
    (
        "pair-rekeyed",
        REKEY,
        lambda p: p.with_step(Step.REKEY_IKE, responder=NOTHING).with_step(Step.TRAFFIC, echo_received=0),
        "no standing SAs",
        SECOND,
    ),
    ("pair-rekeyed", REKEY, one_exchange_less, "5 CREATE_CHILD_SA exchanges", ""),
    ("pair-rekeyed", REKEY, lambda p: p.with_report(steps=p.report.steps[:4]), "1 of 6 rekeys were begun", ""),
    ("pair-requests-answered", HYBRID, unanswered, "was sent 2 times and never answered", SECOND),
    ("pair-deleted-on-both-sides", HYBRID, still_there, "still reports an IKE SA", SECOND),
    ("pair-deleted-on-both-sides", HYBRID, lambda p: p.with_datagrams(p.wire.datagrams[:-2]), "no answered INFOR", ""),
    ("pair-sides-agree", HYBRID, lambda p: p.with_sa(ESTABLISHED, "initiator", initiator=False), "initiator", ""),
    (
        "pair-sides-agree",
        HYBRID,
        lambda p: p.with_sa(ESTABLISHED, "responder", encr="null"),
        f"ENCR: {SECOND} reports",
        "",
    ),
    (
        "pair-sides-agree",
        HYBRID,
        lambda p: p.with_sa(ESTABLISHED, "initiator", prf="hmac-sha1"),
        f"PRF: {FIRST} reports",
        "",
    ),
    (
        "pair-sides-agree",
        HYBRID,
        lambda p: p.with_sa(ESTABLISHED, "responder", ke="ecp256"),
        f"KE: {SECOND} reports",
        "",
    ),
    (
        "pair-sides-agree",
        HYBRID,
        lambda p: p.with_sa(ESTABLISHED, "initiator", additional_ke=()),
        f"ADDKE: {FIRST} reports",
        "",
    ),
    ("pair-sides-agree", HYBRID, lambda p: p.with_child(ESTABLISHED, "responder", integ=None), "of one Child SA", ""),
    (
        "pair-esp-as-predicted",
        HYBRID,
        lambda p: p.with_child(ESTABLISHED, "responder", integ=None),
        f"ESP: {SECOND} alone reports",
        "",
    ),
    ("pair-sides-agree", HYBRID, lambda p: p.with_child(ESTABLISHED, "initiator", spi_in="00"), "different Child", ""),
    (
        "pair-sides-agree",
        HYBRID,
        lambda p: p.with_sa(ESTABLISHED, "responder", responder_spi="00" * 8),
        "different IKE SAs",
        "",
    ),
]
"""Check, scenario, what goes wrong, words of the objection, whom it names."""


@pytest.mark.parametrize(("name", "scenario", "spoil", "saying", "party"), SPOILED)
def test_each_check_objects(name, scenario, spoil, saying, party):
    objections = spoil(good_pair(scenario)).check(name, packets=3).objections
    found = [each for each in objections if saying in each.sentence]
    assert found, [each.sentence for each in objections]
    told = name in ("pair-sides-agree", "pair-esp-as-predicted")  # one side's word alone
    assert (found[0].party, found[0].severity) == (party, "inconclusive" if told else "fail")
    assert found[0].pointer.startswith(("wire.pcapng", "steps.json"))


def test_a_case_that_asks_for_ipv6_passes_over_ipv6_alone():
    judgement = over_ipv6(good_pair(IPV6)).judge()
    assert (judgement.verdict, judgement.grade, judgement.findings) == (Verdict.PASS, Grade.B, ())


@pytest.mark.parametrize(
    ("scenario", "spoil", "words"),
    [
        (HYBRID, over_ipv6, "packets are not IPv4, the first from 2001:db8::10"),
        (IPV6, lambda p: p, "packets are not IPv6, the first from 198.51.100.10"),
    ],
)
def test_another_ip_version_is_the_labs_and_no_products_fault(scenario, spoil, words):
    (objection,) = spoil(good_pair(scenario)).check("pair-ip-version").objections
    assert (objection.party, objection.severity) == ("", "inconclusive")
    assert words in objection.sentence
    judgement = good_pair(IPV6).judge()
    assert (judgement.verdict, len(judgement.findings)) == (Verdict.INCONCLUSIVE, 1)


def test_every_check_is_seen_failing():
    in_test_hygiene = {"pair-nothing-left-behind", "pair-no-fault-in-the-log"}
    in_test_pair_record, beside = {RECORD, AGREED}, {"pair-spis-are-due", "pair-ip-version"}
    in_test_pair_exchanges = {"pair-follow-up-exchanges", "pair-message-ids-in-sequence"}
    in_defects = {finding.check for row, scenario in PLAYED for finding in play(row, scenario).judge().findings}
    of_the_wire = set(PAIR_CHECKS) & (set(ENGINE_CHECKS) | {"pair-key-exchange-offered", "pair-esp-numbers"})
    assert of_the_wire <= in_defects
    newer = {
        "pair-messages-as-due", "pair-sealed-in-its-form", "pair-follow-up-sizes", "pair-demands-in-their-form",
        "pair-moves-behind-a-nat", "pair-esp-in-its-form", "pair-esp-in-order", "pair-status-fits",
        "pair-offered-as-told",
    }  # fmt: skip
    assert newer <= in_defects
    elsewhere = in_test_hygiene | in_test_pair_record | beside | in_test_pair_exchanges | of_the_wire | newer
    assert {name for name, *_ in SPOILED} | elsewhere == set(PAIR_CHECKS)


def test_a_refusal_by_another_notification_is_not_the_one_that_is_due():
    refused = good_pair(HYBRID, FIRST, OLD)
    assert refused.check("pair-refused-with-no-proposal-chosen").objections == ()
    judgement = another_refusal(refused).judge()
    assert judgement.verdict is Verdict.FAIL
    (finding,) = judgement.findings
    assert (finding.requirement, finding.party) == ("B08", OLD)
    assert "there is INVALID_SYNTAX" in finding.sentence


def test_a_refused_child_sa_is_not_refused_in_clear():
    pair = good_pair(HYBRID)
    expectation = replace(pair.expectation, outcome=Outcome.REFUSED, esp=())
    checked = replace(pair, expectation=expectation).check("pair-refused-with-no-proposal-chosen")
    assert checked.objections == () and "inside of IKE_AUTH" in checked.detail


def test_an_ike_sa_init_that_is_refused_is_not_a_refused_child_sa():
    pair = good_pair(HYBRID, FIRST, OLD)
    common = good_pair(HYBRID).expectation.ike
    early = replace(pair, expectation=replace(pair.expectation, ike=common, esp=()))
    (objection,) = early.check("pair-refused-with-no-proposal-chosen").objections
    assert (objection.party, objection.severity) == (OLD, "fail")
    assert "NO_PROPOSAL_CHOSEN in IKE_SA_INIT response 0, though" in objection.sentence
    unheard = good_pair(HYBRID).without("IKE_AUTH response 2")
    unheard = replace(unheard, expectation=replace(unheard.expectation, outcome=Outcome.REFUSED, esp=()))
    (objection,) = unheard.check("pair-refused-with-no-proposal-chosen").objections
    assert objection.severity == "inconclusive"


def test_two_published_policies_that_part_are_unsupported_and_say_where():
    judgement = good_pair(PUBLISHED, FIRST, "emulated/cisco-8000-26.1.1").judge()
    assert (judgement.verdict, judgement.outcome) == (Verdict.UNSUPPORTED, Outcome.REFUSED)
    assert judgement.reason.startswith("the two published policies have no IKE proposal in common: ADDKE1: strongSwan")


def test_a_case_cut_short_says_nothing_of_the_deletion():
    pair = good_pair(HYBRID)
    (objection,) = pair.with_report(steps=pair.report.steps[:-1]).check("pair-deleted-on-both-sides").objections
    assert objection.severity == "inconclusive"


def test_an_objection_makes_the_case_fail_with_grade_b():
    judgement = in_clear(good_pair(HYBRID)).judge()
    assert (judgement.verdict, judgement.outcome, judgement.grade) == (Verdict.FAIL, Outcome.HYBRID, Grade.B)
    (finding,) = judgement.findings
    assert (finding.check, finding.requirement, finding.party) == ("pair-nothing-in-clear", "E01", SECOND)


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda p: p.with_evidence(wire=None), "wire.pcapng is missing"),
        (lambda p: p.with_evidence(report=None), "steps.json is missing"),
        (lambda p: p.with_evidence(wire=WirePicture(())), "no IKE message is in the capture"),
        (lambda p: never_up(p).with_evidence(wire=WirePicture(())), f"{FIRST} says: no answer"),
        (lambda p: p.with_report(capture_drops=2), "dropped 2 frames"),
        (
            lambda p: p.with_report(steps=p.report.steps[:-1]),
            "steps.json has the steps established, traffic; those",
        ),
    ],
)
def test_evidence_that_proves_nothing_is_inconclusive(spoil, reason):
    judgement = spoil(good_pair(HYBRID)).judge()
    assert (judgement.verdict, judgement.grade) == (Verdict.INCONCLUSIVE, None)
    assert reason in judgement.reason


def test_a_predicted_refusal_is_unsupported_and_says_what_is_lacking():
    judgement = good_pair(HYBRID, FIRST, OLD).judge()
    assert (judgement.verdict, judgement.outcome, judgement.grade) == (Verdict.UNSUPPORTED, Outcome.REFUSED, None)
    assert "no multiple key exchanges" in judgement.reason


def test_a_refusal_that_was_not_predicted_fails_and_names_who_refused():
    refused = good_pair(HYBRID, FIRST, OLD)
    judgement = replace(refused, expectation=good_pair(HYBRID).expectation).judge()
    assert (judgement.verdict, judgement.outcome, judgement.grade) == (Verdict.FAIL, Outcome.REFUSED, Grade.B)
    (finding,) = judgement.findings
    assert finding.party == OLD
    assert "NO_PROPOSAL_CHOSEN" in finding.sentence


def test_an_exchange_that_breaks_off_is_broken():
    pair = never_up(good_pair(HYBRID)).without("IKE_AUTH response 2")
    judgement = pair.judge()
    assert (judgement.verdict, judgement.outcome) == (Verdict.FAIL, Outcome.BROKEN)
    assert f"{FIRST} says: no answer" in judgement.findings[0].sentence


def test_a_retry_asked_for_is_no_refusal():
    """An IKE_SA_INIT answer of INVALID_KE_PAYLOAD only asks for another method (RFC 7296 section 1.2)."""
    pair = never_up(good_pair(HYBRID))
    piece = pair.message("IKE_SA_INIT response 0").pieces[0]
    notify = Notify(NotifyType.INVALID_KE_PAYLOAD, bytes((0, 31)))
    retry = replace(piece.datagram, payload=Message(piece.message.header, (notify,)).to_bytes())
    assert pair.changed(piece.datagram, retry, piece.datagram).judge().outcome is Outcome.BROKEN


def test_ike_auth_answered_and_no_child_sa_on_either_side_is_a_refusal():
    pair = never_up(good_pair(HYBRID)).with_step(ESTABLISHED, initiator=NOTHING)
    assert pair.judge().outcome is Outcome.REFUSED


def test_a_message_sent_twice_has_its_octets_once():
    pair = small_intermediate(good_pair(HYBRID))
    sent = pair.message("IKE_INTERMEDIATE request 1").pieces[0].datagram
    assert pair.changed(sent, sent, replace(sent, frame=99)).check("pair-key-exchange-sizes").objections


def test_after_a_rekey_either_side_may_be_the_initiator_of_the_ike_sa():
    pair = good_pair(REKEY).with_sa(ESTABLISHED, "responder", initiator=True)
    assert pair.check("pair-sides-agree").objections == ()


def test_who_knows_ml_kem_falls_back_for_who_does_not():
    pair = good_pair(EITHER, FIRST, OLD)
    assert pair.judge().outcome is Outcome.CLASSICAL
    assert pair.view.suite is not None
    assert TransformType.ADDKE1 not in pair.view.suite.transforms


def test_the_suite_is_that_of_the_answer_with_a_nonce():
    """One that asks for a cookie or another method comes first, and may carry an SA of whoever wrote it."""
    case = good_pair(CLASSICAL)
    answer = case.message("IKE_SA_INIT response 0")
    message = answer.pieces[0].message
    bare = tuple(payload for payload in message.payloads if not isinstance(payload, Nonce))
    before = replace(answer.pieces[0].datagram, payload=Message(message.header, bare).to_bytes())
    alone = case.changed(answer.pieces[0].datagram, before)
    assert alone.view.suite is None
    assert case.view.suite is not None


def test_a_tunnel_that_is_reported_after_its_deletion_alone_was_never_up():
    case = good_pair(CLASSICAL)
    report = case.reported(ESTABLISHED, "initiator"), case.reported(ESTABLISHED, "responder")
    never = case
    for step in (each.step for each in case.report.steps):
        never = never.with_step(step, initiator=NOTHING, responder=NOTHING)
    late = never.with_step(DELETED, initiator=report[0], responder=report[1])
    assert not late.view.up
    assert case.view.up


def test_a_rekey_of_the_ike_sa_shows_on_the_wire_even_where_nobody_tells_of_it():
    case = good_pair(REKEY)
    for step in {each.step for each in case.report.steps} - {DELETED}:
        for side in ("initiator", "responder"):
            case = case.with_sa(step, side, initiator_spi=None, responder_spi=None)
    assert case.check("pair-rekeyed").objections == ()
    protected = [m for m in case.view.messages if m.protected]
    first = protected[0].pieces[0].octets[:16]
    same = case
    for message in protected:
        for piece in message.pieces:
            datagram = piece.datagram
            payload = datagram.payload.replace(piece.octets[:16], first)
            same = same.changed(datagram, replace(datagram, payload=payload))
    sentences = [each.sentence for each in same.check("pair-rekeyed").objections]
    assert "1 IKE SAs have protected messages on the wire; the rekeys of the IKE SA make it 4" in sentences


def test_echo_requests_that_were_lost_for_good_are_told_and_unsent_ones_prove_nothing():
    case = good_pair(CLASSICAL)
    lost = case.with_step(Step.TRAFFIC, echo_sent=9, echo_received=8, said="8 of 9")
    (objection,) = lost.check("pair-esp-both-ways").objections
    assert (objection.severity, objection.sentence) == ("fail", "8 of 9 echo requests were answered; 8 of 9")
    unsent = case.with_step(Step.TRAFFIC, echo_sent=0, echo_received=0, said="ping: not found")
    (objection,) = unsent.check("pair-esp-both-ways").objections
    assert objection.severity == "inconclusive"
    assert unsent.judge().verdict is Verdict.INCONCLUSIVE


def test_what_both_say_is_said_to_be_compared_only_where_both_say_it():
    case = good_pair(HYBRID)
    detail = case.check("pair-sides-agree").detail
    assert f"being the initiator, ENCR, PRF, KE, ADDKE of {FIRST} and the wire" in detail
    assert "SPIs of the Child SAs, SPIs of the IKE SA, ESP algorithms of both" in detail
    for step in {each.step for each in case.report.steps} - {DELETED}:
        untold = {"initiator": None, "initiator_spi": None, "responder_spi": None, "additional_ke": None}
        case = case.with_sa(step, "responder", **untold).with_child(step, "responder", encr=None, integ=None)
    checked = case.check("pair-sides-agree")
    assert checked.objections == ()
    assert f"; ENCR, PRF, KE of {SECOND} and the wire; SPIs of the Child SAs of both" in checked.detail
    assert "IKE SA" not in checked.detail and "ESP" not in checked.detail
    told = case.check("pair-esp-as-predicted").detail
    assert told == f"{FIRST}: aes-256-cbc with hmac-sha2-512-256"
    assert never_up(case).check("pair-sides-agree").detail.endswith(f"of {FIRST} and the wire")
    nowhere = case.with_report(steps=case.report.steps[-1:])
    assert nowhere.check("pair-sides-agree").detail == "compared: nothing, as nothing stood"
    assert nowhere.check("pair-esp-as-predicted").detail == "neither tells its ESP algorithms"


def test_a_low_counter_is_held_against_a_side_only_for_what_it_sent_and_the_path_shows():
    """What comes in counts once it was decrypted: the other side may have encrypted it wrongly."""
    case = echo_lost(good_pair(HYBRID).with_child(Step.TRAFFIC, "initiator", packets_out=0))
    _, objection = case.check("pair-esp-both-ways", packets=3).objections
    assert objection.party == FIRST and objection.sentence.endswith("3 are due and 3 are on the path")
    gone = [each for each in case.view.esp if each.destination[0] == THERE]
    lost = case.with_wire(datagrams=tuple(each for each in case.wire.datagrams if each not in gone[1:]))
    _, objection = echo_lost(lost).check("pair-esp-both-ways", packets=3).objections
    assert objection.party == "" and objection.sentence.endswith("3 are due and 1 are on the path")
    case = echo_lost(good_pair(HYBRID).with_child(Step.TRAFFIC, "initiator", packets_in=0))
    _, objection = case.check("pair-esp-both-ways", packets=3).objections
    assert objection.party == "" and objection.sentence.endswith("3 are due and 3 are on the path")


@pytest.mark.parametrize("spoil", [{"packets_in": 0}, {"packets_out": 0}])
@pytest.mark.parametrize("side", ["initiator", "responder"])
def test_a_low_counter_beside_echoes_that_all_came_back_is_nobodys(side, spoil):
    pair = good_pair(HYBRID)
    for told in (pair.with_child(Step.TRAFFIC, side, **spoil), pair.with_sa(Step.TRAFFIC, side, children=())):
        judged = told.judge()
        assert judged.verdict is Verdict.INCONCLUSIVE, judged.findings
        assert {each.severity for each in judged.findings} == {"inconclusive"}


def test_esp_that_its_sender_reports_and_its_receiver_does_not_is_either_ones():
    case = strange_esp(good_pair(HYBRID)).with_child(Step.TRAFFIC, "initiator", spi_out="ffffffff")
    (objection,) = (o for o in case.check("pair-esp-both-ways", packets=3).objections if "no such Child" in o.sentence)
    assert objection.party == "" and objection.sentence.endswith(f"reports no such Child SA; {FIRST} does")


def test_without_a_request_no_response_is_due():
    case = good_pair(HYBRID).without("IKE_INTERMEDIATE request 1").without("IKE_INTERMEDIATE response 1")
    assert {each.party for each in case.check("pair-exchanges-as-predicted").objections} == {FIRST}


def test_who_answers_rightly_what_is_offered_is_not_blamed_where_the_offer_is_not_the_policy():
    """The classical wire under the expectation of the hybrid case: the initiator offers what it was not told."""
    wire, told = good_pair(CLASSICAL), good_pair(HYBRID).expectation
    responder = replace(told.responder, ike=(*told.responder.ike, *wire.expectation.responder.ike))
    other = replace(wire, expectation=replace(told, responder=responder))
    (objection,) = other.check("pair-negotiated-as-predicted").objections
    assert objection.party == "" and f"right for what {FIRST} offers, which is not its policy" in objection.sentence
    refused = answered_with(replace(wire, expectation=told), NotifyType.NO_PROPOSAL_CHOSEN)
    (objection,) = refused.check("pair-came-up-as-predicted").objections
    assert objection.party == ""
    (objection,) = answered_with(wire, NotifyType.NO_PROPOSAL_CHOSEN).check("pair-came-up-as-predicted").objections
    assert objection.party == SECOND


def answered_with(pair: Pair, kind: NotifyType) -> Pair:
    """The responder answers IKE_SA_INIT with a notification alone."""
    piece = pair.message("IKE_SA_INIT response 0").pieces[0]
    octets = Message(piece.message.header, (Notify(kind),)).to_bytes()
    return never_up(pair).changed(piece.datagram, replace(piece.datagram, payload=octets))
