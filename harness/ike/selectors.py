"""Narrowing of traffic selectors (RFC 7296 section 2.9)."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

from harness.registry.identities import TrafficSelectorType
from harness.wire.payloads.traffic_selector import OpaqueSelector, TrafficSelector

ANY_PORT, OPAQUE_PORT = (0, 65535), (65535, 0)


def network_selector(network: str) -> TrafficSelector:
    """The selector of a whole IP network, any protocol, any port: ``10.1.2.0/24``, ``fd00::1/128``.

    Raises:
        ValueError: not an IP network.
    """
    parsed = ipaddress.ip_network(network)
    v4 = isinstance(parsed, ipaddress.IPv4Network)
    kind = TrafficSelectorType.TS_IPV4_ADDR_RANGE if v4 else TrafficSelectorType.TS_IPV6_ADDR_RANGE
    return TrafficSelector(kind, 0, *ANY_PORT, parsed[0].packed, parsed[-1].packed)


def narrow(
    offered: Sequence[TrafficSelector | OpaqueSelector], allowed: Sequence[TrafficSelector]
) -> tuple[TrafficSelector, ...]:
    """The parts of the offered selectors that the policy allows, in the order of the offer; empty for none."""
    pairs = [(theirs, ours) for theirs in offered if isinstance(theirs, TrafficSelector) for ours in allowed]
    cut = [_intersection(theirs, ours) for theirs, ours in pairs]
    return tuple(dict.fromkeys(selector for selector in cut if selector is not None))


def _intersection(a: TrafficSelector, b: TrafficSelector) -> TrafficSelector | None:
    if a.ts_type != b.ts_type or (a.protocol and b.protocol and a.protocol != b.protocol):
        return None
    ports, start, end = _common_ports(a, b), max(a.start, b.start), min(a.end, b.end)
    if ports is None or start > end:
        return None
    return TrafficSelector(a.ts_type, a.protocol or b.protocol, *ports, start, end)


def _common_ports(a: TrafficSelector, b: TrafficSelector) -> tuple[int, int] | None:
    """OPAQUE, for what has no ports to see, is within ANY and within no other range (section 3.13.1)."""
    pair = (a.start_port, a.end_port), (b.start_port, b.end_port)
    if OPAQUE_PORT in pair:
        return OPAQUE_PORT if set(pair) <= {OPAQUE_PORT, ANY_PORT} else None
    start, end = max(a.start_port, b.start_port), min(a.end_port, b.end_port)
    return (start, end) if start <= end else None


def in_their_form(selectors: Sequence[TrafficSelector | OpaqueSelector]) -> bool:
    """Whether each goes from its smallest to its largest, and has ports only with a protocol (section 3.13.1).

    OPAQUE ports are the exception: 65535 to 0.
    """
    ours = [each for each in selectors if isinstance(each, TrafficSelector)]
    return all(
        each.start <= each.end
        and (
            (each.start_port, each.end_port) in (ANY_PORT, OPAQUE_PORT)
            or (each.protocol != 0 and each.start_port <= each.end_port)
        )
        for each in ours
    )
