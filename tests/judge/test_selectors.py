"""Traffic selectors: their form, and answers that are wider than their offers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from case_builder import PEER_NAME, Case, build, good
from extra_messages import behind, in_front_of, protected
from judging import initiator, objects, passes, responder

from harness.ike.selectors import network_selector
from harness.policy.role import Role
from harness.registry.identities import TrafficSelectorType
from harness.registry.messages import ExchangeType
from harness.results.model import Verdict
from harness.verify.checks.catalogue import CHECKS
from harness.verify.checks.selectors import network_of, within
from harness.wire.message import INITIATOR, Header, Message
from harness.wire.payload import Payload
from harness.wire.payloads import SecurityAssociation, TrafficSelectorsInitiator, TrafficSelectorsResponder
from harness.wire.payloads.traffic_selector import OpaqueSelector, TrafficSelector

CHECK, HYBRID = "selectors-within-the-offer", "hybrid/x25519-mlkem768"
BOTH = (TrafficSelectorsInitiator, TrafficSelectorsResponder)
REQUEST, ANSWER = "IKE_AUTH request 2", "IKE_AUTH response 2"
NET = network_selector("10.0.0.0/8")
LABEL = OpaqueSelector(TrafficSelectorType(10), 0, b"label")


def with_selectors(case: Case, label: str, kind: type, *selectors: TrafficSelector | OpaqueSelector) -> Case:
    return case.rewritten(
        label, lambda old: [replace(p, selectors=selectors) if isinstance(p, kind) else p for p in old]
    )


@pytest.mark.parametrize("scenario", [HYBRID, "classical/modp3072", "esp/transport"])
def test_answers_within_their_offers(role, scenario):
    case = good(scenario, "strongswan-6.1-kernel-esp", role)
    assert case.check("selectors-within-the-offer").objections == ()
    passes(good(HYBRID, role=role), "selectors-within-the-offer")
    assert case.judge().verdict is Verdict.PASS


@pytest.mark.parametrize("kind", BOTH)
@pytest.mark.parametrize(
    ("selector", "saying", "requirement"),
    [
        (network_selector("0.0.0.0/0"), "not within the offer", "B50"),
        (network_selector("192.0.2.0/24"), "not within the offer", "B50"),
        (network_selector("2001:db8::/32"), "not within the offer", "B50"),
        (LABEL, "a selector of type 10, which is not within the offer", "B50"),
        (replace(NET, start=NET.end, end=NET.start), "ends before it begins", "B51"),
        (replace(NET, start_port=80, end_port=80), "no protocol, and the ports 80 to 80", "B51"),
        (replace(NET, protocol=6, start_port=90, end_port=80), "the ports 90 to 80", "B51"),
    ],
)
def test_an_answer_of_another_kind(role, kind, selector, saying, requirement):
    case = with_selectors(good(HYBRID, role=role), ANSWER, kind, selector)
    at = case.message(ANSWER).pointer
    objects(case, "selectors-within-the-offer", saying, party=responder(role), at=at, requirement=requirement)
    assert case.judge().verdict is Verdict.FAIL


@pytest.mark.parametrize("kind", BOTH)
def test_an_offer_of_another_form(role, kind):
    case = with_selectors(good(HYBRID, role=role), REQUEST, kind, replace(NET, start_port=80, end_port=80))
    at = case.message(REQUEST).pointer
    objects(case, CHECK, "ports 80 to 80", party=initiator(role), at=at, requirement="B51")


@pytest.mark.parametrize(("label", "side"), [(REQUEST, initiator), (ANSWER, responder)])
@pytest.mark.parametrize("kind", BOTH)
def test_no_selector_at_all(role, kind, label, side):
    case = good(HYBRID, role=role)
    for none in (
        with_selectors(case, label, kind),
        case.rewritten(label, lambda old: [p for p in old if not isinstance(p, kind)]),
    ):
        at = none.message(label).pointer
        objects(none, CHECK, "no selector in TS", party=side(role), at=at, requirement="B50")


def test_a_narrower_answer_is_no_fault(role):
    case = good(HYBRID, role=role)
    offered = next(p for p in case.message(REQUEST).payloads if isinstance(p, TrafficSelectorsInitiator)).selectors[0]
    assert isinstance(offered, TrafficSelector)
    passes(with_selectors(case, ANSWER, TrafficSelectorsInitiator, replace(offered, protocol=17)), CHECK)


def octets(address: str) -> bytes:
    return bytes(map(int, address.split(".")))


def selector(start: str, end: str, protocol: int = 0, ports: tuple[int, int] = (0, 65535)) -> TrafficSelector:
    kind = TrafficSelectorType.TS_IPV4_ADDR_RANGE
    return TrafficSelector(kind, protocol, *ports, octets(start), octets(end))


LOW, HIGH = selector("10.0.0.0", "10.0.0.127"), selector("10.0.0.128", "10.0.0.255")
WHOLE = selector("10.0.0.0", "10.0.0.255")


@pytest.mark.parametrize(
    ("one", "offered", "expected"),
    [
        (WHOLE, [WHOLE], True),
        (WHOLE, [LOW, HIGH], True),
        (WHOLE, [HIGH, LOW], True),
        (WHOLE, [LOW], False),
        (WHOLE, [LOW, selector("10.0.0.129", "10.0.0.255")], False),
        (WHOLE, [], False),
        (LOW, [WHOLE], True),
        (replace(LOW, protocol=6), [WHOLE], True),
        (LOW, [replace(WHOLE, protocol=6)], False),
        (replace(LOW, protocol=6), [replace(WHOLE, protocol=17)], False),
        (selector("10.0.0.1", "10.0.0.1", 6, (80, 90)), [selector("10.0.0.0", "10.0.0.9", 6, (80, 90))], True),
        (selector("10.0.0.1", "10.0.0.1", 6, (79, 90)), [selector("10.0.0.0", "10.0.0.9", 6, (80, 90))], False),
        (selector("10.0.0.1", "10.0.0.1", 6, (80, 91)), [selector("10.0.0.0", "10.0.0.9", 6, (80, 90))], False),
        (
            selector("10.0.0.1", "10.0.0.1", 6, (80, 99)),
            [selector("10.0.0.0", "10.0.0.9", 6, (80, 90)), selector("10.0.0.0", "10.0.0.9", 6, (91, 99))],
            True,
        ),
        (selector("10.0.0.1", "10.0.0.1", 6, (65535, 0)), [WHOLE], True),
        (selector("10.0.0.1", "10.0.0.1", 6, (65535, 0)), [selector("10.0.0.0", "10.0.0.9", 6, (1, 65535))], False),
        (selector("10.0.0.1", "10.0.0.1", 6), [selector("10.0.0.0", "10.0.0.9", 6, (65535, 0))], False),
        (network_selector("2001:db8::/64"), [network_selector("2001:db8::/32")], True),
        (network_selector("2001:db8::/32"), [network_selector("2001:db8::/64")], False),
        (LABEL, [LABEL], True),
        (LABEL, [WHOLE], False),
        (WHOLE, [LABEL], False),
        (selector("0.0.0.1", "0.0.0.1"), [network_selector("::/0")], False),
        (selector("10.0.0.1", "10.0.0.1", 6, (0, 0)), [WHOLE], True),
        (replace(LOW, protocol=255), [WHOLE], True),
        (selector("10.0.0.9", "10.0.0.1"), [WHOLE], False),
        (LOW, [selector("10.1.0.0", "10.1.0.255"), WHOLE], True),
        (replace(LOW, protocol=17), [selector("10.0.0.0", "10.0.0.63", 6), WHOLE], True),
        (replace(LOW, protocol=6), [selector("10.0.0.0", "10.0.0.63", 17), WHOLE], True),
        (LOW, [replace(HIGH, protocol=6), selector("10.1.0.0", "10.1.0.255", 6), WHOLE], True),
    ],
)
def test_what_is_within(one, offered, expected):
    assert within(one, offered) is expected


@pytest.mark.parametrize("which", ["local_selectors", "remote_selectors"])
def test_our_engine_is_not_blamed_for_refusing_what_is_not_its_policy(which):
    """The two hosts of the case are on record: who asks for others asks for what nobody told it to."""
    case = build(HYBRID, role=Role.RESPONDER, product={which: (network_selector("192.0.2.0/24"),)})
    judged = case.judge()
    assert judged.verdict is Verdict.FAIL
    assert {each.party for each in judged.findings} == {PEER_NAME}
    (finding,) = (each for each in judged.findings if each.check == "came-up-as-predicted")
    assert "answered TS_UNACCEPTABLE" in finding.sentence


def test_it_is_where_the_selectors_are_right():
    """An engine that refuses the very hosts of the case."""
    case = build(HYBRID, role=Role.RESPONDER, engine={"local_selectors": (network_selector("192.0.2.0/24"),)})
    assert {each.party for each in case.judge().findings} == {"engine"}
    facts = case.evidence.facts
    bare = (replace(side, inner="") for side in (facts.initiator, facts.responder))
    unknown = case.with_evidence(facts=replace(facts, **dict(zip(("initiator", "responder"), bare, strict=True))))
    assert {each.party for each in unknown.judge().findings} == {"engine"}


def sent(case: Case, *payloads: Payload, by_engine: bool, **header: Any) -> bytes:
    return protected(case, payloads, by_engine=by_engine, **header)


def test_an_sa_payload_outside_of_what_creates_one_asks_for_no_selectors(role):
    case = good(HYBRID, role=role)
    offer = next(p for p in case.message(REQUEST).payloads if isinstance(p, SecurityAssociation))
    odd = sent(case, offer, by_engine=False, message_id=9)
    passes(behind(case, odd, by_engine=False), CHECK)
    spis = case.evidence.secrets.initiator_spi, case.evidence.secrets.responder_spi
    clear = Message(Header(*spis, ExchangeType.IKE_AUTH, INITIATOR, 9), (offer,)).to_bytes()
    passes(behind(case, clear, by_engine=role is Role.INITIATOR), CHECK)


@pytest.mark.parametrize("kind", BOTH)
def test_a_selector_that_nobody_knows_does_not_hide_the_next_one(role, kind):
    turned = replace(NET, start=NET.end, end=NET.start)
    case = with_selectors(good(HYBRID, role=role), REQUEST, kind, LABEL, turned)
    assert "B51" in {each.requirement for each in case.check(CHECK).objections}


@pytest.mark.parametrize("kind", BOTH)
@pytest.mark.parametrize("ports", [(65535, 0), (80, 80)])
def test_ports_of_a_protocol(role, kind, ports):
    """OPAQUE is written as 65535 to 0, and is no range that ends before it begins (RFC 7296 section 3.13.1)."""
    one = replace(NET, protocol=6, start_port=ports[0], end_port=ports[1])
    asked = with_selectors(good(HYBRID, role=role), REQUEST, kind, one)
    passes(with_selectors(asked, ANSWER, kind, one), CHECK)


def test_an_answer_is_held_against_the_last_offer_before_it(role):
    case = good(HYBRID, role=role)
    by_engine = role is Role.INITIATOR
    options = {"by_engine": by_engine, "exchange": ExchangeType.IKE_AUTH}
    bare = sent(case, message_id=8, **options)
    passes(in_front_of(case, ANSWER, bare, by_engine=by_engine), CHECK)
    elsewhere = [replace(p, selectors=(network_selector("192.0.2.0/24"),)) for p in case.message(REQUEST).payloads
                 if isinstance(p, BOTH)]  # fmt: skip
    later = sent(case, *elsewhere, message_id=9, **options)
    passes(behind(case, later, by_engine=by_engine), CHECK)


def test_a_host_has_every_protocol_and_port():
    assert within(network_of("10.0.0.1"), [WHOLE])
    assert not within(network_of("10.0.0.1"), [replace(WHOLE, protocol=1)])
    assert not within(network_of("10.0.0.1"), [replace(WHOLE, start_port=0, end_port=65534)])


def test_of_what_leaves_too_many_pieces_nobody_is_blamed(monkeypatch):
    holes = [selector(f"10.0.0.{n}", f"10.0.0.{n}", 6, (80, 80)) for n in range(1, 20, 2)]
    assert not within(WHOLE, holes)
    monkeypatch.setattr("harness.verify.checks.selectors._MOST_PIECES", 8)
    assert within(WHOLE, holes)


@pytest.mark.parametrize(("kind", "name"), [(TrafficSelectorsInitiator, "TSi"), (TrafficSelectorsResponder, "TSr")])
def test_an_answer_is_held_against_the_last_of_two_offers(role, kind, name):
    case = good(HYBRID, role=role)
    by_engine = role is Role.INITIATOR
    elsewhere = [replace(p, selectors=(network_selector("192.0.2.0/24"),)) for p in case.message(REQUEST).payloads
                 if isinstance(p, BOTH)]  # fmt: skip
    early = sent(case, *elsewhere, by_engine=by_engine, exchange=ExchangeType.IKE_AUTH, message_id=8)
    passes(in_front_of(case, REQUEST, early, by_engine=by_engine), CHECK)
    wider = with_selectors(case, ANSWER, kind, network_selector("0.0.0.0/0"))
    assert all(f": {name} holds" in each.sentence for each in wider.check(CHECK).objections)


@pytest.mark.parametrize(
    ("start", "end", "words"),
    [
        (bytes((10, 0, 0, 1)), bytes((10, 0, 0, 9)), "10.0.0.1 to 10.0.0.9, protocol 0, ports 0 to 65535"),
        (bytes((0x20, 1, *bytes(13), 1)), bytes((0x20, 1, *bytes(13), 9)), "2001::1 to 2001::9, protocol 0, ports 0"),
        (b"\1\2\3", b"\1\2\4", "010203 to 010204, protocol 0, ports 0"),
    ],
)
def test_a_selector_that_is_wider_is_told_by_its_ends(start, end, words):
    case, wide = good(HYBRID), replace(NET, start=start, end=end, ts_type=TrafficSelectorType(7))
    answer = case.message(ANSWER)
    assert answer.opened is not None
    kept = (p for p in answer.payloads if not isinstance(p, TrafficSelectorsInitiator))
    widened = replace(answer, opened=replace(answer.opened, inner=(*kept, TrafficSelectorsInitiator((wide,)))))
    others = (m for m in case.view.messages if m.label != ANSWER)
    view = replace(case.view, messages=(*others, widened))
    (objection,) = CHECKS[CHECK](view).objections
    assert f"TSi holds {words}" in objection.sentence
