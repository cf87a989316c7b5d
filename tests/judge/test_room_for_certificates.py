"""Of two products nobody reads IKE_AUTH: its messages must at least have room for what they are to hold."""

from __future__ import annotations

from dataclasses import replace

from pair_builder import FIRST, SECOND, Pair, good_pair

from harness.results.model import CAPTURE

CHECK, REQUEST, RESPONSE = "pair-room-for-certificates", "IKE_AUTH request 2", "IKE_AUTH response 2"


def with_large_certificates(pair: Pair) -> Pair:
    facts = pair.evidence.facts
    sides = {name: replace(getattr(facts, name), certificate_octets=2000) for name in ("initiator", "responder")}
    return pair.with_evidence(facts=replace(facts, **sides))


def test_what_was_looked_at_is_told():
    detail = good_pair().check(CHECK).detail
    assert detail.count("octets for a certificate of 0") == 2
    assert detail.endswith("; SIGNATURE_HASH_ALGORITHMS from neither")


def test_each_side_has_its_own_message():
    for label, party in ((REQUEST, FIRST), (RESPONSE, SECOND)):
        (objection,) = good_pair().without(label).check(CHECK).objections
        assert (objection.party, objection.pointer) == (party, CAPTURE)


def test_the_first_message_is_pointed_at():
    pair = good_pair()
    first = pair.message(RESPONSE).pieces[0].datagram
    octets = bytearray(first.payload)
    octets[-len(pair.message(RESPONSE).pieces[0].octets) + 23] ^= 1  # the last octet of the Message ID
    again = replace(first, frame=first.frame + 1000, payload=bytes(octets))
    two = with_large_certificates(pair.with_datagrams((*pair.wire.datagrams, again)))
    found = {each.party: each.pointer for each in two.check(CHECK).objections}
    assert found == {FIRST: pair.message(REQUEST).pointer, SECOND: pair.message(RESPONSE).pointer}
