"""Deletes: their form, and that nothing follows on what its sender has deleted (RFC 7296 sections 1.4.1 and 3.11)."""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable, Iterator, Mapping

from harness.evidence.model import CapturedDatagram
from harness.registry.messages import ExchangeType, Protocol
from harness.results.model import Pointer
from harness.verify.check import Arguments, Checked, Due, Objection, engine_check
from harness.verify.view import View
from harness.verify.wire import SeenMessage, is_esp, of
from harness.wire.payloads import Delete, SecurityAssociation

_SPI_OCTETS = 4
_CREATING = (ExchangeType.IKE_AUTH, ExchangeType.CREATE_CHILD_SA)
ON_ITS_WAY = 1.0
"""Seconds that a packet may still be on its way once its sender knows that the SA is gone."""


def child_spis(message: SeenMessage) -> Iterator[tuple[Protocol, bytes]]:
    """The SPIs of ESP and AH in the SA payloads of a message: those on which its sender is to receive."""
    for sa in of(message, SecurityAssociation) if message.exchange in _CREATING else ():
        for proposal in sa.proposals:
            if proposal.protocol in (Protocol.ESP, Protocol.AH):
                yield proposal.protocol, proposal.spi


@engine_check("deletes-in-their-form", due=Due.ALWAYS, requirement="B52")
def deletes_in_their_form(view: View, _arguments: Arguments) -> Checked:
    """A Delete has the protocol, SPI Size and SPIs that are due, and its sender receives on these (B52)."""
    objections, count = [], 0
    known = _told(view)
    unread = {m.from_initiator for m in view.messages if m.exchange in _CREATING and not m.readable}
    asked = _asked(view)
    for message in (m for m in view.messages if m.opened):
        for delete, twice in _each(of(message, Delete)):
            count += 1
            for sentence in (*_form(delete), *_strange(known, unread, message, delete), *twice):
                words = f"{message.label}: {sentence}"
                objections.append(Objection(view.sender(message), words, message.pointer))
            place = message.exchange, message.message_id, not message.from_initiator
            if message.response and not _asked_for(delete, asked.get(place)):
                words = f"{message.label}: a Delete of protocol {int(delete.protocol)} answers no Delete of it"
                objections.append(Objection(view.sender(message), words, message.pointer, "B29"))
    return Checked(f"{count} Delete payloads in their form", tuple(objections))


def _each(deletes: list[Delete]) -> Iterator[tuple[Delete, tuple[str, ...]]]:
    """Each with what is wrong about its company: "each Delete payload lists SPIs for a different protocol"."""
    seen: set[int] = set()
    for delete in deletes:
        again = delete.protocol in seen
        seen.add(delete.protocol)
        yield delete, (f"two Delete payloads are for protocol {int(delete.protocol)}",) if again else ()


def _form(delete: Delete) -> Iterable[str]:
    octets, number = delete.spi_size, len(delete.spis) + delete.empty_spis
    if delete.protocol == Protocol.IKE:
        if octets or number:
            yield f"a Delete of the IKE SA has {number} SPIs of {octets} octets, and is to have none"
    elif delete.protocol not in (Protocol.AH, Protocol.ESP):
        yield f"a Delete is for protocol {int(delete.protocol)}"
    elif octets != _SPI_OCTETS or not number:
        yield f"a Delete for {delete.protocol.name} has {number} SPIs of {octets} octets; {_SPI_OCTETS} are due"


def _asked(view: View) -> Mapping[tuple[ExchangeType, int, bool], set[Protocol]]:
    """The protocols whose deletion is asked for, by exchange, Message ID and side of the request that was read."""
    asked: dict[tuple[ExchangeType, int, bool], set[Protocol]] = {}
    for request in (m for m in view.messages if not m.response and m.readable):
        place = request.exchange, request.message_id, request.from_initiator
        asked.setdefault(place, set()).update(delete.protocol for delete in of(request, Delete))
    return asked


def _asked_for(delete: Delete, asked: Collection[Protocol] | None) -> bool:
    """Whether a Delete in a response may be the other half of what its request deletes (RFC 7296 section 1.4.1).

    What a request asks that does not open nobody knows. What the response to the deletion of an IKE SA is not to hold
    says another check.
    """
    return asked is None or delete.protocol in asked or Protocol.IKE in asked


_Told = Mapping[tuple[bool, Protocol], set[bytes]]
"""The SPIs that the IKE initiator, or the responder, has told of a protocol."""


def _told(view: View) -> _Told:
    told: dict[tuple[bool, Protocol], set[bytes]] = {}
    for message in view.messages:
        for protocol, spi in child_spis(message):
            told.setdefault((message.from_initiator, protocol), set()).add(spi)
    return told


def _strange(known: _Told, unread: Container[bool], message: SeenMessage, delete: Delete) -> Iterable[str]:
    """SPIs that are the other side's, or that nobody was told of, where all that its sender has told can be read."""
    if message.from_initiator in unread:
        return
    own, others = (known.get((side == message.from_initiator, delete.protocol), set()) for side in (True, False))
    for spi in delete.spis if delete.spi_size == _SPI_OCTETS else ():
        if spi not in own:
            whose = "the other side's" if spi in others else "nobody's"
            yield f"a Delete names the SPI {spi.hex()}, which is {whose}"


@engine_check("nothing-after-a-deletion", due=Due.ALWAYS, requirement="B29")
def nothing_after_a_deletion(view: View, _arguments: Arguments) -> Checked:
    """Who deletes an SA, and whose deletion is answered, sends no further request or ESP packet on it (B29).

    Requests are told by their Message IDs, whichever came first. An ESP packet may have been on its way when the answer
    left: it counts from one second after that on.
    """
    objections: list[Objection] = []
    count = 0
    for message in view.find(ExchangeType.INFORMATIONAL, response=False):
        gone = of(message, Delete)
        if not gone or message.opened is None:  # in clear, anybody may say so
            continue
        count += 1
        if any(delete.protocol == Protocol.IKE for delete in gone):
            objections += _later_requests(view, message)
        objections += _later_packets(view, message, gone)
    return Checked(f"nothing follows {count} deletions on what they delete", tuple(objections))


def _later_requests(view: View, deletion: SeenMessage) -> Iterable[Objection]:
    for later in view.messages:
        same = later.from_initiator == deletion.from_initiator and not later.response and later.sealed
        if same and later.message_id > deletion.message_id:
            sentence = f"{later.label} is sent in the IKE SA that {deletion.label} deletes"
            yield Objection(view.sender(later), sentence, later.pointer)


def _later_packets(view: View, deletion: SeenMessage, gone: list[Delete]) -> Iterable[Objection]:
    """The first new ESP packet that a side sends when the deletion is over for it: answered, and nothing on its way.

    It stands behind the answer in the capture. Where the capture's clock runs backwards after that, it tells nothing.
    """
    answers = view.find(ExchangeType.INFORMATIONAL, response=True, initiator=not deletion.from_initiator)
    over = [m for m in answers if m.message_id == deletion.message_id and m.frame > deletion.frame]
    if not over:
        return
    answer = over[0].pieces[0].datagram
    stamps = [each.at for each in view.wire.datagrams if each.frame >= answer.frame]
    if stamps != sorted(stamps):
        return
    seen: set[bytes] = set()
    for party in (view.sender(deletion), view.sender(over[0])):
        spis = _deleted(view, deletion, gone, to=party)
        for datagram in (each for each in view.wire.datagrams if is_esp(each) and view.source(each) == party):
            new = datagram.payload not in seen
            seen.add(datagram.payload)
            late = datagram.frame > answer.frame and datagram.at > answer.at + ON_ITS_WAY
            if new and late and (spis is None or datagram.payload[:_SPI_OCTETS] in spis):
                yield _late(party, datagram, deletion)
                break


def _deleted(view: View, deletion: SeenMessage, gone: list[Delete], *, to: str) -> set[bytes] | None:
    """The SPIs that a party must send on no more; None for all of them, as its IKE SA is gone."""
    if any(delete.protocol == Protocol.IKE for delete in gone):
        return None
    named = {spi for delete in gone for spi in delete.spis}
    child = view.child
    pair = () if child is None else (child.initiator_spi, child.responder_spi)
    if to != view.sender(deletion):
        return named  # it sends on what the other side receives on
    return {spi for spi in pair if named & set(pair) and spi not in named}


def _late(party: str, datagram: CapturedDatagram, deletion: SeenMessage) -> Objection:
    sentence = f"an ESP packet is sent on an SA that {deletion.label} has deleted, long after the answer"
    return Objection(party, sentence, Pointer.to_frame(datagram.frame))
