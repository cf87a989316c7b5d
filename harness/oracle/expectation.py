"""What a case must end in, decided before anything is sent: the one place where the two halves of a case are fixed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from harness.json_codec import RecordError, from_json, to_json
from harness.oracle.outcome import outcome_of
from harness.oracle.reaction import Duty, Reaction
from harness.policy.proposals import PartyPolicy, Policy, Suite
from harness.policy.role import Role
from harness.registry.notifications import NotifyType
from harness.registry.transforms import KeyExchangeMethod
from harness.results.model import Outcome

Unavailable = Mapping[KeyExchangeMethod, str]
"""Key exchange methods that our engine lacks on this machine, with the reason."""


@dataclass(frozen=True, slots=True)
class Expectation:
    """The prediction for one case. Exactly what the verifier compares with what was seen."""

    outcome: Outcome | None  # None when the case is skipped
    ike: tuple[Suite, ...]  # acceptable suites of the IKE SA; empty: the responder must refuse
    esp: tuple[Suite, ...]  # acceptable suites of the first Child SA; empty although ``ike`` is not: no Child SA
    skipped: str  # why the case is not sent, "" when it is
    unsupported: str  # what a party lacks, so that its clean refusal is no failure; "" otherwise
    initiator: PartyPolicy  # what the initiator offers, or is configured to offer
    responder: PartyPolicy  # what the responder accepts, or is configured to accept
    refusal: NotifyType | None = None  # the error notify that a refusal carries, where it can be read
    reaction: Reaction | None = None  # what our engine's deviation obliges the peer to; None where it keeps all rules
    echo: bool = True  # whether echo requests through the tunnel are answered
    knows_additional: bool = True  # whether the responder knows the ADDKE transform types (RFC 9370)

    @property
    def establishes(self) -> bool:
        """Whether the IKE SA and its Child SA are predicted to come up."""
        return self.outcome in (Outcome.HYBRID, Outcome.PQ_ONLY, Outcome.CLASSICAL)

    def of(self, role: Role) -> PartyPolicy:
        """What the party in this role offers or accepts."""
        return self.initiator if role is Role.INITIATOR else self.responder

    def without(self, reason: str) -> Expectation:
        """The same case, planned and not sent, for the reason given."""
        return replace(self, outcome=None, ike=(), esp=(), refusal=None, unsupported="", skipped=reason)

    def unsupported_for(self, reason: str) -> Expectation:
        """The same case, refused for what a party lacks; "" where it lacks nothing."""
        return replace(self, unsupported=reason)

    def with_reaction(self, reaction: Reaction) -> Expectation:
        """The prediction where all would come up but for what our engine does."""
        if reaction.duty is Duty.REFUSE:
            return replace(self, refusal=reaction.notify, reaction=reaction)
        up = reaction.duty is Duty.CARRY_ON
        # Nobody can refuse cleanly what nobody can see: after it the two sides merely cannot understand each other.
        outcome = outcome_of(self.ike[0]) if up else Outcome.BROKEN
        return replace(self, outcome=outcome, refusal=None, reaction=reaction)


def lacking(policy: Policy, unavailable: Unavailable) -> str:
    """Why our engine cannot play a half with this policy on this machine; "" where it can."""
    for proposal in policy:
        for kind, algorithms in proposal.transforms.items():
            for algorithm in algorithms if kind.is_key_exchange else ():
                if reason := unavailable.get(KeyExchangeMethod(algorithm.identifier)):
                    return reason
    return ""


_OF_ENGINE = ("outcome", "ike", "esp", "refusal", "skipped", "unsupported", "engine", "peer", "reaction")
_OF_PRODUCTS = ("outcome", "ike", "esp", "skipped", "unsupported", "initiator", "responder")


def to_record(expectation: Expectation, engine: Role | None) -> dict[str, Any]:
    """The prediction as the plan and the evidence have it (format 1). ``engine`` is our engine's role; None: no engine.

    With our engine, the two policies stand under ``engine`` and ``peer``.
    """
    value: dict[str, Any] = to_json(expectation)  # type: ignore[assignment]  # a dataclass becomes an object
    if engine is None:
        return {name: value[name] for name in _OF_PRODUCTS}
    value |= {"engine": value[engine.value], "peer": value[engine.other.value]}
    names = _OF_ENGINE if expectation.echo else (*_OF_ENGINE, "echo")  # said where it is out of the ordinary
    return {name: value[name] for name in names}


def from_record(value: Mapping[str, Any], engine: Role | None) -> Expectation:
    """The inverse of ``to_record``.

    Raises:
        RecordError: it does not hold a prediction.
    """
    if engine is not None:
        missing = [name for name in ("engine", "peer") if name not in value]
        if missing:
            raise RecordError(f"expectation: {' and '.join(missing)} missing")
        value = {**value, engine.value: value["engine"], engine.other.value: value["peer"]}
    known = {name: value[name] for name in value if name != "knows_additional"}  # never written: a sheet says it
    return from_json(Expectation, known)
