"""Capture, trace, sockets, secrets and reports of one case contradict each other: INCONCLUSIVE, and nobody is named."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest
from case_builder import Case, flipped, good
from judging import contradicts

from harness.evidence.model import KeyGeneration, SocketDatagram, TraceEntry
from harness.results.model import Verdict
from harness.verify.checks.second_reading import read_otherwise
from harness.verify.checks.witnesses import not_captured

TWO, BLOCKS, REFUSED = "multiple-ke/two-with-a-gap", "classical/modp3072", "authentication/wrong-psk"
SCENARIOS = [TWO, BLOCKS, REFUSED, "multiple-ke/seven", "fragmentation/mlkem1024-at-576", "denial-of-service/cookie"]


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_one_story(role, scenario):
    view = good(scenario, role=role).view
    assert not_captured(view) == ""
    assert read_otherwise(view) == ""


@pytest.mark.parametrize("index", [0, 1, 2])
def test_a_recorded_shared_secret_of_other_octets(role, index):
    case = good(TWO, role=role)
    secrets = list(case.evidence.secrets.shared_secrets)
    for place in (0, len(secrets[index].secret) - 1):
        altered = replace(secrets[index], secret=flipped(secrets[index].secret, place))
        flawed = case.with_secrets(shared_secrets=(*secrets[:index], altered, *secrets[index + 1 :]))
        contradicts(flawed, "does not open with secrets.json")


@pytest.mark.parametrize("name", [field.name for field in fields(KeyGeneration)])
@pytest.mark.parametrize("generation", [0, 1])
def test_a_recorded_key_of_other_octets(role, generation, name):
    case = good(BLOCKS if generation == 0 else "hybrid/x25519-mlkem768", role=role)
    generations = list(case.evidence.secrets.generations)
    octets = getattr(generations[generation], name)
    flawed = flipped(octets) if octets else b"\1"
    generations[generation] = replace(generations[generation], **{name: flawed})
    altered = case.with_secrets(generations=tuple(generations))
    contradicts(altered, f"{name} of generation {generation} in secrets.json do not follow")


def test_what_is_not_recorded(role):
    case = good(role=role)
    contradicts(case.with_secrets(generations=case.evidence.secrets.generations[:1]), "1 generations of keys for 2")
    for count in (0, 1):
        short = case.with_secrets(shared_secrets=case.evidence.secrets.shared_secrets[:count])
        contradicts(short, "does not open with secrets.json")
    contradicts(case.with_secrets(children=()), "secrets.json has 0 Child SAs")
    for field in ("int_auth_initiator", "int_auth_responder"):
        contradicts(case.with_secrets(**{field: ()}), "secrets.json has 0 values IntAuth_")


@pytest.mark.parametrize("secret", [b"", bytes(32)])
def test_a_secret_of_nothing(role, secret):
    first, second = good(role=role).evidence.secrets.shared_secrets
    empty = good(role=role).with_secrets(shared_secrets=(first, replace(second, secret=secret)))
    contradicts(empty, "does not open with secrets.json")


def test_methods_recorded_in_another_order(role):
    case = good(TWO, role=role)
    first, second, third = case.evidence.secrets.shared_secrets
    swapped = (first, replace(second, method=third.method), replace(third, method=second.method))
    contradicts(case.with_secrets(shared_secrets=swapped), "for another suite than wire.pcapng")


@pytest.mark.parametrize("field", ["int_auth_initiator", "int_auth_responder"])
def test_a_recorded_int_auth_of_other_octets(role, field):
    case = good(TWO, role=role)
    for number in range(2):
        values = list(getattr(case.evidence.secrets, field))
        values[number] = flipped(values[number])
        contradicts(case.with_secrets(**{field: tuple(values)}), "is not what the messages in wire.pcapng give")


def test_another_pre_shared_key_in_the_record(role):
    contradicts(good(role=role).with_secrets(psk=b"quite another one"), "does not fit secrets.json and wire.pcapng")


@pytest.mark.parametrize(
    "name", ["initiator_encryption", "initiator_integrity", "responder_encryption", "responder_integrity"]
)
def test_a_recorded_child_key_of_other_octets(role, name):
    case = good(BLOCKS, role=role)
    child = case.evidence.secrets.children[0]
    flawed = case.with_secrets(children=(replace(child, **{name: flipped(getattr(child, name), -1)}),))
    contradicts(flawed, f"{name} of the Child SA in secrets.json do not follow from SK_d")


@pytest.mark.parametrize("name", ["initiator_spi", "responder_spi"])
def test_a_recorded_child_sa_other_than_on_the_wire(role, name):
    case = good(role=role)
    child = case.evidence.secrets.children[0]
    flawed = case.with_secrets(children=(replace(child, **{name: flipped(getattr(child, name))}),))
    contradicts(flawed, "secrets.json has another Child SA than wire.pcapng")


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_capture_of_other_octets(role, scenario):
    """Whatever it is, in clear or not, needed for the keys or not: our socket has seen something else."""
    case = good(scenario, role=role)
    for datagram in case.datagrams:
        for place in (0, len(datagram.payload) // 2, -1):
            changed = replace(datagram, payload=flipped(datagram.payload, place))
            damaged = case.with_capture(changed if each is datagram else each for each in case.datagrams)
            assert damaged.judge().verdict is Verdict.INCONCLUSIVE
            assert damaged.judge().findings == ()


def test_a_datagram_that_only_one_of_the_two_has(role):
    case = good(REFUSED, role=role)
    last = case.datagrams[-1]
    contradicts(case.with_capture(each for each in case.datagrams if each is not last), "wire.pcapng lacks the ")
    seen = case.evidence.datagrams
    contradicts(case.with_evidence(datagrams=seen[:-1]), "engine/sas.json counts")
    contradicts(case.with_evidence(datagrams=None), "engine/sas.json counts")
    own = next(number for number, each in enumerate(seen) if each.sent)
    told = (*seen[:own], *seen[own + 1 :], replace(seen[own], sent=False))
    assert case.with_evidence(datagrams=told).judge().verdict is Verdict.INCONCLUSIVE
    unknown = (*seen[:own], *seen[own + 1 :])
    contradicts(
        case.with_evidence(datagrams=unknown).with_report(datagrams=len(unknown)),
        "engine/datagrams.jsonl lacks the datagram of our engine in frame",
    )


def test_what_still_comes_for_the_case_before_is_not_missed(role):
    """Our address was another case's: a raw socket gets the ESP that its peer still sends there."""
    case = good(role=role)
    late = SocketDatagram.of(bytes(152), 0, ("203.0.113.13", 0), sent=False)
    told = (late, *case.evidence.datagrams)
    with_it = case.with_evidence(datagrams=told).with_report(datagrams=len(told))
    assert with_it.judge().verdict is Verdict.PASS
    received = next(each for each in case.evidence.datagrams if not each.sent)
    moved = tuple(replace(e, other=("203.0.113.13", 500)) if e is received else e for e in case.evidence.datagrams)
    contradicts(case.with_evidence(datagrams=moved), "a datagram of 203.0.113.13 that wire.pcapng has of another")


def test_a_record_of_before_has_no_datagrams(role):
    old = good(role=role).with_evidence(datagrams=None).with_report(datagrams=None)
    assert old.judge().verdict is Verdict.PASS


@pytest.mark.parametrize(
    ("change", "saying"),
    [
        ({"established": False}, "trace.jsonl has Established, and engine/sas.json says nothing of it"),
        ({"child_established": False}, "trace.jsonl has ChildEstablished"),
        ({"negotiated": None}, "trace.jsonl has Negotiated"),
        ({"closed_kind": ""}, "trace.jsonl has Closed"),
        ({"closed_kind": "misbehaved"}, "trace.jsonl says of the end of the IKE SA kind=deleted"),
        ({"closed_by_peer": None}, "trace.jsonl says of the end of the IKE SA by_peer="),
        ({"closed_reason": "another"}, "trace.jsonl says of the end of the IKE SA reason="),
        ({"timed_out": "another word"}, "trace.jsonl has no OutOfTime, and engine/sas.json says so"),
    ],
)
def test_a_report_that_the_trace_does_not_bear_out(role, change, saying):
    contradicts(good(role=role).with_report(**change), saying)


def test_what_was_awaited_in_vain_is_the_same_in_both(role):
    case = good(role=role).awaiting("the peer's status")
    contradicts(case.with_report(timed_out="another word"), "of what was awaited in vain")


@pytest.mark.parametrize("field", ["suite", "negotiated", "child_suite"])
def test_a_suite_that_was_not_answered(role, field):
    other = good(BLOCKS, role=role).evidence.report
    contradicts(good(role=role).with_report(**{field: getattr(other, field)}), f"{field} of engine/sas.json is not")


def test_more_than_the_wire_shows(role):
    case = good(REFUSED, role=role)
    believing = told(case, "Established").with_report(established=True)
    contradicts(believing, "engine/sas.json says that the IKE SA stood")


def told(case: Case, event: str) -> Case:
    return case.with_evidence(trace=(*case.evidence.trace, TraceEntry(9.0, event, {})))


def test_a_record_without_the_state_of_our_engine(role):
    contradicts(good(role=role).with_report(state=""), "engine/sas.json has no state for our engine")


def test_a_tunnel_of_which_our_side_knows_nothing(role):
    case = good(role=role)
    silent = ("ChildEstablished", "Closed")
    trace = tuple(entry for entry in case.evidence.trace if entry.event not in silent)
    forgetful = case.with_evidence(trace=trace).with_secrets(children=())
    nothing = {"child_established": False, "closed_kind": "", "echo": replace(case.evidence.report.echo)}
    contradicts(forgetful.with_report(**nothing, state="Standing"), "tells neither of it nor of an end")
