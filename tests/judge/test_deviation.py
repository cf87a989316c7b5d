"""What a peer makes of our deviations: the right end of each, and the ends that are a peer's fault."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any
from unittest.mock import patch

import pytest
from case_builder import PEER_NAME, Case, build, good, scenarios
from extra_messages import behind, in_front_of, protected
from judging import objects, passes

from harness.crypto.interface import KeyExchange as Method
from harness.crypto.interface import KeyPair
from harness.crypto.key_exchange import key_exchange
from harness.crypto.random_source import Rng
from harness.evidence.model import deviations_in_trace
from harness.ike.errors import PeerMisbehaved
from harness.ike.exchanges import authentication, sa_init
from harness.ike.negotiation import check_answer
from harness.ike.session import Session
from harness.ike.states import PeerAuthenticated
from harness.policy.deviation import Deviation
from harness.policy.role import Role
from harness.registry.identities import IdentificationType
from harness.registry.messages import ExchangeType
from harness.registry.notifications import NotifyType
from harness.registry.transforms import KeyExchangeMethod
from harness.results.model import Outcome, Verdict
from harness.verify.checks.misbehaviour import deviating, deviation_as_traced
from harness.wire.message import Message
from harness.wire.payload import Payload
from harness.wire.payloads import IdentificationResponder, Nonce, Notify, Unknown, VendorId

IN_INIT, IN_AUTH = "errors/critical-payload-in-ike-sa-init", "errors/critical-payload-in-ike-auth"
SHORT_KEY, SHORT_CIPHERTEXT = "multiple-ke/encapsulation-key-short", "multiple-ke/ciphertext-short"
ALTERED, WRONG, TWICE = (
    "multiple-ke/ciphertext-altered",
    "intermediate/int-auth-wrong",
    "negotiation/second-transform-in-the-answer",
)
RESPONDER = Role.RESPONDER


@dataclass(frozen=True)
class Lenient:
    """ML-KEM of a peer that makes any value fit: the length by padding, the contents by ``mend``."""

    true: Method
    mend: Callable[[bytes], bytes] = bytes

    def generate(self, rng: Rng) -> KeyPair:
        return self.true.generate(rng)

    def encapsulate(self, public: bytes, rng: Rng) -> tuple[bytes, bytes]:
        return self.true.encapsulate(public.ljust(self.true.initiator_octets, b"\0"), rng)

    def decapsulate(self, pair: KeyPair, data: bytes) -> bytes:
        return self.true.decapsulate(pair, self.mend(data).ljust(self.true.responder_octets, b"\0"))


def lenient(mend: Callable[[bytes], bytes] = bytes) -> dict[str, object]:
    def method(number: KeyExchangeMethod) -> object:
        true = key_exchange(number)
        return Lenient(true, mend) if number.is_post_quantum else true

    return {"key_exchange": method}


def ignoring_the_critical_bit(scenario: str) -> Case:
    return build(scenario, doctored=patch.object(Session, "_refuse_critical", lambda _self, _payloads: None))


def trusting(role: Role) -> Case:
    """Both sides take any AUTH: ours is right to, as the peer's is good."""
    proof = PeerAuthenticated(b"somebody", IdentificationType.ID_FQDN)
    return build(WRONG, role=role, doctored=patch.object(authentication, "verify", lambda *_a, **_k: proof))


def with_notify(label: str, kind: NotifyType, data: bytes | None = None) -> Callable[[Case], Case]:
    def edit(case: Case) -> Case:
        def other(notify: Notify) -> Notify:
            return replace(notify, notify_type=kind, data=notify.data if data is None else data)

        return case.rewritten(label, lambda old: [other(p) if isinstance(p, Notify) else p for p in old])

    return edit


@pytest.mark.parametrize("scenario", [IN_INIT, IN_AUTH, "intermediate/critical-payload", SHORT_KEY, WRONG])
def test_the_error_that_is_due(scenario):
    passes(good(scenario), "deviation-refused")
    judgement = good(scenario).judge()
    assert (judgement.verdict, judgement.outcome) == (Verdict.PASS, Outcome.REFUSED)


@pytest.mark.parametrize("scenario", [SHORT_CIPHERTEXT, "pq-only/ciphertext-long", WRONG, TWICE])
def test_an_initiator_that_goes_no_further(scenario):
    passes(good(scenario, role=RESPONDER), "deviation-refused")
    judgement = good(scenario, role=RESPONDER).judge()
    assert (judgement.verdict, judgement.outcome) == (Verdict.PASS, Outcome.REFUSED)


@pytest.mark.parametrize(("scenario", "label", "at"), [(IN_INIT, "IKE_SA_INIT", 2), (IN_AUTH, "IKE_AUTH", 4)])
def test_a_critical_payload_that_is_ignored(scenario, label, at):
    case = ignoring_the_critical_bit(scenario)
    place = {"party": PEER_NAME, "at": f"wire.pcapng#{at}", "requirement": "B13"}
    objects(case, "deviation-refused", f"{label} response", **place)
    objects(case, "deviation-refused", "goes on as if", **place)
    judgement = case.judge()
    assert (judgement.verdict, judgement.outcome) == (Verdict.FAIL, Outcome.CLASSICAL)
    assert {finding.party for finding in judgement.findings} == {PEER_NAME}


def test_the_error_names_the_payload():
    case = with_notify("IKE_SA_INIT response 0", NotifyType.UNSUPPORTED_CRITICAL_PAYLOAD, b"\x21")(good(IN_INIT))
    at = {"party": PEER_NAME, "at": "wire.pcapng#2", "requirement": "B13"}
    objects(case, "deviation-refused", "its data is 21, the type of the payload, c8, is due", **at)
    empty = with_notify("IKE_SA_INIT response 0", NotifyType.UNSUPPORTED_CRITICAL_PAYLOAD, b"")(good(IN_INIT))
    objects(empty, "deviation-refused", "its data is empty", **at)


def test_another_error_for_a_critical_payload_fails():
    case = with_notify("IKE_AUTH response 1", NotifyType.INVALID_SYNTAX)(good(IN_AUTH))
    at = {"party": PEER_NAME, "at": "wire.pcapng#4", "requirement": "B13"}
    objects(
        case,
        "deviation-refused",
        "UNSUPPORTED_CRITICAL_PAYLOAD is due, IKE_AUTH response 1 carries INVALID_SYNTAX",
        **at,
    )
    assert case.judge().verdict is Verdict.FAIL


def test_another_error_for_a_bad_key_is_an_unfollowed_should():
    case = with_notify("IKE_INTERMEDIATE response 1", NotifyType.NO_PROPOSAL_CHOSEN)(good(SHORT_KEY))
    place = {"party": PEER_NAME, "at": f"{case.message('IKE_INTERMEDIATE response 1').pointer}", "requirement": "M07"}
    objects(
        case,
        "deviation-refused",
        "INVALID_SYNTAX is due, IKE_INTERMEDIATE response 1 carries NO_PROPOSAL_CHOSEN",
        **place,
    )
    judgement = case.judge()
    assert (judgement.verdict, judgement.outcome) == (Verdict.PASS, Outcome.REFUSED)
    assert [(each.requirement, each.severity) for each in judgement.findings] == [("M07", "should")]


@pytest.mark.parametrize(
    ("scenario", "label", "rule", "verdict"),
    [
        (IN_INIT, "IKE_SA_INIT response 0", "B13", Verdict.FAIL),
        (SHORT_KEY, "IKE_INTERMEDIATE response 1", "M07", Verdict.PASS),
        (WRONG, "IKE_AUTH response 2", "K05", Verdict.PASS),
    ],
)
def test_silence_is_judged_by_what_the_document_asks_for(scenario, label, rule, verdict):
    """An answer to a critical payload is a MUST; those to a bad key and to a wrong AUTH are each a SHOULD."""
    case = good(scenario)
    request = case.message(label.replace("response", "request")).pointer
    silent = case.without(label)
    objects(
        silent, "deviation-refused", "gets no response that can be read", party=PEER_NAME, at=request, requirement=rule
    )
    trace = tuple(
        e for e in case.evidence.trace or () if e.event != "MessageReceived" or e.detail["message_id"] != label[-1]
    )
    judgement = silent.with_evidence(trace=trace).judge()
    assert (judgement.verdict, judgement.outcome) == (verdict, Outcome.BROKEN)


def test_a_demand_for_a_cookie_is_no_answer_to_the_deviation():
    case = build("pq-only/encapsulation-key-short", product={"require_cookie": True})
    assert len(deviating(case.view)) == 2
    passes(case, "deviation-refused")
    assert case.judge().verdict is Verdict.PASS


def test_a_bad_key_that_is_encapsulated_to():
    case = build(SHORT_KEY, product=lenient())
    at = case.message("IKE_INTERMEDIATE response 1").pointer
    objects(
        case,
        "deviation-refused",
        "goes on as if IKE_INTERMEDIATE request 1 were right",
        party=PEER_NAME,
        at=at,
        requirement="M06",
    )
    assert case.judge().verdict is Verdict.FAIL


def test_a_bad_ciphertext_that_is_decapsulated():
    case = build(SHORT_CIPHERTEXT, role=RESPONDER, product=lenient())
    at = case.message("IKE_AUTH request 2").pointer
    objects(case, "deviation-refused", "IKE_AUTH request 2 goes on as if", party=PEER_NAME, at=at, requirement="M08")
    judgement = case.judge()
    assert (judgement.verdict, judgement.outcome) == (Verdict.FAIL, Outcome.BROKEN)


def test_a_wrong_auth_that_a_responder_takes():
    case = trusting(Role.INITIATOR)
    at = case.message("IKE_AUTH response 2").pointer
    objects(
        case,
        "deviation-refused",
        "goes on as if IKE_AUTH request 2 were right",
        party=PEER_NAME,
        at=at,
        requirement="I08",
    )
    assert case.judge().verdict is Verdict.FAIL


def test_a_wrong_auth_that_an_initiator_takes():
    """IKE_AUTH ends with our response: only its status tells that the peer believes us."""
    case = trusting(RESPONDER)
    at = {"party": PEER_NAME, "at": "peer/sas-after.json", "requirement": "I08"}
    objects(case, "deviation-refused", "has an IKE SA in state ESTABLISHED", **at)
    judgement = case.judge()
    assert (judgement.verdict, judgement.outcome) == (Verdict.FAIL, Outcome.CLASSICAL)


def test_a_peer_that_sends_esp_all_the_same():
    up = good("multiple-ke/classical-additional", role=RESPONDER)
    case = good(WRONG, role=RESPONDER)
    late = [replace(each, frame=each.frame + 100) for each in up.esp(from_engine=False)]
    sending = case.with_datagrams((*case.datagrams, *late))
    at = {"party": PEER_NAME, "at": f"wire.pcapng#{late[0].frame}", "requirement": "I08"}
    objects(sending, "deviation-refused", "the peer sends ESP although IKE_AUTH response 2 deviates", **at)


def test_an_answer_with_two_transforms_that_is_taken():
    def choosy(offered, answered, where):
        accepted = answered.proposals[0]
        one = replace(answered, proposals=(replace(accepted, transforms=accepted.transforms[1:]),))
        return check_answer(offered, one, where)

    case = build(TWICE, role=RESPONDER, doctored=patch.object(sa_init, "check_answer", choosy))
    at = case.message("IKE_AUTH request 1").pointer
    objects(case, "deviation-refused", "IKE_AUTH request 1 goes on as if", party=PEER_NAME, at=at, requirement="B03")
    judgement = case.judge()
    assert (judgement.verdict, judgement.outcome) == (Verdict.FAIL, Outcome.CLASSICAL)
    assert {finding.party for finding in judgement.findings} == {PEER_NAME}


def about(planned: Case, played: Case) -> Case:
    """What was played, judged as the case that was planned under the same two policies."""
    known = played.expectation
    expectation = replace(planned.expectation, initiator=known.initiator, responder=known.responder)
    return replace(played, scenario=planned.scenario, expectation=expectation)


def test_a_case_that_ends_before_the_deviation():
    """Whatever ended it, the case says nothing of what it is about: nobody is failed for it."""
    refused = good("authentication/wrong-psk")
    early = about(good("intermediate/int-auth-wrong"), refused)
    judged = early.judge()
    assert (judged.verdict, judged.findings) == (Verdict.ERROR, ())
    assert judged.reason == "the case ended before our deviation: AUTHENTICATION_FAILED in IKE_AUTH response 1"
    objects(early, "deviation-refused", "is not on the wire", party="", at="wire.pcapng", severity="inconclusive")


def test_without_the_peers_word_nothing_is_concluded():
    case = good(IN_AUTH).with_evidence(peer_report_after=None)
    objects(case, "deviation-refused", "is missing", party="", at="peer/sas-after.json", severity="inconclusive")
    assert case.judge().verdict is Verdict.INCONCLUSIVE


def test_an_engine_that_waits_on():
    case = good(IN_AUTH).with_report(timed_out="our deviation to leave")
    objects(case, "deviation-refused", "we waited in vain", party="engine", at="engine/sas.json", requirement=None)


@pytest.mark.parametrize("scenario", [ALTERED, "pq-only/ciphertext-altered"])
def test_an_altered_ciphertext_parts_the_keys(scenario):
    case = good(scenario, role=RESPONDER)
    passes(case, "keys-differ")
    judgement = case.judge()
    assert (judgement.verdict, judgement.outcome) == (Verdict.PASS, Outcome.BROKEN)


def test_keys_that_do_not_depend_on_the_ciphertext():
    case = build(ALTERED, role=RESPONDER, product=lenient(lambda data: bytes((data[0] ^ 1,)) + data[1:]))
    at = case.message("IKE_AUTH request 2").pointer
    objects(case, "keys-differ", "IKE_AUTH request 2 opens with our keys", party=PEER_NAME, at=at, requirement="A06")
    assert case.judge().verdict is Verdict.FAIL


def test_silence_after_an_altered_ciphertext_proves_nothing():
    case = good(ALTERED, role=RESPONDER)
    silent = case.without("IKE_AUTH request 2")
    at = case.message("IKE_INTERMEDIATE response 1").pointer
    objects(silent, "keys-differ", "no message of the peer follows", party="", at=at, severity="inconclusive")


def test_our_own_deviation_is_never_held_against_us(role):
    """In the control every message of ours has a payload too many, and nothing is found."""
    judgement = good("errors/unknown-payload-everywhere", role=role).judge()
    assert (judgement.verdict, judgement.outcome, judgement.findings) == (Verdict.PASS, Outcome.CLASSICAL, ())
    form = {each.check: each.detail for each in good(IN_INIT).judge().checks}["canonical-wire-format"]
    assert form.endswith("but for our own deviation")


def test_what_else_we_do_wrong_is():
    """Only the messages that deviate are excused, and only ours."""
    case = good(IN_AUTH).rewritten("IKE_SA_INIT request 0", lambda old: [replace(old[0], flags=1), *old[1:]])
    found = [finding for finding in case.judge().findings if finding.check == "canonical-wire-format"]
    assert [(finding.party, finding.requirement) for finding in found] == [("engine", "B15")]
    theirs = good(IN_INIT).rewritten("IKE_SA_INIT response 0", lambda old: [replace(old[0], flags=0x80), *old[1:]])
    found = [finding for finding in theirs.judge().findings if finding.check == "canonical-wire-format"]
    assert [(finding.party, finding.requirement) for finding in found] == [(PEER_NAME, "B14")]


def test_refusing_what_is_to_be_skipped_breaks_the_rule_on_it():
    """A peer that rejects any unknown payload."""

    def strict(self: Session, payloads: tuple[object, ...]) -> None:
        if any(isinstance(payload, Unknown) for payload in payloads):
            raise PeerMisbehaved("known payloads", "another", "message", NotifyType.UNSUPPORTED_CRITICAL_PAYLOAD)

    case = build("errors/unknown-payload-everywhere", doctored=patch.object(Session, "_refuse_critical", strict))
    judgement = case.judge()
    assert (judgement.verdict, judgement.outcome) == (Verdict.FAIL, Outcome.REFUSED)
    [finding] = [each for each in judgement.findings if each.check == "came-up-as-predicted"]
    assert (finding.party, finding.requirement) == (PEER_NAME, "B14")


def test_which_messages_deviate_is_told_by_their_octets():
    view = good("errors/unknown-payload-everywhere").view
    kinds = {message.exchange for message in deviating(view)}
    assert kinds == {ExchangeType.IKE_SA_INIT, ExchangeType.IKE_AUTH, ExchangeType.INFORMATIONAL}
    assert {view.sender(message) for message in deviating(view)} == {"engine"}
    assert deviating(good().view) == ()


PLAYED = [
    (name, role)
    for name, scenario in scenarios().items()
    if scenario.deviation is not None
    for role in scenario.roles
]  # fmt: skip


@pytest.mark.parametrize(("scenario", "role"), PLAYED)
def test_every_deviation_is_seen_where_it_left_and_only_there(scenario, role):
    """By the trace as well, which is compared with it; in a case that keeps the rules there is none of its kind."""
    case = good(scenario, role=role)
    assert deviation_as_traced(case.view) == ""
    shown = {(m.exchange, m.message_id, m.response) for m in deviating(case.view)}
    assert shown == {(p.exchange, p.message_id, p.response) for p in deviations_in_trace(case.evidence.trace)}
    kind = case.scenario.deviation
    honest = good("multiple-ke/seven", role=role)
    view = replace(honest.view, scenario=replace(honest.scenario, deviation=kind))
    assert deviating(view) == ()


@pytest.mark.parametrize(("scenario", "role"), PLAYED)
def test_a_deviation_that_the_trace_hides_is_an_error_of_ours(scenario, role):
    case = good(scenario, role=role)
    silent = case.with_evidence(trace=tuple(entry for entry in case.evidence.trace if entry.event != "Deviated"))
    judged = silent.judge()
    assert (judged.verdict, judged.findings) == (Verdict.ERROR, ())
    assert "trace.jsonl does not tell of it" in judged.reason or "before our deviation" in judged.reason


# An altered ciphertext shows in no octet, only in what comes of it.
SHOWN = [(name, role) for name, role in PLAYED if scenarios()[name].deviation is not Deviation.CIPHERTEXT_ALTERED]


@pytest.mark.parametrize(("scenario", "role"), SHOWN)
def test_a_deviation_that_the_octets_do_not_show_is_an_error_of_ours(scenario, role):
    """The trace of a case that deviates, beside the wire of one that does not: nobody is failed, nobody passes."""
    case, honest = good(scenario, role=role), good("multiple-ke/seven", role=role)
    told = [entry for entry in case.evidence.trace if entry.event == "Deviated"]
    mixed = honest.with_evidence(trace=(*honest.evidence.trace, *told))
    judged = about(case, mixed).judge()
    assert (judged.verdict, judged.findings) == (Verdict.ERROR, ())
    assert "its octets do not show it" in judged.reason


def test_a_line_of_the_trace_alters_no_ciphertext():
    """What our engine sent is what it made: then the peer is not failed for keys that agree."""
    case, honest = good(ALTERED, role=RESPONDER), good("hybrid/x25519-mlkem768", role=RESPONDER)
    told = [entry for entry in case.evidence.trace if entry.event == "Deviated"]
    assert told
    mixed = about(case, honest.with_evidence(trace=(*honest.evidence.trace, *told)))
    judged = mixed.judge()
    assert (judged.verdict, judged.findings) == (Verdict.ERROR, ())
    assert "its octets do not show it" in judged.reason


@pytest.mark.parametrize("scenario", [ALTERED, "pq-only/ciphertext-altered"])
def test_an_altered_ciphertext_of_which_the_trace_tells_nothing(scenario):
    case = good(scenario, role=RESPONDER)
    trace = tuple(entry for entry in case.evidence.trace if entry.event != "Deviated")
    judged = case.with_evidence(trace=trace).judge()
    assert (judged.verdict, judged.findings) == (Verdict.ERROR, ())
    assert "deviate, and trace.jsonl does not tell of it" in judged.reason


def test_a_record_without_the_digest_of_the_ciphertext_is_judged_by_the_trace():
    case = good(ALTERED, role=RESPONDER)
    assert case.evidence.secrets.shared_secrets[1].answer_sha256
    old = tuple(replace(entry, answer_sha256="") for entry in case.evidence.secrets.shared_secrets)
    assert case.with_secrets(shared_secrets=old).judge().verdict is Verdict.PASS


REFUSED, DIFFER = "deviation-refused", "keys-differ"


def test_a_case_without_a_reaction_says_nothing_of_one():
    plain = replace(good(IN_AUTH), expectation=good("multiple-ke/seven").expectation)
    for check in (REFUSED, DIFFER):
        objects(plain, check, "is not on the wire", party="", at="wire.pcapng", severity="inconclusive")
    early = replace(good(role=RESPONDER), expectation=good(ALTERED, role=RESPONDER).expectation)
    objects(early, DIFFER, "is not on the wire", party="", at="wire.pcapng", severity="inconclusive")


def test_what_a_product_without_a_status_holds_is_said_to_be_unknown():
    case = good(IN_AUTH)
    assert "it cannot tell" not in case.check(REFUSED).detail
    silent = replace(case.evidence.peer_report_after, silent=True)
    assert case.with_evidence(peer_report_after=silent).check(REFUSED).detail.endswith("it cannot tell")


RESPONSE = "IKE_AUTH response 1"


def said(case: Case, *payloads: Payload, number: int, **options: Any) -> bytes:
    """A message of the peer."""
    return protected(case, payloads, by_engine=False, message_id=number, **options)


DUE = NotifyType.UNSUPPORTED_CRITICAL_PAYLOAD


def test_the_answer_to_another_request_is_not_the_one_that_is_due():
    case = good(IN_AUTH)
    silent = case.without(RESPONSE)
    other = said(case, Notify(DUE, b"\xc8"), number=9, exchange=ExchangeType.IKE_AUTH, response=True)
    at = {"party": PEER_NAME, "at": case.message("IKE_AUTH request 1").pointer, "requirement": "B13"}
    objects(behind(silent, other, by_engine=False), REFUSED, "gets no response that can be read", **at)


def test_an_answer_in_clear_does_not_hide_the_one_that_is_sealed():
    case = good(IN_AUTH)
    header = case.message(RESPONSE).pieces[0].message.header
    forged = Message(header, (Notify(NotifyType.INVALID_SYNTAX),)).to_bytes()
    passes(in_front_of(case, RESPONSE, forged, by_engine=False), REFUSED)


@pytest.mark.parametrize(
    "second", [Notify(NotifyType.INVALID_SYNTAX), Notify(DUE, b"\x21")], ids=["another error", "another type"]
)
def test_of_two_errors_the_first_counts(second):
    passes(good(IN_AUTH).rewritten(RESPONSE, lambda old: [*old, second]), REFUSED)


BESIDE = [
    (IN_AUTH, RESPONSE, "B33"),
    ("intermediate/critical-payload", "IKE_INTERMEDIATE response 1", "I12"),
]


@pytest.mark.parametrize(("scenario", "label", "rule"), BESIDE)
def test_an_error_that_rejects_a_whole_request_stands_alone(scenario, label, rule):
    """ "... the response MUST NOT include any other payloads", but for what anybody skips (RFC 7296 2.21.2)."""
    case, nonce = good(scenario), Nonce(bytes(32))
    vendor, status = VendorId(b"who"), Notify(NotifyType.INITIAL_CONTACT)
    passes(case.rewritten(label, lambda old: [*old, vendor, status]), REFUSED)
    for beside in ([nonce], [status, nonce], [vendor, nonce]):
        more = case.rewritten(label, lambda old, beside=beside: [*old, *beside])
        at = {"party": PEER_NAME, "at": case.message(label).pointer, "requirement": rule}
        assert "Nonce beside" in objects(more, REFUSED, "which is to stand alone", **at).sentence


def test_an_identity_may_stand_beside_a_failed_authentication():
    label = "IKE_AUTH response 2"
    named = IdentificationResponder(IdentificationType.ID_FQDN, b"peer.interop.test")
    passes(good(WRONG).rewritten(label, lambda old: [named, *old]), REFUSED)


def test_only_a_critical_payload_is_one_to_name():
    case = good(IN_AUTH)
    other = Unknown(199, b"")
    two = case.rewritten("IKE_AUTH request 1", lambda old: [*old, other])
    wrong = with_notify(RESPONSE, DUE, b"\xc7")(two)
    at = {"party": PEER_NAME, "at": case.message(RESPONSE).pointer, "requirement": "B13"}
    objects(wrong, REFUSED, "its data is c7", **at)


def test_esp_before_our_deviation_and_esp_of_ours_are_not_held_against_the_peer():
    case, up = good(WRONG, role=RESPONDER), good("multiple-ke/classical-additional", role=RESPONDER)
    early = [replace(each, frame=0) for each in up.esp(from_engine=False)]
    passes(case.with_datagrams((*early, *case.datagrams)), REFUSED)
    ours = [replace(each, frame=each.frame + 100) for each in up.esp(from_engine=True)]
    passes(case.with_datagrams((*case.datagrams, *ours)), REFUSED)


def test_only_a_request_of_the_peer_goes_on():
    case = good(WRONG, role=RESPONDER)
    ours = protected(case, (), by_engine=True, message_id=0, exchange=ExchangeType.CREATE_CHILD_SA)
    asked = behind(case, ours, by_engine=True)
    passes(asked, REFUSED)
    answer = said(case, number=0, exchange=ExchangeType.CREATE_CHILD_SA, response=True)
    passes(behind(asked, answer, by_engine=False), REFUSED)
    theirs = said(case, number=3, exchange=ExchangeType.CREATE_CHILD_SA)
    assert [each.party for each in behind(case, theirs, by_engine=False).check(REFUSED).objections] == [PEER_NAME]


def test_what_an_initiator_says_of_our_deviation_is_told():
    case = good(WRONG, role=RESPONDER)
    last = said(case, Notify(NotifyType.AUTHENTICATION_FAILED), number=3)
    detail = behind(case, last, by_engine=False).check(REFUSED).detail
    assert "AUTHENTICATION_FAILED in INFORMATIONAL request 3" in detail
