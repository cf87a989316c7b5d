"""Collecting the fragments of one message (RFC 7383 section 2.6)."""

from __future__ import annotations

from dataclasses import dataclass, field

from harness.wire.message import Message
from harness.wire.payloads import EncryptedFragment

_LIMIT_OCTETS = 65536  # RFC 7383 section 5: more than 64 KB is never needed


@dataclass(slots=True)
class Reassembly:
    """The fragments received so far of the message with one Message ID. Only authentic fragments come in here."""

    total: int = 0
    octets: int = 0  # of all plaintext that is queued
    pieces: dict[int, tuple[Message, bytes, int]] = field(default_factory=dict, repr=False)

    def why_discard(self, fragment: EncryptedFragment) -> str:
        """The reason to discard a fragment silently before it is decrypted, or an empty string."""
        number, total = fragment.fragment_number, fragment.total_fragments
        if not 1 <= number <= total:
            return f"fragment {number} of {total} is out of range"
        if total < self.total:
            return f"a set of {total} fragments after one of {self.total}"
        if total == self.total and number in self.pieces:
            return f"fragment {number} of {total} again"
        return ""

    def add(self, message: Message, fragment: EncryptedFragment, plain: bytes, octets: int) -> str:
        """Queue a decrypted fragment of ``octets`` on the wire; the reason if there is no room for it, else "".

        A larger Total Fragments means that the peer fragmented anew: what was queued is discarded (section 2.6).
        """
        if fragment.total_fragments > self.total:
            self.total = fragment.total_fragments
            self.octets = 0
            self.pieces.clear()
        if self.octets + len(plain) > _LIMIT_OCTETS:
            return f"fragments of more than {_LIMIT_OCTETS} octets in all"
        self.octets += len(plain)
        self.pieces[fragment.fragment_number] = (message, plain, octets)
        return ""

    @property
    def complete(self) -> bool:
        """Whether no fragment is missing."""
        return len(self.pieces) == self.total

    def in_order(self) -> list[tuple[Message, bytes, int]]:
        """All pieces by fragment number."""
        return [self.pieces[number] for number in sorted(self.pieces)]
