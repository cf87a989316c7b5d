"""IKE_SA_INIT, the initiator's side (RFC 7296 section 1.2)."""

from __future__ import annotations

import math
from dataclasses import replace

from harness.crypto.key_schedule import KeySchedule, after_sa_init
from harness.crypto.prf import prf
from harness.crypto.protection import protection
from harness.ike.configuration import Path
from harness.ike.errors import IkeError, PeerMisbehaved, PeerRefused
from harness.ike.events import KeyExchanged, Negotiated
from harness.ike.exchanges import authentication, intermediate
from harness.ike.machine import Machine
from harness.ike.nat import detection_payloads, nat_seen
from harness.ike.negotiation import check_answer, offer
from harness.ike.states import Agreement, Idle, InitSent, State
from harness.policy.proposals import Suite
from harness.registry.messages import ExchangeType, Protocol
from harness.registry.notifications import NotifyType
from harness.registry.transforms import KeyExchangeMethod, TransformType
from harness.wire.message import Message
from harness.wire.payload import Payload
from harness.wire.payloads import KeyExchange, Nonce, Notify, SecurityAssociation

NONCE_OCTETS = 32
_MOST_RETRIES = 4
_WHERE = "IKE_SA_INIT response"


def start(machine: Machine, state: Idle) -> State:
    """Send the first IKE_SA_INIT request, with a key of the first method of the first proposal."""
    del state
    configuration = machine.configuration
    machine.initiator_spi = machine.rng(8)
    offered = offer(configuration.ike, Protocol.IKE)
    method = configuration.ike[0].key_exchange_methods[0]
    pair = configuration.key_exchange(method).generate(machine.rng)
    sent = InitSent(offered, method, pair, machine.rng(NONCE_OCTETS), b"")
    return _send(machine, sent)


def _send(machine: Machine, state: InitSent) -> InitSent:
    header = machine.header(ExchangeType.IKE_SA_INIT, 0, response=False)
    octets = machine.send_init_request(Message(header, _payloads(machine, state)), machine.configuration.path)
    return replace(state, request=octets)


def _payloads(machine: Machine, state: InitSent) -> tuple[Payload, ...]:
    path = machine.configuration.path
    # "If the responder asked for a cookie, it comes back as the first payload, all others unchanged" (section 2.6)
    cookie = (Notify(NotifyType.COOKIE, state.cookie),) if state.cookie else ()
    return (
        *cookie,
        state.offer,
        KeyExchange(state.method, state.key_pair.public),
        Nonce(state.nonce),
        *detection_payloads(machine.initiator_spi, bytes(8), path.local, path.remote),
        *supported(_any_additional(machine) or machine.configuration.announce_intermediate),
    )


def _any_additional(machine: Machine) -> bool:
    return any(proposal.has_additional_key_exchange for proposal in machine.configuration.ike)


def supported(intermediate: bool) -> tuple[Notify, ...]:
    """What we announce: fragmentation always, IKE_INTERMEDIATE when an ADDKE needs it or we are told to.

    RFC 7383 section 2.3, RFC 9370 section 2.2.1, RFC 9242 section 3.1.
    """
    fragmentation = Notify(NotifyType.IKEV2_FRAGMENTATION_SUPPORTED)
    if not intermediate:
        return (fragmentation,)
    return (fragmentation, Notify(NotifyType.INTERMEDIATE_EXCHANGE_SUPPORTED))


def response(machine: Machine, state: InitSent, message: Message, octets: bytes, path: Path) -> State:
    """Take the responder's answer: a demand to try again, a refusal, or its half of the agreement."""
    for notify in message.all(Notify):
        if notify.notify_type == NotifyType.COOKIE:
            return _retry_with_cookie(machine, state, notify.data)
        if notify.notify_type == NotifyType.INVALID_KE_PAYLOAD:
            return _retry_with(machine, state, notify.data)
        if notify.notify_type.is_error:
            return _doubt(machine, state, PeerRefused(notify.notify_type, _WHERE), _grace(machine))
    machine.window.response_arrived()
    machine.refusal = None
    machine.responder_spi = message.header.responder_spi
    agreement = _agree(machine, state, message, octets, path)
    if agreement.remaining:
        return intermediate.request(machine, agreement)
    return authentication.request(machine, agreement)


def _doubt(machine: Machine, state: InitSent, error: IkeError, believed_at: float = math.inf) -> InitSent:
    """Keep waiting for a better answer until ``believed_at``; without a time, as long as requests are repeated."""
    if machine.refusal is None or believed_at < machine.refusal[0]:
        machine.refusal = (believed_at, error)
    return state


def _grace(machine: Machine) -> float:
    """Anybody could have sent an unprotected error: wait a while before acting on it (section 2.21.1)."""
    return machine.now + machine.configuration.refusal_grace


def _retry_with_cookie(machine: Machine, state: InitSent, cookie: bytes) -> InitSent:
    if not 1 <= len(cookie) <= 64:
        raise PeerMisbehaved("a cookie of 1 to 64 octets", f"{len(cookie)} octets", _WHERE)
    if cookie == state.cookie:  # the answer to our first request once more, or a peer that goes on asking
        return _doubt(machine, state, PeerMisbehaved("its cookie to be taken", "the same demand again", _WHERE))
    return _retry(machine, replace(state, cookie=cookie))


def _retry(machine: Machine, state: InitSent) -> InitSent:
    if state.retries >= _MOST_RETRIES:
        raise PeerMisbehaved(f"an answer within {_MOST_RETRIES} retries", "another demand", _WHERE)
    machine.refusal = None
    return _send(machine, replace(state, retries=state.retries + 1))


def _retry_with(machine: Machine, state: InitSent, data: bytes) -> InitSent:
    """INVALID_KE_PAYLOAD names the method that the responder wants; the full offer goes out again (section 1.2)."""
    if len(data) != 2:
        raise PeerMisbehaved("a method number of 2 octets", f"{len(data)} octets", "INVALID_KE_PAYLOAD")
    method = KeyExchangeMethod(int.from_bytes(data))
    offered = {m for proposal in machine.configuration.ike for m in proposal.key_exchange_methods}
    if method not in offered:
        raise PeerMisbehaved("a method of our offer", str(method), "INVALID_KE_PAYLOAD")
    if method == state.method:  # the answer to our first request once more, or a peer that goes on asking
        return _doubt(machine, state, PeerMisbehaved("another method", str(method), "INVALID_KE_PAYLOAD"))
    pair = machine.configuration.key_exchange(method).generate(machine.rng)
    return _retry(machine, replace(state, method=method, key_pair=pair))


def _agree(machine: Machine, state: InitSent, message: Message, octets: bytes, path: Path) -> Agreement:
    answered, public, nonce = message.first(SecurityAssociation), message.first(KeyExchange), message.first(Nonce)
    if answered is None or nonce is None or public is None or machine.responder_spi == bytes(8):
        raise PeerMisbehaved("SA, KE, Nonce and a responder's SPI", "one of them missing", _WHERE)
    if not 16 <= len(nonce.nonce) <= 256:
        raise PeerMisbehaved("a nonce of 16 to 256 octets", str(len(nonce.nonce)), _WHERE)
    suite, _ = check_answer(state.offer, answered, _WHERE)
    if not suite.key_exchange == public.method == state.method:
        raise PeerMisbehaved(f"KE of method {state.method}", f"{public.method} with {suite.key_exchange}", _WHERE)
    notifies = {notify.notify_type for notify in message.all(Notify)}
    _check_announced(suite, notifies)
    machine.emit(Negotiated(suite))
    secret = machine.configuration.key_exchange(state.method).decapsulate(state.key_pair, public.data)
    spis = (machine.initiator_spi, machine.responder_spi)
    nat = nat_seen(message, *spis, path.remote, path.local)
    request_and_response = (state.request, octets)
    return agree(
        machine,
        suite,
        (state.nonce, nonce.nonce),
        secret,
        request_and_response,
        floated(machine, path) if nat else path,
        NotifyType.IKEV2_FRAGMENTATION_SUPPORTED in notifies,
    )


def _check_announced(suite: Suite, notifies: set[NotifyType]) -> None:
    """A responder that agrees to additional key exchanges "MUST also return this notification".

    Without it such a transform type is an unknown one, and the answer chooses nothing (RFC 9370 section 2.2.1).
    """
    if suite.additional_key_exchanges and NotifyType.INTERMEDIATE_EXCHANGE_SUPPORTED not in notifies:
        raise PeerMisbehaved("INTERMEDIATE_EXCHANGE_SUPPORTED with an ADDKE selected", "none", _WHERE)


def floated(machine: Machine, path: Path) -> Path:
    """The same two hosts on the NAT traversal port (section 2.23)."""
    port = machine.configuration.nat_port
    return Path((path.local[0], port), (path.remote[0], port))


def check_nonces(suite: Suite, *nonces: bytes) -> None:
    """Every nonce is at least half as long as the key of the PRF (RFC 7296 section 2.10). Raises PeerMisbehaved."""
    algorithm = suite.get(TransformType.PRF)
    pseudorandom = None if algorithm is None else prf(algorithm)
    if pseudorandom is not None and any(2 * len(nonce) < pseudorandom.key_octets for nonce in nonces):
        raise PeerMisbehaved(f"nonces of half {pseudorandom.name}'s key", str([len(n) for n in nonces]), "IKE_SA_INIT")


def agree(
    machine: Machine,
    suite: Suite,
    nonces: tuple[bytes, bytes],
    secret: bytes,
    messages: tuple[bytes, bytes],
    path: Path,
    fragmentation: bool,
) -> Agreement:
    """The agreement that IKE_SA_INIT ends in, with keys of generation 0; both roles come through here."""
    encr, prf_algorithm = suite.get(TransformType.ENCR), suite.get(TransformType.PRF)
    if encr is None or prf_algorithm is None or suite.key_exchange is None:
        raise PeerMisbehaved("ENCR, PRF and KE", "a suite without one of them", "IKE_SA_INIT")
    integ = suite.get(TransformType.INTEG)
    check_nonces(suite, *nonces)
    schedule = KeySchedule(
        prf(prf_algorithm),
        protection(encr, integ if integ and integ.identifier else None),
        *nonces,
        machine.initiator_spi,
        machine.responder_spi,
    )
    keys = after_sa_init(schedule, secret)
    machine.keylog.shared_secrets.append((suite.key_exchange, secret))
    machine.keylog.generations.append(keys)
    machine.emit(KeyExchanged(0, suite.key_exchange))
    return Agreement(suite, path, fragmentation, schedule, keys, *messages, suite.additional_key_exchanges)
