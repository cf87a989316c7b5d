"""The worker of a run is replaced when it has ended, and only then."""

from __future__ import annotations

import itertools
import threading
import time
from types import SimpleNamespace

import pytest
from command import until
from fake_lab import FakeChannel

from harness.evidence.interruption import OwnProcess
from harness.lab.errors import LabError, WorkerLost
from harness.run.workers import Workers
from harness.transport.messages import Beat
from harness.transport.pulse import INTERVAL_S


def test_one_worker_serves_all(lab):
    workers = Workers(lab.open_worker)
    assert workers.channel() is workers.channel()
    assert len(lab.workers) == 1


def test_a_lost_worker_is_replaced_by_one_however_many_ask(lab):
    workers = Workers(lab.open_worker)
    workers.channel().lost = True
    threads = [threading.Thread(target=workers.channel) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(lab.workers) == 2
    assert workers.channel() is lab.workers[1]


def test_a_worker_that_says_nothing_did_not_start():
    silent = FakeChannel()
    silent.own = SimpleNamespace(get=lambda _timeout: None)
    with pytest.raises(LabError, match="the worker did not start within 15 s: its last words"):
        Workers(lambda: silent).channel()


def test_a_worker_that_dies_as_it_starts_is_told_and_the_next_one_tried():
    def die(_timeout):
        raise WorkerLost("the worker ended with status 1: no module")

    dying, living = FakeChannel(), FakeChannel()
    dying.own = SimpleNamespace(get=die)
    supply = iter([dying, living])
    workers = Workers(lambda: next(supply))
    with pytest.raises(WorkerLost, match="no module"):
        workers.channel()
    assert workers.channel() is living


def test_the_runner_beats_and_listens_to_the_workers_beats(lab):
    workers = Workers(lab.open_worker)
    channel = workers.channel()
    [fake] = lab.workers
    with workers.beating():
        until(lambda: fake.sent.count(Beat()) >= 2, "two beats")
        channel.on_beat()
    assert workers.pulse.since(0, time.monotonic()) == ()


def test_a_worker_that_stands_still_is_told_of_by_its_silence(lab, monkeypatch):
    workers = Workers(lab.open_worker)
    channel = workers.channel()
    began = time.monotonic()
    later = itertools.count(began, INTERVAL_S)
    monkeypatch.setattr(time, "monotonic", lambda: next(later))
    for _ in range(100):
        workers.pulse.tick(time.monotonic())
    channel.on_beat()
    [found] = workers.pulse.since(began, time.monotonic())
    assert (found.side, round(found.seconds)) == (OwnProcess.WORKER, 25)


def test_a_lost_worker_does_not_end_the_heartbeat(lab):
    workers = Workers(lab.open_worker)
    workers.channel()
    [first] = lab.workers
    first.refuses = WorkerLost("the worker ended")
    with workers.beating():
        until(lambda: first.refused >= 2, "two beats in vain")
        first.lost = True
        workers.channel()
        until(lambda: Beat() in lab.workers[1].sent, "a beat to the next worker")
