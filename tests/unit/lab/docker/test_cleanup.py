"""Removal: what is gone already is fine, what somebody else is removing is waited for, anything else is told."""

from types import SimpleNamespace

import pytest
import requests
from docker.errors import APIError

from harness.lab.docker import cleanup
from harness.lab.docker.ownership import this_process

OWNER = this_process()


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
    assert cleanup.remove_run(engine, "run", OWNER) == cleanup.Removal(1)
    assert engine.asked == len(answers)


def test_a_network_that_stays_is_told_and_stops_nobody(monkeypatch):
    monkeypatch.setattr(cleanup, "_OWN_NETWORK_DEADLINE_S", 0.1)
    removal = cleanup.remove_run(Engine(refusal(403)), "run", OWNER)
    assert removal == cleanup.Removal(0, ("ours",))
    assert str(removal).endswith("left behind: network ours")


def test_another_refusal_is_no_patience(monkeypatch):
    engine = Engine(refusal(500))
    with pytest.raises(APIError):
        cleanup.remove_run(engine, "run", OWNER)
    assert engine.asked == 1


class Images:
    """Images by id, each with tags and labels; lists and removes them as the engine does."""

    def __init__(self, **images):
        self.there = {name: (list(tags), labels) for name, (tags, labels) in images.items()}
        self.in_use = set()

    def list(self, filters=None):
        wanted = filters or {"dangling": False}
        key, _, value = wanted.get("label", "").partition("=")
        return [
            SimpleNamespace(id=name, tags=list(tags), labels=labels)
            for name, (tags, labels) in self.there.items()
            if wanted["dangling"] is (not tags) and (not key or labels.get(key) == value)
        ]

    def remove(self, name, force=False):
        if name in self.in_use:
            raise refusal(409)
        found = next((key for key, (tags, _) in self.there.items() if name in (key, *tags)), None)
        if found is None:
            raise refusal(404)
        tags, _ = self.there[found]
        if name in tags:
            tags.remove(name)
        if not tags:
            del self.there[found]


OURS = {"ipsec-interop": "image"}


def test_with_the_images_go_the_nameless_ones_of_ours_by_their_label_alone():
    images = Images(
        peer=(["ipsec-interop/acme-1.0:1234"], OURS),
        stage=([], OURS),
        theirs=([], {}),
        another_label=([], {"ipsec-interop": "run"}),
        tagged_by_the_user=(["acme/gateway:1"], OURS),
        also_tagged_by_the_user=(["ipsec-interop/base:forky", "mine:1"], OURS),
        debian=(["debian:forky-slim"], {}),
    )
    assert cleanup.remove_images(SimpleNamespace(images=images)) == 2
    left = {name: tags for name, (tags, _) in images.there.items()}
    assert left == {
        "theirs": [],
        "another_label": [],
        "tagged_by_the_user": ["acme/gateway:1"],
        "also_tagged_by_the_user": ["mine:1"],
        "debian": ["debian:forky-slim"],
    }


def test_an_image_that_something_runs_or_stands_on_is_left_and_the_others_go():
    images = Images(
        parent=([], OURS),
        stage=([], OURS),
        running=(["ipsec-interop/acme-1.0:1234"], OURS),
        idle=(["ipsec-interop/tester:5678"], OURS),
    )
    images.in_use |= {"parent", "ipsec-interop/acme-1.0:1234"}
    assert cleanup.remove_images(SimpleNamespace(images=images)) == 1
    assert set(images.there) == {"parent", "running"}
