"""The checks of two products. Nobody has their keys: what they show is on the wire in clear, or both sides say it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from harness.verify.pair import agreement, arrival, certificates, exchanges, hygiene, offer, record, traffic
from harness.verify.pair.view import PairView
from harness.verify.result import Arguments, Checked

PairCheck = Callable[[PairView, Arguments], Checked]

RECORD = "pair-offered-as-published"
"""The check of our own record of a policy. Where it objects, what was predicted from the record proves nothing."""

AGREED = "pair-agreed-as-published"
"""The check of our records by what came of them. Where it objects, other defaults would explain what was seen."""

CAME_UP, NEGOTIATED = "pair-came-up-as-predicted", "pair-negotiated-as-predicted"

PAIR_CHECKS: Mapping[str, PairCheck] = MappingProxyType(
    {
        RECORD: offer.offered_as_published,
        AGREED: record.agreed_as_published,
        CAME_UP: arrival.came_up_as_predicted,
        NEGOTIATED: agreement.negotiated_as_predicted,
        "pair-esp-as-predicted": agreement.esp_as_predicted,
        "pair-sides-agree": agreement.sides_agree,
        "pair-exchanges-as-predicted": exchanges.exchanges_as_predicted,
        "pair-key-exchange-sizes": exchanges.key_exchange_sizes,
        "pair-esp-both-ways": traffic.esp_both_ways,
        "pair-nothing-in-clear": traffic.nothing_in_clear,
        "pair-ip-version": traffic.ip_version_as_asked,
        "pair-refused-with-no-proposal-chosen": offer.refused_with_no_proposal_chosen,
        "pair-room-for-certificates": certificates.room_for_certificates,
        "pair-rekeyed": exchanges.rekeyed,
        "pair-requests-answered": exchanges.requests_answered,
        "pair-deleted-on-both-sides": exchanges.deleted_on_both_sides,
        "pair-nothing-left-behind": hygiene.nothing_left_behind,
        "pair-no-fault-in-the-log": hygiene.no_fault_in_the_log,
    }
)

PREDICTED = frozenset({CAME_UP, NEGOTIATED, "pair-esp-as-predicted", "pair-refused-with-no-proposal-chosen"})
"""Checks that compare with the prediction, and so accuse nobody of what a wrong record behind it would explain."""

_ALWAYS = {"pair-nothing-left-behind": "H01", "pair-no-fault-in-the-log": "H02"}

WHEN_UP: Mapping[str, str] = MappingProxyType(
    {
        NEGOTIATED: "B06",
        "pair-esp-as-predicted": "B06",
        "pair-sides-agree": "B06",
        "pair-exchanges-as-predicted": "A06",
        "pair-key-exchange-sizes": "K04",
        "pair-esp-both-ways": "E01",
        "pair-nothing-in-clear": "E01",
        "pair-requests-answered": "B30",
        "pair-deleted-on-both-sides": "B29",
        **_ALWAYS,
    }
)
"""Checks that every pair undergoes whose tunnel was to come up, with the requirement that each speaks for."""

REFUSED: Mapping[str, str] = MappingProxyType(
    {"pair-refused-with-no-proposal-chosen": "B08", "pair-nothing-in-clear": "E01", **_ALWAYS}
)
"""Checks that a pair undergoes whose tunnel was not to come up."""
