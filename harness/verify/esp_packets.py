"""The ESP packets of a capture, opened with keys computed again (RFC 4303, RFC 7296 section 2.17)."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv4Address

from harness.crypto.errors import IntegrityError, MethodUnavailable
from harness.crypto.key_schedule import ChildKeys, child_keys
from harness.crypto.protection import Protection, protection
from harness.esp.errors import EspError
from harness.esp.packet import InnerPacket, NextHeader
from harness.esp.sa import EspSa
from harness.evidence.model import CapturedDatagram
from harness.registry.transforms import SequenceNumbers, TransformType
from harness.scenario.model import Mode
from harness.verify.inner import EchoMessage, read_echo, read_transported_echo
from harness.verify.transcript import is_esp
from harness.verify.view import SeenChild, View


@dataclass(frozen=True, slots=True)
class SeenEsp:
    """One ESP packet of the capture, decrypted if the computed keys fit."""

    frame: int
    from_engine: bool
    sequence: int
    echo: EchoMessage | None
    problem: str
    in_udp: bool = False

    @property
    def pointer(self) -> str:
        """Where a reader finds it."""
        return f"wire.pcapng#{self.frame}"


def esp_packets(view: View) -> list[SeenEsp]:
    """The ESP packets of the capture, opened with keys computed again; all closed where there are no such keys."""
    child = view.child
    if child is not None and view.chain is not None:
        with suppress(MethodUnavailable):
            return read_packets(view, child, *computed_keys(view, child))
    return [
        _open(datagram, view.source(datagram) == "engine", None, Mode.TUNNEL)
        for datagram in view.wire.datagrams
        if is_esp(datagram)
    ]


def computed_keys(view: View, child: SeenChild) -> tuple[ChildKeys, Protection]:
    """KEYMAT = prf+(SK_d, Ni | Nr) with the newest SK_d (RFC 7296 section 2.17)."""
    assert view.chain is not None
    encr, integ = child.suite.get(TransformType.ENCR), child.suite.get(TransformType.INTEG)
    if encr is None:
        raise MethodUnavailable("the Child SA has no ENCR transform")
    cipher = protection(encr, integ if integ and integ.identifier else None)
    schedule = view.chain.schedule
    sk_d = view.chain.generations[-1].sk_d
    return child_keys(schedule.prf, sk_d, schedule.nonce_i, schedule.nonce_r, cipher), cipher


def uses_extended_sequence_numbers(child: SeenChild) -> bool:
    """Whether the answer on the wire selects 64-bit sequence numbers (RFC 7296 section 3.3.2)."""
    sn = child.suite.get(TransformType.SN)
    return sn is not None and sn.identifier == SequenceNumbers.EXTENDED_SEQUENCE_NUMBERS


def read_packets(
    view: View, child: SeenChild, keys: ChildKeys, cipher: Protection, *, esn: bool | None = None
) -> list[SeenEsp]:
    """Every ESP packet of the capture, in order. ``esn`` opens them as if the other answer had been given."""
    extended = uses_extended_sequence_numbers(child) if esn is None else esn
    to_responder = (keys.initiator_encryption, keys.initiator_integrity)
    to_initiator = (keys.responder_encryption, keys.responder_integrity)
    initiator_is_engine = view.party(initiator=True) == "engine"
    sas = {  # by sender and SPI
        (initiator_is_engine, child.responder_spi): EspSa(
            int.from_bytes(child.responder_spi), cipher, *to_responder, extended
        ),
        (not initiator_is_engine, child.initiator_spi): EspSa(
            int.from_bytes(child.initiator_spi), cipher, *to_initiator, extended
        ),
    }
    seen = []
    for datagram in view.wire.datagrams:
        if is_esp(datagram):
            from_engine = datagram.source[0] == view.evidence.engine_address
            seen.append(_open(datagram, from_engine, sas.get((from_engine, datagram.payload[:4])), child.mode))
    return seen


def _open(datagram: CapturedDatagram, from_engine: bool, sa: EspSa | None, mode: Mode) -> SeenEsp:
    packet, sequence = datagram.payload, int.from_bytes(datagram.payload[4:8])
    echo, problem = None, ""
    if sa is None:
        problem = f"SPI {packet[:4].hex()} belongs to no SA of this direction"
    else:
        try:
            inner = sa.open(sa.parse(packet), sequence)
        except (EspError, IntegrityError) as error:
            problem = str(error)
        else:
            echo, problem = _echo(datagram, inner, mode)
    return SeenEsp(datagram.frame, from_engine, sequence, echo, problem, in_udp=datagram.source[1] != 0)


def _echo(datagram: CapturedDatagram, inner: InnerPacket, mode: Mode) -> tuple[EchoMessage | None, str]:
    """What a packet carries, and what is wrong with it: Next Header says what it is (RFC 4303 section 2.6)."""
    due = NextHeader.ICMP if mode is Mode.TRANSPORT else NextHeader.IPV4
    if inner.next_header != due:
        return None, f"its Next Header is {inner.next_header}, {due} is due in {mode} mode"
    if mode is Mode.TUNNEL:
        return read_echo(inner.payload), ""
    ends = (IPv4Address(address).packed for address, _ in (datagram.source, datagram.destination))
    return read_transported_echo(inner.payload, *ends), ""
