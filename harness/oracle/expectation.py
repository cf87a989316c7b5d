"""What a case must end in, decided before anything is sent: the one place where the two halves of a case are fixed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from harness.ike.policy import Policy, Suite
from harness.oracle import exercised
from harness.oracle.negotiation import acceptable_suites, first_child
from harness.oracle.outcome import outcome_of
from harness.oracle.reaction import Duty, Reaction, reaction_to
from harness.oracle.reason import why_refused
from harness.registry.notifications import NotifyType
from harness.registry.transforms import KeyExchangeMethod
from harness.results.model import Outcome
from harness.scenario.model import Mode, PartyPolicy, Role, Scenario, Subject
from harness.scenario.peer import Peer
from harness.scenario.render_half import without_unsupported


@dataclass(frozen=True, slots=True)
class Expectation:
    """The prediction for one case. Exactly what the verifier compares with what was seen."""

    outcome: Outcome | None  # None when the case is skipped
    ike: tuple[Suite, ...]  # acceptable suites of the IKE SA; empty: the responder must refuse
    esp: tuple[Suite, ...]  # acceptable suites of the first Child SA; empty although ``ike`` is not: no Child SA
    refusal: NotifyType | None  # the error notify that a refusal carries
    skipped: str  # why the case is not sent, "" when it is
    unsupported: str  # what the peer lacks, so that its clean refusal is no failure; "" otherwise
    engine: PartyPolicy  # what our engine offers or accepts
    peer: PartyPolicy  # what the peer is configured to offer or accept
    reaction: Reaction | None = None  # what our engine's deviation obliges the peer to; None where it keeps all rules

    @property
    def establishes(self) -> bool:
        """Whether the IKE SA and its Child SA are predicted to come up."""
        return self.outcome in (Outcome.HYBRID, Outcome.PQ_ONLY, Outcome.CLASSICAL)


def expect(
    scenario: Scenario,
    peer: Peer,
    role: Role,
    unavailable: Mapping[KeyExchangeMethod, str] | None = None,
) -> Expectation:
    """Predict one case.

    ``role`` is the engine's. ``unavailable`` holds the methods that the engine lacks on this machine, with the reason.
    """
    if peer.profile and scenario.subject is Subject.EXCHANGE:
        both = PartyPolicy(peer.profile.policy.ike, first_child(peer.profile.policy.esp))
        scenario = replace(scenario, offer=both, accept=both)
    engine = scenario.offer if role is Role.INITIATOR else scenario.accept
    other = scenario.accept if role is Role.INITIATOR else scenario.offer
    able = peer.profile.policy if peer.profile else without_unsupported(other, peer.capabilities)
    worn = other if scenario.settings.as_written and not peer.profile else able
    offer, accept = (engine, able) if role is Role.INITIATOR else (able, engine)
    knows_additional = role is Role.RESPONDER or peer.capabilities.additional_key_exchange
    ike = acceptable_suites(offer.ike, accept.ike, knows_additional)
    esp = acceptable_suites(first_child(offer.esp), first_child(accept.esp)) if ike else ()
    found = Expectation(Outcome.REFUSED, ike, esp, NotifyType.NO_PROPOSAL_CHOSEN, "", "", engine, worn)
    reason = (
        _role_missing(scenario, peer, role)
        or _method_missing(engine.ike, unavailable or {})
        or _beside_the_deviation(scenario, peer, able, ike, esp)
        or exercised.why_not(scenario, peer, role, able, ike)
    )
    if reason:
        return skipped(found, reason)
    if not ike or not esp:
        full = acceptable_suites(scenario.offer.ike, scenario.accept.ike)
        return replace(found, unsupported=why_refused(scenario, peer, able, bool(ike)) if full else "")
    if scenario.settings.mode is Mode.TRANSPORT and not peer.capabilities.transport_mode:
        return replace(found, esp=(), unsupported=f"{peer.title} has no transport mode")
    if scenario.settings.wrong_psk:
        return replace(found, esp=(), refusal=NotifyType.AUTHENTICATION_FAILED)
    if scenario.deviation is not None:
        return _with_reaction(found, reaction_to(scenario.deviation, role))
    return replace(found, outcome=outcome_of(ike[0]), refusal=None)


def _with_reaction(found: Expectation, reaction: Reaction) -> Expectation:
    """The prediction where all would come up but for what our engine does."""
    if reaction.duty is Duty.REFUSE:
        return replace(found, refusal=reaction.notify, reaction=reaction)
    up = reaction.duty is Duty.CARRY_ON
    # Nobody can refuse cleanly what nobody can see: after it the two sides merely cannot understand each other.
    outcome = outcome_of(found.ike[0]) if up else Outcome.BROKEN
    return replace(found, outcome=outcome, refusal=None, reaction=reaction)


def _beside_the_deviation(
    scenario: Scenario, peer: Peer, worn: PartyPolicy, ike: tuple[Suite, ...], esp: tuple[Suite, ...]
) -> str:
    """Why our deviation would say nothing of this peer, "" when it would."""
    if scenario.deviation is None:
        return ""
    if peer.emulated:
        return f"{peer.title} is a published policy: what it makes of a deviation would be its wearer's doing"
    if ike and esp:
        return ""
    lacks = why_refused(scenario, peer, worn, bool(ike)) or f"{peer.title} has no common ground with this offer"
    return f"{lacks}, so the case would end before the deviation"


def skipped(expectation: Expectation, reason: str) -> Expectation:
    """The same case, planned and not sent, for the reason given."""
    return replace(expectation, outcome=None, ike=(), esp=(), refusal=None, unsupported="", skipped=reason)


def _role_missing(scenario: Scenario, peer: Peer, role: Role) -> str:
    if role not in scenario.roles:
        return scenario.role_reason
    counterpart = Role.RESPONDER if role is Role.INITIATOR else Role.INITIATOR
    return "" if counterpart in peer.capabilities.roles else peer.capabilities.role_reason


def _method_missing(policy: Policy, unavailable: Mapping[KeyExchangeMethod, str]) -> str:
    """Why the engine cannot play its half on this machine."""
    for proposal in policy:
        for kind, algorithms in proposal.transforms.items():
            for algorithm in algorithms if kind.is_key_exchange else ():
                if reason := unavailable.get(KeyExchangeMethod(algorithm.identifier)):
                    return reason
    return ""
