from __future__ import annotations

from dataclasses import replace

import pytest
from case_builder import PEER_NAME, Case, build, flipped, good
from extra_messages import protected
from judging import contradicts, initiator, objects, passes, responder

from harness.evidence.model import CapturedDatagram
from harness.policy.role import Role
from harness.registry.messages import ExchangeType, PayloadType
from harness.registry.notifications import NotifyType
from harness.results.model import Verdict
from harness.verify.checks.catalogue import CHECKS
from harness.verify.checks.fragmentation import both_announced, is_incomplete
from harness.wire.message import HEADER_OCTETS, Message
from harness.wire.payloads import EncryptedFragment, Notify

SCENARIO = "fragmentation/mlkem1024-at-576"
CHECK, FORM = "fragments-within", "fragments-in-their-form"
REQUEST = "IKE_INTERMEDIATE request 1"


def test_fragments_within_the_limit(role):
    passes(good(SCENARIO, role=role), "fragments-within", octets=576)


def test_fragments_over_the_limit(role):
    case = good(SCENARIO, role=role)
    objects(
        case,
        "fragments-within",
        "takes an IP datagram of 576 octets, over 575",
        party=initiator(role),
        at="wire.pcapng#3",
        requirement=None,
        octets=575,
    )


def test_a_peer_that_does_not_fragment_fails(role):
    """The size was configured on both sides: what RFC 7383 only recommends is then what was asked for."""
    case = build(SCENARIO, role=role, product={"fragment_octets": 65000})
    arguments = {"party": PEER_NAME, "requirement": None, "octets": 576}
    mine = next(m for m in case.view.messages if m.label.startswith("IKE_INT") and case.view.sender(m) == PEER_NAME)
    objects(case, CHECK, "over 576", at=f"wire.pcapng#{mine.frame}", **arguments)
    objects(case, CHECK, "no message is sent in fragments", at="wire.pcapng", **arguments)
    judgement = case.judge()
    assert judgement.verdict is Verdict.FAIL
    assert {(f.severity, f.requirement, f.party) for f in judgement.findings} == {("fail", "", PEER_NAME)}
    (result,) = (result for result in judgement.checks if result.check == CHECK)
    assert not result.passed
    assert "every datagram within" not in result.detail and "over 576" in result.detail


def test_ip_fragments_are_no_ike_fragments(role):
    case = build("hybrid/x25519-mlkem1024", role=role, product={"fragment_octets": 65000})
    mine = next(m for m in case.view.messages if m.label.startswith("IKE_INT") and case.view.sender(m) == PEER_NAME)
    assert len(mine.pieces[0].datagram.ip_octets) == 2
    arguments = {"party": PEER_NAME, "at": mine.pointer, "requirement": None, "octets": 1500}
    objects(case, CHECK, "over 1500", **arguments)


def refragmented(case: Case, number: int, **changes: object) -> Case:
    """One fragment of the request with other SKF fields or flags; its seal no longer fits, but its form counts."""
    piece = case.message(REQUEST).pieces[number - 1]
    flags = changes.pop("flags", piece.message.header.flags)
    fragment = piece.message.payloads[-1]
    assert isinstance(fragment, EncryptedFragment)
    header = replace(piece.message.header, flags=flags)
    octets = Message(header, (replace(fragment, **changes),)).to_bytes()  # type: ignore[arg-type]
    return case.changed(piece.datagram, replace(piece.datagram, payload=octets))


@pytest.mark.parametrize(
    ("number", "changes", "saying", "requirement"),
    [
        (2, {"first_inner": 34}, "fragment 2 has Next Payload 34", "F04"),
        (1, {"first_inner": 0}, "fragment 1 has Next Payload 0", "F04"),
        (3, {"fragment_number": 9}, "fragment 9 of 4", "F03"),
        (3, {"fragment_number": 0}, "fragment 0 of 4", "F03"),
    ],
)
def test_a_fragment_of_another_form(role, number, changes, saying, requirement):
    case = refragmented(good(SCENARIO, role=role), number, **changes)
    at = {"party": initiator(role), "at": "wire.pcapng#3", "requirement": requirement}
    objects(case, "fragments-in-their-form", saying, **at)


def test_fragments_in_their_form(role):
    for scenario in (SCENARIO, "hybrid/ecp384-mlkem1024", "classical/modp3072"):
        passes(good(scenario, role=role), "fragments-in-their-form")


def test_a_payload_outside_of_the_encryption_stands_in_the_first_fragment_alone(role):
    case = good(SCENARIO, role=role)
    for number, objected in ((1, False), (2, True)):
        piece = case.message(REQUEST).pieces[number - 1]
        both = (Notify(NotifyType(40_000)), *piece.message.payloads)
        octets = Message(piece.message.header, both).to_bytes()
        outside = case.changed(piece.datagram, replace(piece.datagram, payload=octets))
        found = [each.requirement for each in outside.check(FORM).objections]
        assert ("F06" in found) is objected


def test_a_set_of_fewer_fragments_after_a_whole_larger_one(role):
    case = good(SCENARIO, role=role)
    smaller = refragmented(case, 1, total_fragments=2)
    piece = case.message(REQUEST).pieces[0].datagram
    changed = smaller.message(REQUEST).pieces[0].datagram
    last = case.message(REQUEST).pieces[-1].datagram
    at = {"party": initiator(role), "at": "wire.pcapng#3", "requirement": "F08"}
    after = case.changed(last, last, replace(changed, frame=last.frame))
    objects(after, FORM, "a set of 2 comes after a whole set of 4", **at)
    before = case.changed(piece, changed, piece)
    passes(before, FORM)
    again = case.changed(piece, changed, piece).changed(last, last, replace(changed, frame=last.frame))
    passes(again, FORM)  # the path brings it once more


def test_ike_sa_init_in_fragments(role):
    case = good(SCENARIO, role=role)
    first = case.message("IKE_SA_INIT response 0").pieces[0]
    sealed = EncryptedFragment(PayloadType.NOTIFY, 1, 1, bytes(40))
    octets = Message(first.message.header, (*first.message.payloads, sealed)).to_bytes()
    wrong = case.changed(first.datagram, replace(first.datagram, payload=octets))
    at = {"party": responder(role), "at": "wire.pcapng#2", "requirement": "F02"}
    objects(wrong, FORM, "it comes in fragments", **at)


def test_fragments_whose_headers_differ(role):
    case = good(SCENARIO, role=role)
    changed = refragmented(case, 2, flags=case.message(REQUEST).pieces[1].message.header.flags | 1)
    at = {"party": initiator(role), "at": "wire.pcapng#3", "requirement": "F05"}
    objects(changed, FORM, "headers differ", **at)


def test_a_fragment_that_is_missing_leaves_the_message_closed(role):
    case = good(SCENARIO, role=role)
    gone = case.message(REQUEST).pieces[1].datagram
    cut = case.changed(gone)
    assert not cut.message(REQUEST).readable
    contradicts(cut, f"trace.jsonl has the {REQUEST}, and what wire.pcapng has of it does not open")


def test_whichever_fragment_is_missing_its_sender_may_have_sent_it(role):
    case = good(SCENARIO, role=role)
    assert not is_incomplete(case.message(REQUEST))
    for piece in case.message(REQUEST).pieces:
        cut = case.changed(piece.datagram)
        assert is_incomplete(cut.message(REQUEST))
        passes(cut, FORM)


def test_a_set_of_no_fragments_is_not_whole(role):
    """It says "1 of 0", or "0 of 0"."""
    message = good(SCENARIO, role=role).message(REQUEST)
    piece = message.pieces[0]
    (*outer, sealed) = piece.message.payloads
    assert isinstance(sealed, EncryptedFragment)
    for number in (0, 1):
        none = replace(sealed, fragment_number=number, total_fragments=0)
        alone = replace(piece, message=replace(piece.message, payloads=(*outer, none)))
        assert is_incomplete(replace(message, pieces=(alone,)))


def numbered(case: Case, at: int, number: int, total: int, later: float = 0.0) -> CapturedDatagram:
    """The datagram of one of the request's four fragments, which says that it is another one; no key opens it then."""
    piece = case.message(REQUEST).pieces[at - 1]
    octets = bytearray(piece.datagram.payload)
    place = octets.index(piece.octets) + HEADER_OCTETS + 4
    octets[place : place + 4] = number.to_bytes(2) + total.to_bytes(2)
    return replace(piece.datagram, payload=bytes(octets), at=piece.datagram.at + later)


def test_fragments_of_one_set_that_say_two_totals(role):
    case = good(SCENARIO, role=role)
    second = case.message(REQUEST).pieces[1].datagram
    mixed = case.changed(second, numbered(case, 2, 2, 9))
    saying = "its fragments are one set, and say that they are 4 and 9"
    at = {"party": initiator(role), "at": case.message(REQUEST).pointer, "requirement": "F03"}
    objects(mixed, FORM, saying, **at)
    none = replace(numbered(case, 1, 0, 4), frame=second.frame)
    beside = mixed.changed(mixed.message(REQUEST).pieces[0].datagram, case.message(REQUEST).pieces[0].datagram, none)
    objects(beside, FORM, saying, **at)  # number 0 is of no set


@pytest.mark.parametrize(("later", "one"), [(0.1, True), (0.2, False), (0.3, False)])
def test_what_is_sent_later_is_no_part_of_the_set(later, one):
    case = good(SCENARIO)
    message = case.message(REQUEST)
    datagrams = (replace(numbered(case, 2, 2, 9) if at == 2 else piece.datagram, at=later if at == 2 else 0.0)
                 for at, piece in enumerate(message.pieces, start=1))  # fmt: skip
    mixed = case
    for piece, datagram in zip(message.pieces, datagrams, strict=True):
        mixed = mixed.changed(piece.datagram, datagram)
    assert broken(mixed) == (["F03"] if one else [])


@pytest.mark.parametrize(
    ("exchange", "number", "total", "inner", "opens", "rules"),
    [
        (ExchangeType.INFORMATIONAL, 1, 1, 0, True, []), (ExchangeType.INFORMATIONAL, 1, 1, 0, False, []),
        (ExchangeType.INFORMATIONAL, 1, 1, 41, False, []), (ExchangeType.INFORMATIONAL, 1, 2, 0, False, ["F04"]),
        (ExchangeType.IKE_AUTH, 1, 1, 0, False, ["F04"]), (ExchangeType.INFORMATIONAL, 2, 2, 41, False, ["F04"]),
    ],
)  # fmt: skip
def test_the_one_fragment_of_an_empty_message_names_no_payload(exchange, number, total, inner, opens, rules):
    view = good(SCENARIO).view
    model = next(m for m in view.messages if m.exchange == ExchangeType.INFORMATIONAL)
    assert model.opened is not None
    piece = model.pieces[0]
    fragment = EncryptedFragment(PayloadType(inner), number, total, bytes(40))
    alone = replace(piece, message=replace(piece.message, payloads=(fragment,)))
    opened = replace(model.opened, outer=(), inner=()) if opens else None
    message = replace(model, exchange=exchange, pieces=(alone,), opened=opened)
    found = CHECKS[FORM](replace(view, messages=(message,))).objections
    assert [each.requirement for each in found] == rules


@pytest.mark.parametrize(
    ("others", "later"),
    [
        ({1: (1, 3), 2: (3, 3), 3: (3, 4)}, 0.0),  # number 3 comes again
        ({1: (1, 9), 2: (2, 5), 3: (4, 5)}, 0.0),  # some numbers are in neither
        ({1: (1, 2), 2: (2, 3), 3: (3, 3)}, 2.0),  # all numbers once, and the rest is sent two seconds later
    ],
)
def test_two_sets_of_which_each_has_lost_some(role, others, later):
    case = good(SCENARIO, role=role)
    datagrams = [piece.datagram for piece in case.message(REQUEST).pieces]
    changed = case.changed(datagrams[3])
    for at, (number, total) in others.items():
        fragment = numbered(case, at, number, total, later if at > 1 else 0.0)
        changed = changed.changed(datagrams[at - 1], fragment)
    assert broken(changed) == []


def test_a_fragment_of_other_octets_leaves_the_message_closed(role):
    case = good(SCENARIO, role=role)
    piece = case.message(REQUEST).pieces[2].datagram
    assert not case.changed(piece, replace(piece, payload=flipped(piece.payload, -1))).message(REQUEST).readable


@pytest.mark.parametrize(
    ("label", "side"), [("IKE_SA_INIT request 0", initiator), ("IKE_SA_INIT response 0", responder)]
)
def test_fragmentation_that_was_not_announced(role, label, side):
    def unannounced(old):
        gone = NotifyType.IKEV2_FRAGMENTATION_SUPPORTED
        return [p for p in old if not (isinstance(p, Notify) and p.notify_type == gone)]

    case = good(SCENARIO, role=role).rewritten(label, unannounced)
    at = {"party": side(role), "at": "wire.pcapng", "requirement": "F01"}
    objects(case, CHECK, "is not announced", octets=576, **at)


def broken(case: Case) -> list[str | None]:
    return [each.requirement for each in case.check(FORM).objections]


def test_ike_sa_init_may_be_larger_than_the_limit_of_fragments(role):
    """It is never fragmented (RFC 7383 section 2.3)."""
    case = good(SCENARIO, role=role)
    first = case.message("IKE_SA_INIT request 0").pieces[0].datagram
    passes(case.changed(first, replace(first, ip_octets=(1000,))), CHECK, octets=576)


def whole_of_another_form(case: Case, role: Role) -> bytes:
    """The message once more, sealed as a whole, with another minor version."""
    octets = protected(case, (), by_engine=role is Role.INITIATOR, message_id=1, exchange=ExchangeType.IKE_INTERMEDIATE)
    return octets[:17] + b"\x21" + octets[18:]


def test_a_copy_that_is_no_fragment_is_none_of_the_set(role):
    case = good(SCENARIO, role=role)
    first = case.message(REQUEST).pieces[0].datagram
    copy = replace(first, payload=whole_of_another_form(case, role))
    passes(case.changed(first, copy, first), FORM)
    wrong = refragmented(case, 2, first_inner=34)
    assert broken(wrong.changed(first, copy, first)) == ["F04"]


def test_a_larger_set_that_is_not_whole_lets_a_smaller_one_follow(role):
    case = good(SCENARIO, role=role)
    larger = refragmented(case, 1, total_fragments=9)
    assert broken(larger) == ["F03"]  # of the smaller one a fragment is missing, too
    first, odd = (each.message(REQUEST).pieces[0].datagram for each in (case, larger))
    assert broken(case.changed(first, odd, first)) == []


def test_a_fragment_outside_of_its_set_is_that_alone(role):
    case = good(SCENARIO, role=role)
    assert broken(refragmented(case, 2, total_fragments=0)) == ["F03"]
    last = case.message(REQUEST).pieces[-1].datagram
    odd = refragmented(case, 4, fragment_number=9).message(REQUEST).pieces[-1].datagram
    assert broken(case.changed(last, last, replace(odd, frame=last.frame))) == ["F03"]


@pytest.mark.parametrize(("at", "differs"), [(15, True), (16, False), (17, True), (19, True)])
def test_which_part_of_the_header_fragments_share(role, at, differs):
    """ "... except for the Length field", and Next Payload of what stands before SKF (RFC 7383 section 2.5)."""
    case = good(SCENARIO, role=role)
    second = case.message(REQUEST).pieces[1].datagram
    octets = second.payload[:at] + bytes((second.payload[at] ^ 1,)) + second.payload[at + 1 :]
    turned = case.changed(second, replace(second, payload=octets))
    assert ("F05" in broken(turned)) is differs


def test_what_counts_is_announced_in_the_messages_that_count(role):
    kind = NotifyType.IKEV2_FRAGMENTATION_SUPPORTED

    def unannounced(old):
        return [p for p in old if not (isinstance(p, Notify) and p.notify_type == kind)]

    label = "IKE_SA_INIT request 0"
    case = good(SCENARIO, role=role)
    earlier = replace(case.message(label).pieces[0].datagram, frame=0)
    demand = replace(case.message("IKE_SA_INIT response 0").pieces[0].datagram, frame=0)
    cookie = Message(
        case.message("IKE_SA_INIT response 0").pieces[0].message.header, (Notify(NotifyType.COOKIE, b"c"),)
    )
    silent = case.rewritten(label, unannounced)
    retried = silent.with_datagrams((earlier, replace(demand, payload=cookie.to_bytes()), *silent.datagrams))
    assert both_announced(retried.view, kind) == [initiator(role)]
    alone = case.without("IKE_SA_INIT response 0")
    assert both_announced(alone.view, kind) == [responder(role)]
    assert both_announced(case.without(label).view, kind) == [initiator(role)]


def test_what_stands_in_front_of_the_first_fragment_changes_its_next_payload_alone(role):
    case = good(SCENARIO, role=role)
    piece = case.message(REQUEST).pieces[0]
    in_front = (Notify(NotifyType(40_000)), *piece.message.payloads)
    octets = Message(piece.message.header, in_front).to_bytes()
    assert octets[16] != piece.octets[16]
    assert broken(case.changed(piece.datagram, replace(piece.datagram, payload=octets))) == []
