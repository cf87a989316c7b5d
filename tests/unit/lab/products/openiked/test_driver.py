"""OpenIKED's driver, with an iked that a test plays."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
from policies import policy

from harness.lab.errors import ConfigurationRefused
from harness.lab.products.openiked.driver import OpenIkedDriver, one_after_the_other
from harness.policy.proposals import PartyPolicy
from harness.scenario.peer_file import load_peers


class Container:
    """Where iked -n says what it likes, and all else succeeds."""

    name = "openiked"

    def __init__(self, status: int, words: str) -> None:
        self.answer = (status, words)
        self.asked: list[list[str]] = []

    def run(self, command):
        self.asked.append(list(command))
        return self.answer if command[:2] == ["iked", "-n"] else (0, "")


def test_a_configuration_that_iked_does_not_take_is_refused_in_its_words(root, connection):
    peer = load_peers(root / "peers")["openiked-7.4"]
    container = Container(1, "/run/iked.conf: 8: syntax error")
    ike = policy(ENCR="aes-256-gcm-16", PRF="hmac-sha2-256", KE="curve25519", ADDKE1="ml-kem-768")
    wanted = replace(connection, policy=PartyPolicy(ike, connection.policy.esp))
    with pytest.raises(ConfigurationRefused, match=r"connection case-7: /run/iked\.conf: 8: syntax error"):
        OpenIkedDriver(peer, container).load(wanted)
    assert ["ikectl", "reload"] not in container.asked


def test_only_the_connection_that_it_holds_is_unloaded_and_that_once(root, connection):
    container = Container(1, "refused")
    driver = OpenIkedDriver(load_peers(root / "peers")["openiked-7.4"], container)
    for name in ("case-7", "case-8"):
        with pytest.raises(ConfigurationRefused):
            driver.load(replace(connection, name=name))
    loading = len(container.asked)
    driver.unload("case-7")  # case-8 has taken its place
    assert len(container.asked) == loading
    driver.unload("case-8")
    driver.unload("case-8")
    assert len(container.asked) == loading + 1
    assert "ikectl reset all" in container.asked[-1][2]


class Falling(Container):
    """An iked whose load says "passive" only after it was made active; made active once more, it comes up."""

    def __init__(self) -> None:
        super().__init__(0, "")
        self.looks = iter([1, 2])

    def said(self):
        modes = ["config_getmode: mode passive -> active\n", "config_getmode: mode active -> passive\n"]
        if len(self.asked) < 2:
            return "".join(modes[: next(self.looks)])
        return "".join([*modes, modes[0], "ikev2_childsa_enable: loaded flow 0x5500\n"])


def test_an_iked_that_falls_back_to_passive_is_made_active_again(root, connection, monkeypatch):
    monkeypatch.setattr("harness.lab.products.openiked.driver._POLL_S", 0.001)
    up = SimpleNamespace(sas=(SimpleNamespace(stands=True, children=("one",)),))
    container = Falling()
    driver = OpenIkedDriver(load_peers(root / "peers")["openiked-7.4"], container)
    monkeypatch.setattr(driver, "status", lambda name: up)
    monkeypatch.setattr(driver, "log", lambda name: container.said())
    assert driver.initiate("case-7", 5) == ""
    assert container.asked == [["ikectl", "active"]] * 2


@pytest.mark.parametrize(
    ("log", "told"),
    [("a b a c", True), ("xaxbxcx", True), ("abc", True), ("c b a", False), ("a c", False), ("aab", False)],
)
def test_words_of_a_log_count_in_their_order(log, told):
    assert one_after_the_other(log, ("a", "b", "c")) is told
