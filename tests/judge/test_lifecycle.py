from __future__ import annotations

from case_builder import PEER_NAME, Case, good
from extra_messages import behind, in_front_of, protected
from judging import initiator, objects, passes, responder

from harness.policy.role import Role
from harness.registry.messages import ExchangeType, Protocol
from harness.registry.notifications import NotifyType
from harness.verify.wire import SeenMessage
from harness.wire.message import INITIATOR, RESPONSE, Header, Message
from harness.wire.payloads import Delete, Notify, Unknown, VendorId

SCENARIO = "lifecycle/liveness-and-delete"
DELETED, ALIVE = "deleted-on-both-sides", "liveness-answered"


def test_alive_and_deleted(role):
    passes(good(SCENARIO, role=role), "liveness-answered")
    passes(good(SCENARIO, role=role), "deleted-on-both-sides")


def test_liveness_that_is_not_answered(role):
    case = good(SCENARIO, role=role)
    request = next(m for m in case.view.messages if m.label.startswith("INFORMATIONAL request") and not m.payloads)
    answer = next(
        m for m in case.view.messages if m.response and m.message_id == request.message_id and m.frame > request.frame
    )
    cut = case.with_datagrams(d for d in case.datagrams if d.frame != answer.frame)
    objects(cut, "liveness-answered", "gets no response", party=PEER_NAME, at=request.pointer)


def test_liveness_that_is_answered_with_an_error(role):
    """An error fails the request that it answers (section 3.10.1); a status, or a Vendor ID, does not."""
    case = good(SCENARIO, role=role)
    request = next(m for m in case.view.messages if m.label.startswith("INFORMATIONAL request") and not m.payloads)
    label = f"INFORMATIONAL response {request.message_id}"
    answers = [m for m in case.view.messages if m.label == label and m.frame > request.frame]
    at = answers[0].pointer
    for kind in (NotifyType.INVALID_SYNTAX, NotifyType.NO_ADDITIONAL_SAS, NotifyType(8191)):
        failed = case.rewritten(label, lambda _, kind=kind: [Notify(kind)])
        objects(failed, ALIVE, "answers an empty request with", party=PEER_NAME, at=at)
    passes(case.rewritten(label, lambda _: [Notify(NotifyType(40_000))]), ALIVE)


def test_liveness_that_nobody_asked_for(role):
    case = good("classical/ecp384", role=role)
    objects(case, ALIVE, "no empty INFORMATIONAL request", party="engine", at="wire.pcapng")


def test_a_deletion_that_is_not_answered(role):
    case = good("classical/ecp384", role=role)
    (request,) = (m for m in case.view.messages if m.label.startswith("INFORMATIONAL request"))
    cut = case.without(f"INFORMATIONAL response {request.message_id}")
    objects(cut, "deleted-on-both-sides", "gets no response", party=responder(role), at=request.pointer)


def test_a_deletion_that_never_came(role):
    case = good("classical/ecp384", role=role)
    (request,) = (m for m in case.view.messages if m.label.startswith("INFORMATIONAL request"))
    objects(case.without(request.label), DELETED, "no Delete", party=initiator(role), at="wire.pcapng")
    child = case.rewritten(request.label, lambda _: [Delete(Protocol.ESP, 4, (bytes(4),))])
    objects(child, DELETED, "no Delete of the IKE SA", party=initiator(role), at="wire.pcapng")


def test_a_deletion_with_words_in_its_answer(role):
    case = good("classical/ecp384", role=role)
    label = "INFORMATIONAL response 2"
    wordy = case.rewritten(label, lambda _: [Notify(NotifyType.INVALID_SYNTAX)])
    objects(wordy, DELETED, "is not empty", party=responder(role), at=case.message(label).pointer)


def test_an_sa_that_is_left_at_the_peer(role):
    case = good("classical/ecp384", role=role)
    left = case.with_evidence(peer_report_after=case.evidence.peer_report)
    objects(left, DELETED, "still reports an IKE SA in state ESTABLISHED", party=PEER_NAME, at="peer/sas-after.json")
    none = case.with_evidence(peer_report_after=None)
    objects(none, DELETED, "is missing", party="", at="peer/sas-after.json", severity="inconclusive")


def deletion(case: Case) -> SeenMessage:
    return next(m for m in case.view.messages if any(isinstance(p, Delete) for p in m.payloads))


def asked(case: Case) -> SeenMessage:
    """Our request to see whether the peer is alive."""
    return next(
        m for m in case.view.messages
        if m.label.startswith("INFORMATIONAL request") and not m.payloads and case.view.sender(m) == "engine"
    )  # fmt: skip


def in_clear(case: Case, number: int, *, by_engine: bool, response: bool = False) -> bytes:
    flags = (INITIATOR if by_engine == (case.evidence.role is Role.INITIATOR) else 0) | (RESPONSE if response else 0)
    spis = case.evidence.secrets.initiator_spi, case.evidence.secrets.responder_spi
    return Message(Header(*spis, ExchangeType.INFORMATIONAL, flags, number), ()).to_bytes()


def answer_of(case: Case, request: SeenMessage) -> SeenMessage:
    return next(
        m for m in case.view.messages
        if m.response and m.message_id == request.message_id and m.from_initiator != request.from_initiator
        and m.exchange == ExchangeType.INFORMATIONAL
    )  # fmt: skip


def test_only_a_sealed_request_of_ours_asks_for_a_sign_of_life(role):
    case = good(SCENARIO, role=role)
    request = asked(case)
    early = in_front_of(case, request.label, in_clear(case, 99, by_engine=True), by_engine=True)
    passes(early, ALIVE)
    none = good("classical/ecp384", role=role)
    theirs = behind(none, protected(none, (), by_engine=False, message_id=7), by_engine=False)
    objects(theirs, ALIVE, "no empty INFORMATIONAL request", party="engine", at="wire.pcapng")


def test_the_first_sign_of_life_that_is_asked_for_is_due(role):
    case = good(SCENARIO, role=role)
    request = asked(case)
    silent = case.with_datagrams(d for d in case.datagrams if d.frame != answer_of(case, request).frame)
    again = behind(silent, protected(case, (), by_engine=True, message_id=50), by_engine=True)
    answered = protected(case, (), by_engine=False, message_id=50, response=True)
    both = behind(again, answered, by_engine=False)
    objects(both, ALIVE, "gets no response", party=PEER_NAME, at=request.pointer)
    forged = behind(silent, in_clear(case, request.message_id, by_engine=False, response=True), by_engine=False)
    objects(forged, ALIVE, "gets no response that decrypts", party=PEER_NAME, at=request.pointer)


def test_who_refused_something_else_still_answers_a_deletion(role):
    case = good("classical/ecp384", role=role)
    request = deletion(case)
    cut = case.without(answer_of(case, request).label).with_report(closed_kind="refused")
    objects(cut, DELETED, "gets no response", party=responder(role), at=request.pointer)
    forged = in_clear(case, request.message_id, by_engine=role is Role.RESPONDER, response=True)
    clear = behind(cut, forged, by_engine=role is Role.RESPONDER)
    objects(clear, DELETED, "gets no response that decrypts", party=responder(role), at=request.pointer)


def test_of_two_deletions_the_first_is_to_be_answered(role):
    case = good("classical/ecp384", role=role)
    request = deletion(case)
    cut = case.without(answer_of(case, request).label)
    by_engine = role is Role.RESPONDER
    second = protected(case, (Delete(Protocol.IKE),), by_engine=by_engine, message_id=0)
    answer = protected(case, (), by_engine=not by_engine, message_id=0, response=True)
    both = behind(behind(cut, second, by_engine=by_engine), answer, by_engine=not by_engine)
    objects(both, DELETED, "gets no response", party=responder(role), at=request.pointer)


def test_what_may_come_along_with_the_answer_to_a_deletion(role):
    case = good("classical/ecp384", role=role)
    label = answer_of(case, deletion(case)).label
    along = (VendorId(b"who"), Notify(NotifyType(40_000)), Unknown(199, b""))
    passes(case.rewritten(label, lambda _old: along), DELETED)
    wrong = case.rewritten(label, lambda _old: [Unknown(199, b"", flags=0x80)])
    at = case.message(label).pointer
    objects(wrong, DELETED, "is not empty", party=responder(role), at=at)
