"""Two products are watched at both ends of the path: what one capture has and the other has not, in words.

What is on the wire between them is then the word of two witnesses. A capture that was damaged is nobody's fault.
"""

from __future__ import annotations

import hashlib

from harness.evidence.model import CapturedDatagram, ClearPacket, WirePicture
from harness.evidence.store import CAPTURE, FAR_CAPTURE
from harness.verify.view import PairView


def captured_otherwise(view: PairView) -> str:
    """What only one of the two captures has, in words; "" where both have the same.

    They do not end in the same moment: the one that ended later may have more at its end.
    """
    if view.report.captures == 1 and view.evidence.far is None:
        return ""
    if view.evidence.far is None:
        return f"{FAR_CAPTURE} is missing from the evidence"
    captures = {CAPTURE: _events(view.wire), FAR_CAPTURE: _events(view.evidence.far)}
    alone = {name: _alone(captures[name], captures[other]) for name, other in _OTHER.items()}
    for name, events in alone.items():
        if events and (alone[_OTHER[name]] or not _is_end(events, captures[name])):
            return f"{name} has {_words(events[0])}, and {_OTHER[name]} has not"
    return ""


_OTHER = {CAPTURE: FAR_CAPTURE, FAR_CAPTURE: CAPTURE}

_Event = CapturedDatagram | ClearPacket


def _events(wire: WirePicture) -> list[_Event]:
    return sorted((*wire.datagrams, *wire.clear), key=lambda event: event.frame)


def _alone(here: list[_Event], there: list[_Event]) -> list[_Event]:
    known = set(map(_digest, there))
    return [event for event in here if _digest(event) not in known]


def _is_end(events: list[_Event], capture: list[_Event]) -> bool:
    """Whether these are the last ones of their capture."""
    return capture[-len(events) :] == events


def _digest(event: _Event) -> tuple[object, ...]:
    if isinstance(event, ClearPacket):
        return event.source, event.destination, event.protocol
    return event.source, event.destination, hashlib.sha256(event.payload).digest()


def _words(event: _Event) -> str:
    if isinstance(event, ClearPacket):
        return f"a packet of protocol {event.protocol} in clear in frame {event.frame}"
    return f"the datagram of {len(event.payload)} octets in frame {event.frame}"
