"""A capture in words: IKE messages, and with recorded secrets what is inside of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from harness.evidence.capture import read_capture
from harness.evidence.model import CapturedDatagram
from harness.evidence.store import EvidenceFolder, UnreadableEvidence
from harness.verify.transcript import SeenMessage, group, is_esp, read_pieces
from harness.verify.view import read_messages
from harness.verify.words import payload_name


def decode_capture(pcap: Path) -> Iterator[str]:
    """One line a message, of every IKE SA in the capture; what is protected stays so."""
    datagrams = read_capture(pcap).datagrams
    spis = dict.fromkeys(_initiator_spi(each) for each in datagrams if not is_esp(each))
    for spi in filter(None, spis):
        yield from map(_line, group(read_pieces(datagrams, spi).pieces))


def decode_evidence(folder: EvidenceFolder, pcap: Path) -> Iterator[str]:
    """The same of the one IKE SA whose secrets the folder holds, decrypted.

    Raises:
        UnreadableEvidence: the secrets cannot be read.
    """
    secrets = folder.secrets()
    if secrets is None:
        raise UnreadableEvidence(f"{folder.path / 'secrets.json'}: missing")
    yield from map(_line, read_messages(read_capture(pcap).datagrams, secrets).messages)


def _initiator_spi(datagram: CapturedDatagram) -> bytes:
    """The first eight octets of an IKE message, behind the non-ESP marker where there is one."""
    payload = datagram.payload
    octets = payload[4:] if payload.startswith(bytes(4)) else payload
    return octets[:8] if len(octets) >= 28 else b""


def _line(message: SeenMessage) -> str:
    datagram = message.pieces[0].datagram
    ends = f"{datagram.source[0]}:{datagram.source[1]} > {datagram.destination[0]}:{datagram.destination[1]}"
    octets = sum(len(piece.octets) for piece in message.pieces)
    inside = ", ".join(map(payload_name, message.payloads)) if message.readable else "not decrypted"
    generation = "" if message.generation is None else f" [keys {message.generation}]"
    return f"#{message.frame} {ends} {message.label} ({octets} octets){generation}: {inside or 'no payload'}"
