from __future__ import annotations

from dataclasses import replace
from unittest.mock import patch

import pytest
from case_builder import Case, build, flipped, good
from judging import contradicts, initiator, objects, passes, responder

from harness.crypto.key_schedule import after_intermediate, after_sa_init
from harness.policy.role import Role
from harness.registry.notifications import NotifyType
from harness.registry.transforms import KeyExchangeMethod, TransformType
from harness.results.model import Outcome, Verdict
from harness.verify.keys import key_chain
from harness.wire.message import Message
from harness.wire.payloads import KeyExchange, Nonce, Notify, SecurityAssociation, VendorId

CHECK, PLACE = "keys-depend-on-every-exchange", "key-exchanges-in-their-place"
TWO = "multiple-ke/two-with-a-gap"
SCENARIOS = ["classical/x25519", "hybrid/x25519-mlkem768", "multiple-ke/seven", "fragmentation/mlkem1024-at-576"]


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_keys_made_of_every_exchange(role, scenario):
    passes(good(scenario, role=role), CHECK)
    passes(good(scenario, role=role), "key-exchange-sizes")


def fails(case: Case) -> None:
    """Never a PASS, and never an outcome that claims the key exchanges."""
    judgement = case.judge()
    assert judgement.verdict is Verdict.FAIL
    assert judgement.outcome is Outcome.BROKEN
    assert any(finding.check == "came-up-as-predicted" for finding in judgement.findings)


# What both ends may agree on and still be wrong: this is what the product is there to find.
DOCTORED = {
    "the additional secret is left out": lambda schedule, previous, _: after_intermediate(schedule, previous, b""),
    "a constant in its place": lambda schedule, previous, _: after_intermediate(schedule, previous, bytes(32)),
    "the keys stay as they were": lambda schedule, previous, _: replace(previous, generation=previous.generation + 1),
    "the old SK_d is left out": lambda schedule, previous, secret: after_intermediate(
        schedule, replace(previous, sk_d=b""), secret
    ),
    "the secret half as long": lambda schedule, previous, secret: after_intermediate(schedule, previous, secret[:16]),
}


@pytest.mark.parametrize("formula", DOCTORED)
@pytest.mark.parametrize("scenario", ["hybrid/x25519-mlkem768", TWO])
def test_a_secret_that_never_entered_the_keys(role, scenario, formula):
    """Our engine is one of the two that agree with each other alone: the second reader says so, and blames nobody."""
    case = build(scenario, role=role, doctored=patch("harness.ike.states.after_intermediate", DOCTORED[formula]))
    assert case.evidence.report.child_established, "both ends agree with each other"
    assert case.evidence.report.echo.replies_received == 5
    last = len(case.evidence.secrets.shared_secrets)
    label = f"IKE_AUTH request {last}"
    party, where = initiator(role), at(case, label)
    objects(case, CHECK, f"{label} is due", party=party, at=where, requirement="I07")
    contradicts(case, "")


def at(case: Case, words: str) -> str:
    return next(m.pointer for m in case.view.messages if m.label.startswith(words))


def test_ike_auth_under_the_keys_before_the_last_exchange(role):
    case = good(role=role).rewritten("IKE_AUTH request 2", generation=0)
    objects(
        case,
        CHECK,
        "due under the keys after 1 additional key exchanges; the keys of IKE_SA_INIT open it",
        party=initiator(role),
        at="wire.pcapng#5",
        requirement="I07",
    )
    fails(case)


def test_an_intermediate_exchange_under_keys_that_it_should_make(role):
    case = good(TWO, role=role).rewritten("IKE_INTERMEDIATE response 2", generation=2)
    objects(
        case,
        CHECK,
        "under the keys after 1 additional key exchanges; the keys after 2",
        party=responder(role),
        at="wire.pcapng#6",
        requirement="I07",
    )


def test_keys_that_cannot_be_computed(role):
    case = good(role=role).with_secrets(shared_secrets=())
    objects(case, CHECK, "the keys cannot be computed", party="", at="secrets.json")
    assert case.check("opens-with-the-keys-due").objections == ()
    nothing = good(role=role).with_datagrams(())
    objects(nothing, CHECK, "the keys cannot be computed", party="", at="secrets.json")


def test_fewer_secrets_than_methods(role):
    case = good(role=role)
    short = case.with_secrets(shared_secrets=case.evidence.secrets.shared_secrets[:1])
    objects(short, CHECK, "the keys are made of CURVE25519 alone", party="", at="secrets.json", requirement="A06")


def test_a_secret_of_nothing(role):
    """As if both ends used zero: everything fits together, and ML-KEM protects nothing."""
    constant = DOCTORED["a constant in its place"]
    case = build(role=role, doctored=patch("harness.ike.states.after_intermediate", constant))
    first, second = case.evidence.secrets.shared_secrets
    empty = case.with_secrets(shared_secrets=(first, replace(second, secret=bytes(32))))
    objects(empty, CHECK, "secret is zero", party="engine", at="secrets.json", requirement="A06")
    fails(empty)


def test_a_first_secret_used_again_for_the_second(role):
    """As if an engine fed g^ir once more into the keys."""
    first: list[bytes] = []

    def again(schedule, previous, secret):
        return after_intermediate(schedule, previous, first[0])

    def noted(schedule, secret):
        first.append(secret)
        return after_sa_init(schedule, secret)

    with patch("harness.ike.exchanges.sa_init.after_sa_init", noted):
        case = build(role=role, doctored=patch("harness.ike.states.after_intermediate", again))
    one, two = case.evidence.secrets.shared_secrets
    lying = case.with_secrets(shared_secrets=(one, replace(two, secret=one.secret)))
    objects(lying, CHECK, "or another one's", party="engine", at="secrets.json", requirement="A06")
    fails(lying)


def test_nothing_after_the_last_exchange_proves_nothing(role):
    case = good(role=role)
    proven = {m.frame for m in case.view.messages if m.generation == 1}
    cut = case.with_datagrams(d for d in case.datagrams if d.frame not in proven)
    arguments = {"party": "", "at": "wire.pcapng", "requirement": "A06"}
    objects(cut, "keys-depend-on-every-exchange", "no message of each side proves", **arguments)


@pytest.mark.parametrize("scenario", ["hybrid/x25519-mlkem768", TWO])
def test_a_secret_that_the_verifier_leaves_out_as_well(role, scenario):
    """A proof that did not try it would find all in order: every message opens, and the recorded keys are the same."""

    def without_sk_1(suite, nonces, spis, secrets):
        return key_chain(suite, nonces, spis, (secrets[0], b"", *secrets[2:]))

    def left_out(schedule, previous, secret):
        return after_intermediate(schedule, previous, b"" if previous.generation == 0 else secret)

    case = build(scenario, role=role, doctored=patch("harness.ike.states.after_intermediate", left_out))
    with (
        patch("harness.verify.view.key_chain", without_sk_1),
        patch("harness.verify.checks.key_agreement.key_chain", without_sk_1),
    ):
        message = next(m for m in case.view.messages if m.generation == 1)
        saying, party = f"{message.label} still decrypts with the secret of", case.view.sender(message)
        objects(case, CHECK, saying, party=party, at=message.pointer, requirement="A06")
        assert len(case.check(CHECK).objections) == 1


def exchanging(*methods: int):
    def edit(old):
        (ke,) = (p for p in old if isinstance(p, KeyExchange))
        return [p for p in old if p is not ke] + [replace(ke, method=method) for method in methods]

    return edit


@pytest.mark.parametrize("methods", [(), (36, 36), (37,)])
def test_an_intermediate_exchange_with_other_key_exchange_payloads(role, methods):
    case = good(role=role).rewritten("IKE_INTERMEDIATE response 1", exchanging(*methods))
    saying, at = "is to carry one KE", "wire.pcapng#4"
    objects(case, "key-exchanges-in-their-place", saying, party=responder(role), at=at, requirement="A15")


def test_a_first_message_with_a_key_of_another_method(role):
    case = good(role=role).rewritten("IKE_SA_INIT request 0", exchanging(20))
    objects(case, PLACE, "is to carry one KE", party=initiator(role), at="wire.pcapng#1", requirement="B02")


@pytest.mark.parametrize(
    ("label", "side", "wanted"),
    [
        ("IKE_SA_INIT request 0", initiator, 32),
        ("IKE_SA_INIT response 0", responder, 32),
        ("IKE_INTERMEDIATE request 1", initiator, 1184),
        ("IKE_INTERMEDIATE response 1", responder, 1088),
    ],
)
def test_key_exchange_data_of_another_size(role, label, side, wanted):
    shorter = lambda old: [replace(p, data=p.data[:-1]) if isinstance(p, KeyExchange) else p for p in old]  # noqa: E731
    case = good(role=role).rewritten(label, shorter)
    pointer = case.message(label).pointer
    objects(case, "key-exchange-sizes", f"{wanted - 1} octets, not {wanted}", party=side(role), at=pointer)


def test_no_key_exchange_at_all(role):
    """Where nothing was sent there is nothing to measure; that nothing came up, others say."""
    passes(good(role=role).with_datagrams(()), "key-exchange-sizes")


def test_a_choice_without_a_key_exchange_is_not_the_initiators_fault(role):
    def without_ke(payload):
        if not isinstance(payload, SecurityAssociation):
            return payload
        (proposal,) = payload.proposals
        kept = tuple(each for each in proposal.transforms if each.type != TransformType.KE)
        return replace(payload, proposals=(replace(proposal, transforms=kept),))

    chosen = good(role=role).rewritten("IKE_SA_INIT response 0", lambda old: map(without_ke, old))
    passes(chosen, PLACE)


def test_what_opens_with_no_key_where_nothing_came_up(role):
    """Without a tunnel the proof that every exchange entered the keys is not due, and this still is."""
    case = good(role=role)
    passes(case, "opens-with-the-keys-due")
    label = "IKE_AUTH response 2"
    piece = case.message(label).pieces[0].datagram
    garbage = case.changed(piece, replace(piece, payload=flipped(piece.payload, -1)))
    saying = f"{label} is due under the keys after 1 additional key exchanges; none of the keys"
    at = {"party": responder(role), "at": case.message(label).pointer, "requirement": "I07"}
    objects(garbage, "opens-with-the-keys-due", saying, **at)


def test_after_a_deviation_of_ours_nothing_is_said_of_keys():
    case = good("multiple-ke/ciphertext-altered", role=Role.RESPONDER)
    passes(case, "opens-with-the-keys-due")
    assert case.check("keys-differ").objections == ()


def choosing(edit):
    """An answer with other transforms in its one proposal."""

    def changed(old):
        for payload in old:
            if isinstance(payload, SecurityAssociation):
                (proposal,) = payload.proposals
                yield replace(payload, proposals=(replace(proposal, transforms=tuple(edit(proposal.transforms))),))
            else:
                yield payload

    return changed


@pytest.mark.parametrize("label", ["IKE_INTERMEDIATE request 2", "IKE_INTERMEDIATE response 2"])
def test_a_key_exchange_of_which_a_message_is_missing(role, label):
    case = good(TWO, role=role).without(label)
    objects(case, CHECK, "no message carries the KE payload of", party="", at="wire.pcapng", requirement="A06")


def test_a_key_exchange_that_was_not_negotiated(role):
    """The answer lacks the second additional method, and both sides exchange keys by it all the same."""
    last = good(TWO, role=role).view.suite.additional_key_exchanges[-1]
    without_last = choosing(lambda old: [each for each in old if each.identifier != last])
    case = good(TWO, role=role).rewritten("IKE_SA_INIT response 0", without_last)
    for side, label in ((initiator, "IKE_INTERMEDIATE request 2"), (responder, "IKE_INTERMEDIATE response 2")):
        saying, at = f"{label} carries a key exchange that was not negotiated", case.message(label).pointer
        objects(case, PLACE, saying, party=side(role), at=at, requirement="A15")
    assert len(case.check(PLACE).objections) == 2


def test_what_the_responder_chooses_is_not_held_against_the_request(role):
    """The first message has a KE payload of its own choice; the answer takes another method, and has one of that."""

    def other(old):
        chosen = choosing(lambda all_: [replace(t, identifier=20) if t.type == TransformType.KE else t for t in all_])
        return [replace(p, method=20) if isinstance(p, KeyExchange) else p for p in chosen(old)]

    passes(good("classical/x25519", role=role).rewritten("IKE_SA_INIT response 0", other), PLACE)


def test_what_nobody_can_read_is_not_said_to_lack_its_key_exchange(role):
    case = good(role=role)
    datagram = case.message("IKE_INTERMEDIATE response 1").pieces[0].datagram
    passes(case.changed(datagram, replace(datagram, payload=flipped(datagram.payload, -1))), PLACE)


def test_a_request_refuses_nothing(role):
    """An error notification takes the place of a KE payload in responses alone."""
    refusing = lambda _: [Notify(NotifyType.INVALID_SYNTAX)]  # noqa: E731
    passes(good(role=role).rewritten("IKE_INTERMEDIATE response 1", refusing), PLACE)
    case = good(role=role).rewritten("IKE_INTERMEDIATE request 1", refusing)
    saying, at = "IKE_INTERMEDIATE request 1 is to carry one KE payload", case.message("IKE_INTERMEDIATE request 1")
    objects(case, PLACE, saying, party=initiator(role), at=at.pointer, requirement="A15")


def in_clear(case: Case, *payloads):
    """An INFORMATIONAL response in clear behind all others, with the SPIs of the case."""
    last = next(m for m in reversed(case.view.messages) if m.response).pieces[0]
    octets = Message(replace(last.message.header, message_id=9), payloads).to_bytes()
    marker = bytes(4 if 4500 in (last.datagram.source[1], last.datagram.destination[1]) else 0)
    return case.with_datagrams((*case.datagrams, replace(last.datagram, payload=marker + octets)))


UNKNOWN_SPI, VENDOR = Notify(NotifyType.INVALID_IKE_SPI), VendorId(b"somebody")


@pytest.mark.parametrize("payloads", [(UNKNOWN_SPI,), (Notify(NotifyType.INVALID_SPI, bytes(4)), VENDOR)])
def test_a_word_in_clear_that_no_such_sa_is_there_needs_no_keys(role, payloads):
    passes(in_clear(good(role=role), *payloads), CHECK)


@pytest.mark.parametrize(
    "payloads",
    [(), (VENDOR,), (Notify(NotifyType.INVALID_SYNTAX),), (UNKNOWN_SPI, Nonce(bytes(32)))],
    ids=["nothing", "a vendor alone", "another error", "with a nonce"],
)
def test_anything_else_in_clear_does(role, payloads):
    case = in_clear(good(role=role), *payloads)
    (objection,) = case.check(CHECK).objections
    assert (objection.requirement, objection.party) == ("I07", responder(role))
    assert "due under the keys after 1 additional key exchanges; none of the keys" in objection.sentence


def test_a_method_without_a_size_is_passed_over_and_the_one_behind_it_is_not(role):
    """A method of private use has none that could be wrong."""

    def two(old):
        (ke,) = (p for p in old if isinstance(p, KeyExchange))
        return [p for p in old if p is not ke] + [replace(ke, method=65000), replace(ke, data=ke.data[:-1])]

    case = good("classical/x25519", role=role).rewritten("IKE_SA_INIT request 0", two)
    checked = case.check("key-exchange-sizes")
    assert [each.sentence[-20:] for each in checked.objections] == ["has 31 octets, not 32"[-20:]]
    assert checked.detail.endswith("octets: CURVE25519 31, CURVE25519 32")


def test_an_answer_whose_ke_payload_is_not_of_the_method_that_it_chooses(role):
    """The method in a KE payload is one that the SA payload of the same message accepts (B02)."""
    label = "IKE_SA_INIT response 0"

    def another(old):
        return [replace(p, method=KeyExchangeMethod.ECP_256) if isinstance(p, KeyExchange) else p for p in old]

    case = good("classical/x25519", role=role).rewritten(label, another)
    saying = f"{label} is to carry one KE payload, of CURVE25519; it carries ECP_256"
    objects(case, PLACE, saying, party=responder(role), at=at(case, label), requirement="B02")
