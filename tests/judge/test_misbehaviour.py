"""What a deviation of ours looks like on the wire, and what looks nearly so."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest
from case_builder import Case, flipped, good
from extra_messages import behind, protected

from harness.policy.deviation import Deviation
from harness.policy.role import Role
from harness.registry.messages import ExchangeType
from harness.registry.transforms import TransformType
from harness.verify.checks.misbehaviour import deviating, deviation_as_traced
from harness.wire.message import INITIATOR, Header, Message
from harness.wire.payload import Payload
from harness.wire.payloads import Authentication, KeyExchange, Notify, SecurityAssociation, Unknown
from harness.wire.payloads.security_association import Transform

HYBRID, SEVEN, OVERFLOW = "hybrid/x25519-mlkem768", "multiple-ke/seven", "multiple-ke/encapsulation-key-overflow"
ALTERED, EVERYWHERE = "multiple-ke/ciphertext-altered", "errors/unknown-payload-everywhere"
INIT, INIT_ANSWER = "IKE_SA_INIT request 0", "IKE_SA_INIT response 0"
ASKED, ANSWERED = "IKE_INTERMEDIATE request 1", "IKE_INTERMEDIATE response 1"
AUTH, AUTH_ANSWER = "IKE_AUTH request 2", "IKE_AUTH response 2"
INITIATOR_ROLE, RESPONDER = Role.INITIATOR, Role.RESPONDER


def meant(case: Case, deviation: Deviation) -> Case:
    """The case as if its scenario were about this deviation."""
    return replace(case, scenario=replace(case.scenario, deviation=deviation))


def shown(case: Case, deviation: Deviation) -> list[str]:
    return [message.label for message in deviating(meant(case, deviation).view)]


def adding(case: Case, label: str, *payloads: Payload) -> Case:
    return case.rewritten(label, lambda old: [*old, *payloads])


def with_value(case: Case, label: str, data: bytes) -> Case:
    return case.rewritten(label, lambda old: [replace(p, data=data) if isinstance(p, KeyExchange) else p for p in old])


SKIPPED, CRITICAL = Unknown(199, b""), Unknown(200, b"", flags=0x80)


def test_only_what_our_engine_says_in_its_turn_deviates():
    case = good(EVERYWHERE)
    ours = shown(case, Deviation.UNKNOWN_PAYLOAD_EVERYWHERE)
    theirs = adding(case, "IKE_AUTH response 1", SKIPPED)
    assert shown(theirs, Deviation.UNKNOWN_PAYLOAD_EVERYWHERE) == ours
    spis = case.evidence.secrets.initiator_spi, case.evidence.secrets.responder_spi
    clear = Message(Header(*spis, ExchangeType.INFORMATIONAL, INITIATOR, 77), (SKIPPED,)).to_bytes()
    assert shown(behind(case, clear, by_engine=True), Deviation.UNKNOWN_PAYLOAD_EVERYWHERE) == ours
    assert shown(adding(good(HYBRID), AUTH, CRITICAL), Deviation.UNKNOWN_PAYLOAD_EVERYWHERE) == []


def test_without_trace_and_digest_no_altered_ciphertext_is_known():
    case = good(ALTERED, role=RESPONDER).with_evidence(trace=None)
    assert [message.label for message in deviating(case.view)] == [ANSWERED]
    assert deviation_as_traced(case.view).endswith(f"the {ANSWERED} deviate, and trace.jsonl does not tell of it")
    first, *others = case.evidence.secrets.shared_secrets
    some = case.with_secrets(
        shared_secrets=(replace(first, answer_sha256=""), *others)
    )  # not of the method in question
    assert [message.label for message in deviating(some.view)] == [ANSWERED]
    old = tuple(replace(entry, answer_sha256="") for entry in case.evidence.secrets.shared_secrets)
    case = case.with_secrets(shared_secrets=old)
    assert deviating(case.view) == ()
    assert deviation_as_traced(case.view).startswith("the case ended before our deviation")


PLACES = {
    Deviation.CRITICAL_PAYLOAD_IN_IKE_SA_INIT: INIT,
    Deviation.CRITICAL_PAYLOAD_IN_IKE_INTERMEDIATE: ASKED,
    Deviation.CRITICAL_PAYLOAD_IN_IKE_AUTH: AUTH,
}


@pytest.mark.parametrize("deviation", PLACES)
def test_a_critical_payload_is_one_in_a_request_of_its_exchange(deviation):
    case, place = good(HYBRID), PLACES[deviation]
    for label in (INIT, ASKED, AUTH):
        assert shown(adding(case, label, CRITICAL), deviation) == ([label] if label == place else [])
    assert shown(adding(case, place, SKIPPED, CRITICAL, SKIPPED), deviation) == [place]
    assert shown(adding(case, place, SKIPPED), deviation) == []
    answer = place.replace("request", "response")
    assert shown(adding(good(HYBRID, role=RESPONDER), answer, CRITICAL), deviation) == []


KEY, CIPHERTEXT = 1184, 1088  # octets of ML-KEM-768


@pytest.mark.parametrize(
    ("deviation", "octets", "expected"),
    [
        (Deviation.ENCAPSULATION_KEY_SHORT, KEY - 1, True),
        (Deviation.ENCAPSULATION_KEY_SHORT, KEY, False),
        (Deviation.ENCAPSULATION_KEY_SHORT, KEY + 1, False),
        (Deviation.ENCAPSULATION_KEY_LONG, KEY + 1, True),
        (Deviation.ENCAPSULATION_KEY_LONG, KEY, False),
        (Deviation.ENCAPSULATION_KEY_LONG, KEY - 1, False),
    ],
)
def test_an_encapsulation_key_of_another_size(deviation, octets, expected):
    assert bool(shown(with_value(good(HYBRID), ASKED, bytes(octets)), deviation)) is expected
    classical = with_value(good(HYBRID), INIT, bytes(octets))
    assert shown(classical, deviation) == [], "X25519 has no encapsulation key"


@pytest.mark.parametrize(
    ("deviation", "octets", "expected"),
    [
        (Deviation.CIPHERTEXT_SHORT, CIPHERTEXT - 1, True),
        (Deviation.CIPHERTEXT_SHORT, CIPHERTEXT, False),
        (Deviation.CIPHERTEXT_SHORT, CIPHERTEXT + 1, False),
        (Deviation.CIPHERTEXT_LONG, CIPHERTEXT + 1, True),
        (Deviation.CIPHERTEXT_LONG, CIPHERTEXT, False),
        (Deviation.CIPHERTEXT_LONG, CIPHERTEXT - 1, False),
    ],
)
def test_a_ciphertext_of_another_size(deviation, octets, expected):
    case = good(HYBRID, role=RESPONDER)
    assert bool(shown(with_value(case, ANSWERED, bytes(octets)), deviation)) is expected
    assert shown(with_value(case, INIT_ANSWER, bytes(octets)), deviation) == []


def test_a_key_and_a_ciphertext_are_told_by_who_sends_them():
    asking, answering = good(HYBRID), good(HYBRID, role=RESPONDER)
    assert shown(with_value(asking, ASKED, bytes(10)), Deviation.CIPHERTEXT_SHORT) == []
    assert shown(with_value(answering, ANSWERED, bytes(10)), Deviation.ENCAPSULATION_KEY_SHORT) == []


def test_one_of_two_values_is_enough():
    """Though there should be one alone."""
    case = good(HYBRID)
    (value,) = (p for p in case.message(ASKED).payloads if isinstance(p, KeyExchange))
    both = adding(case, ASKED, replace(value, data=value.data[:-1]))
    assert shown(both, Deviation.ENCAPSULATION_KEY_SHORT) == [ASKED]


Q = 3329


def key_with(*coefficients: tuple[int, int], octets: int = KEY) -> bytes:
    """An encapsulation key of zeros but for these coefficients of 12 bits, by their places."""
    packed = sum(value << (12 * place) for place, value in coefficients)
    return packed.to_bytes(octets, "little")


LAST = 3 * 256 - 1


@pytest.mark.parametrize("place", [0, 1, 2, 300, LAST - 1, LAST])
@pytest.mark.parametrize(("value", "expected"), [(Q - 1, False), (Q, True), (4095, True)])
def test_a_coefficient_that_is_not_below_q(place, value, expected):
    """FIPS 203 section 7.2: those of the key, not the seed behind them."""
    key = key_with((place, value))
    assert bool(shown(with_value(good(HYBRID), ASKED, key), Deviation.ENCAPSULATION_KEY_OVERFLOW)) is expected


def test_what_overflows_has_the_size_that_is_due():
    long = key_with((0, Q), octets=KEY + 1)
    assert shown(with_value(good(HYBRID), ASKED, long), Deviation.ENCAPSULATION_KEY_OVERFLOW) == []
    seed = bytes(KEY - 32) + b"\xff" * 32
    assert shown(with_value(good(HYBRID), ASKED, seed), Deviation.ENCAPSULATION_KEY_OVERFLOW) == []


def with_auth(case: Case, label: str, *data: bytes) -> Case:
    """AUTH payloads with these data in the place of the one there is."""

    def edit(payloads):
        (auth,) = (p for p in payloads if isinstance(p, Authentication))
        return [*(p for p in payloads if p is not auth), *(replace(auth, data=each) for each in data)]

    return case.rewritten(label, edit)


def auth_in(case: Case, label: str) -> bytes:
    (auth,) = (p for p in case.message(label).payloads if isinstance(p, Authentication))
    return auth.data


KINDS = (Deviation.INT_AUTH_WRONG, Deviation.INT_AUTH_LEFT_OUT)


@pytest.mark.parametrize("role", list(Role))
def test_an_auth_over_another_int_auth_and_one_over_none(role):
    wrong, left_out = KINDS
    label = AUTH if role is INITIATOR_ROLE else AUTH_ANSWER
    case = good(HYBRID, role=role)
    assert [shown(case, kind) for kind in KINDS] == [[], []]
    turned = with_auth(case, label, flipped(auth_in(case, label)))
    assert [shown(turned, kind) for kind in KINDS] == [[label], []]
    forgetful = good("intermediate/int-auth-left-out", role=role)
    own = [message.label for message in deviating(forgetful.view)]
    assert own == [label]
    assert [shown(forgetful, kind) for kind in (wrong, left_out)] == [[], [label]]


def test_without_an_intermediate_exchange_there_is_no_int_auth_to_leave_out():
    case = good("classical/modp3072")
    turned = with_auth(case, "IKE_AUTH request 1", flipped(auth_in(case, "IKE_AUTH request 1")))
    assert [shown(turned, kind) for kind in KINDS] == [[], []]


def test_the_first_auth_of_a_message_and_of_a_side_counts():
    case = good(HYBRID)
    right = auth_in(case, AUTH)
    assert shown(with_auth(case, AUTH, right, flipped(right)), Deviation.INT_AUTH_WRONG) == []
    assert shown(with_auth(case, AUTH, flipped(right), right), Deviation.INT_AUTH_WRONG) == [AUTH]
    (auth,) = (p for p in case.message(AUTH).payloads if isinstance(p, Authentication))
    identity = [p for p in case.message(AUTH).payloads if not isinstance(p, Authentication)]
    again = protected(
        case, (*identity, replace(auth, data=flipped(right))), by_engine=True, message_id=3,
        exchange=ExchangeType.IKE_AUTH,
    )  # fmt: skip
    assert shown(behind(case, again, by_engine=True), Deviation.INT_AUTH_WRONG) == []


def test_an_auth_of_which_nothing_can_be_told_does_not_deviate():
    """Without the identity nobody knows what it is to cover."""
    case = good(HYBRID)
    (auth,) = (p for p in case.message(AUTH).payloads if isinstance(p, Authentication))
    alone = case.rewritten(AUTH, lambda _old: [replace(auth, data=flipped(auth.data))])
    assert [shown(alone, kind) for kind in KINDS] == [[], []]


def test_two_ciphers_in_the_answer():
    case = good(HYBRID, role=RESPONDER)

    def answer(*lists: tuple[Transform, ...]) -> Case:
        def edit(payloads):
            return [
                replace(p, proposals=tuple(replace(p.proposals[0], transforms=each) for each in lists))
                if isinstance(p, SecurityAssociation)
                else p
                for p in payloads
            ]

        return case.rewritten(INIT_ANSWER, edit)

    (sa,) = (p for p in case.message(INIT_ANSWER).payloads if isinstance(p, SecurityAssociation))
    one = sa.proposals[0].transforms
    cipher = next(t for t in one if t.type == TransformType.ENCR)
    assert shown(answer((*one, cipher)), Deviation.SECOND_TRANSFORM) == [INIT_ANSWER]
    assert shown(answer((*one, cipher), one), Deviation.SECOND_TRANSFORM) == [INIT_ANSWER]
    assert shown(answer(one, (*one, cipher)), Deviation.SECOND_TRANSFORM) == [], "the first one is what is chosen"
    assert shown(answer(), Deviation.SECOND_TRANSFORM) == []


def test_what_is_offered_in_silence_is_so_in_ike_sa_init():
    case = good(HYBRID)
    silent = case.rewritten(INIT, lambda old: [p for p in old if not isinstance(p, Notify)])
    assert shown(silent, Deviation.INTERMEDIATE_UNANNOUNCED) == [INIT]
    assert shown(case, Deviation.INTERMEDIATE_UNANNOUNCED) == []
    (offer,) = (p for p in case.message(INIT).payloads if isinstance(p, SecurityAssociation))
    assert shown(adding(case, AUTH, offer), Deviation.INTERMEDIATE_UNANNOUNCED) == []
    classical = good("classical/modp3072")
    bare = classical.rewritten(INIT, lambda old: [p for p in old if not isinstance(p, Notify)])
    assert shown(bare, Deviation.INTERMEDIATE_UNANNOUNCED) == []


def ciphertexts(case: Case) -> dict[str, KeyExchange]:
    """Those that our engine answers with, by message."""
    answers = (m for m in case.view.messages if m.response and case.view.sender(m) == "engine")
    found = {m.label: p for m in answers for p in m.payloads if isinstance(p, KeyExchange)}
    return {label: value for label, value in found.items() if value.method.is_post_quantum}


@pytest.mark.parametrize(
    "scenario", [HYBRID, SEVEN, "classical/ecp384", "multiple-ke/classical-additional", "pq-only/mlkem512-in-sa-init"]
)
def test_a_ciphertext_that_was_made_with_the_recorded_secret_is_not_altered(scenario):
    assert shown(good(scenario, role=RESPONDER), Deviation.CIPHERTEXT_ALTERED) == []


def test_a_ciphertext_is_that_of_its_own_exchange():
    case = good(SEVEN, role=RESPONDER)
    label, other, *_ = ciphertexts(case)
    same = ciphertexts(case)[label].method
    assert [p.method for p in ciphertexts(case).values()].count(same) == 1
    digest = hashlib.sha256(flipped(ciphertexts(case)[label].data)).hexdigest()
    altered = case.rewritten(
        label, lambda old: [replace(p, data=flipped(p.data)) if isinstance(p, KeyExchange) else p for p in old]
    )
    assert shown(altered, Deviation.CIPHERTEXT_ALTERED) == [label]
    secrets = altered.evidence.secrets.shared_secrets
    at = 1 + case.view.key_exchanges.index(case.message(label).message_id)
    assert secrets[at].answer_sha256 and other
    behind_it = replace(secrets[at + 1], answer_sha256=digest)
    mixed = altered.with_secrets(shared_secrets=(*secrets[: at + 1], behind_it, *secrets[at + 2 :]))
    assert label in shown(mixed, Deviation.CIPHERTEXT_ALTERED)


@pytest.mark.parametrize("scenario", ["multiple-ke/ciphertext-short", "multiple-ke/ciphertext-long"])
def test_a_ciphertext_of_another_length_is_another_deviation(scenario):
    case = good(scenario, role=RESPONDER)
    assert [m.label for m in deviating(case.view)] == [ANSWERED]
    assert shown(case, Deviation.CIPHERTEXT_ALTERED) == []
