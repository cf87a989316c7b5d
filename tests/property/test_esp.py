"""ESP under generated input: round trip, refusal of every change, and a replay window that equals its definition."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.crypto.errors import IntegrityError
from harness.crypto.protection import implemented, protection
from harness.esp.encapsulation import DatagramKind, classify
from harness.esp.errors import EspError, MalformedPacket, ReplayedPacket
from harness.esp.packet import add_trailer, remove_trailer
from harness.esp.replay import ReplayWindow
from harness.esp.sa import EspSa, Inbound, Outbound

SUITES = st.sampled_from(implemented())


@st.composite
def associations(draw: Any) -> EspSa:
    cipher = protection(*draw(SUITES))
    return EspSa(
        draw(st.integers(1, 2**32 - 1)),
        cipher,
        draw(st.binary(min_size=cipher.encryption_key_octets, max_size=cipher.encryption_key_octets)),
        draw(st.binary(min_size=cipher.integrity_key_octets, max_size=cipher.integrity_key_octets)),
        draw(st.booleans()),
    )


@settings(deadline=None)
@given(associations(), st.lists(st.tuples(st.binary(max_size=200), st.integers(0, 255)), max_size=5))
def test_round_trip(sa: EspSa, packets: list[tuple[bytes, int]]) -> None:
    outbound, inbound = Outbound(sa), Inbound(sa)
    for number, (payload, next_header) in enumerate(packets, start=1):
        inner = inbound.open(outbound.seal(payload, next_header, bytes))
        assert (inner.payload, inner.next_header, inner.sequence) == (payload, next_header, number)


@settings(deadline=None)
@given(associations(), st.binary(max_size=64), st.data())
def test_no_changed_octet_and_no_strict_prefix_is_accepted(sa: EspSa, payload: bytes, data: st.DataObject) -> None:
    packet = Outbound(sa).seal(payload, 4, bytes)
    index = data.draw(st.integers(0, len(packet) - 1))
    flipped = bytes((packet[index] ^ data.draw(st.integers(1, 255)),))
    for bad in (packet[:index] + flipped + packet[index + 1 :], packet[:index]):
        with pytest.raises((EspError, IntegrityError)):
            Inbound(sa).open(bad)


@settings(deadline=None)
@given(associations(), st.binary(max_size=200))
def test_noise_never_raises_anything_else(sa: EspSa, noise: bytes) -> None:
    with contextlib.suppress(EspError, IntegrityError):
        Inbound(sa).open(sa.spi.to_bytes(4, "big") + noise)
    assert classify(noise).kind in DatagramKind


@settings(deadline=None)
@given(st.binary(max_size=300), st.integers(0, 255), st.sampled_from([1, 4, 16]))
def test_trailer_round_trip(payload: bytes, next_header: int, block: int) -> None:
    plaintext = add_trailer(payload, next_header, block)
    inner = remove_trailer(plaintext, 1)
    assert (inner.payload, inner.next_header, inner.padding_conforms) == (payload, next_header, True)
    assert len(plaintext) % max(4, block) == 0
    assert len(plaintext) - len(payload) < 2 + max(4, block)


@settings(deadline=None)
@given(st.binary(max_size=40))
def test_any_plaintext_is_taken_apart_or_refused(plaintext: bytes) -> None:
    try:
        inner = remove_trailer(plaintext, 1)
    except MalformedPacket:
        assert len(plaintext) < 2 or plaintext[-2] > len(plaintext) - 2
    else:
        assert plaintext.startswith(inner.payload)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(0, 300), max_size=120), st.integers(64, 130))
def test_window_equals_its_definition(sequences: list[int], size: int) -> None:
    """Accept exactly what is above top - size, not zero and not seen."""
    window, seen = ReplayWindow(size), set[int]()
    for sequence in sequences:
        top = max(seen, default=0)
        wanted = sequence > 0 and sequence > top - size and sequence not in seen
        try:
            window.check(sequence)
            window.accept(sequence)
            seen.add(sequence)
            assert wanted
        except ReplayedPacket:
            assert not wanted


@settings(deadline=None)
@given(st.integers(128, 2**40), st.integers(-127, 2**32 - 128))
def test_inferred_number_is_the_sent_one_within_reach(top: int, distance: int) -> None:
    """RFC 4303 appendix A2: from the left edge of the window to one block of 2^32 further."""
    window = ReplayWindow(128)
    window.accept(top)
    sequence = top + distance
    assert window.infer(sequence & 0xFFFFFFFF) == sequence
