"""Every check by the name that scenarios use."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from harness.verify.checks import (
    authentication,
    child_sa,
    deviation,
    errors,
    fragmentation,
    hygiene,
    key_agreement,
    lifecycle,
    negotiation,
    peer_report,
    tables,
    traffic,
    wire_format,
)
from harness.verify.result import Check

CHECKS: Mapping[str, Check] = MappingProxyType(
    {
        "negotiated-as-predicted": negotiation.negotiated_as_predicted,
        "answer-is-a-subset-of-the-offer": negotiation.answer_is_a_subset_of_the_offer,
        "retry-repeats-the-offer": negotiation.retry_repeats_the_offer,
        "no-intermediate-exchange": negotiation.no_intermediate_exchange,
        "authenticated": authentication.authenticated,
        "keys-depend-on-every-exchange": key_agreement.keys_depend_on_every_exchange,
        "key-exchange-sizes": key_agreement.key_exchange_sizes,
        "fragments-within": fragmentation.fragments_within,
        "refused-with": errors.refused_with,
        "cookie-returned-first": errors.cookie_returned_first,
        "deviation-refused": deviation.deviation_refused,
        "keys-differ": deviation.keys_differ,
        "esp-both-ways": traffic.esp_both_ways,
        "esp-mode": child_sa.esp_mode,
        "esp-without-udp": child_sa.esp_without_udp,
        "extended-sequence-numbers": child_sa.extended_sequence_numbers,
        "liveness-answered": lifecycle.liveness_answered,
        "deleted-on-both-sides": lifecycle.deleted_on_both_sides,
        "peer-agrees": peer_report.peer_agrees,
        "canonical-wire-format": wire_format.canonical_wire_format,
        "message-ids-in-sequence": wire_format.message_ids_in_sequence,
        "retransmissions-identical": wire_format.retransmissions_identical,
        "decryption-tables": tables.decryption_tables,
        "nothing-left-behind": hygiene.nothing_left_behind,
        "no-fault-in-the-log": hygiene.no_fault_in_the_log,
    }
)

USUAL: Mapping[str, str] = MappingProxyType(
    {
        "negotiated-as-predicted": "B06",
        "answer-is-a-subset-of-the-offer": "B06",
        "retry-repeats-the-offer": "B01",
        "no-intermediate-exchange": "A03",
        "authenticated": "K03",
        "keys-depend-on-every-exchange": "K01",
        "key-exchange-sizes": "K04",
        "cookie-returned-first": "B09",
        "esp-both-ways": "E01",
        "esp-mode": "B45",
        "esp-without-udp": "B46",
        "extended-sequence-numbers": "E03",
        "liveness-answered": "B30",
        "deleted-on-both-sides": "B29",
        "canonical-wire-format": "B15",
        "message-ids-in-sequence": "B22",
        "retransmissions-identical": "B18",
    }
)
"""The MUST that a failing check speaks for when its scenario is filed under something weaker, a MAY for example."""

ALWAYS: Mapping[str, str] = MappingProxyType(
    {
        "canonical-wire-format": "B15",
        "message-ids-in-sequence": "B22",
        "retransmissions-identical": "B18",
        "decryption-tables": "",
        "nothing-left-behind": "H01",
        "no-fault-in-the-log": "H02",
    }
)
"""Checks that every case undergoes, with the requirement each speaks for."""

WHEN_UP: Mapping[str, str] = MappingProxyType(
    {
        "negotiated-as-predicted": "B06",
        "answer-is-a-subset-of-the-offer": "B06",
        "authenticated": "I08",
        "keys-depend-on-every-exchange": "A06",
        "key-exchange-sizes": "K04",
        "peer-agrees": "",
    }
)
"""Checks that every case undergoes whose IKE SA was to come up, whether its scenario names them or not."""
