"""Whether the capture holds what our engine tells of: a capture with gaps must not become a peer's fault."""

from __future__ import annotations

from harness.verify.esp_packets import SeenEsp, esp_packets
from harness.verify.view import View

_TOLD = ("MessageSent", "MessageReceived")


def not_captured(view: View) -> str:
    """What our engine tells of and the capture lacks, with the frames that the kernel dropped; "" if nothing."""
    gap = _messages(view) or _echoes(view)
    drops = view.report.capture_drops
    return f"{gap}; the kernel dropped {drops} frames of the capture" if gap and drops else gap


def _messages(view: View) -> str:
    seen = {(m.exchange.name, str(m.message_id), m.response) for m in view.messages}
    for entry in view.evidence.trace or ():
        if entry.event not in _TOLD:
            continue
        exchange, number = entry.detail.get("exchange", "?"), entry.detail.get("message_id", "?")
        response = entry.detail.get("response") == str(True)
        if (exchange, number, response) not in seen:
            kind = "response" if response else "request"
            return f"wire.pcapng lacks the {exchange} {kind} {number} that trace.jsonl tells of"
    return ""


def _echoes(view: View) -> str:
    """Echo messages in ESP that our side counted and the capture lacks."""
    packets, count = esp_packets(view), view.report.echo
    for told, from_engine, request in (
        (count.requests_sent, True, True),
        (count.replies_received, False, False),
        (count.requests_received, False, True),
        (count.replies_sent, True, False),
    ):
        seen = {p.sequence for p in packets if p.from_engine == from_engine and _may_be(p, request)}
        if len(seen) < told:
            way = "to" if from_engine else "from"
            what = f"{'requests' if request else 'replies'} {way} {view.peer}"
            return f"wire.pcapng holds {len(seen)} of the {told} echo {what} that engine/sas.json counts"
    return ""


def _may_be(packet: SeenEsp, request: bool) -> bool:
    """Whether a packet may be such an echo message; what it holds instead, if anything, is for a check to say."""
    return packet.echo is None or packet.echo.request == request


def unprepared(view: View) -> bool:
    """Whether a half-open IKE SA that was to make the peer demand cookies got no answer."""
    left = [entry for entry in view.evidence.trace or () if entry.event == "HalfOpenLeft"]
    return any(entry.detail.get("answered") == str(False) for entry in left)
