from __future__ import annotations

from dataclasses import replace

import pytest
from case_builder import PEER_NAME, Case, good
from judging import initiator, objects, passes, responder

from harness.registry.notifications import NotifyType
from harness.wire.message import Message
from harness.wire.payloads import Nonce, Notify

COOKIE, WRONG_PSK, HYBRID = "denial-of-service/cookie", "authentication/wrong-psk", "hybrid/x25519-mlkem768"
FAILED, REFUSED = "AUTHENTICATION_FAILED", "NO_PROPOSAL_CHOSEN"


def notifying(kind: NotifyType):
    return lambda old: [replace(p, notify_type=kind) if isinstance(p, Notify) else p for p in old]


def test_the_refusal_that_is_due(role):
    passes(good(WRONG_PSK, role=role), "refused-with", notify=FAILED)
    passes(good(HYBRID, "strongswan-5.9"), "refused-with", notify=REFUSED)


def test_another_refusal(role):
    case = good(WRONG_PSK, role=role).rewritten("IKE_AUTH response 1", notifying(NotifyType.INVALID_SYNTAX))
    objects(
        case,
        "refused-with",
        "AUTHENTICATION_FAILED is due, INVALID_SYNTAX was answered",
        party=responder(role),
        at="wire.pcapng#4",
        requirement="K05",
        notify=FAILED,
    )
    other = good(HYBRID, "strongswan-5.9").rewritten("IKE_SA_INIT response 0", notifying(NotifyType.INVALID_SYNTAX))
    at = {"party": "strongswan-5.9", "at": "wire.pcapng#2", "requirement": "B08"}
    objects(other, "refused-with", "NO_PROPOSAL_CHOSEN is due", notify=REFUSED, **at)


def test_no_refusal(role):
    case = good(WRONG_PSK, role=role).without("IKE_AUTH response 1")
    at = {"party": responder(role), "at": "wire.pcapng", "requirement": None}
    objects(case, "refused-with", "no response carries AUTHENTICATION_FAILED", notify=FAILED, **at)


def test_a_refusal_in_the_clear_is_none(role):
    """An unprotected notify in IKE_AUTH could be anybody's."""
    case = good(WRONG_PSK, role=role)
    response = case.message("IKE_AUTH response 1")
    octets = Message(response.pieces[0].message.header, (Notify(NotifyType.AUTHENTICATION_FAILED),)).to_bytes()
    datagram = response.pieces[0].datagram
    clear = case.changed(datagram, replace(datagram, payload=octets))
    at = {"party": responder(role), "at": "wire.pcapng", "requirement": None}
    objects(clear, "refused-with", "no response carries AUTHENTICATION_FAILED", notify=FAILED, **at)


def test_established_although_a_refusal_is_due(role):
    at = {"party": responder(role), "at": "wire.pcapng", "requirement": "B08"}
    objects(good("classical/ecp384", role=role), "refused-with", "was established", notify=REFUSED, **at)


def test_a_child_sa_is_refused_in_ike_auth_alone():
    """Only the Child SA has no common ground: a refusal of the IKE SA is not what the rule asks for."""
    case = good(HYBRID, "strongswan-5.9")
    ike = good("classical/ecp384").expectation.ike
    early = replace(case, expectation=replace(case.expectation, ike=ike))
    at = {"party": "strongswan-5.9", "at": "wire.pcapng#2", "requirement": "B08"}
    saying = "due in the IKE_AUTH response, it came in IKE_SA_INIT response 0"
    objects(early, "refused-with", saying, notify=REFUSED, **at)


def test_an_sa_that_is_left_at_the_peer(role):
    case = good(WRONG_PSK, role=role)
    up = good("classical/ecp384", role=role).evidence.peer_report
    spis = case.evidence.secrets.initiator_spi.hex(), case.evidence.secrets.responder_spi.hex()
    mine = replace(up.sas[0], initiator_spi=spis[0], responder_spi=spis[1])
    left = case.with_evidence(peer_report_after=replace(up, sas=(mine,)))
    at = {"party": PEER_NAME, "at": "peer/sas-after.json", "requirement": None}
    objects(left, "refused-with", "the peer still has an IKE SA in state ESTABLISHED", notify=FAILED, **at)


def test_another_ike_sa_of_the_peer_is_not_what_is_left(role):
    """It may try again, or have another one (RFC 7296 sections 2.4 and 2.21.1)."""
    case = good(WRONG_PSK, role=role)
    up = good("classical/ecp384", role=role).evidence.peer_report
    passes(case.with_evidence(peer_report_after=up), "refused-with", notify=FAILED)
    trying = replace(up.sas[0], state="CONNECTING", initiator_spi=None, responder_spi=None)
    passes(case.with_evidence(peer_report_after=replace(up, sas=(trying,))), "refused-with", notify=FAILED)


def test_without_the_peers_word_nothing_is_concluded(role):
    case = good(WRONG_PSK, role=role).with_evidence(peer_report_after=None)
    at = {"party": "", "at": "peer/sas-after.json", "severity": "inconclusive"}
    objects(case, "refused-with", "is missing", notify=FAILED, **at)


def test_an_engine_that_waits_on(role):
    case = good(WRONG_PSK, role=role).with_report(timed_out="the IKE SA to be established or refused")
    at = {"party": "engine", "at": "engine/sas.json", "requirement": None}
    objects(case, "refused-with", "we waited in vain", notify=FAILED, **at)


def retried(case: Case, edit) -> Case:
    """The case with its second IKE_SA_INIT request rewritten."""
    second = [m for m in case.view.messages if m.label == "IKE_SA_INIT request 0"][1]
    alone = case.with_datagrams(d for d in case.datagrams if d.frame == second.frame)
    (datagram,) = alone.rewritten("IKE_SA_INIT request 0", edit).datagrams
    return case.changed(second.pieces[0].datagram, datagram)


def test_the_cookie_comes_back_first(role):
    passes(good(COOKIE, role=role), "cookie-returned-first")


@pytest.mark.parametrize(
    ("edit", "saying"),
    [
        (lambda old: [*old[1:], old[0]], "does not begin with the cookie"),
        (lambda old: [replace(old[0], data=b"stale"), *old[1:]], "does not begin with the cookie"),
        (lambda old: old[:-1], "payloads are not the first request's"),
        (
            lambda old: [replace(p, nonce=bytes(32)) if isinstance(p, Nonce) else p for p in old],
            "payloads are not the first request's",
        ),
    ],
)
def test_a_retry_of_another_form(role, edit, saying):
    case = retried(good(COOKIE, role=role), edit)
    objects(case, "cookie-returned-first", saying, party=initiator(role), at="wire.pcapng#3")


def test_no_demand_and_no_retry(role):
    case = good(COOKIE, role=role)
    none = good("classical/ecp384", role=role)
    objects(none, "cookie-returned-first", "no COOKIE", party=responder(role), at="wire.pcapng")
    cut = case.with_datagrams(case.datagrams[:2])
    objects(cut, "cookie-returned-first", "not followed", party=initiator(role), at="wire.pcapng#2")


def test_a_cookie_of_65_octets(role):
    longer = good(COOKIE, role=role).rewritten("IKE_SA_INIT response 0", lambda old: [replace(old[0], data=bytes(65))])
    objects(longer, "cookie-returned-first", "a cookie of 65", party=responder(role), at="wire.pcapng#2")


@pytest.mark.parametrize(
    ("scenario", "data", "saying", "rule"),
    [
        (COOKIE, b"", "a cookie of 0 octets", "B09"),
        (COOKIE, bytes(65), "a cookie of 65 octets", "B09"),
        ("negotiation/wrong-ke-group-first", b"\x14", "carries 1 octets", "B01"),
        ("negotiation/wrong-ke-group-first", b"\0\x1f", "which is not another one of the offer", "B01"),
    ],
)
def test_a_demand_of_another_form_is_found_where_nothing_came_up(role, scenario, data, saying, rule):
    """Our engine ends such a case: the scenario's own check is not due then, and this one is."""
    passes(good(scenario, role=role), "demands-in-their-form")
    wrong = good(scenario, role=role).rewritten("IKE_SA_INIT response 0", lambda old: [replace(old[0], data=data)])
    at = {"party": responder(role), "at": "wire.pcapng#2", "requirement": rule}
    objects(wrong.with_report(child_established=False), "demands-in-their-form", saying, **at)
    assert wrong.check("demands-in-their-form").objections == ()  # the scenario's own check tells


def test_a_demand_that_no_scenario_asks_for_is_looked_at_too(role):
    case = good(COOKIE, role=role)
    unasked = replace(case, scenario=good("classical/x25519", role=role).scenario)
    passes(unasked, "demands-in-their-form")
    wrong = retried(unasked, lambda old: [replace(old[0], data=b"stale"), *old[1:]])
    assert {(o.party, o.requirement) for o in wrong.check("demands-in-their-form").objections} == {
        (initiator(role), "B09")
    }
