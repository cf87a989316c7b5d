"""IKE_SA_INIT, the responder's side (RFC 7296 sections 1.2, 2.6 and 2.7)."""

from __future__ import annotations

import hmac
from dataclasses import replace

from harness.ike.configuration import Path
from harness.ike.errors import PeerIncompatible, PeerMisbehaved
from harness.ike.events import Negotiated
from harness.ike.exchanges.sa_init import NONCE_OCTETS, agree, check_nonces, supported
from harness.ike.machine import Machine
from harness.ike.nat import detection_payloads
from harness.ike.negotiation import answer, check_numbers, choose, without_additional
from harness.ike.states import HalfOpen, Idle, State
from harness.policy.proposals import Suite
from harness.registry.messages import Protocol
from harness.registry.notifications import NotifyType
from harness.wire.message import Message
from harness.wire.payloads import KeyExchange, Nonce, Notify, SecurityAssociation

_WHERE = "IKE_SA_INIT request"

MOST_SPARE_EXCHANGES = 7
"""How many IKE_INTERMEDIATE without a key exchange we go along with: RFC 9242 section 5 asks for a bound."""


def request(machine: Machine, state: Idle, message: Message, octets: bytes, path: Path) -> State:
    """Answer a request: demand a cookie, ask for another method, refuse, or agree.

    Raises:
        PeerMisbehaved: a payload is missing or breaks a rule.
        PeerIncompatible: no proposal is acceptable; INVALID_KE_PAYLOAD is sent from here and keeps no state.
    """
    offered, public, nonce = message.first(SecurityAssociation), message.first(KeyExchange), message.first(Nonce)
    if offered is None or nonce is None or public is None:
        raise PeerMisbehaved("SA, KE and Nonce", "one of them missing", _WHERE)
    if not 16 <= len(nonce.nonce) <= 256:
        raise PeerMisbehaved("a nonce of 16 to 256 octets", str(len(nonce.nonce)), _WHERE)
    if machine.configuration.require_cookie and not _cookie_is_right(machine, message, nonce, path):
        cookie = _cookie(machine, nonce.nonce, path)
        machine.send_init_response((Notify(NotifyType.COOKIE, cookie),), path, keeps_state=False)
        return state
    notifies = {notify.notify_type for notify in message.all(Notify)}
    suite = _select(machine, offered, notifies)
    if public.method != suite.key_exchange:
        wanted = (suite.key_exchange or 0).to_bytes(2)
        machine.send_init_response((Notify(NotifyType.INVALID_KE_PAYLOAD, wanted),), path, keeps_state=False)
        return state
    machine.emit(Negotiated(suite))
    return _agree(machine, suite, public, nonce, octets, path, notifies)


def _select(machine: Machine, offered: SecurityAssociation, notifies: set[NotifyType]) -> Suite:
    """The suite to answer with.

    An initiator that offers additional key exchanges and does not announce IKE_INTERMEDIATE breaks a rule, but not so
    that nothing else could be chosen (RFC 9370 section 2.2.1).
    """
    announced = NotifyType.INTERMEDIATE_EXCHANGE_SUPPORTED in notifies
    check_numbers(offered)
    counting = offered if announced else without_additional(offered)
    chosen = choose(counting, machine.configuration.ike, Protocol.IKE)
    if chosen is None:
        got = "none" if counting == offered else "none without additional key exchanges, for which none is announced"
        raise PeerIncompatible("an acceptable proposal", got, _WHERE, NotifyType.NO_PROPOSAL_CHOSEN)
    return chosen[0]


def _agree(
    machine: Machine,
    suite: Suite,
    public: KeyExchange,
    nonce: Nonce,
    octets: bytes,
    path: Path,
    notifies: set[NotifyType],
) -> State:
    check_nonces(suite, nonce.nonce)  # before anything is sent: one request gets one answer
    method = machine.configuration.key_exchange(public.method)
    data, secret = method.encapsulate(public.data, machine.rng)
    machine.keylog.answers[0] = data
    machine.responder_spi = machine.rng(8)
    own_nonce = machine.rng(NONCE_OCTETS)
    fragmentation = NotifyType.IKEV2_FRAGMENTATION_SUPPORTED in notifies
    # Also where NONE is selected: without it such a transform type would be unknown (RFC 9370 2.2.1 and appendix A.2).
    wanted = suite.names_additional or machine.configuration.announce_intermediate
    intermediate = wanted and NotifyType.INTERMEDIATE_EXCHANGE_SUPPORTED in notifies
    payloads = (
        answer(suite, Protocol.IKE),
        KeyExchange(public.method, data),
        Nonce(own_nonce),
        *detection_payloads(machine.initiator_spi, machine.responder_spi, path.local, path.remote),
        *supported(intermediate),
    )
    sent = machine.send_init_response(payloads, path, keeps_state=True)
    agreement = agree(machine, suite, (nonce.nonce, own_nonce), secret, (octets, sent), path, fragmentation)
    return HalfOpen(replace(agreement, spare_exchanges=MOST_SPARE_EXCHANGES if intermediate else 0))


def _cookie(machine: Machine, nonce: bytes, path: Path) -> bytes:
    """Cookie = Hash(Ni | IPi | SPIi | <secret>), 32 octets, so that no state is needed (RFC 7296 section 2.6)."""
    machine.cookie_secret = machine.cookie_secret or machine.rng(32)
    covered = nonce + path.remote[0].encode() + machine.initiator_spi
    return hmac.digest(machine.cookie_secret, covered, "sha256")


def _cookie_is_right(machine: Machine, message: Message, nonce: Nonce, path: Path) -> bool:
    first = message.payloads[0]
    if not isinstance(first, Notify) or first.notify_type != NotifyType.COOKIE:
        return False
    return hmac.compare_digest(first.data, _cookie(machine, nonce.nonce, path))
