"""lab up: what it prints can be typed."""

from __future__ import annotations

import re
from contextlib import nullcontext
from types import SimpleNamespace

import pytest
from command import ROOT

from harness.cli import laboratory


@pytest.fixture
def prepared(monkeypatch):
    peers = []
    made = SimpleNamespace(prepare=peers.extend)
    monkeypatch.setattr(laboratory, "Lab", lambda *_, **__: nullcontext(made))
    return peers


def test_every_name_is_a_service_of_the_compose_file(interop, prepared):
    services = set(
        re.findall(r"^  (\S+):$", (ROOT / "docker-compose.yml").read_text().partition("\nnetworks:")[0], re.M)
    )
    command, up, *names = interop("lab", "up").out.split()
    assert (command, up) == ("docker-compose", "up")
    assert set(names) == services
    assert len(prepared) > len(names)


@pytest.mark.parametrize("peer", ["engine", "emulated/*"])
def test_without_a_service_there_is_no_command(interop, prepared, peer):
    assert interop("lab", "up", peer).out == ""
    assert prepared
