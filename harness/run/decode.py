"""A capture in words: IKE messages, and with recorded secrets what is inside of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from harness.evidence.capture import read_capture
from harness.evidence.store import EvidenceFolder, UnreadableEvidence
from harness.verify.view import read_messages
from harness.verify.wire import SeenMessage, group, payload_name, pieces_by_sa


def decode_capture(pcap: Path) -> Iterator[str]:
    """One line a message, of every IKE SA in the capture; what is protected stays so."""
    for pieces in pieces_by_sa(read_capture(pcap).datagrams).values():
        yield from map(_line, group(pieces))


def decode_evidence(folder: EvidenceFolder, pcap: Path) -> Iterator[str]:
    """The same of the one IKE SA whose secrets the folder holds, decrypted.

    Raises:
        UnreadableEvidence: the secrets cannot be read.
    """
    secrets = folder.secrets()
    if secrets is None:
        raise UnreadableEvidence(f"{folder.path / 'secrets.json'}: missing")
    yield from map(_line, read_messages(read_capture(pcap).datagrams, secrets).messages)


def _line(message: SeenMessage) -> str:
    datagram = message.pieces[0].datagram
    ends = f"{datagram.source[0]}:{datagram.source[1]} > {datagram.destination[0]}:{datagram.destination[1]}"
    octets = sum(len(piece.octets) for piece in message.pieces)
    inside = ", ".join(map(payload_name, message.payloads)) if message.readable else "not decrypted"
    generation = "" if message.generation is None else f" [keys {message.generation}]"
    return f"#{message.frame} {ends} {message.label} ({octets} octets){generation}: {inside or 'no payload'}"
