"""The driver of our engine's daemon: what the daemon cannot do, or does not say, is told with the request's name."""

from __future__ import annotations

import json

import pytest
from helper_process import HelperProcess

from harness.evidence.peer_report import SaReport
from harness.json_codec import to_json
from harness.lab.driver import DaemonSettings
from harness.lab.errors import ConfigurationRefused, PeerUnreachable
from harness.lab.products.engine import driver as driver_module
from harness.lab.products.engine.driver import EngineDriver
from harness.transport.messages import Done, Failure, Initiate, Initiated, Listen, Load, SaReports, Terminate, Unload

SA = SaReport("case-1", "ESTABLISHED", True, "00" * 8, "11" * 8, None, None, None, None, None, ())


def driver(answer):
    helper = HelperProcess(lambda _asked: answer)
    return EngineDriver(helper, DaemonSettings()), helper


def requests(helper):
    assert [call for call, _ in helper.asked] == [f"call-{number}" for number in range(1, len(helper.asked) + 1)]
    return [request for _, request in helper.asked]


def test_the_daemon_listens_once_at_the_address_of_its_connections(connection):
    ours, helper = driver(Done())
    files = ours.load(connection)
    ours.load(connection)
    ours.unload(connection.name)
    listen, load, again, unload = requests(helper)
    assert listen == Listen(connection.local_address)
    assert isinstance(load, Load)
    assert load == again
    assert unload == Unload(connection.name)
    assert json.loads(files["connection.json"]) == to_json(load.job)


def test_what_the_daemon_says_comes_back():
    ours, helper = driver(Initiated("not up after 3 s"))
    assert ours.initiate("case-1", 3.0) == "not up after 3 s"
    assert requests(helper) == [Initiate("case-1", 3.0)]
    report = driver(SaReports((SA,)))[0].status("case-1")
    assert report.sas == (SA,)
    assert json.loads(report.raw) == [to_json(SA)]


def test_what_it_cannot_do_is_refused():
    ours, helper = driver(Failure("connection 'case-1' is not loaded"))
    with pytest.raises(ConfigurationRefused, match="container-1: Terminate: connection 'case-1' is not loaded"):
        ours.terminate("case-1")
    assert requests(helper) == [Terminate("case-1")]


def test_an_answer_to_something_else_is_none():
    with pytest.raises(PeerUnreachable, match="container-1: Status: Done is no answer to it"):
        driver(Done())[0].status("case-1")


def test_silence_is_none_either(monkeypatch):
    monkeypatch.setattr(driver_module, "_ANSWER_S", 0.05)
    with pytest.raises(PeerUnreachable, match="container-1: Initiate: no answer within"):
        driver(None)[0].initiate("case-1", 0.01)
