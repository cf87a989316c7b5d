"""Our record against what the second reader makes of the wire: which contradiction is told, and where there is none."""

from __future__ import annotations

from dataclasses import replace

from case_builder import Case, build, flipped, good

from harness.policy.role import Role
from harness.verify.checks.second_reading import read_otherwise
from harness.wire.payloads import Authentication, SecurityAssociation

HYBRID, CLASSICAL, WRONG_PSK = "hybrid/x25519-mlkem768", "classical/modp3072", "authentication/wrong-psk"
REQUEST, RESPONSE = "IKE_AUTH request 2", "IKE_AUTH response 2"


def without(case: Case, label: str, kind: type) -> Case:
    return case.rewritten(label, lambda old: [p for p in old if not isinstance(p, kind)])


def wrong(case: Case, label: str) -> Case:
    return case.rewritten(
        label, lambda old: [replace(p, data=flipped(p.data)) if isinstance(p, Authentication) else p for p in old]
    )


def test_a_record_without_a_trace_has_none_of_its_events(role):
    words = read_otherwise(good(HYBRID, role=role).with_evidence(trace=None).view)
    assert words == "trace.jsonl has no Negotiated, and engine/sas.json says so"


def test_a_child_sa_that_the_wire_does_not_show(role):
    words = read_otherwise(without(good(HYBRID, role=role), RESPONSE, SecurityAssociation).view)
    assert words == (
        "engine/sas.json says that the Child SA stood, and wire.pcapng does not show that it was agreed on"
    )


def test_an_engine_that_waited_in_vain_has_told_of_an_end():
    """As initiator it may not have heard the answer that the wire has."""
    case = good(HYBRID)
    gone = {"Established", "ChildEstablished", "Closed"}
    trace = tuple(entry for entry in case.evidence.trace if entry.event not in gone)
    report = {"established": False, "child_established": False, "child_suite": None, "closed_kind": "",
              "state": "AuthSent", "closed_reason": "", "closed_by_peer": False, "suite": None}  # fmt: skip
    lost = case.with_evidence(trace=trace).with_report(**report).with_secrets(children=())
    assert read_otherwise(lost.view).endswith("tells neither of it nor of an end")
    assert read_otherwise(lost.awaiting("an answer").view) == ""


def test_int_auth_is_counted_as_soon_as_ike_auth_is_asked():
    """The peer falls silent then: its answer is not on the wire."""
    silent = build(
        HYBRID, tamper=lambda datagram, by_engine: [datagram.payload] if by_engine or before(datagram) else []
    )
    assert read_otherwise(silent.view) == ""
    words = read_otherwise(silent.with_secrets(int_auth_responder=()).view)
    assert words == "secrets.json has 0 values IntAuth_r, the messages in wire.pcapng give 1"


def before(datagram) -> bool:
    """Whether it is of IKE_SA_INIT (34) or IKE_INTERMEDIATE (43)."""
    octets = datagram.payload.removeprefix(bytes(4))
    return octets[18] in (34, 43)


def test_the_auth_of_either_side_is_looked_at():
    for role, label, word in ((Role.INITIATOR, RESPONSE, "took for right"), (Role.RESPONDER, RESPONSE, "made")):
        words = read_otherwise(wrong(good(HYBRID, role=role), label).view)
        assert words.startswith(f"AUTH of the {label}, which our engine {word}")


def test_an_auth_that_is_not_there_does_not_hide_the_other_one(role):
    case = wrong(without(good(HYBRID, role=role), REQUEST, Authentication), RESPONSE)
    assert read_otherwise(case.view).startswith(f"AUTH of the {RESPONSE}")


def test_our_own_auth_is_right_even_where_it_is_refused():
    case = good(WRONG_PSK)
    assert read_otherwise(case.view) == ""
    assert read_otherwise(wrong(case, "IKE_AUTH request 1").view).startswith("AUTH of the IKE_AUTH request 1")
