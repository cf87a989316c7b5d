"""The deletion at the end of a case of two products: by an exchange of its own, whatever rekeys deleted before."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pair_builder import FIRST, SECOND, Pair, good_pair
from pair_form_alterations import twice

from harness.evidence.peer_report import DELETED
from harness.registry.messages import ExchangeType

CHECK = "pair-deleted-on-both-sides"
HYBRID, REKEY = "pairs/hybrid", "pairs/rekey"
UNSEEN = "no answered INFORMATIONAL exchange ends the IKE SA"

LACKING = "wire.pcapng lacks the response to the last INFORMATIONAL request, and neither side has an SA left"


def unanswered(pair: Pair) -> Pair:
    return pair.without(pair.view.messages[-1].label)


def unsent(pair: Pair) -> Pair:
    return unanswered(unanswered(pair))


def repeated(pair: Pair) -> Pair:
    """The request to delete, to which nobody answers, is sent once more."""
    cut = unanswered(pair)
    request = cut.view.messages[-1].pieces[0].datagram
    return cut.changed(request, request, replace(request, frame=request.frame + 1))


def still_there(pair: Pair, side: str = "responder") -> Pair:
    """A side keeps what it had before the deletion."""
    last = pair.report.steps[-2]
    return pair.with_step(DELETED, **{side: getattr(last, side)})


def informational_responses(pair: Pair) -> int:
    return len(pair.view.find(ExchangeType.INFORMATIONAL, response=True))


@pytest.mark.parametrize(("scenario", "responses"), [(HYBRID, 1), (REKEY, 7)])
def test_the_exchange_that_ends_the_ike_sa_is_seen(scenario, responses):
    pair = good_pair(scenario)
    assert informational_responses(pair) == responses
    assert pair.check(CHECK).objections == ()
    (objection,) = still_there(pair).check(CHECK).objections
    assert (objection.party, objection.severity) == (SECOND, "fail")


@pytest.mark.parametrize("scenario", [HYBRID, REKEY])
@pytest.mark.parametrize("cut", [unanswered, unsent])
def test_what_rekeys_delete_is_not_the_deletion_at_the_end(scenario, cut):
    pair = cut(good_pair(scenario))
    assert (informational_responses(pair) > 0) is (scenario == REKEY)
    (objection,) = pair.check(CHECK).objections
    assert (objection.party, objection.sentence) == ("", LACKING if cut is unanswered else UNSEEN)
    assert objection.severity == ("inconclusive" if cut is unanswered else "fail")


@pytest.mark.parametrize("scenario", [HYBRID, REKEY])
def test_one_capture_may_lack_the_last_answer(scenario):
    """Two do not, and who still has an SA shows that the deletion was not done."""
    cut = unanswered(good_pair(scenario))
    (objection,) = twice(cut).check(CHECK).objections
    assert (objection.sentence, objection.severity) == (UNSEEN, "fail")
    for side in ("initiator", "responder"):
        assert UNSEEN in [each.sentence for each in still_there(cut, side).check(CHECK).objections]
    (sent_again,) = repeated(good_pair(scenario)).check(CHECK).objections
    assert (sent_again.sentence, sent_again.severity) == (UNSEEN, "fail")


def test_what_is_lacking_is_an_answer_to_an_informational_request():
    pair = good_pair(REKEY)
    created = max(m.frame for m in pair.view.find(ExchangeType.CREATE_CHILD_SA, response=False))
    early = pair.with_datagrams(d for d in pair.wire.datagrams if d.frame <= created)
    assert [each.sentence for each in early.check(CHECK).objections] == [UNSEEN]


@pytest.mark.parametrize("scenario", [HYBRID, REKEY])
def test_a_responder_to_which_no_deletion_came_is_not_blamed_for_its_ike_sa(scenario):
    pair = good_pair(scenario)
    assert [each.party for each in still_there(unsent(pair)).check(CHECK).objections] == ["", ""]
    initiator = still_there(unsent(pair), "initiator").check(CHECK).objections
    assert [each.party for each in initiator] == [FIRST, ""]


@pytest.mark.parametrize("scenario", [HYBRID, REKEY])
def test_who_waits_for_an_answer_may_keep_its_ike_sa(scenario):
    pair = repeated(good_pair(scenario))
    for side in ("initiator", "responder"):
        assert [each.sentence for each in still_there(pair, side).check(CHECK).objections] == [UNSEEN]


def test_an_exchange_of_a_replaced_ike_sa_that_comes_late_is_not_the_deletion_of_the_last():
    """The replaced one goes after the traffic over its successor, whose own deletion nobody answers."""
    pair = good_pair(REKEY)
    response = pair.view.find(ExchangeType.INFORMATIONAL, response=True)[-2].pieces[0].datagram
    end = pair.wire.datagrams[-1]
    late = pair.changed(response).changed(end, replace(response, frame=end.frame, at=end.at))
    assert [each.sentence for each in late.check(CHECK).objections] == [UNSEEN]


def test_a_liveness_check_before_the_last_esp_packet_is_not_the_deletion():
    pair = good_pair(HYBRID)
    response = pair.view.messages[-1].pieces[0].datagram
    early = replace(response, frame=min(packet.frame for packet in pair.view.esp) - 1)
    assert [each.sentence for each in pair.changed(response, early).check(CHECK).objections] == [UNSEEN]


def test_without_protected_messages_nothing_is_deleted():
    pair = good_pair(HYBRID)
    first = max(each.frame for each in pair.view.find(ExchangeType.IKE_SA_INIT))
    bare = pair.with_wire(datagrams=tuple(each for each in pair.wire.datagrams if each.frame <= first))
    assert [each.sentence for each in bare.check(CHECK).objections] == [UNSEEN]
