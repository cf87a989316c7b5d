"""The lab's side of a watcher: what it kept of a case, and an error of ours where it cannot say."""

from __future__ import annotations

import time

import pytest
from helper_process import HelperProcess

from harness.evidence.interruption import Overrun, Resource
from harness.evidence.model import Frame
from harness.lab import watcher as watcher_module
from harness.lab.errors import LabError
from harness.lab.watcher import WatchedWire, Watcher
from harness.transport import messages
from harness.transport.messages import Collect, Collected, Done, Failure, Watching

KEPT = Collected((Frame(1.0, b"frame"),), 7, Overrun(Resource.FRAMES, 2000, 1.5))
WATCHING = Watching()


def process(watching=WATCHING, collected=KEPT):
    return HelperProcess(lambda asked: collected if isinstance(asked, Collect) else watching)


def watch(helper):
    with Watcher(helper).watch("case-1", ["192.0.2.1"], ("192.0.2.2", "10.2.0.1")) as seen:
        assert seen == WatchedWire()
    return seen


def test_what_was_kept_is_there_when_the_block_ends():
    helper, began = process(), time.time()
    seen = watch(helper)
    assert seen == WatchedWire(KEPT.frames, 7, KEPT.overrun, seen.ended)
    assert began <= seen.ended <= time.time()
    assert helper.asked == [
        ("case-1", messages.Watch(("192.0.2.1",), ("192.0.2.2", "10.2.0.1"))),
        ("case-1", Collect()),
    ]


@pytest.mark.parametrize(
    ("helper", "reason"),
    [
        (process(watching=Failure("no such thing")), "container-1: no such thing"),
        (process(collected=Failure("case 'case-1' is not watched")), "container-1: case 'case-1' is not watched"),
        (process(collected=Done()), "container-1: Done is no answer to Collect"),
    ],
)
def test_what_the_watcher_cannot_do_is_an_error_of_ours(helper, reason):
    with pytest.raises(LabError, match=reason):
        watch(helper)


def test_a_watcher_that_says_nothing_is_not_waited_for_for_ever(monkeypatch):
    monkeypatch.setattr(watcher_module, "_ANSWER_S", 0.05)
    with pytest.raises(LabError, match="container-1: no answer within"):
        watch(process(watching=None))
