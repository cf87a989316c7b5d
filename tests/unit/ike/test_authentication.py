"""IKE_AUTH: who is believed, and what both ends say when one is not (RFC 7296 sections 2.15 and 2.21.2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from engine_arrows import arrows, assert_established, closed, exchanges, misbehaving, rewrite
from engine_pair import pair, policy, run

from harness.ike.configuration import Identity
from harness.ike.events import ChildEstablished, ChildRefused, Closed, Established
from harness.ike.states import Gone
from harness.registry.identities import AuthenticationMethod, IdentificationType
from harness.registry.messages import ExchangeType
from harness.registry.notifications import NotifyType
from harness.wire.message import Message
from harness.wire.payload import Payload
from harness.wire.payloads import (
    Authentication,
    Notify,
    SecurityAssociation,
    TrafficSelectorsInitiator,
    TrafficSelectorsResponder,
)

POLICY = policy(ke="curve25519")
FAILED = NotifyType.AUTHENTICATION_FAILED
IKE_AUTH = ExchangeType.IKE_AUTH


@pytest.mark.parametrize(
    "offer", [POLICY, policy(ke="curve25519", addke1="ecp256")], ids=["classical", "two exchanges"]
)
def test_another_pre_shared_key(offer) -> None:  # type: ignore[no-untyped-def]
    engines = run(pair(offer, initiator_psk=b"one", responder_psk=b"two"))
    responder, initiator = closed(engines, "responder"), closed(engines, "initiator")
    assert (responder.kind, responder.party, responder.by_peer) == ("misbehaved", "peer", False)
    assert "AUTH made with the shared key" in responder.reason
    assert (initiator.kind, initiator.party, initiator.by_peer) == ("refused", "peer", True)
    assert responder.notify == initiator.notify == FAILED
    for name in ("initiator", "responder"):
        assert not engines.of(name, Established) and not engines.of(name, ChildEstablished)
    assert arrows(engines)[-1].startswith("<- IKE_AUTH")


def test_a_responder_that_cannot_prove_itself_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def spoil(payloads: Sequence[Payload]) -> Sequence[Payload]:
        return [replace(p, data=bytes(32)) if isinstance(p, Authentication) else p for p in payloads]

    misbehaving(monkeypatch, spoil, initiator=False, exchange=IKE_AUTH)
    engines = run(pair(POLICY))
    assert arrows(engines)[-2:] == ["-> INFORMATIONAL 2", "<- INFORMATIONAL 2"]
    assert closed(engines, "initiator").kind == "misbehaved"
    assert not engines.of("initiator", Established)
    event = closed(engines, "responder")
    assert (event.kind, event.notify) == ("refused", FAILED)
    assert isinstance(engines.responder.state, Gone)


@pytest.mark.parametrize("side", ["initiator", "responder"])
def test_another_identity_than_the_configured_one_is_refused(side: str) -> None:
    other = Identity(IdentificationType.ID_FQDN, b"somebody.else.example")
    engines = run(pair(POLICY, **{f"{side}_local_identity": other}))
    event = closed(engines, "responder" if side == "initiator" else "initiator")
    assert event.notify == FAILED and "somebody.else.example" in event.reason


def test_the_same_octets_as_another_kind_of_identity_are_refused() -> None:
    other = Identity(IdentificationType.ID_KEY_ID, b"initiator.example")
    assert closed(run(pair(POLICY, initiator_local_identity=other)), "responder").notify == FAILED


@pytest.mark.parametrize(
    "identity",
    [
        Identity(IdentificationType.ID_IPV4_ADDR, bytes((192, 0, 2, 1))),
        Identity(IdentificationType.ID_RFC822_ADDR, b"user@example"),
        Identity(IdentificationType.ID_KEY_ID, bytes(range(256))),
        Identity(IdentificationType(200), b"?"),
    ],
)
def test_any_identity_is_taken_where_none_is_configured(identity: Identity) -> None:
    engines = run(pair(POLICY, initiator_local_identity=identity, responder_remote_identity=None))
    (event,) = engines.of("responder", Established)
    assert event.peer_identity == identity.data  # type: ignore[union-attr]


@pytest.mark.parametrize("octets", [1, 64, 300])
def test_pre_shared_keys_of_any_length(octets: int) -> None:
    assert_established(run(pair(POLICY, psk=bytes(range(octets % 256)) + bytes(octets // 256))))


@pytest.mark.parametrize("by_initiator", [True, False])
@pytest.mark.parametrize("kind", ["AUTH", "ID", "another method"])
def test_without_id_or_auth_with_a_shared_key_nobody_is_believed(
    kind: str, by_initiator: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def change(payloads: Sequence[Payload]) -> Sequence[Payload]:
        if kind == "another method":
            method = AuthenticationMethod.NULL
            return [replace(p, method=method) if isinstance(p, Authentication) else p for p in payloads]
        names = {"AUTH": ("AUTH",), "ID": ("IDi",) if by_initiator else ("IDr",)}[kind]
        return [p for p in payloads if p.type.name not in names]

    misbehaving(monkeypatch, change, initiator=by_initiator, exchange=IKE_AUTH)
    engines = run(pair(POLICY))
    assert closed(engines, "responder" if by_initiator else "initiator").notify == FAILED


@pytest.mark.parametrize("by_initiator", [True, False])
def test_a_changed_ike_sa_init_message_makes_auth_fail(by_initiator: bool) -> None:
    """Both sign their own message whole, so that nothing can be taken out on the way."""

    def strip(message: Message) -> Message:
        return replace(message, payloads=message.payloads[:-1])

    engines = pair(POLICY)
    engines.tamper = rewrite(strip, by_initiator=by_initiator)
    run(engines)
    assert closed(engines, "responder" if by_initiator else "initiator").notify == FAILED


def test_an_error_beside_auth_refuses_the_child_sa_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def change(payloads: Sequence[Payload]) -> Sequence[Payload]:
        kept = [p for p in payloads if not isinstance(p, SecurityAssociation)]
        return [*kept, Notify(NotifyType(16000))]

    misbehaving(monkeypatch, change, initiator=False, exchange=IKE_AUTH)
    engines = run(pair(POLICY))
    assert engines.of("initiator", ChildRefused) == [ChildRefused(NotifyType(16000), by_peer=True)]
    assert not engines.of("initiator", Closed)


@pytest.mark.parametrize("gone", [SecurityAssociation, TrafficSelectorsInitiator, TrafficSelectorsResponder])
def test_half_an_answer_for_a_child_sa_is_misbehaviour(gone: type[Payload], monkeypatch: pytest.MonkeyPatch) -> None:
    """Two TS payloads stand beside the SA payload that makes a Child SA (RFC 7296 section 2.9)."""

    def change(payloads: Sequence[Payload]) -> Sequence[Payload]:
        return [payload for payload in payloads if not isinstance(payload, gone)]

    misbehaving(monkeypatch, change, initiator=False, exchange=IKE_AUTH)
    engines = run(pair(POLICY))
    event = closed(engines, "initiator")
    assert (event.kind, event.party) == ("misbehaved", "peer")
    assert "expected SA, TSi and TSr, or none of them" in event.reason


def test_an_unknown_error_without_auth_is_a_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    misbehaving(monkeypatch, lambda _: [Notify(NotifyType(16000))], initiator=False, exchange=IKE_AUTH)
    event = closed(run(pair(POLICY)), "initiator")
    assert (event.kind, event.notify) == ("refused", 16000)


def test_ike_intermediate_announced_but_not_used_leaves_int_auth_out() -> None:
    """Both sides say that they could, but NONE is selected: AUTH must fit without IntAuth (RFC 9242 section 3.2)."""
    offer = policy(ke="curve25519", addke1="none ecp256")
    engines = run(pair(offer))
    assert arrows(engines) == exchanges("IKE_SA_INIT", "IKE_AUTH")
    assert_established(engines)


def test_nothing_secret_prints() -> None:
    engines = run(pair(policy(ke="curve25519", addke1="ecp256")))
    log = engines.initiator.keylog
    secrets = [secret for _, secret in log.shared_secrets] + [keys.sk_d for keys in log.generations]
    secrets += [log.child_keys[0].initiator_encryption, b"a pre-shared key of the tests"]
    shown = repr([log, engines.initiator.state, engines.events, engines.initiator._machine.configuration])
    assert not [secret for secret in secrets if repr(secret)[2:-1] in shown or secret.hex() in shown]
