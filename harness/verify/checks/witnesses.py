"""Capture, trace, sockets and counters are witnesses of the same datagrams: where one lacks what another has, in words.

A capture with gaps or with other octets must not become a peer's fault. Nor is what our engine did not do evidence.
"""

from __future__ import annotations

from collections import Counter

from harness.evidence.model import CapturedDatagram, MessagePlace, SocketDatagram, messages_in_trace
from harness.verify.checks.misbehaviour import deviating
from harness.verify.esp import esp_packets
from harness.verify.view import View
from harness.verify.wire import SeenMessage

_SHOWN = 12  # digits of a digest
_OUR_PORTS = (500, 4500)
_BARE_ESP = (0, 0)


def not_captured(view: View) -> str:
    """Where our side and the capture do not tell of the same datagrams, in words; "" where they do.

    The frames that the kernel dropped are named, too.
    """
    gap = (
        _elsewhere(view)
        or _messages_missing(view)
        or _messages_untold(view)
        or _datagrams_differ(view)
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


def _messages_missing(view: View) -> str:
    """A message that our engine sent or took, and the capture lacks, or has in octets that do not open.

    Our engine opened what it took, and made what it sent: where the second reader cannot open it, the capture, the
    recorded secrets or one of the two readers is wrong. What our engine spoils on purpose is not meant to open.
    """
    seen: dict[MessagePlace, list[SeenMessage]] = {}
    for message in view.messages:
        seen.setdefault(place_of(message), []).append(message)
    spoilt = {place_of(message) for message in deviating(view)}
    for place in messages_in_trace(view.evidence.trace or ()):
        if place not in seen:
            return f"wire.pcapng lacks the {place} that trace.jsonl tells of"
        if place not in spoilt and all(m.protected and m.sealed and m.opened is None for m in seen[place]):
            return f"trace.jsonl has the {place}, and what wire.pcapng has of it does not open with secrets.json"
    return ""


def _messages_untold(view: View) -> str:
    """A message that our engine sent and our trace does not tell of: wire and trace are not of one conversation."""
    told = set(messages_in_trace(view.evidence.trace or ()))
    sent = (m for m in view.messages if view.sender(m) == "engine")
    untold = (m for m in sent if place_of(m) not in told)
    return next((f"trace.jsonl lacks the {m.label} that wire.pcapng has of our engine" for m in untold), "")


def _datagrams_differ(view: View) -> str:
    """What our sockets sent and read, octet for octet, against the capture.

    What the capture has and our sockets did not read may have come too late. The first harnesses kept no such record.
    """
    told, count = view.evidence.datagrams or (), view.report.datagrams
    if count is None and not told:
        return ""
    if len(told) != count:
        return f"engine/datagrams.jsonl has {len(told)} datagrams, engine/sas.json counts {count or 'none'}"
    ours = view.evidence.engine_address
    wire = Counter(
        _at_our_socket(each, ours) for each in view.wire.datagrams if ours in (each.source[0], each.destination[0])
    )
    for each, times in Counter(told).items():
        # Of what was sent several times one may be lost on its way to the interface.
        if wire[each] < (1 if each.sent else times):
            way = "sent" if each.sent else "received"
            what = f"{each.octets} octets, SHA-256 {each.sha256[:_SHOWN]}..."
            return f"wire.pcapng lacks a datagram that our socket {way} ({what})"
    known = set(told)
    for datagram in view.wire.datagrams:
        if (
            datagram.source[0] == ours
            and _leaves_a_port_of_ours(datagram)
            and _at_our_socket(datagram, ours) not in known
        ):
            return f"engine/datagrams.jsonl lacks the datagram of our engine in frame {datagram.frame} of wire.pcapng"
    return ""


def _leaves_a_port_of_ours(datagram: CapturedDatagram) -> bool:
    """The half-open IKE SAs that prepare a case leave from others."""
    ports = datagram.source[1], datagram.destination[1]
    return ports[0] in _OUR_PORTS or ports == _BARE_ESP


def _at_our_socket(datagram: CapturedDatagram, ours: str) -> SocketDatagram:
    """A captured datagram as our socket should have it."""
    sent = datagram.source[0] == ours
    here, there = (datagram.source, datagram.destination) if sent else (datagram.destination, datagram.source)
    return SocketDatagram.of(datagram.payload, here[1], there, sent=sent)


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
