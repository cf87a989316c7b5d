"""Opening what arrives sealed: a message in one SK payload, or in SKF fragments that are collected (RFC 7383)."""

from __future__ import annotations

from dataclasses import dataclass, field

from harness.crypto.errors import IntegrityError
from harness.ike.protected import Opened, SecureChannel, opened
from harness.ike.reassembly import Reassembly
from harness.wire.message import Message
from harness.wire.payloads import Encrypted, EncryptedFragment


@dataclass(slots=True)
class Opener:
    """The fragments that wait for the rest of their message, by Message ID and whether it is a response."""

    waiting: dict[tuple[int, bool], Reassembly] = field(default_factory=dict, repr=False)

    def open(self, channel: SecureChannel, message: Message, data: bytes) -> Opened | str | None:
        """The whole message; None while fragments are missing; a reason in words when the datagram is discarded.

        Raises:
            MalformedMessage: authentic octets whose payloads do not parse.
        """
        last = message.payloads[-1] if message.payloads else None
        try:
            if isinstance(last, Encrypted):
                return opened(message.header, [(message, channel.open(message, data))], [len(data)])
            if isinstance(last, EncryptedFragment):
                return self._collect(channel, message, last, data)
        except IntegrityError:
            return "the Integrity Checksum Data does not fit"
        return f"{message.header.exchange_type} without an Encrypted payload"

    def _collect(
        self, channel: SecureChannel, message: Message, fragment: EncryptedFragment, data: bytes
    ) -> Opened | str | None:
        key = (message.header.message_id, message.header.is_response)
        queue = self.waiting.setdefault(key, Reassembly())
        reason = queue.why_discard(fragment)
        if reason:
            return reason
        if not queue.add(message, fragment, channel.open(message, data), len(data)):
            return None
        pieces = self.waiting.pop(key).in_order()
        return opened(message.header, [(each, plain) for each, plain, _ in pieces], [octets for _, _, octets in pieces])
