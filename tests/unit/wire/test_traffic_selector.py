"""TSi and TSr payloads, selectors of types that this codec does not know included."""

from __future__ import annotations

import pytest

from harness.registry.identities import TrafficSelectorType
from harness.wire.payloads import TrafficSelectorsInitiator, TrafficSelectorsResponder
from harness.wire.payloads.traffic_selector import OpaqueSelector, TrafficSelector

V4, V6 = TrafficSelectorType.TS_IPV4_ADDR_RANGE, TrafficSelectorType.TS_IPV6_ADDR_RANGE
FIRST, LAST = bytes(16), b"\xff" * 16


@pytest.mark.parametrize("kind", [TrafficSelectorsInitiator, TrafficSelectorsResponder])
def test_ipv4_ipv6_and_a_security_label(kind: type[TrafficSelectorsInitiator]) -> None:
    octets = bytes.fromhex(
        "03 0a0b0c"  # three selectors, RESERVED as it came
        "07 11 0010 0035 0035 0a000000 0a0000ff"  # UDP port 53 of 10.0.0.0/24
        "08 00 0028 0000 ffff 00000000000000000000000000000000 ffffffffffffffffffffffffffffffff"
        "0a ee 0006 abcd"  # TS_SECLABEL of RFC 9478
    )
    selectors = (
        TrafficSelector(V4, 17, 53, 53, bytes((10, 0, 0, 0)), bytes((10, 0, 0, 255))),
        TrafficSelector(V6, 0, 0, 65535, FIRST, LAST),
        OpaqueSelector(TrafficSelectorType.TS_SECLABEL, 0xEE, b"\xab\xcd"),
    )
    assert kind.parse(octets) == kind(selectors, b"\x0a\x0b\x0c")
    assert kind(selectors, b"\x0a\x0b\x0c").body() == octets


def test_an_unknown_type_without_content_survives() -> None:
    octets = bytes.fromhex("01 000000 c8 00 0004")
    payload = TrafficSelectorsInitiator.parse(octets)
    assert payload.selectors == (OpaqueSelector(TrafficSelectorType(200), 0, b""),)
    assert payload.body() == octets


def test_initiator_and_responder_differ_in_type_alone() -> None:
    assert (TrafficSelectorsInitiator(()).type, TrafficSelectorsResponder(()).type) == (44, 45)
    assert TrafficSelectorsInitiator(()).body() == TrafficSelectorsResponder(()).body() == bytes(4)
