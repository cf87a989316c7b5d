"""Whether the capture holds what our engine tells of: a capture with gaps must not become a peer's fault."""

from __future__ import annotations

from harness.verify.view import View

_TOLD = ("MessageSent", "MessageReceived")


def not_captured(view: View) -> str:
    """What the trace tells of and the capture lacks, "" if nothing."""
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
