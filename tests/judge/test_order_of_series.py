"""IKE_FOLLOWUP_KE requests and the responses that they follow (RFC 9370 section 2.2.4)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from lines import messages
from pair_builder import good_pair

from harness.verify.checks.order import _before_its_word


def told(*lines: str) -> list[str]:
    """The requests that come too early."""
    view = replace(good_pair("pairs/hybrid").view, messages=tuple(sorted(messages(*lines), key=lambda m: m.frame)))
    return [each.sentence.partition(" comes")[0] for each in _before_its_word(view)]


CREATED = ["i CREATE 2", "r CREATE 2 <"]


@pytest.mark.parametrize(
    ("lines", "early"),
    [
        ([*CREATED, "i FOLLOWUP 3", "r FOLLOWUP 3 <", "i FOLLOWUP 4", "r FOLLOWUP 4 <"], []),
        (["i CREATE 2", "i FOLLOWUP 3", "r CREATE 2 <", "r FOLLOWUP 3 <"], ["IKE_FOLLOWUP_KE request 3"]),
        (["i CREATE 2", "i FOLLOWUP 3 clear", "r CREATE 2 <"], []),
        (["i CREATE 2 clear", "i FOLLOWUP 3", "r CREATE 2 <"], []),
        (["i CREATE 2", "i FOLLOWUP 3"], []),  # the response is not in the capture
        (["i CREATE 2", "i FOLLOWUP 3", "r CREATE 2"], []),  # nor is this one: a request of the other side
        ([*CREATED, "i FOLLOWUP 3", "i FOLLOWUP 4", "r FOLLOWUP 3 <"], ["IKE_FOLLOWUP_KE request 4"]),
        # Two series at once: each response has the word for one request.
        ([*CREATED, "i CREATE 3", "i FOLLOWUP 4", "r CREATE 3 <"], []),
        ([*CREATED, "i CREATE 3", "i FOLLOWUP 4", "i FOLLOWUP 5", "r CREATE 3 <"], ["IKE_FOLLOWUP_KE request 5"]),
        ([*CREATED, "i CREATE 3", "r CREATE 3 <", "i FOLLOWUP 4", "i FOLLOWUP 5", "r FOLLOWUP 4 <"], []),
        # Each side has series of its own.
        (["i CREATE 2", "r CREATE 0", "i CREATE 0 <", "r FOLLOWUP 1", "r CREATE 2 <"], []),
        (["i CREATE 0", "r CREATE 0", "r CREATE 0 <", "r FOLLOWUP 1", "i CREATE 0 <"], ["IKE_FOLLOWUP_KE request 1"]),
        (["i INFO 2", "i CREATE 3", "r CREATE 3 <", "i FOLLOWUP 4", "r INFO 2 <", "r FOLLOWUP 4 <"], []),
    ],
)
def test_a_request_follows_the_response_that_asks_for_it(lines, early):
    assert told(*lines) == early
