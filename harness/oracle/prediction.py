"""Predictions: from a scenario and its two parties to what the case must end in."""

from __future__ import annotations

from dataclasses import replace

from harness.oracle.applicability import cannot_offer, nothing_in_common, why_not, why_refused
from harness.oracle.expectation import Expectation, Unavailable, lacking
from harness.oracle.negotiation import TooManySuites, acceptable_suites, first_child
from harness.oracle.outcome import outcome_of
from harness.oracle.reaction import reaction_to, skips_additional
from harness.policy.deviation import Deviation
from harness.policy.proposals import PartyPolicy, Suite
from harness.policy.role import Role
from harness.registry.notifications import NotifyType
from harness.results.model import Outcome
from harness.scenario.capable_policy import without_unsupported
from harness.scenario.model import AuthenticationMethod, Mode, Parties, Scenario, Step, Subject
from harness.scenario.party import Engine, Party
from harness.scenario.peer import Peer

_REKEYS = (Step.REKEY_CHILD, Step.REKEY_IKE)


def expect(
    scenario: Scenario, initiator: Party, responder: Party, unavailable: Unavailable | None = None
) -> Expectation:
    """Predict one case. ``unavailable``: key exchange methods that our engine lacks on this machine.

    Raises:
        ValueError: both parties are our engine under control: one of the two is always under test.
    """
    try:
        return _expect(scenario, initiator, responder, unavailable or {})
    except TooManySuites as error:
        nothing = PartyPolicy((), ())
        return Expectation(None, (), (), str(error), "", nothing, nothing)


def _expect(scenario: Scenario, initiator: Party, responder: Party, unavailable: Unavailable) -> Expectation:
    if isinstance(initiator, Engine):
        if isinstance(responder, Engine):
            raise ValueError("a case has one party under test")
        return _expect_of_engine(scenario, responder, Role.INITIATOR, unavailable)
    if isinstance(responder, Engine):
        return _expect_of_engine(scenario, initiator, Role.RESPONDER, unavailable)
    return _expect_of_products(scenario, initiator, responder)


def _expect_of_engine(scenario: Scenario, peer: Peer, role: Role, unavailable: Unavailable) -> Expectation:
    """A case of our engine, in this role, and a peer."""
    if peer.profile and scenario.subject is Subject.EXCHANGE:
        both = PartyPolicy(peer.profile.policy.ike, first_child(peer.profile.policy.esp))
        scenario = replace(scenario, offer=both, accept=both)
    engine = scenario.offer if role is Role.INITIATOR else scenario.accept
    other = scenario.accept if role is Role.INITIATOR else scenario.offer
    able = peer.profile.policy if peer.profile else without_unsupported(other, peer.capabilities)
    theirs = other if scenario.settings.as_written and not peer.profile else able
    offer, accept = (engine, able) if role is Role.INITIATOR else (able, engine)
    knows_additional = role is Role.RESPONDER or peer.capabilities.additional_key_exchange
    agreed = acceptable_suites(offer.ike, accept.ike, knows_additional)
    skips = skips_additional(scenario.deviation, role)
    ike = acceptable_suites(offer.ike, accept.ike, knows_additional=False) if skips else agreed
    child = acceptable_suites(first_child(offer.esp), first_child(accept.esp)) if agreed else ()
    esp = child if ike else ()
    halves = (engine, theirs) if role is Role.INITIATOR else (theirs, engine)
    echo = peer.capabilities.echo
    found = Expectation(
        Outcome.REFUSED, ike, esp, "", "", *halves, NotifyType.NO_PROPOSAL_CHOSEN, None, echo, knows_additional
    )
    reason = (
        _role_missing(scenario, peer, role)
        or lacking(engine.ike, unavailable)
        or _beside_the_deviation(scenario, peer, able, agreed, child)
        or why_not(scenario, peer, role, able, ike)
    )
    if reason:
        return found.without(reason)
    if not skips and not (ike and esp):
        full = acceptable_suites(scenario.offer.ike, scenario.accept.ike)
        return found.unsupported_for(why_refused(scenario, peer, able, bool(ike)) if full else "")
    if scenario.settings.mode is Mode.TRANSPORT and not peer.capabilities.transport_mode:
        return replace(found, esp=(), unsupported=f"{peer.title} has no transport mode")
    if scenario.settings.wrong_psk:
        return replace(found, esp=(), refusal=NotifyType.AUTHENTICATION_FAILED)
    if scenario.deviation is not None:
        return found.with_reaction(reaction_to(scenario.deviation, role, another=bool(ike)))
    return replace(found, outcome=outcome_of(ike[0]), refusal=None)


def _beside_the_deviation(
    scenario: Scenario, peer: Peer, theirs: PartyPolicy, ike: tuple[Suite, ...], esp: tuple[Suite, ...]
) -> str:
    """Why our deviation would say nothing of this peer, "" when it would."""
    if scenario.deviation is None:
        return ""
    if peer.emulated:
        return f"{peer.title} is a published policy: its reaction to a deviation would be another product's"
    if ike and esp:
        if scenario.deviation is not Deviation.INTERMEDIATE_UNANNOUNCED or any(one.names_additional for one in ike):
            return ""
        return f"{peer.title} has no additional key exchange in common with us, and so none that would be announced"
    lacks = why_refused(scenario, peer, theirs, bool(ike)) or f"{peer.title} has no common ground with this offer"
    return f"{lacks}, so the case would end before the deviation"


def _role_missing(scenario: Scenario, peer: Peer, role: Role) -> str:
    if role not in scenario.roles:
        return scenario.role_reason
    return "" if role.other in peer.capabilities.roles else peer.capabilities.role_reason


def _expect_of_products(scenario: Scenario, initiator: Peer, responder: Peer) -> Expectation:
    """A case of two peers, none of which is our engine."""
    offer, accept = _halves(scenario, initiator, responder)
    knows_additional = responder.capabilities.additional_key_exchange
    ike = acceptable_suites(offer.ike, accept.ike, knows_additional)
    esp = acceptable_suites(first_child(offer.esp), first_child(accept.esp)) if ike else ()
    found = Expectation(Outcome.REFUSED, ike, esp, "", "", offer, accept, knows_additional=knows_additional)
    if reason := _why_not_products(scenario, initiator, responder, offer):
        return found.without(reason)
    if ike and esp:
        return replace(found, outcome=outcome_of(ike[0]))
    if scenario.parties is Parties.PUBLISHED:
        return found.unsupported_for(_parted(initiator, responder, found))
    return found.unsupported_for(why_refused(scenario, responder, accept, bool(ike)))


def _parted(initiator: Peer, responder: Peer, found: Expectation) -> str:
    ours, theirs = found.initiator, found.responder
    layer = "ESP" if found.ike else "IKE"
    sides = (first_child(ours.esp), first_child(theirs.esp)) if found.ike else (ours.ike, theirs.ike)
    where = nothing_in_common(*sides, initiator.title, responder.title)
    return f"the two published policies have no {layer} proposal in common: {where}"


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


def _why_not_products(scenario: Scenario, initiator: Peer, responder: Peer, offer: PartyPolicy) -> str:
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
