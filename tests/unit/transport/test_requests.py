"""The helper processes say why they cannot do what they are told, and go on."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest

from harness.evidence.interruption import Overrun, Resource
from harness.evidence.model import Frame
from harness.json_codec import RecordError
from harness.policy.proposals import PartyPolicy
from harness.policy.role import Role
from harness.transport import daemon
from harness.transport.job import Job, PeerAction
from harness.transport.messages import (
    Abort,
    Beat,
    Collect,
    Collected,
    Continue,
    Done,
    Failure,
    Line,
    Load,
    Ready,
    SaReports,
    Status,
    Unload,
    Watch,
    Watching,
    encoded,
)  # fmt: skip
from harness.transport.watcher import Watcher
from harness.transport.worker import Worker

ENDS, INNER = ("192.0.2.1", "192.0.2.2"), ("10.1.0.1", "10.2.0.1")
JOB = Job("case-1", Role.RESPONDER, *ENDS, "a", "b", b"psk", PartyPolicy((), ()), *INNER, ())
OVERRUN = Overrun(Resource.FRAMES, 2000, 1.5)


class Capture:
    """Of each case one frame."""

    def watch(self, ours, theirs, budget):
        return SimpleNamespace(sides=(ours, theirs), budget=SimpleNamespace(overrun=OVERRUN))

    def collect(self, watched):
        return (Frame(1.0, repr(watched.sides).encode()),), 7


def line(case, message):
    return Line.parse(encoded(case, message))


def told(*lines):
    """What the worker says to these lines, its own beats apart."""
    said = []

    async def serve():
        reader = asyncio.StreamReader()
        for each in lines:
            reader.feed_data(each)
        reader.feed_eof()
        await Worker(Capture(), lambda case, answer: said.append((case, answer))).serve(reader)

    asyncio.run(serve())
    return [each for each in said if each[1] != Beat()]


def test_a_job_that_is_none_is_a_failure_of_its_case_and_the_worker_goes_on():
    spoiled = encoded("a", Abort()).replace(b"Abort", b"Start")
    assert told(spoiled, encoded("b", Collect()), encoded("", Beat())) == [
        ("a", Failure("Start: job is missing")),
        ("b", Failure("Collect is no request to the worker")),
    ]


def test_what_comes_for_a_case_that_has_ended_is_nothing():
    assert told(encoded("a", Continue(PeerAction.INSPECT)), encoded("a", Abort())) == []


def test_a_line_of_another_form_ends_the_worker():
    with pytest.raises(RecordError, match="not JSON"):
        told(b"Traceback\n")


def test_the_watcher_hands_over_each_case_once():
    watcher = Watcher(Capture())
    assert watcher.answer(line("a", Watch(("1", "2"), ("3",)))) == Watching()
    assert watcher.answer(line("b", Collect())) == Failure("case 'b' is not watched")
    kept = Collected((Frame(1.0, b"(('1', '2'), ('3',))"),), 7, OVERRUN)
    assert watcher.answer(line("a", Collect())) == kept
    assert watcher.answer(line("a", Collect())) == Failure("case 'a' is not watched")


def test_the_watcher_refuses_what_is_no_request_to_it():
    watcher = Watcher(Capture())
    assert watcher.answer(line("a", Abort())) == Failure("Abort is no request to the watcher")
    assert watcher.answer(line("a", Ready())) == Failure("'Ready' is no request")
    assert watcher.answer(Line("a", "Watch", {"ours": []})) == Failure("Watch: theirs is missing")


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        (Unload("nobody"), Done()),
        (Status("nobody"), Failure("connection 'nobody' is not loaded")),
        (Collect(), Failure("Collect is no request to the daemon")),
        (Ready(), Failure("'Ready' is no request")),
    ],
)
def test_the_daemon_answers_every_request(asked, answer, capfdbinary):
    asyncio.run(daemon._answer(daemon.Daemon(), line("1", asked)))
    assert capfdbinary.readouterr().out == encoded("1", answer)


def test_a_connection_just_loaded_has_no_sas(capfdbinary):
    async def talk():
        ours = daemon.Daemon()
        for asked in (Load(JOB), Status("case-1"), Unload("case-1")):
            await daemon._answer(ours, line("1", asked))

    asyncio.run(talk())
    answers = (Done(), SaReports(()), Done())
    assert capfdbinary.readouterr().out == b"".join(encoded("1", answer) for answer in answers)
