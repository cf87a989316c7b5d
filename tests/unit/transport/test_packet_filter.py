"""Filters as the kernel runs them: at sockets that need no right."""

from __future__ import annotations

import asyncio
import ipaddress
import socket

import pytest

from harness.transport.endpoint import Endpoint
from harness.transport.packet_filter import attach, frames_between, packets_from

OURS, THEIRS = ("192.0.2.1", "10.100.0.7", "2001:db8::1"), ("192.0.2.2", "10.99.0.1", "2001:db8::2")


def frame(source: str, destination: str) -> bytes:
    ends = [ipaddress.ip_address(each) for each in (source, destination)]
    start = b"\x08\x00" + bytes(12) if ends[0].version == 4 else b"\x86\xdd" + bytes(8)
    return bytes(12) + start + ends[0].packed + ends[1].packed


@pytest.fixture
def passes():
    """Whether a frame passes the filter of a case."""
    here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    there.setblocking(False)
    attach(there, frames_between(OURS, THEIRS))

    def ask(octets: bytes) -> bool:
        here.send(octets)
        try:
            return there.recv(2000) == octets
        except BlockingIOError:
            return False

    with here, there:
        yield ask


@pytest.mark.parametrize(
    ("source", "destination", "kept"),
    [
        ("192.0.2.1", "192.0.2.2", True),
        ("192.0.2.2", "192.0.2.1", True),
        ("10.99.0.1", "10.100.0.7", True),  # an inner packet in clear
        ("192.0.2.2", "10.100.0.7", True),
        ("192.0.2.3", "192.0.2.1", False),  # a neighbour that sends to this case
        ("192.0.2.3", "10.100.0.7", False),
        ("192.0.2.1", "192.0.2.3", False),
        ("192.0.2.2", "192.0.2.3", False),  # another case of the same peer
        ("192.0.2.2", "10.99.0.1", False),
        ("2001:db8::1", "2001:db8::2", True),
        ("2001:db8::2", "2001:db8::1", True),
        ("2001:db8::3", "2001:db8::1", False),
        ("2001:db8::2", "2001:db8::3", False),
    ],
)
def test_a_case_sees_what_goes_between_its_two_sides(passes, source, destination, kept):
    assert passes(frame(source, destination)) is kept


@pytest.mark.parametrize("octets", [b"\0" * 13, bytes(12) + b"\x08\x06" + bytes(40), bytes(12) + b"\x08\x00"])
def test_what_is_no_ip_is_not_seen(passes, octets):
    assert not passes(octets)


def test_a_socket_hears_one_address_alone():
    here = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    attach(here, packets_from("127.0.0.2"))
    here.bind(("127.0.0.9", 0))
    here.settimeout(5)
    for source in ("127.0.0.3", "127.0.0.2"):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.bind((source, 0))
            sender.sendto(source.encode(), here.getsockname())
    assert here.recv(100) == b"127.0.0.2"
    here.setblocking(False)
    with pytest.raises(BlockingIOError):
        here.recv(100)
    here.close()


def test_an_endpoint_hears_its_peer_alone():
    """A neighbour that sends to the address of a case is stopped before it costs the case anything."""
    heard = []

    async def listen() -> None:
        endpoint = await Endpoint.open("127.0.0.9", lambda octets, _: heard.append(octets), (0,), only_from="127.0.0.2")
        [port] = endpoint._transports.values()
        for source in ("127.0.0.3", "127.0.0.2"):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
                sender.bind((source, 0))
                sender.sendto(source.encode(), port.get_extra_info("sockname"))
        async with asyncio.timeout(5):
            while not heard:
                await asyncio.sleep(0)
        endpoint.close()

    asyncio.run(listen())
    assert heard == [b"127.0.0.2"]


def test_what_is_no_program_is_refused():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as here, pytest.raises(OSError, match="Invalid argument"):
        attach(here, b"\xff" * 8)
