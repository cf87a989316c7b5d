"""The talk with the worker: actions are done, silence is looked into, trouble does not cost the evidence."""

from __future__ import annotations

import itertools
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest

from harness.evidence.model import Conversation, EchoCount, EngineReport, Secrets
from harness.evidence.peer_report import IN_USE, STANDING, ChildReport, PeerReport, SaReport
from harness.evidence.store import EvidenceFolder
from harness.lab.errors import LabError, PeerUnreachable, WorkerLost
from harness.policy.role import Role
from harness.run.configure import connection, make_ends
from harness.run.dialogue import Dialogue
from harness.run.plan import Selection, make_plan
from harness.run.stage import Product
from harness.transport.job import PeerAction
from harness.transport.messages import Abort, Continue, Failure, Start, Want, Watching

REPORT = EngineReport("Gone", False, False, None, None, None, "", "", False, "", EchoCount(), "")
SECRETS = Secrets(bytes(8), bytes(8), b"psk", (), (), (), (), ())
CONVERSATION = Conversation((), SECRETS, REPORT, ())


class Channel:
    """Says what the test has written down, one answer after the other; None is silence."""

    def __init__(self, *script):
        self.script, self.sent, self.closed, self.messages = list(script), [], False, 0

    def open_case(self, case):
        self.case = case
        return SimpleNamespace(get=self._get)

    def _get(self, _timeout):
        message = self.script.pop(0) if self.script else None
        if isinstance(message, BaseException):
            raise message
        if message is not None:
            self.messages += 1
        return message

    def close_case(self, case):
        assert case == self.case
        self.case = None

    def send(self, case, request):
        assert case == "case-1"
        self.sent.append(request)

    def close(self):
        self.closed = True


def kinds(requests):
    return [type(request) for request in requests]


class Driver:
    def __init__(self):
        self.is_alive, self.done, self.trouble = True, [], None

    def alive(self):
        return self.is_alive

    def status(self, name):
        if self.trouble:
            raise self.trouble
        return PeerReport("6.1.0", (), "{}")

    def initiate(self, name, deadline_s):
        self.done.append("initiate")
        if self.trouble:
            raise self.trouble
        return "no proposal chosen"

    def terminate(self, name):
        self.done.append("terminate")


@pytest.fixture
def talk(inputs, tmp_path):
    [case] = make_plan(inputs, Selection(("classical/x25519",), ("strongswan-6.1",), ("initiator",)))
    ends = make_ends(case, 1, "192.0.2.2", "192.0.2.1")
    half = connection(case, ends, Role.RESPONDER, case.peers[0])
    with ThreadPoolExecutor(2) as helpers:

        def start(channel, driver=None):
            running = SimpleNamespace(driver=driver or Driver(), peer=case.peers[0])
            stage = SimpleNamespace(workers=SimpleNamespace(channel=lambda: channel), helpers=helpers)
            product = Product(Role.RESPONDER, running, half, "peer")
            return Dialogue(stage, case, ends, product, EvidenceFolder(tmp_path))

        yield start


def test_a_case_is_started_and_its_conversation_comes_back(talk):
    channel = Channel(CONVERSATION)
    dialogue = talk(channel)
    assert dialogue.converse() == CONVERSATION
    [start] = channel.sent
    assert isinstance(start, Start)
    assert start.job.case == "case-1"
    assert channel.case is None


def test_what_the_worker_asks_for_is_done(talk, tmp_path):
    driver = Driver()
    actions = (PeerAction.INITIATE, PeerAction.INSPECT, PeerAction.TERMINATE)
    channel = Channel(*map(Want, actions), CONVERSATION)
    dialogue = talk(channel, driver)
    dialogue.converse()
    dialogue.finish()
    assert driver.done == ["initiate", "terminate"]
    assert {request.action for request in channel.sent if isinstance(request, Continue)} == set(actions)
    assert json.loads((tmp_path / "peer" / "sas.json").read_text())["version"] == "6.1.0"
    assert json.loads((tmp_path / "peer" / "initiate.json").read_text()) == {"error": "no proposal chosen"}
    assert dialogue.trouble is None


def shown(sa, child):
    """An IKE SA and its Child SA in these states."""
    nothing = dict.fromkeys(
        ("initiator", "initiator_spi", "responder_spi", "encr", "integ", "prf", "ke", "additional_ke")
    )
    return SaReport("c", sa, **nothing, children=(ChildReport("c", child, *[None] * 11),))


def test_a_peer_gets_the_time_to_install_its_child_sa(talk):
    driver = Driver()
    states = ("CONNECTING", IN_USE), (STANDING, "INSTALLING"), (STANDING, IN_USE)
    looks = [(), *((shown(sa, child),) for sa, child in states)]
    driver.status = lambda name: SimpleNamespace(sas=looks.pop(0), silent=False)
    channel = Channel(Want(PeerAction.COME_UP), CONVERSATION)
    dialogue = talk(channel, driver)
    dialogue.converse()
    dialogue.finish()
    assert looks == []
    assert Continue(PeerAction.COME_UP) in channel.sent


def test_a_peer_that_does_not_come_up_holds_up_the_case_no_longer(talk, monkeypatch):
    monkeypatch.setattr("harness.run.dialogue._INSTALLATION", 0.01)
    channel = Channel(Want(PeerAction.COME_UP), CONVERSATION)
    dialogue = talk(channel)
    dialogue.converse()
    dialogue.finish()
    assert dialogue.trouble is None
    assert channel.sent[-1] == Continue(PeerAction.COME_UP)


def test_silence_is_no_trouble_while_the_peer_lives(talk):
    channel = Channel(None, None, CONVERSATION)
    assert talk(channel).converse() == CONVERSATION
    assert kinds(channel.sent) == [Start]


def test_a_case_is_called_off_once_when_the_peer_has_ended_and_the_evidence_still_comes(talk):
    driver = Driver()
    driver.is_alive = False
    channel = Channel(None, None, None, CONVERSATION)
    dialogue = talk(channel, driver)
    assert dialogue.converse() == CONVERSATION
    assert kinds(channel.sent) == [Start, Abort]
    assert isinstance(dialogue.trouble, LabError)


def test_a_case_that_we_called_off_is_trouble_of_ours_though_the_peer_answers_again(talk):
    """One slow command is no death: that the worker then says that it waited in vain is nobody's fault but ours."""
    driver, answers = Driver(), iter([False])
    driver.alive = lambda: next(answers, True)
    dialogue = talk(Channel(None, None, None, CONVERSATION), driver)
    dialogue.converse()
    dialogue.finish()
    assert isinstance(dialogue.trouble, LabError)
    assert str(dialogue.trouble) == "strongswan-6.1: no answer when we looked for it; the case was called off"


def test_a_peer_that_cannot_be_asked_costs_the_verdict_and_not_the_evidence(talk):
    driver = Driver()
    driver.trouble = PeerUnreachable("strongswan-6.1: vici: closed")
    channel = Channel(Want(PeerAction.INSPECT), CONVERSATION)
    dialogue = talk(channel, driver)
    assert dialogue.converse() == CONVERSATION
    assert kinds(channel.sent) == [Start, Abort, Continue]
    assert dialogue.trouble is driver.trouble


@pytest.mark.parametrize(
    ("want", "trouble"),
    [
        (PeerAction.INITIATE, PeerUnreachable("strongswan-6.1: vici: timed out")),
        (PeerAction.COME_UP, PeerUnreachable("strongswan-6.1: vici: closed")),
        (PeerAction.COME_UP, KeyError("what nobody foresaw")),
    ],
)
def test_a_command_that_broke_is_remembered_be_it_by_an_error_of_ours(talk, want, trouble):
    driver = Driver()
    driver.trouble = trouble
    dialogue = talk(Channel(Want(want), CONVERSATION), driver)
    dialogue.converse()
    dialogue.finish()
    assert dialogue.trouble is driver.trouble


@pytest.mark.parametrize(("want", "forgotten"), [(PeerAction.TERMINATE, False), (PeerAction.INITIATE, True)])
def test_a_command_that_does_not_return_in_its_time_is_trouble(talk, monkeypatch, want, forgotten):
    """An initiation has its own time, which a case that is refused does not wait for."""
    monkeypatch.setattr("harness.run.dialogue._COMMANDS_END", 0.05)
    driver, over = Driver(), threading.Event()
    driver.terminate = driver.initiate = lambda *_: over.wait(60) and ""
    dialogue = talk(Channel(Want(want), CONVERSATION), driver)
    dialogue.converse()
    dialogue.finish()
    over.set()
    assert (dialogue.trouble is None) is forgotten
    assert forgotten or str(dialogue.trouble) == "strongswan-6.1: a command to it does not return"


def test_a_worker_that_ends_or_gives_up_is_an_error(talk):
    with pytest.raises(WorkerLost, match="status 137"):
        talk(Channel(WorkerLost("the worker ended with status 137"))).converse()
    with pytest.raises(LabError, match="worker: OSError: address in use"):
        talk(Channel(Failure("OSError: address in use"))).converse()
    with pytest.raises(LabError, match="worker: Watching is no answer to Start"):
        talk(Channel(Watching())).converse()


@pytest.mark.parametrize("others_are_heard", [True, False])
def test_a_worker_that_is_stuck_is_given_up_but_not_for_one_silent_case(talk, monkeypatch, others_are_heard):
    counted = itertools.count()
    channel = Channel()
    if others_are_heard:
        monkeypatch.setattr(
            Channel, "messages", property(lambda self: next(counted), lambda self, value: None), raising=False
        )
    with pytest.raises(LabError, match="the worker said nothing for 60 s"):
        talk(channel).converse()
    assert channel.closed is not others_are_heard


def test_the_time_in_which_we_stood_still_ourselves_is_no_silence_of_the_worker(talk, monkeypatch):
    """The clock has gone on by minutes, the worker was listened to for a moment: what it said is read now."""
    now = itertools.count(step=1000)
    monkeypatch.setattr(time, "monotonic", lambda: next(now))
    assert talk(Channel(None, CONVERSATION)).converse() == CONVERSATION
