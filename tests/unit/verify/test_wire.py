from __future__ import annotations

import os
from dataclasses import replace

import pytest
from case_builder import Case, flipped, good

from harness.ike.protected import SecureChannel
from harness.registry.messages import ExchangeType
from harness.verify.wire import decrypt, group, read_pieces

FRAGMENTED = "fragmentation/mlkem1024-at-576"


def pieces(case: Case):
    return read_pieces(case.datagrams, case.evidence.secrets.initiator_spi)


def test_messages_come_in_order_with_their_fragments():
    found, malformed, _ = pieces(good(FRAGMENTED))
    assert malformed == []
    labels = [(message.label, len(message.pieces)) for message in group(found)]
    assert labels == [
        ("IKE_SA_INIT request 0", 1),
        ("IKE_SA_INIT response 0", 1),
        ("IKE_INTERMEDIATE request 1", 4),
        ("IKE_INTERMEDIATE response 1", 4),
        ("IKE_AUTH request 2", 1),
        ("IKE_AUTH response 2", 1),
        ("INFORMATIONAL request 3", 1),
        ("INFORMATIONAL response 3", 1),
    ]


def test_another_ike_sa_is_not_read():
    case = good()
    strangers = [replace(d, payload=flipped(d.payload)) if d.source[1] == 500 else d for d in case.datagrams]
    assert read_pieces(strangers, case.evidence.secrets.initiator_spi).pieces == []


def test_other_ports_are_not_read():
    case = good()
    moved = [replace(d, source=(d.source[0], 9), destination=(d.destination[0], 9)) for d in case.datagrams]
    assert read_pieces(moved, case.evidence.secrets.initiator_spi).pieces == []


def test_what_does_not_parse_is_kept_apart():
    case = good()
    first = case.datagrams[0]
    cut = replace(first, payload=first.payload[:40])
    found, malformed, _ = read_pieces((first, cut), case.evidence.secrets.initiator_spi)
    assert [piece.datagram for piece in found] == [first]
    assert malformed == [cut]


def test_another_ike_sa_init_request_is_another_message_and_a_copy_is_not():
    found, _, _ = pieces(good("denial-of-service/cookie"))
    messages = group([*found, found[0]])
    requests = [m for m in messages if m.exchange == ExchangeType.IKE_SA_INIT and not m.response]
    assert [len(request.pieces) for request in requests] == [2, 1]


def test_fragments_open_in_any_order_and_with_copies():
    case = good(FRAGMENTED)
    message, chain = case.message("IKE_INTERMEDIATE request 1"), case.view.chain
    assert chain is not None and message.opened is not None
    for mixed in (message.pieces[::-1], (*message.pieces, *message.pieces[:2])):
        opened = decrypt(replace(message, pieces=tuple(mixed)), chain, 0)
        assert opened is not None
        assert (opened.inner, opened.a, opened.p) == (message.opened.inner, message.opened.a, message.opened.p)


def test_a_message_that_was_fragmented_anew_is_read_from_the_larger_set():
    """RFC 7383 section 2.5.2: a smaller path MTU means more fragments; those seen before belong to no message."""
    case = good(FRAGMENTED)
    message, chain = case.message("IKE_INTERMEDIATE request 1"), case.view.chain
    assert chain is not None and message.opened is not None
    sk_e, sk_a, _ = chain.generations[0].of(initiator=True)
    header = message.pieces[0].message.header
    smaller = SecureChannel(chain.protection, sk_e, sk_a).seal(header, message.opened.inner, os.urandom, 300).messages
    datagram = message.pieces[0].datagram
    found, _, _ = read_pieces(
        [*(p.datagram for p in message.pieces[:2]), *(replace(datagram, payload=octets) for octets in smaller)],
        case.evidence.secrets.initiator_spi,
    )
    (anew,) = group(found)
    opened = decrypt(anew, chain, 0)
    assert opened is not None and opened.inner == message.opened.inner


@pytest.mark.parametrize("number", range(4))
def test_no_message_opens_without_one_of_its_fragments(number):
    case = good(FRAGMENTED)
    message, chain = case.message("IKE_INTERMEDIATE request 1"), case.view.chain
    assert chain is not None
    kept = tuple(piece for index, piece in enumerate(message.pieces) if index != number)
    assert decrypt(replace(message, pieces=kept), chain, 0) is None


def test_each_message_opens_with_its_own_generation_alone():
    case = good("multiple-ke/seven")
    chain = case.view.chain
    assert chain is not None
    for message in case.view.messages:
        if message.protected:
            fitting = [n for n in range(len(chain.generations)) if decrypt(message, chain, n) is not None]
            assert fitting == [message.generation]
