from __future__ import annotations

import pytest
from case_builder import good

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
