"""What a side asks for in CREATE_CHILD_SA and IKE_FOLLOWUP_KE, seen by the checks alone."""

from __future__ import annotations

from dataclasses import replace

import pytest
from case_builder import PEER_NAME, Case, good
from extra_messages import behind, protected
from judging import objects, passes
from rekeying import esp, ike, nonce, public_value, rekey, selectors

from harness.registry.messages import ExchangeType
from harness.registry.notifications import NotifyType
from harness.wire.payloads import Notify, SecurityAssociation

FORM, FOLLOWS, OFFERS = "create-child-sa-in-its-form", "follow-up-exchanges-are-due", "offers-in-their-form"
CREATE, FOLLOW_UP = ExchangeType.CREATE_CHILD_SA, ExchangeType.IKE_FOLLOWUP_KE


def asking(case: Case, *payloads: object, exchange: ExchangeType = CREATE, response: bool = False) -> Case:
    octets = protected(
        case, payloads, by_engine=False, message_id=5, exchange=exchange, response=response  # type: ignore[arg-type]
    )  # fmt: skip
    return behind(case, octets, by_engine=False)


def at_the_end(case: Case) -> str:
    return f"wire.pcapng#{case.datagrams[-1].frame}"


@pytest.mark.parametrize(
    ("payloads", "saying", "requirement"),
    [
        ((esp(), *selectors()), "has no Nonce payload", ""),
        ((nonce(), *selectors()), "has no SA payload", ""),
        ((ike(), nonce()), "to rekey the IKE SA, and has no KE payload", "B24"),
        ((ike(), nonce(), public_value(), public_value()), "2 KE payloads", "B54"),
        ((esp(), nonce(), public_value(), *selectors()), "which its SA payload does not have", "B02"),
        ((rekey(b"\x77" * 4), esp(), nonce(), *selectors()), "REKEY_SA names the SPI 77777777", "B25"),
    ],
)
def test_what_begins_an_sa_in_another_form(role, payloads, saying, requirement):
    case = asking(good(role=role), *payloads)
    at = {"party": PEER_NAME, "at": at_the_end(case), "requirement": requirement}
    objects(case, "create-child-sa-in-its-form", saying, **at)


def test_what_may_be_asked_for(role):
    case = good(role=role)
    child = case.view.child
    by_peer = child.responder_spi if case.view.party(initiator=True) == "engine" else child.initiator_spi
    passes(asking(case, esp(), nonce(), *selectors()), FORM)
    passes(asking(case, rekey(by_peer), esp(), nonce(), *selectors()), FORM)
    passes(asking(case, ike(), nonce(), public_value()), FORM)
    passes(asking(case, Notify(NotifyType.NO_ADDITIONAL_SAS), response=True), FORM)


def test_a_rekey_is_no_narrower(role):
    case = good(role=role)
    child = case.view.child
    by_peer = child.responder_spi if case.view.party(initiator=True) == "engine" else child.initiator_spi
    narrow = asking(case, rekey(by_peer), esp(), nonce(), *selectors(protocol=6, start_port=80, end_port=80))
    at = {"party": PEER_NAME, "at": at_the_end(narrow), "requirement": "B25"}
    objects(narrow, FORM, "selectors are narrower than before", **at)


def test_the_spi_of_a_rekeyed_ike_sa(role):
    passes(asking(good(role=role), ike()), OFFERS)
    for spi, saying, requirement in ((bytes(8), "is zero", "B39"), (bytes(4), "of 4 octets, 8 are due", "B49")):
        (proposal,) = ike().proposals
        case = asking(good(role=role), SecurityAssociation((replace(proposal, spi=spi),)))
        objects(case, OFFERS, saying, party=PEER_NAME, at=at_the_end(case), requirement=requirement)


LINK = Notify(NotifyType.ADDITIONAL_KEY_EXCHANGE, b"link")


def test_a_follow_up_that_nobody_asked_for(role):
    case = asking(good(role=role), public_value(), LINK, exchange=FOLLOW_UP)
    at = {"party": PEER_NAME, "at": at_the_end(case)}
    objects(case, "follow-up-exchanges-are-due", "answers to no ADDITIONAL_KEY_EXCHANGE", **at)


def test_a_follow_up_with_the_link_of_the_other_side(role):
    answered = protected(
        good(role=role), (esp(), nonce(), LINK), by_engine=True, message_id=4, exchange=CREATE, response=True
    )  # fmt: skip
    case = behind(good(role=role), answered, by_engine=True)
    passes(asking(case, public_value(), LINK, exchange=FOLLOW_UP), FOLLOWS)
    without = asking(case, public_value(), exchange=FOLLOW_UP)
    objects(without, FOLLOWS, "answers to no ADDITIONAL_KEY_EXCHANGE", party=PEER_NAME, at=at_the_end(without))
