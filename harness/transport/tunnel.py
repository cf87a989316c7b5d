"""Our end of a Child SA: ESP in both directions, and the echo traffic in it."""

from __future__ import annotations

from harness.crypto.protection import protection
from harness.crypto.random_source import Rng
from harness.esp.packet import NextHeader
from harness.esp.sa import EspSa, Inbound, Outbound
from harness.evidence.model import EchoCount
from harness.ike.events import ChildEstablished
from harness.registry.transforms import SequenceNumbers, TransformType
from harness.transport.echo import echo_reply, echo_request, read_echo, read_message, without_header


class Tunnel:
    """One Child SA in tunnel or in transport mode (RFC 4303 section 3.1).

    In transport mode ESP carries what follows the IP header (section 3.1.1), and that header is the packet's own: here,
    the two addresses that were agreed on.
    """

    def __init__(self, child: ChildEstablished, inner: str, peer_inner: str, rng: Rng) -> None:
        """``inner`` and ``peer_inner`` are the host addresses that talk through the tunnel, or over transport mode."""
        self._transport = child.transport_mode
        self._inner, self._peer_inner, self._rng = inner, peer_inner, rng
        suite, keys = child.suite, child.keys
        encr, integ, sn = (suite.get(kind) for kind in (TransformType.ENCR, TransformType.INTEG, TransformType.SN))
        assert encr is not None, "a Child SA has an ENCR transform"
        cipher = protection(encr, integ if integ and integ.identifier else None)
        esn = sn is not None and sn.identifier == SequenceNumbers.EXTENDED_SEQUENCE_NUMBERS
        by_initiator = (keys.initiator_encryption, keys.initiator_integrity)
        by_responder = (keys.responder_encryption, keys.responder_integrity)
        ours, theirs = (by_initiator, by_responder) if child.initiator else (by_responder, by_initiator)
        self._outbound = Outbound(EspSa(int.from_bytes(child.remote_spi), cipher, *ours, esn))
        self._inbound = Inbound(EspSa(int.from_bytes(child.local_spi), cipher, *theirs, esn))
        self.requests_sent = self.replies_received = self.requests_received = self.replies_sent = 0
        self._awaited: set[tuple[int, int]] = set()

    def request(self, identifier: int) -> bytes:
        """The next echo request as an ESP packet."""
        self.requests_sent += 1
        self._awaited.add((identifier, self.requests_sent))
        return self._seal(echo_request(self._inner, self._peer_inner, identifier, self.requests_sent))

    def repeated_requests(self) -> list[bytes]:
        """Every request that has no reply yet once more, each in a new ESP packet."""
        inner = (echo_request(self._inner, self._peer_inner, *each) for each in sorted(self._awaited))
        return [self._seal(request) for request in inner]

    def receive(self, packet: bytes) -> bytes | None:
        """Take an ESP packet; the ESP packet to answer with, if it held an echo request. What holds none is dropped.

        Raises:
            EspError: the packet is not for this SA, a replay, or not authentic.
        """
        opened = self._inbound.open(packet)
        if opened.next_header != (NextHeader.ICMP if self._transport else NextHeader.IPV4):
            return None
        if self._transport:
            seen = read_message(opened.payload, self._peer_inner, self._inner)
        else:
            seen = read_echo(opened.payload)
        if seen is None:
            return None
        if seen.request:
            self.requests_received += 1
            self.replies_sent += 1
            return self._seal(echo_reply(seen))
        if (seen.identifier, seen.sequence) in self._awaited:
            self._awaited.discard((seen.identifier, seen.sequence))
            self.replies_received += 1
        return None

    @property
    def answered(self) -> bool:
        """Whether every request has its reply."""
        return not self._awaited

    def count(self) -> EchoCount:
        """The traffic so far."""
        return EchoCount(self.requests_sent, self.replies_received, self.requests_received, self.replies_sent)

    def _seal(self, packet: bytes) -> bytes:
        """Seal an IPv4 packet, or what follows its header."""
        if self._transport:
            return self._outbound.seal(without_header(packet), NextHeader.ICMP, self._rng)
        return self._outbound.seal(packet, NextHeader.IPV4, self._rng)
