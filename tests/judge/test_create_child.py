"""What a side asks for in CREATE_CHILD_SA and IKE_FOLLOWUP_KE, seen by the checks alone."""

from __future__ import annotations

from dataclasses import replace

import pytest
from case_builder import PEER_NAME, Case, flipped, good
from extra_messages import behind, protected
from judging import objects, passes
from rekeying import GROUP, esp, ike, nonce, public_value, rekey, selectors

from harness.registry.messages import ExchangeType
from harness.registry.notifications import NotifyType
from harness.registry.transforms import TransformType
from harness.wire.payload import Payload
from harness.wire.payloads import Notify, SecurityAssociation, TrafficSelectorsInitiator, TrafficSelectorsResponder
from harness.wire.payloads.security_association import Transform

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


def test_the_spi_of_a_rekeyed_ike_sa_is_another_one_than_before(role):
    case = good(role=role)
    for spi in (case.evidence.secrets.initiator_spi, case.evidence.secrets.responder_spi):
        again = asking(case, ike(spi), nonce(), public_value())
        at = {"party": PEER_NAME, "at": at_the_end(again), "requirement": "B24"}
        objects(again, FORM, f"the SPI {spi.hex()} of the new IKE SA is one of the old", **at)
        passes(asking(case, esp(spi=spi), nonce(), *selectors()), FORM)  # of eight octets: another check's


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


FAILED, LIFETIME = Notify(NotifyType.TS_UNACCEPTABLE), Notify(NotifyType.AUTH_LIFETIME, bytes(4))


def faults(case: Case, check: str = FORM) -> list[str]:
    return [objection.sentence.partition(": ")[2] for objection in case.check(check).objections]


def test_only_a_response_with_an_error_begins_nothing(role):
    """In a request an error is to be ignored (RFC 7296 section 3.10.1)."""
    case, missing = good(role=role), ["it has no SA payload"]
    assert faults(asking(case, nonce(), FAILED)) == missing
    assert faults(asking(case, nonce(), LIFETIME, response=True)) == missing
    assert faults(asking(case, nonce(), response=True)) == missing
    assert faults(asking(case, LIFETIME, FAILED, response=True)) == []


def test_what_does_not_open_has_no_form(role):
    case = good(role=role)
    octets = protected(case, (nonce(),), by_engine=False, message_id=5, exchange=CREATE)
    assert faults(behind(case, flipped(octets, -1), by_engine=False)) == []


NO_METHOD = Transform(TransformType.KE, 0)


def test_a_key_exchange_is_due_where_no_proposal_goes_without(role):
    case, due = good(role=role), ["each of its proposals has a key exchange method, and there is no KE payload"]
    both = SecurityAssociation((*esp(GROUP).proposals, *esp(number=2).proposals))
    assert faults(asking(case, esp(GROUP), nonce(), *selectors())) == due
    assert faults(asking(case, esp(GROUP, NO_METHOD), nonce(), *selectors())) == []
    assert faults(asking(case, both, nonce(), *selectors())) == []
    assert faults(asking(case, esp(GROUP), nonce(), public_value(), *selectors())) == []


def test_without_an_sa_payload_no_method_is_missing_or_wrong(role):
    case, missing = good(role=role), ["it has no SA payload"]
    assert faults(asking(case, nonce(), *selectors())) == missing
    assert faults(asking(case, nonce(), public_value(), *selectors())) == missing


def receives_on(case: Case) -> tuple[bytes, bytes]:
    """The SPIs of the Child SA: the peer's, and our engine's."""
    child = case.view.child
    spis = child.responder_spi, child.initiator_spi
    return spis if case.view.party(initiator=True) == "engine" else spis[::-1]


def test_who_rekeys_names_an_sa_on_which_it_receives_already(role):
    case = good(role=role)
    theirs, ours = receives_on(case)
    assert faults(asking(case, rekey(theirs), esp(), nonce(), *selectors())) == []
    assert faults(asking(case, LIFETIME, rekey(theirs), esp(), nonce(), *selectors())) == []
    for spi, new in ((ours, b""), (b"new!", b"new!")):  # the other side's, and the one that it is only to receive on
        for more in ((), (LIFETIME,)):
            (sentence,) = faults(asking(case, *more, rekey(spi), esp(spi=new), nonce(), *selectors()))
            assert sentence == f"REKEY_SA names the SPI {spi.hex()}, on which its sender receives nothing"


def of_ike_auth(case: Case, label: str, *ends: tuple[int, int]) -> Case:
    """The selectors of an IKE_AUTH message, with each of these ranges of ports."""

    def edit(payloads: tuple[Payload, ...]) -> list[Payload]:
        return [
            replace(p, selectors=tuple(replace(p.selectors[0], start_port=a, end_port=b) for a, b in ends))
            if isinstance(p, TrafficSelectorsInitiator | TrafficSelectorsResponder)
            else p
            for p in payloads
        ]

    return case.rewritten(label, edit)


def test_what_was_agreed_on_is_what_the_answer_has(role):
    """What its request asked for beyond was never had; each of several selectors was."""
    case = good(role=role)
    theirs, _ = receives_on(case)
    auth = next(m.label for m in case.view.messages if m.label.startswith("IKE_AUTH response"))
    narrow = selectors(start_port=80, end_port=80)
    assert len(faults(asking(case, rekey(theirs), esp(), nonce(), *narrow))) == 2
    narrowed = of_ike_auth(case, auth, (80, 80))
    assert faults(asking(narrowed, rekey(theirs), esp(), nonce(), *narrow)) == []
    several = of_ike_auth(case, auth, (80, 80), (90, 90))
    assert len(faults(asking(several, rekey(theirs), esp(), nonce(), *narrow))) == 2


def test_a_rekey_without_selectors_is_not_narrower(role):
    case = good(role=role)
    assert faults(asking(case, rekey(receives_on(case)[0]), esp(), nonce())) == []


def answered(case: Case, *payloads: Payload, by_engine: bool = True, **message: object) -> Case:
    """A message of CREATE_CHILD_SA, by default a response of our engine."""
    made = {"message_id": 4, "exchange": CREATE, "response": True} | message
    return behind(case, protected(case, payloads, by_engine=by_engine, **made), by_engine=by_engine)  # type: ignore[arg-type]


def test_a_follow_up_links_to_a_response_of_the_other_side_before_it(role):
    case = good(role=role)
    strange = ["answers to no ADDITIONAL_KEY_EXCHANGE of the other side"]
    unlinked = Notify(NotifyType.COOKIE2, b"link")
    for asked in (
        answered(case, LINK, response=False),
        answered(case, LINK, exchange=ExchangeType.INFORMATIONAL),
        answered(case, LINK, by_engine=False),
        answered(case, unlinked),
    ):
        linked = asking(asked, public_value(), LINK, exchange=FOLLOW_UP)
        assert [s.partition(" 5 ")[2] for s in said(linked)] == strange
    late = answered(asking(case, public_value(), LINK, exchange=FOLLOW_UP), LINK)
    assert len(said(late)) == 1
    again = answered(case, LINK, exchange=FOLLOW_UP)
    assert said(asking(again, public_value(), LINK, exchange=FOLLOW_UP)) == []
    assert len(said(asking(again, public_value(), unlinked, exchange=FOLLOW_UP))) == 1


def said(case: Case) -> list[str]:
    return [objection.sentence for objection in case.check(FOLLOWS).objections]


def test_of_several_links_the_first_counts(role):
    case, other = answered(good(role=role), LINK), Notify(NotifyType.ADDITIONAL_KEY_EXCHANGE, b"other")
    assert said(asking(case, LINK, other, exchange=FOLLOW_UP)) == []
    assert len(said(asking(case, other, LINK, exchange=FOLLOW_UP))) == 1


def test_a_follow_up_that_does_not_open_is_nobodys(role):
    case = good(role=role)
    octets = protected(case, (LINK,), by_engine=False, message_id=5, exchange=FOLLOW_UP)
    assert said(behind(case, flipped(octets, -1), by_engine=False)) == []
