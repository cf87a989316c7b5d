"""The words that all reports share."""

import pytest

from harness.report import words
from harness.results.model import Attempt, Finding, Outcome, PeerEntry, Pointer, Severity, Verdict


@pytest.mark.parametrize(
    ("implementation", "kernel", "said"),
    [
        ("userspace", "", "userspace ESP"),
        ("kernel", "own Linux 6.12.101", "kernel ESP, on its own Linux 6.12.101"),
        ("kernel", "the host's", "kernel ESP, the host's kernel"),
        ("", "", ""),
    ],
)
def test_where_esp_is_done_and_on_whose_kernel(implementation, kernel, said):
    assert words.esp(PeerEntry("p", "P", False, "1", "", implementation, (), kernel)) == said


def refused(*severities: Severity) -> Attempt:
    pointer = Pointer("wire.pcapng#4")
    said = ("refused-with", "K05", "SHOULD", "p", "INVALID_SYNTAX was answered", pointer)
    findings = tuple(Finding(*said, each) for each in severities)
    return Attempt(Verdict.PASS, Outcome.REFUSED, None, findings, (), "", 1, "")


def test_a_refusal_is_clean_where_nothing_is_said_against_it():
    """Not beside "AUTHENTICATION_FAILED is due, INVALID_SYNTAX was answered"."""
    assert words.outcome_sentence(refused()) == "no tunnel, refused cleanly"
    assert words.outcome_sentence(refused(Severity.NOTE)) == "no tunnel, refused cleanly"
    for against in (Severity.SHOULD, Severity.FAIL):
        assert words.outcome_sentence(refused(against)) == words.OUTCOMES[Outcome.REFUSED]
    assert "cleanly" not in words.OUTCOMES[Outcome.REFUSED]
    up = Attempt(Verdict.PASS, Outcome.HYBRID, None, (), (), "", 1, "")
    assert words.outcome_sentence(up) == words.OUTCOMES[Outcome.HYBRID]
