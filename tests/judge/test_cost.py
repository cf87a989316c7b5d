"""What judging a flood costs: the octets of a capture, whatever they are, and no more for being many."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from budget import assert_within_budget
from case_builder import ENGINE, PEER, good
from pair_builder import good_pair

from harness.registry.messages import ExchangeType, PayloadType
from harness.registry.notifications import NotifyType
from harness.wire.message import RESPONSE, Header, Message
from harness.wire.payload import Payload
from harness.wire.payloads import Encrypted, EncryptedFragment, Nonce, Notify

COUNT = 1500
_FRAME_OCTETS = 70  # of a datagram in a capture: a block's frame, Ethernet, IP and UDP


def message(spis: tuple[bytes, bytes], exchange: int, flags: int, number: int, *payloads: Payload) -> bytes:
    return bytes(4) + Message(Header(*spis, ExchangeType(exchange), flags, number), payloads).to_bytes()


FLOODS: dict[str, Callable[[tuple[bytes, bytes], int], bytes]] = {
    "headers": lambda spis, n: message(spis, 37, RESPONSE, n),
    "copies": lambda spis, _: message(spis, 37, RESPONSE, 3),
    "forged": lambda spis, n: message(spis, 37, 0, n, Encrypted(PayloadType.NOTIFY, bytes(40))),
    "fragments": lambda spis, n: message(
        spis, 37, 0, 3, EncryptedFragment(PayloadType.NOTIFY, n + 1, 65535, bytes(40))
    ),
    "fragments of many messages": lambda spis, n: message(
        spis, 37, 0, n, EncryptedFragment(PayloadType.NOTIFY, 1, 3, bytes(40))
    ),
    "two of each number": lambda spis, n: message(
        spis, 37, 0, n // 2, Encrypted(PayloadType.NOTIFY, bytes(39 + n % 2))
    ),
    "refusals": lambda spis, n: message(spis, 34, RESPONSE, 0, Notify(NotifyType.NO_PROPOSAL_CHOSEN, n.to_bytes(4))),
    "requests": lambda spis, n: message(spis, 34, 0, 0, Nonce(n.to_bytes(20))),
    "strangers": lambda _, n: message((n.to_bytes(8), bytes(8)), 37, 0, 3),
    "noise": lambda _, n: bytes(4) + n.to_bytes(30),
    "esp": lambda _, n: b"\xc0\xff\xee\x01" + n.to_bytes(4) + bytes(40),
}


@pytest.mark.parametrize("what", FLOODS)
def test_a_flood_beside_a_case_of_our_engine(what: str) -> None:
    case = good()
    secrets = case.evidence.secrets
    assert secrets is not None
    spis, first = (secrets.initiator_spi, secrets.responder_spi), case.datagrams[0]
    ends = {"source": (PEER, 4500), "destination": (ENGINE, 4500)}
    flood = [replace(first, frame=1000 + n, payload=FLOODS[what](spis, n), **ends) for n in range(COUNT)]
    flooded = case.with_datagrams((*case.datagrams, *flood))
    octets = sum(len(each.payload) + _FRAME_OCTETS for each in flooded.datagrams)
    assert_within_budget(octets, flooded.judge)


@pytest.mark.parametrize("what", FLOODS)
def test_a_flood_beside_a_case_of_two_products(what: str) -> None:
    pair = good_pair()
    first = pair.wire.datagrams[0]
    ends = {"source": (first.source[0], 4500), "destination": (first.destination[0], 4500)}
    spis = first.payload[:8], bytes(8)
    flood = [replace(first, frame=1000 + n, payload=FLOODS[what](spis, n), **ends) for n in range(COUNT)]
    flooded = pair.with_wire(datagrams=(*pair.wire.datagrams, *flood))
    octets = sum(len(each.payload) + _FRAME_OCTETS for each in flooded.wire.datagrams)
    assert_within_budget(octets, flooded.judge)
