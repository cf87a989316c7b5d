"""SPIs of Child SAs: reserved ones, and one that stands for two SAs."""

from __future__ import annotations

from dataclasses import replace

import pytest
from case_builder import PEER_NAME, good
from extra_messages import behind, protected
from judging import initiator, objects, passes, responder
from pair_builder import FIRST, HERE, SECOND, THERE, good_pair
from pair_esp_rows import one_spi_over_a_rekey

from harness.evidence.peer_report import ESTABLISHED
from harness.policy.role import Role
from harness.registry.messages import ExchangeType, Protocol
from harness.registry.notifications import NotifyType
from harness.results.model import Verdict
from harness.scenario.model import Step
from harness.verify.checks.spis import kept_over_a_rekey, of_several
from harness.wire.message import Message
from harness.wire.payloads import Delete, Notify, SecurityAssociation
from harness.wire.payloads.security_association import Proposal

CHECK, PAIR, HYBRID = "esp-spis-are-due", "pair-spis-are-due", "hybrid/x25519-mlkem768"
REKEY = "pairs/rekey"
RESERVED = [0, 1, 255]


@pytest.mark.parametrize("scenario", [HYBRID, "classical/modp3072", "authentication/wrong-psk"])
def test_spis_as_they_are_due(role, scenario):
    passes(good(scenario, role=role), "esp-spis-are-due")


def with_spi(spi: bytes):
    def edit(payloads):
        return [
            replace(p, proposals=tuple(replace(q, spi=spi) for q in p.proposals))
            if isinstance(p, SecurityAssociation)
            else p
            for p in payloads
        ]

    return edit


@pytest.mark.parametrize("number", RESERVED)
@pytest.mark.parametrize(("label", "side"), [("IKE_AUTH request 2", initiator), ("IKE_AUTH response 2", responder)])
def test_a_reserved_spi(role, label, side, number):
    case = good(HYBRID, role=role).rewritten(label, with_spi(number.to_bytes(4)))
    at = case.message(label).pointer
    objects(case, "esp-spis-are-due", "is reserved", party=side(role), at=at, requirement="E07")


def test_the_first_number_that_is_free(role):
    passes(good(HYBRID, role=role).rewritten("IKE_AUTH response 2", with_spi((256).to_bytes(4))), CHECK)


def test_an_spi_of_a_child_sa_that_still_lives(role):
    case = good(HYBRID, role=role)
    child, by_engine = case.view.child, role is Role.RESPONDER
    assert child is not None
    mine = child.responder_spi
    offer = SecurityAssociation((Proposal(1, Protocol.ESP, (), mine),))
    wanted = {"exchange": ExchangeType.CREATE_CHILD_SA, "by_engine": by_engine}
    again = behind(case, protected(case, [offer], message_id=0, **wanted), by_engine=by_engine)
    at = f"wire.pcapng#{case.datagrams[-1].frame + 1}"
    objects(again, CHECK, "of another Child SA, which still lives", party=responder(role), at=at, requirement="E07")
    gone = behind(
        case,
        protected(case, [Delete(Protocol.ESP, 4, (mine,))], message_id=0, by_engine=by_engine),
        by_engine=by_engine,
    )
    free = behind(gone, protected(case, [offer], message_id=1, **wanted), by_engine=by_engine)
    passes(free, CHECK)
    theirs = SecurityAssociation((Proposal(1, Protocol.ESP, (), child.initiator_spi),))
    passes(behind(case, protected(case, [theirs], message_id=0, **wanted), by_engine=by_engine), CHECK)


def test_a_pair_whose_spis_are_due():
    for scenario in ("pairs/hybrid", "pairs/rekey"):
        checked = good_pair(scenario).check("pair-spis-are-due")
        assert checked.objections == () and "reported" in checked.detail


@pytest.mark.parametrize(("side", "party"), [("initiator", FIRST), ("responder", SECOND)])
def test_a_pair_with_a_reserved_spi(side, party):
    told = good_pair("pairs/hybrid").with_child("traffic", side, spi_in="000000ff")
    (objection,) = told.check("pair-spis-are-due").objections
    assert (objection.party, objection.severity) == ("", "inconclusive")  # what goes there has another one
    there = {"initiator": HERE, "responder": THERE}[side]
    used = told.with_datagrams(
        replace(d, payload=bytes((0, 0, 0, 255)) + d.payload[4:])
        if d in told.view.esp and d.destination[0] == there
        else d
        for d in told.wire.datagrams
    )
    unseen = told.with_datagrams(d for d in told.wire.datagrams if d not in told.view.esp)
    for pair in (used, unseen):
        (objection,) = pair.check("pair-spis-are-due").objections
        assert (objection.party, objection.pointer, objection.severity) == (party, "steps.json", "fail")
        assert "reserved" in objection.sentence
    assert used.judge().verdict is Verdict.FAIL


@pytest.mark.parametrize(("side", "party"), [("initiator", FIRST), ("responder", SECOND)])
def test_a_pair_with_one_spi_for_two(side, party):
    pair = good_pair("pairs/hybrid")
    child = pair.reported("traffic", side).sas[0].children[0]
    same = pair.with_sa("traffic", side, children=(child, child))
    assert same.check(PAIR).objections == ()  # the same one, shown twice
    two = pair.with_sa("traffic", side, children=(child, replace(child, spi_out="c4c4c4c4")))
    (objection,) = two.check(PAIR).objections
    assert (objection.party, objection.severity) == ("", "inconclusive")  # the other side has one alone
    more = tuple(replace(child, spi_in="00000001", spi_out=out) for out in ("c5c5c5c5", "c6c6c6c6"))
    of_both = pair.with_sa("traffic", side, children=(child, replace(child, spi_out="c4c4c4c4"), *more))
    assert len(of_both.check(PAIR).objections) == 2
    other = {"initiator": "responder", "responder": "initiator"}[side]
    theirs = pair.reported("traffic", other).sas[0].children[0]
    both = two.with_sa("traffic", other, children=(theirs, replace(theirs, spi_in="c4c4c4c4")))
    (objection,) = both.check(PAIR).objections
    assert objection.party == party and "2 Child SAs with the SPI" in objection.sentence
    assert PEER_NAME == FIRST


def test_an_spi_of_another_size_is_another_checks_finding(role):
    passes(good(HYBRID, role=role).rewritten("IKE_AUTH response 2", with_spi(bytes(8))), CHECK)


def test_what_is_no_number_is_no_reserved_one():
    """A product may tell an SPI in words of its own: that is for its driver."""
    assert good_pair().with_child(ESTABLISHED, "responder", spi_in="none").check(PAIR).objections == ()


def test_right_spis_do_not_hide_reserved_ones():
    whole = good_pair()
    esp = whole.view.esp
    unseen = whole.with_datagrams(each for each in whole.wire.datagrams if each not in esp)
    there = [each for each in esp if each.destination[0] == THERE]
    elsewhere = whole.with_datagrams(each for each in whole.wire.datagrams if each not in there)
    (child,) = whole.reported(ESTABLISHED, "responder").sas[0].children
    right = [replace(child, spi_in=f"c000000{n}", spi_out=f"d000000{n}") for n in range(9)]
    wrong = [replace(child, spi_in=f"0000000{n}", spi_out=f"e000000{n}") for n in (1, 2)]
    for pair, party, severity in ((whole, "", "inconclusive"), (unseen, SECOND, "fail"), (elsewhere, SECOND, "fail")):
        objections = pair.with_sa(ESTABLISHED, "responder", children=(*right, *wrong)).check(PAIR).objections
        assert [(each.party, each.severity) for each in objections] == [(party, severity)] * 2


NONE, SOME = Notify(NotifyType.NO_ADDITIONAL_SAS), Notify(NotifyType.ADDITIONAL_TS_POSSIBLE)


@pytest.mark.parametrize(
    ("answer", "number", "sealed", "free"),
    [((NONE,), 0, True, True), ((SOME,), 0, True, False), ((), 0, True, False), ((NONE,), 1, True, False),
     ((NONE,), 0, False, False), (None, 0, True, False)],
)  # fmt: skip
def test_what_is_refused_has_made_no_sa(role, answer, number, sealed, free):
    """Its SPI may be offered again. What is in clear anybody may have sent."""
    case, wanted = good(HYBRID, role=role), {"exchange": ExchangeType.CREATE_CHILD_SA}
    offer = SecurityAssociation((Proposal(1, Protocol.ESP, (), b"spi!"),))
    by_peer = {"by_engine": False, **wanted}
    case = behind(case, protected(case, [offer], message_id=0, **by_peer), by_engine=False)
    if answer is not None:
        octets = protected(case, answer, message_id=number, by_engine=True, response=True, **wanted)
        octets = octets if sealed else Message(Message.parse(octets).header, answer).to_bytes()
        case = behind(case, octets, by_engine=True)
    again = behind(case, protected(case, [offer], message_id=2, **by_peer), by_engine=False)
    assert [each.party for each in again.check(CHECK).objections] == ([] if free else [PEER_NAME])


def test_a_refusal_frees_what_its_own_request_offers_alone(role):
    """Not what the other side offered under the same number, nor what was agreed on."""
    case, wanted = good(HYBRID, role=role), {"exchange": ExchangeType.CREATE_CHILD_SA}
    ours, theirs = (SecurityAssociation((Proposal(1, Protocol.ESP, (), spi),)) for spi in (b"ours", b"them"))
    for by_engine, offer in ((True, ours), (False, theirs)):
        octets = protected(case, [offer], message_id=5, by_engine=by_engine, **wanted)
        case = behind(case, octets, by_engine=by_engine)
    refused = protected(case, [NONE], message_id=5, by_engine=True, response=True, **wanted)
    case = behind(case, refused, by_engine=True)
    for by_engine, offer, told in ((True, ours, ["engine"]), (False, theirs, [])):
        octets = protected(case, [offer], message_id=6, by_engine=by_engine, **wanted)
        again = behind(case, octets, by_engine=by_engine)
        assert [each.party for each in again.check(CHECK).objections] == told


def test_an_error_in_a_request_refuses_nothing(role):
    """There it is ignored (RFC 7296 section 3.10.1)."""
    case, wanted = good(HYBRID, role=role), {"exchange": ExchangeType.CREATE_CHILD_SA, "message_id": 5}
    offer = SecurityAssociation((Proposal(1, Protocol.ESP, (), b"ours"),))
    case = behind(case, protected(case, [offer], by_engine=True, **wanted), by_engine=True)
    case = behind(case, protected(case, [NONE], by_engine=False, **wanted), by_engine=False)
    again = protected(case, [offer], by_engine=True, **{**wanted, "message_id": 6})
    assert [each.party for each in behind(case, again, by_engine=True).check(CHECK).objections] == ["engine"]


def test_two_child_sas_that_change_partners_are_no_rekey():
    """The other side sends on with an SPI of before: both are old, and nothing was made."""
    pair = good_pair(REKEY)
    steps = list(pair.report.steps)
    place = next(at for at, step in enumerate(steps) if step.step == Step.REKEY_CHILD)

    def telling(step, *spis):
        model = step.initiator.sas[0].installed[0]
        initiator = tuple(replace(model, spi_in=into, spi_out=out) for into, out in spis)
        responder = tuple(replace(model, spi_in=out, spi_out=into) for into, out in spis)
        both = {"initiator": initiator, "responder": responder}
        told = {side: replace(getattr(step, side), sas=(replace(getattr(step, side).sas[0], children=children),))
                for side, children in both.items()}  # fmt: skip
        return replace(step, **told)

    old = (("c0000001", "d0000001"), ("c0000002", "d0000002"))
    for new, kept in (((old[0][0], old[1][1]), set()), ((old[0][0], "d0000003"), {(0, old[0][0])})):
        steps[place - 1], steps[place] = telling(steps[place - 1], *old), telling(steps[place], new)
        assert kept_over_a_rekey(pair.with_report(steps=tuple(steps)).view) == kept


@pytest.mark.parametrize(("side", "party"), [(0, FIRST), (1, SECOND)])
def test_an_spi_that_is_kept_over_a_rekey(side, party):
    pair = one_spi_over_a_rekey(side)(good_pair(REKEY))
    own, other = (("initiator", "responder"), ("responder", "initiator"))[side]
    place = next(at for at, step in enumerate(pair.report.steps) if step.step == Step.REKEY_CHILD)
    spi = getattr(pair.report.steps[place], own).sas[0].children[0].spi_in
    (objection,) = pair.check(PAIR).objections
    assert (objection.party, objection.severity, objection.pointer) == (party, "fail", "steps.json")
    assert objection.sentence == f"it receives on the SPI {spi} for a Child SA, and for the one that replaces it"
    assert kept_over_a_rekey(pair.view) == of_several(pair.view) == {(side, spi)}
    for at, name in ((place - 1, other), (place, other), (place - 1, own), (place, own)):  # one of them tells otherwise
        steps = list(pair.report.steps)
        report = getattr(steps[at], name)
        child = replace(report.sas[0].children[0], spi_in="abad1dea", spi_out="abad1deb")
        lying = replace(report, sas=(replace(report.sas[0], children=(child,)),))
        steps[at] = replace(steps[at], **{name: lying})
        assert kept_over_a_rekey(pair.with_report(steps=tuple(steps)).view) == set()
    renamed = tuple(replace(s, step=Step.REKEY_IKE) if at == place else s for at, s in enumerate(pair.report.steps))
    assert kept_over_a_rekey(pair.with_report(steps=renamed).view) == set()  # its Child SAs go on


def test_the_numbers_on_an_spi_that_is_kept_begin_anew():
    """What its sender sends is on two SAs."""
    for side in (0, 1):
        pair = one_spi_over_a_rekey(side)(good_pair(REKEY))
        assert pair.check("pair-esp-numbers").objections == ()
        untold = pair.with_report(steps=pair.report.steps[:1])
        assert {each.party for each in untold.check("pair-esp-numbers").objections} == {(SECOND, FIRST)[side]}
        zero = pair.view.esp[-1 - side]
        naught = pair.changed(zero, replace(zero, payload=zero.payload[:4] + bytes(4) + zero.payload[8:]))
        assert len(naught.check("pair-esp-numbers").objections) == 1


def test_an_sa_that_is_as_it_was_is_no_second_one():
    pair = good_pair(REKEY)
    assert kept_over_a_rekey(pair.view) == set()
    steps = list(pair.report.steps)
    place = next(at for at, step in enumerate(steps) if step.step == Step.REKEY_CHILD)
    steps[place] = replace(steps[place - 1], step=Step.REKEY_CHILD)
    assert kept_over_a_rekey(pair.with_report(steps=tuple(steps)).view) == set()
    both = one_spi_over_a_rekey(1)(one_spi_over_a_rekey(0)(pair))  # each the SPI of before: it is the same SA
    assert kept_over_a_rekey(both.view) == set()


@pytest.mark.parametrize("side", [0, 1])
def test_the_spi_of_a_child_sa_that_is_gone_is_free(side):
    pair = one_spi_over_a_rekey(side, rekey=1)(good_pair(REKEY))
    spi = getattr(pair.report.steps[0], ("initiator", "responder")[side]).sas[0].children[0].spi_in
    assert (kept_over_a_rekey(pair.view), of_several(pair.view)) == (set(), {(side, spi)})
    other = ("responder", "initiator")[side]
    alone = pair.with_report(steps=tuple(replace(s, **{other: replace(getattr(s, other), sas=())}) for s in
                                         pair.report.steps))  # fmt: skip
    assert of_several(alone.view) == set()  # one side alone tells
