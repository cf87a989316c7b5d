"""Removal: what is gone already is fine, what somebody else is removing is waited for, anything else is told."""

from types import SimpleNamespace

import pytest
import requests
from docker.errors import APIError

from harness.lab import cleanup


def refusal(status):
    response = requests.Response()
    response.status_code = status
    return APIError("refused", response)


class Engine:
    """An engine with one network, which answers its removal as the test says."""

    def __init__(self, *answers):
        self.answers, self.asked = list(answers), 0
        network = SimpleNamespace(name="ours", remove=self.remove)
        self.containers = SimpleNamespace(list=lambda **_: [])
        self.networks = SimpleNamespace(list=lambda **_: [network])

    def remove(self):
        self.asked += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if answer is not None:
            raise answer


@pytest.mark.parametrize("answers", [(None,), (refusal(404),), (refusal(403), refusal(403), None)])
def test_a_network_goes_once_its_containers_have_gone(answers):
    engine = Engine(*answers)
    assert cleanup.remove_run(engine, "run") == cleanup.Removal(1)
    assert engine.asked == len(answers)


def test_a_network_that_stays_is_told_and_stops_nobody(monkeypatch):
    monkeypatch.setattr(cleanup, "_OWN_NETWORK_DEADLINE_S", 0.1)
    removal = cleanup.remove_run(Engine(refusal(403)), "run")
    assert removal == cleanup.Removal(0, ("ours",))
    assert str(removal).endswith("left behind: network ours")


def test_another_refusal_is_no_patience(monkeypatch):
    engine = Engine(refusal(500))
    with pytest.raises(APIError):
        cleanup.remove_run(engine, "run")
    assert engine.asked == 1
