from __future__ import annotations

from dataclasses import replace
from typing import Any
from unittest.mock import patch

import pytest
from case_builder import ENGINE, PEER, PEER_NAME, Case, flipped, good
from extra_messages import behind, in_front_of, protected
from judging import initiator, objects, passes, responder

from harness.ike.protected import SecureChannel
from harness.policy.role import Role
from harness.registry.identities import ConfigurationType
from harness.registry.messages import ExchangeType, PayloadType
from harness.registry.notifications import NotifyType
from harness.results.model import Verdict
from harness.verify.checks.catalogue import CHECKS
from harness.verify.checks.wire_format import has_reserved_bits
from harness.verify.view import View
from harness.verify.wire import SeenMessage
from harness.wire.message import INITIATOR, Header, Message
from harness.wire.payload import Payload
from harness.wire.payloads import (
    Authentication,
    Configuration,
    IdentificationResponder,
    KeyExchange,
    Nonce,
    Notify,
    SecurityAssociation,
    TrafficSelectorsInitiator,
    TrafficSelectorsResponder,
)
from harness.wire.payloads.configuration import ConfigurationAttribute
from harness.wire.payloads.opaque import Unknown

FORM, IDS, COPIES = "canonical-wire-format", "message-ids-in-sequence", "retransmissions-identical"
SCENARIOS = ["fragmentation/mlkem1024-at-576", "negotiation/wrong-ke-group-first", "lifecycle/liveness-and-delete"]


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_messages_in_their_form_and_order(role, scenario):
    passes(good(scenario, role=role), "canonical-wire-format")
    passes(good(scenario, role=role), "message-ids-in-sequence")
    passes(good(scenario, role=role), "retransmissions-identical")


@pytest.mark.parametrize(
    ("label", "at", "header", "saying", "requirement"),
    [
        ("IKE_SA_INIT response 0", 2, {"version": 0x30}, "version 3.0", "B16"),
        ("IKE_SA_INIT response 0", 2, {"flags": 0x21}, "reserved bits", "B15"),
        ("IKE_INTERMEDIATE response 1", 4, {"flags": 0x60}, "reserved bits", "B15"),
        ("IKE_AUTH response 2", 6, {"responder_spi": bytes(8)}, "responder's SPI is zero", "B39"),
        ("IKE_SA_INIT response 0", 2, {"responder_spi": b"1" * 8}, "responder's SPI is another", "B39"),
    ],
)
def test_a_header_of_another_form(role, label, at, header, saying, requirement):
    case = good(role=role)
    flags = case.message(label).pieces[0].message.header.flags
    changes = {key: value | flags if key == "flags" else value for key, value in header.items()}
    flawed = case.rewritten(label, **changes)
    objects(flawed, FORM, saying, party=responder(role), at=f"wire.pcapng#{at}", requirement=requirement)


def test_a_first_message_that_already_knows_the_responder(role):
    case = good(role=role).rewritten("IKE_SA_INIT request 0", responder_spi=b"\1" * 8)
    objects(case, FORM, "not zero in the first", party=initiator(role), at="wire.pcapng#1", requirement="B39")


def flagged(flags: int):
    return lambda old: [replace(p, flags=flags) if isinstance(p, Nonce | SecurityAssociation) else p for p in old]


@pytest.mark.parametrize(("flags", "requirement"), [(0x80, "B14"), (0x01, "B15"), (0x40, "B15")])
@pytest.mark.parametrize(("label", "at"), [("IKE_SA_INIT response 0", 2), ("IKE_AUTH response 2", 6)])
def test_a_payload_with_flags(role, label, at, flags, requirement):
    case = good(role=role).rewritten(label, flagged(flags))
    place = {"party": responder(role), "at": f"wire.pcapng#{at}", "requirement": requirement}
    objects(case, "canonical-wire-format", f"has flags {flags:#04x}", **place)


def test_an_sk_payload_with_flags(role):
    piece = good(role=role).message("IKE_AUTH response 2").pieces[0]
    octets = bytearray(piece.octets)
    octets[29] = 0x80
    case = good(role=role).changed(piece.datagram, replace(piece.datagram, payload=bytes(octets)))
    objects(case, FORM, "SK has flags 0x80", party=responder(role), at="wire.pcapng#6", requirement="B14")


def test_reserved_octets_in_a_proposal(role):
    def reserved(old):
        (sa,) = (p for p in old if isinstance(p, SecurityAssociation))
        other = replace(sa, proposals=tuple(replace(p, reserved=1) for p in sa.proposals))
        return [other if p is sa else p for p in old]

    case = good(role=role).rewritten("IKE_SA_INIT response 0", reserved)
    objects(case, FORM, "SA has reserved bits", party=responder(role), at="wire.pcapng#2", requirement="B15")


def edited(kind: type[Payload], edit):
    """Each payload of one class edited."""
    return lambda old: [edit(p) if isinstance(p, kind) else p for p in old]


def stained(payload: Payload) -> Payload:
    return replace(payload, reserved=b"\0\1\0")  # type: ignore[call-arg]


def with_configuration(reserved: bytes = bytes(3), number: int = 1):
    attribute = ConfigurationAttribute(number, b"")
    return lambda old: [*old, Configuration(ConfigurationType(1), (attribute,), reserved)]


def stained_transform(payload: SecurityAssociation) -> SecurityAssociation:
    (proposal,) = payload.proposals
    first, *rest = proposal.transforms
    return replace(payload, proposals=(replace(proposal, transforms=(replace(first, reserved=(0, 1)), *rest)),))


INIT, AUTH = "IKE_SA_INIT response 0", "IKE_AUTH response 2"


@pytest.mark.parametrize(
    ("label", "at", "edit", "name"),
    [
        (INIT, 2, edited(KeyExchange, lambda p: replace(p, reserved=1)), "KE"),
        ("IKE_INTERMEDIATE response 1", 4, edited(KeyExchange, lambda p: replace(p, reserved=1)), "KE"),
        (INIT, 2, edited(SecurityAssociation, stained_transform), "SA"),
        (AUTH, 6, edited(SecurityAssociation, stained_transform), "SA"),
        (AUTH, 6, edited(IdentificationResponder, stained), "IDr"),
        (AUTH, 6, edited(Authentication, stained), "AUTH"),
        (AUTH, 6, edited(TrafficSelectorsInitiator, stained), "TSi"),
        (AUTH, 6, edited(TrafficSelectorsResponder, stained), "TSr"),
        (AUTH, 6, with_configuration(b"\1\0\0"), "CP"),
        (AUTH, 6, with_configuration(number=0x8001), "CP"),
    ],
)
def test_reserved_bits_of_each_payload(role, label, at, edit, name):
    case = good(role=role).rewritten(label, edit)
    place = {"party": responder(role), "at": f"wire.pcapng#{at}", "requirement": "B15"}
    objects(case, FORM, f"{label}: {name} has reserved bits", **place)


def test_a_configuration_without_reserved_bits(role):
    passes(good(role=role).rewritten(AUTH, with_configuration()), FORM)


@pytest.mark.parametrize("label", ["IKE_SA_INIT response 0", "IKE_INTERMEDIATE response 1", "IKE_AUTH response 2"])
def test_a_response_with_the_flag_of_the_initiator(role, label):
    """Who sent a message follows from the address; the flag is one more thing to look at."""
    case = good(role=role)
    flawed = case.rewritten(label, flags=0x28)
    place = {"party": responder(role), "at": case.message(label).pointer, "requirement": "B39"}
    objects(flawed, FORM, "the Initiator flag is set, though the sender is the IKE SA's responder", **place)
    assert flawed.message(label).from_initiator is False


def test_a_request_without_the_flag_of_the_initiator(role):
    flawed = good(role=role).rewritten("IKE_AUTH request 2", flags=0)
    saying = "the Initiator flag is not set, though the sender is the IKE SA's initiator"
    objects(flawed, FORM, saying, party=initiator(role), at="wire.pcapng#5", requirement="B39")


def other_sa(datagram, **changes):
    return replace(datagram, payload=b"\1" * 8 + datagram.payload[8:], **changes)


@pytest.mark.parametrize(("source", "party"), [(ENGINE, "engine"), (PEER, PEER_NAME)])
def test_a_message_of_another_ike_sa(role, source, party):
    case = good(role=role)
    datagram = [d for d in case.datagrams if d.source[0] == source][1]  # not IKE_SA_INIT, with which one may begin anew
    flawed = case.changed(datagram, datagram, other_sa(datagram))
    saying = "with the initiator's SPI 0101010101010101, of another IKE SA"
    objects(flawed, FORM, saying, party=party, at=f"wire.pcapng#{datagram.frame}", requirement="B39")
    assert flawed.judge().verdict is Verdict.FAIL
    assert "of another IKE SA" in {step.detail for step in flawed.judge().ladder}


def test_half_open_ike_sas_that_prepared_the_case_are_ours(role):
    """They leave from ports of their own."""
    case = good(role=role)
    first = case.datagrams[0]
    ends = {"source": (ENGINE, 40_000), "destination": (PEER, 500)}
    prepared = case.changed(first, other_sa(first, **ends), first)
    passes(prepared, FORM)
    assert prepared.judge().verdict is Verdict.PASS


@pytest.mark.parametrize("scenario", ["authentication/wrong-psk", "hybrid/x25519-mlkem768"])
def test_a_peer_may_begin_anew_whatever_became_of_the_first_one(role, scenario):
    """It may have forgotten it (section 2.4). But not answer, nor go on, in an IKE SA that nobody began."""
    case = good(scenario, role=role)
    first, last = case.datagrams[0], case.datagrams[-1]
    ends = {"source": (PEER, 500), "destination": (ENGINE, 500), "frame": last.frame + 1}
    passes(case.changed(last, last, other_sa(first, **ends)), FORM)
    answer = next(d for d in case.datagrams if d.source == first.destination)
    request = case.message("IKE_AUTH request 1" if scenario.startswith("auth") else "IKE_AUTH request 2")
    for stranger in (other_sa(answer, **ends), other_sa(request.pieces[0].datagram, **ends)):
        at = f"wire.pcapng#{stranger.frame}"
        objects(
            case.changed(last, last, stranger), FORM, "of another IKE SA", party=PEER_NAME, at=at, requirement="B39"
        )
    ours = other_sa(first, source=(ENGINE, 500), destination=(PEER, 500), frame=last.frame + 1)
    at = f"wire.pcapng#{ours.frame}"
    objects(case.changed(last, last, ours), FORM, "of another IKE SA", party="engine", at=at, requirement="B39")


def test_garbage_on_the_ports_of_ike(role):
    case = good(role=role)
    last = next(d for d in case.datagrams if d.source[0] == PEER)
    flawed = case.changed(last, last, replace(last, payload=b"garbage"))
    objects(flawed, FORM, "no IKE message", party=PEER_NAME, at=f"wire.pcapng#{last.frame}", requirement="B53")


def test_an_unknown_payload_is_no_fault(role):
    extra = Unknown(PayloadType(240), b"something")
    passes(good(role=role).rewritten("IKE_SA_INIT response 0", lambda old: [*old, extra]), FORM)


@pytest.mark.parametrize(("source", "party"), [(ENGINE, "engine"), (PEER, PEER_NAME)])
def test_a_datagram_that_is_no_message(role, source, party):
    case = good(role=role)
    datagram = next(d for d in case.datagrams if d.source[0] == source)
    cut = replace(datagram, payload=datagram.payload[:-1])
    flawed = case.changed(datagram, datagram, cut)
    at = {"party": party, "at": f"wire.pcapng#{datagram.frame}", "requirement": "B53"}
    objects(flawed, FORM, "no IKE message that can be parsed: ", **at)
    assert flawed.judge().verdict is Verdict.FAIL


def test_a_message_of_ikev1_is_of_another_protocol(role):
    """A product may speak both; RFC 7296 says nothing of what it sends for the other."""
    case = good(role=role)
    datagram = next(d for d in case.datagrams if d.source[0] == PEER)
    octets = bytearray(datagram.payload)
    octets[17] = 0x10
    other = case.changed(datagram, datagram, replace(datagram, payload=bytes(octets[:28]) + bytes(40)))
    passes(other, FORM)


def test_a_gap_in_the_numbers(role):
    case = good(role=role).rewritten("IKE_AUTH request 2", message_id=3)
    at = {"party": initiator(role), "at": "wire.pcapng#1", "requirement": "I04"}
    objects(case, "message-ids-in-sequence", "requests are numbered [0, 1, 3", **at)
    plain = good("classical/ecp384", role=role).rewritten("IKE_AUTH request 1", message_id=2)
    objects(plain, IDS, "requests are numbered [0, 2", **{**at, "requirement": "B22"})
    later = good(role=role).rewritten("INFORMATIONAL request 3", message_id=5)
    objects(later, IDS, "requests are numbered [0, 1, 2, 5", **{**at, "requirement": "B22"})


def test_numbers_in_another_order(role):
    case = good("multiple-ke/two-with-a-gap", role=role)
    swapped = case.rewritten("IKE_SA_INIT request 0", message_id=1)
    objects(swapped, IDS, "requests are numbered [1, 2", party=initiator(role), at="wire.pcapng#1")


def test_a_response_to_nothing(role):
    case = good(role=role)
    at = {"party": responder(role), "at": "wire.pcapng#6", "requirement": "I04"}
    objects(case.rewritten("IKE_AUTH response 2", message_id=7), IDS, "IKE_AUTH response 7 answers no request", **at)
    before = case.without("IKE_AUTH request 2")
    objects(before, IDS, "IKE_AUTH response 2 answers no request", **at)
    plain = good("classical/ecp384", role=role)
    orphan = plain.rewritten("IKE_AUTH response 1", message_id=7)
    at = {"party": responder(role), "at": plain.message("IKE_AUTH response 1").pointer, "requirement": "B22"}
    objects(orphan, IDS, "IKE_AUTH response 7 answers no request", **at)


def test_octets_inside_that_are_no_payloads(role):
    """The right keys open it, so that its sender wrote it so."""
    case = good(role=role)
    for label, side in (("IKE_AUTH request 2", initiator), ("IKE_AUTH response 2", responder)):
        with patch.object(SecureChannel, "_finish", with_a_long_payload_inside(SecureChannel._finish)):
            garbled = case.rewritten(label)
        at = {"party": side(role), "at": case.message(label).pointer, "requirement": "B53"}
        objects(garbled, FORM, "is authentic, and its payloads do not fill", **at)


def with_a_long_payload_inside(finish):
    return lambda self, prefix, plain, rng: finish(self, prefix, plain[:2] + b"\xff\xff" + plain[4:], rng)


REPEATED = ["IKE_INTERMEDIATE request 1", "IKE_INTERMEDIATE response 1", "IKE_AUTH request 2", "IKE_AUTH response 2"]


@pytest.mark.parametrize("label", REPEATED)
@pytest.mark.parametrize("scenario", ["hybrid/x25519-mlkem768", "fragmentation/mlkem1024-at-576"])
def test_a_retransmission(role, scenario, label):
    case = good(scenario, role=role)
    same = case.repeated(label)
    passes(same, COPIES)
    assert "1 repeated" in same.check(COPIES).detail
    assert same.judge().verdict is Verdict.PASS
    pointer = case.message(label).pointer
    side = initiator if "request" in label else responder
    flawed = case.repeated(label, lambda octets: flipped(octets, -1))
    objects(flawed, "retransmissions-identical", "repeated with other octets", party=side(role), at=pointer)
    assert flawed.judge().verdict is Verdict.FAIL


def test_ike_sa_init_answered_twice(role):
    case = good(role=role).repeated("IKE_SA_INIT response 0", lambda octets: flipped(octets, -1))
    objects(case, COPIES, "a second time", party=responder(role), at="wire.pcapng#2", requirement="B19")


def test_a_cookie_or_another_method_is_no_retransmission(role):
    for scenario in ("denial-of-service/cookie", "negotiation/wrong-ke-group-first"):
        passes(good(scenario, role=role), COPIES)


def test_a_cookie_for_a_repeated_request_that_comes_late(role):
    """The request came twice, and each of its demands is another one (RFC 7296 section 2.6)."""
    case = good("denial-of-service/cookie", role=role)
    ask, demand, retry, answer = case.datagrams[:4]
    late = replace(demand, payload=flipped(demand.payload, -1))
    for begun, broken in (([ask], ["B19"]), ([ask, ask], [])):
        seen = [*begun, demand, retry, answer, late, *case.datagrams[4:]]
        wire = case.with_datagrams(replace(each, frame=frame) for frame, each in enumerate(seen, 1))
        found = wire.check(COPIES).objections
        assert [each.requirement for each in found] == broken
        assert {each.party for each in found} <= {responder(role)}


def test_an_ike_sa_init_request_of_other_octets_that_nobody_asked_for(role):
    label = "IKE_SA_INIT request 0"
    case = good(role=role).repeated(label, lambda octets: flipped(octets, -1))
    objects(case, COPIES, "no answer asks for it", party=initiator(role), at="wire.pcapng#1", requirement="B18")
    passes(good(role=role).repeated(label), COPIES)


def test_a_cookie_comes_back_once(role):
    """One demand allows one other request."""
    case = good("denial-of-service/cookie", role=role)
    last = [m for m in case.view.messages if m.label == "IKE_SA_INIT request 0"][-1].pieces[0].datagram
    third = case.changed(last, last, replace(last, payload=flipped(last.payload, -1)))
    at = f"wire.pcapng#{last.frame}"
    objects(third, COPIES, "no answer asks for it", party=initiator(role), at=at, requirement="B18")


def test_port_4500_is_read_without_its_marker(role):
    def floated(case: Case):
        for d in case.datagrams:
            if d.source[1] == 500 and d.frame > 2:
                ends = ((d.source[0], 4500), (d.destination[0], 4500))
                yield replace(d, source=ends[0], destination=ends[1], payload=bytes(4) + d.payload)
            else:
                yield d

    case = good(role=role)
    moved = case.with_datagrams(floated(case))
    assert moved.judge().verdict is Verdict.PASS
    assert len(moved.view.messages) == len(case.view.messages)


def appended(case: Case, octets: bytes, *, by_engine: bool) -> Case:
    return behind(case, octets, by_engine=by_engine)


def test_only_an_informational_message_says_that_an_spi_is_unknown(role):
    case = good(role=role)
    word = (Notify(NotifyType.INVALID_SPI, bytes(4)),)
    for exchange, found in ((ExchangeType.INFORMATIONAL, []), (ExchangeType.IKE_AUTH, ["B39"])):
        octets = Message(Header(b"7" * 8, bytes(8), exchange, 0, 0), word).to_bytes()
        told = appended(case, octets, by_engine=False).check(FORM).objections
        assert [each.requirement for each in told] == found


def test_an_spi_of_the_initiator_of_zero(role):
    case = good(role=role)
    old = case.evidence.secrets.initiator_spi
    changed = (replace(d, payload=d.payload.replace(old, bytes(8), 1)) for d in case.datagrams)
    zero = case.with_datagrams(changed).with_secrets(initiator_spi=bytes(8))
    told = {each.pointer for each in zero.check(FORM).objections if "initiator's SPI is zero" in each.sentence}
    assert told == {message.pointer for message in zero.view.messages}


def numbered(case: Case, by_engine: bool, *numbers: int, **options: Any) -> Case:
    for number in numbers:
        octets = protected(case, (), by_engine=by_engine, message_id=number, **options)
        case = appended(case, octets, by_engine=by_engine)
    return case


def test_each_side_counts_its_own_requests(role):
    case, by_engine = good(role=role), role is Role.RESPONDER
    passes(numbered(case, by_engine, 0, 1), IDS)
    gap = numbered(case, by_engine, 0, 2)
    assert [(each.party, each.sentence) for each in gap.check(IDS).objections] == [
        (responder(role), "requests are numbered [0, 2]")
    ]
    assert case.without("IKE_INTERMEDIATE response 1").check(IDS).objections == ()


def test_numbers_up_to_ike_auth_that_do_not_begin_with_zero(role):
    cut = good(role=role).without("IKE_SA_INIT request 0")
    numbers = next(each for each in cut.check(IDS).objections if "requests are numbered" in each.sentence)
    assert numbers.requirement == "I04"


def rules_of_answers(case: Case) -> list[str | None]:
    return [each.requirement for each in case.check(IDS).objections if "answers no request" in each.sentence]


def test_an_answer_to_ike_auth_of_another_number(role):
    """RFC 9242 section 3.1 has the numbers go on through IKE_INTERMEDIATE; one that was used elsewhere is no matter."""
    case = good(role=role).rewritten("IKE_AUTH response 2", message_id=9)
    assert rules_of_answers(case) == ["I04"]
    by_engine = role is Role.RESPONDER
    assert rules_of_answers(numbered(case, by_engine, *range(10))) == ["I04"]
    assert "I04" in rules_of_answers(numbered(case, not by_engine, 9, response=True))
    assert rules_of_answers(case.without("IKE_INTERMEDIATE response 1")) == ["I04"]


def test_only_a_request_before_it_is_answered(role):
    case, by_engine = good(role=role), role is Role.RESPONDER
    asked = numbered(case, by_engine, 0)
    answered = numbered(asked, not by_engine, 0, response=True)
    passes(answered, IDS)
    assert rules_of_answers(numbered(answered, by_engine, 0, response=True)) == ["B22"]
    early = numbered(numbered(case, not by_engine, 0, response=True), by_engine, 0)
    assert rules_of_answers(early) == ["B22"]


def test_an_ike_sa_that_the_peer_may_begin_does_not_hide_a_strange_message(role):
    case = good(role=role)
    begun = Message(Header(b"7" * 8, bytes(8), ExchangeType.IKE_SA_INIT, INITIATOR, 0), ()).to_bytes()
    strange = Message(Header(b"8" * 8, b"9" * 8, ExchangeType.IKE_AUTH, INITIATOR, 1), ()).to_bytes()
    both = appended(appended(case, begun, by_engine=False), strange, by_engine=False)
    assert [each.requirement for each in both.check(FORM).objections] == ["B39"]


def test_one_copy_with_the_wrong_flag_is_enough(role):
    case = good(role=role)
    turned = case.repeated("IKE_AUTH response 2", lambda octets: octets[:19] + bytes((octets[19] ^ 8,)) + octets[20:])
    at = case.message("IKE_AUTH response 2").pointer
    saying = "the Initiator flag is"
    objects(turned, FORM, saying, party=responder(role), at=at, requirement="B39")


def test_an_spi_that_is_zero_but_for_its_last_octet(role):
    case = good(role=role)
    old, least = case.evidence.secrets.initiator_spi, bytes(7) + b"\1"
    changed = (replace(d, payload=d.payload.replace(old, least, 1)) for d in case.datagrams)
    passes(case.with_datagrams(changed).with_secrets(initiator_spi=least), FORM)


REQUEST, ANSWER = "IKE_SA_INIT request 0", "IKE_SA_INIT response 0"


def test_one_answer_is_no_second_one_although_its_request_is_not_there(role):
    assert good(role=role).without(REQUEST).check(COPIES).objections == ()


def test_only_a_demand_lets_an_initiator_send_other_octets(role):
    """A cookie, or another method, whatever stands beside it in the answer."""
    case = good(role=role)
    request = case.message(REQUEST).pieces[0]
    shorter = Message(request.message.header, request.message.payloads[:-1]).to_bytes()
    for answer in (case, case.rewritten(ANSWER, lambda old: [p for p in old if not isinstance(p, Notify)])):
        later = in_front_of(answer, "IKE_INTERMEDIATE request 1", shorter, by_engine=role is Role.INITIATOR)
        assert "B18" in {each.requirement for each in later.check(COPIES).objections}
    retried = good("denial-of-service/cookie", role=role)
    status = Notify(NotifyType(40_000))
    passes(retried.rewritten(ANSWER, lambda old: [*old, status]), COPIES)


def test_reserved_bits_in_one_of_two_proposals():
    (offer,) = (p for p in good().message(REQUEST).payloads if isinstance(p, SecurityAssociation))
    (clean,) = offer.proposals
    assert not has_reserved_bits(replace(offer, proposals=(clean, clean)))
    assert has_reserved_bits(replace(offer, proposals=(clean, replace(clean, reserved=1))))


def test_the_reserved_bit_of_one_of_two_attributes():
    clean, stained = (ConfigurationAttribute(number, b"") for number in (1, 0x8001))
    kind = ConfigurationType.CFG_REQUEST
    assert not has_reserved_bits(Configuration(kind, (clean, clean)))
    assert has_reserved_bits(Configuration(kind, (clean, stained)))


def placed(view: View, *others: SeenMessage) -> View:
    """The view with other messages, each in its place of the capture, instead of those in the same frame."""
    frames = {message.frame for message in others}
    kept = [message for message in view.messages if message.frame not in frames]
    return replace(view, messages=tuple(sorted((*kept, *others), key=lambda m: m.frame)))


def numbering(view: View) -> set[tuple[str, str | None]]:
    return {(each.party, each.requirement) for each in CHECKS[IDS](view).objections}


@pytest.mark.parametrize(
    "label", ["IKE_INTERMEDIATE request 1", "IKE_AUTH request 2", "IKE_INTERMEDIATE response 1", "IKE_AUTH response 2"]
)
def test_a_response_flag_that_is_the_wrong_way_round(role, label):
    case = good("hybrid/x25519-mlkem768", role=role)
    message = case.message(label)
    party = (initiator if "request" in label else responder)(role)
    found = numbering(placed(case.view, replace(message, response=not message.response)))
    assert (party, "B39") in found


def moved(message: SeenMessage, frame: int, **changes: Any) -> SeenMessage:
    pieces = (replace(piece, datagram=replace(piece.datagram, frame=frame)) for piece in message.pieces)
    return replace(message, pieces=tuple(pieces), **changes)


LATE = 10**6


def test_a_response_that_fits_no_request_is_turned_only_with_its_senders_next_number(role):
    case = good("hybrid/x25519-mlkem768", role=role)
    last = case.message("INFORMATIONAL response 3")  # of the responder, which has asked nothing itself
    for number, rule in ((0, "B39"), (1, "B22"), (9, "B22")):
        other = moved(last, LATE, exchange=ExchangeType.CREATE_CHILD_SA, message_id=number)
        assert numbering(placed(case.view, other)) == {(responder(role), rule)}
    early = moved(last, -1, exchange=ExchangeType.CREATE_CHILD_SA, message_id=1)
    own = moved(last, -2, exchange=ExchangeType.CREATE_CHILD_SA, message_id=0, response=False)
    assert (responder(role), "B39") in numbering(placed(case.view, own, early))
    late = moved(own, LATE)
    assert (responder(role), "B39") not in numbering(placed(case.view, late, early))


def test_a_request_is_turned_only_where_it_would_answer_one(role):
    case = good("hybrid/x25519-mlkem768", role=role)
    last = case.message("INFORMATIONAL response 3")
    asked = moved(last, LATE, response=False)
    assert numbering(placed(case.view, asked)) == {(responder(role), "B22")}  # that one has its answer
    unanswered = replace(case.view, messages=tuple(m for m in case.view.messages if m.label != last.label))
    assert numbering(placed(unanswered, asked)) == {(responder(role), "B39")}
    for other in (
        moved(asked, LATE, exchange=ExchangeType.CREATE_CHILD_SA),
        moved(asked, LATE, message_id=4),
        moved(asked, 0),  # before it was asked
    ):
        assert numbering(placed(unanswered, other)) == {(responder(role), "B22")}
