"""Whether both AUTH payloads cover what crossed the wire (RFC 7296 section 2.15, RFC 9242 section 3.3.2)."""

from __future__ import annotations

import hmac

from harness.registry.identities import AuthenticationMethod
from harness.registry.messages import ExchangeType
from harness.registry.notifications import NotifyType
from harness.results.model import CAPTURE
from harness.verify import keys
from harness.verify.check import Arguments, Checked, Due, Objection, engine_check, pair_check
from harness.verify.checks.exchanges import octets_of
from harness.verify.pair_view import PairView
from harness.verify.view import View
from harness.verify.wire import SeenMessage, of
from harness.wire.payloads import Authentication, IdentificationInitiator, IdentificationResponder, Notify


@engine_check(
    "authenticated", due=Due.UP, requirement="I08", at_least="K03", without_addke={"I08": "K03", "I09": "K03"}
)
def authenticated(view: View, _arguments: Arguments) -> Checked:
    """Both AUTH payloads are what the shared key gives over what is on the wire, with IntAuth (K03, I08, I09)."""
    objections, details = [], []
    for initiator in (True, False):
        found = auth_of(view, initiator=initiator)
        party = view.party(initiator=initiator)
        if found is None:
            name = "request" if initiator else "response"
            objections.append(Objection(party, f"no IKE_AUTH {name} with AUTH can be decrypted", CAPTURE))
            continue
        expected = expected_auth(view, found, initiator=initiator)
        auth = of(found, Authentication)[0]
        if auth.method != AuthenticationMethod.SHARED_KEY_MESSAGE_INTEGRITY_CODE:
            objections.append(Objection(party, f"AUTH has method {auth.method}, a shared key is due", found.pointer))
        elif expected is None or not hmac.compare_digest(expected, auth.data):
            sentence = "AUTH is not what RFC 7296 section 2.15 and RFC 9242 section 3.3.2 give for these messages"
            bare = expected_auth(view, found, initiator=initiator, int_auth=False)
            if bare is not None and hmac.compare_digest(bare, auth.data):
                sentence += "; it is what they give without IntAuth"
            objections.append(Objection(party, sentence, found.pointer))
        else:
            details.append(f"{party}: {found.label}")
    rounds = len(view.find(ExchangeType.IKE_INTERMEDIATE, response=True))
    return Checked(f"AUTH recomputed over {rounds} IKE_INTERMEDIATE: " + "; ".join(details), tuple(objections))


_OF_A_CHILD = frozenset({
    NotifyType.NO_PROPOSAL_CHOSEN, NotifyType.TS_UNACCEPTABLE, NotifyType.SINGLE_PAIR_REQUIRED,
    NotifyType.INTERNAL_ADDRESS_FAILURE, NotifyType.FAILED_CP_REQUIRED,
})  # fmt: skip
"""Errors of IKE_AUTH that "do not prevent an IKE SA from being set up" (RFC 7296 section 1.2)."""


@engine_check(
    "auth-is-as-due", due=Due.NOT_UP, requirement="I08", at_least="K03", without_addke={"I08": "K03", "I09": "K03"}
)
def auth_is_as_due(view: View, _arguments: Arguments) -> Checked:
    """What was sent of IKE_AUTH carries an AUTH payload, and it is right, although no tunnel came of it (K03, I08).

    So does an answer that refuses the Child SA alone: the IKE SA "is still created as usual" (B33), where the one who
    asked for it has authenticated itself.
    """
    harmless = _OF_A_CHILD if auth_fits(view, initiator=True) else frozenset[NotifyType]()
    objections, right = [], []
    for initiator in (True, False):
        found = view.find(ExchangeType.IKE_AUTH, response=not initiator)
        message = next((m for m in found if m.readable), None)
        errors = {n.notify_type for n in of(message, Notify) if n.notify_type.is_error} if message else set()
        if message is None or (errors - harmless and not of(message, Authentication)):
            continue
        party = view.sender(message)
        if not of(message, Authentication):
            sentence, rule = f"{message.label} has no AUTH payload", "B33" if errors else ""
            objections.append(Objection(party, sentence, message.pointer, rule))
        elif auth_fits(view, initiator=initiator):
            right.append(message.label)
        else:
            sentence = f"AUTH of {message.label} is not what is due for what is on the wire"
            objections.append(Objection(party, sentence, message.pointer))
    return Checked(f"AUTH is right in {' and '.join(right) or 'no message'}", tuple(objections))


def auth_fits(view: View, *, initiator: bool) -> bool:
    """Whether the AUTH payload of one side is on the wire, and is what it is to be."""
    found = auth_of(view, initiator=initiator)
    expected = None if found is None else expected_auth(view, found, initiator=initiator)
    if found is None or expected is None:
        return False
    auth = of(found, Authentication)[0]
    by_key = auth.method == AuthenticationMethod.SHARED_KEY_MESSAGE_INTEGRITY_CODE
    return by_key and hmac.compare_digest(expected, auth.data)


def auth_of(view: View, *, initiator: bool) -> SeenMessage | None:
    """The message with the AUTH payload of one side."""
    messages = view.find(ExchangeType.IKE_AUTH, response=not initiator, initiator=initiator)
    return next((m for m in messages if of(m, Authentication)), None)


def chained(view: View, *, initiator: bool) -> list[bytes]:
    """IntAuth_i1, IntAuth_i2, ... or those of the responder, from the wire, as far as it can be read."""
    assert view.chain is not None
    covered = []
    for message in view.intermediates(response=not initiator):
        if message.opened is None or message.generation is None:
            break
        covered.append((message.generation, message.opened.a, message.opened.p))
    return keys.int_auth(view.chain, covered, initiator=initiator)


def auth_fits_some_first_message(view: View, *, initiator: bool) -> bool:
    """Whether one side's AUTH covers one of the IKE_SA_INIT messages that it sent, if not the one that counts.

    Of two first requests with other octets only the responder knows which one it has taken.
    """
    found = auth_of(view, initiator=initiator)
    if found is None:
        return False
    data = of(found, Authentication)[0].data
    due = (
        expected_auth(view, found, initiator=initiator, real=message)
        for message in view.find(ExchangeType.IKE_SA_INIT, response=not initiator)
    )
    return any(each is not None and hmac.compare_digest(each, data) for each in due)


def expected_auth(
    view: View, message: SeenMessage, *, initiator: bool, int_auth: bool = True, real: SeenMessage | None = None
) -> bytes | None:
    """AUTH as it is due for what is on the wire, or as it would be without IntAuth; None where that cannot be told.

    ``real`` is the first message that it covers, by default the one that counts.
    """
    real = real or view.final_init[0 if initiator else 1]
    identity = of(message, IdentificationInitiator if initiator else IdentificationResponder)
    if view.chain is None or real is None or not identity:
        return None
    chained_i, chained_r = (chained(view, initiator=each) if int_auth else [] for each in (True, False))
    whole = (chained_i[-1], chained_r[-1], message.message_id.to_bytes(4)) if chained_i and chained_r else ()
    octets, body = real.pieces[0].octets, identity[0].body()
    return keys.shared_key_auth(view.chain, view.secrets.psk, octets, body, whole, initiator=initiator)


@pair_check("pair-room-for-certificates")
def pair_room_for_certificates(view: PairView, _arguments: Arguments) -> Checked:
    """The IKE_AUTH messages of both have room for their certificates; what else could be read is encrypted.

    Beside this stands that neither was told any other means to authenticate, and that both say that the IKE SA stands.
    Who announces SIGNATURE_HASH_ALGORITHMS, in clear, can use the signatures of RFC 7427.
    """
    objections, seen = [], []
    for index, side in enumerate(view.sides):
        messages = view.find(ExchangeType.IKE_AUTH, response=index == 1)
        octets = max(map(octets_of, messages), default=0)
        seen.append(f"{octets} octets for a certificate of {side.certificate_octets}")
        if octets <= side.certificate_octets:
            sentence = (
                f"no IKE_AUTH message of {side.peer} has room for its certificate of {side.certificate_octets} octets"
            )
            objections.append(Objection(side.peer, sentence, messages[0].pointer if messages else CAPTURE))
    return Checked(f"IKE_AUTH: {', '.join(seen)}; {_announced(view)}", tuple(objections))


def _announced(view: PairView) -> str:
    """Which of the two announce that they know the signatures of RFC 7427."""
    who = {
        view.sender(message)
        for message in view.find(ExchangeType.IKE_SA_INIT)
        for notify in of(message, Notify)
        if notify.notify_type == NotifyType.SIGNATURE_HASH_ALGORITHMS
    }
    return f"SIGNATURE_HASH_ALGORITHMS from {' and '.join(sorted(who)) or 'neither'}"
