"""Two products: requests in an IKE SA that was replaced, and whose deletion was answered."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pair_alterations import after
from pair_builder import HYBRID_REKEY, SECOND, Pair, good_pair
from pair_form_alterations import message_of, twice

from harness.registry.messages import ExchangeType

DUE = "pair-messages-as-due"
CREATE, INFORMATIONAL = ExchangeType.CREATE_CHILD_SA, ExchangeType.INFORMATIONAL
DELETE, ANSWER = "INFORMATIONAL request 5", "INFORMATIONAL response 5"


def asking(pair: Pair, behind: str, kind: ExchangeType, *, initiator: bool, number: int, last: bool = False) -> Pair:
    """A request more behind a message, in the replaced IKE SA, or in the one that stands."""
    place = pair.message(behind).pieces[-1].datagram
    more = message_of(pair, kind, number, initiator=initiator, response=False, last=last)
    return after(pair, place, replace(more, at=place.at))


def told(pair: Pair) -> list[tuple[str, str | None]]:
    return [(each.party, each.requirement) for each in pair.check(DUE).objections]


def test_who_has_answered_the_deletion_asks_nothing_more_in_that_ike_sa():
    """RFC 7296 section 2.8: "the last request sent over the old IKE SA"."""
    late = asking(good_pair(HYBRID_REKEY), ANSWER, CREATE, initiator=False, number=0)
    assert (SECOND, "B24") in told(twice(late))
    assert (SECOND, "B24") not in told(late), "what was sent in which order one capture does not show"


@pytest.mark.parametrize(
    ("behind", "kind", "initiator", "last"),
    [
        (DELETE, CREATE, False, False),  # it crossed the deletion
        (ANSWER, INFORMATIONAL, False, False),  # which may delete, too
        (ANSWER, CREATE, False, True),  # in the new one
        (ANSWER, CREATE, True, False),  # of who deleted it: for another rule
    ],
)
def test_what_may_still_be_asked(behind, kind, initiator, last):
    pair = asking(good_pair(HYBRID_REKEY), behind, kind, initiator=initiator, number=9 if initiator else 0, last=last)
    assert "B24" not in {rule for party, rule in told(twice(pair)) if party == SECOND}


def test_a_deletion_that_is_not_answered_is_not_over():
    late = asking(good_pair(HYBRID_REKEY), ANSWER, CREATE, initiator=False, number=0).without(ANSWER)
    assert (SECOND, "B24") not in told(twice(late))


def test_where_the_captures_differ_it_may_have_been_sent_before():
    late = asking(good_pair(HYBRID_REKEY), ANSWER, CREATE, initiator=False, number=0)
    early = asking(good_pair(HYBRID_REKEY), DELETE, CREATE, initiator=False, number=0)
    request = next(m for m in late.view.messages if m.exchange == CREATE and not m.from_initiator and not m.response)
    same = request.pieces[0].datagram.payload
    other = next(m for m in early.view.messages if m.exchange == CREATE and not m.from_initiator and not m.response)
    far = early.changed(other.pieces[0].datagram, replace(other.pieces[0].datagram, payload=same)).wire
    assert (SECOND, "B24") not in told(twice(late).with_evidence(far=far))
    gone = replace(far, datagrams=tuple(d for d in far.datagrams if d.payload != same))
    assert (SECOND, "B24") not in told(twice(late).with_evidence(far=gone))
