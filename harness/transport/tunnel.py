"""Our end of a Child SA: ESP in both directions, and the echo traffic in it."""

from __future__ import annotations

from harness.crypto.protection import protection
from harness.crypto.random_source import Rng
from harness.esp.sa import EspSa, Inbound, Outbound
from harness.evidence.model import EchoCount
from harness.ike.events import ChildEstablished
from harness.registry.transforms import SequenceNumbers, TransformType
from harness.transport.echo import IPV4_IN_IP, echo_reply, echo_request, read_echo


class Tunnel:
    """One Child SA in tunnel mode (RFC 4303 section 3.1.2)."""

    def __init__(self, child: ChildEstablished, inner: str, peer_inner: str, rng: Rng) -> None:
        """``inner`` and ``peer_inner`` are the host addresses that talk through the tunnel."""
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
        inner = (echo_request(self._inner, self._peer_inner, *echo) for echo in sorted(self._awaited))
        return [self._seal(request) for request in inner]

    def receive(self, packet: bytes) -> bytes | None:
        """Take an ESP packet; the ESP packet to answer with, if it held an echo request.

        Raises:
            EspError: the packet is not for this SA, a replay, or not authentic.
        """
        opened = self._inbound.open(packet)
        echo = read_echo(opened.payload) if opened.next_header == IPV4_IN_IP else None
        if echo is None:
            return None
        if echo.request:
            self.requests_received += 1
            self.replies_sent += 1
            return self._seal(echo_reply(echo))
        if (echo.identifier, echo.sequence) in self._awaited:
            self._awaited.discard((echo.identifier, echo.sequence))
            self.replies_received += 1
        return None

    @property
    def answered(self) -> bool:
        """Whether every request has its reply."""
        return not self._awaited

    def count(self) -> EchoCount:
        """The traffic so far."""
        return EchoCount(self.requests_sent, self.replies_received, self.requests_received, self.replies_sent)

    def _seal(self, inner: bytes) -> bytes:
        return self._outbound.seal(inner, IPV4_IN_IP, self._rng)
