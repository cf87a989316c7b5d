"""strongSwan's driver, with and without a daemon that answers."""

import struct
from collections import deque
from dataclasses import replace
from types import SimpleNamespace

import pytest
from vici.protocol import Message

from harness.lab.errors import ConfigurationRefused, PeerUnreachable
from harness.lab.products.strongswan.driver import StrongSwanDriver


class NoContainer:
    """A container whose relay ends at once, saying why."""

    name = "nowhere"

    def __init__(self):
        self.ran = []

    def open(self, command):
        return NoStream()

    def run(self, command):
        self.ran.append(list(command))
        return 0, ""

    def log(self, since=None):
        return ""

    def is_running(self):
        return False


class NoStream:
    def __init__(self):
        self.frames = deque([(2, b"the image has neither nc nor socat\n")])

    def read(self):
        return self.frames.popleft() if self.frames else None

    def write(self, data):
        pass

    def set_timeout(self, seconds):
        pass

    def close(self):
        pass

    def exit_status(self):
        return 127


def test_a_relay_that_fails_says_why_in_one_line(peer, connection):
    driver = StrongSwanDriver(NoContainer(), peer.folder / "templates")
    with pytest.raises(PeerUnreachable) as caught:
        driver.version()
    assert str(caught.value) == "nowhere: vici: the image has neither nc nor socat"
    assert not driver.alive()


def test_the_inner_host_is_set_once(peer, connection):
    container = NoContainer()
    driver = StrongSwanDriver(container, peer.folder / "templates")
    for name in ("a", "b"):
        with pytest.raises(PeerUnreachable):
            driver.load(replace(connection, name=name))
    assert container.ran == [["ip", "address", "replace", "10.99.0.1/32", "dev", "lo"]]


class Daemon:
    """A charon behind the relay: what it answers to a command is given by the command's name, else it is done."""

    name = "lab-strongswan-1"

    def __init__(self, **answers):
        self.answers = answers
        self.asked = []
        self.running = True

    def open(self, _command):
        return Vici(self)

    def run(self, _command):
        return 0, ""

    def log(self, _since=None):
        return ""

    def is_running(self):
        return self.running


class Vici(NoStream):
    """One session: a request is its length, a type, the command's name by its length, and the message."""

    def __init__(self, daemon):
        self.daemon = daemon
        self.frames = deque()

    def write(self, data):
        command = data[6 : 6 + data[5]].decode()
        self.daemon.asked.append(command)
        answer = b"\x01" + Message.serialize(self.daemon.answers.get(command, {"success": "yes"}))
        self.frames.append((1, struct.pack(">I", len(answer)) + answer))


def test_a_configuration_that_charon_does_not_take_is_refused_in_its_words(peer, connection):
    refusal = {"success": "no", "errmsg": "invalid value for: proposals, config discarded"}  # as 5.9 and 6.1 say it
    daemon = Daemon(**{"load-conn": refusal})
    driver = StrongSwanDriver(daemon, peer.folder / "templates")
    with pytest.raises(ConfigurationRefused) as caught:
        driver.load(connection)
    assert str(caught.value) == ("lab-strongswan-1: connection case-7: invalid value for: proposals, config discarded")
    assert daemon.asked == ["load-shared", "load-conn"]


def test_one_that_it_takes_is_loaded_as_it_was_rendered(peer, connection):
    daemon = Daemon()
    files = StrongSwanDriver(daemon, peer.folder / "templates").load(connection)
    assert "aes256gcm16-prfsha256-curve25519-ke1_mlkem768" in files["swanctl.conf"]
    assert daemon.asked == ["load-shared", "load-conn"]


def packet(octets):
    return struct.pack(">I", len(octets)) + octets


DEEP = b"".join(b"\x01\x01a" for _ in range(5000)) + b"\x02" * 5000  # sections in each other
NO_ANSWERS = {
    "nothing": packet(b""),
    "a response without its end": packet(b"\x01" + Message.serialize({"version": "6.1.0"})[:4]),
    "an unknown type of packet": packet(b"\x63"),
    "an unknown command": packet(b"\x02"),
    "a section without its end": packet(b"\x01\x01\x01a"),
    "an end without its section": packet(b"\x01\x02"),
    "a name that is no text": packet(b"\x01\x03\x02\xff\xfe\x00\x01x"),
    "sections in each other": packet(b"\x01" + DEEP),
    "a section for a word": packet(b"\x01" + Message.serialize({"version": {"a": "b"}})),
    "a list for a word": packet(b"\x01" + Message.serialize({"version": ["6.1.0"]})),
    "no version": packet(b"\x01"),
}


@pytest.mark.parametrize("what", NO_ANSWERS)
def test_octets_that_are_no_answer_are_an_error_of_the_channel(peer, what):
    class Odd(Daemon):
        def open(self, _command):
            session = Vici(self)
            session.write = lambda _data: session.frames.append((1, NO_ANSWERS[what]))
            return session

    with pytest.raises(PeerUnreachable, match="vici"):
        StrongSwanDriver(Odd(), peer.folder / "templates").version()


def test_what_a_daemon_says_is_harmless_text(peer):
    daemon = Daemon(version={"version": "6.1\x1b[2J"}, **{"get-algorithms": {"ke": ["no section"]}})
    driver = StrongSwanDriver(daemon, peer.folder / "templates")
    assert driver.version() == "6.1\\x1b[2J"
    assert driver.key_exchange_methods() == frozenset()


def test_a_daemon_that_is_gone_has_refused_nothing(peer, connection):
    with pytest.raises(PeerUnreachable):
        StrongSwanDriver(NoContainer(), peer.folder / "templates").load(connection)


class Booted(Daemon):
    """One in a guest that has just booted: ``age`` is what its shell says of the daemon's age."""

    def __init__(self, age):
        super().__init__(version={"version": "6.1.0"})
        self.age, self.ran = age, []

    def run(self, command):
        self.ran.append(command)
        return 0, self.age


def test_a_daemon_that_demands_cookies_is_ready_when_it_takes_them_and_is_asked_its_age_once(peer, monkeypatch):
    now = 100.0
    monkeypatch.setattr("harness.lab.products.strongswan.driver.time", SimpleNamespace(monotonic=lambda: now))
    daemon = Booted("3\n")
    driver = StrongSwanDriver(daemon, peer.folder / "templates", kernel_esp=True)
    for now in (100.0, 107.9):  # noqa: B007  # the clock reads it
        with pytest.raises(PeerUnreachable, match="every cookie for expired"):
            driver.version()
    now = 108.0
    assert driver.version() == "6.1.0"
    assert len(daemon.ran) == 1


@pytest.mark.parametrize("age", ["", "11\n", "4000\n"])
def test_one_that_demands_none_or_has_run_long_enough_is_ready_at_once(peer, age):
    assert StrongSwanDriver(Booted(age), peer.folder / "templates", kernel_esp=True).version() == "6.1.0"


def test_an_age_that_cannot_be_told_is_an_error_in_the_shells_words(peer):
    driver = StrongSwanDriver(Booted("stat: no such file\n"), peer.folder / "templates", kernel_esp=True)
    with pytest.raises(PeerUnreachable, match="stat: no such file"):
        driver.version()
