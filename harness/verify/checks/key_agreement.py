"""Whether both ends have the keys that they should have, made of every exchange (RFC 9370 2.2.2, RFC 9242 3.3)."""

from __future__ import annotations

import hmac
from dataclasses import fields

from harness.crypto.authentication import int_auth, int_auth_octets, maced_id, shared_key_auth, signed_octets
from harness.evidence.model import KeyGeneration
from harness.registry.key_exchange_sizes import KEY_EXCHANGE_OCTETS
from harness.registry.messages import ExchangeType
from harness.verify.key_chain import key_chain
from harness.verify.result import Arguments, Checked, Objection
from harness.verify.transcript import SeenMessage, decrypt
from harness.verify.view import View, of
from harness.wire.payloads import (
    Authentication,
    IdentificationInitiator,
    IdentificationResponder,
    KeyExchange,
    Nonce,
)

_RECORD = "secrets.json"


def authenticated(view: View, _arguments: Arguments) -> Checked:
    """Both AUTH payloads are what the shared key gives over the messages as they crossed the wire, IntAuth included."""
    objections = list(_recorded_int_auth(view))
    details = []
    for initiator in (True, False):
        found = _auth_message(view, initiator)
        party = view.party(initiator=initiator)
        if found is None:
            name = "request" if initiator else "response"
            objections.append(Objection(party, f"no IKE_AUTH {name} with AUTH can be decrypted", "wire.pcapng"))
            continue
        expected = _expected_auth(view, found, initiator=initiator)
        actual = of(found, Authentication)[0].data
        if expected is None or not hmac.compare_digest(expected, actual):
            sentence = "AUTH is not what RFC 7296 section 2.15 and RFC 9242 section 3.3.2 give for these messages"
            objections.append(Objection(party, sentence, found.pointer))
        else:
            details.append(f"{party}: {found.label}")
    rounds = len(view.find(ExchangeType.IKE_INTERMEDIATE, response=True))
    return Checked(f"AUTH recomputed over {rounds} IKE_INTERMEDIATE: " + "; ".join(details), tuple(objections))


def _auth_message(view: View, initiator: bool) -> SeenMessage | None:
    messages = view.find(ExchangeType.IKE_AUTH, response=not initiator)
    return next((m for m in messages if of(m, Authentication)), None)


def _chained(view: View, initiator: bool) -> list[bytes]:
    """IntAuth_i1, IntAuth_i2, ... or those of the responder, from the wire (RFC 9242 section 3.3.2)."""
    values: list[bytes] = []
    assert view.chain is not None
    messages = view.find(ExchangeType.IKE_INTERMEDIATE, response=not initiator)
    for message in sorted(messages, key=lambda m: m.message_id):
        if message.opened is None or message.generation is None:
            break
        keys = view.chain.generations[message.generation]
        sk_p = keys.sk_pi if initiator else keys.sk_pr
        previous = values[-1] if values else b""
        values.append(int_auth(view.chain.schedule.prf, sk_p, previous, message.opened.a, message.opened.p))
    return values


def _expected_auth(view: View, message: SeenMessage, *, initiator: bool) -> bytes | None:
    requests, responses = _final_init(view)
    identity_class = IdentificationInitiator if initiator else IdentificationResponder
    identity = of(message, identity_class)
    if view.chain is None or requests is None or responses is None or not identity:
        return None
    prf, keys = view.chain.schedule.prf, view.chain.generations[-1]
    real, other = (requests, responses) if initiator else (responses, requests)
    sk_p = keys.sk_pi if initiator else keys.sk_pr
    chained_i, chained_r = _chained(view, initiator=True), _chained(view, initiator=False)
    int_auth_part = (
        int_auth_octets(chained_i[-1], chained_r[-1], message.message_id) if chained_i and chained_r else b""
    )
    covered = signed_octets(
        real.pieces[0].octets, of(other, Nonce)[0].nonce, maced_id(prf, sk_p, identity[0].body()), int_auth_part
    )
    return shared_key_auth(prf, view.secrets.psk, covered)


def _final_init(view: View) -> tuple[SeenMessage | None, SeenMessage | None]:
    """The IKE_SA_INIT request and response that count: the ones with a nonce in the response."""
    response = next((m for m in view.find(ExchangeType.IKE_SA_INIT, response=True) if of(m, Nonce)), None)
    requests = view.find(ExchangeType.IKE_SA_INIT, response=False)
    before = [m for m in requests if response is not None and m.frame < response.frame]
    return (before[-1] if before else None), response


def _recorded_int_auth(view: View) -> list[Objection]:
    """IntAuth as the engine recorded it against IntAuth computed from the wire."""
    if view.chain is None:
        return []
    objections = []
    for initiator, recorded in ((True, view.secrets.int_auth_initiator), (False, view.secrets.int_auth_responder)):
        computed = _chained(view, initiator)
        if list(recorded) != computed:
            name = "IntAuth_i" if initiator else "IntAuth_r"
            sentence = f"the recorded {name} is not what the messages on the wire give"
            objections.append(Objection("engine", sentence, _RECORD, "I09"))
    return objections


def keys_depend_on_every_exchange(view: View, _arguments: Arguments) -> Checked:
    """Every protected message decrypts with keys made of all secrets so far, and with any of them changed none does."""
    objections = [*_recorded_keys(view), *_wrong_generation(view)]
    suite, chain = view.suite, view.chain
    if suite is None or chain is None:
        objections.append(Objection("", "the keys cannot be computed from what was recorded", _RECORD))
        return Checked("", tuple(objections))
    expected = [suite.key_exchange, *suite.additional_key_exchanges]
    recorded = [entry.method for entry in view.secrets.shared_secrets]
    if recorded != expected:
        names = ", ".join(map(str, recorded))
        objections.append(Objection("engine", f"secrets of {names} are recorded for another suite", _RECORD, "A06"))
    for index in range(len(recorded)):
        objections += _survives_without(view, index)
    count = sum(message.opened is not None for message in view.messages)
    return Checked(
        f"{count} protected messages decrypt with keys computed from {len(recorded)} shared secrets; with any one of "
        "them altered the next message does not",
        tuple(objections),
    )


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
        if not message.protected:
            continue
        due = message.message_id - 1 if message.exchange == ExchangeType.IKE_INTERMEDIATE else last
        if message.generation != due:
            got = "none" if message.generation is None else str(message.generation)
            sentence = f"{message.label} is due under keys of generation {due}; {got} of the computed ones opens it"
            objections.append(Objection(_at_odds(view, message), sentence, message.pointer, "I07"))
    return objections


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
