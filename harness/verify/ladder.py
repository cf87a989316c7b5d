"""The messages of a case as a ladder diagram shows them."""

from __future__ import annotations

from itertools import groupby

from harness.results.model import LadderStep
from harness.verify.transcript import SeenMessage, is_esp
from harness.verify.view import View
from harness.verify.words import payload_name


def ladder(view: View) -> tuple[LadderStep, ...]:
    """One step a message, in order, ESP packets of one direction in a row together; times in milliseconds."""
    if not view.messages:
        return ()
    began = view.messages[0].pieces[0].datagram.at
    steps = [_step(view, message, began) for message in view.messages]
    steps += _esp_steps(view, began)
    steps += _foreign_steps(view, began)
    return tuple(sorted(steps, key=lambda step: step.at_ms))


def _esp_steps(view: View, began: float) -> list[LadderStep]:
    packets = [datagram for datagram in view.wire.datagrams if is_esp(datagram)]
    steps = []
    for from_engine, run in groupby(packets, lambda each: each.source[0] == view.evidence.engine_address):
        row = list(run)
        detail = f"{len(row)} packet{'' if len(row) == 1 else 's'}"
        at_ms = round((row[0].at - began) * 1000, 1)
        octets = sum(len(datagram.payload) for datagram in row)
        steps.append(LadderStep(">" if from_engine else "<", "ESP", detail, octets, at_ms))
    return steps


def _foreign_steps(view: View, began: float) -> list[LadderStep]:
    """What else goes over the ports of IKE."""
    foreign = [(datagram, "no IKE message") for datagram in view.malformed]
    foreign += [(piece.datagram, "of another IKE SA") for piece in view.strangers]
    steps = []
    for datagram, words in foreign:
        direction = ">" if view.source(datagram) == "engine" else "<"
        at_ms = round((datagram.at - began) * 1000, 1)
        steps.append(LadderStep(direction, "datagram", words, len(datagram.payload), at_ms))
    return steps


def _step(view: View, message: SeenMessage, began: float) -> LadderStep:
    from_engine = view.sender(message) == "engine"
    sizes = [len(piece.octets) for piece in message.pieces]
    words = ", ".join(payload_name(payload) for payload in message.payloads) or "no payload"
    if not message.readable:
        words = "not decrypted"
    elif message.protected:
        words = f"SK {{ {words} }}"
    if len(sizes) > 1:
        fragments = sum(piece.fragment is not None for piece in message.pieces)
        words += f" in {fragments} fragments" if fragments else f", sent {len(sizes)} times"
    at_ms = round((message.pieces[0].datagram.at - began) * 1000, 1)
    return LadderStep(">" if from_engine else "<", message.label, words, sum(sizes), at_ms)
