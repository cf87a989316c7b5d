from __future__ import annotations

from dataclasses import replace

import pytest
from case_builder import flipped, good
from pair_builder import good_pair

from harness.policy.role import Role
from harness.verify.judgement import ladder


@pytest.mark.parametrize("role", list(Role))
def test_a_step_for_each_message_in_its_direction(role):
    steps = [step for step in ladder(good(role=role).view) if step.label != "ESP"]
    assert [step.label for step in steps][:4] == [
        "IKE_SA_INIT request 0",
        "IKE_SA_INIT response 0",
        "IKE_INTERMEDIATE request 1",
        "IKE_INTERMEDIATE response 1",
    ]
    ours = "request" if role is Role.INITIATOR else "response"
    assert all((step.direction == ">") == (ours in step.label) for step in steps)


def test_steps_say_what_they_hold():
    steps = {step.label: step for step in ladder(good("fragmentation/mlkem1024-at-576").view)}
    request = steps["IKE_INTERMEDIATE request 1"]
    assert "4 fragments" in request.detail and "KE(" in request.detail
    assert steps["IKE_SA_INIT request 0"].at_ms == 0.0
    assert "Delete" in steps["INFORMATIONAL request 3"].detail or "DELETE" in steps["INFORMATIONAL request 3"].detail


def test_steps_come_in_the_order_of_their_times():
    steps = ladder(good().view)
    assert [step.at_ms for step in steps] == sorted(step.at_ms for step in steps)


def test_what_does_not_decrypt_says_so():
    case = good().with_secrets(shared_secrets=())
    steps = {step.label: step for step in ladder(case.view)}
    assert steps["IKE_AUTH request 2"].detail == "not decrypted"


def test_no_message_no_ladder():
    assert ladder(good().with_datagrams(()).view) == ()


def test_packets_of_one_direction_in_a_row_are_one_step():
    case = good()
    steps = [step for step in ladder(case.view) if step.label == "ESP"]
    assert [(step.direction, step.detail) for step in steps] == 5 * [(">", "1 packet"), ("<", "1 packet")]
    assert steps[0].octets == len(case.esp(from_engine=True)[0].payload)
    one_way = case.with_datagrams(d for d in case.datagrams if d not in case.esp(from_engine=False))
    (step,) = (step for step in ladder(one_way.view) if step.label == "ESP")
    first = case.esp(from_engine=True)[0]
    assert step.at_ms == round((first.at - case.datagrams[0].at) * 1000, 1)
    assert (step.detail, step.octets) == ("5 packets", sum(len(d.payload) for d in case.esp(from_engine=True)))


def test_times_count_from_the_first_datagram_in_tenths_of_milliseconds():
    case = good()
    first, second, *others = case.datagrams
    again = replace(first, at=first.at + 0.5)
    later = replace(second, at=first.at + 1.23456)
    late = case.with_datagrams((first, again, later, *(replace(d, at=d.at + 10) for d in others)))
    steps = {step.label: step for step in ladder(late.view)}
    assert steps["IKE_SA_INIT request 0"].at_ms == 0.0
    assert steps["IKE_SA_INIT request 0"].detail.endswith(", sent 2 times")
    assert steps["IKE_SA_INIT response 0"].at_ms == 1234.6


def test_of_two_products_the_initiator_stands_on_the_left():
    first, second, *_ = ladder(good_pair().view)
    assert (first.direction, second.direction) == (">", "<")
    assert second.label == "IKE_SA_INIT response 0"


def test_what_else_goes_over_the_ports_of_ike_is_shown():
    case = good()
    first = case.datagrams[0]
    broken, other = replace(first, payload=first.payload[:40]), replace(first, payload=flipped(first.payload))
    steps = ladder(case.with_datagrams((*case.datagrams, broken, other)).view)
    foreign = [(step.direction, step.detail, step.octets) for step in steps if step.label == "datagram"]
    assert foreign == [(">", "no IKE message", 40), (">", "of another IKE SA", len(first.payload))]
