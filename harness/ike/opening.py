"""Opening what arrives sealed: a message in one SK payload, or in SKF fragments that are collected (RFC 7383)."""

from __future__ import annotations

from dataclasses import dataclass, field

from harness.crypto.errors import IntegrityError
from harness.ike.protected import Opened, SecureChannel, opened, sealed_payload
from harness.ike.reassembly import Reassembly
from harness.wire.message import Message
from harness.wire.payloads import Encrypted, EncryptedFragment


@dataclass(slots=True)
class Opener:
    """The fragments that wait for the rest of their message: of one request and of one response, as the window is 1."""

    waiting: dict[bool, tuple[int, Reassembly]] = field(default_factory=dict, repr=False)  # with its Message ID

    def open(self, channel: SecureChannel, message: Message, data: bytes) -> Opened | str | None:
        """The whole message; None while fragments are missing; a reason in words when the datagram is discarded.

        Raises:
            MalformedMessage: authentic octets whose payloads do not parse.
        """
        sealed = sealed_payload(message)
        try:
            if isinstance(sealed, Encrypted):
                plain = channel.open(message, data)
                self.waiting.pop(message.header.is_response, None)
                return opened(message.header, [(message, plain)], [len(data)])
            if isinstance(sealed, EncryptedFragment):
                return self._collect(channel, message, sealed, data)
        except IntegrityError:
            return "the Integrity Checksum Data does not fit"
        return f"{message.header.exchange_type} without an Encrypted payload"

    def _collect(
        self, channel: SecureChannel, message: Message, fragment: EncryptedFragment, data: bytes
    ) -> Opened | str | None:
        header = message.header
        number, queue = self.waiting.get(header.is_response, (header.message_id, Reassembly()))
        if number != header.message_id:  # what is left of an earlier message, which came whole or not at all
            queue = Reassembly()
        if reason := queue.why_discard(fragment):
            return reason
        plain = channel.open(message, data)
        self.waiting[header.is_response] = header.message_id, queue
        if reason := queue.add(message, fragment, plain, len(data)):
            return reason
        if not queue.complete:
            return None
        del self.waiting[header.is_response]
        pieces = queue.in_order()
        # The header of the message is that of fragment 1: all others repeat it (RFC 7383 section 2.5).
        first = pieces[0][0].header
        return opened(first, [(each, plain) for each, plain, _ in pieces], [octets for _, _, octets in pieces])
