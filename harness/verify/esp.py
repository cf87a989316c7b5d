"""The ESP packets of a capture, opened with keys computed again; the echo messages in them (RFC 4303, 792, 4443).

The engine opens what it receives by code of its own, of which nothing is used here.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from ipaddress import ip_address

from harness.crypto.errors import IntegrityError, MethodUnavailable
from harness.crypto.protection import Protection
from harness.evidence.model import CapturedDatagram
from harness.registry.messages import ExchangeType
from harness.registry.transforms import SequenceNumbers, TransformType
from harness.results.model import Pointer
from harness.scenario.model import Mode
from harness.verify.keys import ChildKeys, child_keys
from harness.verify.view import SeenChild, View
from harness.verify.wire import of
from harness.wire.payloads import TrafficSelectorsInitiator, TrafficSelectorsResponder
from harness.wire.payloads.traffic_selector import TrafficSelector

_DUMMY = 59  # a packet that is only there to be seen: its receiver drops it (RFC 4303 section 2.6)
_ICMP, _IPV4, _IPV6, _ICMPV6 = 1, 4, 41, 58  # protocol numbers, and what a Next Header says (RFC 4303 section 2.6)
_IPV4_ADDRESS, _IPV4_OCTETS = 4, 20  # octets: of an address, and of a header without options
_FRAGMENT = 0x3FFF  # more fragments, or an offset
_ECHO_TYPES = {4: (8, 0), 16: (128, 129)}  # of ICMP and ICMPv6, by octets of an address: request, reply


@dataclass(frozen=True, slots=True)
class EchoMessage:
    """An ICMP echo request or reply, with the ends that it goes between."""

    request: bool
    source: bytes  # 4 octets, of IPv6 16
    destination: bytes
    identifier: int
    sequence: int
    data: bytes

    @property
    def counterpart(self) -> EchoMessage:
        """The reply to this request, or the request that this reply answers: ends swapped, all else the same."""
        return replace(self, request=not self.request, source=self.destination, destination=self.source)


def read_transported_echo(message: bytes, source: bytes, destination: bytes) -> EchoMessage | None:
    """The echo message that an ESP packet in transport mode carries; the ends are those of its own IP header.

    Between ends of 4 octets it is one of ICMP (RFC 792), of 16 one of ICMPv6 (RFC 4443 section 4).
    """
    types = _ECHO_TYPES[len(source)]
    if len(message) < 8 or message[0] not in types or message[1]:  # they have no code but 0
        return None
    if not _adds_up(_pseudo_header(message, source, destination) + message):
        return None
    identifier, sequence = int.from_bytes(message[4:6]), int.from_bytes(message[6:8])
    return EchoMessage(message[0] == types[0], source, destination, identifier, sequence, message[8:])


def _pseudo_header(message: bytes, source: bytes, destination: bytes) -> bytes:
    """What the checksum of ICMPv6 covers beside the message (RFC 4443 section 2.3); that of ICMP, nothing."""
    if len(source) == _IPV4_ADDRESS:
        return b""
    return source + destination + len(message).to_bytes(4) + _ICMPV6.to_bytes(4)


def _adds_up(octets: bytes) -> bool:
    """Whether octets hold the Internet checksum of them all (RFC 1071): a host drops what does not."""
    padded = octets + b"\0"  # an odd one at the end is the first of two
    total = sum(int.from_bytes(padded[at : at + 2]) for at in range(0, len(octets), 2))
    return total != 0 and total % 0xFFFF == 0


def read_echo(packet: bytes) -> EchoMessage | None:
    """The echo message in a whole IPv4 packet; None if it holds something else."""
    if len(packet) < _IPV4_OCTETS or packet[0] >> 4 != 4 or packet[9] != _ICMP:
        return None
    header, fragment = 4 * (packet[0] & 15), int.from_bytes(packet[6:8]) & _FRAGMENT
    if header < _IPV4_OCTETS or fragment or not _adds_up(packet[:header]):
        return None
    message = packet[header : int.from_bytes(packet[2:4])]
    return read_transported_echo(message, packet[12:16], packet[16:20])


_WHOLE = (_IPV4, _IPV6)
_ESP_HEADER, _ESP_TRAILER = 8, 2  # octets: SPI and Sequence Number; Pad Length and Next Header


class Unopened(Exception):
    """Why an ESP packet does not open, in words."""


@dataclass(frozen=True, slots=True)
class EspKeys:
    """The keys of one direction of a Child SA."""

    cipher: Protection
    encryption: bytes = field(repr=False)
    integrity: bytes = field(repr=False)
    extended: bool = False  # 64-bit sequence numbers, of which 32 are sent


@dataclass(frozen=True, slots=True)
class EspContent:
    """What an ESP packet carried."""

    next_header: int
    payload: bytes
    padding: bytes  # without the Pad Length


def open_packet(packet: bytes, keys: EspKeys) -> EspContent:
    """What an ESP packet carries, if its keys are these. The high half of an extended sequence number is taken for 0.

    An AEAD authenticates the SPI and the whole number in front (RFC 4106 section 5); a MAC the high half at the end
    (RFC 4303 section 2.2.1).

    Raises:
        Unopened: too short, not authentic, or a Pad Length that does not fit.
    """
    cipher, start = keys.cipher, _ESP_HEADER + keys.cipher.iv_octets
    if len(packet) < start + _ESP_TRAILER + cipher.icv_octets:
        raise Unopened(f"{len(packet)} octets cannot hold an ESP packet of this SA")
    in_front, behind = packet[:_ESP_HEADER], b""
    if keys.extended and cipher.integrity_key_octets:
        behind = bytes(4)
    elif keys.extended:
        in_front = packet[:4] + bytes(4) + packet[4:_ESP_HEADER]
    iv, sealed = packet[_ESP_HEADER:start], packet[start:]
    try:
        plain = cipher.open(keys.encryption, keys.integrity, iv, in_front, sealed, behind)
    except IntegrityError as error:
        raise Unopened(str(error)) from None
    if plain[-1:] == bytes((_DUMMY,)):  # "the rest of the Payload Data may consist of only random bytes" (section 2.6)
        return EspContent(_DUMMY, plain[:-_ESP_TRAILER], b"")
    end = len(plain) - _ESP_TRAILER - plain[-2]
    if end < 0:
        raise Unopened(f"its Pad Length does not fit in {len(plain)} octets of plaintext")
    return EspContent(plain[-1], plain[:end], plain[end:-_ESP_TRAILER])


@dataclass(frozen=True, slots=True)
class SeenEsp:
    """One ESP packet of the capture, decrypted if the computed keys fit."""

    frame: int
    from_engine: bool
    sequence: int
    echo: EchoMessage | None
    problem: str
    octets: bytes = field(repr=False)
    in_udp: bool
    padding: bytes  # of one that opens
    vector: bytes  # the IV of one that opens
    counts: bool  # whether its cipher asks of the IV only that it is another one in each packet
    ciphertext_size: int  # of one that opens: the ciphertext without its integrity check value
    requirement: str  # that its problem breaks

    @property
    def pointer(self) -> Pointer:
        """Where a reader finds it."""
        return Pointer.to_frame(self.frame)


def esp_packets(view: View) -> list[SeenEsp]:
    """The ESP packets of the capture, opened with keys computed again; all closed where there are no such keys."""
    child = view.child
    if child is not None and view.chain is not None:
        with suppress(MethodUnavailable):
            return read_packets(view, child, *child_keys(view.chain, child.suite))
    return [_open(datagram, view.source(datagram) == "engine", None, Mode.TUNNEL) for datagram in view.esp]


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
        (initiator_is_engine, child.responder_spi): EspKeys(cipher, *to_responder, extended),
        (not initiator_is_engine, child.initiator_spi): EspKeys(cipher, *to_initiator, extended),
    }
    seen, ends = [], _ends(view)
    for datagram in view.esp:
        from_engine = datagram.source[0] == view.evidence.engine_address
        sa = sas.get((from_engine, datagram.payload[:4]))
        seen.append(_open(datagram, from_engine, sa, child.mode, ends[from_engine]))
    return seen


Ends = tuple[Sequence[TrafficSelector], Sequence[TrafficSelector]]
"""The selectors of a Child SA for the sender's end and for the receiver's; without any, nothing is told of them."""


def _ends(view: View) -> dict[bool, Ends]:
    """The selectors that the IKE_AUTH response settles, by whether our engine is the sender."""
    responses = view.find(ExchangeType.IKE_AUTH, response=True)
    initiators, responders = (
        [each for m in responses for ts in of(m, kind) for each in ts.selectors if isinstance(each, TrafficSelector)]
        for kind in (TrafficSelectorsInitiator, TrafficSelectorsResponder)
    )
    by_engine = view.party(initiator=True) == "engine"
    return {by_engine: (initiators, responders), not by_engine: (responders, initiators)}


def _open(
    datagram: CapturedDatagram, from_engine: bool, sa: EspKeys | None, mode: Mode, ends: Ends = ((), ())
) -> SeenEsp:
    packet, sequence = datagram.payload, int.from_bytes(datagram.payload[4:8])
    echo, problem, padding, vector, rule = None, "", b"", b"", "E01"
    octets, counts = 0, False
    if sa is None:
        problem = f"SPI {packet[:4].hex()} belongs to no SA of this direction"
    else:
        try:
            inner = open_packet(packet, sa)
        except Unopened as error:
            problem = str(error)
        else:
            echo, (rule, problem) = _echo(datagram, inner, mode), _fault(inner, mode, ends)
            padding = inner.padding
            vector, counts = packet[_ESP_HEADER:][: sa.cipher.iv_octets], sa.cipher.iv_may_be_counter
            octets = len(packet) - _ESP_HEADER - sa.cipher.iv_octets - sa.cipher.icv_octets
    in_udp = datagram.source[1] != 0
    return SeenEsp(
        datagram.frame, from_engine, sequence, echo, problem, packet, in_udp, padding, vector, counts, octets, rule
    )  # fmt: skip


def _echo(datagram: CapturedDatagram, inner: EspContent, mode: Mode) -> EchoMessage | None:
    """The echo message that a packet carries."""
    ends = tuple(ip_address(address).packed for address, _ in (datagram.source, datagram.destination))
    if mode is Mode.TUNNEL:
        return read_echo(inner.payload) if inner.next_header == _IPV4 else None
    is_echo = inner.next_header == (_ICMP if len(ends[0]) == 4 else _ICMPV6)  # others may be transported, too
    return read_transported_echo(inner.payload, *ends) if is_echo else None


def _fault(inner: EspContent, mode: Mode, ends: Ends) -> tuple[str, str]:
    """What is wrong with what a packet carries, and the requirement that it breaks; "" for nothing.

    Next Header says what it is (RFC 4303 section 2.6), padding for confidentiality may follow an IP packet (2.7).
    """
    kind = inner.next_header
    if kind == _DUMMY:
        return "E01", ""
    if mode is not Mode.TUNNEL:
        return "E04", f"its Next Header is {kind}, a whole IP packet in transport mode" if kind in _WHOLE else ""
    if kind != _IPV4:
        return "E04", f"its Next Header is {kind}, {_IPV4} is due in {mode} mode"
    return _fault_of_ip(inner.payload, ends)


def _fault_of_ip(packet: bytes, ends: Ends) -> tuple[str, str]:
    """The same of what is said to be an IPv4 packet (RFC 791), and whether it may go over this SA (RFC 4301 5.2)."""
    if len(packet) < _IPV4_OCTETS or packet[0] >> 4 != 4:
        return "E04", f"its Next Header says IPv4, and its {len(packet)} octets of payload are no such packet"
    header, total = 4 * (packet[0] & 15), int.from_bytes(packet[2:4])
    if not _IPV4_OCTETS <= header <= total <= len(packet):
        return "E04", f"its IPv4 packet is to have {total} octets, {header} of them header, and {len(packet)} are there"
    addresses = packet[12:16], packet[16:20]
    if not all(map(_lets_through, ends, addresses)):
        source, destination = map(ip_address, addresses)
        return "E08", f"it is from {source} to {destination}, which the traffic selectors do not let through"
    if not _adds_up(packet[:header]):
        return "E04", "its IPv4 header does not add up to its checksum: no host takes that packet"
    return "E01", ""


def _lets_through(selectors: Sequence[TrafficSelector], address: bytes) -> bool:
    """By the address alone: the lab's echo goes through whatever protocol a peer narrowed its selectors to."""
    fitting = (each for each in selectors if len(each.start) == len(address))
    return not selectors or any(each.start <= address <= each.end for each in fitting)
