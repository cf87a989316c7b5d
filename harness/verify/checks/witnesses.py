"""Capture, trace, sockets and counters are witnesses of the same datagrams: where one lacks what another has, in words.

A capture with gaps or with other octets must not become a peer's fault. Nor is what our engine did not do evidence.
"""

from __future__ import annotations

from collections import Counter

from harness.evidence.model import MessagePlace, messages_in_trace
from harness.verify.checks.causes import before_its_cause
from harness.verify.checks.sockets import datagrams_differ, known_to_our_sockets, strangers
from harness.verify.esp import esp_packets
from harness.verify.view import View
from harness.verify.wire import SeenMessage


def not_captured(view: View) -> str:
    """Where our side and the capture do not tell of the same datagrams, in words; "" where they do.

    The frames that the kernel dropped are named, too.
    """
    gap = (
        _elsewhere(view)
        or _of_nobody(view)
        or _messages_missing(view)
        or _messages_untold(view)
        or datagrams_differ(view)
        or before_its_cause(view)
        or _echoes_missing(view)
    )
    drops = view.report.capture_drops
    return f"{gap}; the kernel dropped {drops} frames of the capture" if gap and drops else gap


def place_of(message: SeenMessage) -> MessagePlace:
    """Where a message stands in the conversation."""
    return MessagePlace(message.exchange, message.message_id, message.response)


def _elsewhere(view: View) -> str:
    """A message that our engine sent to another address than that of the party under test."""
    for message in view.messages:
        sent = message.pieces[0].datagram
        if view.sender(message) == "engine" and sent.destination[0] != view.evidence.peer_address:
            told = view.evidence.peer_address or "no address"
            return f"case.json has {told} for {view.peer}, the {message.label} of our engine goes to another one"
    return ""


def _of_nobody(view: View) -> str:
    """IKE or ESP of an address that neither side has, and that our sockets know nothing of."""
    for datagram, address in strangers(view):
        if not known_to_our_sockets(view, datagram):
            return f"wire.pcapng holds packets of {address}, which is neither side's"
    return ""


def _messages_missing(view: View) -> str:
    """A message that our engine sent or took, and the capture lacks, or has in octets that do not open.

    Our engine opened what it took, and made what it sent: where the second reader cannot open it, the capture, the
    recorded secrets or one of the two readers is wrong.
    """
    seen: dict[tuple[MessagePlace, bool], list[SeenMessage]] = {}
    for message in view.messages:
        seen.setdefault((place_of(message), view.sender(message) == "engine"), []).append(message)
    for told in messages_in_trace(view.evidence.trace or ()):
        found = seen.get((told.place, told.sent), [])
        if not any(_has_pieces(message, told.pieces) for message in found):
            return f"wire.pcapng lacks the {told if found else told.place} that trace.jsonl tells of"
        if all(m.protected and m.sealed and m.opened is None for m in found):
            return f"trace.jsonl has the {told.place}, and what wire.pcapng has of it does not open with secrets.json"
    return ""


def _has_pieces(message: SeenMessage, sizes: tuple[int, ...]) -> bool:
    """Whether a message on the wire has pieces of these sizes; each may be there more than once."""
    return Counter(sizes) <= Counter(len(piece.octets) for piece in message.pieces)


def _messages_untold(view: View) -> str:
    """A message that our engine sent and our trace does not tell of: wire and trace are not of one conversation."""
    told = {each.place for each in messages_in_trace(view.evidence.trace or ()) if each.sent}
    sent = (m for m in view.messages if view.sender(m) == "engine")
    untold = (m for m in sent if place_of(m) not in told)
    return next((f"trace.jsonl lacks the {m.label} that wire.pcapng has of our engine" for m in untold), "")


def _echoes_missing(view: View) -> str:
    """Echo messages in ESP that our side counted, and the capture does not have in packets that open."""
    count = view.report.echo
    packets = esp_packets(view) if any((count.requests_sent, count.requests_received)) else []
    for told, from_engine, request in (
        (count.requests_sent, True, True),
        (count.replies_received, False, False),
        (count.requests_received, False, True),
        (count.replies_sent, True, False),
    ):
        seen = {p.octets for p in packets if p.from_engine == from_engine and p.echo and p.echo.request == request}
        if len(seen) < told:
            way = "to" if from_engine else "from"
            what = f"{'requests' if request else 'replies'} {way} {view.peer}"
            return f"wire.pcapng holds {len(seen)} of the {told} echo {what} that engine/sas.json counts"
    return ""
