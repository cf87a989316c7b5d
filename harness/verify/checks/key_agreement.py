"""Whether both ends have the keys that they should have, made of every exchange (RFC 9370 2.2.2, RFC 9242 3.3)."""

from __future__ import annotations

from dataclasses import fields

from harness.evidence.model import KeyGeneration
from harness.registry.key_exchange_sizes import KEY_EXCHANGE_OCTETS
from harness.registry.messages import ExchangeType
from harness.verify.key_chain import key_chain
from harness.verify.result import Arguments, Checked, Objection
from harness.verify.transcript import SeenMessage, decrypt
from harness.verify.view import View, of
from harness.wire.payloads import Encrypted, EncryptedFragment, KeyExchange

_RECORD = "secrets.json"


def keys_depend_on_every_exchange(view: View, _arguments: Arguments) -> Checked:
    """Every protected message decrypts with keys made of all secrets so far, and with any of them changed none does.

    Each negotiated method has its KE payloads where they belong (B02, A15), and each message comes under the keys that
    are due (I07).
    """
    objections = [*_recorded_keys(view), *_wrong_generation(view), *_exchanges_missing(view)]
    suite, chain = view.suite, view.chain
    if suite is None or chain is None:
        objections.append(Objection("", "the keys cannot be computed from what was recorded", _RECORD))
        return Checked("", tuple(objections))
    expected = [suite.key_exchange, *suite.additional_key_exchanges]
    recorded = [entry.method for entry in view.secrets.shared_secrets]
    if recorded != expected:
        names = ", ".join(map(str, recorded))
        objections.append(Objection("engine", f"secrets of {names} are recorded for another suite", _RECORD, "A06"))
    secrets = [entry.secret for entry in view.secrets.shared_secrets]
    if len(set(secrets)) < len(secrets) or not all(any(secret) for secret in secrets):
        objections.append(Objection("engine", "a recorded shared secret is zero, or another one's", _RECORD, "A06"))
        return Checked("", tuple(objections))
    for index in range(len(recorded)):
        objections += _survives_without(view, index)
    count = sum(message.opened is not None for message in view.messages)
    return Checked(
        f"{count} protected messages decrypt with keys computed from {len(recorded)} shared secrets; with any one of "
        "them altered the next message does not",
        tuple(objections),
    )


def _exchanges_missing(view: View) -> list[Objection]:
    """Each negotiated method has its KE payloads in both messages of its exchange, one each (B02, A06, A15)."""
    if view.suite is None:
        return []
    additional = view.suite.additional_key_exchanges
    due = [(message, view.suite.key_exchange) for message in view.final_init]
    seen = {(m.message_id, m.response): m for m in view.messages if m.exchange == ExchangeType.IKE_INTERMEDIATE}
    for number, method in enumerate(additional, start=1):
        due += [(seen.pop((number, response), None), method) for response in (False, True)]
    objections = []
    for message, wanted in due:
        if message is None:
            objections.append(Objection("", f"no message carries the KE payload of {wanted}", "wire.pcapng", "A06"))
        elif message.readable and [ke.method for ke in of(message, KeyExchange)] != [wanted]:
            got = ", ".join(str(ke.method) for ke in of(message, KeyExchange)) or "none"
            sentence = f"{message.label} is to carry one KE payload, of {wanted}; it carries {got}"
            requirement = "A15" if message.exchange == ExchangeType.IKE_INTERMEDIATE else "B02"
            objections.append(Objection(view.sender(message), sentence, message.pointer, requirement))
    for message in seen.values():
        if of(message, KeyExchange):
            sentence = f"{message.label} carries a key exchange that was not negotiated"
            objections.append(Objection(view.sender(message), sentence, message.pointer, "A15"))
    return objections


def _survives_without(view: View, index: int) -> list[Objection]:
    """Objections if messages after exchange ``index`` still decrypt with its secret altered, or if none came after."""
    assert view.suite is not None and view.chain is not None
    secrets = [entry.secret for entry in view.secrets.shared_secrets]
    secrets[index] = bytes((secrets[index][0] ^ 1,)) + secrets[index][1:]
    schedule = view.chain.schedule
    spis = (view.secrets.initiator_spi, view.secrets.responder_spi)
    altered = key_chain(view.suite, (schedule.nonce_i, schedule.nonce_r), spis, tuple(secrets))
    after = [m for m in view.messages if m.generation is not None and m.generation >= index]
    method = view.secrets.shared_secrets[index].method
    if {m.from_initiator for m in after} != {True, False}:
        sentence = f"no message of each side proves that the secret of {method} entered the keys"
        return [Objection("", sentence, "wire.pcapng", "A06")]
    for message in after:
        assert message.generation is not None
        if decrypt(message, altered.generations[message.generation], altered) is not None:
            sentence = f"{message.label} still decrypts with the secret of {method} altered"
            return [Objection(view.sender(message), sentence, message.pointer, "A06")]
    return []


def _wrong_generation(view: View) -> list[Objection]:
    """Messages that do not decrypt, or not with the generation that is due (RFC 9242 section 3.3.1)."""
    objections = []
    last = len(view.secrets.shared_secrets) - 1
    for message in view.messages:
        if not message.protected or _late_error(message):
            continue
        intermediate = message.exchange == ExchangeType.IKE_INTERMEDIATE
        due = min(message.message_id - 1, last) if intermediate else last  # without a key exchange the keys stay
        if message.generation != due:
            got = "none" if message.generation is None else str(message.generation)
            sentence = f"{message.label} is due under keys of generation {due}; {got} of the computed ones opens it"
            objections.append(Objection(_at_odds(view, message), sentence, message.pointer, "I07"))
    return objections


def _late_error(message: SeenMessage) -> bool:
    """An unprotected INFORMATIONAL: "I do not know this SPI", on which nobody acts (RFC 7296 section 2.21.4)."""
    outer = message.pieces[0].message.payloads
    sealed = any(isinstance(payload, Encrypted | EncryptedFragment) for payload in outer)
    return message.exchange == ExchangeType.INFORMATIONAL and not sealed


def _at_odds(view: View, message: SeenMessage) -> str:
    """Whose keys differ: the sender's, unless our own records contradict each other."""
    return "engine" if _recorded_keys(view) else view.sender(message)


def _recorded_keys(view: View) -> list[Objection]:
    """SK_d to SK_pr as recorded against those computed from the recorded secrets and the nonces on the wire."""
    if view.chain is None:
        return []
    objections = []
    names = [field.name for field in fields(KeyGeneration)]
    computed = [tuple(getattr(keys, name) for name in names) for keys in view.chain.generations]
    recorded = [tuple(getattr(keys, name) for name in names) for keys in view.secrets.generations]
    if len(computed) != len(recorded):
        sentence = f"{len(recorded)} generations of keys are recorded for {len(computed)} shared secrets"
        objections.append(Objection("engine", sentence, _RECORD, "A06"))
    for number, (ours, theirs) in enumerate(zip(computed, recorded, strict=False)):
        wrong = [name for name, a, b in zip(names, ours, theirs, strict=True) if a != b]
        if wrong:
            sentence = f"recorded {', '.join(wrong)} of generation {number} do not follow from the recorded secrets"
            objections.append(Objection("engine", sentence, _RECORD, "A06"))
    return objections


def key_exchange_sizes(view: View, _arguments: Arguments) -> Checked:
    """Every KE payload has the octets that its method asks for (RFC 7296 3.4; draft-ietf-ipsecme-ikev2-mlkem)."""
    objections, seen = [], []
    for message in view.messages:
        for payload in of(message, KeyExchange):
            sizes = KEY_EXCHANGE_OCTETS.get(payload.method)
            if sizes is None:
                continue
            wanted = sizes[1 if message.response else 0]
            seen.append(f"{payload.method} {len(payload.data)}")
            if len(payload.data) != wanted:
                sentence = f"KE of {payload.method} in {message.label} has {len(payload.data)} octets, not {wanted}"
                objections.append(Objection(view.sender(message), sentence, message.pointer))
    if not seen:
        objections.append(Objection("", "no KE payload of a known method is on the wire", "wire.pcapng"))
    return Checked("Key Exchange Data octets: " + ", ".join(seen), tuple(objections))
