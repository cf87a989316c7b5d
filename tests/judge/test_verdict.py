"""From findings to the verdict and the outcome: two axes, never mixed."""

from __future__ import annotations

from dataclasses import replace
from unittest.mock import patch

import pytest
from case_builder import PEER_NAME, ROOT, Case, build, flipped, good, requirements
from defect_rows import without
from defective import NAME, Defect, Edit
from judging import contradicts, responder

from harness.evidence.model import TraceEntry, WirePicture
from harness.evidence.peer_report import PeerReport
from harness.ike.exchanges import authentication
from harness.policy.role import Role
from harness.registry.messages import ExchangeType
from harness.registry.notifications import NotifyType
from harness.registry.transforms import TransformType
from harness.results.model import Grade, Outcome, Verdict
from harness.scenario.peer_file import load_peers
from harness.verify.judge import judge
from harness.verify.judgement import Judgement
from harness.verify.with_keys import due_checks
from harness.wire.message import Message
from harness.wire.payloads import Authentication, Notify

HYBRID, CLASSICAL, WRONG_PSK = "hybrid/x25519-mlkem768", "classical/ecp384", "authentication/wrong-psk"
EITHER = "hybrid/mlkem768-or-classical"


def ends(judgement: Judgement, verdict: Verdict, outcome: Outcome | None) -> None:
    assert (judgement.verdict, judgement.outcome) == (verdict, outcome), judgement.findings


@pytest.mark.parametrize(
    ("part", "file"),
    [
        ("wire", "wire.pcapng"),
        ("secrets", "secrets.json"),
        ("trace", "trace.jsonl"),
        ("report", "engine/sas.json"),
        ("peer_report", "peer/sas.json"),
        ("peer_report_after", "peer/sas-after.json"),
        ("ikev2_tables", "wireshark/"),
        ("esp_table", "wireshark/"),
    ],
)
def test_missing_evidence_is_inconclusive_and_named(role, part, file):
    judgement = good(role=role).with_evidence(**{part: None}).judge()
    assert judgement.verdict is Verdict.INCONCLUSIVE
    assert judgement.grade is None
    words = [judgement.reason, *(finding.pointer for finding in judgement.findings)]
    assert any(file in word for word in words), words
    assert judgement.reason


def test_nothing_on_the_wire_is_inconclusive(role):
    judgement = good(role=role).with_evidence(wire=WirePicture(())).judge()
    ends(judgement, Verdict.INCONCLUSIVE, None)
    assert "no IKE message of this case" in judgement.reason


@pytest.mark.parametrize("label", ["IKE_SA_INIT response 0", "IKE_INTERMEDIATE response 1", "IKE_AUTH response 2"])
def test_a_capture_with_a_gap_is_nobodys_fault(role, label):
    judgement = good(role=role).without(label).judge()
    ends(judgement, Verdict.INCONCLUSIVE, None)
    assert f"wire.pcapng lacks the {label}" in judgement.reason
    assert judgement.findings == ()


@pytest.mark.parametrize("from_engine", [True, False])
def test_echo_messages_that_the_capture_lacks_are_nobodys_fault(role, from_engine):
    case = good(role=role)
    cut = case.changed(case.esp(from_engine=from_engine)[2])
    judgement = cut.judge()
    ends(judgement, Verdict.INCONCLUSIVE, None)
    what = "requests to" if from_engine else "replies from"
    gap = f"wire.pcapng holds 4 of the 5 echo {what} {PEER_NAME} that engine/sas.json counts"
    assert judgement.reason == gap
    dropped = cut.with_report(capture_drops=3).judge()
    ends(dropped, Verdict.INCONCLUSIVE, None)
    assert dropped.reason == f"{gap}; the kernel dropped 3 frames of the capture"


def test_frames_that_were_dropped_without_a_gap_change_nothing(role):
    assert good(role=role).with_report(capture_drops=3).judge() == good(role=role).judge()


def test_a_preparation_that_failed_is_an_error_and_nobodys_fault():
    case = good("denial-of-service/cookie")
    for answered, verdict in ((True, Verdict.PASS), (False, Verdict.ERROR)):
        left = TraceEntry(0.0, "HalfOpenLeft", {"answered": str(answered)})
        judgement = case.with_evidence(trace=(left, *case.evidence.trace)).judge()
        assert judgement.verdict is verdict
    assert "could not be brought to demand cookies" in judgement.reason
    assert judgement.findings == ()


def test_a_finding_that_is_no_failure_is_told_all_the_same(role):
    """A check says what proved it, or what it objects to: never both."""
    other = lambda old: [replace(p, notify_type=14) if isinstance(p, Notify) else p for p in old]  # noqa: E731
    judgement = good(WRONG_PSK, role=role).rewritten("IKE_AUTH response 1", other).judge()
    (result,) = (result for result in judgement.checks if result.check == "refused-with")
    assert result.passed
    assert result.detail == "; ".join(f.sentence for f in judgement.findings)


@pytest.mark.parametrize(
    ("scenario", "plain"), [(CLASSICAL, True), ("pq-only/mlkem512-in-sa-init", True), (HYBRID, False)]
)
def test_without_an_additional_key_exchange_only_rfc_7296_applies(role, scenario, plain):
    case = good(scenario, role=role)
    named = {check.check: check.requirement for check in case.judge().checks}
    assert named["authenticated"] == ("K03" if plain else "I08")
    assert named["keys-depend-on-every-exchange"] == ("K01" if plain else "A06")
    assert named["key-exchange-sizes"] == "K04"
    (request,) = (m for m in case.view.messages if m.label.startswith("IKE_AUTH request"))
    wrong = lambda old: [replace(p, data=b"") if isinstance(p, Authentication) else p for p in old]  # noqa: E731
    due = next(each for each in due_checks(case.view) if each.check.name == "authenticated")
    found, _ = due.judged(case.rewritten(request.label, wrong).check("authenticated"), requirements())
    assert {each.requirement for each in found} == {"K03" if plain else "I08"}


def test_a_failure_counts_more_than_a_missing_file(role):
    case = good(role=role).awaiting("another word").with_evidence(peer_report=None)
    assert case.judge().verdict is Verdict.FAIL


def test_a_clean_refusal_for_want_of_the_method():
    case = good(HYBRID, "strongswan-6.0")
    ends(case.judge(), Verdict.UNSUPPORTED, Outcome.REFUSED)
    assert case.judge().reason == "strongSwan 6.0 has no ml-kem-768 as ADDKE1"
    assert case.judge().grade is None


@pytest.mark.parametrize("kind", [NotifyType.INVALID_SYNTAX, NotifyType.UNSUPPORTED_CRITICAL_PAYLOAD])
def test_another_refusal_for_want_of_the_method_is_a_failure(kind):
    case = good(HYBRID, "strongswan-5.9")
    judgement = case.rewritten("IKE_SA_INIT response 0", lambda old: [replace(old[0], notify_type=kind)]).judge()
    ends(judgement, Verdict.FAIL, Outcome.REFUSED)
    (finding,) = judgement.findings
    assert (finding.party, finding.requirement, finding.level) == ("strongswan-5.9", "B08", "MUST")


def accepting_what_it_lacks(peer: str, exchange: ExchangeType, edit: Edit) -> Case:
    """The peer accepts the hybrid that it is said to lack, and errs in one more response."""
    policy = good(HYBRID).expectation.responder.ike
    defect = Defect("", exchange, True, edit, "B04", (HYBRID,))
    case = build(HYBRID, peer, product={"ike": policy, "deviation": NAME}, steps=[], doctored=defect.in_force())
    return case.with_evidence(peer_report_after=PeerReport("5.9", (), "[]"))


@pytest.mark.parametrize("peer", ["strongswan-5.9", "strongswan-6.0"])
def test_a_peer_that_accepts_what_it_lacks_and_fails_later_is_no_unsupported_one(peer):
    refusal = [Notify(NotifyType.NO_PROPOSAL_CHOSEN)]
    judgement = accepting_what_it_lacks(peer, ExchangeType.IKE_AUTH, lambda _: refusal).judge()
    ends(judgement, Verdict.FAIL, Outcome.REFUSED)
    finding = judgement.findings[0]
    rule = "B04" if peer == "strongswan-5.9" else "B05"  # 6.0 knows the transform type, and not the method
    assert (finding.check, finding.requirement, finding.party) == ("refused-with", rule, peer)
    assert "accepts proposal 1 with ADDKE1=ml-kem-768, which it does not have" in finding.sentence
    assert finding.pointer == "wire.pcapng#2"
    assert "none for the IKE SA" in {f.check: f for f in judgement.findings}["negotiated-as-predicted"].sentence


def test_a_transform_type_that_was_dropped_from_a_proposal_is_named():
    stripped = without(TransformType.ADDKE1)
    judgement = accepting_what_it_lacks("strongswan-5.9", ExchangeType.IKE_SA_INIT, stripped).judge()
    assert judgement.verdict is Verdict.FAIL
    finding = {f.check: f for f in judgement.findings}["answer-is-a-subset-of-the-offer"]
    assert (finding.requirement, finding.party) == ("B04", "strongswan-5.9")
    assert "accepted proposal 1 without the transform type ADDKE1 that it offers" in finding.sentence


def test_a_clean_refusal_needs_no_look_at_the_negotiation():
    assert "negotiated-as-predicted" not in {check.check for check in good(HYBRID, "strongswan-5.9").judge().checks}


@pytest.mark.parametrize("peer", ["strongswan-5.9", "strongswan-6.0"])
def test_the_second_proposal_is_a_pass_and_classical(peer):
    ends(good(EITHER, peer).judge(), Verdict.PASS, Outcome.CLASSICAL)


def test_the_first_proposal_is_a_pass_and_hybrid(role):
    ends(good(EITHER, role=role).judge(), Verdict.PASS, Outcome.HYBRID)


def test_never_hybrid_without_both():
    ends(good("pq-only/mlkem512-in-sa-init").judge(), Verdict.PASS, Outcome.PQ_ONLY)
    ends(good("multiple-ke/classical-additional").judge(), Verdict.PASS, Outcome.CLASSICAL)
    ends(good("multiple-ke/none-selected").judge(), Verdict.PASS, Outcome.CLASSICAL)


def test_a_silent_downgrade_is_named():
    """The policies agree on the hybrid, the peer takes the second proposal: CLASSICAL, and a FAIL of the peer."""
    classical_only = good(EITHER, "strongswan-6.0").expectation.responder.ike
    judgement = build(EITHER, product={"ike": classical_only}).judge()
    ends(judgement, Verdict.FAIL, Outcome.CLASSICAL)
    by_check = {finding.check: finding for finding in judgement.findings}
    assert by_check["came-up-as-predicted"].party == PEER_NAME
    assert by_check["came-up-as-predicted"].sentence.startswith("HYBRID was predicted")
    assert by_check["negotiated-as-predicted"].party == PEER_NAME
    assert by_check["negotiated-as-predicted"].requirement == ""
    assert by_check["negotiated-as-predicted"].sentence.endswith("both policies prefer another one")


def test_a_wrong_key_is_refused_and_that_is_a_pass(role):
    judgement = good(WRONG_PSK, role=role).judge()
    ends(judgement, Verdict.PASS, Outcome.REFUSED)
    assert judgement.grade is Grade.A


@pytest.mark.parametrize("name", ["sk_d", "sk_ei", "sk_er", "sk_pi", "sk_pr"])
def test_a_refusal_in_ike_auth_has_keys_to_prove(role, name):
    case = good(WRONG_PSK, role=role)
    (keys,) = case.evidence.secrets.generations
    flawed = case.with_secrets(generations=(replace(keys, **{name: flipped(getattr(keys, name))}),))
    contradicts(flawed, f"{name} of generation 0 in secrets.json do not follow")
    request = case.message("IKE_AUTH request 1").pieces[0].datagram
    closed = case.changed(request, replace(request, payload=flipped(request.payload, -1)))
    contradicts(closed, "what wire.pcapng has of it does not open")


def test_established_although_a_refusal_is_predicted(role):
    """K05, which the scenario is filed under, is a SHOULD; to let anybody in is no less a broken MUST."""
    case = build(WRONG_PSK, role=role, product={"psk": b"a pre-shared key"})
    judgement = case.judge()
    ends(judgement, Verdict.FAIL, Outcome.CLASSICAL)
    finding = judgement.findings[0]
    assert (finding.party, finding.requirement, finding.level) == (responder(role), "K03", "MUST")
    assert "was established although it had to be refused" in finding.sentence


def test_another_notify_than_the_one_that_should_be(role):
    case = good(WRONG_PSK, role=role)
    other = lambda old: [replace(p, notify_type=14) if isinstance(p, Notify) else p for p in old]  # noqa: E731
    judgement = case.rewritten("IKE_AUTH response 1", other).judge()
    ends(judgement, Verdict.PASS, Outcome.REFUSED)
    (finding,) = judgement.findings
    assert (finding.severity, finding.level, finding.requirement) == ("should", "SHOULD", "K05")
    assert finding.party == responder(role)


@pytest.mark.parametrize(
    "scenario", [HYBRID, CLASSICAL, "pq-only/mlkem512-in-sa-init", "fragmentation/mlkem1024-at-576"]
)
def test_a_silent_peer_is_broken_and_named(role, scenario):
    """Whatever level the scenario's own requirement has: M02 is a MAY, F07 a SHOULD."""
    case = build(scenario, role=role, tamper=lambda d, by_engine: [] if not by_engine and reached(d) else [d.payload])
    judgement = case.judge()
    ends(judgement, Verdict.FAIL, Outcome.BROKEN)
    finding = judgement.findings[0]
    assert (finding.check, finding.party) == ("came-up-as-predicted", PEER_NAME)


def reached(datagram) -> bool:
    """What the peer would send but for its first request: as the responder it says nothing at all."""
    message = Message.parse(datagram.payload)
    return message.header.is_response or message.header.message_id > 0


def test_a_silent_peer_where_a_refusal_is_due():
    case = build(HYBRID, "strongswan-5.9", tamper=lambda d, by_engine: [d.payload] if by_engine else [])
    judgement = case.judge()
    ends(judgement, Verdict.FAIL, Outcome.BROKEN)
    assert judgement.findings[0].party == "strongswan-5.9"
    wrong = build(WRONG_PSK, tamper=lambda d, by_engine: [d.payload] if by_engine or not late(d) else [])
    judgement = wrong.judge()
    ends(judgement, Verdict.FAIL, Outcome.BROKEN)
    assert judgement.findings[0].party == PEER_NAME


def late(datagram) -> bool:
    return Message.parse(datagram.payload).header.message_id > 0


def test_a_peer_that_refuses_although_the_policies_agree():
    other = good(CLASSICAL).expectation.responder.ike
    judgement = build(HYBRID, product={"ike": other}).judge()
    ends(judgement, Verdict.FAIL, Outcome.REFUSED)
    (finding,) = judgement.findings
    assert finding.party == PEER_NAME
    assert "NO_PROPOSAL_CHOSEN" in finding.sentence
    assert "HYBRID was predicted" in finding.sentence
    assert finding.pointer.startswith("wire.pcapng#")


def test_a_peer_that_offers_something_else_is_to_blame_for_our_refusal():
    other = good(CLASSICAL).expectation.responder.ike
    judgement = build(HYBRID, role=Role.RESPONDER, product={"ike": other}).judge()
    ends(judgement, Verdict.FAIL, Outcome.REFUSED)
    assert judgement.findings[0].party == PEER_NAME
    assert "engine answered NO_PROPOSAL_CHOSEN" in judgement.findings[0].sentence


def test_our_own_refusal_of_what_the_policies_allow_is_ours():
    other = good(CLASSICAL).expectation.initiator.ike
    case = build(HYBRID, role=Role.RESPONDER, engine={"ike": other})
    ends(case.judge(), Verdict.FAIL, Outcome.REFUSED)
    assert case.judge().findings[0].party == "engine"


def test_a_child_sa_that_the_peer_refuses():
    other = good("classical/modp3072").expectation.responder.esp
    judgement = build(CLASSICAL, product={"esp": other}).judge()
    ends(judgement, Verdict.FAIL, Outcome.REFUSED)
    assert judgement.findings[0].party == PEER_NAME
    assert "NO_PROPOSAL_CHOSEN in IKE_AUTH response 1" in judgement.findings[0].sentence


def test_an_auth_that_our_engine_rejects_is_no_established_sa():
    """The wire alone looks fine: AUTH and SA are there and decrypt. Our engine turned it down, and rightly."""
    key = {"count": 0}
    plain = authentication._auth

    def forged(machine, agreement, id_body, message_id, *, by_initiator):
        octets = plain(machine, agreement, id_body, message_id, by_initiator=by_initiator)
        key["count"] += 1
        is_responder = not machine.configuration.initiator
        return flipped(octets) if is_responder and not by_initiator else octets

    case = build(HYBRID, doctored=patch.object(authentication, "_auth", forged))
    assert key["count"] and not case.evidence.report.established
    assert case.view.child_established
    judgement = case.judge()
    ends(judgement, Verdict.FAIL, Outcome.BROKEN)
    assert {f.party for f in judgement.findings if f.check in ("authenticated", "came-up-as-predicted")} == {PEER_NAME}


def test_an_engine_that_believes_more_than_the_wire_shows():
    case = good(HYBRID).rewritten(
        "IKE_AUTH response 2", lambda old: [p for p in old if not isinstance(p, Authentication)]
    )
    contradicts(case, "engine/sas.json says that the IKE SA stood")


def test_what_was_awaited_in_vain_is_a_failure(role):
    judgement = good(role=role).awaiting("the deletion of the IKE SA").judge()
    assert judgement.verdict is Verdict.FAIL
    assert judgement.findings[0].party == PEER_NAME
    assert "the deletion of the IKE SA" in judgement.findings[0].sentence


def test_a_skipped_case_is_not_judged():
    case = good()
    skipped = replace(case.expectation, outcome=None, skipped="the peer cannot")
    judgement = judge(case.scenario, skipped, case.evidence, requirements())
    ends(judgement, Verdict.SKIPPED, None)
    assert judgement.reason == "the peer cannot"


@pytest.mark.parametrize("peer", [name for name in load_peers(ROOT / "peers") if name.startswith("emulated/")])
def test_a_vendors_policy_is_judged_like_a_product(peer):
    case = good("hybrid/ecp384-mlkem1024", peer)
    ends(case.judge(), Verdict.PASS, Outcome.HYBRID)
    assert case.evidence.peer == peer


@pytest.mark.parametrize("peer", [name for name in load_peers(ROOT / "peers") if name.startswith("emulated/")])
def test_a_wrong_key_is_refused_under_a_vendors_policy_too(peer):
    ends(good(WRONG_PSK, peer).judge(), Verdict.PASS, Outcome.REFUSED)


def test_every_finding_says_who_and_where(role):
    last = good(role=role).esp(from_engine=False)[-1]
    flawed = (
        good(role=role).changed(last, replace(last, payload=flipped(last.payload, -1))).with_echo(replies_received=4)
    )
    assert flawed.judge().findings
    for finding in flawed.judge().findings:
        assert finding.party in ("engine", PEER_NAME)
        assert finding.pointer and finding.sentence
        assert finding.requirement in requirements()


def test_known_good_evidence_judged_twice(role):
    case: Case = good(role=role)
    assert case.judge() == case.judge()
    assert case.judge() == replace(case).judge()


def test_a_method_that_our_own_side_lacks_is_an_error_and_nobodys_fault(role):
    judgement = good(HYBRID, role=role).ending("unavailable", "make liboqs").judge()
    ends(judgement, Verdict.ERROR, None)
    assert judgement.findings == ()
    assert judgement.reason == "make liboqs"


MISSING = "multiple-ke/configured-but-missing"
REFUSED = "connection case-1: unknown algorithm ml_kem_768"


def test_a_method_that_is_configured_and_missing_may_be_refused_with_the_configuration():
    """Nothing is on the wire then, and nothing else is asked for."""
    case = build(MISSING, "libreswan-5.2", steps=())
    refused = case.with_evidence(wire=None, secrets=None, trace=None, report=None, configuration_refused=REFUSED)
    ends(refused.judge(), Verdict.UNSUPPORTED, Outcome.REFUSED)
    assert refused.judge().reason.endswith(f"and the configuration that names it is refused: {REFUSED}")
    assert refused.judge().grade is None


@pytest.mark.parametrize(("scenario", "peer"), [(MISSING, PEER_NAME), (HYBRID, PEER_NAME), (HYBRID, "strongswan-6.0")])
def test_any_other_configuration_that_is_refused_is_our_fault(scenario, peer):
    """The sheet says that the build has the method, or the scenario did not ask for more than the build has."""
    judgement = good(scenario, peer).with_evidence(configuration_refused=REFUSED).judge()
    ends(judgement, Verdict.ERROR, None)
    assert REFUSED in judgement.reason


def test_a_method_that_is_configured_and_missing_must_not_be_selected():
    """As strongSwan 6.0 does; where it passes over the proposal instead it is right."""
    both = good(MISSING).expectation.initiator.ike
    selecting = build(MISSING, "strongswan-6.0", steps=(), product={"ike": both})
    ends(selecting.judge(), Verdict.FAIL, selecting.judge().outcome)
    assert {each.party for each in selecting.judge().findings} == {"strongswan-6.0"}
    assert {"B05", "B08"} <= {each.requirement for each in selecting.judge().findings}
    passing = build(MISSING, "strongswan-6.0", steps=())
    ends(passing.judge(), Verdict.UNSUPPORTED, Outcome.REFUSED)


@pytest.mark.parametrize("role", Role)
def test_a_message_of_ours_that_the_trace_does_not_tell_of(role):
    """Then wire and trace are of two conversations: nobody is named, and nothing passes."""
    case = good(HYBRID, role=role)
    for index, entry in enumerate(case.evidence.trace):
        if entry.event == "MessageSent":
            short = case.with_evidence(trace=(*case.evidence.trace[:index], *case.evidence.trace[index + 1 :]))
            judged = short.judge()
            assert (judged.verdict, judged.findings) == (Verdict.INCONCLUSIVE, ())
            assert judged.reason.startswith(f"trace.jsonl lacks the {entry.detail['exchange']} ")
