"""What a conforming peer may do otherwise, played as defects are: our engine in its place, its messages edited.

What leaves is authenticated as it leaves. None of it may cost the peer a word.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from defect_rows import AUTH, BLOCKS, HYBRID, INFORMATIONAL, INIT, INTERMEDIATE, SEVEN, each_selector, no_notify
from defective import Defect, Edit, beside, dropped

from harness.registry.messages import PayloadType, Protocol
from harness.registry.notifications import NotifyType
from harness.wire.payload import Payload
from harness.wire.payloads import IdentificationResponder, Notify
from harness.wire.payloads.opaque import Unknown, VendorId

NONE = "no requirement"
TWO = (HYBRID, BLOCKS)
SOURCE, DESTINATION = NotifyType.NAT_DETECTION_SOURCE_IP, NotifyType.NAT_DETECTION_DESTINATION_IP
OTHERS = Unknown(PayloadType(150), b"of a later document")
VENDOR, STATUS = VendorId(b"acme router 7"), Notify(NotifyType(40_000), b"of private use")


def may(name: str, exchange: Any, edit: Edit, scenarios: tuple[str, ...] = TWO) -> list[Defect]:
    return [
        Defect(f"{name}, {'response' if response else 'request'}", exchange, response, edit, NONE, scenarios)
        for response in (True, False)
    ]


def may_answer(name: str, exchange: Any, edit: Edit, scenarios: tuple[str, ...] = TWO) -> list[Defect]:
    return [Defect(f"{name}, response", exchange, True, edit, NONE, scenarios)]


def may_ask(name: str, exchange: Any, edit: Edit, scenarios: tuple[str, ...] = TWO) -> list[Defect]:
    return [Defect(f"{name}, request", exchange, False, edit, NONE, scenarios)]


def backwards(payloads: Sequence[Any]) -> Sequence[Payload]:
    return list(payloads)[::-1]


def in_front(*more: Payload) -> Edit:
    return lambda payloads: [*more, *payloads]


def source_twice(payloads: Sequence[Any]) -> Sequence[Payload]:
    """ "There MAY be multiple NAT_DETECTION_SOURCE_IP payloads in a message" (RFC 7296 section 2.23)."""
    return [*payloads, *(p for p in payloads if isinstance(p, Notify) and p.notify_type == SOURCE)]


ROWS: list[Defect] = [
    # IKE_SA_INIT (RFC 7296 sections 1.2, 2.5, 2.23, 3.10.1, 3.12).
    *may("a Vendor ID", INIT, beside(VENDOR)),
    *may("a Vendor ID in front", INIT, in_front(VENDOR)),
    *may("three Vendor IDs", INIT, beside(VENDOR, VendorId(b""), VENDOR)),
    *may("a status of private use", INIT, beside(STATUS)),
    *may("a payload of a later document", INIT, beside(OTHERS)),
    *may("its payloads the other way round", INIT, backwards),
    *may("no word of NAT traversal", INIT, no_notify(SOURCE, DESTINATION)),
    *may("NAT_DETECTION_SOURCE_IP twice", INIT, source_twice),
    *may("no fragmentation", INIT, no_notify(NotifyType.IKEV2_FRAGMENTATION_SUPPORTED), (BLOCKS,)),
    *may("IKE_INTERMEDIATE announced, and not needed", INIT, beside(
        Notify(NotifyType.INTERMEDIATE_EXCHANGE_SUPPORTED)), (BLOCKS,)),
    *may("SIGNATURE_HASH_ALGORITHMS", INIT, beside(Notify(NotifyType.SIGNATURE_HASH_ALGORITHMS, b"\0\2\0\3"))),
    *may("REDIRECT_SUPPORTED", INIT, beside(Notify(NotifyType.REDIRECT_SUPPORTED))),
    *may_answer("CHILDLESS_IKEV2_SUPPORTED", INIT, beside(Notify(NotifyType.CHILDLESS_IKEV2_SUPPORTED))),
    # IKE_INTERMEDIATE (RFC 9242 section 3.2, RFC 9370 section 2.2.2).
    *may("a Vendor ID beside KE", INTERMEDIATE, beside(VENDOR), (HYBRID, SEVEN)),
    *may("a status beside KE", INTERMEDIATE, beside(STATUS), (HYBRID, SEVEN)),
    *may("a payload of a later document", INTERMEDIATE, in_front(OTHERS), (HYBRID,)),
    # IKE_AUTH (RFC 7296 sections 1.2, 2.3, 2.4, 2.9, 3.13.1).
    *may("its payloads the other way round", AUTH, backwards),
    *may("a Vendor ID", AUTH, beside(VENDOR)),
    *may("INITIAL_CONTACT", AUTH, beside(Notify(NotifyType.INITIAL_CONTACT))),
    *may("SET_WINDOW_SIZE", AUTH, beside(Notify(NotifyType.SET_WINDOW_SIZE, b"\0\0\0\4"))),
    *may("MOBIKE_SUPPORTED", AUTH, beside(Notify(NotifyType.MOBIKE_SUPPORTED))),
    *may("a token for a crash", AUTH, beside(Notify(NotifyType.QUICK_CRASH_DETECTION, bytes(16), Protocol.IKE))),
    *may_ask("no wish for an identity", AUTH, dropped(IdentificationResponder)),
    *may_answer("selectors for one protocol", AUTH, each_selector(protocol=1)),
    *may_answer("ADDITIONAL_TS_POSSIBLE", AUTH, beside(Notify(NotifyType.ADDITIONAL_TS_POSSIBLE))),
    # INFORMATIONAL (section 1.4).
    *may("a Vendor ID", INFORMATIONAL, beside(VENDOR)),
    *may("a status", INFORMATIONAL, beside(STATUS)),
    *may("a payload of a later document", INFORMATIONAL, beside(OTHERS)),
]  # fmt: skip

PLAYED: list[tuple[Defect, str]] = [(row, scenario) for row in ROWS for scenario in row.scenarios]
