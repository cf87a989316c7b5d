"""Narrowing of traffic selectors (RFC 7296 section 2.9)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.ike.selectors import in_their_form, narrow, network_selector
from harness.registry.identities import TrafficSelectorType
from harness.wire.payloads.traffic_selector import OpaqueSelector

WIDE, NARROW, OTHER = map(network_selector, ("10.0.0.0/8", "10.1.0.0/16", "192.168.0.0/16"))
V6 = network_selector("fd00::/64")


def test_a_network_is_a_range_of_addresses() -> None:
    assert (WIDE.start, WIDE.end) == (bytes((10, 0, 0, 0)), bytes((10, 255, 255, 255)))
    assert (WIDE.protocol, WIDE.start_port, WIDE.end_port) == (0, 0, 65535)
    assert (V6.ts_type, len(V6.start)) == (TrafficSelectorType.TS_IPV6_ADDR_RANGE, 16)
    with pytest.raises(ValueError, match="does not appear"):
        network_selector("nowhere")


@pytest.mark.parametrize(
    ("offered", "allowed", "expected"),
    [
        ((WIDE,), (NARROW,), (NARROW,)),
        ((NARROW,), (WIDE,), (NARROW,)),
        ((WIDE,), (OTHER,), ()),
        ((WIDE,), (V6,), ()),
        ((V6, WIDE), (WIDE, V6), (V6, WIDE)),  # in the order of the offer
        ((WIDE, NARROW), (NARROW,), (NARROW,)),  # once
        ((), (WIDE,), ()),
        ((OpaqueSelector(TrafficSelectorType.TS_SECLABEL, 0, b"label"), WIDE), (WIDE,), (WIDE,)),
    ],
)
def test_what_both_sides_allow_remains(offered, allowed, expected) -> None:  # type: ignore[no-untyped-def]
    assert narrow(offered, allowed) == expected


def test_protocol_and_ports_are_narrowed_too() -> None:
    dns = replace(WIDE, protocol=17, start_port=53, end_port=53)
    low = replace(WIDE, start_port=0, end_port=1023)
    assert narrow((dns,), (low,)) == narrow((low,), (dns,)) == (dns,)
    assert narrow((dns,), (replace(WIDE, protocol=6),)) == ()
    assert narrow((dns,), (replace(WIDE, start_port=1024),)) == ()


def test_what_has_no_ports_to_see_is_within_any_and_in_no_other_range() -> None:
    hidden = replace(WIDE, protocol=1, start_port=65535, end_port=0)
    assert narrow((hidden,), (WIDE,)) == narrow((WIDE,), (hidden,)) == narrow((hidden,), (hidden,)) == (hidden,)
    for ports in ((0, 65534), (1, 65535), (80, 80)):
        some = replace(WIDE, protocol=1, start_port=ports[0], end_port=ports[1])
        assert narrow((hidden,), (some,)) == narrow((some,), (hidden,)) == ()


ANY = network_selector("10.0.0.0/8")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, True),
        ({"protocol": 6, "start_port": 80, "end_port": 90}, True),
        ({"protocol": 6, "start_port": 80, "end_port": 80}, True),
        ({"start_port": 65535, "end_port": 0}, True),  # OPAQUE
        ({"start_port": 80, "end_port": 80}, False),
        ({"protocol": 6, "start_port": 90, "end_port": 80}, False),
        ({"start": ANY.end, "end": ANY.start}, False),
    ],
)
def test_the_form_of_a_selector(changes, expected):
    assert in_their_form([ANY, replace(ANY, **changes)]) is expected
    assert in_their_form([OpaqueSelector(TrafficSelectorType(10), 0, b"label")])
