"""What SK payloads of two products have room for."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pair_builder import HYBRID_REKEY, good_pair

from harness.registry.key_exchange_sizes import KEY_EXCHANGE_OCTETS
from harness.registry.messages import ExchangeType, PayloadType
from harness.registry.transforms import KeyExchangeMethod
from harness.verify.checks.room import has_room_for_key, room
from harness.verify.wire import SeenMessage
from harness.wire.payloads import Encrypted, EncryptedFragment, Nonce

VIEW = good_pair(HYBRID_REKEY).view
GCM = 8 + 1 + 16
"""Octets of IV, Pad Length and ICV."""

KE = 4 + 2 + 2
"""Octets of a KE payload in front of its data: header, method, two that are reserved."""

ML_KEM_768, NOTHING = KeyExchangeMethod.ML_KEM_768, PayloadType.NO_NEXT_PAYLOAD


def of_pieces(*payloads: Encrypted | EncryptedFragment | Nonce, response: bool = False) -> SeenMessage:
    """An IKE_INTERMEDIATE message that came in these ways."""
    model = VIEW.find(ExchangeType.IKE_INTERMEDIATE, response=response)[0]
    (piece,) = model.pieces
    pieces = (replace(piece, message=replace(piece.message, payloads=(payload,))) for payload in payloads)
    return replace(model, pieces=tuple(pieces))


def whole(octets: int) -> Encrypted:
    return Encrypted(PayloadType.KE, bytes(octets))


def part(number: int, total: int, octets: int) -> EncryptedFragment:
    return EncryptedFragment(PayloadType.KE if number == 1 else NOTHING, number, total, bytes(octets))


def test_iv_pad_length_and_icv_are_no_room():
    assert room(VIEW, of_pieces(whole(GCM + 7))) == 7
    assert room(VIEW, of_pieces(whole(GCM))) == 0
    assert room(VIEW, of_pieces(whole(GCM - 2))) == -2
    assert room(replace(VIEW, suite=None), of_pieces(whole(40))) == 40, "of a cipher that nobody knows"


def test_of_a_rekeyed_ike_sa_nobody_knows_the_cipher():
    last = VIEW.messages[-1]
    sealed = last.pieces[0].message.payloads[-1]
    assert isinstance(sealed, Encrypted)
    assert room(VIEW, last) == len(sealed.content)


def test_each_fragment_has_its_own():
    assert room(VIEW, of_pieces(part(1, 2, GCM + 30), part(2, 2, GCM + 4))) == 34
    assert room(VIEW, of_pieces(part(1, 2, GCM + 30), part(1, 2, GCM + 30), part(2, 2, GCM + 4))) == 34


def test_of_several_ways_to_send_a_message_the_one_with_most_room_counts():
    large, small = whole(GCM + 50), (part(1, 2, GCM + 30), part(2, 2, GCM + 4))
    assert room(VIEW, of_pieces(large, *small)) == room(VIEW, of_pieces(*small, large)) == 50
    assert room(VIEW, of_pieces(whole(GCM + 20), *small)) == 34
    assert room(VIEW, of_pieces(part(1, 1, GCM + 60), *small)) == 60


@pytest.mark.parametrize("response", [False, True])
def test_a_ke_payload_has_a_header_a_method_and_reserved_octets(response):
    due = GCM + KE + KEY_EXCHANGE_OCTETS[ML_KEM_768][int(response)]
    for octets, fits in ((due, True), (due - 1, False)):
        assert has_room_for_key(VIEW, of_pieces(whole(octets), response=response), ML_KEM_768) is fits


def test_of_a_private_method_no_size_is_known():
    assert has_room_for_key(VIEW, of_pieces(whole(0)), KeyExchangeMethod(1080))


def test_what_is_in_clear_is_for_another_check():
    assert has_room_for_key(VIEW, of_pieces(Nonce(bytes(16))), ML_KEM_768)
