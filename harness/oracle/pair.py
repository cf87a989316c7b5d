"""What two products must end in with each other, from their two policies: decided before anything is sent."""

from __future__ import annotations

from dataclasses import dataclass, replace

from harness.ike.policy import Suite
from harness.oracle.exercised import cannot_offer
from harness.oracle.negotiation import acceptable_suites, first_child
from harness.oracle.outcome import outcome_of
from harness.oracle.reason import nothing_in_common, why_refused
from harness.results.model import Outcome
from harness.scenario.model import AuthenticationMethod, Parties, PartyPolicy, Role, Scenario, Step
from harness.scenario.peer import Peer
from harness.scenario.render_half import without_unsupported

_REKEYS = (Step.REKEY_CHILD, Step.REKEY_IKE)


@dataclass(frozen=True, slots=True)
class PairExpectation:
    """The prediction for one case of two peers. Exactly what the verifier compares with what was seen."""

    outcome: Outcome | None  # None when the case is skipped
    ike: tuple[Suite, ...]  # acceptable suites of the IKE SA; empty: the responder must refuse
    esp: tuple[Suite, ...]  # acceptable suites of the first Child SA; empty although ``ike`` is not: no Child SA
    skipped: str  # why the case is not sent, "" when it is
    unsupported: str  # what a party lacks, so that the clean refusal is no failure; "" otherwise
    initiator: PartyPolicy  # what the initiator is configured to offer
    responder: PartyPolicy  # what the responder is configured to accept

    @property
    def establishes(self) -> bool:
        """Whether the IKE SA and its Child SA are predicted to come up."""
        return self.outcome in (Outcome.HYBRID, Outcome.PQ_ONLY, Outcome.CLASSICAL)


def expect_pair(scenario: Scenario, initiator: Peer, responder: Peer) -> PairExpectation:
    """Predict one case of two peers."""
    offer, accept = _halves(scenario, initiator, responder)
    ike = acceptable_suites(offer.ike, accept.ike, responder.capabilities.additional_key_exchange)
    esp = acceptable_suites(first_child(offer.esp), first_child(accept.esp)) if ike else ()
    found = PairExpectation(Outcome.REFUSED, ike, esp, "", "", offer, accept)
    if reason := _why_not(scenario, initiator, responder, offer):
        return skipped_pair(found, reason)
    if ike and esp:
        return replace(found, outcome=outcome_of(ike[0]))
    if scenario.parties is Parties.PUBLISHED:
        return replace(found, unsupported=_parted(initiator, responder, found))
    return replace(found, unsupported=why_refused(scenario, responder, accept, bool(ike)))


def _parted(initiator: Peer, responder: Peer, found: PairExpectation) -> str:
    ours, theirs = found.initiator, found.responder
    layer = "ESP" if found.ike else "IKE"
    sides = (first_child(ours.esp), first_child(theirs.esp)) if found.ike else (ours.ike, theirs.ike)
    where = nothing_in_common(*sides, initiator.title, responder.title)
    return f"the two published policies have no {layer} proposal in common: {where}"


def skipped_pair(expectation: PairExpectation, reason: str) -> PairExpectation:
    """The same case, planned and not sent, for the reason given."""
    return replace(expectation, outcome=None, ike=(), esp=(), unsupported="", skipped=reason)


def _halves(scenario: Scenario, initiator: Peer, responder: Peer) -> tuple[PartyPolicy, PartyPolicy]:
    if scenario.parties is Parties.PUBLISHED:
        nothing = PartyPolicy((), ())
        return published(initiator) or nothing, published(responder) or nothing
    return (
        without_unsupported(scenario.offer, initiator.capabilities),
        without_unsupported(scenario.accept, responder.capabilities),
    )


def published(peer: Peer) -> PartyPolicy | None:
    """What a vendor publishes, or a product has when nobody configures a policy; None where none is known."""
    if peer.profile:
        return peer.profile.policy
    return peer.published.policy if peer.published else None


def _why_not(scenario: Scenario, initiator: Peer, responder: Peer, offer: PartyPolicy) -> str:
    for peer, role in ((initiator, Role.INITIATOR), (responder, Role.RESPONDER)):
        if role not in peer.capabilities.roles:
            return peer.capabilities.role_reason
        if scenario.parties is Parties.PUBLISHED and published(peer) is None:
            return f"no published policy of {peer.title} is on record"
    if scenario.parties is Parties.PRODUCTS and offer != scenario.offer:
        return cannot_offer(scenario, initiator, offer)
    for peer in (initiator, responder):
        if scenario.settings.authentication is AuthenticationMethod.CERTIFICATE and not peer.capabilities.certificates:
            return f"{peer.title}: {peer.capabilities.certificates_reason}"
    if set(_REKEYS) & set(scenario.steps) and not rekeyer(initiator, responder):
        return f"neither {initiator.title} nor {responder.title} can be told to rekey"
    return ""


def rekeyer(initiator: Peer, responder: Peer) -> Role | None:
    """Which side starts the rekeys: the initiator if its control interface can, else the responder; None if neither."""
    if initiator.capabilities.rekeys:
        return Role.INITIATOR
    return Role.RESPONDER if responder.capabilities.rekeys else None
