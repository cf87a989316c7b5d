"""Whether both AUTH payloads cover what crossed the wire (RFC 7296 section 2.15, RFC 9242 section 3.3.2)."""

from __future__ import annotations

import hmac

from harness.crypto.authentication import int_auth, int_auth_octets, maced_id, shared_key_auth, signed_octets
from harness.registry.identities import AuthenticationMethod
from harness.registry.messages import ExchangeType
from harness.verify.result import Arguments, Checked, Objection
from harness.verify.transcript import SeenMessage
from harness.verify.view import View, of
from harness.wire.payloads import Authentication, IdentificationInitiator, IdentificationResponder, Nonce

_RECORD = "secrets.json"


def authenticated(view: View, _arguments: Arguments) -> Checked:
    """Both AUTH payloads are what the shared key gives over what is on the wire, with IntAuth (K03, I08, I09)."""
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
        auth = of(found, Authentication)[0]
        if auth.method != AuthenticationMethod.SHARED_KEY_MESSAGE_INTEGRITY_CODE:
            objections.append(Objection(party, f"AUTH has method {auth.method}, a shared key is due", found.pointer))
        elif expected is None or not hmac.compare_digest(expected, auth.data):
            sentence = "AUTH is not what RFC 7296 section 2.15 and RFC 9242 section 3.3.2 give for these messages"
            objections.append(Objection(party, sentence, found.pointer))
        else:
            details.append(f"{party}: {found.label}")
    rounds = len(view.find(ExchangeType.IKE_INTERMEDIATE, response=True))
    return Checked(f"AUTH recomputed over {rounds} IKE_INTERMEDIATE: " + "; ".join(details), tuple(objections))


def auth_fits(view: View, *, initiator: bool) -> bool:
    """Whether the AUTH payload of one side is on the wire, and is what it is to be."""
    found = _auth_message(view, initiator)
    expected = None if found is None else _expected_auth(view, found, initiator=initiator)
    return (
        found is not None and expected is not None and hmac.compare_digest(expected, of(found, Authentication)[0].data)
    )


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
    requests, responses = view.final_init
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
