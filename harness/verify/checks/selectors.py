"""Traffic selectors: their form, and that an answer is never wider than its offer (RFC 7296 sections 2.9, 3.13)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from ipaddress import ip_address

from harness.registry.identities import TrafficSelectorType
from harness.registry.messages import ExchangeType, Protocol
from harness.verify.check import Arguments, Checked, Due, Objection, engine_check
from harness.verify.view import View
from harness.verify.wire import SeenMessage, accepts, of
from harness.wire.payloads import TrafficSelectorsInitiator, TrafficSelectorsResponder
from harness.wire.payloads.traffic_selector import OpaqueSelector, TrafficSelector

Selectors = Sequence[TrafficSelector | OpaqueSelector]
Range = tuple[int, int]  # both ends belong to it
Box = tuple[Range, Range, Range]  # protocols, ports, addresses

_BOTH = (TrafficSelectorsInitiator, TrafficSelectorsResponder)
_CREATING = (ExchangeType.IKE_AUTH, ExchangeType.CREATE_CHILD_SA)
_ANY_PORT, _OPAQUE_PORT = (0, 65535), (65535, 0)
_OPAQUE = 65536  # as if it were a port of its own: ANY has it, no other range does (RFC 7296 section 3.13.1)
_MOST_PIECES = 4096  # what is left over of one selector; a hostile offer could ask for more


@engine_check("selectors-within-the-offer", due=Due.ALWAYS, requirement="B50")
def selectors_within_the_offer(view: View, _arguments: Arguments) -> Checked:
    """TSi and TSr of an answer are a subset of those offered, and every selector has its form (B50, B51).

    Narrowed is never widened: by type, protocol, ports and addresses. What several offered selectors hold together is
    offered, too. A selector of a type that nobody knows comes back as it was, or not at all.
    """
    objections: list[Objection] = []
    count = 0
    for message in (m for m in view.messages if m.exchange in _CREATING and m.opened and _of_a_child(m)):
        for kind in _BOTH:
            selectors = selectors_of(message, kind)
            count += len(selectors)
            faults = [*_form(kind, selectors), *(_wider(view, message, kind, selectors) if message.response else ())]
            for requirement, sentence in faults:
                words = f"{message.label}: {sentence}"
                objections.append(Objection(view.sender(message), words, message.pointer, requirement))
    return Checked(f"{count} traffic selectors, those of answers within their offers", tuple(objections))


def _of_a_child(message: SeenMessage) -> bool:
    """Whether a message is about a Child SA: the rekey of an IKE SA has no selectors (RFC 7296 section 1.3.2)."""
    return any(proposal.protocol != Protocol.IKE for sa in accepts(message) for proposal in sa.proposals)


def selectors_of(message: SeenMessage, kind: type[TrafficSelectorsInitiator | TrafficSelectorsResponder]) -> Selectors:
    """Those of all payloads of a kind in a message."""
    return [selector for payload in of(message, kind) for selector in payload.selectors]


def _form(
    kind: type[TrafficSelectorsInitiator | TrafficSelectorsResponder], selectors: Selectors
) -> Iterable[tuple[str, str]]:
    name = _name(kind)
    if not selectors:
        yield "B50", f"it has an SA payload and no selector in {name}"
    for each in selectors:
        if isinstance(each, OpaqueSelector):
            continue
        ports = each.start_port, each.end_port
        if each.start > each.end:
            yield "B51", f"a selector of {name} ends before it begins"
        if ports != _OPAQUE_PORT and each.start_port > each.end_port:
            yield "B51", f"a selector of {name} has the ports {each.start_port} to {each.end_port}"
        elif not each.protocol and ports not in (_ANY_PORT, _OPAQUE_PORT):
            yield "B51", f"a selector of {name} has no protocol, and the ports {each.start_port} to {each.end_port}"


def _wider(
    view: View,
    answer: SeenMessage,
    kind: type[TrafficSelectorsInitiator | TrafficSelectorsResponder],
    selectors: Selectors,
) -> Iterable[tuple[str, str]]:
    requests = [
        message
        for message in view.find(answer.exchange, response=False, initiator=not answer.from_initiator)
        if message.frame < answer.frame and of(message, kind)
    ]
    if not requests:
        return
    offered = selectors_of(requests[-1], kind)
    for each in selectors:
        if not within(each, offered):
            yield "B50", f"{_name(kind)} holds {_words(each)}, which is not within the offer"


def within(one: TrafficSelector | OpaqueSelector, offered: Selectors) -> bool:
    """Whether all that a selector lets through is let through by the offered ones together."""
    if isinstance(one, OpaqueSelector):
        return one in offered
    rest = [_box(one)]
    for each in offered:
        if isinstance(each, TrafficSelector) and each.ts_type == one.ts_type:
            rest = [piece for box in rest for piece in _without(box, _box(each))]
            if len(rest) > _MOST_PIECES:
                return True  # nobody can tell
    return not rest


def network_of(host: str) -> TrafficSelector:
    """All that goes to or from one host: any protocol, any port. Raises ValueError for what is no IP address."""
    address = ip_address(host)
    kind = TrafficSelectorType.TS_IPV4_ADDR_RANGE if address.version == 4 else TrafficSelectorType.TS_IPV6_ADDR_RANGE
    return TrafficSelector(kind, 0, *_ANY_PORT, address.packed, address.packed)


def _box(one: TrafficSelector) -> Box:
    ports = one.start_port, one.end_port
    if ports == _OPAQUE_PORT:
        ports = _OPAQUE, _OPAQUE
    elif ports == _ANY_PORT:
        ports = 0, _OPAQUE
    protocols = (one.protocol, one.protocol) if one.protocol else (0, 255)
    return protocols, ports, (int.from_bytes(one.start), int.from_bytes(one.end))


def _without(box: Box, cut: Box) -> list[Box]:
    """What is left of a box without another one, in pieces that do not overlap."""
    if any(
        high < low or other_high < low or high < other_low
        for (low, high), (other_low, other_high) in zip(box, cut, strict=True)
    ):
        return [box]
    pieces, rest = [], list(box)
    for axis, (cut_low, cut_high) in enumerate(cut):
        low, high = rest[axis]
        for piece in ((low, min(high, cut_low - 1)), (max(low, cut_high + 1), high)):
            if piece[0] <= piece[1]:
                pieces.append((*rest[:axis], piece, *rest[axis + 1 :]))
        rest[axis] = max(low, cut_low), min(high, cut_high)
    return [(first, second, third) for first, second, third in pieces]


def _name(kind: type[TrafficSelectorsInitiator | TrafficSelectorsResponder]) -> str:
    return "TSi" if kind is TrafficSelectorsInitiator else "TSr"


def _address(octets: bytes) -> str:
    return str(ip_address(octets)) if len(octets) in (4, 16) else octets.hex()


def _words(one: TrafficSelector | OpaqueSelector) -> str:
    if isinstance(one, OpaqueSelector):
        return f"a selector of type {int(one.ts_type)}"
    ends = " to ".join(_address(end) for end in (one.start, one.end))
    return f"{ends}, protocol {one.protocol}, ports {one.start_port} to {one.end_port}"
