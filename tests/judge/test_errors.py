from __future__ import annotations

from dataclasses import replace

import pytest
from case_builder import PEER_NAME, Case, flipped, good
from judging import KERNEL, initiator, objects, passes, responder
from misbehaving import on_the_wire
from pair_builder import FIRST, good_pair
from pair_form_alterations import cookie, demand

from harness.policy.role import Role
from harness.registry.messages import ExchangeType
from harness.registry.notifications import NotifyType
from harness.registry.transforms import TransformType
from harness.results.model import Verdict
from harness.wire.message import Message
from harness.wire.payloads import Authentication, IdentificationResponder, Nonce, Notify, SecurityAssociation
from harness.wire.payloads.security_association import Transform

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


@pytest.mark.parametrize(("awaited", "requirement"), [("", "K05"), ("the IKE_AUTH response", "B60")])
def test_no_refusal(awaited, requirement):
    """To say nothing at all breaks another sentence than to answer without the error."""
    case = good(WRONG_PSK, role=Role.INITIATOR).without("IKE_AUTH response 1").awaiting(awaited)
    at = {"party": PEER_NAME, "at": "wire.pcapng", "requirement": requirement}
    objects(case, "refused-with", "no response carries AUTHENTICATION_FAILED", notify=FAILED, **at)


def test_no_refusal_of_ours():
    case = good(WRONG_PSK, role=Role.RESPONDER).without("IKE_AUTH response 1")
    at = {"party": "engine", "at": "wire.pcapng", "requirement": "K05"}
    objects(case, "refused-with", "no response carries AUTHENTICATION_FAILED", notify=FAILED, **at)


def test_a_refusal_in_the_clear_is_none(role):
    """An unprotected notify in IKE_AUTH could be anybody's."""
    case = good(WRONG_PSK, role=role)
    response = case.message("IKE_AUTH response 1")
    octets = Message(response.pieces[0].message.header, (Notify(NotifyType.AUTHENTICATION_FAILED),)).to_bytes()
    datagram = response.pieces[0].datagram
    clear = case.changed(datagram, replace(datagram, payload=octets))
    at = {"party": responder(role), "at": "wire.pcapng", "requirement": "K05"}
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


def demanded_again(case: Case, edit=None) -> Case:
    """A copy of the first request brings another cookie, and the retry has that one."""
    first, demand = (case.view.messages[place].pieces[0].datagram for place in (0, 1))
    later = case.rewritten("IKE_SA_INIT response 0", lambda old: [replace(old[0], data=b"another")]).datagrams[1]
    case = retried(case, edit or (lambda old: [replace(old[0], data=b"another"), *old[1:]]))
    again = (first, demand, first, later, *case.datagrams[2:])
    return case.with_datagrams(replace(each, frame=frame) for frame, each in enumerate(again, start=1))


def test_a_copy_of_the_first_request_is_no_retry(role):
    case = good(COOKIE, role=role)
    passes(demanded_again(case), "cookie-returned-first")
    passes(demanded_again(case, list), "cookie-returned-first")  # the first cookie is as good
    stale = demanded_again(case, lambda old: [replace(old[0], data=b"stale"), *old[1:]])
    objects(stale, "cookie-returned-first", "does not begin", party=initiator(role), at="wire.pcapng#5")


def test_a_cookie_is_demanded_before_it_comes_back(role):
    case = demanded_again(good(COOKIE, role=role))
    first, demand, _, later, retry, *rest = case.datagrams
    early = (first, demand, retry, later, *rest)
    case = case.with_datagrams(replace(each, frame=frame) for frame, each in enumerate(early, start=1))
    objects(case, "cookie-returned-first", "does not begin", party=initiator(role), at="wire.pcapng#3")


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


def child_refused(role: Role) -> Case:
    """Only the Child SA has no common ground, and its refusal stands in IKE_AUTH."""
    case = good("classical/ecp384", role=role)
    label = "IKE_AUTH response 1"
    kept = (IdentificationResponder, Authentication)
    refusal = Notify(NotifyType.NO_PROPOSAL_CHOSEN)
    alone = case.rewritten(label, lambda old: [*(p for p in old if isinstance(p, kept)), refusal])
    return replace(alone, expectation=replace(case.expectation, esp=()))


def test_a_child_sa_that_is_refused_leaves_its_ike_sa(role):
    """ "... an IKE SA is still set up" (RFC 7296 section 2.21.2)."""
    case = child_refused(role)
    left = case.with_evidence(peer_report_after=case.evidence.peer_report)
    assert left.evidence.peer_report_after.sas
    passes(left, "refused-with", notify=REFUSED)


def test_what_a_product_without_a_status_has_left_is_said_to_be_unknown(role):
    case = good(WRONG_PSK, role=role)
    assert case.check("refused-with", notify=FAILED).detail.endswith("no SA is left at the peer")
    silent = replace(case.evidence.peer_report_after, silent=True)
    told = case.with_evidence(peer_report_after=silent).check("refused-with", notify=FAILED)
    assert told.detail.endswith("it cannot tell") and told.objections == ()


def test_of_two_refusals_the_first_counts(role):
    case = good(WRONG_PSK, role=role)
    other = Notify(NotifyType.INVALID_SYNTAX)
    passes(case.rewritten("IKE_AUTH response 1", lambda old: [*old, other]), "refused-with", notify=FAILED)


def accepting(role: Role) -> Case:
    """A responder whose policy allows nothing of the offer accepts it, and refuses in IKE_AUTH."""
    case = good(WRONG_PSK, role=role)
    late = case.rewritten("IKE_AUTH response 1", notifying(NotifyType.NO_PROPOSAL_CHOSEN))
    return replace(late, expectation=replace(case.expectation, ike=(), esp=()))


def test_who_accepts_what_it_has_to_refuse_is_told_so_once(role):
    (objection,) = accepting(role).check("refused-with", notify=REFUSED).objections
    assert "accepts proposal 1" in objection.sentence and objection.party == responder(role)


def test_the_first_demand_for_a_cookie_is_the_one_that_is_returned(role):
    case = good(COOKIE, role=role)
    last = case.datagrams[-1]
    demand = next(d for d in case.datagrams if d.frame == 2)
    other = replace(demand, frame=last.frame + 1, payload=flipped(demand.payload, -1))
    passes(case.with_datagrams((*case.datagrams, other)), "cookie-returned-first")


@pytest.mark.parametrize("octets", [1, 64])
def test_a_cookie_of_each_size_that_is_allowed(role, octets):
    """ "Its data is between 1 and 64 octets in length" (RFC 7296 section 2.6)."""
    cookie = bytes(octets)
    case = good(COOKIE, role=role).rewritten("IKE_SA_INIT response 0", lambda old: [replace(old[0], data=cookie)])
    passes(retried(case, lambda old: [replace(old[0], data=cookie), *old[1:]]), "cookie-returned-first")


def test_a_demand_before_any_request_is_not_followed_by_a_retry(role):
    case = good(COOKIE, role=role)
    headless = case.with_datagrams(case.datagrams[1:])
    objects(headless, "cookie-returned-first", "not followed", party=initiator(role), at="wire.pcapng#2")


def test_the_retry_is_the_request_behind_the_demand_and_the_request_the_one_before_it(role):
    """Who sends other octets before the demand, or once more behind its retry, is judged elsewhere."""
    case = good(COOKIE, role=role)
    first = case.datagrams[0]
    shorter = Message.parse(first.payload)
    other = replace(first, payload=Message(shorter.header, shorter.payloads[:-1]).to_bytes())
    passes(case.with_datagrams((replace(other, frame=0), *case.datagrams)), "cookie-returned-first")
    late = replace(other, frame=case.datagrams[-1].frame + 1)
    passes(case.with_datagrams((*case.datagrams, late)), "cookie-returned-first")


def test_another_notify_with_the_same_data_is_no_cookie(role):
    other = retried(good(COOKIE, role=role), lambda old: [replace(old[0], notify_type=NotifyType(40000)), *old[1:]])
    objects(other, "cookie-returned-first", "does not begin with", party=initiator(role), at="wire.pcapng#3")


def answering(case: Case, *transforms: Transform) -> Case:
    """The responder accepts these transforms, each in the place of those of its type."""

    def other(proposal):
        kinds = {each.type for each in transforms}
        return replace(proposal, transforms=(*(t for t in proposal.transforms if t.type not in kinds), *transforms))

    def edit(payloads):
        return [
            replace(p, proposals=tuple(map(other, p.proposals))) if isinstance(p, SecurityAssociation) else p
            for p in payloads
        ]

    return case.rewritten("IKE_SA_INIT response 0", edit)


CAMELLIA = Transform(TransformType.ENCR, 23)
OF_NO_TYPE, NO_MAC = Transform(TransformType(200), 1), Transform(TransformType.INTEG, 0)


@pytest.mark.parametrize(
    ("transforms", "known", "as_written", "rule"),
    [
        ((), True, False, "B04"),
        ((NO_MAC,), True, False, "B04"),
        ((), True, True, "B05"),
        ((), False, True, "B04"),
        ((CAMELLIA,), True, False, "B05"),
        ((CAMELLIA,), False, False, "B05"),
        ((OF_NO_TYPE,), True, False, "B04"),
    ],
)
def test_what_is_unknown_of_an_accepted_proposal_names_the_sentence(role, transforms, known, as_written, rule):
    """An unknown transform type spoils its proposal (B04), an unknown identifier the transform alone (B05)."""
    case = answering(accepting(role), *transforms)
    settings = replace(case.scenario.settings, as_written=as_written)
    scenario, expectation = replace(case.scenario, settings=settings), replace(case.expectation, knows_additional=known)
    told = replace(case, scenario=scenario, expectation=expectation).check("refused-with", notify=REFUSED).objections
    assert [each.requirement for each in told if "accepts proposal" in each.sentence] == [rule]


def test_who_says_nothing_to_a_wrong_key_is_the_only_one_named():
    """That no message proves which keys it holds follows from its silence."""
    silent = on_the_wire("no answer", ExchangeType.IKE_AUTH, True, lambda _: [], "", ())
    judged = silent.play("authentication/wrong-psk").judge()
    assert judged.verdict is Verdict.FAIL
    assert {(finding.party, finding.requirement) for finding in judged.findings} == {(KERNEL, "B60")}


def test_an_initiator_that_gives_up_has_made_no_retry_that_could_be_wrong():
    """However often it is asked for a cookie."""
    retried = demand(NotifyType.COOKIE, b"cookie", cookie(back=b"biscuit"))(good_pair("pairs/classical"))
    first, asked, again, *_ = retried.wire.datagrams
    check = "pair-demands-in-their-form"
    assert [each.party for each in retried.check(check).objections] == [FIRST]
    other = Message.parse(asked.payload)
    other = Message(other.header, (Notify(NotifyType.COOKIE, b"another"),))
    twice = replace(again, payload=other.to_bytes(), source=asked.source, destination=asked.destination)
    for given_up in ((first, asked), (first, asked, twice)):
        assert retried.with_datagrams(given_up).check(check).objections == ()
