"""Deletes of another form, and what still comes on an SA that its sender has deleted."""

from __future__ import annotations

from dataclasses import replace

import pytest
from case_builder import PEER_NAME, Case, flipped, good
from extra_messages import behind, in_front_of, late_esp, protected
from judging import contradicts, initiator, objects, passes

from harness.policy.role import Role
from harness.registry.messages import ExchangeType, Protocol
from harness.results.model import Verdict
from harness.wire.message import INITIATOR, RESPONSE, Header, Message
from harness.wire.payload import Payload
from harness.wire.payloads import Delete

FORM, AFTER = "deletes-in-their-form", "nothing-after-a-deletion"
HYBRID, LIFE = "hybrid/x25519-mlkem768", "lifecycle/liveness-and-delete"
DELETION = "INFORMATIONAL request 3"


def deletion_of(case: Case) -> str:
    """The label of the request that deletes the IKE SA."""
    return next(m.label for m in case.view.messages if any(isinstance(p, Delete) for p in m.payloads))


@pytest.mark.parametrize("scenario", [HYBRID, LIFE, "multiple-ke/seven", "classical/modp3072"])
def test_a_deletion_as_it_is_due(role, scenario):
    case = good(scenario, role=role)
    passes(case, "deletes-in-their-form")
    passes(case, "nothing-after-a-deletion")
    assert "1 D" in case.check(FORM).detail and "1 deletion" in case.check(AFTER).detail


@pytest.mark.parametrize(
    ("delete", "saying"),
    [
        (Delete(Protocol.IKE, 8, (bytes(8),)), "1 SPIs of 8 octets, and is to have none"),
        (Delete(Protocol.IKE, 0, (), empty_spis=1), "has 1 SPIs of 0 octets, and is to have none"),
        (Delete(Protocol.IKE, 8, ()), "has 0 SPIs of 8 octets, and is to have none"),
        (Delete(Protocol.NONE), "a Delete is for protocol 0"),
        (Delete(Protocol(9), 4, (bytes(4),)), "a Delete is for protocol 9"),
        (Delete(Protocol.ESP), "0 SPIs of 0 octets; 4 are due"),
        (Delete(Protocol.ESP, 4, ()), "0 SPIs of 4 octets; 4 are due"),
        (Delete(Protocol.ESP, 8, (bytes(8),)), "1 SPIs of 8 octets; 4 are due"),
        (Delete(Protocol.ESP, 4, (b"\1\2\3\4",)), "names the SPI 01020304, which is nobody's"),
    ],
)
def test_a_delete_of_another_form(role, delete, saying):
    case = good(HYBRID, role=role)
    label = deletion_of(case)
    flawed = case.rewritten(label, lambda _old: [delete])
    at = flawed.message(label).pointer
    objects(flawed, "deletes-in-their-form", saying, party=initiator(role), at=at, requirement="B52")
    assert flawed.judge().verdict is Verdict.FAIL


def test_a_delete_that_names_the_other_sides_spi(role):
    case = good(HYBRID, role=role)
    label, child = deletion_of(case), case.view.child
    assert child is not None
    right = case.rewritten(label, lambda old: [*old, Delete(Protocol.ESP, 4, (child.initiator_spi,))])
    passes(right, FORM)
    wrong = case.rewritten(label, lambda old: [*old, Delete(Protocol.ESP, 4, (child.responder_spi,))])
    saying = f"names the SPI {child.responder_spi.hex()}, which is the other side's"
    objects(wrong, FORM, saying, party=initiator(role), at=wrong.message(label).pointer, requirement="B52")


def test_what_a_message_told_that_cannot_be_read_is_not_known(role):
    """Its sender's Delete may name an SPI that stands in there; the other side's still may not."""
    case = good(HYBRID, role=role)
    label, stray = deletion_of(case), Delete(Protocol.ESP, 4, (b"\1\2\3\4",))
    wrong = case.rewritten(label, lambda old: [*old, stray])
    for sender, known in (("request", True), ("response", False)):
        piece = wrong.message(f"IKE_AUTH {sender} 2").pieces[-1].datagram
        unread = wrong.changed(piece, replace(piece, payload=flipped(piece.payload, -1)))
        assert bool(unread.check(FORM).objections) is not known
    asks = role is Role.INITIATOR
    no_sa = behind(wrong, protected(wrong, (), by_engine=asks, message_id=50), by_engine=asks)
    last = no_sa.datagrams[-1]
    unread = no_sa.changed(last, replace(last, payload=flipped(last.payload, -1)))
    assert unread.check(FORM).objections, "no SA is made in INFORMATIONAL"


def test_a_request_in_an_ike_sa_that_its_sender_deleted(role):
    case = good(HYBRID, role=role)
    by_engine = role is Role.INITIATOR
    number = case.message(deletion_of(case)).message_id + 1
    for payloads in ((), (Delete(Protocol.IKE),)):
        octets = protected(case, payloads, by_engine=by_engine, message_id=number)
        late = behind(case, octets, by_engine=by_engine)
        saying = f"INFORMATIONAL request {number} is sent in the IKE SA that"
        at = f"wire.pcapng#{case.datagrams[-1].frame + 1}"
        objects(late, "nothing-after-a-deletion", saying, party=initiator(role), at=at, requirement="B29")


def test_both_sides_may_delete_at_once(role):
    """ "The two requests may cross in the network" (section 1.4.1)."""
    case = good(HYBRID, role=role)
    octets = protected(case, [Delete(Protocol.IKE)], by_engine=role is Role.RESPONDER, message_id=0)
    passes(behind(case, octets, by_engine=role is Role.RESPONDER), AFTER)


def test_a_deletion_that_is_repeated_is_the_same(role):
    case = good(HYBRID, role=role)
    passes(case.repeated(deletion_of(case)), AFTER)


def test_esp_long_after_the_deletion(role):
    case = good(HYBRID, role=role)
    late = late_esp(case, by_engine=False, after=1.5)
    at = f"wire.pcapng#{case.datagrams[-1].frame + 1}"
    objects(late, AFTER, "an ESP packet is sent on an SA that", party=PEER_NAME, at=at, requirement="B29")
    assert late.judge().verdict is Verdict.FAIL
    ours = late_esp(case, by_engine=True, after=1.5)
    objects(ours, AFTER, "an ESP packet is sent on an SA that", party="engine", at=at, requirement="B29")


def test_esp_that_was_on_its_way_or_is_repeated_by_the_path(role):
    case = good(HYBRID, role=role)
    passes(late_esp(case, by_engine=False, after=0.2), AFTER)
    old = case.esp(from_engine=False)[-1]
    passes(behind(case, old.payload, by_engine=False, after=5.0, port=4500), AFTER)


def test_what_stands_in_front_of_the_answer_is_not_late(role):
    """Whatever the clock says of it."""
    case = good(HYBRID, role=role)
    for each in case.esp(from_engine=False):
        case = case.changed(each, replace(each, at=each.at + 100))
    passes(case, AFTER)


def deleted_child(case: Case, *, by_engine: bool) -> Case:
    """The Child SA alone is deleted, behind all else, and the answer names the other half."""
    child, role = case.view.child, case.evidence.role
    assert child is not None
    asks_initiator = by_engine == (role is Role.INITIATOR)
    own, other = child.initiator_spi, child.responder_spi
    own, other = (own, other) if asks_initiator else (other, own)
    number = 40
    request = protected(case, [Delete(Protocol.ESP, 4, (own,))], by_engine=by_engine, message_id=number)
    answer = protected(
        case, [Delete(Protocol.ESP, 4, (other,))], by_engine=not by_engine, message_id=number, response=True
    )
    return behind(behind(case, request, by_engine=by_engine), answer, by_engine=not by_engine)


@pytest.mark.parametrize("by_engine", [True, False])
def test_esp_of_a_child_sa_that_is_deleted_alone(role, by_engine):
    whole = good(HYBRID, role=role)
    label = deletion_of(whole)
    case = whole.without(label).without(label.replace("request", "response"))
    gone = deleted_child(case, by_engine=by_engine)
    passes(gone, AFTER)
    passes(gone, FORM)
    for sender, party in ((True, "engine"), (False, PEER_NAME)):
        late = late_esp(gone, by_engine=sender, after=1.5)
        assert {each.party for each in late.check(AFTER).objections} == {party}


def test_a_deletion_that_nobody_answers_may_be_lost(role):
    case = good(HYBRID, role=role)
    answer = deletion_of(case).replace("request", "response")
    passes(late_esp(case.without(answer), by_engine=False, after=1.5), AFTER)


def test_a_delete_is_looked_for_in_informational_alone(role):
    assert ExchangeType.INFORMATIONAL.name in deletion_of(good(HYBRID, role=role))


def in_clear(
    case: Case, payloads: tuple[Payload, ...], *, by_engine: bool, number: int, response: bool = False
) -> bytes:
    """An INFORMATIONAL message without SK, which anybody can send."""
    flags = (INITIATOR if by_engine == (case.evidence.role is Role.INITIATOR) else 0) | (RESPONSE if response else 0)
    spis = case.evidence.secrets.initiator_spi, case.evidence.secrets.responder_spi
    return Message(Header(*spis, ExchangeType.INFORMATIONAL, flags, number), payloads).to_bytes()


def undeleted(role: Role) -> Case:
    """The case without its deletion."""
    whole = good(HYBRID, role=role)
    label = deletion_of(whole)
    return whole.without(label).without(label.replace("request", "response"))


def test_each_fault_of_a_delete_is_told_once(role):
    case = good(HYBRID, role=role)
    wrong = case.rewritten(deletion_of(case), lambda _old: [Delete(Protocol.ESP, 8, (bytes(8),))])
    assert len(wrong.check(FORM).objections) == 1


def test_two_deletes_of_one_protocol(role):
    """ "each Delete payload lists SPIs for a different protocol" (RFC 7296 section 1.4.1)."""
    case = good(HYBRID, role=role)
    label, one = deletion_of(case), Delete(Protocol.ESP, 4, (case.view.child.initiator_spi,))
    twice = case.rewritten(label, lambda _old: [one, one])
    at = twice.message(label).pointer
    objects(twice, FORM, "two Delete payloads are for protocol 3", party=initiator(role), at=at, requirement="B52")


def test_where_the_capture_lacks_who_told_an_spi_its_delete_names_nobody(role):
    case = good(HYBRID, role=role)
    one = Delete(Protocol.ESP, 4, (case.view.child.initiator_spi,))
    unread = case.rewritten(deletion_of(case), lambda _old: [one]).without("IKE_AUTH request 2")
    contradicts(unread, "wire.pcapng lacks the IKE_AUTH request 2")


@pytest.mark.parametrize("by_engine", [True, False])
def test_a_delete_in_clear_deletes_nothing(role, by_engine):
    case = undeleted(role)
    said = behind(
        case, in_clear(case, (Delete(Protocol.NONE), Delete(Protocol.IKE)), by_engine=by_engine, number=9),
        by_engine=by_engine,
    )  # fmt: skip
    answer = protected(said, (), by_engine=not by_engine, message_id=9, response=True)
    answered = behind(said, answer, by_engine=not by_engine)
    passes(answered, FORM)
    passes(late_esp(answered, by_engine=by_engine, after=1.5), AFTER)


def test_a_request_in_clear_after_the_deletion_is_anybodys(role):
    case = good(HYBRID, role=role)
    by_engine = role is Role.INITIATOR
    passes(behind(case, in_clear(case, (), by_engine=by_engine, number=99), by_engine=by_engine), AFTER)


def test_a_delete_of_the_ike_sa_beside_one_of_a_child_sa(role):
    case = good(HYBRID, role=role)
    label, by_engine = deletion_of(case), role is Role.INITIATOR
    both = case.rewritten(label, lambda old: [*old, Delete(Protocol.ESP, 4, (b"\1\2\3\4",))])
    number = case.message(label).message_id + 1
    later = behind(both, protected(both, (), by_engine=by_engine, message_id=number), by_engine=by_engine)
    assert [each.party for each in later.check(AFTER).objections] == [initiator(role)]
    late = late_esp(both, by_engine=False, after=1.5)
    assert [each.party for each in late.check(AFTER).objections] == [PEER_NAME]


@pytest.mark.parametrize("by_engine", [True, False])
def test_esp_of_another_child_sa_goes_on(role, by_engine):
    case = undeleted(role)
    other = Delete(Protocol.ESP, 4, (b"\1\2\3\4",))
    request = protected(case, [other], by_engine=by_engine, message_id=40)
    answer = protected(case, [], by_engine=not by_engine, message_id=40, response=True)
    gone = behind(behind(case, request, by_engine=by_engine), answer, by_engine=not by_engine)
    for sender in (True, False):
        passes(late_esp(gone, by_engine=sender, after=1.5), AFTER)


def test_the_answer_to_something_else_is_no_answer_to_the_deletion(role):
    case = good(HYBRID, role=role)
    label, by_engine = deletion_of(case), role is Role.RESPONDER
    silent = case.without(label.replace("request", "response"))
    other = protected(silent, (), by_engine=by_engine, message_id=77, response=True)
    passes(late_esp(behind(silent, other, by_engine=by_engine), by_engine=False, after=1.5), AFTER)
    number = case.message(label).message_id
    before = protected(silent, (), by_engine=by_engine, message_id=number, response=True)
    passes(late_esp(in_front_of(silent, label, before, by_engine=by_engine), by_engine=False, after=1.5), AFTER)


def test_an_answer_that_comes_again_makes_nothing_later(role):
    case = good(HYBRID, role=role)
    label, by_engine = deletion_of(case), role is Role.RESPONDER
    answer = case.message(label.replace("request", "response")).pieces[0]
    late = late_esp(case, by_engine=False, after=1.5)
    number = case.message(label).message_id
    for octets in (answer.octets, in_clear(case, (), by_engine=by_engine, number=number, response=True)):
        again = behind(late, octets, by_engine=by_engine, after=5.0)
        assert [each.party for each in again.check(AFTER).objections] == [PEER_NAME]


def test_more_than_one_late_packet_of_a_side_is_told_once(role):
    late = late_esp(
        late_esp(good(HYBRID, role=role), by_engine=False, after=1.5), by_engine=False, after=0.5, sequence=51
    )
    assert [each.party for each in late.check(AFTER).objections] == [PEER_NAME]


def test_a_keepalive_after_the_deletion_is_no_esp(role):
    """One octet of 0xFF (RFC 3948 section 2.3)."""
    passes(behind(good(HYBRID, role=role), b"\xff", by_engine=False, after=3.0, port=4500), AFTER)


def test_a_clock_that_was_set_back_tells_nothing_from_the_answer_on(role):
    case = late_esp(good(HYBRID, role=role), by_engine=False, after=1.5)
    answer = case.message(deletion_of(case).replace("request", "response")).pieces[0].datagram
    assert [each.party for each in case.check(AFTER).objections] == [PEER_NAME]
    early = replace(case.datagrams[0], at=answer.at + 100)  # before it nothing is asked of the clock
    assert case.changed(case.datagrams[0], early).check(AFTER).objections
    *others, late = case.datagrams
    back = replace(answer, frame=answer.frame + 1, at=answer.at - 1)
    passes(case.with_datagrams((*others, back, replace(late, frame=late.frame + 1))), AFTER)


def test_a_delete_answers_a_delete_alone(role):
    """ "The response ... will contain Delete payloads for the paired SAs" (RFC 7296 section 1.4.1)."""
    plain = good("hybrid/x25519-mlkem768", role=role)
    child = plain.view.child
    assert child is not None
    peers_spi = child.responder_spi if role is Role.INITIATOR else child.initiator_spi
    for asked, answered, objected in (
        ((), Delete(Protocol.IKE), True),
        ((), Delete(Protocol.ESP, 4, (peers_spi,)), True),
        ((Delete(Protocol.ESP, 4, (bytes(4),)),), Delete(Protocol.ESP, 4, (peers_spi,)), False),
        ((Delete(Protocol.ESP, 4, (bytes(4),)),), Delete(Protocol.IKE), True),
        ((Delete(Protocol.IKE),), Delete(Protocol.ESP, 4, (peers_spi,)), False),  # its Child SAs go with it
    ):
        case = behind(plain, protected(plain, asked, by_engine=True, message_id=7), by_engine=True)
        case = behind(case, protected(case, (answered,), by_engine=False, message_id=7, response=True), by_engine=False)
        found = [each for each in case.check("deletes-in-their-form").objections if each.requirement == "B29"]
        assert bool(found) == objected, (asked, answered)
        assert {each.party for each in found} <= {PEER_NAME}


def test_what_a_request_deletes_that_does_not_open_nobody_knows(role):
    plain = good(HYBRID, role=role)
    octets = protected(plain, (Delete(Protocol.ESP, 4, (bytes(4),)),), by_engine=True, message_id=7)
    case = behind(plain, flipped(octets, -1), by_engine=True)
    answer = protected(case, (Delete(Protocol.ESP, 4, (bytes(4),)),), by_engine=False, message_id=7, response=True)
    found = behind(case, answer, by_engine=False).check(FORM).objections
    assert "B29" not in {each.requirement for each in found}


@pytest.mark.parametrize("by_engine", [True, False])
def test_exchanges_of_both_sides_may_have_one_number(role, by_engine):
    """Each side counts its own requests (RFC 7296 section 2.2): what the one deletes is not asked for by the other."""
    case = good(HYBRID, role=role)
    ours, theirs = Delete(Protocol.IKE), Delete(Protocol.ESP, 4, (bytes(4),))

    def b29(*messages: tuple[bool, bool, tuple[Delete, ...]]) -> list[str]:
        played = case
        for by, response, deletes in messages:
            octets = protected(played, deletes, by_engine=by, message_id=40, response=response)
            played = behind(played, octets, by_engine=by)
        return [each.party for each in played.check(FORM).objections if each.requirement == "B29"]

    assert b29((by_engine, False, (ours,)), (not by_engine, False, (theirs,))) == []
    asked = (by_engine, False, (theirs,)), (not by_engine, True, (theirs,)), (not by_engine, False, ())
    assert b29(*asked) == []
    assert b29(*asked, (by_engine, True, (theirs,))) == ["engine" if by_engine else PEER_NAME]
