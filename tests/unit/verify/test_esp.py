"""ESP packets and the echo messages in them, at the edges of what they may be."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address

import pytest
from case_builder import ENGINE, INNER, PEER, PEER_INNER, Case, build, flipped, good
from esp_packets import sealed, summed, summed_message
from scapy.layers.inet6 import ICMPv6EchoReply, IPv6

from harness.crypto.protection import protection
from harness.policy.proposals import Suite
from harness.registry.algorithms import algorithm
from harness.registry.identities import TrafficSelectorType
from harness.registry.transforms import TransformType
from harness.verify.esp import (
    EspKeys,
    SeenEsp,
    Unopened,
    esp_packets,
    open_packet,
    read_echo,
    read_transported_echo,
    uses_extended_sequence_numbers,
)
from harness.wire.message import Message
from harness.wire.payloads import TrafficSelectorsInitiator
from harness.wire.payloads.traffic_selector import OpaqueSelector, TrafficSelector

HERE, THERE = bytes((10, 0, 0, 1)), bytes((10, 0, 0, 2))


def icmp(data: bytes = b"", kind: int = 8) -> bytes:
    return summed_message(bytes((kind, 0, 0, 0, 0x12, 0x34, 0x56, 0x78)) + data)


def ip(message: bytes, *, first: int = 0x45, tos: int = 0, protocol: int = 1, fragment: int = 0) -> bytes:
    length = (20 + len(message)).to_bytes(2)
    part = bytes(2) + fragment.to_bytes(2) + bytes(1)
    head = bytes((first, tos)) + length + part + bytes((protocol,)) + bytes(2) + HERE + THERE
    return summed(head + message)


def test_an_echo_message_has_eight_octets_and_its_data():
    for message, data in ((icmp(), b""), (icmp(b"!"), b"!")):
        echo = read_transported_echo(message, HERE, THERE)
        assert echo is not None
        assert (echo.identifier, echo.sequence, echo.data) == (0x1234, 0x5678, data)
    assert read_transported_echo(icmp()[:7], HERE, THERE) is None
    for short in (b"", summed_message(b"\x08\0\0\0\x12\x34\x56")):
        assert read_transported_echo(short, HERE, THERE) is None, "it adds up, and is too short"


def test_an_echo_message_has_no_code_and_a_checksum():
    assert read_transported_echo(summed_message(b"\x08\1" + bytes(6)), HERE, THERE) is None
    assert read_transported_echo(bytes(8), HERE, THERE) is None, "zeros add up to nothing: the checksum is all ones"


@pytest.mark.parametrize(
    ("fragment", "whole"), [(0, True), (0x4000, True), (1, False), (0x100, False), (0x2000, False)]
)
def test_a_fragment_holds_no_echo_and_one_that_must_not_be_fragmented_does(fragment, whole):
    assert (read_echo(ip(icmp(b"!"), fragment=fragment)) is not None) is whole


def test_the_length_of_a_packet_has_two_octets_and_nothing_else_counts():
    long = bytes(300)
    for packet in (ip(icmp(long)), ip(icmp(long), tos=1) + bytes(10)):
        echo = read_echo(packet)
        assert echo is not None and echo.data == long
    assert read_echo(ip(icmp(), first=0x65)) is None, "it is of another version"
    assert read_echo(ip(icmp(), protocol=17)) is None


def test_an_echo_stands_behind_a_whole_header():
    """Its length is told in words of four octets: five, or more with options (RFC 791 section 3.1)."""
    message = icmp(b"12345678")
    for words, options in ((5, b""), (6, bytes(4))):
        packet = ip(options + message, first=0x40 + words)
        echo = read_echo(packet)
        assert echo is not None and echo.data == b"12345678"
    short = summed(ip(message, first=0x44)[:16]) + message
    assert read_transported_echo(short[16:], HERE, THERE) is not None and read_echo(short) is None


def test_what_does_not_add_up_is_no_echo():
    """No host takes it (RFC 1122 sections 3.2.1.2 and 3.2.2)."""
    packet, message = ip(icmp(b"!")), icmp(b"!")
    assert read_echo(packet) is not None and read_transported_echo(message, HERE, THERE) is not None
    for place in (8, 10, 11, 22, 23, 24, 28):
        assert read_echo(flipped(packet, place)) is None, place
    for place in range(2, len(message)):
        assert read_transported_echo(flipped(message, place), HERE, THERE) is None, place


def transported(inner: bytes, next_header: int) -> Case:
    """The last packet of the peer in transport mode, with this in it."""
    case = build("esp/transport", "strongswan-6.1-kernel-esp")
    last = case.esp(from_engine=False)[-1]
    return sealed(case, inner, last, by_engine=False, next_header=next_header)


def over_ipv6(case: Case) -> Case:
    """The same case between addresses of IPv6."""
    new = {ENGINE: "2001:db8::1", PEER: "2001:db8::2"}
    facts = case.evidence.facts
    sides = {name: getattr(facts, name) for name in ("initiator", "responder")}
    moved = {name: replace(side, address=new[side.address]) for name, side in sides.items()}
    return case.with_evidence(facts=replace(facts, **moved)).with_datagrams(
        replace(d, source=(new[d.source[0]], d.source[1]), destination=(new[d.destination[0]], d.destination[1]))
        for d in case.datagrams
    )


@pytest.mark.parametrize("number", [3, 4, 5, 40, 41, 42])
def test_a_whole_packet_is_none_to_be_transported(number):
    *_, last = [p for p in esp_packets(transported(bytes(40), number).view) if not p.from_engine]
    assert bool(last.problem) is (number in (4, 41))
    assert last.requirement == "E04" or not last.problem


@pytest.mark.parametrize("number", [57, 58, 59])
def test_between_addresses_of_ipv6_an_echo_is_of_icmpv6(number):
    """59 is a dummy packet (RFC 4303 section 2.6)."""
    message = bytes(IPv6(src="2001:db8::2", dst="2001:db8::1") / ICMPv6EchoReply(data=b"data"))[40:]
    case = over_ipv6(transported(message, number))
    last = [p for p in esp_packets(case.view) if not p.from_engine][-1]
    assert not last.problem
    echoes = [p.echo for p in esp_packets(case.view) if p.echo and len(p.echo.source) == 16]
    assert bool(echoes) is (number == 58)


GCM = protection(algorithm(TransformType.ENCR, "aes-128-gcm-16"), None)
CBC = protection(algorithm(TransformType.ENCR, "aes-128-cbc"), algorithm(TransformType.INTEG, "hmac-sha2-256-128"))
KEYS = EspKeys(GCM, bytes(GCM.encryption_key_octets), b"")
SPI, NUMBER = b"\0\0\1\0", b"\0\0\0\1"


def packet(plain: bytes) -> bytes:
    """An ESP packet with this plaintext, trailer included."""
    iv = bytes(8)
    return SPI + NUMBER + iv + GCM.seal(KEYS.encryption, b"", iv, SPI + NUMBER, plain)


def test_a_packet_carries_what_stands_before_padding_and_trailer():
    whole = open_packet(packet(b"payload\1\2\2\4"), KEYS)
    assert (whole.next_header, whole.payload, whole.padding) == (4, b"payload", b"\1\2")
    assert open_packet(packet(b"\0\4"), KEYS).payload == b""
    assert open_packet(packet(b"\1\1\4"), KEYS).padding == b"\1"


@pytest.mark.parametrize("plain", [b"\1\4", b"\2\4", b"x\2\4", b"\xff\4"])
def test_a_pad_length_that_does_not_fit(plain):
    with pytest.raises(Unopened, match="Pad Length does not fit"):
        open_packet(packet(plain), KEYS)


def test_behind_what_a_mac_covers_stands_the_high_half_of_a_long_sequence_number():
    """Four octets that are not sent (RFC 4303 section 2.2.1)."""
    keys = EspKeys(CBC, bytes(CBC.encryption_key_octets), bytes(CBC.integrity_key_octets), extended=True)
    plain, iv = b"payload of 13" + b"\1\1\4", bytes(16)
    front = SPI + NUMBER
    assert open_packet(front + iv + CBC.seal(keys.encryption, keys.integrity, iv, front, plain, bytes(4)), keys).payload
    for behind in (b"", bytes(3), bytes(5)):
        other = front + iv + CBC.seal(keys.encryption, keys.integrity, iv, front, plain, behind)
        with pytest.raises(Unopened):
            open_packet(other, keys)


@pytest.mark.parametrize("octets", range(16))
def test_a_mac_over_no_whole_block_does_not_help(octets):
    keys = EspKeys(CBC, bytes(CBC.encryption_key_octets), bytes(CBC.integrity_key_octets))
    sealed_block = CBC.seal(keys.encryption, keys.integrity, bytes(16), SPI + NUMBER, bytes(16))
    cut = sealed_block[:octets] + sealed_block[16:]
    with pytest.raises(Unopened):
        open_packet(SPI + NUMBER + bytes(16) + cut, keys)


def test_of_a_dummy_packet_all_is_payload():
    dummy = open_packet(packet(b"random\xff\x3b"), KEYS)
    assert (dummy.next_header, dummy.payload, dummy.padding) == (59, b"random", b"")


@pytest.mark.parametrize("less", [1, 2, 3, 18])
def test_a_packet_too_short_for_its_cipher_says_so(less):
    with pytest.raises(Unopened, match="cannot hold an ESP packet"):
        open_packet(packet(b"\0\4")[:-less], KEYS)


def test_keys_and_packets_are_not_printed():
    secret = replace(KEYS, encryption=b"k" * 20, integrity=b"m" * 32)
    assert "kkk" not in repr(secret) and "mmm" not in repr(secret)
    assert "octets" not in repr(esp_packets(good().view)[0])


def test_without_keys_it_is_known_who_sent_what_and_that_it_is_esp():
    case = good("hybrid/x25519-mlkem768")
    closed, opened = esp_packets(case.with_secrets(shared_secrets=()).view), esp_packets(case.view)
    assert [(p.frame, p.from_engine) for p in closed] == [(p.frame, p.from_engine) for p in opened]
    assert {p.from_engine for p in closed} == {True, False} and all(p.problem for p in closed)
    assert {(p.vector, p.counts, p.ciphertext_size, p.padding) for p in closed} == {(b"", False, 0, b"")}


def test_where_no_child_sa_is_agreed_on_no_packet_opens():
    case, old = good("authentication/wrong-psk"), good().esp(from_engine=True)[0]
    assert case.view.chain is not None and case.view.child is None
    (closed,) = esp_packets(case.with_datagrams((*case.datagrams, old)).view)
    assert closed.problem


def test_ike_auth_in_clear_opens_no_packet():
    case = good("classical/modp3072")
    for label in ("IKE_AUTH request 1", "IKE_AUTH response 1"):
        message = case.message(label)
        datagram, header = message.pieces[0].datagram, message.pieces[0].message.header
        case = case.changed(datagram, replace(datagram, payload=Message(header, message.payloads).to_bytes()))
    view = case.with_secrets(shared_secrets=()).view
    assert view.child is not None and all(p.problem for p in esp_packets(view))


def test_an_answer_that_says_nothing_of_sequence_numbers_selects_no_long_ones():
    child = good().view.child
    assert not uses_extended_sequence_numbers(child)
    kinds = {kind: one for kind, one in child.suite.transforms.items() if kind != TransformType.SN}
    assert not uses_extended_sequence_numbers(replace(child, suite=Suite(1, kinds)))


@pytest.mark.parametrize(
    ("scenario", "octets", "counts", "size"),
    [("hybrid/x25519-mlkem768", 8, True, 88), ("classical/modp3072", 16, False, 96)],
)
def test_the_vector_of_a_packet_is_told_and_whether_it_may_be_a_counter(scenario, octets, counts, size):
    """Its ciphertext: an echo message of 84 octets and the trailer, up to whole words, or blocks."""
    packets = esp_packets(good(scenario).view)
    assert {(len(p.vector), p.counts, p.ciphertext_size) for p in packets} == {(octets, counts, size)}


def test_a_sequence_number_has_four_octets():
    case = good()
    last = case.esp(from_engine=True)[-1]
    high = sealed(case, bytes(84), last, by_engine=True, sequence=0x0100_0001)
    assert 0x0100_0001 in {p.sequence for p in esp_packets(high.view)}


def tunnelled(inner: bytes, case: Case | None = None) -> SeenEsp:
    """The last packet of the peer in tunnel mode, with this in it."""
    case = case or good()
    last = case.esp(from_engine=False)[-1]
    *_, seen = [p for p in esp_packets(sealed(case, inner, last, by_engine=False).view) if not p.from_engine]
    return seen


def between(message: bytes, source: str = PEER_INNER, destination: str = INNER, **parts: int) -> bytes:
    """An IPv4 packet from the peer's network to ours."""
    packet = ip(message, **parts)
    return summed(packet[:12] + ip_address(source).packed + ip_address(destination).packed + packet[20:])


@pytest.mark.parametrize("inner", [between(b""), between(icmp(), tos=1), between(icmp(bytes(300)))])
def test_an_ip_packet_has_the_octets_that_its_header_says(inner):
    """Of a header alone, too; a type of service is no part of the length."""
    assert tunnelled(inner).problem == ""
    short = tunnelled(inner[:-1])
    assert (bool(short.problem), short.requirement) == (True, "E04")


@pytest.mark.parametrize("inner", [b"", between(icmp())[:19], between(icmp(), first=0x65), b"\x60" + bytes(39)])
def test_what_is_no_ipv4_packet_is_said_to_be_none(inner):
    seen = tunnelled(inner)
    assert seen.requirement == "E04" and seen.problem.endswith("of payload are no such packet")


@pytest.mark.parametrize(("source", "destination"), [(PEER_INNER, "192.0.2.1"), ("192.0.2.1", INNER)])
def test_both_ends_of_a_packet_are_within_the_selectors(source, destination):
    assert tunnelled(between(icmp(), source, destination)).requirement == "E08"


def ranged(start: str, end: str) -> TrafficSelector:
    first, last = ip_address(start).packed, ip_address(end).packed
    kind = TrafficSelectorType.TS_IPV4_ADDR_RANGE if len(first) == 4 else TrafficSelectorType.TS_IPV6_ADDR_RANGE
    return TrafficSelector(kind, 0, 0, 0xFFFF, first, last)


def selecting(*selectors: TrafficSelector | OpaqueSelector) -> Case:
    """The answer has these for our own end."""
    return good().rewritten(
        "IKE_AUTH response 2",
        lambda old: [replace(p, selectors=selectors) if isinstance(p, TrafficSelectorsInitiator) else p for p in old],
    )


OURS, OTHERS, ALL_OF_IPV6 = ranged(INNER, INNER), ranged("192.0.2.0", "192.0.2.9"), ranged("::", "ff" * 2 + "::")
LABEL = OpaqueSelector(TrafficSelectorType(10), 0, b"label")


@pytest.mark.parametrize(
    ("selectors", "rule"),
    [
        ((), "E01"),
        ((OURS,), "E01"),
        ((OTHERS,), "E08"),
        ((OTHERS, OURS), "E01"),
        ((OURS, OTHERS), "E01"),
        ((ALL_OF_IPV6,), "E08"),
        ((LABEL,), "E01"),
        ((LABEL, OTHERS), "E08"),
    ],
)
def test_one_of_the_selectors_that_were_answered_lets_a_packet_through(selectors, rule):
    """A range of IPv6 holds no address of IPv4; what is no range of addresses says nothing of them."""
    seen = tunnelled(between(icmp()), selecting(*selectors))
    assert (seen.requirement, bool(seen.problem)) == (rule, rule == "E08")
