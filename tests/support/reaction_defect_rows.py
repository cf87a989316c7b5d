"""Seeded defects of a peer that takes what it has to refuse, or refuses what it has to take; written before played."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any
from unittest.mock import patch

from defect_rows import AUTH, HYBRID, INIT, INTERMEDIATE, SEVEN, answer, notify, other, proposals
from defective import Defect, Edit, beside, edited
from misbehaving import Misbehaviour, is_the_peers, on_the_wire

from harness.crypto.interface import KeyExchange as Method
from harness.crypto.interface import KeyPair
from harness.crypto.key_exchange import key_exchange
from harness.crypto.random_source import Rng
from harness.ike.errors import PeerMisbehaved
from harness.ike.exchanges import authentication, sa_init
from harness.ike.machine import Machine
from harness.ike.negotiation import check_answer
from harness.ike.session import Session
from harness.ike.states import PeerAuthenticated
from harness.policy.role import Role
from harness.registry.identities import AuthenticationMethod, IdentificationType
from harness.registry.messages import Protocol
from harness.registry.notifications import NotifyType
from harness.registry.transforms import KeyExchangeMethod, TransformType
from harness.wire.payload import Payload
from harness.wire.payloads import Authentication, KeyExchange, Notify, SecurityAssociation, Unknown

INITIATOR, RESPONDER = Role.INITIATOR, Role.RESPONDER
CRITICAL = "errors/critical-payload-in-ike-sa-init"
CRITICAL_IN_AUTH, CRITICAL_IN_INTERMEDIATE = "errors/critical-payload-in-ike-auth", "intermediate/critical-payload"
COOKIE, GUESSED, NONE = "denial-of-service/cookie", "negotiation/wrong-ke-group-first", "multiple-ke/none-selected"
PRIVATE, UNKNOWN_TYPE = "multiple-ke/private-id-beside-mlkem768", "negotiation/unknown-transform-type-first"
GAP, TRANSPORT, ESN, ESN_MAC = "multiple-ke/two-with-a-gap", "esp/transport", "esp/esn", "esp/esn-with-hmac"


@dataclass(frozen=True)
class Lenient:
    """ML-KEM of a peer that makes any value fit: the length by padding or cutting, the contents by ``mend``."""

    true: Method
    mend: Callable[[bytes], bytes] = bytes

    def generate(self, rng: Rng) -> KeyPair:
        return self.true.generate(rng)

    def encapsulate(self, public: bytes, rng: Rng) -> tuple[bytes, bytes]:
        octets = self.true.initiator_octets
        return self.true.encapsulate(self.mend(public)[:octets].ljust(octets, b"\0"), rng)

    def decapsulate(self, pair: KeyPair, data: bytes) -> bytes:
        octets = self.true.responder_octets
        return self.true.decapsulate(pair, self.mend(data)[:octets].ljust(octets, b"\0"))


def lenient(mend: Callable[[bytes], bytes] = bytes) -> dict[str, Any]:
    def method(number: KeyExchangeMethod) -> Any:
        true = key_exchange(number)
        return Lenient(true, mend) if number.is_post_quantum else true

    return {"key_exchange": method}


def in_range(key: bytes) -> bytes:
    """An encapsulation key whose coefficients are all zero, and so below q."""
    return bytes(len(key) - 32) + key[-32:]


def turned_back(data: bytes) -> bytes:
    return bytes((data[0] ^ 1,)) + data[1:]


def takes(
    name: str, role: Role, requirement: str, *scenarios: str, doctored: Callable[[], AbstractContextManager[Any]]
) -> Misbehaviour:
    return Misbehaviour(f"{name}, {role.other.value}", role, requirement, scenarios, doctored)


def blind() -> AbstractContextManager[Any]:
    return patch.object(Session, "_refuse_critical", lambda _self, _payloads: None)


def strict() -> AbstractContextManager[Any]:
    def refuse(_self: Session, payloads: tuple[object, ...]) -> None:
        if any(isinstance(payload, Unknown) for payload in payloads):
            raise PeerMisbehaved("known payloads", "another", "message", NotifyType.UNSUPPORTED_CRITICAL_PAYLOAD)

    return patch.object(Session, "_refuse_critical", refuse)


def trusting() -> AbstractContextManager[Any]:
    """The peer takes whoever comes; our engine does not."""
    careful, proof = authentication.verify, PeerAuthenticated(b"somebody", IdentificationType.ID_FQDN)

    def verify(machine: Machine, *others: Any, **named: Any) -> PeerAuthenticated:
        return proof if is_the_peers(machine) else careful(machine, *others, **named)

    return patch.object(authentication, "verify", verify)


def choosy() -> AbstractContextManager[Any]:
    """Of two transforms of a type in an answer, the second is taken."""

    def check(offered: Any, answered: Any, where: str) -> Any:
        accepted = answered.proposals[0]
        one = replace(answered, proposals=(replace(accepted, transforms=accepted.transforms[1:]),))
        return check_answer(offered, one, where)

    return patch.object(sa_init, "check_answer", check)


def refusing(kind: NotifyType = NotifyType.NO_PROPOSAL_CHOSEN) -> Edit:
    return lambda _payloads: [Notify(kind)]


def where(found: Callable[[Any], bool], edit: Edit) -> Edit:
    """Only in messages with such a payload."""
    return lambda payloads: edit(payloads) if any(map(found, payloads)) else payloads


def is_cookie(payload: Any) -> bool:
    return isinstance(payload, Notify) and payload.notify_type == NotifyType.COOKIE


def of_second_guess(payload: Any) -> bool:
    return isinstance(payload, KeyExchange) and payload.method == KeyExchangeMethod(20)


def asks(name: str, edit: Edit, requirement: str, scenario: str) -> Defect:
    return Defect(f"{name}, request", INIT, False, edit, requirement, (scenario,))


def one_group_alone(payload: SecurityAssociation) -> Payload:
    """The offer that comes with the second KE payload lacks the first group."""
    chosen = payload.proposals[0]
    kept = tuple(t for t in chosen.transforms if t.type != TransformType.KE or t.identifier == KeyExchangeMethod(20))
    return replace(payload, proposals=(replace(chosen, transforms=kept),))


def first_of_all(payloads: Any) -> Any:
    return sorted(payloads, key=is_cookie)


def with_sn(identifier: int) -> Edit:
    return proposals(
        lambda p: replace(
            p,
            transforms=tuple(
                replace(t, identifier=identifier) if t.type == TransformType.SN else t for t in p.transforms
            ),
        )
    )


WRONG_AUTH = Authentication(AuthenticationMethod.SHARED_KEY_MESSAGE_INTEGRITY_CODE, bytes(32))
ROWS: list[Misbehaviour | Defect] = [
    # What has to be refused (RFC 7296 sections 2.5, 2.15, 2.21.2, 3.3.6; the ML-KEM draft section 2.3).
    takes("a critical payload is passed over", INITIATOR, "B13", CRITICAL, CRITICAL_IN_AUTH, CRITICAL_IN_INTERMEDIATE,
          doctored=blind),
    *answer("a critical payload refused as invalid", notify(
        NotifyType.UNSUPPORTED_CRITICAL_PAYLOAD, notify_type=NotifyType.INVALID_SYNTAX), "B13", (CRITICAL,)),
    *answer("a critical payload refused as invalid", notify(
        NotifyType.UNSUPPORTED_CRITICAL_PAYLOAD, notify_type=NotifyType.INVALID_SYNTAX), "B13", (CRITICAL_IN_AUTH,),
        AUTH),
    *answer("a critical payload refused as invalid", notify(
        NotifyType.UNSUPPORTED_CRITICAL_PAYLOAD, notify_type=NotifyType.INVALID_SYNTAX), "B13",
        (CRITICAL_IN_INTERMEDIATE,), INTERMEDIATE),
    *answer("the error names another payload", notify(NotifyType.UNSUPPORTED_CRITICAL_PAYLOAD, data=b"\x21"), "B13",
            (CRITICAL,)),
    *answer("the error names no payload", notify(NotifyType.UNSUPPORTED_CRITICAL_PAYLOAD, data=b""), "B13",
            (CRITICAL_IN_AUTH,), AUTH),
    on_the_wire("a critical payload is not answered", INIT, True, lambda _: [], "B13", (CRITICAL,)),
    *[row for kind in (NotifyType.TS_UNACCEPTABLE, NotifyType.NO_PROPOSAL_CHOSEN, NotifyType.SINGLE_PAIR_REQUIRED)
      for row in answer(f"{kind.name} without identity and AUTH", refusing(kind), "B33", (HYBRID, "classical/ecp384"),
                        AUTH)],
    *answer("the error stands beside AUTH", beside(WRONG_AUTH), "B33", (CRITICAL_IN_AUTH,), AUTH),
    *answer("the error stands beside KE", beside(KeyExchange(KeyExchangeMethod.ML_KEM_768, bytes(1088))), "I12",
            (CRITICAL_IN_INTERMEDIATE,), INTERMEDIATE),
    *[
        takes("a wrong AUTH is taken", role, "I08", "intermediate/int-auth-wrong", "intermediate/int-auth-left-out",
              doctored=trusting)
        for role in Role
    ],
    takes("any key is taken", INITIATOR, "K03", "authentication/wrong-psk", doctored=trusting),
    on_the_wire("a wrong key is not answered", AUTH, True, lambda _: [], "B60", ("authentication/wrong-psk",)),
    takes("two ciphers in an answer are taken", RESPONDER, "B03", "negotiation/second-transform-in-the-answer",
          doctored=choosy),
    Misbehaviour("a short encapsulation key is taken", INITIATOR, "M06",
                 ("multiple-ke/encapsulation-key-short", "pq-only/encapsulation-key-short"), product=lenient()),
    Misbehaviour("a long encapsulation key is taken", INITIATOR, "M06",
                 ("multiple-ke/encapsulation-key-long", "pq-only/encapsulation-key-long"), product=lenient()),
    Misbehaviour("an encapsulation key out of range is taken", INITIATOR, "M06",
                 ("multiple-ke/encapsulation-key-overflow", "pq-only/encapsulation-key-overflow"),
                 product=lenient(in_range)),
    Misbehaviour("a short ciphertext is taken", RESPONDER, "M08",
                 ("multiple-ke/ciphertext-short", "pq-only/ciphertext-short"), product=lenient()),
    Misbehaviour("a long ciphertext is taken", RESPONDER, "M08",
                 ("multiple-ke/ciphertext-long", "pq-only/ciphertext-long"), product=lenient()),
    Misbehaviour("the ciphertext does not enter the keys", RESPONDER, "A06",
                 ("multiple-ke/ciphertext-altered", "pq-only/ciphertext-altered"), product=lenient(turned_back)),
    # What has to be taken (RFC 7296 sections 2.5, 2.7, 3.3.6; RFC 9370 section 2.2.1).
    takes("an unknown payload is refused", INITIATOR, "B14", "errors/unknown-payload-everywhere", doctored=strict),
    *answer("NONE is not taken for an answer", refusing(), "A03", (NONE,)),
    *answer("a private method spoils its type", refusing(), "B05", (PRIVATE,)),
    *answer("an unknown type spoils the next proposal", refusing(), "B04", (UNKNOWN_TYPE,)),
    *answer("types with a gap are refused", refusing(), "A01", (GAP, SEVEN)),
    *answer("a plain offer is refused", refusing(), "B08", (HYBRID, "classical/ecp384")),
    *answer("a plain offer is refused as invalid", refusing(NotifyType.INVALID_SYNTAX), "B06", ("classical/ecp384",)),
    *answer("a method twice", other(TransformType.ADDKE3, int(KeyExchangeMethod.ML_KEM_512)), "A04", (SEVEN,)),
    *answer("the method of IKE_SA_INIT once more", other(TransformType.ADDKE2, 31), "B06", (SEVEN,)),
    *answer("the first proposal without its unknown type", proposals(lambda p: replace(p, number=1)), "B04",
            (UNKNOWN_TYPE,)),
    # Demands and what they are answered with (sections 1.2, 2.6).
    *answer("an empty cookie", notify(NotifyType.COOKIE, data=b""), "B09", (COOKIE,)),
    *answer("a cookie of 65 octets", notify(NotifyType.COOKIE, data=bytes(65)), "B09", (COOKIE,)),
    Misbehaviour("no cookie is demanded", INITIATOR, "B09", (COOKIE,), product={"require_cookie": False}),
    asks("another cookie comes back", notify(NotifyType.COOKIE, data=b"mine"), "B09", COOKIE),
    asks("the cookie comes last", where(is_cookie, first_of_all), "B09", COOKIE),
    asks("no cookie comes back", lambda payloads: [p for p in payloads if not is_cookie(p)], "B09", COOKIE),
    asks("a payload more beside the cookie", where(is_cookie, beside(Notify(NotifyType(40_001)))), "B09", COOKIE),
    *answer("a group number of one octet", notify(NotifyType.INVALID_KE_PAYLOAD, data=b"\x14"), "B01", (GUESSED,)),
    *answer("a group number of three octets", notify(NotifyType.INVALID_KE_PAYLOAD, data=b"\0\0\x14"), "B01",
            (GUESSED,)),
    *answer("a group that was not offered", notify(NotifyType.INVALID_KE_PAYLOAD, data=b"\0\x0e"), "B01", (GUESSED,)),
    *answer("the group that was guessed", notify(NotifyType.INVALID_KE_PAYLOAD, data=b"\0\x1f"), "B01", (GUESSED,)),
    asks("the second offer lacks a group", where(of_second_guess, edited(SecurityAssociation, one_group_alone)), "B01",
         GUESSED),
    # Modes and numbers of the Child SA (sections 1.3.1, 3.3.2).
    # It may decline: that what it was configured to do does not come about breaks no sentence.
    *answer("transport mode is declined without a word", lambda payloads: [
        p for p in payloads if not (isinstance(p, Notify) and p.notify_type == NotifyType.USE_TRANSPORT_MODE)
    ], "", (TRANSPORT,), AUTH),
    *answer("transport mode that nobody asked for", beside(Notify(NotifyType.USE_TRANSPORT_MODE)), "B45",
            (HYBRID, "classical/ecp384"), AUTH),
    *answer("64 bits where 32 are offered", with_sn(1), "B06", (HYBRID, "classical/ecp384"), AUTH),
    *answer("32 bits where 64 are offered", with_sn(0), "B47", (ESN, ESN_MAC), AUTH),
    *answer("a status about a protocol", beside(Notify(NotifyType.ESP_TFC_PADDING_NOT_SUPPORTED, b"", Protocol.IKE)),
            "B48", (HYBRID,), AUTH),
]  # fmt: skip
