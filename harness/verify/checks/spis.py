"""The SPIs of Child SAs: which numbers they may be, and that no two living ones of a side are the same (RFC 4303)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable
from itertools import pairwise

from harness.evidence.model import Side
from harness.evidence.peer_report import PeerReport
from harness.results.model import STEPS
from harness.scenario.model import Step
from harness.verify.check import Arguments, Checked, Due, Objection, engine_check, pair_check, told_otherwise
from harness.verify.checks.deletion import child_spis
from harness.verify.pair_view import PairView
from harness.verify.view import View
from harness.verify.wire import SeenMessage, of
from harness.wire.payloads import Delete, Notify

_RESERVED = 255  # up to here, zero among them (RFC 4303 section 2.1)
_OCTETS = 4

Living = dict[tuple[bool, int, bytes], Hashable]
"""By side, protocol and SPI: the exchange that it comes from."""


@engine_check("esp-spis-are-due", due=Due.ALWAYS, requirement="E07")
def esp_spis_are_due(view: View, _arguments: Arguments) -> Checked:
    """The SPI of a Child SA is not among 0 to 255, and is none that its side already receives on (E07).

    The same SPI in each proposal of one offer is one SA, and a retransmission is the same message. What is refused has
    made no SA.
    """
    objections = []
    living: Living = {}
    for message in view.messages:
        _forget_refused(living, message)
        for delete in of(message, Delete):
            for spi in delete.spis:
                living.pop((message.from_initiator, delete.protocol, spi), None)
        place = message.exchange, message.message_id, message.response
        for protocol, spi in dict.fromkeys(child_spis(message)):
            if sentence := _fault(spi) or _twice(living, (message.from_initiator, protocol, spi), place):
                words = f"{message.label}: {sentence}"
                objections.append(Objection(view.sender(message), words, message.pointer))
    return Checked(f"{len(living)} SPIs of Child SAs, none of them reserved and none twice", tuple(objections))


def _fault(spi: bytes) -> str:
    """What is wrong with a number; that it has another size is another check's finding."""
    reserved = len(spi) == _OCTETS and int.from_bytes(spi) <= _RESERVED
    return f"the SPI {spi.hex()} is reserved (RFC 4303 section 2.1)" if reserved else ""


def _forget_refused(living: Living, answer: SeenMessage) -> None:
    """Drop what a request offered that this answer refuses: its sender may offer it again."""
    if answer.response and answer.opened and any(notify.notify_type.is_error for notify in of(answer, Notify)):
        asked = answer.exchange, answer.message_id, False
        for key in [key for key, place in living.items() if place == asked and key[0] != answer.from_initiator]:
            del living[key]


def _twice(living: Living, key: tuple[bool, int, bytes], place: Hashable) -> str:
    known = living.setdefault(key, place)
    return "" if known == place else f"the SPI {key[2].hex()} is that of another Child SA, which still lives"


@pair_check("pair-spis-are-due", due=Due.UP, requirement="E07")
def pair_spis_are_due(view: PairView, _arguments: Arguments) -> Checked:
    """No Child SA that a side reports has an SPI among 0 to 255 to receive on, and no two have the same one (E07).

    That it is reserved contradicts the wire where the ESP that goes to that side has other SPIs. That two have the same
    one is believed where the other side sends on both with it, and so is that a rekeyed one has the SPI of before.
    """
    objections, seen = [], set()
    for index, spi in sorted(kept_over_a_rekey(view)):
        sentence = f"it receives on the SPI {spi} for a Child SA, and for the one that replaces it"
        objections.append(Objection(view.sides[index].peer, sentence, STEPS))
    for step in view.standing:
        across = (step.responder, step.initiator)
        for side, report, other in zip(view.sides, (step.initiator, step.responder), across, strict=True):
            count = Counter(spi for spi, _ in _told(report))
            seen |= set(count)
            for spi, times in count.items():
                if times > 1:
                    sentence = f"after {step.step} it reports {times} Child SAs with the SPI {spi}"
                    if sum(out == spi for _, out in _told(other)) < times:
                        words = f"{side.peer}: {sentence}, and the other side does not"
                        objections.append(told_otherwise(words, STEPS))
                        continue
                elif spi.strip("0123456789abcdef") == "" and int(spi or "0", 16) <= _RESERVED:
                    sentence = f"after {step.step} it reports a Child SA with the SPI {spi}, which is reserved"
                    if _others_are_used(view, side, spi):
                        words = f"{side.peer}: {sentence}, and no ESP that goes there has it"
                        objections.append(told_otherwise(words, STEPS))
                        continue
                else:
                    continue
                objections.append(Objection(side.peer, sentence, STEPS))
    return Checked(f"{len(seen)} SPIs reported, none of them reserved and none twice", tuple(objections))


def kept_over_a_rekey(view: PairView) -> set[tuple[int, str]]:
    """The SPIs that a side, the initiator (0) or the responder (1), receives on before a rekey and after it.

    Where the other side has another one to receive on and both say so, it is another Child SA, made while the first one
    stood (RFC 7296 section 2.8).
    """
    found = set()
    for before, after in pairwise(view.standing):
        old, new = ([_told(report) for report in (step.initiator, step.responder)] for step in (before, after))
        for index in (0, 1) if after.step == Step.REKEY_CHILD else ():
            known = {(into, out) for into, out in old[index] if (out, into) in old[1 - index]}
            made = {(into, out) for into, out in new[index] - old[index] if (out, into) in new[1 - index]}
            others = {out for _, out in known}
            kept = {into for into, out in made if out not in others} & {into for into, _ in known}
            found |= {(index, spi) for spi in kept}
    return found


def of_several(view: PairView) -> set[tuple[int, str]]:
    """The SPIs that a side, the initiator (0) or the responder (1), has received on for several Child SAs, as both say.

    One that is deleted leaves its SPI free: what comes on it then is of another SA.
    """
    others: dict[tuple[int, str], set[str]] = {}
    for step in view.standing:
        told = _told(step.initiator), _told(step.responder)
        for index in (0, 1):
            for into, out in told[index]:
                if (out, into) in told[1 - index]:
                    others.setdefault((index, into), set()).add(out)
    return {spi for spi, those in others.items() if len(those) > 1}


def _told(report: PeerReport) -> set[tuple[str, str]]:
    """The Child SAs in use, each once, by the SPIs that a side receives and sends on."""
    return {(child.spi_in, child.spi_out) for sa in report.sas for child in sa.installed}


def _others_are_used(view: PairView, side: Side, spi: str) -> bool:
    """Whether ESP goes to a side, and never with this SPI."""
    used = {packet.payload[:_OCTETS].hex() for packet in view.esp if packet.destination[0] == side.address}
    return bool(used) and spi not in used
