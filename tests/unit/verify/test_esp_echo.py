from __future__ import annotations

from ipaddress import ip_address

import pytest
from scapy.layers.inet import ICMP, IP, UDP
from scapy.layers.inet6 import ICMPv6EchoReply, ICMPv6EchoRequest, IPv6

from harness.transport.echo import Echo, echo_reply, echo_request
from harness.verify.esp import read_echo, read_transported_echo

REQUEST = echo_request("10.0.0.1", "10.0.0.2", 7, 3)


def test_request_and_reply_belong_together():
    request = read_echo(REQUEST)
    reply = read_echo(echo_reply(Echo(True, "10.0.0.1", "10.0.0.2", 7, 3, bytes(range(56)))))
    assert request is not None and reply is not None
    assert (request.request, request.identifier, request.sequence, len(request.data)) == (True, 7, 3, 56)
    assert (request.source, request.destination) == (bytes((10, 0, 0, 1)), bytes((10, 0, 0, 2)))
    assert reply.counterpart == request and request.counterpart == reply


def test_padding_behind_the_packet_is_not_data():
    assert read_echo(REQUEST + bytes(40)) == read_echo(REQUEST)


def test_between_ends_of_ipv6_an_echo_is_one_of_icmpv6():
    here, there = (ip_address(f"2001:db8::{n}").packed for n in (1, 2))
    ends = {"src": "2001:db8::1", "dst": "2001:db8::2"}
    request, reply = (
        bytes(IPv6(**ends) / kind(id=7, seq=3, data=b"eight..."))[40:] for kind in (ICMPv6EchoRequest, ICMPv6EchoReply)
    )
    echo = read_transported_echo(request, here, there)
    assert echo is not None and (echo.request, echo.identifier, echo.sequence, echo.data) == (True, 7, 3, b"eight...")
    assert read_transported_echo(reply, there, here) == echo.counterpart
    assert read_transported_echo(request, here, there[:-1] + b"\3") is None, "its checksum covers both ends"
    assert read_transported_echo(request, here[:4], there[:4]) is None
    assert read_transported_echo(REQUEST[20:], here, there) is None


@pytest.mark.parametrize(
    "packet",
    [
        b"",
        bytes(84),
        REQUEST[:19],
        REQUEST[:24],
        bytes(IP(src="10.0.0.1", dst="10.0.0.2") / UDP() / (b"8" * 20)),
        bytes(IP(src="10.0.0.1", dst="10.0.0.2") / ICMP(type="dest-unreach") / bytes(28)),
        b"\x60" + REQUEST[1:],
    ],
)
def test_anything_else_is_no_echo(packet):
    assert read_echo(packet) is None
