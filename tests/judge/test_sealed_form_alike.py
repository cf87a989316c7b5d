"""Two products: two messages with one ciphertext, or one integrity check value (RFC 7296 section 3.14)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pair_builder import FIRST, HYBRID_REKEY, SECOND, Pair, good_pair
from pair_form_alterations import holding

from harness.verify.checks.sealed_form import sealed_in_its_form
from harness.verify.pair_view import PairView
from harness.wire.payloads import Encrypted

CLASSICAL = "pairs/classical"
AUTH, AUTH_ANSWER = "IKE_AUTH request 1", "IKE_AUTH response 1"
ASKED, ANSWERED = "INFORMATIONAL request 2", "INFORMATIONAL response 2"
IV, ICV = 8, 16


def content(pair: Pair, label: str) -> bytes:
    sealed = pair.message(label).pieces[0].message.payloads[-1]
    assert isinstance(sealed, Encrypted)
    return sealed.content


def told(view: PairView) -> list[tuple[str, str | None, str]]:
    found = sealed_in_its_form.function(view, {}).objections
    return [(each.party, each.requirement, each.sentence) for each in found]


def sealing(label: str, octets: bytes) -> PairView:
    return holding(label, lambda sk: replace(sk, content=octets))(good_pair(CLASSICAL)).view


@pytest.mark.parametrize(("first", "later", "party"), [(AUTH, ASKED, FIRST), (AUTH_ANSWER, ANSWERED, SECOND)])
def test_a_message_is_sealed_by_itself(first, later, party):
    pair = good_pair(CLASSICAL)
    old, new = content(pair, first), content(pair, later)
    said = [(party, "B61", f"{later} has the ciphertext or the check value of {first}")]
    assert told(pair.view) == told(sealing(later, old)) == []  # the vector is for another check
    assert told(sealing(later, new[:-ICV] + old[-ICV:])) == said
    assert told(sealing(later, new[:IV] + old[IV:-ICV] + new[-ICV:])) == said
    assert told(sealing(later, new[:IV] + old[IV:])) == said
    assert told(sealing(later, new[: -ICV + 1] + old[-ICV + 1 :])) == []
    other = holding(later, lambda sk: replace(sk, content=new[:-ICV] + old[-ICV:]))(pair).view
    assert told(replace(other, suite=None)) == []


def test_each_side_seals_for_itself():
    pair = good_pair(CLASSICAL)
    theirs = content(pair, AUTH)
    assert told(sealing(AUTH_ANSWER, content(pair, AUTH_ANSWER)[:-ICV] + theirs[-ICV:])) == []


def test_a_copy_has_the_ciphertext_of_its_message():
    """With another vector it is no copy, which another check tells."""
    pair = good_pair(CLASSICAL)
    sent = pair.message(ASKED).pieces[0].datagram
    at = sent.payload.index(content(pair, ASKED))
    octets = sent.payload[:at] + bytes(IV) + sent.payload[at + IV :]
    copy = replace(sent, payload=octets, frame=sent.frame + 100)
    copied = pair.with_datagrams((*pair.wire.datagrams, copy)).view
    assert [len(m.pieces) for m in copied.messages if m.label == ASKED] == [2]
    assert told(copied) == []


@pytest.mark.parametrize(("octets", "alike"), [(7, False), (8, True)])
def test_few_octets_are_the_same_by_chance(octets, alike):
    """Of an empty message nothing but the Pad Length is encrypted."""
    text = bytes(octets)
    first = holding(ASKED, lambda sk: replace(sk, content=b"1" * IV + text + bytes(range(ICV))))(good_pair(CLASSICAL))
    both = holding(AUTH, lambda sk: replace(sk, content=b"3" * IV + text + bytes(range(1, ICV + 1))))(first)
    assert ("B61" in {rule for _, rule, _ in told(both.view)}) is alike


MIXED = bytes(range(1, 201))
"""Octets of which no two are alike."""


@pytest.mark.parametrize("octet", [b"\0", b"\xff", b"\n"])
@pytest.mark.parametrize("at", [IV, 60, len(MIXED) - ICV])
def test_no_cipher_makes_sixteen_octets_of_one_value(octet, at):
    """Be it the ciphertext or the check value."""
    words = f"{ASKED}: inside of SK are 16 octets {octet.hex()} in a row, which no cipher makes"
    for count, said in ((15, []), (16, [(FIRST, "B61", words)])):
        assert told(sealing(ASKED, MIXED[:at] + octet * count + MIXED[at + count :])) == said


def test_a_vector_may_be_a_counter():
    for count, rules in ((15, []), (16, ["B61"])):
        view = sealing(ASKED, bytes(IV + count) + MIXED)
        assert [rule for _, rule, _ in told(view)] == rules


def test_of_a_rekeyed_ike_sa_nobody_knows_the_cipher():
    pair = good_pair(HYBRID_REKEY)
    last = next(m for m in reversed(pair.view.messages) if not m.response)
    old = content(pair, "IKE_AUTH request 2")
    sealed = last.pieces[0].message.payloads[-1]
    assert isinstance(sealed, Encrypted)
    datagram, mixed = last.pieces[0].datagram, sealed.content[:-ICV] + old[-ICV:]
    changed = replace(datagram, payload=datagram.payload.replace(sealed.content, mixed))
    assert told(pair.changed(datagram, changed).view) == []
