"""What our engine recorded, against what the second reader makes of the wire: both are ours, so nobody else is named.

Where they disagree, the record was damaged or one of the two readers errs. Then nothing can be said of the peer.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields

from harness.crypto.errors import MethodUnavailable
from harness.evidence.model import ChildSecrets, KeyGeneration, TraceEntry
from harness.policy.role import Role
from harness.registry.messages import ExchangeType
from harness.verify.checks.authentication import auth_fits_some_first_message, auth_of, chained
from harness.verify.checks.misbehaviour import deviating
from harness.verify.checks.own_policy import of_another_policy
from harness.verify.keys import ChildKeys, child_keys
from harness.verify.view import View
from harness.verify.wire import spelled

_REPORT, _SECRETS, _TRACE = "engine/sas.json", "secrets.json", "trace.jsonl"
_GONE = "Gone"  # the state in which no IKE SA is left to our engine


def read_otherwise(view: View) -> str:
    """The first contradiction among the capture, our secrets, our trace and our report, in words; "" for none."""
    if other := of_another_policy(view):
        return other
    for contradictions in (_report_and_trace, _report_and_wire, _keys, _int_auth, _child, _auth, _traced):
        for words in contradictions(view):
            return words
    return ""


def _report_and_trace(view: View) -> Iterator[str]:
    """The report is made of the events in the trace."""
    report, trace = view.report, view.evidence.trace or ()
    last = {entry.event: entry for entry in trace}
    for event, said in (
        ("Negotiated", report.negotiated is not None),
        ("Established", report.established),
        ("ChildEstablished", report.child_established),
        ("Closed", bool(report.closed_kind)),
        ("OutOfTime", bool(report.timed_out)),
    ):
        if (event in last) != said:
            has = "has" if event in last else "has no"
            yield f"{_TRACE} {has} {event}, and {_REPORT} says {'so' if said else 'nothing of it'}"
    if not report.state or (report.state == _GONE) != bool(report.closed_kind):
        end = f"an end, {report.closed_kind}" if report.closed_kind else "no end"
        yield f"{_REPORT} has {report.state or 'no state'} for our engine, and tells of {end}"
    if "Closed" in last:
        yield from _closed(view, last["Closed"])
    if "OutOfTime" in last and last["OutOfTime"].detail.get("awaited") != report.timed_out:
        yield f"{_TRACE} and {_REPORT} do not say the same of what was awaited in vain"


def _closed(view: View, entry: TraceEntry) -> Iterator[str]:
    report = view.report
    said = {"kind": report.closed_kind, "by_peer": str(report.closed_by_peer), "reason": report.closed_reason}
    for name, value in said.items():
        if entry.detail.get(name) != value:
            yield f"{_TRACE} says of the end of the IKE SA {name}={entry.detail.get(name)}, {_REPORT} {value}"


def _report_and_wire(view: View) -> Iterator[str]:
    """What our engine says that it agreed on is on the wire."""
    report, child = view.report, view.child
    if report.established and not view.established:
        yield f"{_REPORT} says that the IKE SA stood, and wire.pcapng has no IKE_AUTH response with AUTH that opens"
    if report.child_established and child is None:
        yield f"{_REPORT} says that the Child SA stood, and wire.pcapng does not show that it was agreed on"
    for name, ours, seen in (
        ("suite", report.suite, view.suite),
        ("negotiated", report.negotiated, view.suite),
        ("child_suite", report.child_suite, child.suite if child is not None and report.child_established else None),
    ):
        if ours is not None and seen is not None and ours != seen:
            yield f"{name} of {_REPORT} is not what was answered in wire.pcapng"
    if view.child_established and not report.child_established and not (report.closed_kind or report.timed_out):
        yield f"wire.pcapng shows a Child SA, and {_REPORT} tells neither of it nor of an end"


def _keys(view: View) -> Iterator[str]:
    """The recorded SK_d to SK_pr, and the methods of the recorded secrets."""
    if view.chain is None or view.suite is None:
        return
    due = [view.suite.key_exchange, *view.suite.additional_key_exchanges]
    methods = [entry.method for entry in view.secrets.shared_secrets]
    if methods != due[: len(methods)]:
        yield f"{_SECRETS} has secrets of {', '.join(map(str, methods))} for another suite than wire.pcapng"
    names = [field.name for field in fields(KeyGeneration)]
    recorded, computed = view.secrets.generations, view.chain.generations
    if len(recorded) != len(computed):
        yield f"{_SECRETS} has {len(recorded)} generations of keys for {len(computed)} shared secrets"
    for number, (theirs, ours) in enumerate(zip(recorded, computed, strict=False)):
        wrong = [name for name in names if getattr(theirs, name) != getattr(ours, name)]
        if wrong:
            yield f"{', '.join(wrong)} of generation {number} in {_SECRETS} do not follow from its shared secrets"


def _int_auth(view: View) -> Iterator[str]:
    """The recorded IntAuth, as far as it goes: a peer may refuse in the middle of an exchange."""
    if view.chain is None:
        return
    for initiator, recorded in ((True, view.secrets.int_auth_initiator), (False, view.secrets.int_auth_responder)):
        computed, name = chained(view, initiator=initiator), "IntAuth_i" if initiator else "IntAuth_r"
        both = min(len(recorded), len(computed))
        if list(recorded[:both]) != computed[:both]:
            yield f"{name} in {_SECRETS} is not what the messages in wire.pcapng give"
        elif view.find(ExchangeType.IKE_AUTH, response=False) and len(recorded) != len(computed):
            yield f"{_SECRETS} has {len(recorded)} values {name}, the messages in wire.pcapng give {len(computed)}"


def _child(view: View) -> Iterator[str]:
    """The recorded Child SA and its keys."""
    child, chain, records = view.child, view.chain, view.secrets.children
    if view.report.child_established != bool(records):
        yield f"{_SECRETS} has {len(records)} Child SAs, and {_REPORT} says {view.report.child_established} of one"
    if child is None or chain is None or not records or not view.report.child_established:
        return
    try:
        keys, _ = child_keys(chain, child.suite)
    except MethodUnavailable:
        return
    agreed = (child.initiator_spi, child.responder_spi, child.suite)
    if (records[0].initiator_spi, records[0].responder_spi, records[0].suite) != agreed:
        yield f"{_SECRETS} has another Child SA than wire.pcapng"
    elif wrong := _wrong_keys(records[0], keys):
        yield f"{wrong} of the Child SA in {_SECRETS} do not follow from SK_d"


def _wrong_keys(record: ChildSecrets, keys: ChildKeys) -> str:
    return ", ".join(f.name for f in fields(ChildKeys) if getattr(record, f.name) != getattr(keys, f.name))


def _auth(view: View) -> Iterator[str]:
    """Our engine made one AUTH, and took the other one where it says that the IKE SA stands: both are right then."""
    ours = view.party(initiator=True) == "engine"
    spoilt = {message.frame for message in deviating(view) if message.exchange == ExchangeType.IKE_AUTH}
    for initiator in (True, False):
        found = auth_of(view, initiator=initiator)
        if found is None or found.frame in spoilt or view.chain is None:
            continue
        own = initiator == ours
        if (own or view.report.established) and not auth_fits_some_first_message(view, initiator=initiator):
            word = "made" if own else "took for right"
            yield f"AUTH of the {found.label}, which our engine {word}, does not fit {_SECRETS} and wire.pcapng"


def _traced(view: View) -> Iterator[str]:
    """Suites and the SPIs of the Child SA, as the trace spells them."""
    report, last = view.report, {entry.event: entry.detail for entry in view.evidence.trace or ()}
    for event, suite in (
        ("Negotiated", report.negotiated),
        ("Established", report.suite),
        ("ChildEstablished", report.child_suite),
    ):
        told = last.get(event, {}).get("suite")
        if told is not None and suite is not None and told != f"proposal {suite.proposal_number}: {spelled(suite)}":
            yield f"{_TRACE} and {_REPORT} do not have the same suite of {event}"
    for child in view.secrets.children[:1]:
        spis = child.initiator_spi.hex(), child.responder_spi.hex()
        here, there = spis if view.role is Role.INITIATOR else spis[::-1]
        for name, spi in (("local_spi", here), ("remote_spi", there)):
            told = last.get("ChildEstablished", {}).get(name, spi)
            if told != spi:
                yield f"{_TRACE} has {name}={told} of the Child SA, and {_SECRETS} {spi}"
