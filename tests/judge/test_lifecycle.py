from __future__ import annotations

from case_builder import PEER_NAME, good
from judging import initiator, objects, passes, responder

from harness.registry.messages import Protocol
from harness.registry.notifications import NotifyType
from harness.wire.payloads import Delete, Notify

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
