"""Two products: what an IKE SA that was replaced is left with, and who still has what a rekey replaces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from pair_builder import FIRST, HYBRID_REKEY, SECOND, Pair, good_pair

from harness.evidence.peer_report import ChildReport, PeerReport, StepReport
from harness.registry.messages import ExchangeType
from harness.results.model import Severity
from harness.scenario.model import Step
from harness.verify.check import Objection
from harness.verify.checks.catalogue import CHECKS
from harness.verify.checks.exchanges import (
    _goes_later,
    _not_deleted_last,
    _too_many_follow,
    rekeyed_of_themselves,
)
from harness.verify.pair_view import PairView, initiator_spi
from harness.verify.wire import SeenMessage, sealed_payload

REKEYED, REKEY = "pair-rekeyed", "pairs/rekey"
CREATE, DELETES = ExchangeType.CREATE_CHILD_SA, ExchangeType.INFORMATIONAL
NOTHING = PeerReport("1", (), "[]")


def request(frame: int, exchange: ExchangeType = CREATE, *, by: str = FIRST, sealed: bool = True) -> SeenMessage:
    """A request in a frame of the capture."""
    model = next(m for m in good_pair(HYBRID_REKEY).view.messages if m.exchange == exchange and not m.response)
    piece = model.pieces[0]
    message = piece.message if sealed else replace(piece.message, payloads=())
    piece = replace(piece, datagram=replace(piece.datagram, frame=frame), message=message)
    assert (sealed_payload(message) is not None) is (sealed and exchange != ExchangeType.IKE_SA_INIT)
    return replace(model, pieces=(piece,), from_initiator=by == FIRST)


def view_of(*ike_sas: Sequence[SeenMessage], twice: bool = True) -> PairView:
    """A case with these requests in its IKE SAs, each after the first a rekeyed one."""
    whole = good_pair(HYBRID_REKEY).view
    views = (
        replace(whole.ike_sas[min(number, 1)], messages=tuple(messages)) for number, messages in enumerate(ike_sas)
    )
    messages = tuple(message for each in ike_sas for message in each)
    return replace(whole, each=tuple(views), messages=messages, twice=twice)


def not_deleted(view: PairView) -> list[Objection]:
    return list(_not_deleted_last(view))


def begun() -> SeenMessage:
    return request(1, ExchangeType.IKE_SA_INIT)


def later() -> list[SeenMessage]:
    """What is asked in the IKE SA that replaces another one."""
    return [request(20, DELETES)]


def test_the_last_request_of_a_replaced_ike_sa_deletes_it():
    """RFC 7296 section 2.8."""
    three = [begun(), request(3), request(5), request(7, by=SECOND)]
    (objection,) = not_deleted(view_of(three, later()))
    assert (objection.party, objection.pointer, objection.requirement) == (SECOND, "wire.pcapng#7", "B24")
    assert objection.severity is Severity.FAIL
    assert not_deleted(view_of([*three, request(9, DELETES)], later())) == []
    (clear,) = not_deleted(view_of([*three, request(9, DELETES, sealed=False)], later()))
    assert clear == objection  # what is in clear is anybody's


def test_a_request_of_the_other_side_may_cross_the_one_that_deletes():
    assert not_deleted(view_of([begun(), request(3, DELETES), request(5, by=SECOND)], later())) == []
    assert not_deleted(view_of([begun(), request(3), request(5, DELETES, by=SECOND)], later())) == []


def test_each_ike_sa_that_was_replaced_is_looked_at():
    first = [begun(), request(3), request(4, DELETES)]
    found = not_deleted(view_of(first, [request(10), request(12)], later()))
    assert [each.pointer for each in found] == ["wire.pcapng#12"]


def test_the_ike_sa_that_came_last_was_not_replaced():
    """Though those before it go on."""
    first, second = [begun(), request(3), request(30, DELETES)], [request(10), request(11), request(31, DELETES)]
    assert not_deleted(view_of(first, second, [request(20), request(21)])) == []


def test_an_ike_sa_was_replaced_whatever_goes_on_in_it_behind_that():
    (objection,) = not_deleted(view_of([begun(), request(25), request(26)], later()))
    assert objection.pointer == "wire.pcapng#26"


def test_another_ike_sa_that_begins_by_itself_replaces_none():
    view = view_of([begun(), request(3)], later())
    alone = replace(view.ike_sas[1], init_before=())
    assert not_deleted(view) and not_deleted(replace(view, each=(view.ike_sas[0], alone))) == []


def test_an_ike_sa_in_which_nothing_sealed_was_asked_has_no_last_request():
    assert not_deleted(view_of([begun()], later())) == []


def test_one_capture_may_lack_the_exchange_that_deletes():
    three = [begun(), request(3), request(5), request(7, by=SECOND)]
    (objection,) = not_deleted(view_of(three[:2], later(), twice=False))
    assert (objection.party, objection.pointer, objection.requirement) == ("", "wire.pcapng#3", None)
    assert objection.severity is Severity.INCONCLUSIVE
    view = view_of(three, later(), twice=False)
    assert [each.party for each in not_deleted(view)] == [SECOND]  # more rekeys than any step asks for
    asked = replace(view, report=replace(view.report, steps=(rekey(), rekey(), rekey())))
    (objection,) = not_deleted(asked)
    assert (objection.party, objection.pointer) == ("", "wire.pcapng#7")
    (objection,) = not_deleted(replace(asked, twice=True))
    assert (objection.party, objection.severity) == (SECOND, Severity.FAIL)


def rekey() -> StepReport:
    return next(step for step in good_pair(HYBRID_REKEY).report.steps if step.step == Step.REKEY_IKE)


def test_the_check_of_rekeys_says_so_too():
    pair = good_pair(HYBRID_REKEY)
    assert CHECKS[REKEYED](pair.view).objections == ()
    undeleted = pair.without("INFORMATIONAL response 5").without("INFORMATIONAL request 5")
    (objection,) = undeleted.check(REKEYED).objections
    assert "is the last request in an IKE SA that was rekeyed" in objection.sentence


def test_an_ike_sa_of_ike_sa_init_alone_is_none_of_the_rekeyed_ones():
    view = good_pair(HYBRID_REKEY).view
    new, (first, *_) = view.ike_sas[1], view.messages
    spi = initiator_spi(new.messages[0])
    other = replace(first, pieces=(replace(first.pieces[0], octets=spi + first.pieces[0].octets[8:]),))
    kept = tuple(message for message in view.messages if message not in new.messages)
    (objection,) = CHECKS[REKEYED](replace(view, each=view.ike_sas[:1], messages=(*kept, other))).objections
    assert objection.sentence.startswith("1 IKE SAs have protected messages on the wire")


def fallen(pair: Pair, **next_traffic: int) -> Objection:
    """What is said of a responder that reports nothing after the first rekey."""
    at = next(number for number, step in enumerate(pair.report.steps) if step.step == Step.REKEY_IKE)
    steps = list(pair.report.steps)
    steps[at] = replace(steps[at], responder=NOTHING)
    following = next(number for number, step in enumerate(steps) if number > at and step.step == Step.TRAFFIC)
    steps[following] = replace(steps[following], **next_traffic)
    found = pair.with_report(steps=tuple(steps)).check(REKEYED).objections
    return next(each for each in found if "no standing SAs" in each.sentence)


@pytest.mark.parametrize(
    ("sent", "received", "severity", "party"),
    [
        (3, 3, Severity.INCONCLUSIVE, ""), (1, 1, Severity.INCONCLUSIVE, ""), (3, 2, Severity.FAIL, SECOND),
        (0, 0, Severity.FAIL, SECOND),
    ],
)  # fmt: skip
def test_who_reports_nothing_and_answers_all_the_same_is_not_blamed(sent, received, severity, party):
    objection = fallen(good_pair(HYBRID_REKEY), echo_sent=sent, echo_received=received)
    assert (objection.severity, objection.party) == (severity, party)


def test_the_next_traffic_tells_whatever_comes_before_it():
    pair = good_pair(HYBRID_REKEY)
    first, traffic, again, *rest = pair.report.steps
    twice = pair.with_report(steps=(first, traffic, again, replace(again, at=again.at + 1), *rest))
    assert fallen(twice, echo_sent=3, echo_received=3).severity is Severity.INCONCLUSIVE


def test_without_traffic_behind_the_rekey_nothing_speaks_for_who_reports_nothing():
    pair = good_pair(HYBRID_REKEY).with_step(Step.REKEY_IKE, responder=NOTHING)
    ended = pair.with_report(steps=pair.report.steps[:3])
    assert [each.party for each in ended.check(REKEYED).objections if "no standing" in each.sentence] == [SECOND]


def having(*spis: str) -> PeerReport:
    """A report of one IKE SA whose Child SAs are received on these SPIs."""
    report = good_pair(REKEY).reported(Step.TRAFFIC, "initiator")
    child: ChildReport = report.sas[0].children[0]
    return replace(report, sas=(replace(report.sas[0], children=tuple(replace(child, spi_in=s) for s in spis)),))


@pytest.mark.parametrize(
    ("reported", "goes"),
    [
        ([("new",)], True), ([("new",), ("old", "new")], True), ([("old", "new"), ("new",)], False),
        ([("new",), ()], True), ([("old",)], False), ([], False), ([()], False),
        ([(), ("new",)], True), ([(), ("old", "new")], False),
    ],
)  # fmt: skip
def test_an_old_child_sa_may_stay_until_the_next_step(reported, goes):
    """It is to receive what is still on its way (RFC 7296 section 2.8)."""
    view = good_pair(REKEY).view
    before, after, *_ = view.report.steps
    behind = (replace(after, initiator=having(*spis), at=after.at + at) for at, spis in enumerate(reported, start=1))
    rekeyed = replace(after, initiator=having("old", "new"))
    told = replace(view, report=replace(view.report, steps=(before, rekeyed, *behind)))
    assert _goes_later(told, rekeyed, 0, having("old")) is goes


def test_a_product_rekeys_of_itself_where_there_are_more_exchanges_than_steps_that_ask_for_one():
    view = good_pair(HYBRID_REKEY).view
    unasked = replace(view, report=replace(view.report, steps=view.report.steps[:2]))
    asked = tuple(m for m in view.messages if not (m.response and m.exchange == CREATE))
    half = replace(unasked, messages=asked)
    found = [rekeyed_of_themselves(each) for each in (view, unasked, half)]
    assert found == [False, True, False]  # an SA comes of an exchange that was answered
    assert rekeyed_of_themselves(half, response=False)


def follow_ups(count: int, *, more: bool = False, told: tuple[int | None, int | None] = (1, 1)) -> list[Objection]:
    """A rekeyed hybrid with so many IKE_FOLLOWUP_KE requests; ``told``: additional methods in either status."""
    whole = good_pair(HYBRID_REKEY)
    for side, number in zip(("initiator", "responder"), told, strict=True):
        names = None if number is None else ("ml-kem-768", "ecp384", "ecp521")[:number]
        whole = whole.with_sa(Step.REKEY_IKE, side, additional_ke=names)
    view = whole.view
    series = next(m for m in view.messages if m.exchange == ExchangeType.IKE_FOLLOWUP_KE and not m.response)
    others = tuple(m for m in view.messages if m is not series)
    begun = tuple(m for m in others if m.exchange == CREATE and not m.response)
    return list(_too_many_follow(replace(view, messages=(*others, *(series,) * count, *(begun if more else ())))))


def test_no_more_exchanges_follow_a_rekey_than_it_has_methods():
    """RFC 9370 section 2.2.4. Where a series may have been begun anew nobody knows how many there are to be."""
    assert follow_ups(0) == follow_ups(1) == follow_ups(2, more=True) == []
    (objection,) = follow_ups(2)
    assert (objection.party, objection.requirement) == (FIRST, "A20")
    assert follow_ups(2, told=(2, 1)) == follow_ups(2, told=(None, 2)) == follow_ups(3, told=(3, 3)) == []
    assert len(follow_ups(3, told=(2, 1))) == len(follow_ups(2, told=(None, None))) == 1
    assert len(follow_ups(2, told=(0, 0))) == 1, "what was agreed on in clear counts, too"


def test_a_child_sa_has_as_many_as_the_policies_lead_to():
    view = good_pair(HYBRID_REKEY).view
    series = next(m for m in view.messages if m.exchange == ExchangeType.IKE_FOLLOWUP_KE and not m.response)
    steps = tuple(replace(s, step=Step.REKEY_CHILD) if s.step == Step.REKEY_IKE else s for s in view.report.steps)
    of_child = replace(view, report=replace(view.report, steps=steps))
    assert len(list(_too_many_follow(of_child))) == 1
    esp = tuple(replace(suite, transforms=view.suite.transforms) for suite in view.expectation.esp)
    led = replace(of_child, expectation=replace(view.expectation, esp=esp))
    assert list(_too_many_follow(led)) == []
    assert len(list(_too_many_follow(replace(led, messages=(*view.messages, series))))) == 1
    unasked = replace(view, report=replace(view.report, steps=view.report.steps[:1]))
    assert list(_too_many_follow(unasked)) == [], "of a rekey that no step asks for nothing is known"
