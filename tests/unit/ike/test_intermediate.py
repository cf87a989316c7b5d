"""IKE_INTERMEDIATE gone wrong: bad ML-KEM values, wrong order, missing and extra exchanges (RFC 9242, RFC 9370)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import pytest
from engine_arrows import arrows, assert_established, closed, misbehaving
from engine_pair import pair, policy, run
from idle_exchanges import idle_exchanges

from harness.crypto.interface import KeyExchange as Method
from harness.crypto.interface import KeyPair
from harness.crypto.key_exchange import key_exchange
from harness.crypto.random_source import Rng
from harness.ike.events import Closed, Ignored, Retransmitted
from harness.ike.exchanges import authentication, intermediate, sa_init_answer
from harness.ike.states import Agreement, AuthSent, Gone, HalfOpen
from harness.policy.proposals import Policy
from harness.registry.messages import ExchangeType
from harness.registry.notifications import NotifyType
from harness.registry.transforms import KeyExchangeMethod
from harness.wire.message import Message
from harness.wire.payload import Payload
from harness.wire.payloads import KeyExchange, Nonce, Notify

HYBRID = policy(ke="curve25519", addke1="ml-kem-768")
INTERMEDIATE = ExchangeType.IKE_INTERMEDIATE
Change = Callable[[bytes], bytes]


@dataclass(frozen=True)
class Lying:
    """A method whose public values are changed on their way out."""

    true: Method
    encapsulation_key: Change = bytes
    ciphertext: Change = bytes

    def generate(self, rng: Rng) -> KeyPair:
        pair = self.true.generate(rng)
        return replace(pair, public=self.encapsulation_key(pair.public))

    def encapsulate(self, public: bytes, rng: Rng) -> tuple[bytes, bytes]:
        data, secret = self.true.encapsulate(public, rng)
        return self.ciphertext(data), secret

    def decapsulate(self, pair: KeyPair, data: bytes) -> bytes:
        return self.true.decapsulate(pair, data)


def lying(**changes: Change) -> Callable[[KeyExchangeMethod], object]:
    def method(number: KeyExchangeMethod) -> object:
        true = key_exchange(number)
        return Lying(true, **changes) if number.is_post_quantum else true

    return method


@pytest.mark.parametrize(
    "spoil",
    [lambda key: key[:-1], lambda key: key + b"\0", lambda key: b"", lambda key: b"\xff\xff\xff" + key[3:]],
    ids=["too short", "too long", "empty", "a coefficient of 4095"],
)
def test_a_bad_encapsulation_key_is_answered_with_invalid_syntax(spoil: Change) -> None:
    """draft-ietf-ipsecme-ikev2-mlkem section 2.2, FIPS 203 section 7.2: length and modulus are checked."""
    engines = run(pair(HYBRID, initiator_key_exchange=lying(encapsulation_key=spoil)))
    assert arrows(engines)[-1] == "<- IKE_INTERMEDIATE 1"
    assert not [arrow for arrow in arrows(engines) if "IKE_AUTH" in arrow]
    assert closed(engines, "responder").kind == "misbehaved"
    assert "KEi of IKE_INTERMEDIATE" in closed(engines, "responder").reason
    event = closed(engines, "initiator")
    assert (event.kind, event.notify, event.by_peer) == ("refused", NotifyType.INVALID_SYNTAX, True)


@pytest.mark.parametrize(
    "spoil", [lambda c: c[:-1], lambda c: c + b"\0", lambda c: b""], ids=["short", "long", "empty"]
)
def test_a_ciphertext_of_wrong_length_is_not_followed_by_ike_auth(spoil: Change) -> None:
    engines = run(pair(HYBRID, responder_key_exchange=lying(ciphertext=spoil)))
    event = closed(engines, "initiator")
    assert event.kind == "misbehaved" and "a ciphertext of 1088 octets" in event.reason
    assert not [arrow for arrow in arrows(engines) if "IKE_AUTH" in arrow]
    assert arrows(engines)[-1] == "-> INFORMATIONAL 2"  # the failure is reported, and that is all
    assert isinstance(engines.initiator.state, Gone)
    assert engines.initiator.get_timer() is None


def test_an_altered_ciphertext_yields_other_keys_and_no_ike_sa() -> None:
    """Implicit rejection (FIPS 203 algorithm 18): nobody is told, the next message cannot be read."""
    engines = run(pair(HYBRID, responder_key_exchange=lying(ciphertext=lambda c: bytes((c[0] ^ 1,)) + c[1:])))
    assert engines.initiator.keylog.shared_secrets[1] != engines.responder.keylog.shared_secrets[1]
    assert isinstance(engines.initiator.state, AuthSent)
    assert isinstance(engines.responder.state, HalfOpen)
    assert engines.of("responder", Ignored) == [Ignored("the Integrity Checksum Data does not fit")]
    for _ in range(5):
        engines.advance(10)
    assert len(engines.of("initiator", Retransmitted)) == 4
    assert closed(engines, "initiator").kind == "silent"
    assert not engines.of("responder", Closed)


# Payloads that have no place, with good keys and a good ICV, from either side.


def other_method(payloads: Sequence[Payload]) -> Sequence[Payload]:
    return [replace(p, method=KeyExchangeMethod.ECP_256) for p in payloads if isinstance(p, KeyExchange)]


def twice(payloads: Sequence[Payload]) -> Sequence[Payload]:
    return [*payloads, *payloads]


def none(payloads: Sequence[Payload]) -> Sequence[Payload]:
    return [Nonce(bytes(32))]


@pytest.mark.parametrize(
    ("change", "by_initiator"),
    [(other_method, True), (other_method, False), (twice, True), (twice, False), (none, False)],
)
def test_other_than_one_ke_of_the_negotiated_method_is_refused(
    change: Callable[..., Sequence[Payload]], by_initiator: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    misbehaving(monkeypatch, change, initiator=by_initiator, exchange=INTERMEDIATE)
    engines = run(pair(policy(ke="curve25519", addke1="ecp384")))
    event = closed(engines, "responder" if by_initiator else "initiator")
    assert event.kind == "misbehaved" and "one KE of method ECP_384" in event.reason
    if by_initiator:
        assert closed(engines, "initiator").notify == NotifyType.INVALID_SYNTAX


def test_other_payloads_may_ride_along(monkeypatch: pytest.MonkeyPatch) -> None:
    def more(payloads: Sequence[Payload]) -> Sequence[Payload]:
        return [Notify(NotifyType(40960), b"new"), *payloads]

    misbehaving(monkeypatch, more, initiator=True, exchange=INTERMEDIATE)
    engines = run(pair(policy(ke="curve25519", addke1="ecp384")))
    assert_established(engines)


@pytest.mark.parametrize("notify", [14, 7, 16000], ids=str)
def test_an_error_instead_of_ker_is_a_refusal(notify: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(payloads: Sequence[Payload]) -> Sequence[Payload]:
        return [Notify(NotifyType(notify))]

    misbehaving(monkeypatch, refuse, initiator=False, exchange=INTERMEDIATE)
    engines = run(pair(policy(ke="curve25519", addke1="ecp384")))
    event = closed(engines, "initiator")
    assert (event.kind, event.notify) == ("refused", notify)
    assert arrows(engines)[-1] == "<- IKE_INTERMEDIATE 1"


def test_one_exchange_more_than_negotiated_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """RFC 9242 section 5: the number of exchanges is bounded by the negotiation."""
    proceed, more = authentication.request, [KeyExchangeMethod.ECP_521]

    def once_more(machine, agreement):  # type: ignore[no-untyped-def]
        if more:
            return intermediate.request(machine, replace(agreement, remaining=(more.pop(),)))
        return proceed(machine, agreement)

    monkeypatch.setattr(authentication, "request", once_more)
    engines = run(pair(policy(ke="curve25519", addke1="ecp384")))
    assert arrows(engines)[-2:] == ["-> IKE_INTERMEDIATE 2", "<- IKE_INTERMEDIATE 2"]
    event = closed(engines, "responder")
    assert event.kind == "misbehaved" and "all key exchanges being done" in event.reason
    assert closed(engines, "initiator").notify == NotifyType.INVALID_SYNTAX


def test_ike_auth_before_all_exchanges_are_done_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intermediate, "request", authentication.request)
    engines = run(pair(policy(ke="curve25519", addke1="ecp384")))
    assert arrows(engines)[-2:] == ["-> IKE_AUTH 1", "<- IKE_AUTH 1"]
    event = closed(engines, "responder")
    assert event.kind == "misbehaved" and "key exchanges being due" in event.reason
    assert closed(engines, "initiator").kind == "refused"


@pytest.mark.parametrize("exchange", [ExchangeType.CREATE_CHILD_SA, ExchangeType.INFORMATIONAL, ExchangeType(200)])
def test_other_exchanges_have_no_place_before_ike_auth(exchange: ExchangeType) -> None:
    engines = pair(policy(ke="curve25519", addke1="ecp384"))
    engines.tamper = lambda datagram: [] if len(engines.wire) > 2 else [datagram.payload]
    run(engines)
    engines.tamper = lambda datagram: [datagram.payload]
    machine = engines.initiator._machine
    machine.window.outstanding, machine.window.next_own = None, 1
    machine.send_request(engines.initiator.state.agreement, exchange, ())  # type: ignore[union-attr]
    engines.deliver()
    assert engines.of("responder", Ignored)[-1].reason.endswith("has no place in HalfOpen")  # type: ignore[union-attr]
    assert isinstance(engines.responder.state, HalfOpen)


# IKE_INTERMEDIATE without a key exchange (RFC 9242 section 3.2 leaves open what it carries).

CLASSICAL = policy(ke="curve25519")


@pytest.mark.parametrize("ike", [CLASSICAL, policy(ke="curve25519", addke1="ecp384")], ids=["classical", "additional"])
@pytest.mark.parametrize("count", [1, 2, sa_init_answer.MOST_SPARE_EXCHANGES])
def test_an_exchange_without_a_key_exchange_is_answered_empty_and_covered_by_auth(ike: Policy, count: int) -> None:
    with idle_exchanges(count):
        engines = run(pair(ike, announce_intermediate=True))
    assert_established(engines)
    due = len(ike[0].transforms) - 3  # ENCR, PRF and KE stand for none
    log = engines.responder.keylog
    assert len(log.int_auth_responder) == len(log.int_auth_initiator) == count + due
    assert len(log.generations) == 1 + due


@pytest.mark.parametrize("count", [1, 2])
def test_it_may_come_before_each_key_exchange(count: int) -> None:
    """KEi(n) is the n-th KE payload, in whichever exchange (RFC 9370 section 2.2.2)."""
    with idle_exchanges(count, first=True):
        engines = run(pair(policy(ke="curve25519", addke1="ecp384", addke2="ecp256"), announce_intermediate=True))
    assert_established(engines)
    assert len(engines.responder.keylog.int_auth_responder) == 2 * (count + 1)
    assert len(engines.responder.keylog.generations) == 3


def test_int_auth_of_an_exchange_without_a_key_exchange_is_missed_where_it_is_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Agreement, "after_spare_exchange", lambda self, *_: self)
    with idle_exchanges(1):
        engines = run(pair(CLASSICAL, announce_intermediate=True))
    assert closed(engines, "initiator").notify == NotifyType.AUTHENTICATION_FAILED


@pytest.mark.parametrize(
    ("announced", "count", "payloads"),
    [
        (False, 1, ()),
        (True, sa_init_answer.MOST_SPARE_EXCHANGES + 1, ()),
        (True, 1, (KeyExchange(KeyExchangeMethod.CURVE25519, bytes(32)),)),
    ],
    ids=["not announced", "too many", "with a KE payload"],
)
def test_an_exchange_that_nothing_allows_is_refused(announced: bool, count: int, payloads: tuple[Payload, ...]) -> None:
    with idle_exchanges(count, payloads):
        engines = run(pair(CLASSICAL, announce_intermediate=announced))
    assert "all key exchanges being done" in closed(engines, "responder").reason
    assert closed(engines, "initiator").notify == NotifyType.INVALID_SYNTAX


@pytest.mark.parametrize("told", ["initiator", "responder"])
def test_it_takes_both_to_announce(told: str) -> None:
    """RFC 9242 section 3.1: the responder announces only in answer; and unused, the exchange leaves AUTH as it is."""
    engines = run(pair(CLASSICAL, **{f"{told}_announce_intermediate": True}))
    assert_established(engines)
    announced = [
        NotifyType.INTERMEDIATE_EXCHANGE_SUPPORTED in {n.notify_type for n in Message.parse(d.payload).all(Notify)}
        for d in engines.wire[:2]
    ]
    assert announced == [told == "initiator", False]
