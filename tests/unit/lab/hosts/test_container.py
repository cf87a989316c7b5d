"""A container's log is read from its end; its programs run in a shell that stays."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from docker.errors import NotFound

from harness.evidence.interruption import Cause
from harness.lab.docker.container_limits import PEER
from harness.lab.errors import LabError, PeerUnreachable
from harness.lab.hosts.container import ContainerSpec, LabContainer


class Container:
    """What the engine has of one: a log of numbered lines, one a second."""

    def __init__(self, lines):
        self.lines, self.asked, self.id, self.cut = lines, [], "0123", False
        self.options = {}  # that it was made with
        self.told = []  # what Docker was told to do with it
        self.attrs = {"State": {"Status": "running"}}

    def start(self):
        pass

    reload = start

    def put_archive(self, path, data):
        raise AssertionError("there are no files to put")

    def read_log(self, _client, name, since, tail):
        assert name == self.id
        self.asked.append(tail)
        if since == -1:
            raise LabError("the engine gives no log: gone")
        last = self.lines if tail is None else self.lines[-tail:]
        return "".join(f"{line}\n" for line in last if since is None or line >= since), self.cut


@pytest.fixture
def made(monkeypatch):
    def make(lines):
        container = Container(list(range(lines)))
        monkeypatch.setattr("harness.lab.hosts.container.read_log", container.read_log)

        def create(*_, **options):
            container.options = options
            return container

        containers = SimpleNamespace(create=create)
        client = SimpleNamespace(containers=containers, events=lambda **asked: iter(container.told))
        spec = ContainerSpec("peer", "image", SimpleNamespace(name="network"), {}, (), PEER)
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


def test_a_log_that_the_limit_cuts_is_not_asked_for_again(made):
    container, engine = made(10_000)
    engine.cut = True
    assert len(container.log(0).split()) == 256
    assert engine.asked == [256]


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


def test_the_engine_is_told_what_it_may_use(made):
    options = made(0)[1].options
    assert options["mem_limit"] == options["memswap_limit"] == PEER.memory_mebi << 20
    assert (options["pids_limit"], options["cpu_shares"]) == (PEER.processes, PEER.cpu_shares)
    assert options["log_config"]["Config"] == {"max-size": "16m", "max-file": "2"}


ENDED = 1_795_833_650_123_400_000  # nanoseconds since the epoch
IN_TIME = {"timeNano": ENDED - 2 * 10**9}


@pytest.mark.parametrize(
    ("status", "oom", "told", "cause"),
    [
        (139, False, [], Cause.ITSELF),  # SIGSEGV
        (134, False, [], Cause.ITSELF),  # SIGABRT
        (0, False, [], Cause.ITSELF),
        (1, False, [], Cause.ITSELF),
        (137, False, [], Cause.OUTSIDE),  # SIGKILL
        (143, False, [], Cause.OUTSIDE),  # SIGTERM
        (0, False, [IN_TIME], Cause.OUTSIDE),  # asked to end, and did so
        (139, False, [IN_TIME], Cause.OUTSIDE),
        (137, True, [], Cause.LIMIT),
        (139, False, [{"timeNano": ENDED - 60 * 10**9}], Cause.ITSELF),  # what it was told before its last start
        (139, False, [{"timeNano": ENDED + 10**8}], Cause.ITSELF),  # it was taken away once it had ended
    ],
)
def test_whose_doing_its_end_was(made, status, oom, told, cause):
    container, engine = made(0)
    engine.told = told
    times = {"StartedAt": "2026-11-28T02:40:20Z", "FinishedAt": "2026-11-28T02:40:50.1234Z"}
    engine.attrs = {"State": {"Status": "exited", "ExitCode": status, "OOMKilled": oom, **times}}
    found, words = container.ending()
    assert found is cause
    assert words.startswith(f"exited ({status})")


def test_one_that_runs_has_not_ended(made):
    assert made(0)[0].ending() == (Cause.UNKNOWN, "running")


def test_one_that_somebody_removed_did_not_end_by_itself(made, monkeypatch):
    container, engine = made(0)

    def gone():
        raise NotFound("no such container")

    monkeypatch.setattr(engine, "reload", gone, raising=False)
    assert container.ending() == (Cause.OUTSIDE, "removed")
