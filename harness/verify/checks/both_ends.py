"""Two products are watched at both ends of the path: what one capture has and the other has not, in words.

What is on the wire between them is then the word of two witnesses. A capture that was damaged is nobody's fault.
"""

from __future__ import annotations

import hashlib

from harness.evidence.model import CapturedDatagram, ClearPacket, WirePicture
from harness.evidence.store import CAPTURE, FAR_CAPTURE
from harness.verify.pair_view import PairView

_LATE = 0.1  # seconds: what passes so shortly before a capture ends may not be in it


def captured_otherwise(view: PairView) -> str:
    """What only one of the two captures has, in words; "" where both have the same.

    They do not end in the same moment: what passed after the one had ended, only the other one has.
    """
    ended, far = view.report.ended, view.evidence.far
    if not ended and far is None:
        return ""
    if far is None or len(ended) != _ENDS:
        return f"{FAR_CAPTURE if far is None else 'the end of a capture in steps.json'} is missing from the evidence"
    near, beyond = _events(view.wire), _events(far)
    return _only_in(near, beyond, ended[1], CAPTURE) or _only_in(beyond, near, ended[0], FAR_CAPTURE)


_ENDS = 2
_Event = CapturedDatagram | ClearPacket


def _events(wire: WirePicture) -> tuple[_Event, ...]:
    return (*wire.datagrams, *wire.clear)


def _only_in(here: tuple[_Event, ...], there: tuple[_Event, ...], until: float, name: str) -> str:
    """What this capture has from before the other one's end, and the other one has not."""
    known, other = set(map(_digest, there)), FAR_CAPTURE if name == CAPTURE else CAPTURE
    for event in here:
        if event.at < until - _LATE and _digest(event) not in known:
            return f"{name} has {_words(event)}, and {other} has not"
    return ""


def _digest(event: _Event) -> tuple[object, ...]:
    if isinstance(event, ClearPacket):
        return event.source, event.destination, event.protocol
    return event.source, event.destination, hashlib.sha256(event.payload).digest()


def _words(event: _Event) -> str:
    if isinstance(event, ClearPacket):
        return f"a packet of protocol {event.protocol} in clear in frame {event.frame}"
    return f"the datagram of {len(event.payload)} octets in frame {event.frame}"
