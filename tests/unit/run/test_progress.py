"""Whether a product is done with a step, by what it reported before and reports now."""

from dataclasses import replace

import pytest

from harness.evidence.peer_report import ChildReport, PeerReport, SaReport
from harness.run.progress import gone, not_standing, renewed, up

CHILD = ChildReport(
    name="c", state="INSTALLED", mode="TUNNEL", udp_encapsulated=True, spi_in="0000000a", spi_out="0000000b",
    encr="aes-256-cbc", integ="hmac-sha2-512-256", esn=False, packets_in=0, packets_out=0, bytes_in=0, bytes_out=0,
)  # fmt: skip
OTHER = replace(CHILD, spi_in="0000000c")
SA = SaReport(
    name="c", state="ESTABLISHED", initiator=True, initiator_spi="11", responder_spi="22", encr="aes-256-gcm-16",
    integ=None, prf="hmac-sha2-256", ke="curve25519", additional_ke=(), children=(CHILD,),
)  # fmt: skip
NEW = replace(SA, initiator_spi="33")
LEAVING = replace(SA, state="DELETING", children=())


def report(*sas):
    return PeerReport("1", sas, "")


NOTHING, BEFORE = report(), report(SA)


@pytest.mark.parametrize(("now", "is_up"), [
    (BEFORE, True),
    (NOTHING, False),
    (report(replace(SA, children=())), False),
    (report(replace(SA, children=(replace(CHILD, state="DELETED"),))), False),
    (report(replace(SA, state="CONNECTING")), False),
    (report(LEAVING, NEW), True),
])  # fmt: skip
def test_up_means_a_child_sa_in_use(now, is_up):
    assert up(now) is is_up


@pytest.mark.parametrize(("now", "is_gone"), [(NOTHING, True), (BEFORE, False), (report(LEAVING), False)])
def test_gone_means_that_no_ike_sa_is_left(now, is_gone):
    assert gone(now) is is_gone


@pytest.mark.parametrize(("now", "done"), [
    (report(NEW), True),
    (BEFORE, False),
    (report(SA, NEW), False),  # the old one is still there
    (report(LEAVING, NEW), False),  # and still
    (report(replace(NEW, children=())), False),
    (NOTHING, False),
])  # fmt: skip
def test_a_rekeyed_ike_sa_has_another_spi_and_the_old_one_is_gone(now, done):
    assert renewed(BEFORE, now, (), ike=True) is done


@pytest.mark.parametrize(("children", "done"), [
    ((OTHER,), True),
    ((replace(CHILD, state="DELETED"), OTHER), True),
    ((CHILD,), False),
    ((CHILD, OTHER), False),
    ((), False),
])  # fmt: skip
def test_a_rekeyed_child_sa_has_another_spi_and_the_old_one_is_not_in_use(children, done):
    assert renewed(BEFORE, report(replace(SA, children=children)), (), ike=False) is done


def test_a_product_that_shows_no_spis_is_taken_at_its_state():
    shy = report(replace(SA, initiator_spi=None))
    assert renewed(shy, shy, (), ike=True)
    assert not renewed(shy, report(replace(LEAVING, initiator_spi=None)), (), ike=True)
    assert not renewed(shy, report(shy.sas[0], replace(LEAVING, initiator_spi=None)), {"99"}, ike=True)


def test_an_ike_sa_that_would_not_go_before_does_not_hold_up_the_next_rekey():
    stuck = replace(LEAVING, initiator_spi="99")
    now = report(NEW, stuck)
    assert not renewed(report(SA, stuck), now, (), ike=True)
    assert not_standing(now) == {"99"}
    assert renewed(report(SA, stuck), now, not_standing(now), ike=True)


def test_what_shows_no_spi_is_never_taken_for_stuck():
    assert not_standing(report(SA, replace(LEAVING, initiator_spi=None))) == set()
