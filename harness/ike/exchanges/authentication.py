"""IKE_AUTH with a pre-shared key and the first Child SA (RFC 7296 sections 1.2, 2.15 and 2.21.2)."""

from __future__ import annotations

import hmac

from harness.crypto import authentication as formulas
from harness.ike.configuration import Identity, Path
from harness.ike.errors import PeerMisbehaved, PeerRefused
from harness.ike.events import Established
from harness.ike.exchanges import child
from harness.ike.machine import Machine
from harness.ike.negotiation import offer
from harness.ike.protected import Opened
from harness.ike.states import Agreement, AuthSent, HalfOpen, PeerAuthenticated, Standing, State
from harness.registry.identities import AuthenticationMethod
from harness.registry.messages import ExchangeType, Protocol
from harness.registry.notifications import NotifyType
from harness.wire.payload import Payload
from harness.wire.payloads import (
    Authentication,
    IdentificationInitiator,
    IdentificationResponder,
    Notify,
    TrafficSelectorsInitiator,
    TrafficSelectorsResponder,
)

_EXCHANGE = ExchangeType.IKE_AUTH
_SHARED_KEY = AuthenticationMethod.SHARED_KEY_MESSAGE_INTEGRITY_CODE


def request(machine: Machine, agreement: Agreement) -> State:
    """HDR, SK { IDi, IDr, AUTH, SAi2, TSi, TSr }."""
    configuration = machine.configuration
    identity = IdentificationInitiator(configuration.local_identity.id_type, configuration.local_identity.data)
    message_id = machine.window.next_own
    spi = child.new_spi(machine)
    offered = offer(configuration.esp, Protocol.ESP, spi)
    payloads = (
        identity,
        *_wanted_identity(configuration.remote_identity),
        Authentication(_SHARED_KEY, _auth(machine, agreement, identity.body(), message_id, by_initiator=True)),
        *child.mode_request(configuration),
        offered,
        TrafficSelectorsInitiator(configuration.local_selectors),
        TrafficSelectorsResponder(configuration.remote_selectors),
    )
    machine.send_request(agreement, _EXCHANGE, payloads)
    return AuthSent(agreement, offered, spi, message_id)


def _wanted_identity(identity: Identity | None) -> tuple[Payload, ...]:
    return () if identity is None else (IdentificationResponder(identity.id_type, identity.data),)


def response(machine: Machine, state: AuthSent, opened: Opened, path: Path) -> State:
    """Verify the responder and take its half of the Child SA.

    Raises:
        PeerRefused: an error notification instead of AUTH.
        PeerMisbehaved: AUTH is missing or wrong; the IKE SA must not stand.
    """
    del path
    errors = [n.notify_type for n in opened.inner if isinstance(n, Notify) and n.notify_type.is_error]
    if errors and not any(isinstance(payload, Authentication) for payload in opened.inner):
        raise PeerRefused(errors[0], "IKE_AUTH response")
    proof = verify(machine, state.agreement, opened, state.auth_message_id, by_initiator=False)
    machine.emit(Established(state.agreement.suite, proof.identity))
    return child.take(machine, state, Standing(state.agreement, proof), opened)


def answer(machine: Machine, state: HalfOpen, opened: Opened, path: Path) -> State:
    """Verify the initiator and answer HDR, SK { IDr, AUTH, SAr2, TSi, TSr }.

    Raises:
        PeerMisbehaved: key exchanges are still due, or AUTH is missing or wrong.
    """
    agreement = state.agreement
    if agreement.remaining:
        raise PeerMisbehaved("IKE_INTERMEDIATE, key exchanges being due", "IKE_AUTH", "IKE_AUTH request")
    message_id = opened.header.message_id
    proof = verify(machine, agreement, opened, message_id, by_initiator=True)
    local = machine.configuration.local_identity
    identity = IdentificationResponder(local.id_type, local.data)
    auth = _auth(machine, agreement, identity.body(), message_id, by_initiator=False)
    standing, payloads = child.answer(machine, Standing(agreement, proof), opened)
    machine.send_response(agreement, _EXCHANGE, path, (identity, Authentication(_SHARED_KEY, auth), *payloads))
    machine.emit(Established(agreement.suite, proof.identity))
    return child.announce(machine, standing)


def verify(
    machine: Machine, agreement: Agreement, opened: Opened, message_id: int, *, by_initiator: bool
) -> PeerAuthenticated:
    """Prove the peer's identity from its ID and AUTH payloads; nothing else makes a PeerAuthenticated.

    Raises:
        PeerMisbehaved: a payload is missing, the identity or method is another one, or AUTH does not fit.
    """
    where = "IKE_AUTH request" if by_initiator else "IKE_AUTH response"
    id_class = IdentificationInitiator if by_initiator else IdentificationResponder
    identity = next((p for p in opened.inner if isinstance(p, id_class)), None)
    auth = next((p for p in opened.inner if isinstance(p, Authentication)), None)
    failed = NotifyType.AUTHENTICATION_FAILED
    if identity is None or auth is None or auth.method != _SHARED_KEY:
        raise PeerMisbehaved("an ID payload and AUTH with a shared key", _kinds(opened), where, failed)
    wanted = machine.configuration.remote_identity
    if wanted is not None and (identity.id_type, identity.data) != (wanted.id_type, wanted.data):
        here, there = (f"{each.data!r} of type {each.id_type}" for each in (wanted, identity))
        raise PeerMisbehaved(f"identity {here}", there, where, failed)
    expected = _auth(machine, agreement, identity.body(), message_id, by_initiator=by_initiator)
    if not hmac.compare_digest(expected, auth.data):
        raise PeerMisbehaved("AUTH made with the shared key over this exchange", "another value", where, failed)
    return PeerAuthenticated(identity.data, identity.id_type)


def _kinds(opened: Opened) -> str:
    return ", ".join(payload.type.name for payload in opened.inner) or "nothing"


def _auth(machine: Machine, agreement: Agreement, id_body: bytes, message_id: int, *, by_initiator: bool) -> bytes:
    """AUTH = prf(prf(Shared Secret, "Key Pad for IKEv2"), <SignedOctets>) (RFC 7296 section 2.15, RFC 9242 3.3.2)."""
    prf, keys, schedule = agreement.prf, agreement.keys, agreement.schedule
    message, nonce, sk_p = (
        (agreement.request, schedule.nonce_r, keys.sk_pi)
        if by_initiator
        else (agreement.response, schedule.nonce_i, keys.sk_pr)
    )
    chained = b""
    if agreement.int_auth_i:  # only if an IKE_INTERMEDIATE took place, not merely because both sides could
        chained = formulas.int_auth_octets(agreement.int_auth_i, agreement.int_auth_r, message_id)
    octets = formulas.signed_octets(message, nonce, formulas.maced_id(prf, sk_p, id_body), chained)
    return formulas.shared_key_auth(prf, machine.configuration.psk, octets)
