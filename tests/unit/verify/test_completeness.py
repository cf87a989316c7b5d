from __future__ import annotations

import pytest
from case_builder import good

from harness.evidence.model import TraceEntry
from harness.policy.role import Role
from harness.verify.checks.witnesses import not_captured

SCENARIOS = ["fragmentation/mlkem1024-at-576", "denial-of-service/cookie", "lifecycle/liveness-and-delete"]


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_whole_capture_lacks_nothing(scenario, role):
    assert not_captured(good(scenario, role=role).view) == ""


def test_each_message_is_missed():
    case = good()
    for message in case.view.messages:
        assert not_captured(case.without(message.label).view) == (
            f"wire.pcapng lacks the {message.label} that trace.jsonl tells of"
        )


def test_what_our_engine_ignored_is_not_asked_for():
    case = good()
    ignored = TraceEntry(1.0, "Ignored", {"reason": "malformed"})
    assert case.evidence.trace is not None
    assert not_captured(case.with_evidence(trace=(*case.evidence.trace, ignored)).view) == ""
