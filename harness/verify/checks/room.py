"""Two products: how many octets of payloads there are inside of SK, and whether a key exchange fits in."""

from __future__ import annotations

from harness.registry.key_exchange_sizes import KEY_EXCHANGE_OCTETS
from harness.registry.messages import ExchangeType
from harness.registry.transforms import KeyExchangeMethod
from harness.verify.checks.freshness import cipher_of
from harness.verify.pair_view import PairView, initiator_spi
from harness.verify.wire import SeenMessage, sealed_payload
from harness.wire.payloads import Encrypted, EncryptedFragment

PAD_LENGTH = 1
KE = 4 + 4  # octets beside its data: the header of a payload, the method and two that are reserved


def sealed_parts(message: SeenMessage) -> list[Encrypted | EncryptedFragment]:
    """The SK payload, or the SKF payloads, of all copies."""
    return [sealed for piece in message.pieces if (sealed := sealed_payload(piece.message)) is not None]


def is_of_the_first(view: PairView, message: SeenMessage) -> bool:
    """Whether it belongs to the IKE SA that was begun last in clear: of a rekeyed one nobody knows the cipher."""
    init = view.find(ExchangeType.IKE_SA_INIT, response=True)
    return bool(init) and initiator_spi(message) == initiator_spi(init[-1])


def room(view: PairView, message: SeenMessage) -> int:
    """The octets for payloads: those of SK, or of all SKF payloads of the largest set, each once.

    Where the cipher is known, IV, Pad Length and ICV of each are none of them; too few for these make it negative.
    """
    cipher = cipher_of(view) if is_of_the_first(view, message) else None
    around = cipher.iv_octets + PAD_LENGTH + cipher.icv_octets if cipher else 0
    sets: dict[int | None, dict[int | None, int]] = {}
    for sealed in sealed_parts(message):
        part = sealed if isinstance(sealed, EncryptedFragment) else None
        number, total = (part.fragment_number, part.total_fragments) if part else (None, None)
        sets.setdefault(total, {})[number] = len(sealed.content) - around
    return max((sum(each.values()) for each in sets.values()), default=0)


def has_room_for_key(view: PairView, message: SeenMessage, method: KeyExchangeMethod) -> bool:
    """Whether a KE payload of this method fits in, as far as its size is known; of what is in clear others tell."""
    octets = KEY_EXCHANGE_OCTETS.get(method)
    return octets is None or not message.sealed or room(view, message) >= KE + octets[int(message.response)]
