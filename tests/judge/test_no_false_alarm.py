"""What a conforming peer may do, and none of it costs it a word (RFC 7296 sections 1.5, 2 and 3; RFC 4303)."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import pytest
from case_builder import PEER, Case, good
from esp_packets import reply, sealed
from extra_messages import behind, late_esp, protected

from harness.esp import sa as esp_sa
from harness.policy.role import Role
from harness.registry.messages import ExchangeType, PayloadType, Protocol
from harness.registry.notifications import NotifyType
from harness.results.model import Verdict
from harness.wire.message import INITIATOR, RESPONSE, Header, Message
from harness.wire.payload import Payload
from harness.wire.payloads import (
    Delete,
    Notify,
    SecurityAssociation,
    TrafficSelectorsInitiator,
    TrafficSelectorsResponder,
)
from harness.wire.payloads.opaque import Unknown, VendorId

HYBRID, BLOCKS, SEVEN = "hybrid/x25519-mlkem768", "classical/modp3072", "multiple-ke/seven"
_MARKER = bytes(4)


def of_peer(case: Case, exchange: ExchangeType, *, last: bool = False) -> str:
    """The label of the peer's first message of an exchange, or of its last one."""
    seen = [m.label for m in case.view.messages if m.exchange == exchange and case.view.sender(m) != "engine"]
    return seen[-1 if last else 0]


def beside(exchange: ExchangeType, *more: Payload, first: bool = False, last: bool = False) -> Callable[[Case], Case]:
    """Payloads in front of, or behind, those of one message of the peer."""

    def vary(case: Case) -> Case:
        label = of_peer(case, exchange, last=last)
        return case.rewritten(label, lambda old: [*more, *old] if first else [*old, *more])

    return vary


def behind_the_last(case: Case, message: Message, port: int = 4500) -> Case:
    """A datagram of the peer behind all others; on the port of NAT traversal unless told otherwise."""
    last, ours = case.datagrams[-1], next(d.destination[0] for d in case.datagrams if d.source[0] == PEER)
    octets = (_MARKER if port == 4500 else b"") + message.to_bytes()
    late = replace(last, payload=octets, source=(PEER, port), destination=(ours, port))
    return case.with_datagrams((*case.datagrams, late))


def unknown_ike_spi(exchange: ExchangeType) -> Callable[[Case], Case]:
    """An answer in clear to a request that came late: the SA is gone, and its SPIs and Message ID come back."""

    def vary(case: Case) -> Case:
        ours = [m for m in case.view.messages if case.view.sender(m) == "engine" and not m.response]
        late = next((m for m in ours if m.exchange == exchange), None)
        if late is None:  # then it is the peer that asks; and nobody deletes but the initiator
            return case
        header = replace(late.pieces[0].message.header, flags=RESPONSE)
        initiator = 0 if case.evidence.role is Role.INITIATOR else INITIATOR
        header = replace(header, flags=RESPONSE | initiator)
        port = late.pieces[0].datagram.source[1]
        return behind_the_last(case, Message(header, (Notify(NotifyType.INVALID_IKE_SPI),)), port)

    return vary


def unknown_esp_spi(spi: bytes) -> Callable[[Case], Case]:
    def vary(case: Case) -> Case:
        header = Header(spi, bytes(8), ExchangeType.INFORMATIONAL, INITIATOR, 0)
        return behind_the_last(case, Message(header, (Notify(NotifyType.INVALID_SPI, b"\1\2\3\4"),)))

    return vary


def another_ike_sa(case: Case) -> Case:
    """Once the first one is deleted, either side may begin anew."""
    offer = next(m for m in case.view.messages if m.exchange == ExchangeType.IKE_SA_INIT).pieces[0].message
    header = replace(offer.header, initiator_spi=b"\7" * 8)
    return behind_the_last(case, Message(header, offer.payloads))


def begun_anew(case: Case) -> Case:
    """A peer that has lost its state begins again, in the midst of it all."""
    offer = next(m for m in case.view.messages if m.exchange == ExchangeType.IKE_SA_INIT).pieces[0].message
    message = Message(replace(offer.header, initiator_spi=b"\x09" * 8), offer.payloads)
    first = case.esp(from_engine=False)[0]
    ours = next(d.destination[0] for d in case.datagrams if d.source[0] == PEER)
    again = replace(first, payload=message.to_bytes(), source=(PEER, 500), destination=(ours, 500))
    return case.changed(first, again, first)


def dummy_of_chance(case: Case) -> Case:
    """ "The rest of the Payload Data may consist of only random bytes" (RFC 4303 section 2.6), its Pad Length, too."""
    first, *_ = case.esp(from_engine=False)
    with patch.object(esp_sa, "add_trailer", lambda _payload, kind, _block: os.urandom(30) + bytes((255, kind))):
        padded = sealed(case, b"", first, by_engine=False, next_header=59, sequence=99)
    return case.changed(first, first, next(d for d in padded.datagrams if d.payload[4:8] == (99).to_bytes(4)))


def dummy(case: Case) -> Case:
    first, *_ = case.esp(from_engine=False)
    padded = sealed(case, os.urandom(60), first, by_engine=False, next_header=59, sequence=99)
    return case.changed(first, first, next(d for d in padded.datagrams if d.payload[4:8] == (99).to_bytes(4)))


def reordered(case: Case) -> Case:
    first, second, *_ = case.esp(from_engine=False)
    ours, theirs = replace(first, payload=second.payload), replace(second, payload=first.payload)
    return case.changed(first, ours).changed(second, theirs)


def doubled(case: Case) -> Case:
    packet = case.esp(from_engine=False)[2]
    return case.changed(packet, packet, packet)


def with_a_gap(case: Case) -> Case:
    """A packet that was lost before it came here leaves a gap in the numbers."""
    return sealed(case, reply(5), case.esp(from_engine=False)[-1], by_engine=False, sequence=77)


def keepalive(case: Case) -> Case:
    """RFC 3948 section 2.3."""
    last = case.esp(from_engine=False)[-1]
    return case.changed(last, last, replace(last, payload=b"\xff"))


def sent_again(exchange: ExchangeType) -> Callable[[Case], Case]:
    return lambda case: case.repeated(of_peer(case, exchange))


def narrowed(**fields: Any) -> Callable[[Case], Case]:
    """A responder may let less through than it was asked for (section 2.9)."""

    def vary(case: Case) -> Case:
        if case.evidence.role is Role.RESPONDER:  # what a peer asks for is its own to say, and our answer is within it
            return case
        return case.rewritten(
            of_peer(case, ExchangeType.IKE_AUTH),
            lambda old: [
                replace(p, selectors=tuple(replace(one, **fields) for one in p.selectors))
                if isinstance(p, TrafficSelectorsInitiator | TrafficSelectorsResponder)
                else p
                for p in old
            ],
        )

    return vary


def deleted_from_both_ends(case: Case) -> Case:
    """ "The two requests may cross in the network" (section 1.4.1); it is ours that is not there any more to answer."""
    if case.evidence.role is Role.RESPONDER:
        return case
    return behind(case, protected(case, [Delete(Protocol.IKE)], by_engine=False, message_id=0), by_engine=False)


def child_named_as_well(case: Case) -> Case:
    """A Delete of each protocol in one exchange (section 3.11)."""
    if case.evidence.role is Role.INITIATOR:
        return case
    child = case.view.child
    assert child is not None
    also = Delete(Protocol.ESP, 4, (child.initiator_spi,))
    return case.rewritten(of_peer(case, INFORMATIONAL, last=True), lambda old: [also, *old])


def on_its_way(case: Case) -> Case:
    return late_esp(case, by_engine=False, after=0.1)


def shuffled(case: Case) -> Case:
    """Payloads may come in any order (section 2.5: a few have their place, IKE_AUTH's have none)."""
    return case.rewritten(of_peer(case, ExchangeType.IKE_AUTH), lambda old: old[::-1])


def not_shown(*names: str) -> Callable[[Case], Case]:
    return lambda case: case.with_peer_sa(**dict.fromkeys(names))


def not_shown_of_the_child(*names: str) -> Callable[[Case], Case]:
    return lambda case: case.with_peer_child(**dict.fromkeys(names))


AUTH, INFORMATIONAL, INTERMEDIATE = ExchangeType.IKE_AUTH, ExchangeType.INFORMATIONAL, ExchangeType.IKE_INTERMEDIATE
VENDOR = VendorId(b"acme router 7")
STATUS = Notify(NotifyType(40_000), b"of private use")
VARIATIONS: dict[str, Callable[[Case], Case]] = {
    "an ESP dummy packet": dummy,
    "ESP in another order": reordered,
    "an ESP packet twice": doubled,
    "ESP numbers with a gap": with_a_gap,
    "a NAT keepalive": keepalive,
    "a Vendor ID in the answer to the deletion": beside(INFORMATIONAL, VENDOR, last=True),
    "a status in the answer to the deletion": beside(INFORMATIONAL, STATUS, last=True),
    "a Vendor ID in IKE_AUTH": beside(AUTH, VENDOR),
    "a Vendor ID in front of IKE_AUTH": beside(AUTH, VENDOR, first=True),
    "many Vendor IDs": beside(AUTH, *(VendorId(os.urandom(16)) for _ in range(12))),
    "an empty Vendor ID": beside(AUTH, VendorId(b"")),
    "an unknown status": beside(AUTH, STATUS),
    "an unknown status in front": beside(AUTH, STATUS, first=True),
    "INITIAL_CONTACT": beside(AUTH, Notify(NotifyType.INITIAL_CONTACT)),
    "MOBIKE_SUPPORTED": beside(AUTH, Notify(NotifyType.MOBIKE_SUPPORTED)),
    "ESP_TFC_PADDING_NOT_SUPPORTED": beside(AUTH, Notify(NotifyType.ESP_TFC_PADDING_NOT_SUPPORTED)),
    "NON_FIRST_FRAGMENTS_ALSO": beside(AUTH, Notify(NotifyType.NON_FIRST_FRAGMENTS_ALSO)),
    "HTTP_CERT_LOOKUP_SUPPORTED": beside(AUTH, Notify(NotifyType.HTTP_CERT_LOOKUP_SUPPORTED)),
    "a payload that nobody knows, not critical": beside(AUTH, Unknown(PayloadType(150), b"new")),
    "such a one in the deletion": beside(INFORMATIONAL, Unknown(PayloadType(150), b"new"), last=True),
    "IKE_AUTH's payloads in another order": shuffled,
    "selectors for one protocol alone": narrowed(protocol=17),
    "selectors for one port": narrowed(protocol=6, start_port=80, end_port=80),
    "selectors for what has no ports to see": narrowed(protocol=6, start_port=65535, end_port=0),
    "ADDITIONAL_TS_POSSIBLE": beside(AUTH, Notify(NotifyType.ADDITIONAL_TS_POSSIBLE)),
    "a window of four": beside(AUTH, Notify(NotifyType.SET_WINDOW_SIZE, b"\0\0\0\4")),
    "a deletion from both ends at once": deleted_from_both_ends,
    "the Child SA named beside the IKE SA": child_named_as_well,
    "ESP that is on its way while its SA goes": on_its_way,
    "IKE_AUTH sent again": sent_again(AUTH),
    "INFORMATIONAL sent again": sent_again(INFORMATIONAL),
    "IKE_SA_INIT sent again": sent_again(ExchangeType.IKE_SA_INIT),
    "INVALID_IKE_SPI to a late INFORMATIONAL": unknown_ike_spi(INFORMATIONAL),
    "INVALID_IKE_SPI to a late IKE_AUTH": unknown_ike_spi(AUTH),
    "INVALID_IKE_SPI to a late IKE_INTERMEDIATE": unknown_ike_spi(INTERMEDIATE),
    "another IKE SA while the first one stands": begun_anew,
    "an ESP dummy packet of nothing but chance": dummy_of_chance,
    "a token for a crash": beside(AUTH, Notify(NotifyType.QUICK_CRASH_DETECTION, bytes(16), Protocol.IKE)),
    "INVALID_SPI with an SPI of zero": unknown_esp_spi(bytes(8)),
    "INVALID_SPI with an SPI of chance": unknown_esp_spi(b"\x31" * 8),
    "another IKE SA after the deletion": another_ike_sa,
    "no INTEG is shown": not_shown("integ"),
    "no algorithm is shown": not_shown("integ", "encr", "prf", "ke", "additional_ke"),
    "no SPI is shown": not_shown("initiator_spi", "responder_spi"),
    "not shown who began": not_shown("initiator"),
    "no INTEG of the Child SA is shown": not_shown_of_the_child("integ"),
    "nothing of the Child SA but its SPIs": not_shown_of_the_child(
        "encr", "integ", "esn", "mode", "udp_encapsulated", "packets_in", "packets_out", "bytes_in", "bytes_out"
    ),
}  # fmt: skip


# Where it is the engine that answers, or the suite has no INTEG, there is nothing to vary.
_ENGINE_ASKS = ("INVALID_IKE_SPI to a late INFORMATIONAL", "INVALID_IKE_SPI to a late IKE_AUTH")
_ENGINE_ASKS += ("INVALID_IKE_SPI to a late IKE_INTERMEDIATE",)
_ENGINE_ASKS += ("selectors for one protocol alone", "selectors for one port", "a deletion from both ends at once")
_ENGINE_ASKS += ("selectors for what has no ports to see",)
_PEER_ASKS = ("the Child SA named beside the IKE SA",)
_WITH_INTEG = ("no INTEG is shown", "no INTEG of the Child SA is shown")


def varied() -> list[tuple[str, str, Role]]:
    every = [(name, scenario, role) for name in VARIATIONS for scenario in (HYBRID, BLOCKS, SEVEN) for role in Role]
    return [
        (name, scenario, role)
        for name, scenario, role in every
        if not (name in _ENGINE_ASKS and role is Role.RESPONDER)
        if not (name in _PEER_ASKS and role is Role.INITIATOR)
        if not (name.endswith("late IKE_INTERMEDIATE") and scenario == BLOCKS)
        if not (name in _WITH_INTEG and scenario != BLOCKS)
    ]


@pytest.mark.parametrize(("variation", "scenario", "role"), varied())
def test_a_conforming_peer_is_not_blamed(variation, scenario, role):
    plain = good(scenario, role=role)
    case = VARIATIONS[variation](plain)
    assert case.evidence != plain.evidence, "nothing is varied"
    judged = case.judge()
    assert judged.findings == ()
    assert judged.verdict is Verdict.PASS


def test_what_ends_with_the_ike_sa_alone_is_no_end_of_its_child(role):
    """The rule has a border: a Delete of the Child SA, or an offer, does not belong into that answer."""
    case = good(BLOCKS, role=role)
    label = next(m.label for m in case.view.messages if m.exchange == INFORMATIONAL and m.response)
    for wrong in (Delete(Protocol.ESP, 4, (bytes(4),)), SecurityAssociation(())):
        judged = case.rewritten(label, lambda _old, wrong=wrong: [wrong]).judge()
        assert judged.verdict is Verdict.FAIL
