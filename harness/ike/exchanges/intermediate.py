"""IKE_INTERMEDIATE with one additional key exchange each (RFC 9242, RFC 9370 section 2.2.2)."""

from __future__ import annotations

from harness.crypto.authentication import int_auth
from harness.crypto.errors import InvalidKeyExchangeData
from harness.ike.configuration import Path
from harness.ike.errors import PeerMisbehaved, PeerRefused
from harness.ike.events import KeyExchanged
from harness.ike.exchanges import authentication
from harness.ike.machine import Machine
from harness.ike.protected import Opened
from harness.ike.states import Agreement, HalfOpen, IntermediateSent, State
from harness.registry.messages import ExchangeType
from harness.registry.transforms import KeyExchangeMethod
from harness.wire.payloads import KeyExchange, Notify

_EXCHANGE = ExchangeType.IKE_INTERMEDIATE


def request(machine: Machine, agreement: Agreement) -> State:
    """Begin the next additional key exchange: HDR, SK { KEi(n) }."""
    method = agreement.remaining[0]
    pair = machine.configuration.key_exchange(method).generate(machine.rng)
    sealed = machine.send_request(agreement, _EXCHANGE, (KeyExchange(method, pair.public),))
    chained = int_auth(agreement.prf, agreement.keys.sk_pi, agreement.int_auth_i, sealed.a, sealed.p)
    return IntermediateSent(agreement, pair, chained)


def response(machine: Machine, state: IntermediateSent, opened: Opened, path: Path) -> State:
    """Take KEr(n), go to the next generation of keys, and on to the next exchange or to IKE_AUTH.

    Raises:
        PeerRefused: an error notification.
        PeerMisbehaved: the KE payload is missing, of another method or invalid.
    """
    del path
    _refused(opened, "IKE_INTERMEDIATE response")
    agreement = state.agreement
    method = agreement.remaining[0]
    public = _key_exchange(opened, method, "IKE_INTERMEDIATE response")
    try:
        secret = machine.configuration.key_exchange(method).decapsulate(state.key_pair, public.data)
    except InvalidKeyExchangeData as error:
        raise PeerMisbehaved(error.expected, error.got, "KEr of IKE_INTERMEDIATE") from error
    chained = int_auth(agreement.prf, agreement.keys.sk_pr, agreement.int_auth_r, opened.a, opened.p)
    following = _advance(machine, agreement, secret, (state.int_auth_i, chained))
    return request(machine, following) if following.remaining else authentication.request(machine, following)


def answer(machine: Machine, state: HalfOpen, opened: Opened, path: Path) -> State:
    """Answer HDR, SK { KEi(n) } with HDR, SK { KEr(n) } under the keys that the request came under.

    Raises:
        PeerMisbehaved: no additional key exchange is due, or the KE payload is missing, of another method or invalid.
    """
    agreement = state.agreement
    if not agreement.remaining:
        raise PeerMisbehaved("IKE_AUTH, all key exchanges being done", "IKE_INTERMEDIATE", "IKE_INTERMEDIATE request")
    method = agreement.remaining[0]
    public = _key_exchange(opened, method, "IKE_INTERMEDIATE request")
    try:
        data, secret = machine.configuration.key_exchange(method).encapsulate(public.data, machine.rng)
    except InvalidKeyExchangeData as error:
        # draft-ietf-ipsecme-ikev2-mlkem section 2.3: reject the key and answer INVALID_SYNTAX
        raise PeerMisbehaved(error.expected, error.got, "KEi of IKE_INTERMEDIATE") from error
    chained_i = int_auth(agreement.prf, agreement.keys.sk_pi, agreement.int_auth_i, opened.a, opened.p)
    sealed = machine.send_response(agreement, _EXCHANGE, path, (KeyExchange(method, data),))
    chained_r = int_auth(agreement.prf, agreement.keys.sk_pr, agreement.int_auth_r, sealed.a, sealed.p)
    return HalfOpen(_advance(machine, agreement, secret, (chained_i, chained_r)))


def _refused(opened: Opened, where: str) -> None:
    """An error notification instead of KEr fails the exchange, whether we know its type or not (RFC 7296 3.10.1)."""
    errors = [p.notify_type for p in opened.inner if isinstance(p, Notify) and p.notify_type.is_error]
    if errors:
        raise PeerRefused(errors[0], where)


def _key_exchange(opened: Opened, method: KeyExchangeMethod, where: str) -> KeyExchange:
    found = [payload for payload in opened.inner if isinstance(payload, KeyExchange)]
    if len(found) != 1 or found[0].method != method:
        raise PeerMisbehaved(f"one KE of method {method}", str([str(ke.method) for ke in found]), where)
    return found[0]


def _advance(machine: Machine, agreement: Agreement, secret: bytes, chained: tuple[bytes, bytes]) -> Agreement:
    following = agreement.after_exchange(secret, *chained)
    log = machine.keylog
    log.shared_secrets.append((agreement.remaining[0], secret))
    log.generations.append(following.keys)
    log.int_auth_initiator.append(chained[0])
    log.int_auth_responder.append(chained[1])
    machine.emit(KeyExchanged(following.keys.generation, agreement.remaining[0]))
    return following
