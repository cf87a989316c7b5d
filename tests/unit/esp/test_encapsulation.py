from __future__ import annotations

import pytest

from harness.esp.encapsulation import NON_ESP_MARKER, Datagram, DatagramKind, classify


@pytest.mark.parametrize(
    ("payload", "kind", "content"),
    [
        (b"\xff", DatagramKind.KEEPALIVE, b"\xff"),
        (bytes(4) + b"ike message", DatagramKind.IKE, b"ike message"),
        (bytes.fromhex("0000000100000001") + b"sealed", DatagramKind.ESP, None),
        (bytes.fromhex("ffffffff00000001"), DatagramKind.ESP, None),
        (b"", DatagramKind.MALFORMED, b""),
        (b"\xff\xff", DatagramKind.MALFORMED, b"\xff\xff"),
        (bytes.fromhex("00000001000000"), DatagramKind.MALFORMED, None),
        (bytes(3), DatagramKind.MALFORMED, None),
    ],
)
def test_what_shares_port_4500(payload: bytes, kind: DatagramKind, content: bytes | None) -> None:
    """RFC 3948 section 2."""
    assert classify(payload) == Datagram(kind, payload if content is None else content)


def test_ike_message_comes_back_without_its_marker() -> None:
    assert classify(NON_ESP_MARKER + b"message").content == b"message"
