"""The one interface of key exchange methods. A KEM is not a Diffie-Hellman, so (EC)DH imitates the KEM."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from harness.crypto.errors import InvalidKeyExchangeData
from harness.crypto.random_source import Rng
from harness.registry.transforms import KeyExchangeMethod


@dataclass(frozen=True, slots=True)
class KeyPair:
    """An ephemeral key pair of the initiator. ``public`` is its Key Exchange Data (RFC 7296 section 3.4)."""

    public: bytes
    private: object = field(repr=False)


class KeyExchange(Protocol):
    """One key exchange method: the initiator generates and decapsulates, the responder encapsulates."""

    @property
    def number(self) -> KeyExchangeMethod:
        """The Key Exchange Method number."""

    @property
    def initiator_octets(self) -> int:
        """Octets of Key Exchange Data that the initiator sends."""

    @property
    def responder_octets(self) -> int:
        """Octets of Key Exchange Data that the responder sends."""

    @property
    def post_quantum(self) -> bool:
        """Whether a quantum computer leaves the shared secret safe, as far as is known."""

    def generate(self, rng: Rng) -> KeyPair:
        """The initiator's first step: a fresh key pair made of ``rng``'s octets alone."""

    def encapsulate(self, public: bytes, rng: Rng) -> tuple[bytes, bytes]:
        """The responder's only step: (Key Exchange Data for the initiator, shared secret).

        Raises:
            InvalidKeyExchangeData: ``public`` breaks the method's rules.
        """

    def decapsulate(self, pair: KeyPair, data: bytes) -> bytes:
        """The initiator's second step: the shared secret.

        Raises:
            InvalidKeyExchangeData: ``data`` breaks the method's rules.
        """


def check_length(data: bytes, octets: int, what: str) -> None:
    """Refuse Key Exchange Data of any other length than ``octets``.

    Raises:
        InvalidKeyExchangeData: the length differs.
    """
    if len(data) != octets:
        raise InvalidKeyExchangeData(f"{what} of {octets} octets", f"{len(data)} octets")
