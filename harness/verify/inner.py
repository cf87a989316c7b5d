"""Inner traffic: ICMP echo in an IPv4 packet, or right in ESP (RFC 791, RFC 792)."""

from __future__ import annotations

from dataclasses import dataclass, replace

_ICMP = 1
_ECHO_REPLY, _ECHO_REQUEST = 0, 8


@dataclass(frozen=True, slots=True)
class EchoMessage:
    """An ICMP echo request or reply, with the ends that it goes between."""

    request: bool
    source: bytes  # 4 octets
    destination: bytes
    identifier: int
    sequence: int
    data: bytes

    @property
    def counterpart(self) -> EchoMessage:
        """The reply to this request, or the request that this reply answers: ends swapped, all else the same."""
        return replace(self, request=not self.request, source=self.destination, destination=self.source)


def read_transported_echo(message: bytes, source: bytes, destination: bytes) -> EchoMessage | None:
    """The echo message that an ESP packet in transport mode carries; the ends are those of its own IP header."""
    if len(message) < 8 or message[0] not in (_ECHO_REPLY, _ECHO_REQUEST):
        return None
    identifier, sequence = int.from_bytes(message[4:6]), int.from_bytes(message[6:8])
    return EchoMessage(message[0] == _ECHO_REQUEST, source, destination, identifier, sequence, message[8:])


def read_echo(packet: bytes) -> EchoMessage | None:
    """The echo message in an IPv4 packet; None if it holds something else."""
    if len(packet) < 20 or packet[0] >> 4 != 4 or packet[9] != _ICMP:
        return None
    message = packet[4 * (packet[0] & 15) : int.from_bytes(packet[2:4])]
    return read_transported_echo(message, packet[12:16], packet[16:20])
