"""Every message comes back as it was sent, on one line; what is none is refused with the reason."""

from __future__ import annotations

import json
from dataclasses import is_dataclass
from typing import get_args

import pytest
from budget import assert_within_budget

from harness.evidence.interruption import Overrun, Resource
from harness.evidence.model import Conversation, EchoCount, EngineReport, Frame, Secrets, TraceEntry
from harness.evidence.peer_report import SaReport
from harness.json_codec import RecordError
from harness.policy.deviation import Deviation
from harness.policy.proposals import PartyPolicy
from harness.policy.role import Role
from harness.scenario.model import Mode, Step
from harness.transport import messages
from harness.transport.job import Job, PeerAction
from harness.transport.messages import (
    Abort,
    Answer,
    Beat,
    Collect,
    Collected,
    Continue,
    Done,
    Failure,
    Initiate,
    Initiated,
    Line,
    Listen,
    Load,
    Ready,
    Request,
    SaReports,
    Start,
    Status,
    Terminate,
    Unload,
    Want,
    Watch,
    Watching,
    encoded,
)  # fmt: skip

ENDS, INNER = ("192.0.2.1", "192.0.2.2"), ("10.1.0.1", "10.2.0.1")
JOB = Job(
    "case-1", Role.RESPONDER, *ENDS, "a", "b", b"\0psk", PartyPolicy((), ()), *INNER, (Step.TRAFFIC, Step.DELETE),
    mode=Mode.TRANSPORT, deviation=next(iter(Deviation)), deadline=7,
)  # fmt: skip
SA = SaReport("case-1", "ESTABLISHED", True, "00" * 8, "11" * 8, None, None, None, None, None, ())
FRAMES = (Frame(1_700_000_000.25, b"\0\xff"), Frame(1_700_000_001.5, b""))
REPORT = EngineReport("Gone", False, False, None, None, None, "", "", False, "", EchoCount(), "")
SECRETS = Secrets(bytes(8), bytes(8), b"psk", (), (), (), (), ())
CONVERSATION = Conversation((TraceEntry(0.5, "Ignored", {"why": "a\nb"}),), SECRETS, REPORT, FRAMES)

REQUESTS: tuple[Request, ...] = (
    Beat(), Start(JOB), Continue(PeerAction.COME_UP), Abort(), Watch(ENDS, INNER), Watch((), ()), Collect(),
    Listen("192.0.2.1"), Load(JOB), Unload("case-1"), Initiate("case-1", 1.5), Terminate("case-1"), Status("case-1"),
)  # fmt: skip
ANSWERS: tuple[Answer, ...] = (
    Beat(), Ready(), Want(PeerAction.INITIATE), CONVERSATION, Failure("OSError: in use\n"), Watching(), Done(),
    Collected(FRAMES, 3, None), Collected((), 0, Overrun(Resource.FRAMES, 2000, 1.5, {"192.0.2.2": 1999})),
    Initiated(""), Initiated("no Child SA: TS_UNACCEPTABLE"), SaReports(()), SaReports((SA, SA)),
)  # fmt: skip


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda message: type(message).__name__)
def test_a_request_comes_back(request_):
    octets = encoded("case-1", request_)
    assert octets.index(b"\n") == len(octets) - 1
    line = Line.parse(octets)
    assert (line.case, line.request()) == ("case-1", request_)


@pytest.mark.parametrize("answer", ANSWERS, ids=lambda message: type(message).__name__)
def test_an_answer_comes_back(answer):
    octets = encoded("", answer)
    assert octets.index(b"\n") == len(octets) - 1
    line = Line.parse(octets)
    assert (line.case, line.answer()) == ("", answer)


def test_every_type_of_the_module_is_a_message_and_is_tried_here():
    defined = {kind for kind in vars(messages).values() if is_dataclass(kind) and kind.__module__ == messages.__name__}
    assert defined - {Line} == ({*get_args(Request), *get_args(Answer)} - {Conversation})
    assert {type(message) for message in REQUESTS} == set(get_args(Request))
    assert {type(message) for message in ANSWERS} == set(get_args(Answer))


def test_a_line_says_whose_it_is_what_it_is_and_what_it_holds():
    assert json.loads(encoded("case-1", Continue(PeerAction.COME_UP))) == {
        "case": "case-1", "kind": "Continue", "body": {"action": "come-up"},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("octets", "reason"),
    [
        (b"", "not JSON"),
        (b"\xff\n", "not JSON"),
        (b"[]", "Line: expected dict, got list"),
        (b"{}", "Line: case is missing"),
        (b'{"case": 1, "kind": "Beat", "body": {}}', "Line.case: expected str, got int"),
        (b'{"case": "", "body": {}}', "Line: kind is missing"),
        (b'{"case": "", "kind": "Beat"}', "Line: body is missing"),
    ],
)
def test_what_is_no_line_is_refused(octets, reason):
    with pytest.raises(RecordError, match=reason):
        Line.parse(octets)


def test_what_one_side_says_the_other_one_cannot():
    with pytest.raises(RecordError, match="'Ready' is no request"):
        Line.parse(encoded("a", Ready())).request()
    with pytest.raises(RecordError, match="'Start' is no answer"):
        Line.parse(encoded("a", Start(JOB))).answer()


def test_a_kind_that_nobody_knows_is_named_at_no_great_length():
    with pytest.raises(RecordError, match=r"^'x{40}' is no answer$"):
        Line("a", "x" * 10_000, {}).answer()


@pytest.mark.parametrize(
    ("kind", "body", "reason"),
    [
        ("Continue", {}, "Continue: action is missing"),
        ("Continue", {"action": "sleep"}, "Continue.action: 'sleep' is not one of"),
        ("Start", {"job": {"case": 7}}, "Start.job.case: expected str, got int"),
        ("Watch", {"ours": "192.0.2.1", "theirs": []}, "Watch.ours: expected list, got str"),
        ("Abort", None, "Abort: expected dict, got NoneType"),
    ],
)
def test_a_body_of_another_kind_is_refused_with_its_place(kind, body, reason):
    with pytest.raises(RecordError, match=reason):
        Line("a", kind, body).request()


def test_what_a_large_conversation_costs():
    frames = tuple(Frame(1_700_000_000.25 + number, bytes(1000)) for number in range(1000))
    octets = encoded("a", Conversation(CONVERSATION.trace * 1000, SECRETS, REPORT, frames))
    assert_within_budget(len(octets), lambda: Line.parse(octets).answer())
