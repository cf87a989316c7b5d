from __future__ import annotations

from harness.transport.echo import echo_request, read_echo, with_header, without_header

REQUEST = echo_request("10.0.0.1", "10.0.0.2", 7, 3)


def test_a_message_without_its_header_and_back():
    message = without_header(REQUEST)
    assert len(message) == len(REQUEST) - 20
    assert read_echo(with_header("10.0.0.1", "10.0.0.2", message)) == read_echo(REQUEST)
