"""Notifies in their form, what is used unannounced, and answers that go elsewhere."""

from __future__ import annotations

from dataclasses import replace

import pytest
from case_builder import PEER_NAME, Case, build, good
from extra_messages import behind, protected
from judging import initiator, objects, passes, responder
from pair_builder import good_pair

from harness.policy.role import Role
from harness.registry.messages import Protocol
from harness.registry.notifications import NotifyType
from harness.results.model import Verdict
from harness.verify.checks.announcements import _ppks
from harness.verify.checks.catalogue import CHECKS
from harness.wire.message import Message
from harness.wire.payloads import Notify, SecurityAssociation

FORM, USED, BACK = "notifies-in-their-form", "used-only-when-announced", "answers-go-back"
FRAGMENTED, HYBRID, CLASSICAL = "fragmentation/mlkem1024-at-576", "hybrid/x25519-mlkem768", "classical/modp3072"
FIRST, ANSWER = "IKE_SA_INIT request 0", "IKE_SA_INIT response 0"


@pytest.mark.parametrize("scenario", [FRAGMENTED, HYBRID, CLASSICAL, "denial-of-service/cookie"])
def test_all_as_it_should_be(role, scenario):
    for check in (FORM, USED, BACK):
        case = good(scenario, role=role)
        assert case.check(check).objections == ()
    passes(good(scenario, role=role), "notifies-in-their-form")
    passes(good(scenario, role=role), "used-only-when-announced")
    passes(good(scenario, role=role), "answers-go-back")


def with_notify(kind: NotifyType, **parts: object):
    def edit(payloads):
        return [replace(p, **parts) if isinstance(p, Notify) and p.notify_type == kind else p for p in payloads]

    return edit


def without(*kinds: NotifyType):
    return lambda payloads: [p for p in payloads if not (isinstance(p, Notify) and p.notify_type in kinds)]


NAT, FRAGMENTS = NotifyType.NAT_DETECTION_SOURCE_IP, NotifyType.IKEV2_FRAGMENTATION_SUPPORTED
INTERMEDIATE = NotifyType.INTERMEDIATE_EXCHANGE_SUPPORTED


@pytest.mark.parametrize("label", [FIRST, ANSWER])
@pytest.mark.parametrize(
    ("edit", "saying", "requirement"),
    [
        (with_notify(NAT, protocol=Protocol.IKE), "has Protocol ID 1 and no SPI", "B48"),
        (with_notify(NAT, data=bytes(19)), "19 octets of data, 20 are due", "B36"),
        (with_notify(NAT, data=b""), "0 octets of data, 20 are due", "B36"),
        (with_notify(FRAGMENTS, data=b"1"), "is to have none", "F01"),
        (with_notify(INTERMEDIATE, protocol=Protocol.ESP, spi=bytes(4)), "is to have none", "I01"),
        (with_notify(INTERMEDIATE, protocol=Protocol.IKE), "is to have none", "I01"),
        (with_notify(NAT, protocol=Protocol.IKE, spi=bytes(8)), "has an SPI, and Protocol ID 1", "B48"),
        (with_notify(NAT, protocol=Protocol.ESP, spi=bytes(8)), "has an SPI of 8 octets for ESP", "B48"),
        (without(NAT), "NAT_DETECTION_DESTINATION_IP is there and NAT_DETECTION_SOURCE_IP is not", "B36"),
        (
            without(NotifyType.NAT_DETECTION_DESTINATION_IP),
            "NAT_DETECTION_SOURCE_IP is there and NAT_DETECTION_DESTINATION_IP is not",
            "B36",
        ),
    ],
)
def test_a_notify_of_another_form(role, label, edit, saying, requirement):
    case = good(HYBRID, role=role).rewritten(label, edit)
    party = initiator(role) if label == FIRST else responder(role)
    at = case.message(label).pointer
    objects(case, "notifies-in-their-form", saying, party=party, at=at, requirement=requirement)


@pytest.mark.parametrize("octets", [1, 3, 5])
def test_hash_algorithms_have_two_octets_each(role, octets):
    hashes = Notify(NotifyType.SIGNATURE_HASH_ALGORITHMS, bytes(octets))
    case = good(HYBRID, role=role).rewritten(ANSWER, lambda old: [*old, hashes])
    at = {"party": responder(role), "at": case.message(ANSWER).pointer, "requirement": "S09"}
    objects(case, FORM, f"SIGNATURE_HASH_ALGORITHMS has {octets} octets", **at)


@pytest.mark.parametrize("octets", [0, 2, 4, 8])
def test_a_list_of_hash_algorithms(role, octets):
    hashes = Notify(NotifyType.SIGNATURE_HASH_ALGORITHMS, bytes(octets))
    passes(good(HYBRID, role=role).rewritten(FIRST, lambda old: [*old, hashes]), FORM)


def test_neither_kind_of_nat_detection_is_no_fault(role):
    case = good(HYBRID, role=role).rewritten(ANSWER, without(NAT, NotifyType.NAT_DETECTION_DESTINATION_IP))
    passes(case, FORM)


def test_data_that_nobody_understands_is_no_fault(role):
    """ "Implementations MUST ignore non-empty Notification Data if they don't understand its purpose" (RFC 9242)."""
    passes(good(HYBRID, role=role).rewritten(ANSWER, with_notify(INTERMEDIATE, data=b"1")), FORM)


def test_a_token_that_has_a_protocol_by_its_own_rule(role):
    token = Notify(NotifyType.QUICK_CRASH_DETECTION, bytes(16), Protocol.IKE)
    passes(good(HYBRID, role=role).rewritten("IKE_AUTH response 2", lambda old: [*old, token]), FORM)


def test_a_childless_announcement_has_the_protocol_that_its_rule_asks_for(role):
    """ "Protocol ID (1 octet) MUST be 1", "SPI Size (1 octet) MUST be zero" (RFC 6023 section 4)."""
    childless = Notify(NotifyType.CHILDLESS_IKEV2_SUPPORTED, b"", Protocol.IKE)
    passes(good(HYBRID, role=role).rewritten(ANSWER, lambda old: [*old, childless]), FORM)


def test_digests_that_do_not_fit_mean_a_nat(role):
    passes(good(HYBRID, role=role).rewritten(ANSWER, with_notify(NAT, data=bytes(20))), FORM)


@pytest.mark.parametrize("label", [FIRST, ANSWER])
def test_an_additional_key_exchange_without_a_word_of_intermediate(role, label):
    case = good(HYBRID, role=role).rewritten(label, without(INTERMEDIATE))
    party = initiator(role) if label == FIRST else responder(role)
    verb = "offers" if label == FIRST else "agrees on"
    saying = f"{verb} an additional key exchange and does not announce"
    at = case.message(label).pointer
    objects(case, "used-only-when-announced", saying, party=party, at=at, requirement="A02")


def test_a_transform_type_with_nothing_but_none_is_announced_too(role):
    """ "If the initiator includes any ADDKE Transform Types ..." (RFC 9370 section 2.2.1); a responder may decline."""
    declined = good("multiple-ke/none-selected", role=role)
    passes(declined.rewritten(ANSWER, without(INTERMEDIATE)), USED)
    bare = declined.rewritten(FIRST, lambda old: [only_none(p) for p in without(INTERMEDIATE)(old)])
    saying = "offers an additional key exchange and does not announce"
    objects(bare, USED, saying, party=initiator(role), at=bare.message(FIRST).pointer, requirement="A02")


def only_none(payload):
    if not isinstance(payload, SecurityAssociation):
        return payload
    proposals = (
        replace(
            p, transforms=tuple(t for t in p.transforms if not (t.type.is_additional_key_exchange and t.identifier))
        )
        for p in payload.proposals
    )
    return replace(payload, proposals=tuple(proposals))


@pytest.mark.parametrize("label", [FIRST, ANSWER])
def test_fragments_that_the_other_side_did_not_ask_for(role, label):
    """Either side's first fragments are at fault where one of the two has not announced them."""
    case = good(FRAGMENTED, role=role).rewritten(label, without(FRAGMENTS))
    first = next(m for m in case.view.messages if m.pieces[0].fragment is not None)
    saying = f"{first.label} uses what {initiator(role) if label == FIRST else responder(role)} did not announce"
    objects(case, "used-only-when-announced", saying, party=initiator(role), at=first.pointer, requirement="F01")


def test_an_intermediate_exchange_that_was_not_announced(role):
    """Nobody agreed on an additional key exchange: then it is the one who begins it."""
    case = good(HYBRID, role=role)
    begun = case.message("IKE_INTERMEDIATE request 1")

    def classical(old):
        kept = [p for p in old if not (isinstance(p, Notify) and p.notify_type == INTERMEDIATE)]
        return [without_additional(p) if isinstance(p, SecurityAssociation) else p for p in kept]

    bare = case.rewritten(FIRST, classical).rewritten(ANSWER, classical)
    saying = f"{begun.label} uses what"
    objects(bare, "used-only-when-announced", saying, party=initiator(role), at=begun.pointer, requirement="I01")


@pytest.mark.parametrize(("twice", "told"), [(False, ["I01"]), (True, [])])
def test_what_cannot_be_read_of_a_product_may_have_announced_it(twice, told):
    """Where both ends of the path have it so: of a single capture the lab may have damaged it."""
    view = good_pair("pairs/hybrid").view.ike_sas[0]
    answer = next(message for message in view.messages if message.label == ANSWER)
    rest = tuple(message for message in view.messages if message is not answer)
    datagram = answer.pieces[0].datagram
    cut = replace(datagram, payload=datagram.payload[:-1])
    unread = replace(view, messages=rest, malformed=(cut,), twice=twice)
    assert [each.requirement for each in CHECKS[USED](unread, {}).objections] == told


def without_additional(sa: SecurityAssociation) -> SecurityAssociation:
    proposals = []
    for proposal in sa.proposals:
        kept = tuple(each for each in proposal.transforms if not each.type.is_additional_key_exchange)
        proposals.append(replace(proposal, transforms=kept))
    return replace(sa, proposals=tuple(proposals))


def elsewhere(case: Case, label: str, **ends: tuple[str, int]) -> Case:
    datagram = case.message(label).pieces[0].datagram
    return case.changed(datagram, replace(datagram, **ends))


@pytest.mark.parametrize("label", ["IKE_SA_INIT response 0", "IKE_AUTH response 1"])
def test_an_answer_from_or_to_another_port(role, label):
    case = good(CLASSICAL, role=role)
    datagram = case.message(label).pieces[0].datagram
    marker = bytes(4)
    moved = case.changed(
        datagram,
        replace(
            datagram,
            payload=marker + datagram.payload,
            source=(datagram.source[0], 4500),
            destination=(datagram.destination[0], 4500),
        ),
    )
    saying = "goes from port 4500 to 4500, its request went from port 500 to 500"
    objects(
        moved, "answers-go-back", saying, party=responder(role), at=f"wire.pcapng#{datagram.frame}", requirement="B38"
    )
    assert moved.judge().verdict is Verdict.FAIL


def test_an_engine_that_sends_its_answer_elsewhere_is_named():
    case = build(CLASSICAL, role=Role.RESPONDER)
    datagram = case.message("IKE_AUTH response 1").pieces[0].datagram
    moved = elsewhere(case, "IKE_AUTH response 1", destination=(datagram.destination[0], 501))
    objects(
        moved, BACK, "goes from port 500 to 501", party="engine", at=f"wire.pcapng#{datagram.frame}", requirement="B38"
    )
    assert PEER_NAME not in {finding.party for finding in moved.judge().findings}
    assert Message.parse(datagram.payload).header.is_response


FAULTS = [
    (NAT, {"protocol": Protocol.ESP, "spi": bytes(4)}, ["B48"]),
    (NAT, {"protocol": Protocol.ESP, "spi": bytes(3)}, ["B48"]),
    (NAT, {"protocol": Protocol.AH, "spi": bytes(5)}, ["B48"]),
    (NAT, {"protocol": Protocol.ESP}, ["B48"]),
    (NAT, {"protocol": Protocol.IKE, "spi": bytes(8)}, ["B48"]),
    (FRAGMENTS, {"protocol": Protocol.ESP, "spi": bytes(4)}, ["F01"]),
    (INTERMEDIATE, {"protocol": Protocol.ESP, "spi": bytes(4)}, ["I01"]),
    (INTERMEDIATE, {"spi": bytes(4)}, ["B48", "I01"]),
]
"""A kind, what is changed of it, the sentences that this breaks: each fault is told once."""


@pytest.mark.parametrize(("kind", "parts", "broken"), FAULTS)
def test_each_fault_of_a_form_is_told_once(role, kind, parts, broken):
    """ "If the SPI field is empty, this field MUST be sent as zero"; an SPI is of AH or ESP (RFC 7296 section 3.10)."""
    case = good(HYBRID, role=role).rewritten(ANSWER, with_notify(kind, **parts))
    usual = CHECKS[FORM].requirement
    assert [each.requirement or usual for each in case.check(FORM).objections] == broken


MORE = [
    (NotifyType.INVALID_SELECTORS, {"protocol": Protocol.ESP, "spi": bytes(4)}, []),
    (NotifyType.CHILD_SA_NOT_FOUND, {"protocol": Protocol.AH, "spi": bytes(4)}, []),
    (NotifyType.REKEY_SA, {"protocol": Protocol.ESP, "spi": bytes(5)}, ["B48"]),
    (NotifyType.CHILDLESS_IKEV2_SUPPORTED, {"protocol": Protocol.IKE}, []),
    (NotifyType.CHILDLESS_IKEV2_SUPPORTED, {"protocol": Protocol.ESP}, ["C03"]),
    (NotifyType.CHILDLESS_IKEV2_SUPPORTED, {"protocol": Protocol.ESP, "spi": bytes(4)}, ["C03"]),
    (NotifyType.CHILDLESS_IKEV2_SUPPORTED, {"protocol": Protocol.IKE, "spi": bytes(8)}, ["B48", "C03"]),
    (NotifyType.SET_WINDOW_SIZE, {"data": bytes(4)}, []),
    (NotifyType.SET_WINDOW_SIZE, {"data": bytes(5)}, ["B20"]),
    (NotifyType.SET_WINDOW_SIZE, {"data": b""}, ["B20"]),
    (NotifyType.MOBIKE_SUPPORTED, {"protocol": Protocol.AH, "spi": bytes(4)}, ["B48"]),
    (NotifyType.QUICK_CRASH_DETECTION, {"data": bytes(16)}, ["B48"]),
    (NotifyType.QUICK_CRASH_DETECTION, {"data": bytes(16), "protocol": Protocol.IKE}, []),
    (NotifyType.USE_PPK, {}, []),
    (NotifyType.USE_PPK, {"data": b"1"}, ["P01"]),
    (NotifyType.USE_PPK_INT, {"data": b"1"}, []),  # "data that is not understood is ignored"
]
"""The same of a notify more."""


@pytest.mark.parametrize(("kind", "parts", "broken"), MORE)
def test_a_notify_more_is_held_to_its_form(role, kind, parts, broken):
    """ "The SPI is included only with INVALID_SELECTORS, REKEY_SA, and CHILD_SA_NOT_FOUND" (RFC 7296 section 3.10)."""
    case = good(HYBRID, role=role).rewritten(ANSWER, lambda old: [*old, Notify(kind, **parts)])
    usual = CHECKS[FORM].requirement
    assert [each.requirement or usual for each in case.check(FORM).objections] == broken


@pytest.mark.parametrize(
    ("label", "kinds", "gone", "broken"),
    [
        (FIRST, (NotifyType.USE_PPK, NotifyType.USE_PPK_INT), (), []),  # either may be wanted
        (ANSWER, (NotifyType.USE_PPK, NotifyType.USE_PPK_INT), (), ["P09"]),
        (ANSWER, (NotifyType.USE_PPK_INT,), (), []),
        (FIRST, (NotifyType.USE_PPK_INT,), (INTERMEDIATE,), ["P15"]),
        (FIRST, (NotifyType.USE_PPK,), (INTERMEDIATE,), []),
        (ANSWER, (NotifyType.USE_PPK, NotifyType.USE_PPK_INT), (INTERMEDIATE,), ["P15", "P09"]),
    ],
)
def test_the_two_announcements_of_a_ppk(role, label, kinds, gone, broken):
    """RFC 9867 section 3.1."""
    case = good(HYBRID, role=role).rewritten(label, lambda old: [*without(*gone)(old), *map(Notify, kinds)])
    assert [each.requirement for each in case.check(FORM).objections] == broken
    later = good(HYBRID, role=role).rewritten("IKE_AUTH response 2", lambda old: [*old, *map(Notify, kinds)])
    passes(later, FORM)


def test_an_answer_that_holds_nothing_but_both_is_no_better():
    message = good(HYBRID).message(ANSWER)
    (found,) = _ppks(message, {NotifyType.USE_PPK, NotifyType.USE_PPK_INT})
    assert found[0] == "P09"


@pytest.mark.parametrize("label", [FIRST, ANSWER])
def test_who_uses_what_was_agreed_on_in_silence_is_not_named_beside_the_silent_one(role, label):
    case = good(HYBRID, role=role).rewritten(label, without(INTERMEDIATE))
    assert "I01" not in {each.requirement for each in case.check(USED).objections}


def over(case: Case, label: str, *, source: int = 500, destination: int = 500) -> Case:
    """A message between other ports, behind the non-ESP marker where one of them is that of NAT traversal."""
    piece = case.message(label).pieces[0]
    old = piece.datagram
    ends = {"source": (old.source[0], source), "destination": (old.destination[0], destination)}
    marker = bytes(4) if 4500 in (source, destination) else b""
    return case.changed(old, replace(old, payload=marker + piece.octets, **ends))


AUTH, AUTH_ANSWER = "IKE_AUTH request 1", "IKE_AUTH response 1"


def again_over_4500(case: Case, label: str, *, by_engine: bool) -> Case:
    return behind(case, bytes(4) + case.message(label).pieces[0].octets, by_engine=by_engine, port=4500)


def test_an_answer_to_a_copy_that_comes_later_is_none(role):
    case = good(CLASSICAL, role=role)
    moved = over(case, AUTH_ANSWER, source=4500, destination=4500)
    later = again_over_4500(moved, AUTH, by_engine=role is Role.INITIATOR)
    at = case.message(AUTH_ANSWER).pointer
    objects(later, BACK, "goes from port 4500 to 4500", party=responder(role), at=at, requirement="B38")


def test_each_copy_of_a_request_is_answered_where_it_came_from(role):
    case = good(CLASSICAL, role=role)
    asked = again_over_4500(case, AUTH, by_engine=role is Role.INITIATOR)
    passes(again_over_4500(asked, AUTH_ANSWER, by_engine=role is Role.RESPONDER), BACK)


def test_both_directions_are_told_and_one_copy_is_enough(role):
    case = good(CLASSICAL, role=role)
    asked = over(case, AUTH, source=1024)
    answered = over(asked, AUTH_ANSWER, destination=501)
    twice = answered.changed(*[answered.message(AUTH_ANSWER).pieces[0].datagram] * 3)
    saying = "goes from port 500 to 501, its request went from port 1024 to 500"
    at = case.message(AUTH_ANSWER).pointer
    objects(twice, BACK, saying, party=responder(role), at=at, requirement="B38")
    assert len(twice.check(BACK).objections) == 1


def test_two_copies_that_go_elsewhere_are_told_once(role):
    case = over(good(CLASSICAL, role=role), AUTH_ANSWER, source=4500, destination=4500)
    moved = again_over_4500(case, AUTH_ANSWER, by_engine=role is Role.RESPONDER)
    assert [len(m.pieces) for m in moved.view.messages if m.label == AUTH_ANSWER] == [2]
    assert len(moved.check(BACK).objections) == 1


def test_where_no_request_was_seen_nobody_knows_where_it_came_from(role):
    case = good(CLASSICAL, role=role)
    passes(case.without(AUTH), BACK)


def test_requests_of_both_sides_may_have_one_number(role):
    """Each side counts its own (RFC 7296 section 2.2): an answer of the one is no request of the other."""
    case = good("lifecycle/liveness-and-delete", role=role)
    number = case.message("INFORMATIONAL request 2").message_id
    by_engine = role is Role.RESPONDER
    request = protected(case, (), by_engine=by_engine, message_id=number)
    answer = protected(case, (), by_engine=not by_engine, message_id=number, response=True)
    asked = behind(case, bytes(4) + request, by_engine=by_engine, port=4500)
    passes(behind(asked, bytes(4) + answer, by_engine=not by_engine, port=4500), BACK)
    strayed = behind(asked, answer, by_engine=not by_engine)
    assert [each.party for each in strayed.check(BACK).objections] == [initiator(role)]
