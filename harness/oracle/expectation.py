"""What a case must end in, decided before anything is sent: the one place where the two halves of a case are fixed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from harness.ike.policy import Policy, Suite
from harness.oracle import exercised
from harness.oracle.negotiation import acceptable_suites, first_child
from harness.oracle.outcome import outcome_of
from harness.oracle.reason import why_refused
from harness.registry.notifications import NotifyType
from harness.registry.transforms import KeyExchangeMethod
from harness.results.model import Outcome
from harness.scenario.model import PartyPolicy, Role, Scenario, Subject
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
    worn = peer.profile.policy if peer.profile else without_unsupported(other, peer.capabilities)
    offer, accept = (engine, worn) if role is Role.INITIATOR else (worn, engine)
    knows_additional = role is Role.RESPONDER or peer.capabilities.additional_key_exchange
    ike = acceptable_suites(offer.ike, accept.ike, knows_additional)
    esp = acceptable_suites(first_child(offer.esp), first_child(accept.esp)) if ike else ()
    found = Expectation(Outcome.REFUSED, ike, esp, NotifyType.NO_PROPOSAL_CHOSEN, "", "", engine, worn)
    skipped = (
        _role_missing(scenario, peer, role)
        or _method_missing(engine.ike, unavailable or {})
        or exercised.why_not(scenario, peer, role, worn, ike)
    )
    if skipped:
        return replace(found, outcome=None, ike=(), esp=(), refusal=None, skipped=skipped)
    if not ike or not esp:
        full = acceptable_suites(scenario.offer.ike, scenario.accept.ike)
        return replace(found, unsupported=why_refused(scenario, peer, worn, bool(ike)) if full else "")
    if scenario.settings.wrong_psk:
        return replace(found, esp=(), refusal=NotifyType.AUTHENTICATION_FAILED)
    return replace(found, outcome=outcome_of(ike[0]), refusal=None)


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
