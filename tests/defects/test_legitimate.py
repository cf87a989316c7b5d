"""What a conforming peer may do is played as defects are, and costs it nothing."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest
from case_builder import PEER_NAME, Case, good
from esp_packets import reply, sealed
from extra_messages import behind, protected
from legitimate_rows import PLAYED
from misbehaving import esp, sends
from rekey_defect_rows import LEGITIMATE

from harness.evidence.model import CapturedDatagram
from harness.ike.protected import SecureChannel
from harness.policy.role import Role
from harness.results.model import Verdict


@pytest.fixture(params=list(Role), ids=[role.value for role in Role])
def role(request: pytest.FixtureRequest) -> Role:
    return request.param


@pytest.mark.parametrize(("row", "scenario"), PLAYED, ids=[f"{row.name}-{name}" for row, name in PLAYED])
def test_a_conforming_peer_passes(row, scenario):
    judged = row.play(scenario).judge()
    assert judged.findings == ()
    assert judged.verdict is Verdict.PASS, judged.reason


@pytest.mark.parametrize(
    ("row", "scenario"),
    [(row, scenario) for row in LEGITIMATE for scenario in row.scenarios],
    ids=[f"{row.name}-{scenario}" for row in LEGITIMATE for scenario in row.scenarios],
)
def test_a_peer_may_begin_a_new_sa(row, scenario):
    case = row.play(scenario)
    assert any(message.label.startswith("CREATE_CHILD_SA request") for message in case.view.messages)
    assert case.judge().findings == ()


def fragments_of_the_peer(case: Case) -> list[CapturedDatagram]:
    """Of its first message that comes in fragments."""
    fragmented = next(m for m in case.view.messages if m.fragmented and case.view.sender(m) == PEER_NAME)
    return [piece.datagram for piece in fragmented.pieces]


def the_other_way_round(case: Case) -> Case:
    pieces = fragments_of_the_peer(case)
    for place, content in zip(pieces, pieces[::-1], strict=True):
        case = case.changed(place, replace(place, payload=content.payload))
    return case


def one_twice(case: Case) -> Case:
    first = fragments_of_the_peer(case)[0]
    return case.changed(first, first, first)


def all_again(case: Case) -> Case:
    pieces = fragments_of_the_peer(case)
    return case.changed(pieces[-1], pieces[-1], *pieces)


def in_smaller_pieces(case: Case) -> Case:
    """Unanswered, the message is sent again in a larger set of smaller fragments (RFC 7383 section 2.5.2)."""
    pieces = fragments_of_the_peer(case)
    message = next(m for m in case.view.messages if m.pieces[0].datagram is pieces[0])
    chain, header = case.view.chain, message.pieces[0].message.header
    assert chain is not None and message.generation is not None
    sk_e, sk_a, _ = chain.generations[message.generation].of(initiator=message.from_initiator)
    again = SecureChannel(chain.protection, sk_e, sk_a).seal(header, message.payloads, os.urandom, 400).messages
    marker = pieces[-1].payload[: -len(message.pieces[-1].octets)]
    more = [replace(pieces[-1], payload=marker + each, ip_octets=(len(each) + 32,)) for each in again]
    return case.changed(pieces[-1], pieces[-1], *more)


@pytest.mark.parametrize("vary", [the_other_way_round, one_twice, all_again, in_smaller_pieces])
@pytest.mark.parametrize("scenario", ["multiple-ke/seven", "hybrid/x25519-mlkem1024", "fragmentation/mlkem1024-at-576"])
def test_fragments_in_any_order_again_and_in_larger_sets(role, scenario, vary):
    plain = good(scenario, role=role)
    case = vary(plain)
    assert case.evidence != plain.evidence
    judged = case.judge()
    assert judged.findings == ()
    assert judged.verdict is Verdict.PASS


def test_padding_for_traffic_flow_confidentiality(role):
    """Behind an IP packet, whose own length tells where it ends (RFC 4303 section 2.7)."""
    case = good("hybrid/x25519-mlkem768", role=role)
    for octets in (1, 200):
        last = case.esp(from_engine=False)[-1]
        padded = sealed(case, reply(5) + bytes(octets), last, by_engine=False)
        assert padded.judge().findings == ()


def test_a_number_of_a_packet_that_never_left(role):
    """It was dropped once it had its number, as where a queue is full."""
    row = esp("a number is left out", sends(lambda p: p.sealed(sequence=p.number + 7 * (p.number > 2))), "", ())
    case = next(each for each in row if each.role is role).play("hybrid/x25519-mlkem768")
    assert case.judge().findings == ()


def test_a_liveness_check_of_its_own_at_the_end(role):
    """Nobody is left to answer it."""
    case = good("hybrid/x25519-mlkem768", role=role)
    if role is Role.INITIATOR:  # as initiator it has deleted the IKE SA itself, and asks nothing any more
        asked = behind(case, protected(case, (), by_engine=False, message_id=0), by_engine=False)
        assert asked.judge().findings == ()
