"""Two engines, no sockets: every method and cipher, hybrids, and the order of what goes over the wire."""

from __future__ import annotations

from typing import Any

import pytest
from engine_arrows import arrows, assert_established, exchanges, message_of
from engine_pair import pair, policy, proposal, run

from harness.ike.events import ChildEstablished, ChildRefused, Closed, Established, KeyExchanged, Negotiated
from harness.ike.selectors import network_selector
from harness.registry.notifications import NotifyType
from harness.registry.transforms import KeyExchangeMethod, TransformType
from harness.wire.payloads import Nonce, Notify, SecurityAssociation

CLASSICAL = [
    "modp1024", "modp1536", "modp2048", "modp3072", "modp4096", "modp6144", "modp8192", "ecp256", "ecp384", "ecp521",
    "curve25519", "curve448",
]  # fmt: skip
ML_KEM = [pytest.param("ml-kem-512", marks=pytest.mark.liboqs), "ml-kem-768", "ml-kem-1024"]
IKE_SA_INIT, INTERMEDIATE, IKE_AUTH = "IKE_SA_INIT", "IKE_INTERMEDIATE", "IKE_AUTH"


@pytest.mark.parametrize("method", CLASSICAL)
def test_classical_methods(method: str) -> None:
    engines = run(pair(policy(ke=method)))
    assert arrows(engines) == exchanges(IKE_SA_INIT, IKE_AUTH)
    assert_established(engines)
    assert engines.initiator.keylog.int_auth_initiator == []  # announced at most, never used


@pytest.mark.parametrize(
    "ciphers",
    [
        {"encr": "aes-128-gcm-16"},
        {"encr": "aes-256-gcm-12"},
        {"encr": "chacha20-poly1305"},
        {"encr": "aes-256-cbc", "integ": "hmac-sha2-256-128"},
        {"encr": "aes-128-cbc", "integ": "hmac-sha2-512-256", "prf": "hmac-sha2-512"},
        {"encr": "aes-192-cbc", "integ": "hmac-sha2-384-192", "prf": "hmac-sha2-384"},
    ],
    ids=lambda ciphers: ciphers["encr"],
)
def test_ciphers_for_ike_and_esp(ciphers: dict[str, str]) -> None:
    esp = (proposal(sn="esn", **{kind: name for kind, name in ciphers.items() if kind != "prf"}),)
    engines = run(pair(policy(ke="ecp256", addke1="ecp384", **ciphers), esp=esp))
    assert_established(engines)
    assert arrows(engines) == exchanges(IKE_SA_INIT, INTERMEDIATE, IKE_AUTH)


@pytest.mark.parametrize("method", ML_KEM)
@pytest.mark.parametrize("classical", ["curve25519", "ecp384"])
def test_hybrids(method: str, classical: str) -> None:
    engines = run(pair(policy(ke=classical, addke1=method), fragment_octets=9000))
    assert arrows(engines) == exchanges(IKE_SA_INIT, INTERMEDIATE, IKE_AUTH)
    assert_established(engines)
    kinds = [event.index for event in engines.of("initiator", KeyExchanged)]
    assert kinds == [0, 1]
    log = engines.initiator.keylog
    assert [keys.generation for keys in log.generations] == [0, 1]
    assert len(log.shared_secrets) == 2 and len(log.shared_secrets[1][1]) == 32
    assert len(log.int_auth_initiator) == len(log.int_auth_responder) == 1


@pytest.mark.liboqs
def test_ml_kem_512_alone_in_ike_sa_init() -> None:
    engines = run(pair(policy(ke="ml-kem-512")))
    assert arrows(engines) == exchanges(IKE_SA_INIT, IKE_AUTH)
    assert_established(engines)


def test_seven_additional_rounds() -> None:
    methods = ["ecp256", "ml-kem-768", "ecp384", "ml-kem-1024", "ecp521", "curve448", "modp2048"]
    rounds = {f"addke{n}": method for n, method in enumerate(methods, start=1)}
    engines = run(pair(policy(ke="curve25519", **rounds), fragment_octets=9000))
    assert arrows(engines) == exchanges(IKE_SA_INIT, *[INTERMEDIATE] * 7, IKE_AUTH)
    assert_established(engines)
    assert [event.index for event in engines.of("responder", KeyExchanged)] == list(range(8))
    assert len({keys.sk_d for keys in engines.initiator.keylog.generations}) == 8


def test_a_gap_between_the_additional_types() -> None:
    engines = run(pair(policy(ke="curve25519", addke2="ecp256", addke6="ml-kem-768")))
    assert_established(engines)
    methods = [event.method for event in engines.of("initiator", KeyExchanged)]
    assert methods == [KeyExchangeMethod.CURVE25519, KeyExchangeMethod.ECP_256, KeyExchangeMethod.ML_KEM_768]


@pytest.mark.parametrize(
    ("offer", "accept"),
    [({"addke1": "ml-kem-768 none"}, {}), ({"addke1": "none ml-kem-768"}, {"addke1": "none"})],
    ids=["the responder does not know the type", "the responder wants none"],
)
def test_none_selected_means_no_exchange(offer: dict[str, str], accept: dict[str, str]) -> None:
    engines = run(pair(policy(ke="curve25519", **offer), policy(ke="curve25519", **accept)))
    assert arrows(engines) == exchanges(IKE_SA_INIT, IKE_AUTH)
    assert_established(engines)


def test_none_may_be_left_out_of_the_answer() -> None:
    """RFC 9370's example echoes NONE, strongSwan leaves it out: both are taken."""
    engines = run(pair(policy(ke="curve25519", addke1="none ml-kem-768")))
    answered = message_of(engines.wire[1]).first(SecurityAssociation)
    assert answered is not None
    assert [(t.type, t.identifier) for t in answered.proposals[0].transforms][-1] == (TransformType.ADDKE1, 0)
    assert_established(engines)


def test_a_private_use_number_beside_ml_kem_768() -> None:
    offer = policy(ke="curve25519", addke1="private-use-1080 ml-kem-768")
    engines = run(pair(offer, policy(ke="curve25519", addke1="ml-kem-768")))
    assert_established(engines)
    (negotiated,) = engines.of("initiator", Negotiated)
    assert negotiated.suite.additional_key_exchanges == (KeyExchangeMethod.ML_KEM_768,)


def test_a_proposal_with_an_unknown_type_is_passed_over_as_a_whole() -> None:
    offer = (
        *policy(ke="curve25519", addke1="ml-kem-768"),
        *policy(ke="curve25519"),
    )
    engines = run(pair(offer, policy(ke="curve25519")))
    assert_established(engines)
    (negotiated,) = engines.of("responder", Negotiated)
    assert negotiated.suite.proposal_number == 2
    assert negotiated.suite.additional_key_exchanges == ()


def test_no_method_twice_where_another_choice_exists() -> None:
    engines = run(pair(policy(ke="curve25519", addke1="curve25519 ecp256", addke2="ecp256 ecp384")))
    assert_established(engines)
    (negotiated,) = engines.of("initiator", Negotiated)
    assert negotiated.suite.additional_key_exchanges == (KeyExchangeMethod.ECP_256, KeyExchangeMethod.ECP_384)


def test_both_ends_announce_what_they_support() -> None:
    engines = run(pair(policy(ke="curve25519", addke1="ml-kem-768")))
    for datagram in engines.wire[:2]:
        notifies = [notify.notify_type for notify in message_of(datagram).all(Notify)]
        assert notifies == [
            NotifyType.NAT_DETECTION_SOURCE_IP,
            NotifyType.NAT_DETECTION_DESTINATION_IP,
            NotifyType.IKEV2_FRAGMENTATION_SUPPORTED,
            NotifyType.INTERMEDIATE_EXCHANGE_SUPPORTED,
        ]


def test_a_classical_offer_does_not_announce_ike_intermediate() -> None:
    engines = run(pair(policy(ke="curve25519")))
    for datagram in engines.wire[:2]:
        types = {notify.notify_type for notify in message_of(datagram).all(Notify)}
        assert NotifyType.INTERMEDIATE_EXCHANGE_SUPPORTED not in types


def test_message_ids_count_on_through_all_exchanges() -> None:
    engines = run(pair(policy(ke="curve25519", addke1="ecp256", addke2="ecp384")))
    requests = [message_of(d).header for d in engines.wire if not message_of(d).header.is_response]
    assert [header.message_id for header in requests] == [0, 1, 2, 3]
    assert all(header.from_initiator for header in requests)


def test_fresh_nonces_and_spis_of_legal_size() -> None:
    engines = run(pair(policy(ke="curve25519")))
    nonces = [nonce.nonce for d in engines.wire[:2] for nonce in message_of(d).all(Nonce)]
    assert [len(nonce) for nonce in nonces] == [32, 32] and nonces[0] != nonces[1]
    assert bytes(8) not in engines.initiator.spis and engines.initiator.spis == engines.responder.spis


def test_traffic_selectors_are_narrowed() -> None:
    wide = (network_selector("10.0.0.0/8"),)
    engines = run(pair(policy(ke="curve25519"), initiator_local_selectors=wide, initiator_remote_selectors=wide))
    assert_established(engines)
    (child,) = engines.of("initiator", ChildEstablished)
    assert child.local_selectors == (network_selector("10.1.0.1/32"),)
    assert child.remote_selectors == (network_selector("10.2.0.1/32"),)


@pytest.mark.parametrize(
    ("changes", "notify"),
    [
        ({"responder_esp": (proposal(encr="aes-128-gcm-16", sn="no-esn"),)}, NotifyType.NO_PROPOSAL_CHOSEN),
        ({"responder_local_selectors": (network_selector("172.16.0.0/12"),)}, NotifyType.TS_UNACCEPTABLE),
    ],
)
def test_a_refused_child_sa_leaves_the_ike_sa_standing(changes: dict[str, Any], notify: NotifyType) -> None:
    engines = run(pair(policy(ke="curve25519"), **changes))
    for name, by_peer in (("initiator", True), ("responder", False)):
        assert engines.of(name, ChildRefused) == [ChildRefused(notify, by_peer)]
        assert len(engines.of(name, Established)) == 1 and not engines.of(name, Closed)
