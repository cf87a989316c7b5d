"""Evidence that is not of one case, or in another order than it came about: INCONCLUSIVE, and nobody is named."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from case_builder import ENGINE, PEER, Case, good, requirements
from judging import contradicts
from stored_case import written

from harness.evidence.model import CapturedDatagram
from harness.policy.role import Role
from harness.results.model import Verdict
from harness.verify.judge import judge_folder

HYBRID, BLOCKS, SEVEN, REFUSED = (
    "hybrid/x25519-mlkem768",
    "classical/modp3072",
    "multiple-ke/seven",
    "authentication/wrong-psk",
)
COOKIE, FRAGMENTS = "denial-of-service/cookie", "fragmentation/mlkem1024-at-576"
ELSEWHERE = "203.0.113.5"


def captured(case: Case, order: Sequence[CapturedDatagram]) -> Case:
    """The capture in another order: frame numbers and time stamps are those of the places."""
    places = zip(order, case.datagrams, strict=True)
    return case.with_capture(replace(each, frame=place.frame, at=place.at) for each, place in places)


def unnamed(case: Case) -> None:
    judged = case.judge()
    assert judged.verdict in (Verdict.PASS, Verdict.INCONCLUSIVE), judged.findings
    assert judged.findings == ()


@pytest.mark.parametrize("scenario", [HYBRID, BLOCKS, SEVEN, FRAGMENTS, REFUSED])
def test_two_frames_exchanged(role, scenario):
    case = good(scenario, role=role)
    for at in range(len(case.datagrams) - 1):
        order = list(case.datagrams)
        order[at : at + 2] = order[at + 1], order[at]
        unnamed(captured(case, order))


def test_two_frames_exchanged_where_a_cookie_is_demanded():
    case = good(COOKIE)
    for at in range(len(case.datagrams) - 1):
        order = list(case.datagrams)
        order[at : at + 2] = order[at + 1], order[at]
        unnamed(captured(case, order))


def test_a_frame_moved_to_the_front_or_to_the_end(role):
    case = good(role=role)
    for each in case.datagrams:
        others = [other for other in case.datagrams if other is not each]
        unnamed(captured(case, [each, *others]))
        unnamed(captured(case, [*others, each]))


def test_a_capture_turned_round(role):
    case = good(role=role)
    assert captured(case, case.datagrams[::-1]).judge().verdict is Verdict.INCONCLUSIVE


def test_the_order_that_our_sockets_know(role):
    case = good(role=role)
    order = list(case.datagrams)
    order[2], order[4] = order[4], order[2]
    contradicts(captured(case, order), "behind a datagram that our socket")


def test_a_request_that_the_path_doubled_may_be_read_later(role):
    """The copy is captured at once, and read when the next message has left: that is no contradiction."""
    case = good(role=role)
    peers = [each for each in case.datagrams if each.source[0] == PEER]
    wire = [one for each in case.datagrams for one in ((each, each) if each in peers[:2] else (each,))]
    twice = case.with_datagrams(wire)
    told = list(twice.evidence.datagrams)
    first = next(number for number, each in enumerate(told) if not each.sent and told.count(each) == 2)
    later = [*told[: first + 1], told[first + 2], told[first + 1], *told[first + 3 :]]
    assert twice.with_evidence(datagrams=tuple(later)).judge().verdict is Verdict.PASS


def test_a_retransmission_of_ours_is_in_no_other_order():
    case = good(role=Role.INITIATOR)
    request, response, *rest = case.datagrams
    assert case.with_datagrams((request, request, response, *rest)).judge().verdict is Verdict.PASS


def test_a_peer_that_does_too_early_what_it_may_not_is_still_named():
    """It deletes before IKE_AUTH is answered: nothing in that needs what it has not got yet."""
    case = good(role=Role.RESPONDER)
    labels = "INFORMATIONAL request 3", "IKE_AUTH response 2"
    request, answer = (case.message(label).pieces[0].datagram for label in labels)
    others = [each for each in case.datagrams if each is not request]
    at = others.index(answer)
    early = [*others[:at], request, *others[at:]]
    places = zip(early, case.datagrams, strict=True)
    judged = case.with_datagrams(replace(d, frame=p.frame, at=p.at) for d, p in places).judge()
    assert judged.verdict is Verdict.FAIL
    assert "B20" in {finding.requirement for finding in judged.findings}


def policies(case: Case, other: Case) -> Case:
    """The record of the one, with the prediction and the scenario of the other."""
    return replace(case, scenario=other.scenario, expectation=other.expectation)


@pytest.mark.parametrize(("scenario", "other"), [(HYBRID, BLOCKS), (BLOCKS, HYBRID), (HYBRID, SEVEN)])
def test_a_policy_of_another_scenario(role, scenario, other):
    words = "our engine offers other proposals" if role is Role.INITIATOR else "our engine chooses in the"
    if role is Role.RESPONDER and other == SEVEN:
        words = ""  # what it chose is not possible, whoever is asked
    mixed = policies(good(scenario, role=role), good(other, role=role))
    judged = mixed.judge()
    assert judged.verdict is Verdict.INCONCLUSIVE, judged.findings
    assert (words in judged.reason, judged.findings) == (True, ())


def test_another_esp_policy_of_ours(role):
    case, other = good(role=role), good(BLOCKS, role=role)
    ours = replace(case.expectation.of(role), esp=other.expectation.of(role).esp)
    expectation = replace(case.expectation, **{role.value: ours})
    contradicts(replace(case, expectation=expectation), "IKE_AUTH")


@pytest.mark.parametrize("scenario", [HYBRID, REFUSED])
@pytest.mark.parametrize("field", ["peer_report", "peer_report_after"])
def test_a_status_of_another_case(role, scenario, field):
    case, other = good(scenario, role=role), good(BLOCKS, role=role)
    contradicts(case.with_evidence(**{field: other.evidence.peer_report}), "whose SPIs are not in wire.pcapng")


def test_a_status_that_tells_no_spi_may_be_of_any_case(role):
    case = good(role=role)
    report = case.evidence.peer_report
    silent = replace(report.sas[0], initiator_spi=None, responder_spi=None)
    assert case.with_evidence(peer_report=replace(report, sas=(silent,))).judge().verdict is Verdict.PASS


@pytest.mark.parametrize("other", [SEVEN, FRAGMENTS])
def test_a_trace_of_another_scenario(role, other):
    case = good(HYBRID, role=role)
    assert case.with_evidence(trace=good(other, role=role).evidence.trace).judge().verdict is Verdict.INCONCLUSIVE


def test_a_trace_of_another_run_or_role(role):
    case, again = good(BLOCKS, role=role), good("classical/ecp384", role=role)
    trace = tuple(
        next(told for told in again.evidence.trace if told.event == "ChildEstablished")
        if each.event == "ChildEstablished"
        else each
        for each in case.evidence.trace
    )
    assert case.with_evidence(trace=trace).judge().verdict is Verdict.INCONCLUSIVE
    swapped = good(BLOCKS, role=role.other).evidence
    mixed = case.with_evidence(trace=swapped.trace, report=swapped.report)
    assert mixed.judge().verdict is Verdict.INCONCLUSIVE


def with_detail(case: Case, event: str, **detail: str) -> Case:
    entries = case.evidence.trace
    at = next(number for number, entry in enumerate(entries) if entry.event == event)
    changed = replace(entries[at], detail={**entries[at].detail, **detail})
    return case.with_evidence(trace=(*entries[:at], changed, *entries[at + 1 :]))


@pytest.mark.parametrize(
    ("event", "detail", "saying"),
    [
        ("MessageSent", {"datagrams": "77"}, "of 77 octets, sent that trace.jsonl tells of"),
        ("MessageReceived", {"datagrams": "77"}, "of 77 octets, received that trace.jsonl tells of"),
        ("Negotiated", {"suite": "proposal 1: ENCR=null"}, "do not have the same suite of Negotiated"),
        ("Established", {"suite": "proposal 1: ENCR=null"}, "do not have the same suite of Established"),
        ("ChildEstablished", {"suite": "proposal 1: ENCR=null"}, "do not have the same suite of ChildEstablished"),
        ("ChildEstablished", {"local_spi": "01020304"}, "trace.jsonl has local_spi=01020304 of the Child SA"),
        ("ChildEstablished", {"remote_spi": "01020304"}, "trace.jsonl has remote_spi=01020304 of the Child SA"),
    ],
)
def test_a_line_of_the_trace_that_nothing_bears_out(role, event, detail, saying):
    contradicts(with_detail(good(role=role), event, **detail), saying)


def test_a_trace_that_does_not_tell_sizes(role):
    case = good(role=role)
    trace = (replace(e, detail={k: v for k, v in e.detail.items() if k != "datagrams"}) for e in case.evidence.trace)
    assert case.with_evidence(trace=tuple(trace)).judge().verdict is Verdict.PASS


def test_our_word_against_our_word_on_who_sent_it(role):
    """A message that was sent is not one that was received."""
    case = good(role=role)
    other = {"MessageSent": "MessageReceived", "MessageReceived": "MessageSent"}
    trace = tuple(replace(each, event=other.get(each.event, each.event)) for each in case.evidence.trace)
    contradicts(case.with_evidence(trace=trace), "that trace.jsonl tells of")


def moved(which: Callable[[CapturedDatagram], bool]) -> Callable[[CapturedDatagram], CapturedDatagram]:
    def other(datagram: CapturedDatagram) -> CapturedDatagram:
        if not which(datagram):
            return datagram
        ends = datagram.source, datagram.destination
        source, destination = ((ELSEWHERE if address == PEER else address, port) for address, port in ends)
        return replace(datagram, source=source, destination=destination)

    return other


def test_packets_of_a_stranger(role):
    case = good(role=role)
    last = case.datagrams[-1]
    ike, esp = case.datagrams[0], case.esp(from_engine=False)[0]
    for each in (ike, esp):
        foreign = replace(each, source=(ELSEWHERE, each.source[1]), destination=(PEER, each.destination[1]))
        at = replace(foreign, frame=last.frame + 1, at=last.at)
        contradicts(case.with_capture((*case.datagrams, at)), f"packets of {ELSEWHERE}, which is neither side's")


def test_a_peer_that_answers_from_another_address_is_not_a_stranger(role):
    """Our socket has read it: the record is right, and the peer is what is to be judged."""
    case = good(role=role)
    elsewhere = moved(lambda each: each.source[0] == PEER and each.source[1] == 4500)
    judged = case.with_datagrams(map(elsewhere, case.datagrams)).judge()
    assert "neither side's" not in judged.reason


@pytest.mark.parametrize("late", [0, 3, -1])
def test_a_frame_stamped_late(role, late):
    """Order and octets are unchanged: the capture's clock alone is wrong."""
    case = good(role=role)
    stamped = case.esp(from_engine=False)[late]
    for each in (stamped, case.esp(from_engine=True)[late]):
        wire = (replace(d, at=d.at + 60) if d is each else d for d in case.datagrams)
        assert case.with_datagrams(wire).judge().findings == ()


def test_a_clock_that_was_set_back(role):
    case = good(role=role)
    begun = case.datagrams[0].at
    wire = (replace(d, at=begun - 10 * (d.at - begun)) for d in case.datagrams)
    assert case.with_datagrams(wire).judge().findings == ()


def test_a_packet_long_after_the_deletion_is_named(role):
    case = good(role=role)
    last, esp = case.datagrams[-1], case.esp(from_engine=False)[0]
    payload = esp.payload[:4] + (99).to_bytes(4) + esp.payload[8:]
    late = replace(esp, frame=last.frame + 1, at=last.at + 60, payload=payload)
    assert "B29" in {f.requirement for f in case.with_datagrams((*case.datagrams, late)).judge().findings}
    back = replace(late, frame=late.frame + 1, at=last.at - 1)
    again = case.with_datagrams((*case.datagrams, late, back)).judge()
    assert "B29" not in {f.requirement for f in again.findings}


def test_addresses_of_the_builder_are_the_sides():
    assert {side.address for side in good().view.sides} == {ENGINE, PEER}


def test_a_prediction_that_the_products_sheet_does_not_give(tmp_path):
    """Nobody is spared, and nobody is named, for a word in case.json."""
    written(good(HYBRID), HYBRID, Role.INITIATOR, tmp_path)
    scenario, record = good(HYBRID).scenario, json.loads((tmp_path / "case.json").read_text())
    assert judge_folder(tmp_path, scenario, requirements()).verdict is Verdict.PASS
    changes = {"echo": False}, {"unsupported": "it has no ML-KEM"}, {"outcome": "REFUSED"}, {"skipped": "for no reason"}
    for change in changes:
        changed = record | {"expectation": record["expectation"] | change}
        (tmp_path / "case.json").write_text(json.dumps(changed))
        judged = judge_folder(tmp_path, scenario, requirements())
        assert (judged.verdict, judged.findings) == (Verdict.INCONCLUSIVE, ())
        assert "the prediction in case.json contradicts" in judged.reason


def test_echo_in_a_record_without_sheets_spares_nobody(tmp_path):
    """Nobody can say any more whether the product has nothing behind it that answers."""
    case = good(HYBRID)
    unanswered = {each.frame for each in case.esp(from_engine=False)}
    mute = case.with_datagrams(each for each in case.datagrams if each.frame not in unanswered)
    mute = mute.with_echo(replies_received=0)
    for echo, verdict in ((True, Verdict.FAIL), (False, Verdict.INCONCLUSIVE)):
        written(replace(mute, expectation=replace(mute.expectation, echo=echo)), HYBRID, Role.INITIATOR, tmp_path)
        record = json.loads((tmp_path / "case.json").read_text())
        del record["sheets"]
        (tmp_path / "case.json").write_text(json.dumps(record))
        judged = judge_folder(tmp_path, case.scenario, requirements())
        assert judged.verdict is verdict, (judged.reason, judged.findings)


def test_echo_in_a_record_without_sheets_is_no_matter_where_the_verdict_is_the_same(tmp_path):
    case = good(HYBRID)
    for echo in (True, False):
        written(replace(case, expectation=replace(case.expectation, echo=echo)), HYBRID, Role.INITIATOR, tmp_path)
        record = json.loads((tmp_path / "case.json").read_text())
        del record["sheets"]
        (tmp_path / "case.json").write_text(json.dumps(record))
        assert judge_folder(tmp_path, case.scenario, requirements()).verdict is Verdict.PASS


def test_a_sheet_that_is_none(tmp_path):
    written(good(HYBRID), HYBRID, Role.INITIATOR, tmp_path)
    record = json.loads((tmp_path / "case.json").read_text())
    for sheets in ({"responder": {}}, {"initiator": record["sheets"]["responder"]}):
        (tmp_path / "case.json").write_text(json.dumps(record | {"sheets": sheets}))
        judged = judge_folder(tmp_path, good(HYBRID).scenario, requirements())
        assert (judged.verdict, judged.findings) == (Verdict.INCONCLUSIVE, ())
        assert "sheets" in judged.reason


def test_a_scenario_that_is_not_the_cases(tmp_path):
    written(good(HYBRID), HYBRID, Role.INITIATOR, tmp_path)
    judged = judge_folder(tmp_path, good(BLOCKS).scenario, requirements())
    assert judged.verdict is Verdict.INCONCLUSIVE
    assert judged.reason == f"case.json is of the scenario {HYBRID}, scenario.toml is {BLOCKS}"
