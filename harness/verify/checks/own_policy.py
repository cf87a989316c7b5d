"""What our engine offers and chooses on the wire is what its recorded policy has; else the record is another's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from harness.oracle.negotiation import first_child, is_common
from harness.policy.proposals import Policy, Suite
from harness.policy.role import Role
from harness.registry.messages import ExchangeType, Protocol
from harness.registry.transforms import TransformType
from harness.verify.checks.misbehaviour import deviating
from harness.verify.checks.offer import as_sent, could_choose, policy_of
from harness.verify.view import View
from harness.verify.wire import SeenMessage, accepts, answered_suite, of
from harness.wire.payloads import SecurityAssociation

_EXCHANGES = ((ExchangeType.IKE_SA_INIT, Protocol.IKE), (ExchangeType.IKE_AUTH, Protocol.ESP))


def of_another_policy(view: View) -> str:
    """Where our engine speaks by another policy than case.json has for it, in words; "" where it is that policy.

    A wrong record of it would have the peer's answers compared with what was never asked.
    """
    return next(iter((*_offers(view), *_choices(view))), "")


def _offers(view: View) -> Iterator[str]:
    for exchange, protocol in _EXCHANGES if view.role is Role.INITIATOR else ():
        recorded = as_sent(_recorded(view, protocol))
        for message in _ours(view, exchange):
            for offer in of(message, SecurityAssociation):
                if policy_of(offer, protocol) != recorded:
                    yield f"our engine offers other proposals in the {message.label} than its policy in case.json has"


def _choices(view: View) -> Iterator[str]:
    """What an offer has and our policy has not. What was not offered either is our engine's fault, not the record's."""
    for exchange, protocol in _EXCHANGES if view.role is Role.RESPONDER else ():
        offers = [sa for m in view.find(exchange, response=False) for sa in of(m, SecurityAssociation)]
        for message in _ours(view, exchange) if offers else ():
            for answer in accepts(message):
                suite, offer = _without_no_exchange(answered_suite(answer)), policy_of(offers[-1], protocol)
                possible = is_common(suite, offer, as_sent(_recorded(view, protocol)))
                if could_choose(suite, offer) and not possible:
                    yield f"our engine chooses in the {message.label} what its policy in case.json does not have"


def _without_no_exchange(suite: Suite) -> Suite:
    """A suite without the NONE of a key exchange: an answer may echo what an offer spells out (section 1.2)."""
    kept = {k: each for k, each in suite.transforms.items() if each.identifier or not TransformType(k).is_key_exchange}
    return replace(suite, transforms=kept)


def _recorded(view: View, protocol: Protocol) -> Policy:
    policy = view.expectation.of(view.role)
    return policy.ike if protocol == Protocol.IKE else first_child(policy.esp)


def _ours(view: View, exchange: ExchangeType) -> Iterator[SeenMessage]:
    """Our messages in which nothing is changed on purpose; a retry repeats the offer (RFC 7296 section 2.6)."""
    spoilt = {message.frame for message in deviating(view)}
    for message in view.find(exchange, response=view.role is Role.RESPONDER):
        if message.frame not in spoilt and view.sender(message) == "engine":
            yield message
