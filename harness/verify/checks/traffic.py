"""ESP: both ways, decrypted with keys computed again, counted at the peer (RFC 4303, RFC 7296 section 2.17)."""

from __future__ import annotations

from ipaddress import IPv4Address
from itertools import pairwise

from harness.crypto.errors import MethodUnavailable
from harness.crypto.key_schedule import ChildKeys
from harness.evidence.model import ChildSecrets
from harness.registry.messages import ExchangeType
from harness.verify.checks.peer_report import child_of
from harness.verify.esp_packets import SeenEsp, computed_keys, read_packets
from harness.verify.inner import EchoMessage
from harness.verify.result import Arguments, Checked, Objection, missing
from harness.verify.view import SeenChild, View, of
from harness.wire.payloads import TrafficSelectorsInitiator, TrafficSelectorsResponder
from harness.wire.payloads.traffic_selector import TrafficSelector


def esp_both_ways(view: View, arguments: Arguments) -> Checked:
    """``packets`` echo requests get as many replies, all in ESP that the computed keys decrypt, nothing in clear.

    In clear is what the tester's interface carries, to or from the outer address or the inner one of our end, and is
    neither IKE nor ESP. A leak that the peer routes elsewhere never comes to that interface and is not seen.
    """
    wanted = int(arguments.get("packets", 1))
    child = view.child
    if child is None or view.chain is None:
        return Checked("", (Objection("", "no Child SA came up", "wire.pcapng"),))
    try:
        keys, cipher = computed_keys(view, child)
    except MethodUnavailable as error:
        return Checked("", (Objection("", str(error), "secrets.json", severity="inconclusive"),))
    objections = _recorded(view.secrets.children, child, keys)
    packets = read_packets(view, child, keys, cipher)
    objections += _packet_faults(view, packets)
    requests = _distinct(packets, from_engine=True, request=True)
    replies = _distinct(packets, from_engine=False, request=False)
    answered = len(requests & replies)
    if len(requests) < wanted:
        objections.append(
            Objection("engine", f"{len(requests)} echo requests were sent, {wanted} are due", "wire.pcapng")
        )
    elif answered < len(requests):
        sentence = f"{answered} of {len(requests)} echo requests are answered through the tunnel"
        objections.append(Objection(view.peer, sentence, "wire.pcapng"))
    objections += _clear(view)
    objections += _counters(view, len(requests))
    detail = f"{answered} echo requests and replies decrypted on the wire; the peer counts them, too"
    return Checked(detail, tuple(objections))


def _recorded(records: tuple[ChildSecrets, ...], child: SeenChild, keys: ChildKeys) -> list[Objection]:
    """What the engine recorded of the Child SA against what follows from the wire and SK_d."""
    if not records:
        return [Objection("engine", "no Child SA is recorded, the wire shows one", "secrets.json", "K02")]
    record = records[0]
    agreed = (child.initiator_spi, child.responder_spi, child.suite)
    if (record.initiator_spi, record.responder_spi, record.suite) != agreed:
        return [Objection("engine", "another Child SA is recorded than the wire shows", "secrets.json", "K02")]
    names = ("initiator_encryption", "initiator_integrity", "responder_encryption", "responder_integrity")
    wrong = [name for name in names if getattr(record, name) != getattr(keys, name)]
    sentence = f"recorded {', '.join(wrong)} of the Child SA do not follow from SK_d"
    return [Objection("engine", sentence, "secrets.json", "K02")] if wrong else []


def _packet_faults(view: View, packets: list[SeenEsp]) -> list[Objection]:
    objections = []
    for from_engine in (True, False):
        party = "engine" if from_engine else view.peer
        mine = [packet for packet in packets if packet.from_engine == from_engine]
        for packet in mine:
            if packet.problem:
                pointer = f"wire.pcapng#{packet.frame}"
                objections.append(Objection(party, f"an ESP packet does not open: {packet.problem}", pointer))
        numbers = [packet.sequence for packet in mine]
        if numbers and (numbers[0] != 1 or any(b <= a for a, b in pairwise(numbers))):
            sentence = f"ESP sequence numbers are {numbers[:8]}: the first is to be 1, then growing (RFC 4303 3.3.3)"
            objections.append(Objection(party, sentence, f"wire.pcapng#{mine[0].frame}", "E02"))
    return objections


def _distinct(packets: list[SeenEsp], *, from_engine: bool, request: bool) -> set[EchoMessage]:
    """The echo requests of one direction, or the requests that its replies answer."""
    echoes = [p.echo for p in packets if p.from_engine == from_engine and p.echo is not None]
    return {echo if request else echo.counterpart for echo in echoes if echo.request == request}


def _clear(view: View) -> list[Objection]:
    """Nothing but IKE and ESP goes between the two, be it from outer or from inner addresses."""
    ours = {view.evidence.engine_address, *_inner_addresses(view)}
    return [
        Objection(
            "engine" if packet.source in ours else view.peer,
            f"an IP packet of protocol {packet.protocol} from {packet.source} to {packet.destination} crosses the path "
            "outside ESP",
            f"wire.pcapng#{packet.frame}",
        )
        for packet in view.wire.clear
    ]


def _inner_addresses(view: View) -> set[str]:
    """The hosts behind our end, as the traffic selectors of IKE_AUTH have them."""
    kind = TrafficSelectorsInitiator if view.party(initiator=True) == "engine" else TrafficSelectorsResponder
    payloads = [
        payload
        for response in (False, True)
        for m in view.find(ExchangeType.IKE_AUTH, response=response)
        for payload in of(m, kind)
    ]
    selectors = [each for payload in payloads for each in payload.selectors if isinstance(each, TrafficSelector)]
    return {str(IPv4Address(each.start)) for each in selectors if len(each.start) == 4}


def _counters(view: View, wanted: int) -> list[Objection]:
    """The peer's own counters of the Child SA."""
    report = view.evidence.peer_report
    if report is None:
        return list(missing("what the peer's status says", "peer/sas.json").objections)
    child = child_of(view, tuple(child for sa in report.sas for child in sa.children))
    if child is None:
        return [Objection(view.peer, "the peer does not report the Child SA while traffic flows", "peer/sas.json")]
    if any(count is not None and count < wanted for count in (child.packets_in, child.packets_out)):
        sentence = f"the peer counts {child.packets_in} packets in and {child.packets_out} out, {wanted} are due"
        return [Objection(view.peer, sentence, "peer/sas.json")]
    return []
