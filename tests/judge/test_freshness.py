"""Values that come twice, and padding of another form."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from unittest.mock import patch

import pytest
from all_defects import PLAYED
from case_builder import ENGINE, INNER, PEER, PEER_INNER, PEER_NAME, Case, build, flipped, good
from esp_packets import reply, sealed
from judging import objects, passes, responder
from pair_builder import good_pair

from harness.crypto.aead import IV_OCTETS
from harness.esp import sa as esp_sa
from harness.ike.protected import SecureChannel
from harness.oracle.reaction import Duty, Reaction
from harness.policy.proposals import Suite
from harness.policy.role import Role
from harness.registry.messages import ExchangeType
from harness.results.model import Verdict
from harness.transport.echo import echo_request
from harness.verify.checks.catalogue import CHECKS
from harness.verify.checks.freshness import fresh_values
from harness.verify.view import View
from harness.wire.message import Message
from harness.wire.payloads import Encrypted, KeyExchange, Nonce

FRESH, ESP = "values-are-fresh", "esp-in-its-form"
CHAINED = "vectors are chained in CBC"
HYBRID, CLASSICAL, SEVEN = "hybrid/x25519-mlkem768", "classical/modp3072", "multiple-ke/seven"


@pytest.mark.parametrize("scenario", [HYBRID, CLASSICAL, SEVEN, "fragmentation/mlkem1024-at-576"])
def test_all_is_fresh(role, scenario):
    passes(good(scenario, role=role), "values-are-fresh")
    passes(good(scenario, role=role), "esp-in-its-form")


def test_a_nonce_thrown_back(role):
    case = good(CLASSICAL, role=role)
    ours = next(p for p in case.message("IKE_SA_INIT request 0").payloads if isinstance(p, Nonce))
    label = "IKE_SA_INIT response 0"
    mirrored = case.rewritten(label, lambda old: [ours if isinstance(p, Nonce) else p for p in old])
    at = case.message(label).pointer
    objects(
        mirrored,
        "values-are-fresh",
        "has the nonce of an earlier message",
        party=responder(role),
        at=at,
        requirement="B23",
    )


def test_a_public_value_of_the_peer_twice_in_seven(role):
    case = good(SEVEN, role=role)
    labels = [m.label for m in case.view.messages if m.label.startswith("IKE_INTERMEDIATE response")]
    values = {label: next(p for p in case.message(label).payloads if isinstance(p, KeyExchange)) for label in labels}
    quantum = [label for label, value in values.items() if value.method.is_post_quantum]
    first, second = quantum[0], labels[-1]
    assert first != second
    again = case.rewritten(second, lambda old: [values[first] if isinstance(p, KeyExchange) else p for p in old])
    at = case.message(second).pointer
    objects(again, FRESH, "carries the public value of", party=responder(role), at=at, requirement="M11")


@contextmanager
def constant_vectors():
    """A sender whose IVs are all the same."""
    finish = SecureChannel._finish

    def same(self, prefix, plain, _rng):
        return finish(self, prefix, plain, bytes)

    with patch.object(SecureChannel, "_finish", same):
        yield


def test_an_initialization_vector_again(role):
    case = build(HYBRID, role=role, doctored=constant_vectors())
    found = case.check(FRESH).objections
    assert {each.requirement for each in found} == {"K06"}
    assert {each.party for each in found} >= {PEER_NAME}
    assert case.judge().verdict is Verdict.FAIL


@contextmanager
def chained_vectors():
    """A sender that takes the last block of its last ciphertext for the next IV, as TLS 1.0 did."""
    finish, ends = SecureChannel._finish, {}

    def chained(self, prefix, plain, rng):
        octets = finish(self, prefix, plain, lambda size: ends.get(self.sk_e) or rng(size))
        ends[self.sk_e] = octets[: -self.protection.icv_octets][-self.protection.iv_octets :]
        return octets

    with patch.object(SecureChannel, "_finish", chained):
        yield


def test_the_vectors_of_a_block_cipher_follow_from_nothing_that_was_sent(role):
    found = build(CLASSICAL, role=role, doctored=chained_vectors()).check(FRESH).objections
    assert {each.requirement for each in found} == {"B56"}
    assert all("the last block of an earlier ciphertext" in each.sentence for each in found)
    assert PEER_NAME in {each.party for each in found}
    passes(build(HYBRID, role=role, doctored=chained_vectors()), FRESH)  # of GCM no more is asked than another one


@pytest.mark.parametrize("scenario", [scenario for row, scenario in PLAYED if row.name == CHAINED])
def test_the_vectors_of_esp_follow_from_no_ciphertext(scenario):
    row = next(row for row, name in PLAYED if (row.name, name) == (CHAINED, scenario))
    found = row.play(scenario).check(ESP).objections
    assert {each.requirement for each in found} == {"E10"}
    assert all("the last block of an earlier ciphertext" in each.sentence for each in found)


def test_padding_of_another_form(role):
    case = good(HYBRID, role=role)
    last = case.esp(from_engine=False)[-1]

    def zeros(payload: bytes, next_header: int, _block: int) -> bytes:
        return payload + bytes(6) + bytes((6, next_header))

    with patch.object(esp_sa, "add_trailer", zeros):
        padded = sealed(case, reply(5), last, by_engine=False)
    saying = "padding is 000000000000, not 01, 02, 03"
    at = f"wire.pcapng#{last.frame}"
    objects(padded, "esp-in-its-form", saying, party=PEER_NAME, at=at, requirement="E06")
    assert padded.judge().verdict is Verdict.FAIL


def test_more_padding_than_is_needed_is_no_fault(role):
    case = good(HYBRID, role=role)
    last = case.esp(from_engine=False)[-1]

    def long(payload: bytes, next_header: int, _block: int) -> bytes:
        return payload + bytes(range(1, 43)) + bytes((42, next_header))

    with patch.object(esp_sa, "add_trailer", long):
        padded = sealed(case, reply(5), last, by_engine=False)
    passes(padded, ESP)
    assert padded.judge().verdict is Verdict.PASS


def test_an_esp_packet_with_the_vector_of_another(role):
    case: Case = good(HYBRID, role=role)
    first, second, *_ = case.esp(from_engine=False)
    vector = first.payload[8 : 8 + IV_OCTETS]
    with patch("esp_packets.os.urandom", lambda octets: vector[:octets]):
        again = sealed(case, reply(2), second, by_engine=False)
    at = f"wire.pcapng#{second.frame}"
    objects(again, ESP, "initialization vector of an earlier one", party=PEER_NAME, at=at, requirement="E05")
    assert again.judge().verdict is Verdict.FAIL


def test_our_own_engine_is_held_to_it():
    case = good(HYBRID, role=Role.INITIATOR)
    first, second, *_ = case.esp(from_engine=True)
    with patch("esp_packets.os.urandom", lambda octets: first.payload[8 : 8 + octets]):
        again = sealed(case, echo_request(INNER, PEER_INNER, 7, 2), second, by_engine=True)
    assert {each.party for each in again.check(ESP).objections} == {"engine"}


def begun_again(case: Case) -> Case:
    """The peer begins a second IKE SA with the same public value."""
    offer = next(m for m in case.view.messages if m.label == "IKE_SA_INIT request 0").pieces[0]
    last = case.datagrams[-1]
    again = Message(replace(offer.message.header, initiator_spi=b"\7" * 8), offer.message.payloads)
    late = replace(offer.datagram, frame=last.frame + 1, payload=again.to_bytes(), source=(PEER, 500))
    return case.with_datagrams((*case.datagrams, replace(late, destination=(ENGINE, 500))))


def test_a_public_value_of_ml_kem_in_two_ike_sas():
    case = begun_again(good("pq-only/mlkem512-in-sa-init", role=Role.RESPONDER))
    at = f"wire.pcapng#{case.datagrams[-1].frame}"
    saying = "IKE_SA_INIT of another IKE SA carries the public value of"
    objects(case, FRESH, saying, party=PEER_NAME, at=at, requirement="M11")


def test_one_of_ecdh_may_be_used_again_and_is_told():
    case = begun_again(good("classical/ecp384", role=Role.RESPONDER))
    passes(case, FRESH)
    assert "has used before, as it may" in case.check(FRESH).detail
    assert "used before" not in good("classical/ecp384", role=Role.RESPONDER).check(FRESH).detail


def test_one_of_two_nonces_thrown_back(role):
    case = good(CLASSICAL, role=role)
    ours = next(p for p in case.message("IKE_SA_INIT request 0").payloads if isinstance(p, Nonce))
    two = case.rewritten("IKE_SA_INIT response 0", lambda old: [*old, ours])
    at = case.message("IKE_SA_INIT response 0").pointer
    objects(two, FRESH, "has the nonce of an earlier message", party=responder(role), at=at, requirement="B23")


@pytest.mark.parametrize(("octets", "told"), [(1, False), (15, False), (16, True), (17, True)])
def test_a_nonce_of_one_octet_over_and_over(role, octets, told):
    """One that is too short may be so by chance: its size is another check's."""
    case = good(CLASSICAL, role=role)
    label, same = "IKE_SA_INIT response 0", Nonce(b"\x5a" * octets)
    spoilt = case.rewritten(label, lambda old: [same if isinstance(p, Nonce) else p for p in old])
    if told:
        at = {"party": responder(role), "at": case.message(label).pointer, "requirement": "B23"}
        objects(spoilt, FRESH, "a nonce of nothing but octets 5a", **at)
    else:
        passes(spoilt, FRESH)


def test_a_value_of_diffie_hellman_again_is_allowed(role):
    """RFC 7296 section 2.12."""
    case = good(SEVEN, role=role)
    values = {m.label: p for m in case.view.messages for p in m.payloads if isinstance(p, KeyExchange)}
    first, second, *_ = (label for label, p in values.items() if "response" in label and not p.method.is_post_quantum)
    passes(case.rewritten(second, lambda old: [values[first] if isinstance(p, KeyExchange) else p for p in old]), FRESH)


def test_what_has_no_octets_is_not_twice_the_same(role):
    case = good(HYBRID, role=role)
    empty = lambda old: [replace(p, data=b"") if isinstance(p, KeyExchange) else p for p in old]  # noqa: E731
    for label in ("IKE_INTERMEDIATE request 1", "IKE_INTERMEDIATE response 1"):
        case = case.rewritten(label, empty)
    passes(case, FRESH)


def test_the_same_vector_of_a_block_cipher_each_time_breaks_another_sentence(role):
    """ "A new and randomly generated" one is asked for (RFC 7296 section 3.14)."""
    found = build(CLASSICAL, role=role, doctored=constant_vectors()).check(FRESH).objections
    assert {each.requirement for each in found} == {"B56"}
    assert {each.party for each in found} >= {PEER_NAME}


def test_the_vectors_of_what_does_not_open_prove_nothing(role):
    case = build("classical/x25519", role=role, doctored=constant_vectors())
    assert case.check(FRESH).objections
    for message in case.view.messages:
        if message.protected:
            datagram = message.pieces[0].datagram
            case = case.changed(datagram, replace(datagram, payload=flipped(datagram.payload, -1)))
    passes(case, FRESH)


def test_a_packet_that_does_not_open_is_not_counted(role):
    case = good(HYBRID, role=role)
    first = case.esp(from_engine=False)[0]
    spoiled = case.changed(first, replace(first, payload=flipped(first.payload, -1)))
    assert case.check(ESP).detail.startswith("10 ESP packets")
    assert spoiled.check(ESP).detail.startswith("9 ESP packets")


def test_ike_sas_whose_spis_differ_in_the_last_octet_are_two():
    """Of other IKE SAs beside the one of the case."""
    case = begun_again(good("pq-only/mlkem512-in-sa-init", role=Role.RESPONDER))
    fresh, second = case.datagrams[:-1], case.datagrams[-1]
    offer = Message.parse(second.payload)
    other = tuple(replace(p, data=bytes(len(p.data))) if isinstance(p, KeyExchange) else p for p in offer.payloads)
    both = []
    for number, last in enumerate((b"\1", b"\2")):
        header = replace(offer.header, initiator_spi=b"\7" * 7 + last)
        both.append(replace(second, frame=second.frame + number, payload=Message(header, other).to_bytes()))
    two = case.with_datagrams((*fresh, *both))
    assert [each.pointer for each in two.check(FRESH).objections] == [f"wire.pcapng#{both[1].frame}"]
    again = case.with_datagrams((*fresh, both[0], replace(both[0], frame=both[1].frame)))
    passes(again, FRESH)


def kinds(view: View) -> set[tuple[str, str]]:
    return {(value.party, value.kind) for value in fresh_values(view)}


def test_what_is_made_once_is_told_of_each_side(role):
    view = good(HYBRID, role=role).view
    both = {(party, kind) for party in ("engine", PEER_NAME) for kind in ("nonce", "ML_KEM_768")}
    assert kinds(view) == both and len(fresh_values(view)) == 4
    deviating = replace(view, expectation=replace(view.expectation, reaction=Reaction(Duty.CARRY_ON, "B14")))
    assert kinds(deviating) == both - {("engine", "ML_KEM_768")}  # on purpose our engine may send what it likes
    assert kinds(good(CLASSICAL, role=role).view) == {("engine", "nonce"), (PEER_NAME, "nonce")}


def test_what_a_side_sends_again_is_told_where_it_was_first():
    view = good("denial-of-service/cookie").view
    first = next(m for m in view.messages if m.label == "IKE_SA_INIT request 0")
    (nonce,) = (value for value in fresh_values(view) if (value.party, value.kind) == ("engine", "nonce"))
    assert (nonce.label, nonce.pointer) == (first.label, first.pointer)
    assert len([m for m in view.messages if m.label == first.label]) == 2


def test_a_value_of_each_side_is_told_of_each():
    """One that is thrown back is another check's: here nobody is compared with the other."""
    case = good(CLASSICAL)
    ours = next(p for p in case.message("IKE_SA_INIT request 0").payloads if isinstance(p, Nonce))
    thrown = case.rewritten("IKE_SA_INIT response 0", lambda old: [ours if isinstance(p, Nonce) else p for p in old])
    assert kinds(thrown.view) == {("engine", "nonce"), (PEER_NAME, "nonce")}
    assert len({value.digest for value in fresh_values(thrown.view)}) == 1


def test_without_the_request_no_nonce_is_thrown_back(role):
    passes(good(CLASSICAL, role=role).without("IKE_SA_INIT request 0"), FRESH)


def test_of_two_products_vectors_are_compared_under_known_keys_and_ciphers():
    view = good_pair("pairs/hybrid").view.ike_sas[0]
    auth = next(m for m in view.messages if m.label == "IKE_AUTH request 2")
    piece = auth.pieces[0]
    (*outer, sealed) = piece.message.payloads
    assert isinstance(sealed, Encrypted)
    other = replace(piece.message, payloads=(*outer, replace(sealed, content=flipped(sealed.content, -1))))
    again = replace(auth, pieces=(replace(piece, message=other, octets=flipped(piece.octets, -1)),))

    def vectors(exchange: ExchangeType, suite: Suite | None, later: int = 1, copy: bool = False) -> list[str | None]:
        second = replace(auth, pieces=(replace(piece, octets=flipped(piece.octets, 23)),)) if copy else again
        number = auth.message_id + later
        both = (replace(auth, exchange=exchange), replace(second, exchange=exchange, message_id=number))
        return [each.requirement for each in CHECKS[FRESH](replace(view, messages=both, suite=suite)).objections]

    assert view.suite is not None
    assert vectors(ExchangeType.IKE_AUTH, view.suite) == ["K06"]
    assert vectors(ExchangeType.IKE_INTERMEDIATE, view.suite) == []  # nobody knows which of them made new keys
    assert vectors(ExchangeType.IKE_INTERMEDIATE, view.suite, 0) == ["K06"]  # fragments of one are under the same
    assert vectors(ExchangeType.IKE_SA_INIT, view.suite) == []  # there are no keys yet
    assert vectors(ExchangeType.IKE_AUTH, view.suite, copy=True) == []  # with a number of its own, and sealed alike
    without = replace(view.suite, transforms={k: t for k, t in view.suite.transforms.items() if k.name != "ENCR"})
    assert vectors(ExchangeType.IKE_AUTH, without) == vectors(ExchangeType.IKE_AUTH, None) == []
