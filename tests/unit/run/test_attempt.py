"""What a product hands us in an attempt lies apart from what we write ourselves."""

from __future__ import annotations

import time
from contextlib import contextmanager
from types import SimpleNamespace

import pytest

from harness.border.names import UnsafeName
from harness.evidence.interruption import Cause, OwnProcess
from harness.evidence.peer_report import PeerReport, Residue
from harness.evidence.store import EvidenceFolder
from harness.lab.errors import LabError, PeerDied
from harness.policy.role import Role
from harness.run.attempt import TESTED, _load, _note_disturbances, play
from harness.run.plan import Selection, make_plan
from harness.run.stage import Product
from harness.run.watched import WatchedTalk
from harness.transport.pulse import Pulse


def loaded(folder, files):
    """A product whose driver gives back these files."""
    driver = SimpleNamespace(load=lambda _connection: files)
    product = Product(Role.RESPONDER, SimpleNamespace(driver=driver), None, TESTED)
    _load([product], EvidenceFolder(folder))


def test_no_file_of_a_peer_is_taken_for_evidence_of_ours(tmp_path):
    folder = tmp_path / "case"
    loaded(folder, {"sas.json": '{"version": "forged", "sas": [], "raw": ""}', "log.txt": "forged"})
    assert EvidenceFolder(folder).read("peer/sas.json", PeerReport) is None
    assert not (folder / "peer" / "log.txt").exists()
    assert (folder / "peer" / "connection" / "log.txt").read_text() == "forged"


@pytest.mark.parametrize("name", ["../../x", "../sas.json", "../../../other/peer/sas.json", "a/../../../secrets.json"])
def test_no_file_of_a_peer_lies_outside_of_its_folder(tmp_path, name):
    folder = tmp_path / "cases" / "case"
    EvidenceFolder(folder).write_text("secrets.json", "ours")
    with pytest.raises(UnsafeName):
        loaded(folder, {name: "forged"})
    assert [path.read_text() for path in tmp_path.rglob("*") if path.is_file()] == ["ours"]


def test_a_docker_that_stands_still_is_a_disturbance_for_two_products_too(tmp_path, monkeypatch):
    """It shows as the silence of the worker alone, from which the talk of two products hears nothing itself."""
    pulse = Pulse(OwnProcess.RUNNER, 0)
    for quarter in range(4 * 10):
        pulse.tick(quarter / 4)
    monkeypatch.setattr(time, "monotonic", lambda: 10.0)
    stage = SimpleNamespace(workers=SimpleNamespace(pulse=pulse))
    store = EvidenceFolder(tmp_path)
    _note_disturbances(stage, WatchedTalk(stage, None, (), store), store, 1.0)
    [found] = store.disturbances()
    assert (found.side, found.seconds) == (OwnProcess.WORKER, 10.0)


class CalledOff:
    """A talk that we ended ourselves; what the worker brought back looks as if the peer had kept it waiting."""

    trouble, disturbances = LabError("the case was called off"), ()

    def hold(self, load):
        load()

    def finish(self):
        pass


@pytest.fixture
def played(inputs, tmp_path, monkeypatch):
    """Play a case that is called off, with a peer whose daemon is alive, or has ended."""

    @contextmanager
    def case_address():
        yield "192.0.2.2"

    def go(*, alive):
        monkeypatch.setattr("harness.run.attempt._talk", lambda *_: CalledOff())
        [case] = make_plan(inputs, Selection(("classical/x25519",), ("strongswan-6.1",), ("initiator",)))
        lab, workers = SimpleNamespace(case_address=case_address), SimpleNamespace(pulse=Pulse(OwnProcess.RUNNER, 0))
        driver = SimpleNamespace(
            load=lambda _: {}, unload=lambda _: None, log=lambda _: "", residue=lambda _: Residue(()),
            alive=lambda: alive,
        )  # fmt: skip
        container = SimpleNamespace(
            name="x", ending=lambda: (Cause.ITSELF, "exited (139)"), is_running=lambda: alive, log=lambda: ""
        )
        running = SimpleNamespace(
            driver=driver, container=container, peer=case.peers[0], address="192.0.2.1", files={}, version="6.1.0",
            image_id="", kernel="",
        )  # fmt: skip
        stage = SimpleNamespace(lab=lab, workers=workers, run_folder=tmp_path, requirements=inputs.requirements)
        return play(stage, case, 1, tmp_path / "case", (running,))

    return go


def test_a_case_that_we_called_off_is_not_judged(played):
    with pytest.raises(LabError, match="called off") as caught:
        played(alive=True)
    assert not isinstance(caught.value, PeerDied)


def test_a_case_that_we_called_off_as_the_daemon_had_ended_is_its_death(played):
    """Also where everything else that it was asked meanwhile did not need the daemon."""
    with pytest.raises(PeerDied, match=r"exited \(139\)") as caught:
        played(alive=False)
    assert caught.value.death.cause is Cause.ITSELF
