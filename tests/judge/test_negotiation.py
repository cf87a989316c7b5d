from __future__ import annotations

from dataclasses import replace

import pytest
from case_builder import Case, build, good
from idle_exchanges import idle_exchanges
from judging import initiator, objects, passes, responder

from harness.policy.proposals import Suite
from harness.policy.role import Role
from harness.registry.algorithms import Algorithm, algorithm
from harness.registry.messages import Protocol
from harness.registry.notifications import NotifyType
from harness.registry.transforms import KeyExchangeMethod, TransformType
from harness.results.model import Verdict
from harness.verify.checks.negotiation import read_either_way, without_none
from harness.wire.message import Message
from harness.wire.payloads import KeyExchange, Nonce, Notify, SecurityAssociation
from harness.wire.payloads.security_association import Attribute, Transform

INIT, AUTH = "IKE_SA_INIT response 0", "IKE_AUTH response 2"
RETRY = "negotiation/wrong-ke-group-first"
AT = {INIT: "wire.pcapng#2", AUTH: "wire.pcapng#6"}


def answering(case: Case, label: str, edit) -> Case:
    """The case with other transforms in the SA payload of one response."""

    def edited(payload):
        if not isinstance(payload, SecurityAssociation):
            return payload
        (proposal,) = payload.proposals
        return replace(payload, proposals=(replace(proposal, transforms=tuple(edit(proposal.transforms))),))

    return case.rewritten(label, lambda old: map(edited, old))


def other(kind: TransformType, name: str):
    """Replaces the transform of one type."""
    chosen = algorithm(kind, name)
    attributes = () if chosen.key_length is None else (Attribute(14, chosen.key_length),)
    return lambda transforms: [
        Transform(kind, chosen.identifier, attributes) if t.type == kind else t for t in transforms
    ]


ENCR, ADDKE1, SN = TransformType.ENCR, TransformType.ADDKE1, TransformType.SN


@pytest.mark.parametrize(
    ("label", "edit", "saying"),
    [
        (INIT, other(ENCR, "aes-128-gcm-16"), "ENCR=aes-128-gcm-16"),
        (INIT, other(ADDKE1, "ml-kem-1024"), "ADDKE1=ml-kem-1024"),
        (INIT, other(ADDKE1, "none"), "ADDKE1=none"),
        (INIT, lambda ts: [t for t in ts if t.type != ADDKE1], "the policies allow proposal 1"),
        (AUTH, other(ENCR, "aes-128-gcm-16"), "for the Child SA"),
        (AUTH, other(SN, "esn"), "SN=esn"),
    ],
)
def test_another_suite_than_the_policies_allow(role, label, edit, saying):
    case = answering(good(role=role), label, edit)
    objects(case, "negotiated-as-predicted", saying, party=responder(role), at=AT[label])
    passes(good(role=role), "negotiated-as-predicted")


def test_a_child_sa_without_an_answer(role):
    case = good(role=role).rewritten(AUTH, lambda old: [p for p in old if not isinstance(p, SecurityAssociation)])
    objects(case, "negotiated-as-predicted", "for the Child SA", party=responder(role), at="wire.pcapng")


@pytest.mark.parametrize(
    ("label", "edit", "saying", "requirement"),
    [
        (INIT, other(ENCR, "aes-128-gcm-16"), "ENCR 20 was not offered", "B06"),
        (INIT, lambda ts: [replace(t, attributes=()) for t in ts], "not with these attributes", "B06"),
        (INIT, lambda ts: [*ts, ts[0]], "2 transforms of type ENCR", "B06"),
        (INIT, lambda ts: ts[1:], "without the transform type ENCR", "B06"),
        (
            INIT,
            lambda ts: [t for t in ts if t.type != ADDKE1],
            "accepted proposal 1 without the transform type ADDKE1 that it offers",
            "B06",
        ),
        (AUTH, lambda ts: [t for t in ts if t.type != SN], "without the transform type SN", "B06"),
        (AUTH, other(ENCR, "chacha20-poly1305"), "was not offered", "B06"),
    ],
)
def test_an_answer_beyond_the_offer(role, label, edit, saying, requirement):
    case = answering(good(role=role), label, edit)
    arguments = {"party": responder(role), "at": AT[label], "requirement": requirement}
    objects(case, "answer-is-a-subset-of-the-offer", saying, **arguments)
    passes(good(role=role), "answer-is-a-subset-of-the-offer")


def proposals(edit):
    return lambda old: [
        replace(p, proposals=tuple(edit(p.proposals))) if isinstance(p, SecurityAssociation) else p for p in old
    ]


@pytest.mark.parametrize(
    ("edit", "saying", "requirement"),
    [
        (lambda ps: [replace(ps[0], number=2)], "number 2, which was not offered", "B07"),
        (lambda ps: [*ps, replace(ps[0], number=2)], "one proposal is to be answered, not 2", "B06"),
        (lambda ps: [replace(ps[0], protocol=Protocol.ESP)], "the answer is for ESP, the offer for IKE", "B06"),
        (lambda ps: [replace(ps[0], spi=bytes(8))], "the SPI of the answer has 8 octets, 0 are due", "B49"),
    ],
)
def test_an_answer_of_another_number_or_of_several(role, edit, saying, requirement):
    case = good(role=role).rewritten(INIT, proposals(edit))
    arguments = {"party": responder(role), "at": AT[INIT], "requirement": requirement}
    objects(case, "answer-is-a-subset-of-the-offer", saying, **arguments)


def test_a_type_that_the_responder_does_not_know_is_never_dropped_alone():
    """It passes over the whole proposal (B04); one that knows the type has to answer it (B06)."""
    case = good("hybrid/mlkem768-or-classical", "strongswan-5.9", Role.INITIATOR)
    offer = next(p for p in case.message("IKE_SA_INIT request 0").payloads if isinstance(p, SecurityAssociation))
    first = offer.proposals[0]
    kept = tuple(each for each in first.transforms if each.type != ADDKE1)
    chosen = case.rewritten(INIT, proposals(lambda _: [replace(first, transforms=kept)]))
    saying, at = "without the transform type ADDKE1 that it offers", {"at": AT[INIT], "requirement": "B04"}
    objects(chosen, "answer-is-a-subset-of-the-offer", saying, party="strongswan-5.9", **at)


def test_an_answer_without_an_offer(role):
    case = good(role=role).rewritten(
        "IKE_SA_INIT request 0", lambda old: [p for p in old if not isinstance(p, SecurityAssociation)]
    )
    arguments = {"party": responder(role), "at": AT[INIT], "requirement": "B07"}
    objects(case, "answer-is-a-subset-of-the-offer", "answers no offer", **arguments)


def test_a_method_twice(role):
    case = good("multiple-ke/two-with-a-gap", role=role)
    doubled = answering(case, INIT, other(TransformType.ADDKE4, "ecp384"))
    offered = proposals(
        lambda ps: [replace(ps[0], transforms=(*ps[0].transforms, Transform(TransformType.ADDKE4, 20)))]
    )
    doubled = doubled.rewritten("IKE_SA_INIT request 0", offered)
    arguments = {"party": responder(role), "at": AT[INIT], "requirement": "A04"}
    objects(doubled, "answer-is-a-subset-of-the-offer", "selected twice", **arguments)


def test_the_rule_of_distinct_methods_is_for_additional_key_exchanges(role):
    """RFC 9370 section 2.2.1 speaks of "the ADDKE Transform Types": a method of type 4 may be meant again, or not."""
    case = good("multiple-ke/classical-additional", role=role)
    first = next(t.identifier for t in of_type(case, TransformType.KE))
    again = [replace(t, identifier=first) for t in of_type(case, ADDKE1)]
    both = proposals(lambda ps: [replace(ps[0], transforms=(*ps[0].transforms, *again))])
    same = answering(case, INIT, lambda ts: [replace(t, identifier=first) if t.type == ADDKE1 else t for t in ts])
    passes(same.rewritten("IKE_SA_INIT request 0", both), "answer-is-a-subset-of-the-offer")


def of_type(case: Case, kind: TransformType) -> list[Transform]:
    """The transforms of one type that the responder chose."""
    answers = [p for p in case.message(INIT).payloads if isinstance(p, SecurityAssociation)]
    return [t for t in answers[0].proposals[0].transforms if t.type == kind]


def retry(case: Case, edit) -> Case:
    """The case with its second IKE_SA_INIT request rewritten."""
    second = [m for m in case.view.messages if m.label == "IKE_SA_INIT request 0"][1]
    rest = case.with_datagrams(d for d in case.datagrams if d.frame == second.frame)
    (datagram,) = rest.rewritten("IKE_SA_INIT request 0", edit).datagrams
    return case.changed(second.pieces[0].datagram, datagram)


FEWER = proposals(lambda ps: [replace(ps[0], transforms=ps[0].transforms[:-1])])
REORDERED = proposals(lambda ps: [replace(ps[0], transforms=ps[0].transforms[::-1])])


def with_method(number: int):
    return lambda old: [replace(p, method=number) if isinstance(p, KeyExchange) else p for p in old]


@pytest.mark.parametrize(
    ("edit", "saying"),
    [
        (FEWER, "does not offer the full set"),
        (with_method(31), "20 was asked for"),
        (with_method(21), "20 was asked for"),
    ],
)
def test_a_retry_with_another_offer_or_key(role, edit, saying):
    case = retry(good(RETRY, role=role), edit)
    objects(case, "retry-repeats-the-offer", saying, party=initiator(role), at="wire.pcapng#3")


def test_a_retry_may_reorder_its_offer(role):
    passes(good(RETRY, role=role), "retry-repeats-the-offer")
    passes(retry(good(RETRY, role=role), REORDERED), "retry-repeats-the-offer")


@pytest.mark.parametrize(
    ("data", "saying"),
    [
        (b"\x14", "1 octets instead of"),
        (b"\x00\x1f", "method 31, which is not another one of the offer"),
        (b"\x00\x15", "method 21, which is not another one of the offer"),
    ],
)
def test_a_demand_for_nothing_sensible(role, data, saying):
    case = good(RETRY, role=role).rewritten(INIT, lambda old: [replace(old[0], data=data)])
    objects(case, "retry-repeats-the-offer", saying, party=responder(role), at="wire.pcapng#2")


def test_no_demand_and_no_retry(role):
    demanded = good(RETRY, role=role)
    silent = demanded.rewritten(INIT, lambda old: [replace(old[0], notify_type=7)])
    objects(silent, "retry-repeats-the-offer", "no INVALID_KE", party=responder(role), at="wire.pcapng")
    first_two = demanded.with_datagrams(demanded.datagrams[:2])
    objects(first_two, "retry-repeats-the-offer", "not followed", party=initiator(role), at="wire.pcapng#2")


def test_an_intermediate_exchange_that_nobody_selected(role):
    objects(
        good(role=role), "no-intermediate-exchange", "although no additional", party=initiator(role), at="wire.pcapng#3"
    )
    passes(good("multiple-ke/none-selected", role=role), "no-intermediate-exchange")


@pytest.mark.parametrize("scenario", ["multiple-ke/intermediate-announced-classical", "multiple-ke/none-selected"])
def test_an_intermediate_exchange_for_another_purpose_is_no_fault(role, scenario):
    """ "Note that the IKE_INTERMEDIATE exchanges may still take place for other purposes" (RFC 9370 section 2.2.1)."""
    with idle_exchanges(1):
        case = build(scenario, role=role)
    assert any("IKE_INTERMEDIATE" in message.label for message in case.view.messages)
    passes(case, "no-intermediate-exchange")
    assert case.judge().verdict is Verdict.PASS, case.judge().findings


FIRST, SUBSET, NEGOTIATED = "IKE_SA_INIT request 0", "answer-is-a-subset-of-the-offer", "negotiated-as-predicted"


def edited(case: Case, label: str, edit) -> Case:
    """The case with every proposal of a message edited."""

    def of(payload):
        if not isinstance(payload, SecurityAssociation):
            return payload
        return replace(payload, proposals=tuple(map(edit, payload.proposals)))

    return case.rewritten(label, lambda old: map(of, old))


def with_transforms(*more: Transform, without: tuple[TransformType, ...] = ()):
    """Proposals with some transforms more, and none of these types."""
    return lambda proposal: replace(
        proposal, transforms=(*(t for t in proposal.transforms if t.type not in without), *more)
    )


@pytest.mark.parametrize(("octets", "due"), [(3, False), (4, True), (5, False)])
def test_an_offer_of_ah_has_spis_of_four_octets(role, octets, due):
    kinds = (Transform(TransformType.INTEG, 12), Transform(SN, 0))
    ah = edited(good(role=role), "IKE_AUTH request 2", lambda p: replace(
        p, protocol=Protocol.AH, spi=bytes(octets), transforms=kinds))  # fmt: skip
    faults = [each.requirement for each in ah.check("offers-in-their-form").objections]
    assert faults == ([] if due else ["B49"])


def test_what_may_be_left_out_of_a_suite_is_what_says_none():
    """NONE of integrity and of key exchanges; that there is no ESN is a choice, and stays."""
    none, cipher = Algorithm(0), algorithm(ENCR, "aes-256-gcm-16")
    suite = Suite(1, {ENCR: cipher, TransformType.INTEG: none, TransformType.KE: none, ADDKE1: none, SN: none})
    assert without_none(suite) == (1, {ENCR: cipher, SN: none})
    mac = algorithm(TransformType.INTEG, "hmac-sha2-256-128")
    other = Suite(2, {ENCR: cipher, TransformType.INTEG: mac, ADDKE1: algorithm(ADDKE1, "ml-kem-768")})
    assert without_none(other) == (2, dict(other.transforms))


@pytest.mark.parametrize("label", [FIRST, INIT])
def test_of_two_sa_payloads_the_first_counts(role, label):
    """That there are two is another check's finding."""
    case = good(role=role)
    odd = Transform(ENCR, 9999)

    def twice(payloads):
        (sa,) = (p for p in payloads if isinstance(p, SecurityAssociation))
        other = replace(sa, proposals=tuple(replace(p, transforms=(odd,)) for p in sa.proposals))
        return [*payloads, other]

    passes(case.rewritten(label, twice), NEGOTIATED)
    passes(case.rewritten(label, twice), SUBSET)


def test_a_proposal_to_be_skipped_is_the_rule_where_it_was_chosen(role):
    """Else it is the policies: without IKE_INTERMEDIATE announced the classical proposal is right, but not any."""
    case = good(role=role).rewritten(
        FIRST,
        lambda old: [
            p for p in old
            if not (isinstance(p, Notify) and p.notify_type == NotifyType.INTERMEDIATE_EXCHANGE_SUPPORTED)
        ],
    )  # fmt: skip
    chosen = next(o for o in case.check(NEGOTIATED).objections if "for the IKE SA" in o.sentence)
    assert chosen.requirement == "A16"
    classical = answering(case, INIT, lambda ts: [t for t in ts if t.type != ADDKE1])
    other = next(o for o in classical.check(NEGOTIATED).objections if "for the IKE SA" in o.sentence)
    assert other.requirement == ""


def test_an_answer_is_held_against_the_last_offer(role):
    case = good(role=role)
    odd = edited(case, FIRST, with_transforms(Transform(ENCR, 9999), without=(ENCR,)))
    earlier = replace(odd.message(FIRST).pieces[0].datagram, frame=0)
    passes(case.with_datagrams((earlier, *case.datagrams)), SUBSET)


def test_two_proposals_are_answered_and_the_first_is_looked_at(role):
    def twice(payloads):
        return [
            replace(p, proposals=(*p.proposals, replace(p.proposals[0], number=77)))
            if isinstance(p, SecurityAssociation)
            else p
            for p in payloads
        ]

    (objection,) = good(role=role).rewritten(INIT, twice).check(SUBSET).objections
    assert "one proposal is to be answered, not 2" in objection.sentence


def test_what_is_offered_as_none_may_be_left_out_or_echoed(role):
    """Integrity beside a combined-mode cipher, and an additional key exchange (RFC 9370 section 2.2.1)."""
    integ = edited(good(role=role), FIRST, with_transforms(Transform(TransformType.INTEG, 0)))
    passes(integ, SUBSET)
    declined = good("multiple-ke/none-selected", role=role)
    passes(edited(declined, INIT, with_transforms(without=(ADDKE1,))), SUBSET)
    two = with_transforms(Transform(TransformType.ADDKE2, 0))
    passes(edited(edited(declined, FIRST, two), INIT, two), SUBSET)
    odd = edited(good(role=role), FIRST, with_transforms(Transform(TransformType(200), 1)))
    assert odd.check(SUBSET).objections


RETRIES = "retry-repeats-the-offer"


def demanding(case: Case, *methods: int) -> Case:
    """The responder asks for these methods, in this order."""
    return case.rewritten(
        INIT, lambda _old: [Notify(NotifyType.INVALID_KE_PAYLOAD, method.to_bytes(2)) for method in methods]
    )


def wanted_of(case: Case) -> int:
    (notify,) = (p for p in case.message(INIT).payloads if isinstance(p, Notify) and len(p.data) == 2)
    return int.from_bytes(notify.data)


def test_the_first_demand_for_another_method_counts(role):
    case = good(RETRY, role=role)
    passes(demanding(case, wanted_of(case), 9999), RETRIES)
    odd = demanding(case, 9999, wanted_of(case))
    objects(odd, RETRIES, "asks for method 9999", party=responder(role), at="wire.pcapng#2")


def test_a_method_that_is_offered_as_an_additional_one_is_none_to_ask_for(role):
    """The KE payload of IKE_SA_INIT is of transform type 4."""
    case = edited(good(RETRY, role=role), FIRST, with_transforms(Transform(ADDKE1, 36)))
    odd = demanding(case, 36)
    objects(odd, RETRIES, "which is not another one of the offer", party=responder(role), at="wire.pcapng#2")


def test_the_first_retry_and_its_first_ke_payload_count(role):
    case = good(RETRY, role=role)
    retry = [m for m in case.view.messages if m.label == FIRST][1].pieces[0]
    other = KeyExchange(KeyExchangeMethod(9999), b"?")
    late = Message(retry.message.header, retry.message.payloads[1:]).to_bytes()
    again = replace(retry.datagram, frame=case.datagrams[-1].frame + 1, payload=late)
    passes(case.with_datagrams((*case.datagrams, again)), RETRIES)
    two = Message(retry.message.header, (*retry.message.payloads, other)).to_bytes()
    passes(case.changed(retry.datagram, replace(retry.datagram, payload=two)), RETRIES)


def test_the_order_of_the_retry_is_told(role):
    case = good(RETRY, role=role)
    assert case.check(RETRIES).detail.endswith("unchanged")
    retry = [m for m in case.view.messages if m.label == FIRST][1].pieces[0]
    turned = [
        replace(p, proposals=tuple(replace(q, transforms=q.transforms[::-1]) for q in p.proposals))
        if isinstance(p, SecurityAssociation)
        else p
        for p in retry.message.payloads
    ]
    octets = Message(retry.message.header, tuple(turned)).to_bytes()
    other = case.changed(retry.datagram, replace(retry.datagram, payload=octets))
    assert other.check(RETRIES).detail.endswith("in another order")


def test_key_exchanges_that_nobody_selected_are_told_once(role):
    case = good(role=role)
    assert len(case.check("no-intermediate-exchange").objections) == 1
    assert sum(m.label.startswith("IKE_INTERMEDIATE") for m in case.view.messages) == 2


PREDICTED, EITHER = "negotiated-as-predicted", "hybrid/mlkem768-or-classical"
PREFERS = "no sentence forbids that choice, but both policies prefer another one"


def expecting(case: Case, **parts) -> Case:
    return replace(case, expectation=replace(case.expectation, **parts))


def test_a_choice_that_both_policies_allow_breaks_no_sentence(role):
    case = good(EITHER, role=role)
    (hybrid,) = case.expectation.ike
    classical = good(EITHER, "strongswan-6.0", role).expectation.ike if role is Role.INITIATOR else ()
    other = classical or (replace(hybrid, proposal_number=2),)
    (objection,) = expecting(case, ike=other).check(PREDICTED).objections
    assert (objection.requirement, objection.sentence.endswith(PREFERS)) == (None, True)
    (nothing,) = expecting(case, ike=()).check(PREDICTED).objections
    assert (nothing.requirement, nothing.sentence.endswith(PREFERS)) == ("", False)
    foreign = good("classical/modp3072", role=role).expectation
    apart = expecting(case, ike=other, initiator=foreign.initiator, responder=foreign.responder)
    (choice, *_) = apart.check(PREDICTED).objections
    assert (choice.requirement, choice.sentence.endswith(PREFERS)) == ("", False)


def test_a_choice_for_the_child_sa_is_held_against_the_policies_of_esp(role):
    case = good(EITHER, role=role)
    (esp,) = case.expectation.esp
    other = replace(esp, transforms={**esp.transforms, TransformType.ENCR: Algorithm(12, 128)})
    (objection,) = expecting(case, esp=(other,)).check(PREDICTED).objections
    assert (objection.requirement, objection.sentence.endswith(PREFERS)) == (None, True)
    assert "for the Child SA" in objection.sentence
    foreign = good("classical/modp3072", role=role).expectation
    mixed = replace(case.expectation.responder, esp=foreign.responder.esp)
    (apart,) = expecting(case, esp=(other,), responder=mixed).check(PREDICTED).objections
    assert (apart.requirement, apart.sentence.endswith(PREFERS)) == ("", False)


def test_an_additional_method_that_was_not_announced_is_not_to_be_chosen():
    """RFC 9370 section 2.2.1."""
    case = good("multiple-ke/answer-unannounced-alone", role=Role.RESPONDER)
    kind = NotifyType.INTERMEDIATE_EXCHANGE_SUPPORTED
    silent = case.rewritten(
        "IKE_SA_INIT request 0",
        lambda old: [p for p in old if not (isinstance(p, Notify) and p.notify_type == kind)],
    )
    assert silent.view.skips_additional
    rules = {o.requirement for o in silent.check(PREDICTED).objections if "IKE SA" in o.sentence}
    assert rules == {"A16"}
    assert "A16" not in {o.requirement for o in case.check(PREDICTED).objections}


def test_what_can_be_read_either_way_is_told_as_that_alone(role):
    """The method of type 4 once more as an additional one, which was offered so (RFC 9370 section 2.2.1)."""
    case = good("hybrid/x25519-mlkem768", role=role)
    assert read_either_way(case.view) == ""
    same = Transform(TransformType.ADDKE1, case.view.suite.key_exchange)

    def twice(transforms):
        return [same if t.type == TransformType.ADDKE1 else t for t in transforms]

    both = answering(answering(case, "IKE_SA_INIT request 0", twice), INIT, twice)
    words = read_either_way(both.view)
    assert words.startswith(f"{INIT} selects CURVE25519 for IKE_SA_INIT and once more as an additional key exchange")
    assert read_either_way(answering(case, INIT, twice).view) == ""  # it was not offered: that is a fault
    assert read_either_way(both.without("IKE_SA_INIT request 0").view) == ""
    assert read_either_way(both.without(INIT).view) == ""
    bare = both.rewritten(INIT, lambda old: [payload for payload in old if not isinstance(payload, Nonce)])
    assert bare.view.suite is None and read_either_way(bare.view) == "", "without a nonce nothing is agreed on"
