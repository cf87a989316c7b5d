"""Who the two say they are: as they were told, and whose fault it is where they are not."""

from __future__ import annotations

from dataclasses import replace

import pytest
from case_builder import PEER_NAME, Case, build, flipped, good
from judging import initiator, objects, passes

from harness.ike.configuration import Identity
from harness.policy.role import Role
from harness.registry.identities import IdentificationType
from harness.results.model import Verdict
from harness.wire.payloads import Authentication, IdentificationInitiator, IdentificationResponder

CHECK = "identity-as-configured"
HYBRID, CLASSICAL = "hybrid/x25519-mlkem768", "classical/modp3072"
FOREIGN = Identity(IdentificationType.ID_FQDN, b"somebody.else.test")


@pytest.mark.parametrize("scenario", [HYBRID, CLASSICAL])
def test_both_are_who_they_were_told_to_be(role, scenario):
    case = good(scenario, role=role)
    passes(case, "identity-as-configured")
    assert "peer.interop.test" in case.check(CHECK).detail and "engine.interop.test" in case.check(CHECK).detail


@pytest.mark.parametrize("scenario", [HYBRID, CLASSICAL])
@pytest.mark.parametrize(
    "identity", [FOREIGN, Identity(IdentificationType.ID_KEY_ID, b"peer.interop.test")], ids=["name", "type"]
)
def test_a_foreign_identity_with_a_right_auth(role, scenario, identity):
    case = build(scenario, role=role, product={"local_identity": identity})
    label = next(m.label for m in case.view.messages if m.label.startswith("IKE_AUTH re") and sent_by_peer(case, m))
    saying = "was told to be peer.interop.test"
    at = case.message(label).pointer
    objects(case, "identity-as-configured", saying, party=PEER_NAME, at=at, requirement="B44")
    judged = case.judge()
    assert judged.verdict is Verdict.FAIL
    assert {each.party for each in judged.findings if each.severity == "fail"} == {PEER_NAME}


def sent_by_peer(case: Case, message) -> bool:
    return case.view.sender(message) == PEER_NAME


def told(case: Case, *, engine: str | None = None, peer: str | None = None) -> Case:
    """``case.json`` with other names."""
    facts = case.evidence.facts
    names = {"engine": engine, PEER_NAME: peer}
    sides = (replace(s, identity=names[s.peer] or s.identity) for s in (facts.initiator, facts.responder))
    initiator, responder = sides
    return case.with_evidence(facts=replace(facts, initiator=initiator, responder=responder))


@pytest.mark.parametrize("changed", [{"engine": "another.test"}, {"peer": "another.test"}])
def test_a_record_of_ours_that_is_wrong_names_nobody(role, changed):
    case = told(good(HYBRID, role=role), **changed)
    objects(
        case, CHECK, "one of our records is wrong", party="", at="case.json", requirement=None, severity="inconclusive"
    )
    assert case.judge().verdict is Verdict.INCONCLUSIVE


def test_a_wrong_record_beside_a_wrong_key_names_nobody(role):
    case = told(good("authentication/wrong-psk", role=role), peer="another.test")
    fails = [each for each in case.check(CHECK).objections if each.severity == "fail"]
    assert fails == []


def test_a_run_of_before_has_no_identities_on_record(role):
    case = good(HYBRID, role=role)
    facts = case.evidence.facts
    bare = replace(
        facts, initiator=replace(facts.initiator, identity=""), responder=replace(facts.responder, identity="")
    )
    passes(case.with_evidence(facts=bare), CHECK)


def test_a_wish_for_another_responder_is_no_identity():
    """The IDr of a request says whom the initiator wants (section 3.5); nobody claims to be that."""
    case = good(HYBRID, role=Role.INITIATOR)
    assert len(case.check(CHECK).objections) == 0


def wrong_auth(case: Case, label: str) -> Case:
    return case.rewritten(
        label, lambda old: [replace(p, data=flipped(p.data)) if isinstance(p, Authentication) else p for p in old]
    )


def test_our_own_name_is_doubted_whatever_auth_is(role):
    """Our engine says what it was told; the record differs, and no product is asked."""
    case = told(good(CLASSICAL, role=role), engine="another.test")
    label = "IKE_AUTH request 1" if role is Role.INITIATOR else "IKE_AUTH response 1"
    for each in (wrong_auth(case, label), case.with_report(established=False)):
        (objection,) = each.check(CHECK).objections
        assert (objection.party, objection.severity) == ("", "inconclusive")
        assert "engine.interop.test of type ID_FQDN" in objection.sentence


@pytest.mark.parametrize(("name", "party"), [(b"somebody.else.test", ""), (b"peer.interop.test", PEER_NAME)])
def test_whom_we_asked_for_tells_whether_our_record_is_wrong(name, party):
    """As initiator our engine may say whom it wants (RFC 7296 section 3.5)."""
    case = build(CLASSICAL, product={"local_identity": FOREIGN}, engine={"remote_identity": FOREIGN})
    assert case.evidence.report.established
    wish = IdentificationResponder(IdentificationType.ID_FQDN, name)
    kept = lambda old: [*(p for p in old if not isinstance(p, IdentificationResponder)), wish]  # noqa: E731
    asked = case.rewritten("IKE_AUTH request 1", kept).with_report(established=False)
    (objection,) = asked.check(CHECK).objections
    assert objection.party == party


@pytest.mark.parametrize(
    ("kind", "data", "words"),
    [
        (IdentificationType.ID_IPV4_ADDR, bytes((192, 0, 2, 1)), "192.0.2.1"),
        (IdentificationType.ID_IPV6_ADDR, bytes((0x20, 1, *bytes(13), 1)), "2001::1"),
        (IdentificationType.ID_IPV4_ADDR, b"abc", "abc"),  # no address has three octets, or five
        (IdentificationType.ID_IPV4_ADDR, b"abcde", "abcde"),
        (IdentificationType.ID_FQDN, b"host", "host"),
        (IdentificationType.ID_FQDN, b"", "empty"),
        (IdentificationType.ID_KEY_ID, b"\xff\x00", "0xff00"),
        (IdentificationType.ID_KEY_ID, b"a\x07", "0x6107"),
    ],
)
def test_an_identity_is_told_as_what_it_is(kind, data, words):
    case = build(CLASSICAL, product={"local_identity": Identity(kind, data)})
    (objection,) = case.check(CHECK).objections
    assert f"IDr is {words} of type {kind};" in objection.sentence


def test_a_second_identity_beside_the_right_one_is_looked_at_too():
    case = good(HYBRID, role=Role.RESPONDER)
    other = IdentificationInitiator(IdentificationType.ID_FQDN, b"somebody.else.test")
    twice = case.rewritten("IKE_AUTH request 2", lambda old: [*old, other])
    assert "somebody.else.test" in {w for o in twice.check(CHECK).objections for w in o.sentence.split()}


def test_a_right_name_behind_one_whose_auth_is_wrong_is_told():
    case = good(HYBRID)
    label = "IKE_AUTH response 2"
    other = IdentificationResponder(IdentificationType.ID_FQDN, b"somebody.else.test")
    twice = wrong_auth(case, label).rewritten(label, lambda old: [other, *old])
    checked = twice.check(CHECK)
    assert (checked.objections, checked.detail.endswith(f"; {PEER_NAME} is peer.interop.test")) == ((), True)


def named(kind, data: bytes = b"early.test", id_type: int = 2):
    return kind(IdentificationType(id_type), data)


@pytest.mark.parametrize("kind", [IdentificationInitiator, IdentificationResponder])
def test_an_identity_that_is_told_early_is_that_of_ike_auth(role, kind):
    """RFC 9593 section 3.1: in IKE_INTERMEDIATE, by the initiator."""
    case, early, later = good(HYBRID, role=role), "IKE_INTERMEDIATE request 1", "IKE_AUTH request 2"
    own = [p for p in case.message(later).payloads if isinstance(p, kind)]
    assert bool(own) or kind is IdentificationResponder
    passes(case.rewritten(early, lambda old: [*old, *own]), CHECK)
    other = case.rewritten(early, lambda old: [*old, named(kind)])
    at = {"party": initiator(role), "at": other.message(early).pointer, "requirement": "S05"}
    objects(other, CHECK, f"is not the one of {later}", **at)
    both = other.rewritten(later, lambda old: [named(kind) if isinstance(p, kind) else p for p in old])
    if own:
        assert "S05" not in {each.requirement for each in both.check(CHECK).objections}
    answer = case.rewritten("IKE_INTERMEDIATE response 1", lambda old: [*old, named(kind)])
    assert "S05" not in {each.requirement for each in answer.check(CHECK).objections}
    unread = other.changed(
        datagram := other.message(later).pieces[0].datagram, replace(datagram, payload=flipped(datagram.payload, -1))
    )
    assert "S05" not in {each.requirement for each in unread.check(CHECK).objections}
