from __future__ import annotations

import os
from dataclasses import replace

import pytest
from case_builder import ENGINE, PEER, Case, flipped, good
from extra_messages import behind, in_front_of

from harness.crypto.protection import protection
from harness.ike.protected import SecureChannel
from harness.registry.algorithms import algorithm
from harness.registry.messages import ExchangeType, PayloadType
from harness.registry.notifications import NotifyType
from harness.registry.transforms import TransformType
from harness.verify.wire import (
    Opened,
    Piece,
    decrypt,
    final_init,
    group,
    is_esp,
    is_unmarked,
    open_message,
    read_pieces,
    sealed_payload,
)
from harness.wire.message import Header, Message
from harness.wire.payloads import Encrypted, Nonce, Notify

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


def test_what_was_decrypted_does_not_print():
    assert repr(Opened((), (), b"octets", b"octets")) == "Opened(outer=(), inner=(), malformed='')"
    piece = good().message("IKE_SA_INIT request 0").pieces[0]
    assert not repr(piece).count("octets=b")


def test_the_sealed_payload_is_the_last_one():
    header, sealed = good().message("IKE_AUTH request 2").pieces[0].message.header, Encrypted(PayloadType.SA, bytes(40))
    notify = Notify(NotifyType.INITIAL_CONTACT)
    assert sealed_payload(Message(header, (notify, sealed))) is sealed
    assert sealed_payload(Message(header, (sealed, notify))) is None
    assert sealed_payload(Message(header, ())) is None


def test_a_message_of_which_one_copy_came_in_fragments_is_fragmented():
    whole = good().message("IKE_INTERMEDIATE request 1")
    pieces = good(FRAGMENTED).message("IKE_INTERMEDIATE request 1").pieces
    assert not whole.fragmented
    assert replace(whole, pieces=(*whole.pieces, *pieces)).fragmented


def test_without_decryption_the_payloads_are_those_of_the_first_piece():
    message = replace(good(FRAGMENTED).message("IKE_INTERMEDIATE request 1"), opened=None)
    assert message.payloads == message.pieces[0].message.payloads != message.pieces[-1].message.payloads


@pytest.mark.parametrize(
    ("ports", "payload", "esp"),
    [
        ((0, 0), b"", True),
        ((4500, 4500), b"\1" * 8, True),
        ((4500, 61000), b"\1" * 8, True),
        ((61000, 4500), b"\1" * 8, True),
        ((4500, 4500), b"\1" * 7, False),
        ((4500, 4500), b"\xff", False),
        ((4500, 4500), bytes(4) + b"\1" * 8, False),
        ((500, 500), b"\1" * 8, False),
        ((0, 4), b"\1" * 8, False),
    ],
)
def test_what_is_esp(ports, payload, esp):
    (source, _), (destination, _) = good().datagrams[0].source, good().datagrams[0].destination
    there, back = (source, ports[0]), (destination, ports[1])
    assert is_esp(replace(good().datagrams[0], source=there, destination=back, payload=payload)) == esp


@pytest.mark.parametrize("ports", [(500, 500), (61000, 500), (500, 61000), (4500, 4500), (61000, 4500), (4500, 61000)])
def test_ike_goes_to_or_comes_from_its_ports(ports):
    first, spi = good().datagrams[0], good().evidence.secrets.initiator_spi
    marker = bytes(4) if 4500 in ports else b""
    source, destination = (first.source[0], ports[0]), (first.destination[0], ports[1])
    moved = replace(first, source=source, destination=destination, payload=marker + first.payload)
    (piece,) = read_pieces((moved,), spi).pieces
    assert piece.octets == first.payload


def test_who_is_the_initiator_is_told_or_is_who_came_first():
    request, response = pieces(good()).pieces[:2]
    assert [message.from_initiator for message in group([request, response])] == [True, False]
    assert [message.from_initiator for message in group([response, request])] == [True, False]
    (initiator, _) = request.datagram.source
    assert [message.from_initiator for message in group([response, request], initiator)] == [False, True]
    assert group([]) == []


def test_the_same_request_of_either_side_is_two_messages():
    asked = good().message("INFORMATIONAL request 3").pieces[0]
    datagram = replace(asked.datagram, source=asked.datagram.destination, destination=asked.datagram.source)
    assert [len(each.pieces) for each in group([asked, replace(asked, datagram=datagram), asked])] == [2, 1]


def changed(piece, *payloads):
    message = Message(piece.message.header, payloads)
    return Piece(piece.datagram, message.to_bytes(), message)


def test_what_is_in_clear_is_no_copy_of_what_is_sealed():
    asked = good().message("IKE_AUTH request 2").pieces[0]
    clear = changed(asked, Notify(NotifyType.INITIAL_CONTACT))
    assert [len(each.pieces) for each in group([asked, clear, asked, clear])] == [2, 2]


def test_of_ike_sa_init_other_octets_are_another_message_whatever_they_hold():
    asked = good().message("IKE_SA_INIT request 0").pieces[0]
    one, two = (changed(asked, Encrypted(PayloadType.SA, bytes((octet,)) * 40)) for octet in (1, 2))
    assert [len(each.pieces) for each in group([one, two, one])] == [2, 1]


def test_a_message_is_where_it_first_appears():
    case = good()
    label = "IKE_AUTH request 2"
    datagram = case.message(label).pieces[0].datagram
    twice = case.changed(datagram, datagram, replace(datagram, frame=99))
    assert twice.message(label).frame == datagram.frame and len(twice.message(label).pieces) == 2


def test_of_two_first_requests_that_nobody_asked_for_the_first_one_counts():
    """Whatever answer comes after the one that counts."""
    case = good()
    label = "IKE_SA_INIT request 0"
    piece = case.message(label).pieces[0]
    other = Message(piece.message.header, piece.message.payloads[:-1]).to_bytes()
    second = in_front_of(case, "IKE_SA_INIT response 0", other, by_engine=True)
    late = second.repeated("IKE_SA_INIT response 0", lambda octets: octets[:-1] + bytes((octets[-1] ^ 1,)))
    for each in (second, late):
        request, _ = final_init(each.view.messages)
        assert request.pieces[0].octets == piece.octets


def test_only_ike_sa_init_begins():
    case = good().without("IKE_SA_INIT response 0")
    header = case.message("IKE_AUTH response 2").pieces[0].message.header
    forged = behind(case, Message(header, (Nonce(bytes(32)),)).to_bytes(), by_engine=False)
    assert final_init(forged.view.messages) == (None, None)


def test_where_a_demand_had_no_retry_in_the_capture_the_last_request_before_it_counts():
    case = good()
    label, answer = "IKE_SA_INIT request 0", "IKE_SA_INIT response 0"
    piece, header = case.message(label).pieces[0], case.message(answer).pieces[0].message.header
    other = Message(piece.message.header, piece.message.payloads[:-1]).to_bytes()
    demand = Message(header, (Notify(NotifyType.COOKIE, b"cookie"),)).to_bytes()
    two = in_front_of(case, answer, other, by_engine=True)
    last = next(m for m in two.view.messages if m.response)
    late = replace(two.datagrams[0], payload=demand, source=last.pieces[0].datagram.source,
                   destination=last.pieces[0].datagram.destination)  # fmt: skip
    moved = [replace(d, frame=d.frame + 1) if d.frame >= last.frame else d for d in two.datagrams]
    asked = two.with_datagrams((*moved[:2], replace(late, frame=last.frame), *moved[2:]))
    request, response = final_init(asked.view.messages)
    assert request.pieces[0].octets == other and response.frame == last.frame + 1


def test_without_its_retry_in_the_capture_the_only_request_counts():
    case = good("denial-of-service/cookie")
    retry = [m for m in case.view.messages if m.label == "IKE_SA_INIT request 0"][1]
    cut = case.with_datagrams(d for d in case.datagrams if d.frame != retry.frame)
    request, response = final_init(cut.view.messages)
    assert (request.frame, response.frame) == (1, 4)


def test_a_request_that_comes_after_its_answer_is_none():
    case = good()
    first, *others = case.datagrams
    late = case.with_datagrams((*others[:1], replace(first, frame=others[0].frame + 1)))
    request, response = final_init(late.view.messages)
    assert request is None and response is not None


GCM = protection(algorithm(TransformType.ENCR, "aes-128-gcm-16"), None)


@pytest.mark.parametrize(("plain", "opens"), [(b"\0", True), (b"\1", False), (b"x\1", True), (b"x\2", False)])
def test_a_pad_length_that_does_not_fit_opens_nothing(plain, opens):
    header = Header(b"i" * 8, b"r" * 8, ExchangeType.INFORMATIONAL, 0, 2)
    key, iv = bytes(GCM.encryption_key_octets), bytes(8)
    content = len(iv) + len(plain) + GCM.icv_octets
    front = Message(header, (Encrypted(PayloadType.SA, bytes(content)),)).to_bytes()[:-content]
    octets = front + iv + GCM.seal(key, b"", iv, front, plain)
    assert (open_message([(Message.parse(octets), octets)], GCM, key, b"") is not None) is opens


@pytest.mark.parametrize(
    ("edit", "unmarked"),
    [
        (lambda octets: octets, True),
        (lambda octets: bytes(4) + octets, False),
        (lambda octets: octets[:17] + b"\x30" + octets[18:], False),
        (lambda octets: octets[:24] + bytes(4) + octets[28:], False),
        (lambda octets: octets[:27], False),
        (lambda octets: octets + b"\0", False),
    ],
)
def test_an_ike_message_without_its_marker(edit, unmarked):
    """On the port of NAT traversal alone, and whole: else it is ESP."""
    first = good().datagrams[0]
    datagram = replace(first, source=(ENGINE, 4500), destination=(PEER, 4500), payload=edit(first.payload))
    assert is_unmarked(datagram) == unmarked
    assert is_esp(datagram) == (not unmarked and not datagram.payload.startswith(bytes(4)))
    assert not is_unmarked(replace(datagram, source=(ENGINE, 500), destination=(PEER, 500)))
