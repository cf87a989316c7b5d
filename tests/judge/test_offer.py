"""What an initiator offers, against what the scenario has it offer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from pair_builder import FIRST, Pair, good_pair

from harness.policy.proposals import ProposalPolicy, Suite
from harness.registry.algorithms import Algorithm, algorithm
from harness.registry.notifications import NotifyType
from harness.registry.transforms import TransformType
from harness.verify.checks.offer import could_choose, follows_from_the_offer, repeats_unfit_integrity
from harness.wire.message import Message
from harness.wire.payload import Payload
from harness.wire.payloads import Notify, SecurityAssociation
from harness.wire.payloads.security_association import Transform

TOLD, HYBRID, PUBLISHED = "pair-offered-as-told", "pairs/hybrid", "pairs/as-published"
REQUEST, ANSWER = "IKE_SA_INIT request 0", "IKE_SA_INIT response 0"
MODP = Transform(TransformType.KE, algorithm(TransformType.KE, "modp2048").identifier)
CBC = Transform(TransformType.ENCR, algorithm(TransformType.ENCR, "aes-256-ctr").identifier)


def rewritten(pair: Pair, label: str, change: Callable[[Payload], Payload]) -> Pair:
    """A message in clear with other payloads."""
    piece = pair.message(label).pieces[0]
    octets = Message(piece.message.header, tuple(map(change, piece.message.payloads))).to_bytes()
    return pair.changed(piece.datagram, replace(piece.datagram, payload=octets))


def offering(pair: Pair, more: Transform) -> Pair:
    """The first request has one transform more in its first proposal."""

    def change(payload: Payload) -> Payload:
        if not isinstance(payload, SecurityAssociation):
            return payload
        first, *rest = payload.proposals
        return replace(payload, proposals=(replace(first, transforms=(*first.transforms, more)), *rest))

    return rewritten(pair, REQUEST, change)


def demanding(pair: Pair) -> Pair:
    """The same after a first try, to which the responder answered that it wants another method."""
    asked, answer = pair.message(REQUEST).pieces[0], pair.message(ANSWER).pieces[0]
    refusal = Message(answer.message.header, (Notify(NotifyType.INVALID_KE_PAYLOAD, bytes((0, 31))),)).to_bytes()
    first = replace(asked.datagram, frame=-2), replace(answer.datagram, frame=-1, payload=refusal)
    return pair.with_datagrams((*first, *pair.wire.datagrams))


def test_what_is_offered_as_told():
    assert good_pair(HYBRID).check(TOLD).objections == ()
    assert good_pair(HYBRID).without(REQUEST).check(TOLD).objections == (), "where nothing is seen nothing is judged"


@pytest.mark.parametrize("more", [MODP, CBC])
def test_one_transform_more(more):
    pair = offering(good_pair(HYBRID), more)
    (objection,) = pair.check(TOLD).objections
    assert (objection.party, objection.severity) == ("", "inconclusive")
    assert f"{FIRST} does not offer what it is told to" in objection.sentence
    assert objection.pointer == pair.message(REQUEST).pointer
    assert offering(good_pair(PUBLISHED), more).check(TOLD).objections == (), "what it offers is for it to know"


def test_a_method_for_another_try_is_told_nowhere_and_nothing_else_is():
    assert demanding(offering(good_pair(HYBRID), MODP)).check(TOLD).objections == ()
    other = demanding(offering(good_pair(HYBRID), CBC))
    (objection,) = other.check(TOLD).objections
    assert objection.pointer == next(m for m in other.view.messages if m.label == REQUEST).pointer


def test_of_several_requests_the_first_is_shown():
    pair = offering(good_pair(HYBRID), CBC)
    asked = pair.message(REQUEST).pieces[0].datagram
    other = replace(asked, payload=asked.payload[:-1] + bytes((asked.payload[-1] ^ 1,)), frame=99)
    both = pair.with_datagrams((*pair.wire.datagrams, other))
    assert len([m for m in both.view.messages if m.label == REQUEST]) == 2
    (objection,) = both.check(TOLD).objections
    assert objection.pointer == pair.message(REQUEST).pointer


GOOD, OTHER = (
    ProposalPolicy(
        {
            kind: (algorithm(kind, name),)
            for kind, name in ((TransformType.PRF, "hmac-sha2-256"), (TransformType.KE, method))
        }
    )
    for method in ("ecp256", "ecp384")
)


@pytest.mark.parametrize(
    ("number", "offer", "could"),
    [
        (1, (GOOD, OTHER), True),
        (1, (OTHER, GOOD), False),
        (2, (OTHER, GOOD), True),
        (2, (GOOD, OTHER), False),
        (0, (GOOD, OTHER), True),
        (0, (OTHER, GOOD), False),
        (3, (GOOD, OTHER), False),
        (2, (OTHER, OTHER, GOOD), False),
    ],
)
def test_a_choice_is_of_the_proposal_that_it_names_alone(number, offer, could):
    suite = Suite(number, {kind: those[0] for kind, those in GOOD.transforms.items()})
    assert could_choose(suite, offer) is could


GCM, CBC_256, HMAC = (
    algorithm(kind, name)
    for kind, name in (
        (TransformType.ENCR, "aes-256-gcm-16"),
        (TransformType.ENCR, "aes-256-cbc"),
        (TransformType.INTEG, "hmac-sha2-256-128"),
    )
)


def with_integrity(cipher: Algorithm, *integrity: Algorithm) -> ProposalPolicy:
    return ProposalPolicy({**GOOD.transforms, TransformType.ENCR: (cipher,), TransformType.INTEG: integrity})


@pytest.mark.parametrize(
    ("number", "offer", "so"),
    [
        (1, (with_integrity(GCM, HMAC),), True),
        (0, (with_integrity(GCM, HMAC),), True),
        (2, (OTHER, with_integrity(GCM, HMAC)), True),
        (2, (with_integrity(GCM, HMAC), OTHER), False),
        (1, (OTHER, with_integrity(GCM, HMAC)), False),
        (1, (with_integrity(GCM),), False),
        (1, (with_integrity(CBC_256, HMAC),), False),
        (2, (with_integrity(GCM, HMAC), with_integrity(GCM)), False),
    ],
)
def test_integrity_beside_a_combined_mode_cipher_is_the_fault_of_who_offers_it(number, offer, so):
    chosen = with_integrity(GCM, HMAC).transforms
    suite = Suite(number, {kind: those[0] for kind, those in chosen.items()})
    assert not could_choose(suite, offer)
    assert repeats_unfit_integrity(suite, offer) is so


def test_from_no_suite_nothing_follows():
    view = good_pair(HYBRID).view
    assert follows_from_the_offer(view)
    assert not follows_from_the_offer(good_pair(HYBRID).without(ANSWER).view)
