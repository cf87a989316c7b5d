"""Additional key exchanges although IKE_INTERMEDIATE is not negotiated (RFC 9370 section 2.2.1)."""

from __future__ import annotations

from dataclasses import replace
from unittest.mock import patch

import pytest
from case_builder import PEER_NAME, Case, build, good
from judging import objects, passes

from harness.ike.exchanges import sa_init, sa_init_answer
from harness.policy.role import Role
from harness.registry.notifications import NotifyType
from harness.results.model import Outcome, Severity, Verdict
from harness.wire.payloads import Notify, SecurityAssociation

SECOND, ALONE = "multiple-ke/unannounced-classical-second", "multiple-ke/unannounced-alone"
ANSWER, ANSWER_ALONE = "multiple-ke/answer-unannounced-classical-second", "multiple-ke/answer-unannounced-alone"
MIXED = "hybrid/mlkem768-or-classical"
RESPONDER = Role.RESPONDER
REQUEST, RESPONSE = "IKE_SA_INIT request 0", "IKE_SA_INIT response 0"
ANNOUNCED = NotifyType.INTERMEDIATE_EXCHANGE_SUPPORTED


def failing(case: Case) -> set[tuple[str, str]]:
    return {(each.party, each.requirement) for each in case.judge().findings if each.severity is Severity.FAIL}


def not_skipping(scenario: str) -> Case:
    """A responder that looks at all proposals alike; it announces nothing, as nothing was announced to it."""
    return build(scenario, doctored=patch.object(sa_init_answer, "without_additional", lambda offered: offered))


def refusing_everything(scenario: str) -> Case:
    """A responder that takes the first proposal, and then finds the announcement missing."""
    nothing = patch.object(sa_init_answer, "without_additional", lambda _: SecurityAssociation(()))
    return build(scenario, doctored=nothing)


# We initiate and do not announce.


def test_the_second_proposal_is_chosen():
    case = good(SECOND)
    for check in ("came-up-as-predicted", "negotiated-as-predicted", "no-intermediate-exchange"):
        passes(case, check)
    judgement = case.judge()
    assert (judgement.verdict, judgement.outcome, judgement.findings) == (Verdict.PASS, Outcome.CLASSICAL, ())


def test_none_is_chosen_where_none_is_left():
    passes(good(ALONE), "deviation-refused")
    judgement = good(ALONE).judge()
    assert (judgement.verdict, judgement.outcome, judgement.findings) == (Verdict.PASS, Outcome.REFUSED, ())


def test_to_refuse_the_whole_offer_is_wrong():
    case = refusing_everything(SECOND)
    at = {"party": PEER_NAME, "at": "wire.pcapng#2", "requirement": "A16"}
    objects(case, "came-up-as-predicted", f"{PEER_NAME} answered NO_PROPOSAL_CHOSEN in IKE_SA_INIT response 0", **at)
    judgement = case.judge()
    assert (judgement.verdict, judgement.outcome) == (Verdict.FAIL, Outcome.REFUSED)
    assert failing(case) == {(PEER_NAME, "A16")}


@pytest.mark.parametrize("scenario", [SECOND, ALONE])
def test_to_choose_what_is_to_be_skipped_is_wrong(scenario):
    case = not_skipping(scenario)
    saying = "accepts proposal 1, which offers an additional key exchange and is to be skipped: IKE_SA_INIT request 0"
    at = {"party": PEER_NAME, "at": "wire.pcapng#2"}
    objects(case, "used-only-when-announced", saying, requirement="A16", **at)
    objects(case, "used-only-when-announced", "agrees on an additional key exchange", requirement="A02", **at)
    assert case.judge().verdict is Verdict.FAIL
    assert {party for party, _ in failing(case)} == {PEER_NAME}
    assert (PEER_NAME, "A16") in failing(case)


def test_a_responder_that_announces_in_its_answer_does_not_make_it_right():
    def announcing(payloads):
        return [*payloads, Notify(ANNOUNCED)]

    case = not_skipping(ALONE).rewritten(RESPONSE, announcing)
    objects(
        case, "used-only-when-announced", "is to be skipped", party=PEER_NAME, at="wire.pcapng#2", requirement="A16"
    )
    objects(
        case,
        "deviation-refused",
        "goes on as if IKE_SA_INIT request 0 were right; NO_PROPOSAL_CHOSEN is due",
        party=PEER_NAME,
        at="wire.pcapng#2",
        requirement="A16",
    )


def test_another_error_than_no_proposal_chosen_is_wrong():
    def other(payloads):
        return [replace(p, notify_type=NotifyType.INVALID_SYNTAX) if isinstance(p, Notify) else p for p in payloads]

    case = good(ALONE).rewritten(RESPONSE, other)
    saying = "NO_PROPOSAL_CHOSEN is due, IKE_SA_INIT response 0 carries INVALID_SYNTAX"
    objects(case, "deviation-refused", saying, party=PEER_NAME, at="wire.pcapng#2", requirement="A16")


# We answer and do not announce.


@pytest.mark.parametrize("scenario", [ANSWER, ANSWER_ALONE])
def test_an_initiator_that_goes_no_further(scenario):
    case = good(scenario, role=RESPONDER)
    passes(case, "deviation-refused")
    judgement = case.judge()
    assert (judgement.verdict, judgement.outcome, judgement.findings) == (Verdict.PASS, Outcome.REFUSED, ())


@pytest.mark.parametrize("scenario", [ANSWER, ANSWER_ALONE])
def test_an_initiator_that_goes_on_all_the_same(scenario):
    trusting = patch.object(sa_init, "_check_announced", lambda _suite, _notifies: None)
    case = build(scenario, role=RESPONDER, doctored=trusting)
    begun = case.message("IKE_INTERMEDIATE request 1")
    saying = "IKE_INTERMEDIATE request 1 goes on as if IKE_SA_INIT response 0 were right"
    objects(case, "deviation-refused", saying, party=PEER_NAME, at=begun.pointer, requirement="A16")
    assert case.judge().verdict is Verdict.FAIL
    assert {party for party, _ in failing(case)} == {PEER_NAME}


# A product initiates and does not announce: the fault is its own, and what our engine makes of it is right.


@pytest.mark.parametrize(
    ("scenario", "outcome"), [(MIXED, Outcome.CLASSICAL), ("hybrid/x25519-mlkem768", Outcome.REFUSED)]
)
def test_an_initiator_that_does_not_announce_is_named_and_our_engine_is_not(scenario, outcome):
    mute = patch.object(sa_init, "supported", lambda _: (Notify(NotifyType.IKEV2_FRAGMENTATION_SUPPORTED),))
    case = build(scenario, role=RESPONDER, doctored=mute)
    first = case.message(REQUEST)
    objects(
        case,
        "used-only-when-announced",
        "offers an additional key exchange and does not announce",
        party=PEER_NAME,
        at=first.pointer,
        requirement="A02",
    )
    judgement = case.judge()
    assert (judgement.verdict, judgement.outcome) == (Verdict.FAIL, outcome)
    assert failing(case) == {(PEER_NAME, "A02")}


def test_our_engine_would_be_named_for_not_skipping():
    """The check is no less strict with us."""
    case = good("hybrid/x25519-mlkem768", role=RESPONDER).rewritten(
        REQUEST, lambda old: [p for p in old if not (isinstance(p, Notify) and p.notify_type == ANNOUNCED)]
    )
    objects(case, "used-only-when-announced", "is to be skipped", party="engine", at="wire.pcapng#2", requirement="A16")
