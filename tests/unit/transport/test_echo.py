"""The echo messages that the tester sends, replies to and counts; and what else a peer may put into a tunnel."""

from __future__ import annotations

from dataclasses import replace

import pytest
from budget import assert_within_budget
from case_builder import flipped
from esp_packets import summed, summed_message
from hypothesis import given, settings
from hypothesis import strategies as st
from scapy.layers.inet import ICMP, IP
from scapy.packet import Raw

from harness.transport.echo import Echo, echo_reply, echo_request, read_echo, with_header, without_header

ENDS = ("10.0.0.1", "10.0.0.2")
REQUEST = echo_request(*ENDS, 7, 3)
ECHO = Echo(True, *ENDS, 7, 3, bytes(range(56)))


def test_a_message_without_its_header_and_back():
    message = without_header(REQUEST)
    assert len(message) == len(REQUEST) - 20
    assert read_echo(with_header(*ENDS, message)) == read_echo(REQUEST) == ECHO


@settings(deadline=None)
@given(st.binary(max_size=80), st.integers(0, 65535), st.integers(0, 65535))
def test_packets_are_those_of_another_implementation(data, identifier, sequence):
    request = Echo(True, *ENDS, identifier, sequence, data)
    theirs = IP(src=ENDS[0], dst=ENDS[1]) / ICMP(type=8, id=identifier, seq=sequence) / Raw(data)
    assert read_echo(bytes(theirs)) == request
    answer = IP(src=ENDS[1], dst=ENDS[0]) / ICMP(type=0, id=identifier, seq=sequence) / Raw(data)
    assert echo_reply(request) == bytes(answer)
    assert echo_request(*ENDS, 7, 3) == bytes(IP(src=ENDS[0], dst=ENDS[1]) / ICMP(id=7, seq=3) / Raw(bytes(range(56))))


def test_padding_behind_the_packet_is_not_its_data():
    """RFC 4303 section 2.7: a sender may pad the payload of tunnel mode."""
    assert read_echo(REQUEST + bytes(100)) == ECHO


@pytest.mark.parametrize("length", range(len(REQUEST)))
def test_a_packet_cut_short_is_no_echo(length):
    assert read_echo(REQUEST[:length]) is None


def altered(place: int, octets: bytes) -> bytes:
    packet = REQUEST[:place] + octets + REQUEST[place + len(octets) :]
    return summed(packet[:20] + summed_message(packet[20:]))


NO_ECHO = {
    "IPv6": altered(0, b"\x65"),
    "a header of 16 octets": altered(0, b"\x44"),
    "a header of 60 octets, of which nothing follows": altered(0, b"\x4f")[:60],
    "longer than it is": altered(2, b"\xff\xff"),
    "shorter than its header": altered(2, b"\0\x13"),
    "shorter than an echo message": altered(2, b"\0\x1b"),
    "a first fragment": altered(6, b"\x20\0"),
    "a later fragment": altered(6, b"\0\1"),
    "UDP": altered(9, b"\x11"),
    "destination unreachable": altered(20, b"\3"),
    "an echo request with a code": altered(21, b"\1"),
    "another checksum of the header": flipped(REQUEST, 11),
    "another checksum of the message": flipped(REQUEST, 23),
}


@pytest.mark.parametrize("what", NO_ECHO)
def test_what_does_not_read_as_an_echo_is_none(what):
    assert read_echo(NO_ECHO[what]) is None


@settings(deadline=None)
@given(st.binary(max_size=70))
def test_arbitrary_octets_raise_nothing(octets):
    read_echo(octets)
    read_echo(b"\x45" + octets)
    read_echo(REQUEST[:20] + octets)


def test_replies_cost_little():
    packets = [REQUEST] * (16384 // (len(REQUEST) + 32))
    assert_within_budget(16384, lambda: [echo_reply(read_echo(packet)) for packet in packets])
    longest = replace(ECHO, data=bytes(65507 - 20))
    assert_within_budget(65535, lambda: echo_reply(read_echo(echo_reply(longest))))
