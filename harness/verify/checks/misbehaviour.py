"""Our engine's deviations as the octets on the wire show them: what the trace says is compared, not believed."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping
from types import MappingProxyType

from harness.evidence.model import MessagePlace, deviations_in_trace
from harness.policy.deviation import Deviation
from harness.registry.key_exchange_sizes import KEY_EXCHANGE_OCTETS
from harness.registry.messages import ExchangeType
from harness.registry.transforms import TransformType
from harness.verify.checks.authentication import auth_of, expected_auth
from harness.verify.checks.key_agreement import is_out_of_range
from harness.verify.view import View
from harness.verify.wire import SeenMessage, announces_intermediate, has_additional, of
from harness.wire.payloads import Authentication, KeyExchange, SecurityAssociation, Unknown

Shows = Callable[[View, SeenMessage], bool]
"""Whether a message of our engine shows a misbehaviour."""


def deviating(view: View) -> tuple[SeenMessage, ...]:
    """The messages in which our engine breaks the scenario's rule on purpose, as their octets show.

    An altered ciphertext is not the one whose digest stands beside the shared secret. The first harnesses kept no such
    digest: there the trace tells which one it is.
    """
    deviation = view.scenario.deviation
    if deviation is None:
        return ()
    shows, seen = _SHOWS[deviation], (m for m in view.messages if m.readable and view.sender(m) == "engine")
    found = tuple(message for message in seen if shows(view, message))
    digests = [entry.answer_sha256 for entry in view.secrets.shared_secrets]
    if deviation is not Deviation.CIPHERTEXT_ALTERED or any(digests):
        return found
    traced = set(deviations_in_trace(view.evidence.trace or ()))
    return tuple(message for message in found if _place(message) in traced)


def deviation_as_traced(view: View) -> str:
    """Why the case says nothing of the peer; "" where our deviation is on the wire and in the trace alike."""
    if view.scenario.deviation is None:
        return ""
    traced, shown = (
        set(deviations_in_trace(view.evidence.trace or ())),
        {_place(message) for message in deviating(view)},
    )
    for place in sorted(traced ^ shown, key=str):
        if place in traced:
            return f"trace.jsonl says that our engine deviates in the {place}, and its octets do not show it"
        return f"the octets of the {place} deviate, and trace.jsonl does not tell of it"
    if not shown:
        ending = f": {view.refusals[0][1]} in {view.refusals[0][0].label}" if view.refusals else ""
        return f"the case ended before our deviation{ending}"
    return ""


def _place(message: SeenMessage) -> MessagePlace:
    return MessagePlace(message.exchange, message.message_id, message.response)


def _altered(view: View, message: SeenMessage) -> bool:
    """A ciphertext of the right length that is not the one that was made with the recorded shared secret."""
    place = 0
    if message.exchange != ExchangeType.IKE_SA_INIT:
        place = 1 + sum(number < message.message_id for number in view.key_exchanges)
    made = [entry.answer_sha256 for entry in view.secrets.shared_secrets][place : place + 1]
    values = [ke for ke in of(message, KeyExchange) if ke.method.is_post_quantum] if message.response else []
    whole = [ke.data for ke in values if len(ke.data) == KEY_EXCHANGE_OCTETS[ke.method][1]]
    return any(hashlib.sha256(data).hexdigest() not in made for data in whole)  # without a digest nobody knows


def _critical_in(exchange: ExchangeType) -> Shows:
    def shows(_view: View, message: SeenMessage) -> bool:
        marked = any(payload.critical for payload in of(message, Unknown))
        return marked and message.exchange == exchange and not message.response

    return shows


def _unknown(_view: View, message: SeenMessage) -> bool:
    return any(not payload.critical for payload in of(message, Unknown))


def _ml_kem(wrong: Callable[[bytes, int], bool], *, response: bool) -> Shows:
    """An ML-KEM public value for which ``wrong(data, octets that are due)`` holds."""

    def shows(_view: View, message: SeenMessage) -> bool:
        values = [ke for ke in of(message, KeyExchange) if ke.method.is_post_quantum and message.response == response]
        return any(wrong(ke.data, KEY_EXCHANGE_OCTETS[ke.method][int(response)]) for ke in values)

    return shows


def _out_of_range(key: bytes, due: int) -> bool:
    """Whether it is the modulus alone that a key fails (FIPS 203 section 7.2)."""
    return len(key) == due and is_out_of_range(key)


def _auth(*, left_out: bool) -> Shows:
    """AUTH that is not the one over the IntAuth of this wire; over none of it, or over another."""

    def shows(view: View, message: SeenMessage) -> bool:
        initiator = message.from_initiator
        if not of(message, Authentication):
            return False
        if auth_of(view, initiator=initiator) is not message or not view.find(ExchangeType.IKE_INTERMEDIATE):
            return False
        data = of(message, Authentication)[0].data
        due = expected_auth(view, message, initiator=initiator)
        without = expected_auth(view, message, initiator=initiator, int_auth=False)
        if due is None or without is None or hmac.compare_digest(due, data):
            return False
        return hmac.compare_digest(without, data) == left_out

    return shows


def _two_ciphers(_view: View, message: SeenMessage) -> bool:
    answers = of(message, SecurityAssociation) if message.response else []
    kinds = [[t.type for t in answer.proposals[0].transforms] for answer in answers]
    return any(each.count(TransformType.ENCR) > 1 for each in kinds)


def _unannounced(_view: View, message: SeenMessage) -> bool:
    initial = message.exchange == ExchangeType.IKE_SA_INIT
    return initial and has_additional(message) and not announces_intermediate(message)


_SHOWS: Mapping[Deviation, Shows] = MappingProxyType(
    {
        Deviation.CRITICAL_PAYLOAD_IN_IKE_SA_INIT: _critical_in(ExchangeType.IKE_SA_INIT),
        Deviation.CRITICAL_PAYLOAD_IN_IKE_INTERMEDIATE: _critical_in(ExchangeType.IKE_INTERMEDIATE),
        Deviation.CRITICAL_PAYLOAD_IN_IKE_AUTH: _critical_in(ExchangeType.IKE_AUTH),
        Deviation.UNKNOWN_PAYLOAD_EVERYWHERE: _unknown,
        Deviation.ENCAPSULATION_KEY_SHORT: _ml_kem(lambda data, due: len(data) < due, response=False),
        Deviation.ENCAPSULATION_KEY_LONG: _ml_kem(lambda data, due: len(data) > due, response=False),
        Deviation.ENCAPSULATION_KEY_OVERFLOW: _ml_kem(_out_of_range, response=False),
        Deviation.CIPHERTEXT_SHORT: _ml_kem(lambda data, due: len(data) < due, response=True),
        Deviation.CIPHERTEXT_LONG: _ml_kem(lambda data, due: len(data) > due, response=True),
        Deviation.CIPHERTEXT_ALTERED: _altered,
        Deviation.INT_AUTH_WRONG: _auth(left_out=False),
        Deviation.INT_AUTH_LEFT_OUT: _auth(left_out=True),
        Deviation.SECOND_TRANSFORM: _two_ciphers,
        Deviation.INTERMEDIATE_UNANNOUNCED: _unannounced,
    }
)
