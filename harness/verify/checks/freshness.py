"""Values that are made afresh: nonces, ML-KEM's public values, initialization vectors, and ESP's padding."""

from __future__ import annotations

import hashlib
from collections.abc import Hashable, Iterable
from dataclasses import dataclass

from harness.crypto.errors import MethodUnavailable
from harness.crypto.protection import Protection, protection
from harness.registry.messages import ExchangeType
from harness.registry.transforms import KeyExchangeMethod, TransformType
from harness.results.model import Pointer
from harness.verify.check import Arguments, Checked, Due, Objection, engine_check, wire_check
from harness.verify.checks.vectors import Vectors
from harness.verify.esp import esp_packets
from harness.verify.view import CaseView, View
from harness.verify.wire import SeenMessage, of, sealed_payload
from harness.wire.payloads import KeyExchange, Nonce

_SPI_OCTETS = 8
_LEAST_NONCE = 16  # octets (RFC 7296 section 3.9); by chance they are all the same once in 2^120
_ESP_HEADER = 8  # octets: SPI and Sequence Number
_WORD = 4  # octets (RFC 4303 section 2.4)
_ML_KEM = (KeyExchangeMethod.ML_KEM_512, KeyExchangeMethod.ML_KEM_768, KeyExchangeMethod.ML_KEM_1024)


@dataclass(frozen=True, slots=True)
class FreshValue:
    """A value that its sender makes once and never again, and where it was sent."""

    party: str
    kind: str  # "nonce", or the method of ML-KEM
    digest: str  # SHA-256, 64 hexadecimal digits
    label: str  # of the message
    pointer: Pointer


def fresh_values(view: CaseView) -> tuple[FreshValue, ...]:
    """Nonces and values of ML-KEM as far as they can be read, each once; a deviation of ours may send what it likes."""
    found: dict[tuple[str, str], FreshValue] = {}
    for message in view.messages:
        party = view.sender(message)
        values = [("nonce", nonce.nonce) for nonce in of(message, Nonce)]
        if party != "engine" or view.expectation.reaction is None:
            values += [(str(ke.method), ke.data) for ke in of(message, KeyExchange) if ke.method in _ML_KEM]
        for kind, octets in values:
            digest = hashlib.sha256(octets).hexdigest()
            value = FreshValue(party, kind, digest, message.label, message.pointer)
            found.setdefault((party, digest), value)
    return tuple(found.values())


@wire_check("values-are-fresh", due=Due.ALWAYS, requirement="M11")
def values_are_fresh(view: CaseView, _arguments: Arguments) -> Checked:
    """No nonce, no public value of ML-KEM and no initialization vector comes twice (B23, B56, M11, K06).

    A public value of (EC)DH may be used again, which is told all the same (RFC 7296 section 2.12). A message that is
    repeated is the same message.
    """
    objections = [*_nonces(view), *_ml_kem(view), *_vectors(view)]
    again = "; ".join(dict.fromkeys(_used_again(view)))
    detail = "nonces, ML-KEM values and initialization vectors are all different"
    return Checked(f"{detail}; {again}" if again else detail, tuple(objections))


def _nonces(view: CaseView) -> Iterable[Objection]:
    """A nonce that was there before proves no freshness at all, nor does one of a single octet over and over.

    IKE_SA_INIT may be sent anew with the same nonce: a cookie or another group was asked for.
    """
    seen: dict[bytes, Hashable] = {}
    for message in view.messages:
        place: Hashable = (message.exchange, message.message_id, message.from_initiator)
        for nonce in of(message, Nonce):
            sentence = ""
            if seen.setdefault(nonce.nonce, place) != place:
                sentence = f"{message.label} has the nonce of an earlier message, octet for octet"
            elif len(nonce.nonce) >= _LEAST_NONCE and len(set(nonce.nonce)) == 1:
                sentence = f"{message.label} has a nonce of nothing but octets {nonce.nonce[:1].hex()}"
            if sentence:
                yield Objection(view.sender(message), sentence, message.pointer, "B23")


def _ml_kem(view: CaseView) -> Iterable[Objection]:
    """IKE_SA_INIT may be sent anew with the same key: a cookie or another group was asked for."""
    for party, label, pointer, ke in _values_again(view):
        if ke.method in _ML_KEM and ke.data:
            sentence = f"{label} carries the public value of {ke.method} of an earlier message"
            yield Objection(party, sentence, pointer, "M11")


def _used_again(view: CaseView) -> Iterable[str]:
    """Public values of (EC)DH that a side uses for more than one exchange, as it may."""
    for party, label, _, ke in _values_again(view):
        if ke.method not in _ML_KEM:
            yield f"{label} carries a public value of {ke.method} that {party} has used before, as it may"


def _values_again(view: CaseView) -> Iterable[tuple[str, str, Pointer, KeyExchange]]:
    """Public values that came before in another exchange, of this IKE SA or of one that a party began beside it."""
    seen: dict[tuple[int, bytes], Hashable] = {}
    for message in view.messages:
        place: Hashable = (message.exchange, message.message_id, message.from_initiator)
        for ke in of(message, KeyExchange):
            if seen.setdefault((ke.method, ke.data), place) != place:
                yield view.sender(message), message.label, message.pointer, ke
    for piece in view.strangers:
        place = piece.octets[:_SPI_OCTETS]
        for ke in (each for each in piece.message.payloads if isinstance(each, KeyExchange)):
            if seen.setdefault((ke.method, ke.data), place) != place:
                label = f"{piece.message.header.exchange_type} of another IKE SA"
                yield view.source(piece.datagram), label, Pointer.to_frame(piece.datagram.frame), ke


def _vectors(view: CaseView) -> Iterable[Objection]:
    """The IV in IKE messages; two pieces under one key of one direction. In CBC mode nobody can foresee it (B56)."""
    cipher = cipher_of(view)
    if cipher is None:
        return
    rule = "K06" if cipher.iv_may_be_counter else "B56"
    vectors, size = Vectors(), cipher.iv_octets
    for message in (m for m in view.messages if m.protected and _keys_of(view, m) is not None):
        for piece in message.pieces:
            sealed = sealed_payload(piece.message)
            if sealed is None:
                continue
            key = message.from_initiator, _keys_of(view, message)
            vector, rest = sealed.content[:size], sealed.content[size:]
            ciphertext = rest[: len(rest) - cipher.icv_octets]
            if fault := vectors.fault(key, vector, ciphertext, sealed.content, may_count=cipher.iv_may_be_counter):
                pointer = Pointer.to_frame(piece.datagram.frame)
                yield Objection(view.sender(message), f"{message.label} {fault} under the same key", pointer, rule)


def cipher_of(view: CaseView) -> Protection | None:
    """How the messages of the IKE SA are protected; of two products, as the first IKE SA has it in clear."""
    if isinstance(view, View):
        return view.chain.protection if view.chain is not None else None
    encr = view.suite.get(TransformType.ENCR) if view.suite else None
    if view.suite is None or encr is None:
        return None
    try:
        return protection(encr, view.suite.get(TransformType.INTEG))
    except MethodUnavailable:
        return None


def _keys_of(view: CaseView, message: SeenMessage) -> Hashable:
    """What tells the keys that a message is under; None where nobody knows: those that open it.

    Of two products it is the last ones from IKE_AUTH on. Before that nobody knows which exchange made new keys: each
    message is for itself, and its fragments are under the same.
    """
    if isinstance(view, View):
        return message.generation
    if message.exchange == ExchangeType.IKE_INTERMEDIATE:
        return message.message_id
    return "the last"


@engine_check("esp-in-its-form", due=Due.ALWAYS, requirement="E06")
def esp_in_its_form(view: View, _arguments: Arguments) -> Checked:
    """Padding is 1, 2, 3, ... up to four octets' end, and no initialization vector comes twice (E05, E06, E09, E10).

    In CBC mode none follows from what was sent before.
    """
    packets = [packet for packet in esp_packets(view) if not packet.problem]
    objections, vectors = [], Vectors()
    for packet in packets:
        party = "engine" if packet.from_engine else view.peer
        if packet.padding != bytes(range(1, len(packet.padding) + 1)):
            sentence = f"an ESP packet's padding is {packet.padding[:8].hex()}, not 01, 02, 03"
            objections.append(Objection(party, sentence, packet.pointer, "E06"))
        if packet.ciphertext_size % _WORD:
            sentence = f"an ESP packet's trailer ends behind {packet.ciphertext_size} octets, {_WORD} at a time are due"
            objections.append(Objection(party, sentence, packet.pointer, "E09"))
        ciphertext = packet.octets[_ESP_HEADER + len(packet.vector) :][: packet.ciphertext_size]
        what = packet.from_engine, packet.vector, ciphertext, packet.octets
        if fault := vectors.fault(*what, may_count=packet.counts):
            sentence = f"an ESP packet {fault} under the same key"
            objections.append(Objection(party, sentence, packet.pointer, "E05" if packet.counts else "E10"))
    return Checked(f"{len(packets)} ESP packets: padding and initialization vectors as due", tuple(objections))
