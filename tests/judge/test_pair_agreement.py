"""What two products tell of the same tunnel: who does not tell a thing is not asked for it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pair_builder import HYBRID_REKEY, SECOND, Pair, good_pair

from harness.evidence.peer_report import ESTABLISHED
from harness.registry.transforms import TransformType
from harness.scenario.model import Step
from harness.wire.message import Message
from harness.wire.payloads.security_association import SecurityAssociation, Transform

HYBRID, CLASSICAL = "pairs/hybrid", "pairs/classical"
AGREE, ESP, NEGOTIATED = "pair-sides-agree", "pair-esp-as-predicted", "pair-negotiated-as-predicted"


def test_without_the_request_the_choice_is_held_against_the_policies_alone():
    assert good_pair(HYBRID).without("IKE_SA_INIT request 0").check(NEGOTIATED).objections == ()
    other = replace(good_pair(HYBRID), expectation=good_pair(CLASSICAL).expectation)
    (objection,) = other.without("IKE_SA_INIT request 0").check(NEGOTIATED).objections
    assert "the two policies lead to" in objection.sentence


@pytest.mark.parametrize("side", ["initiator", "responder"])
def test_a_product_that_does_not_tell_its_esp_algorithms(side):
    silent = good_pair(HYBRID).with_child(ESTABLISHED, side, encr=None, integ=None)
    assert silent.check(ESP).objections == ()
    assert silent.check(AGREE).objections == ()


@pytest.mark.parametrize("side", ["initiator", "responder"])
def test_a_product_that_does_not_tell_its_spis(side):
    silent = good_pair(HYBRID).with_sa(ESTABLISHED, side, initiator_spi=None, responder_spi=None)
    assert silent.check(AGREE).objections == ()


def test_a_new_ike_sa_of_which_there_is_no_message_yet():
    """Rekeyed, and not used: its SPIs are on nothing in clear (RFC 7296 section 1.3.2)."""
    pair = good_pair(HYBRID_REKEY)
    new = bytes.fromhex(pair.reported(Step.REKEY_IKE, "initiator").sas[0].initiator_spi)
    assert any(new in each.payload for each in pair.wire.datagrams)
    unused = pair.with_datagrams(each for each in pair.wire.datagrams if new not in each.payload)
    assert unused.check(AGREE).objections == ()


def two_children(pair: Pair, side: str, **second: str | None) -> Pair:
    """A side reports one more Child SA in front of its own, and does not tell the algorithms of that."""
    (child,) = pair.reported(ESTABLISHED, side).sas[0].children
    into, out = ("a1a1a1a1", "b2b2b2b2") if side == "initiator" else ("b2b2b2b2", "a1a1a1a1")
    silent = replace(child, encr=None, integ=None, spi_in=into, spi_out=out)
    return pair.with_sa(ESTABLISHED, side, children=(silent, replace(child, **second)))


def test_a_child_sa_of_which_nothing_is_told_does_not_hide_the_next_one():
    one = two_children(good_pair(HYBRID), "initiator")
    assert two_children(one, "responder").check(AGREE).objections == ()
    (objection,) = two_children(one, "responder", encr="null").check(AGREE).objections
    assert "of one Child SA" in objection.sentence


def test_an_additional_key_exchange_of_none_is_none():
    """A responder that declines says NONE (RFC 9370 section 2.2.1), and the report of what took place is empty."""
    pair = good_pair(CLASSICAL)
    piece = pair.message("IKE_SA_INIT response 0").pieces[0]

    def declining(payload):
        if not isinstance(payload, SecurityAssociation):
            return payload
        (proposal,) = payload.proposals
        none = Transform(TransformType.ADDKE1, 0)
        return replace(payload, proposals=(replace(proposal, transforms=(*proposal.transforms, none)),))

    octets = Message(piece.message.header, tuple(map(declining, piece.message.payloads))).to_bytes()
    declined = pair.changed(piece.datagram, replace(piece.datagram, payload=octets))
    assert TransformType.ADDKE1 in declined.view.suite.transforms
    assert declined.check(AGREE).objections == ()
    claimed = declined.with_sa(ESTABLISHED, "responder", additional_ke=("ml-kem-768",))
    (objection,) = claimed.check(AGREE).objections  # its status and the wire differ: which of the two is right?
    assert (objection.party, objection.severity) == ("", "inconclusive")
    assert f"ADDKE: {SECOND} reports ('ml-kem-768',), the wire ()" in objection.sentence
