"""The worker of a run is replaced when it has ended, and only then."""

from __future__ import annotations

import threading
from types import SimpleNamespace

import pytest
from fake_lab import FakeChannel

from harness.lab.errors import LabError, WorkerLost
from harness.run.workers import Workers


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
