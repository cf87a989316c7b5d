"""Which status reports are of another case, by the SPIs that they tell."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from case_builder import good

from harness.evidence.peer_report import PeerReport
from harness.verify.checks.reported_spis import is_of_another
from harness.verify.view import View

HYBRID = "hybrid/x25519-mlkem768"
FOREIGN = "0123456789abcdef"
CHILD = {"spi_in": "01234567", "spi_out": "89abcdef"}


def seen(role: Any) -> View:
    return good(HYBRID, role=role).view


def report(view: View, child: dict[str, Any] | None = None, **sa: Any) -> PeerReport:
    """The peer's, which tells no SPI but those that are given."""
    assert view.evidence.peer_report is not None
    told = view.evidence.peer_report
    (one,) = told.sas
    children = tuple(replace(each, **({"spi_in": "", "spi_out": ""} | (child or {}))) for each in one.children)
    blank = replace(one, initiator_spi=None, responder_spi=None, children=children)
    return replace(told, sas=(replace(blank, **sa),))


def own(view: View) -> tuple[str, str]:
    return view.secrets.initiator_spi.hex(), view.secrets.responder_spi.hex()


def test_one_spi_that_is_on_the_wire_is_enough(role):
    view = seen(role)
    initiator, responder = own(view)
    assert not is_of_another(view, report(view, initiator_spi=initiator.upper()))
    assert not is_of_another(view, report(view, responder_spi=responder))
    assert not is_of_another(view, report(view, initiator_spi=FOREIGN, responder_spi=responder))
    assert is_of_another(view, report(view, initiator_spi=FOREIGN))
    assert is_of_another(view, report(view, CHILD, initiator_spi=FOREIGN))
    esp = view.evidence.peer_report.sas[0].children[0].spi_in
    assert not is_of_another(view, report(view, {"spi_in": esp}, initiator_spi=FOREIGN))


def test_who_tells_no_spi_tells_of_no_other_case(role):
    view = seen(role)
    assert not is_of_another(view, report(view))


def test_an_sa_that_does_not_stand_may_be_anybodys(role):
    view = seen(role)
    assert not is_of_another(view, report(view, initiator_spi=FOREIGN, state="CONNECTING"))


def test_without_an_esp_packet_a_childs_spis_tell_nothing(role):
    view = seen(role)
    silent = replace(view, wire=replace(view.wire, datagrams=()))
    assert view.esp and not silent.esp
    assert is_of_another(view, report(view, CHILD))
    assert not is_of_another(silent, report(silent, CHILD))


def test_the_spis_that_ike_auth_agreed_on_are_the_cases_be_there_packets_of_others_alone(role):
    view = seen(role)
    other = replace(view.esp[0], payload=b"\xff" * 4 + view.esp[0].payload[4:])
    strange = replace(view, wire=replace(view.wire, datagrams=(other,)))
    spi = view.evidence.peer_report.sas[0].children[0].spi_in
    assert not is_of_another(strange, report(strange, {"spi_in": spi}))
    assert is_of_another(strange, report(strange, CHILD))


def test_another_ike_sa_on_the_wire_is_of_this_case_too(role):
    view = seen(role)
    pieces = tuple(piece for message in view.messages for piece in message.pieces)
    beside = replace(view, messages=(), strangers=pieces)
    assert not is_of_another(beside, report(beside, initiator_spi=own(view)[0]))
    assert is_of_another(replace(beside, strangers=()), report(beside, initiator_spi=own(view)[0]))
