"""Two products' ESP as far as it is in clear: sizes, numbers, and whether its SA still stood (RFC 4303)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from ipaddress import ip_address

from harness.crypto.errors import MethodUnavailable
from harness.crypto.protection import Protection, protection
from harness.evidence.model import CapturedDatagram
from harness.evidence.peer_report import DELETED, ChildReport
from harness.policy.proposals import Suite
from harness.registry.messages import ExchangeType
from harness.registry.transforms import TransformType
from harness.results.model import Pointer
from harness.scenario.model import Parties, Step
from harness.verify.check import Arguments, Checked, Due, Objection, pair_check
from harness.verify.checks.exchanges import ends_by_deletion, goes_on, late_esp
from harness.verify.checks.spis import of_several
from harness.verify.checks.vectors import Vectors
from harness.verify.pair_view import PairView
from harness.verify.wire import SeenMessage
from harness.wire.ports import NAT_PORT

_SPI = 4  # octets
_HEADER, _TRAILER = 8, 2  # octets: SPI and Sequence Number; Pad Length and Next Header
_WORD = 4  # Pad Length and Next Header end at a multiple of so many octets (RFC 4303 section 2.4)
_BLOCK = 16  # octets that no two ciphertexts have in common by chance
_FEW = 3  # packets of an SA that tell an order
_GAP = 64  # numbers that a sender may have dropped once it had given them, and not counted: a window's worth


@pair_check("pair-esp-in-its-form", due=Due.ALWAYS, requirement="E01")
def pair_esp_in_its_form(view: PairView, _arguments: Arguments) -> Checked:
    """Each packet has the size that the negotiated algorithms make, and its payload is not in clear (E01, E05, E10).

    The sizes are those of the one suite that the policies lead to, as long as neither side reports another one.
    """
    cipher = _cipher(view)
    inner = _inner_addresses(view)
    objections: list[Objection] = []
    for packet in view.esp:
        fault = "" if cipher is None else _misshapen(packet, cipher)
        if any(pair in packet.payload for pair in inner):
            fault = "the inner packet is in clear behind the ESP header"
        if fault:
            objections.append(Objection(view.source(packet), f"an ESP packet: {fault}", Pointer.to_frame(packet.frame)))
    if cipher is not None and not objections:  # of what is in clear there is no vector
        objections += [*_vectors(view, cipher), *_same_check_values(view, cipher)]
    objections += _same_ciphertexts(view, cipher)
    objections += _cut_short(view)
    if view.esp and not view.up and not view.find(ExchangeType.IKE_AUTH):
        first = view.esp[0]
        words = "an ESP packet is sent, and no IKE SA was ever made that has a Child SA"
        objections.append(Objection(view.source(first), words, Pointer.to_frame(first.frame)))
    sizes = ", ".join(str(octets) for octets in sorted({len(packet.payload) for packet in view.esp}))
    return Checked(f"ESP packets of octets: {sizes or 'none'}", tuple(objections))


def _vectors(view: PairView, cipher: Protection) -> Iterator[Objection]:
    """Vectors are in clear: none comes twice on one SA, and in CBC mode none follows from those before (E05, E10)."""
    vectors, start = Vectors(), _HEADER + cipher.iv_octets
    for packet in view.esp:
        octets = packet.payload
        ciphertext = octets[start : len(octets) - cipher.icv_octets]
        key, may_count = (packet.source[0], octets[:_SPI]), cipher.iv_may_be_counter
        if fault := vectors.fault(key, octets[_HEADER:start], ciphertext, octets, may_count=may_count):
            sentence, rule = f"an ESP packet {fault} under the same key", "E05" if may_count else "E10"
            yield Objection(view.source(packet), sentence, Pointer.to_frame(packet.frame), rule)


def _same_check_values(view: PairView, cipher: Protection) -> Iterator[Objection]:
    """Another packet has the ICV of an earlier one: as it covers the sequence number, it is made of neither (E01)."""
    seen: dict[tuple[str, bytes, bytes], bytes] = {}
    for packet in view.esp if cipher.icv_octets else ():
        octets = packet.payload
        if seen.setdefault((packet.source[0], octets[:_SPI], octets[-cipher.icv_octets :]), octets) != octets:
            sentence = "an ESP packet has the integrity check value of an earlier one on its SA, which has other octets"
            yield Objection(view.source(packet), sentence, Pointer.to_frame(packet.frame))


def _same_ciphertexts(view: PairView, cipher: Protection | None) -> Iterator[Objection]:
    """Another packet has the ciphertext of an earlier one under a vector of its own: then one holds no packet (E01).

    Another vector deciphers it to other octets, which nobody can choose. Where the cipher is not known, all that stands
    behind the ESP header is compared: sequence number or vector alone make the check value another one.
    """
    seen: dict[tuple[str, bytes, bytes], bytes] = {}
    start, end = (_HEADER + cipher.iv_octets, cipher.icv_octets) if cipher else (_HEADER, 0)
    for packet in view.esp:
        octets = packet.payload
        ciphertext = octets[start : len(octets) - end]
        if len(ciphertext) < _BLOCK:
            continue
        earlier = seen.setdefault((packet.source[0], octets[:_SPI], ciphertext), octets)
        if earlier != octets and (cipher is None or earlier[_HEADER:start] != octets[_HEADER:start]):
            sentence = "an ESP packet has the ciphertext of an earlier one on its SA, which has other octets"
            yield Objection(view.source(packet), sentence, Pointer.to_frame(packet.frame))


def _cut_short(view: PairView) -> Iterator[Objection]:
    """What is in UDP on port 4500 and too short for an ESP header; a keepalive has one octet (RFC 3948 section 2.3)."""
    for datagram in _stubs(view):
        sentence = f"a datagram of {len(datagram.payload)} octets on port {NAT_PORT} is neither IKE nor ESP"
        yield Objection(view.source(datagram), sentence, Pointer.to_frame(datagram.frame))


def _stubs(view: PairView) -> list[CapturedDatagram]:
    return [
        each
        for each in view.wire.datagrams
        if NAT_PORT in (each.source[1], each.destination[1]) and 1 < len(each.payload) < _HEADER
        if view.is_between(each)
    ]


def _cipher(view: PairView) -> Protection | None:
    suites = view.expectation.esp
    shapes = {(s.get(TransformType.ENCR), s.get(TransformType.INTEG)) for s in suites}
    if len(shapes) != 1 or not _as_reported(view, suites[0]):
        return None
    encr, integ = next(iter(shapes))
    try:
        return None if encr is None else protection(encr, integ)
    except MethodUnavailable:
        return None


def _as_reported(view: PairView, suite: Suite) -> bool:
    """Whether no side reports other algorithms: then it is not known what was negotiated.

    Where the policies are our records of defaults, which may be wrong, one of the two has to report these.
    """
    names = tuple(
        one.name(kind) if one is not None and one.identifier else None
        for kind in (TransformType.ENCR, TransformType.INTEG)
        for one in [suite.get(kind)]
    )
    told = {(child.encr, child.integ) for _, _, child in _children(view) if child.encr is not None}
    return told == {names} or (not told and view.scenario.parties is not Parties.PUBLISHED)


def _children(view: PairView) -> Iterator[tuple[int, int, ChildReport]]:
    """The Child SAs in use by step and side."""
    for number, step in enumerate(view.standing):
        for side, report in enumerate((step.initiator, step.responder)):
            for sa in report.sas:
                for child in sa.installed:
                    yield number, side, child


def _misshapen(packet: CapturedDatagram, cipher: Protection) -> str:
    octets = len(packet.payload) - _HEADER - cipher.iv_octets - cipher.icv_octets
    unit = max(cipher.block_octets, _WORD)
    if octets < _TRAILER or octets % unit:
        return f"its {len(packet.payload)} octets are no IV, ciphertext in units of {unit} octets, and ICV"
    return ""


def _inner_addresses(view: PairView) -> list[bytes]:
    """Source and destination of an inner packet, one behind the other as its header has them."""
    hosts = [side.inner for side in view.sides]
    if not all(hosts):
        return []
    first, second = (ip_address(host).packed for host in hosts)
    return [first + second, second + first]


@pair_check("pair-esp-in-order", due=Due.ALWAYS, requirement="E02")
def pair_esp_in_order(view: PairView, _arguments: Arguments) -> Checked:
    """The packets of an SA are numbered from 1 on, where its sender counts as many as there are on the path (E02).

    None goes over an SA that was deleted (B29).
    """
    objections: list[Objection] = []
    for side in (0, 1):
        for spi, packets in _by_spi(view, side).items():
            objections += _misnumbered(view, side, spi, packets)
        objections += _stale(view, side)
    objections += _behind_the_deletion(view)
    return Checked(f"{len(view.esp)} ESP packets in the order of their numbers", tuple(objections))


def _by_spi(view: PairView, side: int) -> dict[bytes, list[CapturedDatagram]]:
    """What a side sends (0 the initiator, 1 the responder), by SPI."""
    found: dict[bytes, list[CapturedDatagram]] = {}
    for packet in view.esp:
        if packet.source[0] == view.sides[side].address:
            found.setdefault(packet.payload[:_SPI], []).append(packet)
    return found


def _number(packet: CapturedDatagram) -> int:
    return int.from_bytes(packet.payload[_SPI : 2 * _SPI])


def _misnumbered(view: PairView, side: int, spi: bytes, packets: Sequence[CapturedDatagram]) -> Iterator[Objection]:
    numbers = list(dict.fromkeys(map(_number, packets)))
    counted = [c.packets_out for _, s, c in _children(view) if s == side and c.spi_out == spi.hex()]
    party, pointer = view.sides[side].peer, Pointer.to_frame(packets[0].frame)
    all_seen = counted and None not in counted and max(each or 0 for each in counted) == len(numbers)
    if all_seen and (min(numbers) > 1 or max(numbers) > len(numbers) + _GAP):
        words = f"the {len(numbers)} packets that it counts on the SA with SPI {spi.hex()} are numbered"
        yield Objection(party, f"{words} {min(numbers)} to {max(numbers)}", pointer)
    if len(numbers) >= _FEW and numbers == sorted(numbers, reverse=True):
        yield Objection(party, f"the numbers of the SA with SPI {spi.hex()} go down, from {numbers[0]}", pointer)


def _stale(view: PairView, side: int) -> Iterator[Objection]:
    """A packet on an SA that its sender left for another one, once that was deleted by an INFORMATIONAL exchange.

    One that its sender still reports at the end may stand beside the other (RFC 7296 section 2.8.1), and its SPI may
    come again for another one. Where there are more of those exchanges than the scenario's steps ask for, so many may
    be liveness checks.
    """
    end = len(view.standing) - 1
    kept = {c.spi_out for number, s, c in _children(view) if (number, s) == (end, side)}
    kept |= {spi for receiver, spi in of_several(view) if receiver != side}
    closed = [m.frame for m in view.find(ExchangeType.INFORMATIONAL, response=True) if m.sealed]
    others = max(len(closed) - sum(step.step != Step.TRAFFIC for step in view.report.steps[1:]), 0)
    last: dict[bytes, int] = {}
    begun: list[bytes] = []
    for packet in view.esp:
        if packet.source[0] != view.sides[side].address:
            continue
        spi = packet.payload[:_SPI]
        if spi not in last:
            begun.append(spi)
        elif spi != begun[-1] and spi.hex() not in kept and sum(last[spi] < f < packet.frame for f in closed) > others:
            sentence = f"an ESP packet with SPI {spi.hex()} comes after its SA was replaced and deleted"
            yield Objection(view.source(packet), sentence, Pointer.to_frame(packet.frame), "B29")
        last[spi] = packet.frame


def _behind_the_deletion(view: PairView) -> Iterator[Objection]:
    """ESP long behind the exchange that deleted the IKE SA, as both report, and its Child SAs with it."""
    response = ends_by_deletion(view)
    if response is None or not _both_deleted(view):
        return
    for packet in late_esp(view, response):
        sentence = "an ESP packet comes behind the exchange that deletes the IKE SA, and its Child SAs with it"
        yield Objection(view.source(packet), sentence, Pointer.to_frame(packet.frame), "B29")


def _both_deleted(view: PairView) -> bool:
    last = view.report.steps[-1] if view.report.steps else None
    return last is not None and last.step == DELETED and not (last.initiator.sas or last.responder.sas)


def too_few_packets(view: PairView) -> str:
    """Less ESP to a side than echo messages that came back, in words; "" for none: then the capture lacks some."""
    steps = [step for step in view.standing if step.step == Step.TRAFFIC]
    back = sum(step.echo_received for step in steps if step.echo_received <= step.echo_sent)
    if any(step.echo_received != step.echo_sent for step in steps):
        return ""
    response = ends_by_deletion(view) if _both_deleted(view) else None
    if response is not None and goes_on(view, response):
        response = None
    for side in view.sides:
        before = [p for p in view.esp if response is None or p.frame < response.frame]
        unread = view.malformed if view.twice else ()  # may be what the other side took for ESP
        seen = sum(packet.destination[0] == side.address for packet in (*before, *_stubs(view), *unread))
        if seen < back:
            return f"wire.pcapng has {seen} ESP packets to {side.peer} in time, and {back} echo replies came back"
    return ""


def before_its_sa(view: PairView) -> str:
    """ESP in front of the messages that its SA comes from, in words; "" for none: the capture is in another order."""
    auth = {m.response: m for m in reversed(view.find(ExchangeType.IKE_AUTH)) if m.sealed}
    for side, response in ((0, True), (1, False)):
        sender = view.sides[side]
        first: SeenMessage | None = auth.get(response)
        for packet in view.esp if first is not None else ():
            if packet.source[0] == sender.address and first is not None and packet.frame < first.frame:
                return f"wire.pcapng has ESP of {sender.peer} in front of the {first.label}, which tells it the SPI"
    known = {spi for number, _, c in _children(view) if number == 0 for spi in (c.spi_in, c.spi_out)}
    later = {spi for number, _, c in _children(view) if number for spi in (c.spi_in, c.spi_out)} - known
    made = min((m.frame for m in view.find(ExchangeType.CREATE_CHILD_SA, response=False)), default=0)
    for packet in view.esp:
        if made and packet.frame < made and packet.payload[:_SPI].hex() in later:
            return f"wire.pcapng has ESP of a later Child SA in front of the first rekey, in frame {packet.frame}"
    return ""
