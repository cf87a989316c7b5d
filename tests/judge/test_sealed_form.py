"""Two products: SK payloads without room for what must be inside, and what the first payload inside may be."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest
from pair_alterations import edited
from pair_builder import FIRST, HYBRID_REKEY, SECOND, SEVEN, Pair, good_pair
from pair_form_alterations import holding, message_of, sized

from harness.evidence.model import CapturedDatagram
from harness.policy.proposals import Suite
from harness.registry.algorithms import algorithm
from harness.registry.identities import IdentificationType
from harness.registry.messages import ExchangeType, PayloadType, Protocol
from harness.registry.notifications import NotifyType
from harness.registry.transforms import TransformType
from harness.scenario.model import Step
from harness.verify.checks.sealed_form import sealed_in_its_form
from harness.wire.message import Message
from harness.wire.payload import Payload
from harness.wire.payloads import Delete, Encrypted, EncryptedFragment, IdentificationInitiator, Notify, Unknown

FORM, SIZES = sealed_in_its_form.name, "pair-follow-up-sizes"
HYBRID, CLASSICAL, REKEY = "pairs/hybrid", "pairs/classical", "pairs/rekey"
AUTH, AUTH_ANSWER = "IKE_AUTH request 1", "IKE_AUTH response 1"
CREATE, CREATE_ANSWER = "CREATE_CHILD_SA request 2", "CREATE_CHILD_SA response 2"

GCM = 8 + 16 + 1
"""Octets of IV, ICV and Pad Length."""

CHILD = (4 + 8 + 4 + 8 + 8) + 2 * (4 + 4 + 16)
"""A proposal of two transforms and an SPI of 4 octets, and a selector of each kind: the least for a Child SA."""

PEER = (4 + 4) + (4 + 4 + 16)
"""An empty identity, and the least that AUTH has."""


def told(pair: Pair) -> list[tuple[str, str]]:
    return [(each.party, each.requirement) for each in pair.check(FORM).objections]


def told_in_words(pair: Pair) -> list[str]:
    return [each.sentence for each in pair.check(FORM).objections]


def inside(pair: Pair, label: str, octets: int) -> Pair:
    return holding(label, sized(octets))(pair)


def beginning(pair: Pair, label: str, first: int, *, which: int = 0) -> Pair:
    """The Next Payload of SK, in the first message of this label or a later one."""
    message = [m for m in pair.view.messages if m.label == label][which]
    piece = message.pieces[0]
    (payload,) = piece.message.payloads
    assert isinstance(payload, Encrypted)
    octets = Message(piece.message.header, (replace(payload, first_inner=PayloadType(first)),)).to_bytes()
    marker = piece.datagram.payload[: -len(piece.octets)]
    return pair.changed(piece.datagram, replace(piece.datagram, payload=marker + octets))


def childless(pair: Pair) -> Pair:
    announced = Notify(NotifyType.CHILDLESS_IKEV2_SUPPORTED)
    return edited(lambda payloads: [*payloads, announced], "IKE_SA_INIT response 0")(pair)


def down(pair: Pair) -> Pair:
    step = pair.report.steps[0]
    return pair.with_report(steps=tuple(replace(s, initiator=replace(s.initiator, sas=())) for s in (step,)))


@pytest.mark.parametrize("scenario", [HYBRID, CLASSICAL, REKEY, SEVEN, HYBRID_REKEY])
def test_all_have_room(scenario):
    assert told(good_pair(scenario)) == []
    assert good_pair(scenario).check(SIZES).objections == ()


@pytest.mark.parametrize(
    ("label", "octets", "prepare", "expected"),
    [
        (AUTH, PEER + CHILD + GCM, None, []),
        (AUTH, PEER + CHILD + GCM - 1, None, [(FIRST, "B54")]),
        (AUTH_ANSWER, PEER + CHILD + GCM - 1, None, [(SECOND, "B54")]),
        (AUTH, PEER + GCM, childless, []),  # RFC 6023: there may be no Child SA
        (AUTH, PEER + GCM - 1, childless, [(FIRST, "B54")]),
        (AUTH, PEER + GCM - 1, down, []),  # nothing came of it: it may be an error
        (AUTH, 24, None, [(FIRST, "B41"), (FIRST, "B54")]),  # no room for a Pad Length either
        (AUTH, 25 + 8, down, []),
        (AUTH, 25 + 7, down, [(FIRST, "B53")]),  # whatever it is, its first payload is there
        (AUTH, 24, down, [(FIRST, "B41")]),
        ("INFORMATIONAL request 2", 25 + 8, None, []),
        ("INFORMATIONAL request 2", 25 + 7, None, [(FIRST, "B53")]),
        ("INFORMATIONAL request 2", 25, None, [(FIRST, "B53")]),
        ("INFORMATIONAL request 2", 24, None, [(FIRST, "B41")]),
        ("INFORMATIONAL response 2", 0, None, [(SECOND, "B41")]),
    ],
)
def test_an_sk_payload_has_room_for_what_must_be_inside(label, octets, prepare, expected):
    pair = good_pair(CLASSICAL) if prepare is None else prepare(good_pair(CLASSICAL))
    assert told(inside(pair, label, octets)) == expected


@pytest.mark.parametrize(
    ("label", "octets", "expected"),
    [
        (CREATE, CHILD + 20 + 12 + GCM, []),  # with REKEY_SA and the SPI in it
        (CREATE, CHILD + 20 + 12 + GCM - 1, [(FIRST, "B54")]),
        (CREATE_ANSWER, CHILD + 20 + GCM, []),
        (CREATE_ANSWER, CHILD + 20 + GCM - 1, [(SECOND, "B54")]),  # both report what came of it
        (AUTH_ANSWER, PEER + CHILD + GCM - 1, [(SECOND, "B54")]),
    ],
)
def test_what_rekeys_a_child_sa_has_room_for_its_payloads(label, octets, expected):
    assert told(inside(good_pair(REKEY), label, octets)) == expected


def test_an_answer_of_which_nothing_came_may_be_an_error():
    """Both report the SAs of before, or one of them does, or there are more exchanges than rekeys."""
    pair = inside(good_pair(REKEY), CREATE_ANSWER, 25 + 8)
    rekeys = [i for i, s in enumerate(pair.report.steps) if s.step in (Step.REKEY_CHILD, Step.REKEY_IKE)]
    assert told(pair) == [(SECOND, "B54")]
    for index in rekeys:
        before, after = pair.report.steps[index - 1 : index + 1]
        for side in ("initiator", "responder"):
            same = replace(after, **{side: getattr(before, side)})
            steps = (*pair.report.steps[:index], same, *pair.report.steps[index + 1 :])
            assert told(pair.with_report(steps=steps)) == []
            silent = replace(after, **{side: replace(getattr(after, side), sas=())})
            steps = (*pair.report.steps[:index], silent, *pair.report.steps[index + 1 :])
            assert told(pair.with_report(steps=steps)) == []
            unknown = replace(before, **{side: replace(getattr(before, side), sas=())})
            steps = (*pair.report.steps[: index - 1], unknown, *pair.report.steps[index:])
            assert told(pair.with_report(steps=steps)) == []
    assert told(pair.without("CREATE_CHILD_SA response 4")) == []
    fewer = tuple(s for i, s in enumerate(pair.report.steps) if i != rekeys[-1])
    assert told(pair.with_report(steps=fewer)) == []


@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize("side", ["initiator", "responder"])
def test_a_product_that_does_not_tell_its_spis_may_not_have_rekeyed(side, which):
    pair = inside(good_pair(REKEY), CREATE_ANSWER, 45)
    index = next(i for i, s in enumerate(pair.report.steps) if s.step == Step.REKEY_IKE) - 1 + which
    step = pair.report.steps[index]
    report = getattr(step, side)
    silent = replace(step, **{side: replace(report, sas=(replace(report.sas[0], initiator_spi=None),))})
    assert told(pair.with_report(steps=(*pair.report.steps[:index], silent, *pair.report.steps[index + 1 :]))) == []


def test_a_child_sa_that_is_made_afterwards_need_not_be_made_in_ike_auth():
    """ "The IKE SA is still created as usual" (RFC 7296 section 1.2): by the answer alone."""
    steps = tuple(s for s in good_pair(REKEY).report.steps if s.step not in (Step.REKEY_CHILD, Step.REKEY_IKE))
    unasked = good_pair(REKEY).with_report(steps=steps)
    assert told(inside(unasked, AUTH_ANSWER, PEER + GCM)) == []
    assert told(inside(unasked, AUTH_ANSWER, PEER + GCM - 1)) == [(SECOND, "B54")]
    assert told(inside(unasked, AUTH, PEER + GCM)) == [(FIRST, "B54")]


def test_of_several_ike_auth_exchanges_none_has_all():
    """As with EAP (RFC 7296 section 2.16)."""
    pair = good_pair(CLASSICAL)
    second = [message_of(pair, ExchangeType.IKE_AUTH, 2, initiator=i, response=not i) for i in (True, False)]
    at = pair.wire.datagrams.index(pair.message(AUTH_ANSWER).pieces[0].datagram) + 1
    more = pair.with_datagrams((*pair.wire.datagrams[:at], *second, *pair.wire.datagrams[at:]))
    frames = (replace(datagram, frame=frame) for frame, datagram in enumerate(more.wire.datagrams, start=1))
    assert told(inside(more.with_datagrams(frames), AUTH, GCM + 8)) == []


def test_of_a_rekeyed_ike_sa_nobody_knows_the_cipher():
    pair = good_pair(HYBRID_REKEY)
    for message in [m for m in pair.view.messages if m.message_id == 0 and m.protected]:
        datagram = message.pieces[0].datagram
        (was,) = message.pieces[0].message.payloads
        assert isinstance(was, Encrypted)
        octets = Message(message.pieces[0].message.header, (replace(was, content=b"few"),)).to_bytes()
        pair = pair.changed(datagram, replace(datagram, payload=bytes(4) + octets))
    assert told(pair) == []


def of_blocks(pair: Pair, suite: Suite | None = None) -> list[str]:
    """What is said where a cipher of blocks was chosen, one of 16 octets, with 16 octets of IV and of ICV."""
    names = {TransformType.ENCR: "aes-256-cbc", TransformType.INTEG: "hmac-sha2-256-128"}
    chosen = suite or Suite(1, {kind: algorithm(kind, name) for kind, name in names.items()})
    view = replace(pair.view, suite=chosen)
    return [each.sentence.partition(": ")[2] for each in sealed_in_its_form.function(view, {}).objections]


@pytest.mark.parametrize(
    ("octets", "words"),
    [
        (48, []),
        (47, ["15 octets of ciphertext are no whole number of blocks"]),
        (49, ["17 octets of ciphertext are no whole number of blocks"]),
        (32, ["32 octets hold neither IV, padding nor ICV"]),
        (31, ["31 octets hold neither IV, padding nor ICV"]),
        (64, []),
    ],
)
def test_ciphertext_is_whole_blocks(octets, words):
    pair = good_pair(CLASSICAL)
    for label in [m.label for m in pair.view.messages if m.protected and m.label != "INFORMATIONAL request 2"]:
        pair = inside(pair, label, 16 + 16 + 16 * 20)
    assert of_blocks(inside(pair, "INFORMATIONAL request 2", octets)) == words


def test_of_a_cipher_that_is_not_known_only_the_payloads_need_room():
    none = Suite(1, {TransformType.PRF: algorithm(TransformType.PRF, "hmac-sha2-256")})
    pair = inside(good_pair(CLASSICAL), "INFORMATIONAL request 2", 8)
    assert of_blocks(inside(pair, AUTH, PEER + CHILD), none) == []
    assert len(of_blocks(inside(pair, AUTH, PEER + CHILD - 1), none)) == 1


def fragmented(pair: Pair, label: str, *parts: tuple[int, int, int], **firsts: int) -> Pair:
    """A message in fragments: number, how many there are, octets in it; their Next Payload, by number: ``f1=42``."""
    piece = pair.message(label).pieces[0]
    made = []
    for number, total, octets in parts:
        usual = PayloadType.IDi if number == 1 else PayloadType.NO_NEXT_PAYLOAD
        first = PayloadType(firsts.get(f"f{number}", usual))
        part = EncryptedFragment(first, number, total, os.urandom(octets))
        made.append(replace(piece.datagram, payload=Message(piece.message.header, (part,)).to_bytes()))
    return pair.changed(piece.datagram, *made)


LEAST = PEER + CHILD + GCM
MORE = GCM
"""Each further fragment has an IV, a Pad Length and an ICV of its own (RFC 7383 section 2.5)."""


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        (((1, 2, LEAST - 30), (2, 2, MORE + 30)), []),
        (((1, 2, LEAST - 30), (2, 2, MORE + 29)), [(FIRST, "B54")]),
        (((1, 2, LEAST - 40), (1, 2, LEAST - 40), (2, 2, MORE + 30)), [(FIRST, "B54")]),  # one that comes again
        (((1, 2, 50), (2, 2, 50), (1, 3, 50), (2, 3, 50), (3, 3, LEAST + 2 * MORE - 100)), []),  # the larger set counts
        (((1, 2, 80), (2, 2, 80), (1, 3, 80), (2, 3, 81)), [(FIRST, "B54")]),
    ],
)
def test_the_fragments_of_a_message_have_room_together(parts, expected):
    assert told(fragmented(good_pair(CLASSICAL), AUTH, *parts)) == expected


def test_a_whole_copy_and_fragments_are_two_ways_to_send_a_message():
    pair = good_pair(CLASSICAL)
    small = inside(pair, AUTH, LEAST - 1)
    whole = small.message(AUTH).pieces[0].datagram
    parts = fragmented(pair, AUTH, (1, 1, LEAST - 1)).message(AUTH).pieces[0].datagram
    assert told(small.changed(whole, whole, parts)) == [(FIRST, "B54")]
    large = fragmented(pair, AUTH, (1, 1, LEAST)).message(AUTH).pieces[0].datagram
    assert told(small.changed(whole, whole, large)) == []


PARTS = ((1, 2, 100), (2, 2, 100))


@pytest.mark.parametrize(
    ("parts", "firsts", "expected"),
    [
        (PARTS, {}, []),
        (PARTS, {"f1": PayloadType.DELETE}, [(FIRST, "B54")]),
        (PARTS[::-1], {"f1": PayloadType.DELETE}, [(FIRST, "B54")]),
        (PARTS, {"f2": PayloadType.DELETE}, []),  # of the others another check tells
        (PARTS[1:], {"f2": PayloadType.DELETE}, [(FIRST, "B54")]),  # too few octets, as the first one is missing
        (PARTS, {"f1": PayloadType.NO_NEXT_PAYLOAD}, []),
        (PARTS, {"f1": PayloadType.SK}, [(FIRST, "B41")]),
    ],
)
def test_the_first_fragment_names_what_is_first_inside(parts, firsts, expected):
    assert told(fragmented(good_pair(CLASSICAL), AUTH, *parts, **firsts)) == expected


NOTHING, SK, SKF = PayloadType.NO_NEXT_PAYLOAD, PayloadType.SK, PayloadType.SKF


@pytest.mark.parametrize(
    ("scenario", "label", "first", "expected"),
    [
        (CLASSICAL, AUTH, NOTHING, [(FIRST, "B54")]),
        (CLASSICAL, AUTH_ANSWER, NOTHING, [(SECOND, "B54")]),
        (REKEY, CREATE, NOTHING, [(FIRST, "B54")]),
        (HYBRID_REKEY, "IKE_FOLLOWUP_KE response 4", NOTHING, [(SECOND, "A21")]),
        (CLASSICAL, "INFORMATIONAL request 2", NOTHING, [(FIRST, "B29")]),  # then nothing deletes the IKE SA
        (CLASSICAL, "INFORMATIONAL response 2", NOTHING, []),
        (HYBRID_REKEY, "INFORMATIONAL request 5", NOTHING, []),  # it is empty in the IKE SA that was replaced
        (CLASSICAL, AUTH, SK, [(FIRST, "B41")]),
        (CLASSICAL, "INFORMATIONAL response 2", SKF, [(SECOND, "B41")]),
        (HYBRID, "IKE_INTERMEDIATE request 1", NOTHING, [(FIRST, "A15")]),
        (HYBRID, "IKE_INTERMEDIATE response 1", NOTHING, [(SECOND, "A15")]),
        (SEVEN, "IKE_INTERMEDIATE response 3", NOTHING, [(SECOND, "A15")]),
    ],
)
def test_what_the_first_payload_inside_may_be(scenario, label, first, expected):
    assert told(beginning(good_pair(scenario), label, first)) == expected


@pytest.mark.parametrize(
    ("label", "first", "expected"),
    [
        (AUTH, PayloadType.KE, [(FIRST, "B54")]),
        (AUTH_ANSWER, PayloadType.DELETE, [(SECOND, "B54")]),
        ("INFORMATIONAL response 2", PayloadType.AUTH, [(SECOND, "B54")]),
        ("INFORMATIONAL response 2", PayloadType.NOTIFY, []),
        (AUTH, PayloadType.VENDOR_ID, []),
        (AUTH, 200, []),  # of another document
    ],
)
def test_what_is_first_inside_has_its_place_in_the_exchange(label, first, expected):
    assert told(beginning(good_pair(CLASSICAL), label, first)) == expected


def in_front(pair: Pair, label: str, *more: Payload) -> Pair:
    """Payloads in clear in front of SK."""
    piece = pair.message(label).pieces[0]
    octets = Message(piece.message.header, (*more, *piece.message.payloads)).to_bytes()
    marker = piece.datagram.payload[: -len(piece.octets)]
    return pair.changed(piece.datagram, replace(piece.datagram, payload=marker + octets))


IDENTITY, COOKIE = IdentificationInitiator(IdentificationType.ID_FQDN, b"first"), Notify(NotifyType.COOKIE2, b"c")


@pytest.mark.parametrize(
    ("scenario", "label", "payload", "words"),
    [
        (CLASSICAL, AUTH, IDENTITY, "a payload IDi is in clear in front of SK"),
        (CLASSICAL, "INFORMATIONAL response 2", COOKIE, "a payload NOTIFY is in clear in front of SK"),
        (HYBRID, "IKE_INTERMEDIATE request 1", COOKIE, ""),  # a document may put some there (RFC 9242)
        (CLASSICAL, AUTH, Unknown(PayloadType(200), b"of another document"), ""),
    ],
)
def test_nothing_is_in_clear_in_front_of_sk(scenario, label, payload, words):
    found = in_front(good_pair(scenario), label, payload).check(FORM).objections
    assert [each.sentence.partition(": ")[2] for each in found] == ([words] if words else [])
    assert {each.requirement for each in found} <= {"B61"}


def test_an_exchange_that_nobody_knows_may_have_payloads_in_front():
    pair = in_front(good_pair(CLASSICAL), "INFORMATIONAL response 2", COOKIE)
    for label in ("INFORMATIONAL request 2", "INFORMATIONAL response 2"):
        piece = pair.message(label).pieces[0]
        octets = piece.octets[:18] + b"\xf0" + piece.octets[19:]
        pair = pair.changed(piece.datagram, replace(piece.datagram, payload=bytes(4) + octets))
    assert "B61" not in {rule for _, rule in told(pair)}


def test_who_deletes_says_so():
    """Both report that the IKE SA is gone, and all INFORMATIONAL requests of it are empty (RFC 7296 section 1.4.1)."""
    label = "INFORMATIONAL request 2"
    empty = beginning(good_pair(CLASSICAL), label, NOTHING)
    (objection,) = empty.check(FORM).objections
    assert (objection.party, objection.requirement, objection.pointer) == (FIRST, "B29", empty.message(label).pointer)
    assert told(empty.without("INFORMATIONAL response 2")) == []
    steps = empty.report.steps
    assert told(empty.with_report(steps=())) == told(empty.with_report(steps=steps[:-1])) == []
    for side in ("initiator", "responder"):
        still = replace(steps[-1], **{side: getattr(steps[0], side)})
        assert told(empty.with_report(steps=(*steps[:-1], still))) == []
    assert told(empty.with_report(steps=(*steps[:-1], replace(steps[-1], step=Step.TRAFFIC)))) == []


def test_what_is_in_clear_or_in_another_ike_sa_deletes_nothing():
    assert told(beginning(good_pair(HYBRID_REKEY), "INFORMATIONAL request 0", NOTHING)) == [(FIRST, "B29")]
    empty = beginning(good_pair(CLASSICAL), "INFORMATIONAL request 2", NOTHING)
    asked = empty.message("INFORMATIONAL request 2").pieces[0]
    clear = Message(replace(asked.message.header, message_id=1), (Delete(Protocol.IKE),)).to_bytes()
    forged = replace(asked.datagram, payload=bytes(4) + clear, frame=asked.datagram.frame)
    assert told(empty.changed(asked.datagram, forged, asked.datagram)) == [(FIRST, "B29")]


def test_of_several_requests_to_delete_one_is_enough():
    pair = good_pair(CLASSICAL)
    label = "INFORMATIONAL request 2"
    at = pair.wire.datagrams.index(pair.message(label).pieces[0].datagram)
    more = [message_of(pair, ExchangeType.INFORMATIONAL, 0, initiator=not i, response=not i) for i in (False, True)]
    both = pair.with_datagrams((*pair.wire.datagrams[:at], *more, *pair.wire.datagrams[at:]))
    both = both.with_datagrams(replace(d, frame=n) for n, d in enumerate(both.wire.datagrams, start=1))
    assert "B29" not in {rule for _, rule in told(beginning(both, label, NOTHING))}
    neither = beginning(beginning(both, label, NOTHING), "INFORMATIONAL request 0", NOTHING)
    (objection,) = (each for each in neither.check(FORM).objections if each.requirement == "B29")
    assert objection.party == "", "which of the two was to delete nobody knows"
    assert objection.pointer == neither.message(label).pointer


def test_an_intermediate_exchange_more_may_be_empty():
    """RFC 9242 section 3.2: it carries what other documents say. Where there are fewer than methods a capture lacks."""
    pair = good_pair(SEVEN)
    empty = beginning(pair, "IKE_INTERMEDIATE request 3", NOTHING)
    for gone in range(1, 8):
        if gone != 3:
            assert told(empty.without(f"IKE_INTERMEDIATE request {gone}")) == []
    more = beginning(good_pair(HYBRID), "IKE_INTERMEDIATE request 1", NOTHING)
    later = [replace(d, frame=d.frame * 10) for d in more.wire.datagrams]
    at = more.message("IKE_INTERMEDIATE response 1").frame * 10
    added = [
        replace(message_of(more, ExchangeType.IKE_INTERMEDIATE, 9, initiator=i, response=not i), frame=at + f)
        for i, f in ((True, 1), (False, 2))
    ]
    both = more.with_datagrams(sorted((*later, *added), key=lambda d: d.frame))
    assert "A15" not in {rule for _, rule in told(both)}


def test_of_two_empty_key_exchanges_the_first_is_shown():
    pair = beginning(good_pair(SEVEN), "IKE_INTERMEDIATE request 6", NOTHING)
    pair = beginning(pair, "IKE_INTERMEDIATE request 3", NOTHING)
    (objection,) = pair.check(FORM).objections
    assert objection.pointer == pair.message("IKE_INTERMEDIATE request 3").pointer
    begun = [piece.datagram for piece in good_pair(SEVEN).message("IKE_INTERMEDIATE request 5").pieces]
    whole = good_pair(SEVEN)
    for datagram in begun:
        octets = datagram.payload[:28] + bytes(1) + datagram.payload[29:]
        whole = whole.changed(datagram, replace(datagram, payload=octets))
    assert "A15" not in {rule for _, rule in told(whole)}, "of fragments another check tells"
    none = replace(beginning(good_pair(HYBRID), "IKE_INTERMEDIATE request 1", NOTHING).view, suite=None)
    assert sealed_in_its_form.function(none, {}).objections == ()


def test_what_must_be_inside_is_known_of_the_ike_sa_that_was_begun_last_in_clear():
    """Of one that comes from a rekey nobody knows the cipher, and without an answer nothing is agreed on."""
    label = "CREATE_CHILD_SA request 0"
    for octets, expected in ((CHILD + 32, []), (CHILD + 31, [(FIRST, "B54")])):
        small = inside(good_pair(REKEY), label, octets)
        assert len([m for m in small.view.messages if m.label == label]) == 2 and told(small) == expected
    first = inside(good_pair(REKEY), CREATE, 30)
    assert told(first) == [(FIRST, "B54")]
    steps = first.report.steps[:2]
    assert told(first.with_report(steps=steps)) == [(FIRST, "B54")], "a request has it whatever came of it"
    for octets, expected in ((32 + 20 + GCM, []), (32 + 20 + GCM - 1, [(FIRST, "B54")])):
        unknown = inside(good_pair(REKEY), CREATE, octets).with_report(steps=steps)
        assert told(unknown) == expected, "whatever it asks for has an offer and a nonce"
    assert "B54" not in {rule for _, rule in told(inside(first, CREATE, CHILD + 32).without("IKE_SA_INIT response 0"))}


def of_another_ike_sa(datagram: CapturedDatagram, frame: int) -> CapturedDatagram:
    at = 4 if datagram.payload[:4] == bytes(4) else 0
    octets = datagram.payload[:at] + b"another!" + datagram.payload[at + 8 :]
    return replace(datagram, payload=octets, frame=frame)


def test_the_ike_sa_is_the_one_that_was_answered_last():
    pair = inside(good_pair(CLASSICAL), AUTH, 30)
    init = pair.wire.datagrams[:2]
    before = [of_another_ike_sa(each, number - 2) for number, each in enumerate(init)]
    after = [of_another_ike_sa(init[0], 99)]
    for datagrams in ((*before, *pair.wire.datagrams), (*pair.wire.datagrams, *after)):
        assert (FIRST, "B54") in told(pair.with_datagrams(datagrams))


def test_an_attempt_that_was_begun_anew_may_have_ended_with_an_error():
    pair = good_pair(CLASSICAL)
    ended = inside(pair, AUTH_ANSWER, 30).wire.datagrams[:4]
    before = [of_another_ike_sa(each, number - 4) for number, each in enumerate(ended)]
    assert "B54" not in {rule for _, rule in told(pair.with_datagrams((*before, *pair.wire.datagrams)))}


@pytest.mark.parametrize(
    ("first", "octets"),
    [(kind, 8) for kind in (PayloadType.NOTIFY, PayloadType.DELETE, PayloadType.CP)]
    + [(PayloadType.VENDOR_ID, 4), (PayloadType(200), 4), (PayloadType.NO_NEXT_PAYLOAD, 0)],
)
def test_the_first_payload_has_room_whatever_came_of_the_message(first, octets):
    """Its header, and the four octets with which the others of RFC 7296 begin (section 3)."""
    label = "INFORMATIONAL response 2"
    for size, expected in ((GCM + octets, []), (GCM + octets - 1, [(SECOND, "B53" if octets else "B41")])):
        assert told(beginning(inside(good_pair(CLASSICAL), label, size), label, first)) == expected


@pytest.mark.parametrize("kind", [PayloadType.IDi, PayloadType.IDr, PayloadType.AUTH, PayloadType.TSi, PayloadType.TSr])
def test_so_has_the_first_one_of_ike_auth_whatever_it_is(kind):
    for octets, expected in ((8, []), (7, [(FIRST, "B53")])):
        pair = down(beginning(inside(good_pair(CLASSICAL), AUTH, GCM + octets), AUTH, kind))
        assert told(pair) == expected


def test_and_the_first_one_of_ike_intermediate():
    label = "IKE_INTERMEDIATE request 1"
    for octets, expected in ((8, []), (7, [(FIRST, "B53")])):
        assert told(beginning(inside(good_pair(HYBRID), label, GCM + octets), label, PayloadType.KE)) == expected


def test_the_identity_of_an_answer_is_no_idi():
    assert told(beginning(good_pair(CLASSICAL), AUTH_ANSWER, PayloadType.IDi)) == [(SECOND, "B54")]
    assert told(beginning(good_pair(CLASSICAL), AUTH, PayloadType.IDi)) == []
    assert told(beginning(good_pair(CLASSICAL), AUTH_ANSWER, PayloadType.IDr)) == []
    elsewhere = beginning(good_pair(CLASSICAL), "INFORMATIONAL response 2", PayloadType.IDi)
    assert [words for words in told_in_words(elsewhere) if "the request's" in words] == []
