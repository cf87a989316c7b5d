from __future__ import annotations

from dataclasses import replace

import pytest
from case_builder import Case, build, good
from judging import initiator, objects, passes, responder

from harness.policy.role import Role
from harness.registry.transforms import TransformType
from harness.wire.payloads import Nonce, SecurityAssociation

REQUEST, RESPONSE = "IKE_SA_INIT request 0", "IKE_SA_INIT response 0"


def with_nonce(case: Case, label: str, octets: int) -> Case:
    def edit(payloads):
        return [replace(each, nonce=octets * b"n") if isinstance(each, Nonce) else each for each in payloads]

    return case.rewritten(label, edit)


@pytest.mark.parametrize("scenario", ["classical/x25519", "hybrid/x25519-mlkem768", "authentication/wrong-psk"])
def test_nonces_of_due_size(role, scenario):
    passes(good(scenario, role=role), "nonces-of-due-size")


def test_the_least_and_the_most_are_allowed(role):
    for octets in (16, 256):
        passes(with_nonce(good("classical/x25519", role=role), REQUEST, octets), "nonces-of-due-size")


@pytest.mark.parametrize("octets", [0, 15, 257])
def test_a_nonce_out_of_bounds(role, octets):
    for label, party in ((REQUEST, initiator(role)), (RESPONSE, responder(role))):
        case = good("classical/x25519", role=role)
        saying = f"carries a nonce of {octets} octets; 16 to 256 are allowed"
        flawed = with_nonce(case, label, octets)
        objects(flawed, "nonces-of-due-size", saying, party=party, at=case.message(label).pointer, requirement="")


def test_a_nonce_shorter_than_half_the_prfs_key(role):
    """classical/ecp384 has HMAC-SHA2-384: 24 octets."""
    case = good("classical/ecp384", role=role)
    passes(with_nonce(case, REQUEST, 24), "nonces-of-due-size")
    saying = "carries a nonce of 23 octets; half the key of the PRF has 24"
    at = case.message(REQUEST).pointer
    objects(with_nonce(case, REQUEST, 23), "nonces-of-due-size", saying, party=initiator(role), at=at, requirement="")


def test_without_a_nonce_there_is_nothing_to_object_to(role):
    assert (
        build(role=role).without(REQUEST).without(RESPONSE).check("nonces-of-due-size").detail
        == "octets of the nonces: none"
    )


def test_the_key_of_a_prf_that_nobody_knows_asks_for_nothing(role):
    def odd(payloads):
        for payload in payloads:
            if isinstance(payload, SecurityAssociation):
                (proposal,) = payload.proposals
                others = (replace(t, identifier=999) if t.type == TransformType.PRF else t for t in proposal.transforms)
                yield replace(payload, proposals=(replace(proposal, transforms=tuple(others)),))
            else:
                yield payload

    case = good("classical/ecp384", role=role).rewritten(RESPONSE, odd)
    passes(with_nonce(case, REQUEST, 16), "nonces-of-due-size")


def test_a_message_that_deviates_does_not_excuse_the_one_behind_it():
    case = good("pq-only/encapsulation-key-short")
    short = with_nonce(case, REQUEST, 8).rewritten(RESPONSE, lambda old: [*old, Nonce(bytes(8))])
    (objection,) = short.check("nonces-of-due-size").objections
    assert objection.pointer == case.message(RESPONSE).pointer


@pytest.mark.parametrize(
    ("scenario", "octets", "short"),
    [("classical/ecp384", 23, True), ("classical/ecp384", 24, False), ("hybrid/x25519-mlkem768", 16, False)],
)
def test_before_a_prf_is_chosen_those_on_offer_tell(scenario, octets, short):
    """ "The nonce has to be long enough for all the PRFs being proposed" (RFC 7296 section 2.10)."""
    case = good(scenario, role=Role.RESPONDER)
    alone = case.with_datagrams(case.datagrams[:1]).rewritten(
        "IKE_SA_INIT request 0",
        lambda old: [replace(p, nonce=bytes(range(octets))) if isinstance(p, Nonce) else p for p in old],
    )
    assert alone.view.suite is None
    assert bool(alone.check("nonces-of-due-size").objections) == short


def test_a_prf_on_offer_that_nobody_here_has_tells_nothing():
    case = good("classical/ecp384", role=Role.RESPONDER)

    def other(old):
        return [
            replace(p, nonce=bytes(range(20))) if isinstance(p, Nonce)
            else replace(p, proposals=tuple(replace(each, transforms=tuple(
                replace(t, identifier=4) if t.type == TransformType.PRF else t for t in each.transforms
            )) for each in p.proposals)) if isinstance(p, SecurityAssociation) else p
            for p in old
        ]  # fmt: skip

    alone = case.with_datagrams(case.datagrams[:1]).rewritten("IKE_SA_INIT request 0", other)
    passes(alone, "nonces-of-due-size")
