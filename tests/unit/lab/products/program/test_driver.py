"""The driver of control programs, against a container in which a test answers."""

import json
from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest

from harness.lab.driver import Connection, DaemonSettings, PreSharedKey
from harness.lab.errors import ConfigurationRefused, PeerUnreachable, TooMuchSaid, WrongAnswer
from harness.lab.products.program.driver import ProgramDriver, ProgramFamily
from harness.policy.proposals import PartyPolicy, ProposalPolicy
from harness.policy.role import Role
from harness.registry.algorithms import algorithm
from harness.registry.transforms import TransformType

PEER = SimpleNamespace(name="acme-1.0")
ESP = ProposalPolicy({TransformType.ENCR: (algorithm(TransformType.ENCR, "aes-256-gcm-16"),)})
CONNECTION = Connection(
    "case-7",
    Role.RESPONDER,
    "192.0.2.1",
    "192.0.2.2",
    "p",
    "e",
    PreSharedKey(b"key"),
    PartyPolicy((), (ESP,)),
    "10.0.0.1",
    "10.0.0.2",
)


@dataclass
class Stream:
    """One call: what it was told, and what it answers once its input has ended."""

    answer: tuple[str, str, int]
    told: bytes = b""
    ended: bool = False
    frames: list = field(default_factory=list)

    def write(self, data):
        assert not self.ended
        self.told += data

    def end_input(self):
        self.ended = True
        out, err, _ = self.answer
        half = len(out) // 2
        self.frames = [(1, out[:half].encode()), (2, err.encode()), (1, out[half:].encode())]

    def read(self):
        if self.answer[0] == "too slow":
            raise TimeoutError
        return self.frames.pop(0) if self.frames else None

    def set_timeout(self, seconds):
        self.timeout = seconds

    def close(self):
        self.closed = True

    def exit_status(self):
        return self.answer[2]


@dataclass
class Trickle(Stream):
    """A program that says a little every seven seconds, and would do so for ever; ``clock`` has the time."""

    clock: list = field(default_factory=lambda: [1000.0])

    def read(self):
        if self.timeout < 7:
            raise TimeoutError
        self.clock[0] += 7
        return 1, b" "


class Container:
    name = "lab-acme-1"

    def __init__(self, **answers):
        self.answers = {"version": ('{"version": "1.0.3"}', "", 0), **answers}
        self.calls = []

    def open(self, command):
        program, verb = command
        assert program == "/usr/local/bin/peer-control"
        self.calls.append((verb, Stream(self.answers[verb])))
        return self.calls[-1][1]

    def told(self, verb):
        return [json.loads(stream.told) for name, stream in self.calls if name == verb]

    def log(self, since=None):
        return "printed\n"

    def is_running(self):
        return True


def driver(**answers):
    container = Container(**answers)
    return container, ProgramDriver(PEER, container)


def test_each_verb_is_told_what_it_needs():
    done = ("{}", "", 0)
    container, program = driver(
        load=('{"files": {"acme.conf": "text"}}', "a warning", 0), initiate=('{"error": "no answer"}', "", 0),
        terminate=done, unload=done, status=('{"sas": []}', "", 0),
    )  # fmt: skip
    assert program.version() == "1.0.3"
    assert program.key_exchange_methods() is None
    files = program.load(CONNECTION)
    assert set(files) == {"acme.conf", "connection.json"}
    assert json.loads(files["connection.json"]) == container.told("load")[0]
    assert program.initiate("case-7", 15.0) == "no answer"
    assert container.told("initiate") == [{"name": "case-7", "deadline_s": 15.0}]
    program.terminate("case-7")
    assert program.status("case-7").version == "1.0.3"
    program.unload("case-7")
    assert container.told("terminate") == container.told("status") == container.told("unload") == [{"name": "case-7"}]
    assert all(stream.ended for _, stream in container.calls)
    assert program.log("case-7") == "printed\n"
    assert program.log("case-8") == ""


def test_a_configuration_that_the_product_does_not_take_is_its_own_word():
    _, program = driver(load=('{"refused": "no such algorithm: ml-kem-768"}', "", 0))
    with pytest.raises(ConfigurationRefused, match=r"lab-acme-1: connection case-7: no such algorithm: ml-kem-768$"):
        program.load(CONNECTION)


def test_methods_that_the_build_has_are_compared_with_the_sheet():
    _, program = driver(version=('{"version": "1.0", "key_exchange": ["curve25519"]}', "", 0))
    assert program.key_exchange_methods() == {"curve25519"}


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (("", "cannot open the socket", 1), "cannot open the socket (status 1)"),
        (("", "", 127), "no word (status 127)"),
        (("too slow", "", 0), "no answer within 30 s"),
    ],
)
def test_a_program_that_fails_is_not_reached_and_says_why(answer, words):
    _, program = driver(version=answer)
    with pytest.raises(PeerUnreachable) as caught:
        program.version()
    assert str(caught.value) == f"lab-acme-1: peer-control version: {words}"
    assert not program.alive()


def test_a_program_that_trickles_has_no_more_time_than_a_silent_one(monkeypatch):
    trickle = Trickle(("", "", 0))
    monkeypatch.setattr("harness.lab.waiting.time", SimpleNamespace(monotonic=lambda: trickle.clock[0]))
    container, program = driver()
    monkeypatch.setattr(container, "open", lambda _command: trickle)
    with pytest.raises(PeerUnreachable, match="peer-control version: no answer within 30 s"):
        program.version()
    assert trickle.clock[0] == 1028.0 and trickle.timeout == 2.0  # what four reads have left of the 30 seconds
    assert trickle.closed


def test_a_program_that_closes_its_output_and_stays_has_no_more_time_either(monkeypatch):
    monkeypatch.setattr("harness.lab.products.program.driver.VERB_S", 0.05)
    _, program = driver(initiate=('{"error": ""}', "", None))
    with pytest.raises(PeerUnreachable, match=r"peer-control initiate: no answer within 0\.1 s"):
        program.initiate("case-7", 0.05)


def test_a_wrong_answer_is_told_by_verb_and_field_and_is_not_waited_out():
    _, program = driver(status=('{"sas": [{}]}', "", 0), version=("1.0", "", 0))
    with pytest.raises(WrongAnswer, match=r"peer-control status: answer\.sas\[0\]: name is missing"):
        program.status("case-7")
    with pytest.raises(WrongAnswer, match="peer-control version: answer"):
        program.version()
    assert not program.alive()


def test_daemon_wide_settings_are_a_file_that_is_there_first():
    files = ProgramFamily().daemon_files(PEER, DaemonSettings(fragment_size=576))
    assert json.loads(files["/etc/peer-control/daemon.json"]) == {"fragment_size": 576, "cookie_threshold": None}
    (text,) = ProgramFamily().connection_files(PEER, CONNECTION).values()
    assert json.loads(text)["name"] == "case-7"


@pytest.mark.parametrize("name", ["../../../x", "/etc/passwd", "a\\b", "\\u0000", "connection.json", "\\ud800", ""])
def test_a_file_that_would_lie_elsewhere_breaks_the_contract(name):
    _, program = driver(load=(f'{{"files": {{"{name}": "text"}}}}'.replace("a\\b", "a\\\\b"), "", 0))
    if name == "connection.json":
        assert program.load(CONNECTION)[name] != "text"  # what it was told is ours to say
        return
    with pytest.raises(WrongAnswer, match=r"lab-acme-1: peer-control load: answer\.files"):
        program.load(CONNECTION)


@dataclass
class Endless(Stream):
    """A program that prints without end, on the stream ``kind``."""

    kind: int = 1
    reads: int = 0

    def read(self):
        self.reads += 1
        assert self.reads < 1000, "it is read without end"
        return None if self.kind == 2 and self.reads > 200 else (self.kind, b"x" * 65_536)


def test_an_answer_without_end_is_not_taken(monkeypatch):
    endless = Endless(("", "", 0))
    container, program = driver()
    monkeypatch.setattr(container, "open", lambda _command: endless)
    with pytest.raises(TooMuchSaid, match="peer-control status: its answer has more than 4,194,304 octets"):
        program.status("case-7")
    assert endless.closed and endless.reads == 65


def test_of_endless_reasons_the_end_is_shown(monkeypatch):
    endless = Endless(("", "", 1), kind=2)
    container, program = driver()
    monkeypatch.setattr(container, "open", lambda _command: endless)
    with pytest.raises(PeerUnreachable) as caught:
        program.version()
    assert len(str(caught.value)) < 9000 and str(caught.value).endswith("(status 1)")


def test_files_without_number_break_the_contract():
    files = json.dumps({"files": {f"{number}.conf": "" for number in range(101)}})
    _, program = driver(load=(files, "", 0))
    with pytest.raises(WrongAnswer, match=r"load: answer\.files: 101, limit 100"):
        program.load(CONNECTION)
