from __future__ import annotations

from dataclasses import replace

import pytest
from case_builder import ENGINE, INNER, PEER, PEER_INNER, PEER_NAME, Case, build, flipped, good
from esp_packets import reply, sealed
from judging import contradicts, kernel, objects, passes
from pair_builder import FIRST, HERE, SECOND, THERE, good_pair
from rekeying import begins

from harness.evidence.model import CapturedDatagram, ClearPacket, TraceEntry
from harness.evidence.peer_report import PeerReport
from harness.ike.selectors import network_selector
from harness.policy.role import Role
from harness.registry.identities import TrafficSelectorType
from harness.registry.messages import ExchangeType, Protocol
from harness.registry.transforms import TransformType
from harness.results.model import Verdict
from harness.scenario.model import Mode, Step
from harness.transport.echo import Echo, echo_reply, echo_request
from harness.wire.payloads import Delete, TrafficSelectorsInitiator, TrafficSelectorsResponder
from harness.wire.payloads.traffic_selector import OpaqueSelector

CHECK = "esp-both-ways"
SCENARIOS = ["classical/ecp384", "classical/modp3072", "classical/x25519", "hybrid/x25519-mlkem768"]


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_traffic_both_ways(role, scenario):
    passes(good(scenario, role=role), "esp-both-ways", packets=5)


def test_traffic_without_udp(role):
    passes(build(role=role, esp_port=0), CHECK, packets=5)


def test_traffic_with_extended_sequence_numbers(role):
    policy = build(role=role).expectation.of(role).esp
    extended = tuple(replace(p, transforms={**p.transforms, TransformType.SN: (ESN,)}) for p in policy)
    passes(build(role=role, engine={"esp": extended}, product={"esp": extended}), CHECK, packets=5)


NO_ESN = good().expectation.initiator.esp[0].of(TransformType.SN)[0]
ESN = replace(NO_ESN, identifier=1)


def judged(case: Case) -> None:
    assert case.judge().verdict is Verdict.FAIL


def test_a_reply_that_never_came(role):
    """Neither our tunnel nor the capture has it."""
    case = good(role=role)
    counted = replace(case.evidence.report.echo, replies_received=4)
    cut = case.changed(case.esp(from_engine=False)[-1]).with_report(echo=counted)
    objects(cut, CHECK, "4 of 5 echo requests are answered", party=PEER_NAME, at="wire.pcapng", packets=3)
    judged(cut)


def test_requests_that_were_never_sent(role):
    case = build(role=role, steps=[Step.DELETE])
    objects(case, CHECK, "0 echo requests were sent, 5", party="engine", at="wire.pcapng", packets=5)
    judged(case)


def test_a_reply_with_other_data_is_no_reply(role):
    case = good(role=role)
    last = case.esp(from_engine=False)[-1]
    passes(sealed(case, reply(5), last, by_engine=False), CHECK, packets=5)
    for inner in (reply(5, b"other"), reply(4), reply(5, source="10.99.0.2"), b"", bytes(84)):
        other = sealed(case, inner, last, by_engine=False)
        objects(other, CHECK, "4 of 5 echo requests are answered", party=PEER_NAME, at="wire.pcapng", packets=5)
        judged(other.with_echo(replies_received=4))


def test_our_own_requests_thrown_back_are_no_replies(role):
    case = good(role=role)
    last, request = case.esp(from_engine=False)[-1], case.esp(from_engine=True)[-1]
    mirror = case.changed(last, replace(last, payload=request.payload))
    objects(mirror, CHECK, "belongs to no SA", party=PEER_NAME, at=f"wire.pcapng#{last.frame}", packets=5)
    again = sealed(case, echo_request(INNER, PEER_INNER, 7, 5), last, by_engine=False)
    objects(again, CHECK, "4 of 5", party=PEER_NAME, at="wire.pcapng", packets=5)


def test_a_packet_of_another_mode(role):
    case = good(role=role)
    last = case.esp(from_engine=False)[-1]
    transport = sealed(case, reply(5), last, by_engine=False, next_header=1)
    at = {"party": PEER_NAME, "at": f"wire.pcapng#{last.frame}", "requirement": "E04"}
    objects(transport, CHECK, "Next Header is 1", packets=5, **at)


@pytest.mark.parametrize("from_engine", [True, False])
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_packet_of_other_octets(role, scenario, from_engine):
    case = good(scenario, role=role)
    packet = case.esp(from_engine=from_engine)[2]
    for place in (-1, 20):
        flawed = case.changed(packet, replace(packet, payload=flipped(packet.payload, place)))
        party = "engine" if from_engine else PEER_NAME
        objects(flawed, CHECK, "does not open", party=party, at=f"wire.pcapng#{packet.frame}", packets=5)
        contradicts(flawed, f"wire.pcapng holds 4 of the 5 echo {'requests' if from_engine else 'replies'}")
        if not from_engine:  # our engine did not open it either
            judged(flawed.with_echo(replies_received=4))
    short = case.changed(packet, replace(packet, payload=packet.payload[:12]))
    objects(short, CHECK, "does not open", party=party, at=f"wire.pcapng#{packet.frame}", packets=5)


def test_a_packet_of_an_unknown_sa(role):
    case = good(role=role)
    packet = case.esp(from_engine=False)[0]
    other = case.changed(packet, replace(packet, payload=flipped(packet.payload)))
    objects(other, CHECK, "belongs to no SA", party=PEER_NAME, at=f"wire.pcapng#{packet.frame}", packets=5)
    judged(other.with_echo(replies_received=4))


def test_a_sequence_number_again(role):
    """On another packet: the same packet twice is the path's doing."""
    case = good(role=role)
    first, second, *_ = case.esp(from_engine=False)
    replayed = sealed(case, reply(2), second, by_engine=False, sequence=1)
    at = {"party": PEER_NAME, "requirement": "E02", "packets": 5}
    where = f"wire.pcapng#{second.frame}"
    objects(replayed, CHECK, "two ESP packets have the sequence number 1", at=where, **at)
    judged(replayed)
    late = sealed(case, reply(1), first, by_engine=False, sequence=9)
    objects(late, CHECK, "sequence numbers begin with 2", at=where, **at)
    judged(late)


def test_packets_that_the_path_lost(role):
    """The peer counts the packet with number 1, and the capture has five with numbers from 2 on."""
    case = good(role=role)
    for number, packet in enumerate(case.esp(from_engine=False), start=1):
        case = sealed(case, reply(number), packet, by_engine=False, sequence=number + 1)
    objects(case, CHECK, "sequence numbers begin with 2", party=PEER_NAME, at=pointer_of(case), requirement="E02")
    passes(case.with_peer_child(packets_out=6), CHECK, packets=5)


@pytest.mark.parametrize(("number", "said"), [(5 + 512, ""), (5 + 513, "5 ESP packets are numbered 1 to 518")])
@pytest.mark.parametrize("place", [3, 4])
def test_a_number_far_ahead_of_all_that_were_sent(role, number, said, place):
    """One that was given to a packet which never left is no jump; the peer may tell of more that the path lost."""
    case = good(role=role)
    packet = case.esp(from_engine=False)[place]
    far = sealed(case, reply(place + 1), packet, by_engine=False, sequence=number)
    if not said:
        passes(far, CHECK, packets=5)
        return
    objects(far, CHECK, said, party=PEER_NAME, at=f"wire.pcapng#{packet.frame}", requirement="E02", packets=5)
    judged(far)
    passes(far.with_peer_child(packets_out=6), CHECK, packets=5)
    objects(far.with_peer_child(packets_out=None), CHECK, said, party=PEER_NAME, at=f"wire.pcapng#{packet.frame}",
            requirement="E02", packets=5)  # fmt: skip


def pointer_of(case: Case) -> str:
    return f"wire.pcapng#{case.esp(from_engine=False)[0].frame}"


@pytest.mark.parametrize(("source", "party"), [(ENGINE, "engine"), (PEER, PEER_NAME)])
def test_a_packet_in_the_clear_from_end_to_end(role, source, party):
    """It is a leak in transport mode. The selectors of a tunnel are about the hosts behind the gateways."""
    other = PEER if source == ENGINE else ENGINE
    clear = ClearPacket(99, source, other, 1)
    case = kernel("esp/transport", role)
    leaky = case.with_evidence(wire=replace(case.evidence.wire, clear=(clear,)))
    saying = f"protocol 1 from {source} to {other} crosses"
    objects(leaky, CHECK, saying, party=party, at="wire.pcapng#99", packets=5)
    assert leaky.judge().verdict is Verdict.FAIL
    tunnel = good(role=role)
    passes(tunnel.with_evidence(wire=replace(tunnel.evidence.wire, clear=(clear,))), CHECK, packets=5)


@pytest.mark.parametrize(
    ("source", "destination", "protocol"),
    [("198.51.100.1", ENGINE, 1), (PEER, "224.0.0.22", 2), ("198.51.100.1", "224.0.0.251", 17)],
)
@pytest.mark.parametrize("scenario", ["classical/ecp384", "esp/transport"])
def test_what_is_not_of_the_child_sa_is_no_leak(role, scenario, source, destination, protocol):
    case = kernel(scenario, role)
    stray = ClearPacket(99, source, destination, protocol)
    passes(case.with_evidence(wire=replace(case.evidence.wire, clear=(stray,))), CHECK, packets=5)


@pytest.mark.parametrize(
    ("source", "destination", "party"), [(INNER, PEER_INNER, "engine"), (PEER_INNER, INNER, PEER_NAME)]
)
def test_an_inner_packet_in_the_clear(role, source, destination, party):
    case = good(role=role)
    clear = ClearPacket(99, source, destination, 1)
    leaky = case.with_evidence(wire=replace(case.evidence.wire, clear=(clear,)))
    saying = f"from {source} to {destination} crosses the path outside ESP"
    objects(leaky, "esp-both-ways", saying, party=party, at="wire.pcapng#99", packets=5)
    judged(leaky)


@pytest.mark.parametrize("field", ["packets_in", "packets_out", "bytes_in", "bytes_out"])
def test_a_peer_that_counted_less(role, field):
    for count in (0, 4):
        case = good(role=role).with_peer_child(**{field: count})
        where = {"party": "", "at": "peer/sas.json", "severity": "inconclusive"}
        found = objects(case, CHECK, "the peer counts", packets=5, **where)
        assert ("octets" if "bytes" in field else "packets") in found.sentence
        assert case.judge().verdict is Verdict.INCONCLUSIVE
    for count in (5, None):
        assert good(role=role).with_peer_child(**{field: count}).judge().findings == ()


def test_counters_of_another_child_sa_do_not_count(role):
    case = good(role=role)
    child = case.evidence.peer_report.sas[0].children[0]
    mine, other = replace(child, packets_in=0, packets_out=0), replace(child, spi_in="00000001")
    doubled = case.with_peer_sa(children=(other, mine))
    where = {"party": "", "at": "peer/sas.json", "severity": "inconclusive", "packets": 5}
    objects(doubled, CHECK, "the peer counts 0 packets in", **where)
    unknown = case.with_peer_sa(children=(other,))
    objects(unknown, CHECK, "does not report the Child SA", **where)
    silent = case.with_evidence(peer_report=None)
    objects(silent, CHECK, "is missing", **where)


def test_no_child_sa(role):
    case = good("authentication/wrong-psk", role=role)
    objects(case, CHECK, "no Child SA came up", party="", at="wire.pcapng", packets=5)


def silent(role: str) -> Case:
    """With a peer that neither answers echo requests nor has a status interface."""
    case = good(role=role)
    predicted = replace(case.expectation, echo=False)
    cut = case.with_datagrams(each for each in case.datagrams if each not in case.esp(from_engine=False))
    return replace(cut, expectation=predicted).with_evidence(peer_report=PeerReport("1", (), "", silent=True))


def test_a_peer_that_answers_no_echo_request(role):
    """Its sheet says so: the detail claims nothing of what it made of ours."""
    detail = silent(role).check(CHECK, packets=5).detail
    assert detail == "5 echo requests went out in ESP; the peer answers none, so that it decrypts them is not shown"
    passes(silent(role), CHECK, packets=5)


def test_a_peer_that_should_have_answered(role):
    case = silent(role)
    due = replace(case, expectation=replace(case.expectation, echo=True))
    objects(due, CHECK, "0 of 5 echo requests are answered", party=PEER_NAME, at="wire.pcapng", packets=5)


def test_of_a_silent_peer_esp_is_looked_at_as_well(role):
    """What it does send has to open."""
    case = good(role=role)
    first = case.esp(from_engine=False)[0]
    broken = case.changed(first, replace(first, payload=flipped(first.payload, -1)))
    at = {"party": PEER_NAME, "at": f"wire.pcapng#{first.frame}"}
    objects(replace(broken, expectation=replace(case.expectation, echo=False)), CHECK, "does not open", packets=5, **at)


def test_one_echo_request_is_due_where_nobody_says_how_many(role):
    case = build(role=role, steps=[Step.DELETE])
    objects(case, CHECK, "0 echo requests were sent, 1 are due", party="engine", at="wire.pcapng")


def test_a_peer_that_ends_the_ike_sa_before_the_traffic(role):
    """Be it with a sound Delete, and be deletion its part in the end: the step of it has not begun."""
    row = begins("it deletes", lambda _: (Delete(Protocol.IKE),), "", ExchangeType.INFORMATIONAL)
    case = next(each for each in row if each.role is role).play("hybrid/x25519-mlkem768")
    words = "0 echo requests were sent, 5 are due: it ended the IKE SA before"
    at = {"at": "engine/sas.json", "requirement": None, "packets": 5}
    objects(case, CHECK, words, party="strongswan-6.1-kernel-esp", **at)
    trace = [entry for entry in case.evidence.trace if entry.event != "Step"]
    for before, behind in ((None, None), (None, "delete"), ("traffic", None)):
        steps = [[TraceEntry(0.0, "Step", {"step": step})] if step else [] for step in (before, behind)]
        told = case.with_evidence(trace=(*steps[0], *trace, *steps[1]))
        objects(told, CHECK, words, party="strongswan-6.1-kernel-esp", **at)
    begun = case.with_evidence(trace=(TraceEntry(0.0, "Step", {"step": "delete"}), *trace))
    for told in (case.with_report(datagrams=None), begun) if role is Role.RESPONDER else ():
        objects(told, CHECK, "0 echo requests were sent, 5 are due", party="engine", at="wire.pcapng", packets=5)
    nameless = case.with_evidence(trace=(TraceEntry(0.0, "Step", {}), *trace))
    objects(nameless, CHECK, words, party="strongswan-6.1-kernel-esp", **at)


def beside(case: Case, inner: bytes, *, by_engine: bool) -> Case:
    """The case with one more ESP packet of a side, which holds this."""
    last = case.esp(from_engine=by_engine)[-1]
    more = sealed(case, inner, last, by_engine=by_engine, sequence=6)
    packet = next(d for d in more.datagrams if d.frame == last.frame)
    return case.with_datagrams((*case.datagrams, replace(packet, frame=case.datagrams[-1].frame + 1)))


def test_a_peer_that_asks_for_an_echo_itself_is_no_fault(role):
    """What it asks is none of our requests, and what we answer is none either."""
    case = good(role=role)
    theirs = echo_request(PEER_INNER, INNER, 9, 1)
    asked = beside(case, theirs, by_engine=False)
    passes(asked, CHECK, packets=5)
    answered = beside(asked, echo_reply(Echo(True, PEER_INNER, INNER, 9, 1, b"")), by_engine=True)
    passes(answered, CHECK, packets=5)
    assert "5 echo requests and replies" in answered.check(CHECK, packets=5).detail
    objects(answered, CHECK, "5 echo requests were sent, 6", party="engine", at="wire.pcapng", packets=6)


LABEL = OpaqueSelector(TrafficSelectorType(10), 0, b"label")


@pytest.mark.parametrize("label", ["IKE_AUTH request 2", "IKE_AUTH response 2"])
def test_our_inner_address_is_what_either_message_has(role, label):
    """Narrowed or not, and beside selectors of other types."""
    kind = TrafficSelectorsInitiator if role is Role.INITIATOR else TrafficSelectorsResponder

    def other(payload):
        if not isinstance(payload, kind):
            return payload
        return replace(payload, selectors=(LABEL, network_selector("2001:db8::/64"), network_selector("192.0.2.0/24")))

    case = good(role=role).rewritten(label, lambda old: map(other, old))
    leak = case.with_evidence(wire=replace(case.evidence.wire, clear=(ClearPacket(9, INNER, PEER_INNER, 1),)))
    objects(leak, CHECK, "crosses the path outside ESP", party="engine", at="wire.pcapng#9", packets=5)


@pytest.mark.parametrize("field", ["packets_in", "packets_out"])
def test_a_peer_that_does_not_count_is_not_asked(role, field):
    passes(good(role=role).with_peer_child(**{field: None}), CHECK, packets=5)


PAIR, CLEAR = "pair-esp-both-ways", "pair-nothing-in-clear"
NOTHING = PeerReport("1", (), "[]")


def test_of_a_pair_one_echo_is_due_where_nobody_says_how_many():
    pair = good_pair()
    assert pair.with_step(Step.TRAFFIC, echo_sent=1, echo_received=1).check(PAIR).objections == ()
    for way in ("packets_in", "packets_out"):
        assert pair.with_child(Step.TRAFFIC, "responder", **{way: 0}).check(PAIR).objections
        assert pair.with_child(Step.TRAFFIC, "responder", **{way: 1}).check(PAIR).objections == ()
        assert pair.with_child(Step.TRAFFIC, "responder", **{way: None}).check(PAIR).objections == ()


def test_of_a_pair_as_many_are_due_as_are_asked_for():
    few = good_pair().with_step(Step.TRAFFIC, echo_sent=1, echo_received=1)
    assert any("1 of 1 echo requests" in each.sentence for each in few.check(PAIR, packets=3).objections)


def test_a_side_without_a_child_sa_has_counted_nothing():
    pair = good_pair().with_step(Step.TRAFFIC, responder=NOTHING)
    assert any(f"{SECOND} counts 0 packets in" in each.sentence for each in pair.check(PAIR).objections)


@pytest.mark.parametrize(("source", "party"), [(HERE, FIRST), (INNER, FIRST), (THERE, SECOND), (PEER_INNER, SECOND)])
def test_who_sends_in_clear_between_two_products_is_told_by_the_address_of_its_mode(source, party):
    pair = good_pair()
    inner, other = source in (INNER, PEER_INNER), {HERE: THERE, THERE: HERE}.get(source, "192.0.2.1")
    leak = pair.with_wire(clear=(ClearPacket(9, source, other, 1),))
    told = [party] if inner else []  # a gateway may send for itself
    assert [each.party for each in leak.check(CLEAR).objections] == told
    transport = replace(leak.scenario, settings=replace(leak.scenario.settings, mode=Mode.TRANSPORT))
    told = [] if inner else [party]  # from end to end there is nobody behind
    assert [each.party for each in replace(leak, scenario=transport).check(CLEAR).objections] == told


NUMBERS = "pair-esp-numbers"


def numbered(datagram: CapturedDatagram, number: int, *, spi: bytes = b"", more: bytes = b"") -> CapturedDatagram:
    """An ESP packet with another sequence number."""
    octets = (spi or datagram.payload[:4]) + number.to_bytes(4) + datagram.payload[8:] + more
    return replace(datagram, payload=octets)


def test_of_two_products_each_number_stands_on_one_packet_of_an_sa():
    pair = good_pair("pairs/hybrid")
    first, second, *_ = pair.view.esp
    assert first.source == second.destination
    mine = next(each for each in pair.view.esp[1:] if each.source == first.source)
    assert pair.check(NUMBERS).objections == ()
    assert pair.changed(mine, first).check(NUMBERS).objections == ()  # the same packet twice is the path's doing
    again = numbered(mine, int.from_bytes(first.payload[4:8]))
    (objection,) = pair.changed(mine, again).check(NUMBERS).objections
    assert (objection.party, objection.pointer) == (FIRST, f"wire.pcapng#{mine.frame}")
    number = int.from_bytes(first.payload[4:8])
    assert objection.sentence.startswith(f"another ESP packet has the same sequence number {number} on the SA with SPI")
    for other in (numbered(again, number, spi=b"\1\2\3\4"), replace(again, source=second.source)):
        assert pair.changed(mine, other).check(NUMBERS).objections == ()


@pytest.mark.parametrize("number", [0, 1, 256, 1 << 24])
def test_of_two_products_no_packet_has_the_number_zero(number):
    pair = good_pair("pairs/hybrid")
    packet = pair.view.esp[-1]
    found = pair.changed(packet, numbered(packet, number, spi=b"\5\6\7\x08")).check(NUMBERS).objections
    assert [each.party for each in found] == ([pair.view.source(packet)] if number == 0 else [])
    if found:
        assert found[0].sentence == "an ESP packet has a sequence number 0 on the SA with SPI 05060708"


def test_what_the_peer_counts_as_lost_may_be_missing_and_no_more(role):
    case = good(role=role)
    for number, packet in enumerate(case.esp(from_engine=False), start=1):
        case = sealed(case, reply(number), packet, by_engine=False, sequence=number + 3)
    for counted, fine in ((8, True), (9, True), (7, False), (None, False), (0, False)):
        found = case.with_peer_child(packets_out=counted).check(CHECK, packets=5).objections
        assert any("sequence numbers begin with 4" in each.sentence for each in found) is not fine
    bare = case.with_evidence(peer_report=None).check(CHECK, packets=5).objections
    assert any("sequence numbers begin with 4" in each.sentence for each in bare)


def test_our_own_engine_has_lost_nothing_on_the_path(role):
    case = good(role=role)
    for number, packet in enumerate(case.esp(from_engine=True), start=1):
        case = sealed(case, echo_request(INNER, PEER_INNER, 7, number), packet, by_engine=True, sequence=number + 1)
    found = case.with_peer_child(packets_out=9).check(CHECK, packets=5).objections
    assert "engine" in {each.party for each in found if "sequence numbers begin with 2" in each.sentence}


IP_VERSION = "pair-ip-version"


def test_packets_of_another_ip_version_are_counted_and_nobodys():
    pair = good_pair("pairs/hybrid")
    assert pair.check(IP_VERSION).objections == ()
    wanted = replace(pair, scenario=replace(pair.scenario, settings=replace(pair.scenario.settings, ip_version=6)))
    (objection,) = wanted.check(IP_VERSION).objections
    count = len(pair.wire.datagrams)
    assert objection.sentence.startswith(f"{count} packets are not IPv6, the first from ")
    assert (objection.party, objection.severity, objection.requirement) == ("", "inconclusive", None)
