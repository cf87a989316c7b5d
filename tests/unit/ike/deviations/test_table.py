"""A deviating engine against our own: the honest side must notice each deviation, and say whose fault it is."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from engine_arrows import arrows, assert_established, closed
from engine_pair import EnginePair, pair, policy, run

from harness.ike.deviations.table import DEVIATIONS
from harness.ike.events import Deviated, Established, Ignored
from harness.ike.states import Standing
from harness.policy.deviation import Deviation
from harness.registry.messages import ExchangeType
from harness.registry.notifications import NotifyType

HYBRID = policy(ke="curve25519", addke1="ml-kem-768")
PLAIN = policy(ke="curve25519")
PURE = policy(ke="ml-kem-768")
TWO_LENGTHS = policy(encr="aes-256-gcm-16 aes-128-gcm-16", ke="curve25519")


@dataclass(frozen=True)
class Noticed:
    """How the honest side ends: by which kind, in which words, and what it tells the other one."""

    deviation: Deviation
    initiator: bool  # who deviates
    words: str
    notify: NotifyType
    offer: tuple = HYBRID
    kind: str = "misbehaved"


D, N = Deviation, NotifyType
NOTICED = [
    Noticed(D.CRITICAL_PAYLOAD_IN_IKE_SA_INIT, True, "got type 200", N.UNSUPPORTED_CRITICAL_PAYLOAD, PLAIN),
    Noticed(D.CRITICAL_PAYLOAD_IN_IKE_INTERMEDIATE, True, "got type 200", N.UNSUPPORTED_CRITICAL_PAYLOAD),
    Noticed(D.CRITICAL_PAYLOAD_IN_IKE_AUTH, True, "got type 200", N.UNSUPPORTED_CRITICAL_PAYLOAD, PLAIN),
    Noticed(D.ENCAPSULATION_KEY_SHORT, True, "got 1183", N.INVALID_SYNTAX),
    Noticed(D.ENCAPSULATION_KEY_LONG, True, "got 1185", N.INVALID_SYNTAX),
    Noticed(D.ENCAPSULATION_KEY_OVERFLOW, True, "3329 as number 0", N.INVALID_SYNTAX),
    Noticed(D.ENCAPSULATION_KEY_SHORT, True, "got 1183", N.INVALID_SYNTAX, PURE),
    Noticed(D.ENCAPSULATION_KEY_LONG, True, "got 1185", N.INVALID_SYNTAX, PURE),
    Noticed(D.ENCAPSULATION_KEY_OVERFLOW, True, "3329 as number 0", N.INVALID_SYNTAX, PURE),
    Noticed(D.CIPHERTEXT_SHORT, False, "got 1087", N.INVALID_SYNTAX),
    Noticed(D.CIPHERTEXT_LONG, False, "got 1089", N.INVALID_SYNTAX),
    Noticed(D.CIPHERTEXT_SHORT, False, "got 1087", N.INVALID_SYNTAX, PURE),
    Noticed(D.CIPHERTEXT_LONG, False, "got 1089", N.INVALID_SYNTAX, PURE),
    Noticed(D.INT_AUTH_WRONG, True, "AUTH made with the shared key", N.AUTHENTICATION_FAILED),
    Noticed(D.INT_AUTH_WRONG, False, "AUTH made with the shared key", N.AUTHENTICATION_FAILED),
    Noticed(D.INT_AUTH_LEFT_OUT, True, "AUTH made with the shared key", N.AUTHENTICATION_FAILED),
    Noticed(D.INT_AUTH_LEFT_OUT, False, "AUTH made with the shared key", N.AUTHENTICATION_FAILED),
    Noticed(D.SECOND_TRANSFORM, False, "two of", N.INVALID_SYNTAX, TWO_LENGTHS),
    Noticed(D.INTERMEDIATE_UNANNOUNCED, True, "acceptable proposal", N.NO_PROPOSAL_CHOSEN, HYBRID, "incompatible"),
    Noticed(D.INTERMEDIATE_UNANNOUNCED, False, "INTERMEDIATE_EXCHANGE_SUPPORTED", N.INVALID_SYNTAX),
]
UNNOTICED = {Deviation.UNKNOWN_PAYLOAD_EVERYWHERE, Deviation.CIPHERTEXT_ALTERED}  # tests of their own, below


def played(deviation: Deviation, offer: tuple, *, initiator: bool) -> EnginePair:
    who = "initiator" if initiator else "responder"
    return run(pair(offer, **{f"{who}_deviation": deviation}))


@pytest.mark.parametrize("case", NOTICED, ids=lambda case: f"{case.deviation}-{case.initiator}-{len(case.offer)}")
def test_our_own_engine_notices_it(case):
    engines = played(case.deviation, case.offer, initiator=case.initiator)
    deviant, honest = ("initiator", "responder") if case.initiator else ("responder", "initiator")
    verdict = closed(engines, honest)
    assert (verdict.party, verdict.by_peer) == ("peer", False)
    assert verdict.kind == case.kind
    assert case.words in verdict.reason
    assert not engines.of(honest, Established)
    assert engines.of(deviant, Deviated)
    assert not engines.of(honest, Deviated)


@pytest.mark.parametrize("case", [case for case in NOTICED if case.initiator], ids=lambda case: case.deviation)
def test_an_initiator_that_deviates_is_refused_cleanly(case):
    """Its own continuation after the answer stays sane: one refusal, and it is over."""
    engines = played(case.deviation, case.offer, initiator=True)
    engines.advance(1.0)
    ended = closed(engines, "initiator")
    assert (ended.kind, ended.by_peer, ended.notify) == ("refused", True, case.notify)
    assert engines.initiator.get_timer() is None


@pytest.mark.parametrize("deviation", [Deviation.INT_AUTH_WRONG, Deviation.INT_AUTH_LEFT_OUT])
def test_a_responder_whose_auth_is_wrong_is_told(deviation):
    engines = played(deviation, HYBRID, initiator=False)
    ended = closed(engines, "responder")
    assert (ended.kind, ended.notify) == ("refused", NotifyType.AUTHENTICATION_FAILED)


def test_every_deviation_is_tried_in_each_role_that_it_has():
    tried = {(case.deviation, case.initiator) for case in NOTICED}
    due = {
        (name, initiator)
        for name, entry in DEVIATIONS.items()
        for initiator, possible in ((True, entry.as_initiator), (False, entry.as_responder))
        if possible and name not in UNNOTICED
    }
    assert tried == due
    assert set(DEVIATIONS) == set(Deviation)


@pytest.mark.parametrize("name", list(Deviation))
def test_each_is_one_sentence_with_its_source(name):
    entry = DEVIATIONS[name]
    assert entry.sentence.endswith(".")
    assert entry.sentence.count(". ") == 0
    assert "section" in entry.source
    assert entry.as_initiator or entry.as_responder


@pytest.mark.parametrize("initiator", [True, False])
def test_an_unknown_payload_that_is_not_critical_changes_nothing(initiator):
    engines = played(Deviation.UNKNOWN_PAYLOAD_EVERYWHERE, HYBRID, initiator=initiator)
    assert_established(engines)
    told = engines.of("initiator" if initiator else "responder", Deviated)
    kinds = [event.exchange for event in told]
    assert kinds == [ExchangeType.IKE_SA_INIT, ExchangeType.IKE_INTERMEDIATE, ExchangeType.IKE_AUTH]


@pytest.mark.parametrize("offer", [HYBRID, PURE], ids=["addke", "ke"])
def test_an_altered_ciphertext_parts_the_keys(offer):
    """Implicit rejection: nobody notices in the exchange itself, and the next message does not open."""
    engines = played(Deviation.CIPHERTEXT_ALTERED, offer, initiator=False)
    assert arrows(engines)[-1].startswith("-> IKE_AUTH")
    assert "Integrity Checksum" in engines.of("responder", Ignored)[-1].reason
    initiator, responder = engines.initiator.keylog, engines.responder.keylog
    assert initiator.shared_secrets[-1] != responder.shared_secrets[-1]
    assert not isinstance(engines.responder.state, Standing)
    for _ in range(10):
        engines.advance(10.0)
    assert closed(engines, "initiator").kind == "silent"


def test_without_a_deviation_nothing_is_told():
    engines = run(pair(HYBRID))
    assert_established(engines)
    assert not engines.of("initiator", Deviated)
    assert not engines.of("responder", Deviated)
