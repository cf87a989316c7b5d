"""The IKE SAs of two products, each by itself."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pair_alterations import found, header, junk, stray
from pair_builder import FIRST, HERE, SECOND, THERE, Pair, good_pair
from pair_defect_rows import sealed_again
from pair_legitimate_rows import rekeyed_by_the_responder

from harness.registry.messages import ExchangeType
from harness.verify.pair_view import initiator_spi
from harness.wire.message import INITIATOR

HYBRID, REKEY, CLASSICAL = "pairs/hybrid", "pairs/rekey", "pairs/classical"


@pytest.mark.parametrize(("scenario", "count"), [(HYBRID, 1), (CLASSICAL, 1), (REKEY, 4)])
def test_each_ike_sa_has_its_own_messages_in_the_order_of_the_first(scenario, count):
    view = good_pair(scenario).view
    assert len(view.ike_sas) == count
    assert [m.frame for sa in view.ike_sas for m in sa.messages] == [m.frame for m in view.messages]
    assert all(len({initiator_spi(m) for m in sa.messages}) == 1 for sa in view.ike_sas)
    assert [sa.rekeyed for sa in view.ike_sas] == [False] + [True] * (count - 1)
    assert all(sa.ike_sas == (sa,) for sa in view.ike_sas)


def test_a_rekeyed_ike_sa_goes_by_what_the_first_one_announced():
    first, *others = good_pair(REKEY).view.ike_sas
    assert None not in first.final_init
    assert all(sa.final_init == first.final_init for sa in others)
    assert not any(sa.find(ExchangeType.IKE_SA_INIT) for sa in others)


def test_who_rekeys_is_the_initiator_of_the_new_ike_sa():
    view = rekeyed_by_the_responder(good_pair(REKEY)).view
    assert [sa.party(initiator=True) for sa in view.ike_sas] == [FIRST, FIRST, FIRST, SECOND]
    last = view.ike_sas[-1]
    assert {(sa.source(m.pieces[0].datagram)) for sa in (last,) for m in sa.messages} == {FIRST, SECOND}
    assert [last.sender(m) for m in last.messages] == [view.sender(m) for m in view.messages[-len(last.messages) :]]
    assert all(m.from_initiator == m.pieces[0].message.header.from_initiator for m in last.messages)
    request, _ = last.final_init
    assert request is not None and last.sender(request) == FIRST
    assert last.expectation.initiator == view.expectation.responder


def test_of_two_messages_that_contradict_each_other_who_rekeyed_tells():
    """Two flags for two roles: the side that asked for the rekey has the IKE SA."""
    one = header("INFORMATIONAL request 0", last=True, flip=INITIATOR)(good_pair(REKEY))
    assert one.view.ike_sas[-1].party(initiator=True) == FIRST

    def asked_by_the_other(pair: Pair) -> Pair:
        for message in [m for m in pair.view.messages if m.exchange == ExchangeType.CREATE_CHILD_SA][-2:]:
            piece = message.pieces[0]
            d = next(d for d in pair.wire.datagrams if d.payload == piece.datagram.payload)
            pair = pair.changed(d, replace(d, source=d.destination, destination=d.source))
        return pair

    assert asked_by_the_other(one).view.ike_sas[-1].party(initiator=True) == SECOND


def test_the_responders_spi_is_what_most_messages_have():
    pair = good_pair(HYBRID)
    due = pair.view.ike_sas[0].responder_spi
    assert any(due)
    spoilt = sealed_again(pair, found(pair, "IKE_AUTH response 2").pieces[0], responder_spi=b"x" * 8)
    assert spoilt.view.ike_sas[0].responder_spi == due
    alone = pair.with_datagrams(pair.wire.datagrams[:1])
    assert alone.view.ike_sas[0].responder_spi == bytes(8)
    assert pair.with_datagrams(pair.wire.datagrams[:2]).view.ike_sas[0].responder_spi == due


def test_what_belongs_to_no_ike_sa_is_a_stranger_to_all():
    pair = stray(HERE, b"nowhere!", ExchangeType.INFORMATIONAL)(good_pair(REKEY))
    assert len(pair.view.ike_sas) == len(good_pair(REKEY).view.ike_sas)
    assert {tuple(piece.octets[:8] for piece in sa.strangers) for sa in pair.view.ike_sas} == {(b"nowhere!",)}


def test_what_is_no_message_is_kept():
    pair = junk(THERE)(good_pair(HYBRID))
    (datagram,) = pair.view.malformed
    assert datagram.source[0] == THERE
    assert [sa.malformed for sa in pair.view.ike_sas] == [(datagram,)]


def test_an_ike_sa_that_the_responder_begins_is_its_own():
    """A second IKE_SA_INIT from the other side, answered: both may begin at once."""
    pair = good_pair(CLASSICAL)
    first = pair.wire.datagrams[:2]
    other = [
        replace(d, source=(to[0], d.source[1]), destination=(of[0], d.destination[1]), payload=b"n" * 8 + d.payload[8:])
        for d, of, to in ((d, d.source, d.destination) for d in first)
    ]
    both = pair.with_datagrams((*pair.wire.datagrams, *other))
    assert [sa.party(initiator=True) for sa in both.view.ike_sas] == [FIRST, SECOND]
    assert [sa.suite for sa in both.view.ike_sas] == [pair.view.suite] * 2
