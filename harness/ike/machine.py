"""What the exchanges may use of a session: its configuration, its randomness, and the ways to send and to tell."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from harness.crypto.random_source import Rng
from harness.ike.configuration import Configuration, Datagram, Path
from harness.ike.deviations.outgoing import OutgoingMessage
from harness.ike.deviations.table import DEVIATIONS
from harness.ike.errors import LocalMisuse
from harness.ike.events import Deviated, Event, MessageSent
from harness.ike.keylog import KeyLog
from harness.ike.protected import Sealed, SecureChannel
from harness.ike.states import Agreement
from harness.ike.window import Window
from harness.registry.messages import ExchangeType, PayloadType
from harness.registry.notifications import NotifyType
from harness.wire.message import INITIATOR, RESPONSE, Header, Message
from harness.wire.payload import Payload
from harness.wire.payloads import Notify

NON_ESP_MARKER = bytes(4)
_IP_UDP_OCTETS = {4: 28, 6: 48}  # IP header without options, and UDP header


@dataclass(slots=True)
class Machine:
    """The mutable part of a session. An exchange is a function of (machine, state, message): the next state."""

    configuration: Configuration
    rng: Rng
    keylog: KeyLog = field(default_factory=KeyLog)
    window: Window = field(default_factory=Window)
    events: deque[Event] = field(default_factory=deque)
    outbox: deque[Datagram] = field(default_factory=deque)
    initiator_spi: bytes = bytes(8)
    responder_spi: bytes = bytes(8)
    now: float = 0.0
    refusal: tuple[float, Exception] | None = None  # an unprotected error, believed at that time (section 2.21.1)
    cookie_secret: bytes = field(default=b"", repr=False)

    def header(self, exchange: ExchangeType, message_id: int, response: bool) -> Header:
        """The header of a message of ours (RFC 7296 section 3.1)."""
        flags = (INITIATOR if self.configuration.initiator else 0) | (RESPONSE if response else 0)
        return Header(self.initiator_spi, self.responder_spi, exchange, flags, message_id)

    def emit(self, event: Event) -> None:
        """Tell the caller."""
        self.events.append(event)

    def transmit(self, messages: Sequence[bytes], path: Path) -> None:
        """Queue IKE messages; on the NAT traversal port each gets the non-ESP marker (RFC 7296 section 2.23)."""
        marker = NON_ESP_MARKER if path.local[1] == self.configuration.nat_port else b""
        self.outbox.extend(Datagram(path, marker + message) for message in messages)

    def send_init_request(self, message: Message, path: Path) -> bytes:
        """Send an IKE_SA_INIT request, the first or a repeated one with other contents; its octets come back."""
        message = Message(message.header, self._as_it_leaves(message.header, message.payloads))
        octets = message.to_bytes()
        self._tell_sent(message.header, message.payloads, (octets,))
        self.window.resent_init((octets,), path, self.now, self.configuration.retransmission)
        self.transmit((octets,), path)
        return octets

    def send_request(self, agreement: Agreement, exchange: ExchangeType, payloads: Sequence[Payload]) -> Sealed:
        """Send a protected request with the newest keys.

        Raises:
            LocalMisuse: another request is still unanswered (window of 1).
        """
        if self.window.outstanding is not None:
            raise LocalMisuse("no unanswered request", str(self.window.outstanding.exchange), exchange.name)
        header = self.header(exchange, self.window.next_own, response=False)
        sealed = self._seal(agreement, header, payloads, agreement.path)
        self.window.sent(exchange, sealed.messages, agreement.path, self.now, self.configuration.retransmission)
        self.transmit(sealed.messages, agreement.path)
        return sealed

    def send_response(
        self, agreement: Agreement, exchange: ExchangeType, path: Path, payloads: Sequence[Payload]
    ) -> Sealed:
        """Answer the peer's request ``window.next_peer``, protected, to where it came from (section 2.11)."""
        header = self.header(exchange, self.window.next_peer, response=True)
        sealed = self._seal(agreement, header, payloads, path)
        self.window.answer(sealed.messages, path)
        self.transmit(sealed.messages, path)
        return sealed

    def send_init_response(self, payloads: tuple[Payload, ...], path: Path, *, keeps_state: bool) -> bytes:
        """Answer IKE_SA_INIT; without state (COOKIE, errors) a repeated request is not remembered."""
        header = self.header(ExchangeType.IKE_SA_INIT, 0, response=True)
        message = Message(header, self._as_it_leaves(header, payloads))
        octets = message.to_bytes()
        self._tell_sent(header, message.payloads, (octets,))
        if keeps_state:
            self.window.answer((octets,), path)
        self.transmit((octets,), path)
        return octets

    def refuse_version(self, request: Header, path: Path) -> None:
        """Answer a request of a higher major version, unprotected: our header says which one we speak (section 2.5)."""
        flags = self.header(request.exchange_type, request.message_id, response=True).flags
        header = Header(request.initiator_spi, request.responder_spi, request.exchange_type, flags, request.message_id)
        message = Message(header, (Notify(NotifyType.INVALID_MAJOR_VERSION),))
        octets = message.to_bytes()
        self._tell_sent(header, message.payloads, (octets,))
        self.transmit((octets,), path)

    def channel(self, agreement: Agreement, *, sending: bool) -> SecureChannel:
        """The newest keys in one direction."""
        from_initiator = self.configuration.initiator == sending
        return SecureChannel.of(agreement.schedule.protection, agreement.keys, from_initiator)

    def _seal(self, agreement: Agreement, header: Header, payloads: Sequence[Payload], path: Path) -> Sealed:
        payloads = self._as_it_leaves(header, payloads, agreement)
        limit = self._message_limit(path) if agreement.fragmentation else None
        sealed = self.channel(agreement, sending=True).seal(header, payloads, self.rng, limit)
        self._tell_sent(header, payloads, sealed.messages)
        return sealed

    def _as_it_leaves(
        self, header: Header, payloads: Sequence[Payload], agreement: Agreement | None = None
    ) -> tuple[Payload, ...]:
        """The payloads of a message on its way out: the one place where a deviation acts, and tells that it did."""
        given, deviation = tuple(payloads), self.configuration.deviation
        if deviation is None:
            return given
        altered = DEVIATIONS[deviation].alter(OutgoingMessage(header, given, agreement, self.configuration.psk))
        if altered != given:
            self.emit(Deviated(deviation, header.exchange_type, header.message_id, header.is_response))
        return altered

    def _message_limit(self, path: Path) -> int:
        local_address, local_port = path.local
        marker = len(NON_ESP_MARKER) if local_port == self.configuration.nat_port else 0
        return self.configuration.fragment_octets - _IP_UDP_OCTETS[6 if ":" in local_address else 4] - marker

    def _tell_sent(self, header: Header, payloads: Sequence[Payload], messages: tuple[bytes, ...]) -> None:
        sizes = tuple([len(message) for message in messages])
        names = payload_names(payloads)
        response = header.is_response
        self.emit(MessageSent(header.exchange_type, header.message_id, response, sum(sizes), sizes, names))


def payload_names(payloads: Sequence[Payload]) -> tuple[str, ...]:
    """What a ladder diagram calls the payloads: ``SA``, ``KE``, ``N(COOKIE)``."""
    return tuple([_name(payload.notify_type if isinstance(payload, Notify) else payload.type) for payload in payloads])


@lru_cache(typed=True)  # a payload type and a notify type of the same number are equal
def _name(number: PayloadType | NotifyType) -> str:
    return f"N({number.name})" if isinstance(number, NotifyType) else number.name
