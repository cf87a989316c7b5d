"""A container's log is read from its end; its programs run in a shell that stays."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from docker.errors import APIError

from harness.lab.container import ContainerSpec, LabContainer
from harness.lab.errors import PeerUnreachable


class Container:
    """What the engine has of one: a log of numbered lines, one a second."""

    def __init__(self, lines):
        self.lines, self.asked, self.id = lines, [], "0123"

    def start(self):
        pass

    reload = start

    def put_archive(self, path, data):
        raise AssertionError("there are no files to put")

    def logs(self, since=None, tail=None):
        self.asked.append(tail)
        if since == -1:
            raise APIError("gone")
        last = self.lines if tail is None else self.lines[-tail:]
        return "".join(f"{line}\n" for line in last if since is None or line >= since).encode()


@pytest.fixture
def made():
    def make(lines):
        container = Container(list(range(lines)))
        client = SimpleNamespace(containers=SimpleNamespace(create=lambda *_, **__: container))
        spec = ContainerSpec("peer", "image", SimpleNamespace(name="network"), {}, ())
        return LabContainer(client, spec), container

    return make


@pytest.mark.parametrize(("lines", "since", "asked"), [
    (10_000, 9_900, [256]),
    (10_000, 9_873, [256]),
    (10_000, 9_872, [256, 1024]),
    (10_000, 0, [256, 1024, 4096, 16384, 65536]),
    (100, 0, [256]),
    (128, 0, [256, 1024]),
    (0, 0, [256]),
])  # fmt: skip
def test_a_log_since_some_time_is_whole_however_much_of_its_end_must_be_read(made, lines, since, asked):
    container, engine = made(lines)
    assert container.log(since).split() == [str(line) for line in range(since, lines)]
    assert engine.asked == asked


def test_the_whole_log_is_asked_for_once(made):
    container, engine = made(1000)
    assert len(container.log().splitlines()) == 1000
    assert engine.asked == [None]


def test_a_log_that_cannot_be_read_says_so(made):
    container, _ = made(1)
    assert container.log(-1).startswith("(no log: ")


def test_a_shell_that_ends_is_a_peer_out_of_reach(made, monkeypatch):
    container, _ = made(1)
    silent = SimpleNamespace(write=lambda _: None, read=lambda: None, set_timeout=lambda _: None, close=lambda: None)
    monkeypatch.setattr(container, "open", lambda command: silent)
    with pytest.raises(PeerUnreachable, match="peer: its shell ended"):
        container.run(["true"])
