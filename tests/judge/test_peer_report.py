from __future__ import annotations

from dataclasses import replace

import pytest
from case_builder import Case, good
from judging import objects, passes

from harness.evidence.peer_report import PeerReport
from harness.results.model import Verdict
from harness.verify.checks.peer_report import left_of

CBC = "classical/modp3072"
AT = {"party": "", "at": "peer/sas.json", "severity": "inconclusive"}


@pytest.mark.parametrize("scenario", [CBC, "hybrid/x25519-mlkem768", "multiple-ke/seven"])
def test_a_peer_that_says_what_the_wire_says(role, scenario):
    passes(good(scenario, role=role), "peer-agrees")


@pytest.mark.parametrize(
    ("field", "value", "saying"),
    [
        ("initiator_spi", "00" * 8, "no IKE SA with SPIs"),
        ("responder_spi", "00" * 8, "no IKE SA with SPIs"),
        ("encr", "aes-128-gcm-16", "ENCR: the peer reports aes-128-gcm-16"),
        ("integ", "hmac-sha1-96", "INTEG: the peer reports hmac-sha1-96"),
        ("prf", "hmac-sha1", "PRF: the peer reports hmac-sha1"),
        ("ke", "ecp256", "KE: the peer reports ecp256"),
        ("additional_ke", (), "ADDKE: the peer reports ()"),
        ("additional_ke", ("ml-kem-1024",), "ADDKE: the peer reports"),
        ("state", "CONNECTING", "state: the peer reports CONNECTING"),
    ],
)
def test_an_ike_sa_other_than_on_the_wire(role, field, value, saying):
    case = good(role=role).with_peer_sa(**{field: value})
    objects(case, "peer-agrees", saying, **AT)
    assert case.judge().verdict is Verdict.INCONCLUSIVE


def test_a_peer_that_plays_the_other_role(role):
    sa = good(role=role).evidence.peer_report.sas[0]
    case = good(role=role).with_peer_sa(initiator=not sa.initiator)
    objects(case, "peer-agrees", "being the initiator", **AT)


@pytest.mark.parametrize(
    ("field", "value", "saying"),
    [
        ("spi_in", "00000001", "no Child SA with SPI"),
        ("spi_out", "00000001", "no Child SA with SPI"),
        ("encr", "aes-128-cbc", "ESP ENCR: the peer reports aes-128-cbc, the wire says aes-256-cbc"),
        ("esn", True, "ESP ESN: the peer reports True"),
        ("state", "DELETING", "ESP state: the peer reports DELETING"),
        ("udp_encapsulated", False, "the peer reports ESP right above IP, and sends none so"),
    ],
)
def test_a_child_sa_other_than_on_the_wire(role, field, value, saying):
    objects(good(CBC, role=role).with_peer_child(**{field: value}), "peer-agrees", saying, **AT)


def test_a_peer_that_reports_nothing(role):
    case = good(role=role)
    none = case.with_evidence(peer_report=case.evidence.peer_report_after)
    objects(none, "peer-agrees", "no IKE SA with SPIs", **AT)
    objects(case.with_peer_sa(children=()), "peer-agrees", "no Child SA with SPI", **AT)


def test_a_peer_that_has_no_status_interface(role):
    """What it cannot tell is no difference; whoever says that it can, and tells nothing, still differs."""
    case = good(role=role)
    passes(case.with_evidence(peer_report=PeerReport("1", (), "", silent=True)), "peer-agrees")
    objects(case.with_evidence(peer_report=PeerReport("1", (), "")), "peer-agrees", "no IKE SA with SPIs", **AT)


def test_without_the_report_nothing_is_concluded(role):
    case = good(role=role).with_evidence(peer_report=None)
    objects(case, "peer-agrees", "is missing", party="", at="peer/sas.json", severity="inconclusive")


def test_of_two_ike_sas_that_it_reports_with_these_spis_the_first_counts(role):
    case = good(role=role)
    report = case.evidence.peer_report
    other = replace(report.sas[0], encr="aes-128-cbc", children=())
    passes(case.with_evidence(peer_report=replace(report, sas=(*report.sas, other))), "peer-agrees")


def test_what_is_left_of_an_ike_sa(role):
    """One that never came up may be given up only later; of one without SPIs nobody knows whose it is."""
    case = good("hybrid/x25519-mlkem768", role=role)
    refused = case.without("IKE_AUTH response 2")
    report = case.evidence.peer_report
    standing = report.sas[0]
    nameless = replace(standing, initiator_spi=None, responder_spi=None)
    going, unnamed = (replace(each, state="DELETING") for each in (standing, nameless))
    after = replace(report, sas=(standing, nameless, going, unnamed, replace(standing, initiator_spi="0" * 15 + "1")))
    assert left_of(case.view, after) == [standing, nameless, going]
    assert left_of(refused.view, after) == [standing, nameless]


def test_only_what_the_peer_sends_itself_tells_how_it_sends_esp(role):
    """Each side chooses for what it sends (RFC 7296 section 2.23)."""
    passes(above_ip(good(role=role), from_engine=True), "peer-agrees")
    theirs = above_ip(good(role=role), from_engine=False)
    objects(theirs, "peer-agrees", "the peer reports ESP inside UDP, and sends none so", **AT)
    passes(theirs.with_peer_child(udp_encapsulated=False), "peer-agrees")
    passes(theirs.with_peer_child(udp_encapsulated=None), "peer-agrees")


def above_ip(case: Case, *, from_engine: bool) -> Case:
    """The ESP of one side goes without UDP."""
    for packet in case.esp(from_engine=from_engine):
        bare = replace(packet, source=(packet.source[0], 0), destination=(packet.destination[0], 0))
        case = case.changed(packet, bare)
    return case
