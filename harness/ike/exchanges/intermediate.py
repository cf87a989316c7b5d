"""IKE_INTERMEDIATE with one additional key exchange each, as responder also without any (RFC 9242, RFC 9370 2.2.2)."""

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
from harness.wire.payload import Payload
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

    One without a KE payload is answered, too: KEi(n) is the n-th KE payload, in whichever exchange (RFC 9370 2.2.2).

    Raises:
        PeerMisbehaved: there is more than one KE payload, or one of another method, or it is invalid; none is due,
            and there is one; or the exchange has not been announced.
    """
    agreement = state.agreement
    carries_none = not any(isinstance(payload, KeyExchange) for payload in opened.inner)
    if not agreement.remaining or (carries_none and agreement.spare_exchanges):
        return _spare(machine, agreement, opened, path)
    method = agreement.remaining[0]
    public = _key_exchange(opened, method, "IKE_INTERMEDIATE request")
    try:
        data, secret = machine.configuration.key_exchange(method).encapsulate(public.data, machine.rng)
    except InvalidKeyExchangeData as error:
        # draft-ietf-ipsecme-ikev2-mlkem section 2.2: reject the key and answer INVALID_SYNTAX
        raise PeerMisbehaved(error.expected, error.got, "KEi of IKE_INTERMEDIATE") from error
    machine.keylog.answers[len(machine.keylog.shared_secrets)] = data
    chained = _answered(machine, agreement, opened, path, (KeyExchange(method, data),))
    return HalfOpen(_advance(machine, agreement, secret, chained))


def _spare(machine: Machine, agreement: Agreement, opened: Opened, path: Path) -> State:
    """Answer a request that begins no key exchange with HDR, SK {}.

    What it carries is for others to define, and may be nothing (RFC 9242 section 3.2). The keys stay, and AUTH
    covers it as it covers any other (section 3.3.2).
    """
    found = [str(payload.method) for payload in opened.inner if isinstance(payload, KeyExchange)]
    if found or not agreement.spare_exchanges:
        got = f"KE of {', '.join(found)}" if found else "IKE_INTERMEDIATE"
        raise PeerMisbehaved("IKE_AUTH, all key exchanges being done", got, "IKE_INTERMEDIATE request")
    chained = _answered(machine, agreement, opened, path, ())
    _log_int_auth(machine, chained)
    return HalfOpen(agreement.after_spare_exchange(*chained))


def _answered(
    machine: Machine, agreement: Agreement, opened: Opened, path: Path, payloads: tuple[Payload, ...]
) -> tuple[bytes, bytes]:
    """Send the response; IntAuth_i and IntAuth_r with this exchange."""
    chained_i = int_auth(agreement.prf, agreement.keys.sk_pi, agreement.int_auth_i, opened.a, opened.p)
    sealed = machine.send_response(agreement, _EXCHANGE, path, payloads)
    return chained_i, int_auth(agreement.prf, agreement.keys.sk_pr, agreement.int_auth_r, sealed.a, sealed.p)


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
    _log_int_auth(machine, chained)
    machine.emit(KeyExchanged(following.keys.generation, agreement.remaining[0]))
    return following


def _log_int_auth(machine: Machine, chained: tuple[bytes, bytes]) -> None:
    machine.keylog.int_auth_initiator.append(chained[0])
    machine.keylog.int_auth_responder.append(chained[1])
