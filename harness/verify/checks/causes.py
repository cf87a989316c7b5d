"""A capture that has an effect in front of its cause was put into another order: that is nobody's fault.

Who sends a request too early, or what nobody asked for, is another matter: it needs nothing that came after it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from harness.evidence.model import SocketDatagram
from harness.registry.messages import ExchangeType
from harness.verify.checks.sockets import at_our_socket
from harness.verify.view import View
from harness.verify.wire import SeenMessage


def before_its_cause(view: View) -> str:
    """A message that the capture has in front of what it cannot have been sent without, in words; "" for none."""
    return next(iter((*_without_our_key_exchange(view), *_answered_before_asked(view))), "")


def _without_our_key_exchange(view: View) -> Iterator[str]:
    """A message of the peer opens with keys that our part of a key exchange is needed for (RFC 9370 section 2.2.2)."""
    parts = _our_key_exchanges(view)
    for message in (m for m in view.messages if view.sender(m) == view.peer):
        needed = parts[: 0 if message.generation is None else message.generation + 1]
        for ours in (part for part in needed if part is not None and message.frame < part.frame):
            words = f"the {ours.label} of our engine, which its keys come from"
            yield f"wire.pcapng has the {message.label} of {view.peer} in front of {words}"


def _our_key_exchanges(view: View) -> list[SeenMessage | None]:
    """Our message in each key exchange: of IKE_SA_INIT, then of each IKE_INTERMEDIATE that has one."""
    request, response = view.final_init
    initiator = view.party(initiator=True) == "engine"
    ours = view.find(ExchangeType.IKE_INTERMEDIATE, response=not initiator, initiator=initiator)
    by_number = {message.message_id: message for message in reversed(ours) if message.opened is not None}
    return [request if initiator else response, *(by_number.get(number) for number in view.key_exchanges)]


def _answered_before_asked(view: View) -> Iterator[str]:
    """Our socket had sent the request when it read the response, and the capture has the two the other way round."""
    places: dict[SocketDatagram, int] = {}
    for number, each in enumerate(view.evidence.datagrams or ()):
        places.setdefault(each, number)
    asked: dict[tuple[ExchangeType, int], list[tuple[int, SeenMessage]]] = {}
    for message in view.messages:
        if not message.response and view.sender(message) == "engine":
            asked.setdefault((message.exchange, message.message_id), []).append(
                (_first(message, places, view), message)
            )
    for message in (m for m in view.messages if m.response and view.sender(m) == view.peer):
        read = _first(message, places, view)
        requests = asked.get((message.exchange, message.message_id), ())
        before = [each for each in requests if 0 <= each[0] < read]
        if before and message.frame < max(before, key=lambda each: each[0])[1].frame:
            words = "and our socket had sent that when it read the response"
            yield f"wire.pcapng has the {message.label} in front of its request, {words}"


def _first(message: SeenMessage, places: Mapping[SocketDatagram, int], view: View) -> int:
    """Where a message first stands in the record of our sockets; -1 for nowhere."""
    ours = view.evidence.engine_address
    found = [places.get(at_our_socket(piece.datagram, ours)) for piece in message.pieces]
    return min((place for place in found if place is not None), default=-1)
