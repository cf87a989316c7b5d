"""What our sockets sent and read, octet for octet and in its order, against the capture of the same datagrams."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from harness.evidence.model import CapturedDatagram, SocketDatagram
from harness.verify.view import CaseView, View
from harness.wire.ports import NAT_PORT

_SHOWN = 12  # digits of a digest
_OUR_PORTS = (500, NAT_PORT)
_BARE_ESP = (0, 0)


def datagrams_differ(view: View) -> str:
    """What our sockets sent and read against the capture, in words; "" where both tell the same.

    What the capture has and our sockets did not read may have come too late. The first harnesses kept no such record.
    """
    every, count = view.evidence.datagrams or (), view.report.datagrams
    if count is None and not every:
        return ""
    if len(every) != count:
        return f"engine/datagrams.jsonl has {len(every)} datagrams, engine/sas.json counts {count or 'none'}"
    # An address may have been another case's before: what still comes for that one the capture is not there to see.
    told = [each for each in every if each.sent or each.other[0] == view.evidence.peer_address]
    ours = view.evidence.engine_address
    captured = [each for each in view.wire.datagrams if ours in (each.source[0], each.destination[0])]
    wire = [at_our_socket(each, ours) for each in captured]
    return (
        _from_another(set(every) - set(told), wire)
        or _not_in_the_capture(told, Counter(wire))
        or _notat_our_sockets(captured, wire, set(told), ours)
        or _in_another_order(told, wire, captured)
    )


def strangers(view: CaseView) -> Iterator[tuple[CapturedDatagram, str]]:
    """IKE and ESP from or to an address that is neither side's, and that address. An old record may lack one."""
    known = {side.address for side in view.sides}
    for datagram in view.wire.datagrams if all(known) else ():
        for address, _ in (datagram.source, datagram.destination):
            if address not in known:
                yield datagram, address


def known_to_our_sockets(view: View, datagram: CapturedDatagram) -> bool:
    """Whether a captured datagram is in the record of our sockets."""
    return at_our_socket(datagram, view.evidence.engine_address) in set(view.evidence.datagrams or ())


def _from_another(others: Iterable[SocketDatagram], wire: Iterable[SocketDatagram]) -> str:
    """What our sockets had from another address, and the capture has from the peer."""
    captured = {each.sha256: each.other[0] for each in wire if not each.sent}
    for each in others:
        if captured.get(each.sha256, each.other[0]) != each.other[0]:
            return f"engine/datagrams.jsonl has a datagram of {each.other[0]} that wire.pcapng has of another address"
    return ""


def _not_in_the_capture(told: Iterable[SocketDatagram], wire: Counter[SocketDatagram]) -> str:
    for each, times in Counter(told).items():
        # Of what was sent several times one may be lost on its way to the interface.
        if wire[each] < (1 if each.sent else times):
            way = "sent" if each.sent else "received"
            return f"wire.pcapng lacks a datagram that our socket {way} ({_words(each)})"
    return ""


def _notat_our_sockets(
    captured: Iterable[CapturedDatagram], wire: Iterable[SocketDatagram], known: set[SocketDatagram], ours: str
) -> str:
    for datagram, each in zip(captured, wire, strict=True):
        if datagram.source[0] == ours and _leaves_a_port_of_ours(datagram) and each not in known:
            return f"engine/datagrams.jsonl lacks the datagram of our engine in frame {datagram.frame} of wire.pcapng"
    return ""


def _in_another_order(
    told: Sequence[SocketDatagram], wire: Iterable[SocketDatagram], captured: Sequence[CapturedDatagram]
) -> str:
    """A datagram that the capture has behind what our sockets sent, or read at the same port, after it.

    One socket after the other is read: what came to different ports may have come in another order. A datagram that
    was captured several times stands where it may. All that the sockets tell of is in the capture, as was seen before.
    """
    first: dict[SocketDatagram, int] = {}
    last: dict[SocketDatagram, int] = {}
    for place, each in enumerate(wire):
        first.setdefault(each, place)
        last[each] = place
    latest = -1  # place in the capture of what our sockets had sent or read so far
    read: dict[int, int] = {}  # the same of what was read at each port
    for each in told:
        before = latest if each.sent else read.get(each.port, -1)
        if before > last[each]:
            behind, way = captured[before].frame, "sent" if each.sent else "received"
            return f"wire.pcapng has frame {behind} behind a datagram that our socket {way} after it ({_words(each)})"
        place = first[each]
        latest = max(latest, place)
        if not each.sent:
            read[each.port] = max(read.get(each.port, -1), place)
    return ""


def _leaves_a_port_of_ours(datagram: CapturedDatagram) -> bool:
    """The half-open IKE SAs that prepare a case leave from others."""
    ports = datagram.source[1], datagram.destination[1]
    return ports[0] in _OUR_PORTS or ports == _BARE_ESP


def at_our_socket(datagram: CapturedDatagram, ours: str) -> SocketDatagram:
    """A captured datagram as our socket should have it."""
    sent = datagram.source[0] == ours
    here, there = (datagram.source, datagram.destination) if sent else (datagram.destination, datagram.source)
    return SocketDatagram.of(datagram.payload, here[1], there, sent=sent)


def _words(datagram: SocketDatagram) -> str:
    return f"{datagram.octets} octets, SHA-256 {datagram.sha256[:_SHOWN]}..."
