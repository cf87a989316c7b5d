from __future__ import annotations

from dataclasses import replace
from unittest.mock import patch

import pytest
from case_builder import PEER_NAME, build, flipped, good
from extra_messages import in_front_of
from idle_exchanges import idle_exchanges
from judging import contradicts, initiator, objects, passes, responder

from harness.policy.role import Role
from harness.registry.notifications import NotifyType
from harness.results.model import Verdict
from harness.verify.checks.authentication import auth_fits, auth_fits_some_first_message, expected_auth
from harness.wire.payloads import Authentication, IdentificationInitiator, IdentificationResponder, Notify

SCENARIOS = ["classical/modp3072", "hybrid/x25519-mlkem768", "multiple-ke/two-with-a-gap", "denial-of-service/cookie"]
REQUEST, RESPONSE = "IKE_AUTH request 2", "IKE_AUTH response 2"


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_auth_over_what_crossed_the_wire(role, scenario):
    passes(good(scenario, role=role), "authenticated")


def edited(edit):
    return lambda old: [edit(p) if isinstance(p, Authentication) else p for p in old]


@pytest.mark.parametrize(("label", "side", "at"), [(REQUEST, initiator, 5), (RESPONSE, responder, 6)])
def test_an_auth_that_does_not_fit(role, label, side, at):
    case = good(role=role).rewritten(label, edited(lambda auth: replace(auth, data=flipped(auth.data))))
    found = objects(case, "authenticated", "AUTH is not what", party=side(role), at=f"wire.pcapng#{at}")
    assert "without IntAuth" not in found.sentence


def test_an_auth_of_another_method(role):
    case = good(role=role).rewritten(RESPONSE, edited(lambda auth: replace(auth, method=14)))
    objects(case, "authenticated", "a shared key is due", party=responder(role), at="wire.pcapng#6")


@pytest.mark.parametrize("kind", [IdentificationInitiator, IdentificationResponder])
def test_an_identity_that_auth_does_not_cover(role, kind):
    label, side = (REQUEST, initiator) if kind is IdentificationInitiator else (RESPONSE, responder)
    swap = lambda old: [replace(p, data=b"other.test") if isinstance(p, kind) else p for p in old]  # noqa: E731
    case = good(role=role).rewritten(label, swap)
    at = f"wire.pcapng#{case.message(label).frame}"
    objects(case, "authenticated", "AUTH is not what", party=side(role), at=at)


def test_an_auth_that_is_missing(role):
    case = good(role=role).rewritten(RESPONSE, lambda old: [p for p in old if not isinstance(p, Authentication)])
    objects(case, "authenticated", "no IKE_AUTH response", party=responder(role), at="wire.pcapng")


def test_both_sides_forget_int_auth(role):
    """RFC 9242 section 3.3.2: a pair that leaves IntAuth out agrees with itself and with nobody else."""
    forgotten = patch("harness.crypto.authentication.int_auth_octets", lambda *_: b"")
    case = build(role=role, doctored=forgotten)
    assert case.evidence.report.established
    found = objects(case, "authenticated", "AUTH is not what", party=initiator(role), at="wire.pcapng#5")
    assert found.sentence.endswith("; it is what they give without IntAuth")


def test_another_pre_shared_key_in_the_record(role):
    case = good(role=role).with_secrets(psk=b"quite another one")
    objects(case, "authenticated", "AUTH is not what", party=initiator(role), at="wire.pcapng#5")


def test_a_first_message_other_than_the_one_that_was_signed(role):
    case = good(role=role).rewritten("IKE_SA_INIT request 0", lambda old: old[:-1])
    objects(case, "authenticated", "AUTH is not what", party=initiator(role), at="wire.pcapng#5")


ANNOUNCED = "multiple-ke/intermediate-announced-classical"


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("scenario", [ANNOUNCED, "hybrid/x25519-mlkem768"])
def test_an_exchange_without_a_key_exchange_is_covered_too(role, scenario, count):
    case = build(scenario, role=role, doctored=idle_exchanges(count))
    passes(case, "authenticated")
    passes(case, "keys-depend-on-every-exchange")
    assert case.judge().verdict is Verdict.PASS


@pytest.mark.parametrize(
    ("scenario", "count"), [("hybrid/x25519-mlkem768", 1), ("hybrid/x25519-mlkem768", 2), ("multiple-ke/seven", 1)]
)
def test_so_is_one_in_front_of_a_key_exchange(role, scenario, count):
    """RFC 9370 section 2.2.2 counts the KE payloads, and section 2.2.1 lets other exchanges take place."""
    case = build(scenario, role=role, doctored=idle_exchanges(count, first=True))
    passes(case, "authenticated")
    passes(case, "key-exchanges-in-their-place")
    assert case.judge().verdict is Verdict.PASS


def test_an_exchange_without_a_key_exchange_that_auth_leaves_out(role):
    """Both sides forget it: they agree with each other, and with nobody else."""
    with patch("harness.crypto.authentication.int_auth_octets", lambda *_: b""):
        case = build(ANNOUNCED, role=role, doctored=idle_exchanges(1))
    at = f"wire.pcapng#{case.message(REQUEST).frame}"
    objects(case, "authenticated", "AUTH is not what", party=initiator(role), at=at)
    contradicts(case, "AUTH of the IKE_AUTH request")


def test_a_right_auth_that_is_refused_although_the_announced_exchange_was_not_used():
    """As Libreswan does it: the reason stands in the finding, and falls away where it would be a guess."""
    refuses = {"psk": b"another key, so that it refuses"}
    findings = build(ANNOUNCED, product=refuses).judge().findings
    assert [(each.party, each.requirement) for each in findings] == [(PEER_NAME, "K03")]
    assert "although AUTH is right: IKE_INTERMEDIATE was announced by both sides" in findings[0].sentence
    for unlike in (
        build(ANNOUNCED, product={**refuses, "announce_intermediate": False}),
        build(ANNOUNCED, role=Role.RESPONDER, product=refuses, doctored=idle_exchanges(1)),
    ):
        sentences = [each.sentence for each in unlike.judge().findings if each.check == "came-up-as-predicted"]
        assert sentences and not any("although AUTH is right" in sentence for sentence in sentences)


def test_what_was_sent_of_ike_auth_is_judged_although_nothing_came_of_it(role):
    """Our engine rejects it, and is not blamed for what it then did not do."""
    case = good(role=role)
    passes(case, "auth-is-as-due")
    for label, party in (("IKE_AUTH request 2", initiator(role)), ("IKE_AUTH response 2", responder(role))):
        without = case.rewritten(label, lambda old: [p for p in old if not isinstance(p, Authentication)])
        at = case.message(label).pointer
        objects(without, "auth-is-as-due", "has no AUTH payload", party=party, at=at, requirement="K03")
        other = case.rewritten(
            label, lambda old: [replace(p, data=flipped(p.data)) if isinstance(p, Authentication) else p for p in old]
        )
        objects(other, "auth-is-as-due", "is not what is due", party=party, at=at, requirement="K03")


TS, NONE, FAILED = NotifyType.TS_UNACCEPTABLE, NotifyType.NO_PROPOSAL_CHOSEN, NotifyType.AUTHENTICATION_FAILED


@pytest.mark.parametrize(
    ("kinds", "rule"), [((TS,), "B33"), ((NONE, TS), "B33"), ((FAILED,), None), ((TS, FAILED), None), ((), "K03")]
)
def test_who_refuses_the_child_sa_alone_still_authenticates(role, kinds, rule):
    """RFC 7296 section 1.2: such an error does "not prevent an IKE SA from being set up"."""
    case = good(role=role).rewritten(RESPONSE, lambda old: [*without_auth(old), *map(Notify, kinds)])
    if rule is None:
        passes(case, "auth-is-as-due")
    else:
        at = {"party": responder(role), "at": case.message(RESPONSE).pointer, "requirement": rule}
        objects(case, "auth-is-as-due", "has no AUTH payload", **at)
    beside = good(role=role).rewritten(RESPONSE, lambda old: [*old, *map(Notify, kinds)])
    passes(beside, "auth-is-as-due")
    if rule == "B33":
        undue = replace(case, expectation=replace(case.expectation, esp=()))
        at = {"party": responder(role), "at": case.message(RESPONSE).pointer, "requirement": rule}
        objects(undue, "auth-is-as-due", "has no AUTH payload", **at)  # be it that it had to be refused
        stranger = case.rewritten(REQUEST, lambda old: [wrong_auth(p) for p in old])
        (found,) = stranger.check("auth-is-as-due").objections  # it is not to be told more
        assert (found.party, found.pointer) == (initiator(role), stranger.message(REQUEST).pointer)


def test_an_error_hides_no_wrong_auth_and_a_status_no_missing_one(role):
    at = {"party": responder(role), "at": good(role=role).message(RESPONSE).pointer, "requirement": "K03"}
    error, status = Notify(FAILED), Notify(NotifyType.USE_TRANSPORT_MODE)
    wrong = good(role=role).rewritten(RESPONSE, lambda old: [*(wrong_auth(p) for p in old), error])
    objects(wrong, "auth-is-as-due", "is not what is due", **at)
    missing = good(role=role).rewritten(RESPONSE, lambda old: [*without_auth(old), status])
    objects(missing, "auth-is-as-due", "has no AUTH payload", **at)


def test_what_was_found_right_is_told(role):
    detail = good(role=role).check("authenticated").detail
    assert detail.endswith(f"IKE_INTERMEDIATE: {initiator(role)}: {REQUEST}; {responder(role)}: {RESPONSE}")
    assert good(role=role).check("auth-is-as-due").detail == f"AUTH is right in {REQUEST} and {RESPONSE}"


def wrong_auth(payload):
    return replace(payload, data=flipped(payload.data)) if isinstance(payload, Authentication) else payload


def without_auth(old):
    return [p for p in old if not isinstance(p, Authentication)]


wrong = edited(lambda auth: replace(auth, data=flipped(auth.data)))


def test_a_request_without_auth_does_not_hide_a_response_with_a_wrong_one(role):
    case = good(role=role).rewritten(REQUEST, without_auth).rewritten(RESPONSE, wrong)
    assert [each.party for each in case.check("authenticated").objections] == [initiator(role), responder(role)]


def test_a_request_that_cannot_be_read_does_not_hide_one_either(role):
    case = good(role=role).rewritten(RESPONSE, wrong)
    datagram = case.message(REQUEST).pieces[0].datagram
    closed = case.changed(datagram, replace(datagram, payload=flipped(datagram.payload, -1)))
    assert [each.party for each in closed.check("auth-is-as-due").objections] == [responder(role)]


def test_the_first_of_two_auth_payloads_counts(role):
    case = good(role=role).rewritten(RESPONSE, lambda old: [*wrong(old), *old])
    objects(case, "authenticated", "AUTH is not what", party=responder(role), at="wire.pcapng#6")
    objects(case, "auth-is-as-due", "is not what is due", party=responder(role), at="wire.pcapng#6", requirement="K03")


def test_an_error_beside_auth_does_not_make_it_right(role):
    error = Notify(NotifyType.TS_UNACCEPTABLE)
    case = good(role=role).rewritten(RESPONSE, lambda old: [*wrong(old), error])
    objects(case, "auth-is-as-due", "is not what is due", party=responder(role), at="wire.pcapng#6", requirement="K03")
    alone = good(role=role).rewritten(RESPONSE, lambda _: [Notify(NotifyType.AUTHENTICATION_FAILED)])
    passes(alone, "auth-is-as-due")


def test_the_first_of_two_identities_counts(role):
    def two(old):
        other = [replace(p, data=b"another.test") for p in old if isinstance(p, IdentificationResponder)]
        return [*other, *old]

    objects(
        good(role=role).rewritten(RESPONSE, two),
        "authenticated",
        "AUTH is not what",
        party=responder(role),
        at="wire.pcapng#6",
    )


@pytest.mark.parametrize("side", ["request", "response"])
def test_an_intermediate_message_that_is_missing_leaves_auth_unproven(role, side):
    case = good(role=role).without(f"IKE_INTERMEDIATE {side} 1")
    parties = {each.party for each in case.check("authenticated").objections}
    assert parties == {initiator(role), responder(role), "engine"}


@pytest.mark.parametrize(
    ("label", "kind", "side"),
    [(REQUEST, IdentificationInitiator, initiator), (RESPONSE, IdentificationResponder, responder)],
)
def test_auth_without_the_identity_that_it_is_to_cover(role, label, kind, side):
    case = good(role=role).rewritten(label, lambda old: [p for p in old if not isinstance(p, kind)])
    at = case.message(label).pointer
    objects(case, "authenticated", "AUTH is not what", party=side(role), at=at)


def test_no_auth_covers_no_first_message(role):
    case = good(role=role)
    assert auth_fits_some_first_message(case.view, initiator=True)
    assert not auth_fits_some_first_message(case.rewritten(REQUEST, without_auth).view, initiator=True)
    twice = case.rewritten(REQUEST, lambda old: [*old, *(p for p in wrong(old) if isinstance(p, Authentication))])
    assert auth_fits_some_first_message(twice.view, initiator=True), "the first one counts"


def test_without_keys_no_auth_is_due(role):
    view = good(role=role).view
    request = next(message for message in view.messages if message.label == REQUEST)
    first = next(message for message in view.messages if message.label == "IKE_SA_INIT request 0")
    assert expected_auth(view, request, initiator=True, real=first) is not None
    assert expected_auth(replace(view, chain=None), request, initiator=True, real=first) is None


def test_an_auth_may_cover_another_first_message_than_the_one_that_counts(role):
    """Of two first requests with other octets only the responder knows which one it has taken."""
    case = good(role=role)
    label = "IKE_SA_INIT request 0"
    other = case.rewritten(label, lambda old: old[:-1]).message(label).pieces[0].octets
    two = in_front_of(case, label, other, by_engine=role is Role.INITIATOR)
    assert auth_fits_some_first_message(two.view, initiator=True)
    assert not auth_fits(two.view, initiator=True)
    nameless = case.rewritten(REQUEST, lambda old: [p for p in old if not isinstance(p, IdentificationInitiator)])
    assert not auth_fits_some_first_message(nameless.view, initiator=True)
