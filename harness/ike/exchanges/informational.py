"""INFORMATIONAL: liveness, deletion, errors (RFC 7296 sections 1.4, 2.4 and 2.21)."""

from __future__ import annotations

from dataclasses import replace

from harness.ike.configuration import Path
from harness.ike.errors import PeerRefused
from harness.ike.events import Closed, LivenessAnswered
from harness.ike.machine import Machine
from harness.ike.protected import Opened
from harness.ike.states import Agreement, Deleting, Gone, Standing, State
from harness.registry.messages import ExchangeType, Protocol
from harness.registry.notifications import NotifyType
from harness.wire.payloads import Delete, Notify

_EXCHANGE = ExchangeType.INFORMATIONAL


def liveness(machine: Machine, state: Standing) -> State:
    """Ask whether the peer lives: an INFORMATIONAL request without payloads (section 2.4)."""
    machine.send_request(state.agreement, _EXCHANGE, ())
    return state


def delete(machine: Machine, state: Standing) -> State:
    """Ask to delete the IKE SA, and with it its Child SAs (section 1.4.1)."""
    machine.send_request(state.agreement, _EXCHANGE, (Delete(Protocol.IKE),))
    return Deleting(state.agreement)


def response(machine: Machine, state: Standing, opened: Opened, path: Path) -> State:
    """The peer answered a request of ours that was not a deletion: it lives, unless it says that the request failed.

    Raises:
        PeerRefused: INVALID_SYNTAX, after which the IKE SA is gone at both ends (section 2.21.3).
    """
    del path
    errors = {p.notify_type for p in opened.inner if isinstance(p, Notify) and p.notify_type.is_error}
    if NotifyType.INVALID_SYNTAX in errors:
        raise PeerRefused(NotifyType.INVALID_SYNTAX, "INFORMATIONAL response")
    if not errors:
        machine.emit(LivenessAnswered())
    return state


def deleted(machine: Machine, state: Deleting, opened: Opened, path: Path) -> State:
    """The peer confirmed the deletion."""
    del state, opened, path
    machine.emit(Closed("", "", "deleted", by_peer=False))
    return Gone()


def answer(machine: Machine, state: Standing | Deleting, opened: Opened, path: Path) -> State:
    """Answer whatever the peer asks: every request gets a response, be it empty (section 1.4)."""
    deletes = [payload for payload in opened.inner if isinstance(payload, Delete)]
    if any(payload.protocol == Protocol.IKE for payload in deletes):
        machine.send_response(state.agreement, _EXCHANGE, path, ())
        machine.emit(Closed("", "", "deleted", by_peer=True))
        return Gone()
    failed = [p.notify_type for p in opened.inner if isinstance(p, Notify) and p.notify_type.is_error]
    if NotifyType.AUTHENTICATION_FAILED in failed:
        machine.send_response(state.agreement, _EXCHANGE, path, ())
        notify = NotifyType.AUTHENTICATION_FAILED
        machine.emit(Closed("the peer could not authenticate us", "peer", "refused", by_peer=True, notify=notify))
        return Gone()
    theirs = {spi for payload in deletes if payload.protocol == Protocol.ESP for spi in payload.spis}
    if isinstance(state, Standing) and theirs:
        return _delete_children(machine, state, theirs, path)
    machine.send_response(state.agreement, _EXCHANGE, path, ())
    return state


def _delete_children(machine: Machine, state: Standing, theirs: set[bytes], path: Path) -> State:
    """Both halves of a Child SA close; the response carries the SPIs of the other half (section 1.4.1)."""
    gone = [pair for pair in state.child_spis if pair[1] in theirs]
    paired = tuple(ours for ours, _ in gone)
    payloads = (Delete(Protocol.ESP, 4, paired),) if paired else ()
    machine.send_response(state.agreement, _EXCHANGE, path, payloads)
    return replace(state, child_spis=tuple(pair for pair in state.child_spis if pair not in gone))


def report_failure(machine: Machine, agreement: Agreement, error: Notify) -> None:
    """Tell a responder whose answer we cannot accept: an INFORMATIONAL request of our own (section 2.21.2)."""
    machine.send_request(agreement, _EXCHANGE, (error,))


def refuse_request(machine: Machine, state: Standing | Deleting, opened: Opened, path: Path) -> State:
    """CREATE_CHILD_SA: further SAs are not for this engine (section 1.3: NO_ADDITIONAL_SAS)."""
    exchange = opened.header.exchange_type
    machine.send_response(state.agreement, exchange, path, (Notify(NotifyType.NO_ADDITIONAL_SAS),))
    return state
