"""What the ladder calls the payloads."""

from __future__ import annotations

from harness.ike.machine import payload_names
from harness.registry.messages import PayloadType
from harness.registry.notifications import NotifyType
from harness.wire.payloads import Notify, Unknown, VendorId


def test_a_payload_and_a_notification_of_the_same_number_have_their_own_names() -> None:
    payloads = (VendorId(b""), Notify(NotifyType(43)), Notify(NotifyType(40000)), Unknown(PayloadType(200), b""))
    expected = ("VENDOR_ID", "N(TEMPORARY_FAILURE)", "N(UNASSIGNED_40000)", "UNASSIGNED_200")
    assert payload_names(payloads) == expected
    assert payload_names(payloads[::-1]) == expected[::-1]
