"""The talk with the worker: wishes are granted, silence is looked into, trouble does not cost the evidence."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest

from harness.evidence.model import Conversation, EchoCount, EngineReport, Secrets
from harness.evidence.peer_report import PeerReport
from harness.evidence.store import EvidenceFolder
from harness.json_codec import to_json
from harness.lab.errors import LabError, PeerUnreachable, WorkerLost
from harness.run.dialogue import Dialogue
from harness.run.parties import connection, job, make_secrets
from harness.run.plan import Selection, make_plan

REPORT = EngineReport("Gone", False, False, None, None, None, "", "", False, "", EchoCount(), "")
SECRETS = Secrets(bytes(8), bytes(8), b"psk", (), (), (), (), ())
CONVERSATION = Conversation((), SECRETS, REPORT, ())
THE_END = {"case": "case-1", "conversation": to_json(CONVERSATION)}


class Channel:
    """Says what the test has written down, one message after the other; None is silence."""

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

    def send(self, message):
        self.sent.append({key: value for key, value in message.items() if key != "job"})

    def close(self):
        self.closed = True


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
    keys = make_secrets(case)
    task, half = (make(case, 1, "192.0.2.2", "192.0.2.1", keys) for make in (job, connection))
    with ThreadPoolExecutor(2) as helpers:

        def start(channel, driver=None):
            running = SimpleNamespace(driver=driver or Driver())
            return Dialogue(channel, helpers, task, half, running, EvidenceFolder(tmp_path))

        yield start


def test_a_case_is_started_and_its_conversation_comes_back(talk):
    channel = Channel(THE_END)
    assert talk(channel).converse() == CONVERSATION
    assert channel.sent == [{"case": "case-1", "do": "start"}]
    assert channel.case is None


def test_wishes_are_granted(talk, tmp_path):
    driver = Driver()
    wishes = [{"case": "case-1", "want": want} for want in ("initiate", "inspect", "terminate")]
    channel = Channel(*wishes, THE_END)
    dialogue = talk(channel, driver)
    dialogue.converse()
    dialogue.finish()
    assert driver.done == ["initiate", "terminate"]
    granted = {message["wish"] for message in channel.sent if message["do"] == "continue"}
    assert granted == {"initiate", "inspect"}
    assert json.loads((tmp_path / "peer" / "sas.json").read_text())["version"] == "6.1.0"
    assert json.loads((tmp_path / "peer" / "initiate.json").read_text()) == {"error": "no proposal chosen"}
    assert dialogue.trouble is None


def test_a_peer_gets_the_time_to_install_its_child_sa(talk):
    driver = Driver()
    states = ("CONNECTING", "INSTALLED"), ("ESTABLISHED", "INSTALLING"), ("ESTABLISHED", "INSTALLED")
    looks = [(), *((SimpleNamespace(state=sa, children=(SimpleNamespace(state=child),)),) for sa, child in states)]
    driver.status = lambda name: SimpleNamespace(sas=looks.pop(0))
    channel = Channel({"case": "case-1", "want": "come-up"}, THE_END)
    dialogue = talk(channel, driver)
    dialogue.converse()
    dialogue.finish()
    assert looks == []
    assert {"case": "case-1", "do": "continue", "wish": "come-up"} in channel.sent


def test_a_peer_that_does_not_come_up_holds_up_the_case_no_longer(talk, monkeypatch):
    monkeypatch.setattr("harness.run.dialogue._INSTALLATION", 0.01)
    channel = Channel({"case": "case-1", "want": "come-up"}, THE_END)
    dialogue = talk(channel)
    dialogue.converse()
    dialogue.finish()
    assert dialogue.trouble is None
    assert channel.sent[-1]["wish"] == "come-up"


def test_silence_is_no_trouble_while_the_peer_lives(talk):
    channel = Channel(None, None, THE_END)
    assert talk(channel).converse() == CONVERSATION
    assert [message["do"] for message in channel.sent] == ["start"]


def test_a_case_is_called_off_once_when_the_peer_has_ended_and_the_evidence_still_comes(talk):
    driver = Driver()
    driver.is_alive = False
    channel = Channel(None, None, None, THE_END)
    assert talk(channel, driver).converse() == CONVERSATION
    assert [message["do"] for message in channel.sent] == ["start", "abort"]


def test_a_peer_that_cannot_be_asked_costs_the_verdict_and_not_the_evidence(talk):
    driver = Driver()
    driver.trouble = PeerUnreachable("strongswan-6.1: vici: closed")
    channel = Channel({"case": "case-1", "want": "inspect"}, THE_END)
    dialogue = talk(channel, driver)
    assert dialogue.converse() == CONVERSATION
    assert [message["do"] for message in channel.sent] == ["start", "abort", "continue"]
    assert dialogue.trouble is driver.trouble


@pytest.mark.parametrize(
    ("want", "trouble"),
    [
        ("initiate", PeerUnreachable("strongswan-6.1: vici: timed out")),
        ("come-up", PeerUnreachable("strongswan-6.1: vici: closed")),
        ("come-up", KeyError("what nobody foresaw")),
    ],
)
def test_a_command_that_broke_is_remembered_be_it_by_an_error_of_ours(talk, want, trouble):
    driver = Driver()
    driver.trouble = trouble
    dialogue = talk(Channel({"case": "case-1", "want": want}, THE_END), driver)
    dialogue.converse()
    dialogue.finish()
    assert dialogue.trouble is driver.trouble


def test_a_worker_that_ends_or_gives_up_is_an_error(talk):
    with pytest.raises(WorkerLost, match="status 137"):
        talk(Channel(WorkerLost("the worker ended with status 137"))).converse()
    with pytest.raises(LabError, match="worker: OSError: address in use"):
        talk(Channel({"case": "case-1", "error": "OSError: address in use"})).converse()


@pytest.mark.parametrize("others_are_heard", [True, False])
def test_a_worker_that_is_stuck_is_given_up_but_not_for_one_silent_case(talk, monkeypatch, others_are_heard):
    now = iter(range(0, 1000, 3))
    monkeypatch.setattr(time, "monotonic", lambda: next(now))
    channel = Channel()
    if others_are_heard:
        monkeypatch.setattr(Channel, "messages", property(lambda self: next(now), lambda self, value: None), False)
    with pytest.raises(LabError, match="the worker said nothing for 30 s"):
        talk(channel).converse()
    assert channel.closed is not others_are_heard
