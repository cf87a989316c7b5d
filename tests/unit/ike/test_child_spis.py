"""The SPIs of a Child SA: never a reserved number, neither ours nor the peer's (RFC 4303 section 2.1)."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from harness.ike.errors import PeerMisbehaved
from harness.ike.exchanges.child import _esp_spi, new_spi
from harness.registry.messages import Protocol
from harness.wire.payloads.security_association import Proposal


def spi_of(drawn: bytes) -> bytes:
    return new_spi(SimpleNamespace(rng=lambda octets: drawn[:octets]))


def test_what_is_drawn_is_taken_unless_it_is_reserved():
    assert spi_of(b"\x01\x02\x03\x04") == b"\x01\x02\x03\x04"
    assert spi_of(b"\0\0\1\0") == b"\0\0\1\0"
    for reserved in (b"\0\0\0\0", b"\0\0\0\xff"):
        assert spi_of(reserved) == b"\x80" + reserved[1:]


@pytest.mark.parametrize("spi", [b"", bytes(8), bytes(4), b"\0\0\0\xff"])
def test_a_peers_spi_that_is_no_spi_of_esp(spi):
    with pytest.raises(PeerMisbehaved, match="an ESP SPI"):
        _esp_spi(Proposal(1, Protocol.ESP, (), spi), "here")


def test_a_peers_spi_that_is_one():
    assert _esp_spi(Proposal(1, Protocol.ESP, (), b"\0\0\1\0"), "here") == b"\0\0\1\0"
