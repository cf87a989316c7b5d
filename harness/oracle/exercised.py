"""Whether a case would test what its scenario is about; if not, it is planned SKIPPED with the reason given here.

A product can refuse or choose, and that is always a result. But it cannot be told to offer what it lacks, and a
vendor's published policy is what it is: a case in which the thing under test never reaches the wire proves nothing.
"""

from __future__ import annotations

from harness.ike.policy import Policy, ProposalPolicy, Suite
from harness.oracle.negotiation import acceptable_suites, first_child
from harness.oracle.outcome import key_exchanges
from harness.oracle.reason import missing_algorithms, why_refused
from harness.registry.transforms import KeyExchangeMethod
from harness.scenario.model import Mode, PartyPolicy, Role, Scenario, Subject
from harness.scenario.peer import Peer

RETRY_CHECK = "retry-repeats-the-offer"
NO_INTERMEDIATE_CHECK = "no-intermediate-exchange"
WITHOUT_UDP_CHECK = "esp-without-udp"


def why_not(scenario: Scenario, peer: Peer, role: Role, worn: PartyPolicy, ike: tuple[Suite, ...]) -> str:
    """Why the case would not test what the scenario is about, "" when it does.

    ``worn`` is what the peer can do of its half, ``ike`` what follows from the two halves.
    """
    if scenario.settings.as_written and peer.emulated:
        return f"{peer.title} is a published policy: it has no build that could lack what is configured"
    if reason := _esp_carriage(scenario, peer, role):
        return reason
    if role is Role.INITIATOR:
        reason = _answer(scenario, peer, worn, ike)
    else:
        reason = _emulated_offer(scenario, peer, worn, ike) if peer.emulated else _product_offer(scenario, peer, worn)
    if reason:
        return reason
    offer = worn.ike if role is Role.RESPONDER else scenario.offer.ike
    checks = {expect.check for expect in scenario.expect}
    if RETRY_CHECK in checks and any(suite.key_exchange == first_guess(offer) for suite in ike):
        return f"{peer.title} accepts the first key exchange guess, so there is nothing to retry"
    if NO_INTERMEDIATE_CHECK in checks and any(suite.additional_key_exchanges for suite in ike):
        return f"{peer.title} does not select NONE: its policy asks for the additional key exchange"
    return ""


def _esp_carriage(scenario: Scenario, peer: Peer, role: Role) -> str:
    """Modes and encapsulation are no transforms: nobody publishes them, and a product is not asked to lack them."""
    transport = scenario.settings.mode is Mode.TRANSPORT
    without_udp = any(expect.check == WITHOUT_UDP_CHECK for expect in scenario.expect)
    if peer.emulated and (transport or without_udp):
        return f"the published policy of {peer.title} does not say how it carries ESP"
    if without_udp and not peer.capabilities.esp_without_udp:
        return f"{peer.title} puts ESP into UDP always: it feigns a NAT"
    if transport and role is Role.RESPONDER and not peer.capabilities.transport_mode:
        return f"as initiator {peer.title} cannot use transport mode, so it cannot send what is under test"
    return ""


def first_guess(offer: Policy) -> KeyExchangeMethod | None:
    """The method of the KE payload in the first IKE_SA_INIT request: the most preferred of the first proposal."""
    return offer[0].key_exchange_methods[0] if offer and offer[0].key_exchange_methods else None


def _answer(scenario: Scenario, peer: Peer, worn: PartyPolicy, ike: tuple[Suite, ...]) -> str:
    """A responder answers whatever comes, unless the case would end, or pass, before what it is about."""
    if peer.emulated and scenario.subject is Subject.OFFER and not ike:
        return f"{why_refused(scenario, peer, worn, False)}, so the case would end before what it is about"
    if scenario.settings.require_cookie and not peer.capabilities.demands_cookies:
        return f"as responder {peer.title} never demands a COOKIE"
    return ""


def _product_offer(scenario: Scenario, peer: Peer, worn: PartyPolicy) -> str:
    """A product initiates with the scenario's very offer or not at all: a weaker offer is another scenario."""
    return "" if worn == scenario.offer else cannot_offer(scenario, peer, worn)


def cannot_offer(scenario: Scenario, peer: Peer, worn: PartyPolicy) -> str:
    """In words, what keeps a product from offering what the scenario offers."""
    missing = missing_algorithms(scenario.offer, worn)
    return (
        f"as initiator {peer.title} cannot offer {missing or 'these proposals'}, so it cannot send what is under test"
    )


def _emulated_offer(scenario: Scenario, peer: Peer, worn: PartyPolicy, ike: tuple[Suite, ...]) -> str:
    """A vendor initiates with its published policy: it counts where the scenario is part of that."""
    own = {key_exchanges(suite) for suite in acceptable_suites(scenario.offer.ike, scenario.accept.ike)}
    covered = all(any(_covers(wide, narrow) for wide in worn.ike) for narrow in scenario.offer.ike)
    child = acceptable_suites(first_child(worn.esp), first_child(scenario.accept.esp))
    if covered and ike and child and {key_exchanges(suite) for suite in ike} <= own:
        return ""
    return f"as initiator {peer.title} offers its published policy, which is not what this scenario tests"


def _covers(wide: ProposalPolicy, narrow: ProposalPolicy) -> bool:
    """Whether one offered proposal holds every key exchange, and every unknown type, that the other one offers."""
    kinds = {kind for kind in narrow.transforms if kind.is_key_exchange or not kind.is_known}
    if kinds != {kind for kind in wide.transforms if kind.is_key_exchange or not kind.is_known}:
        return False
    return all(set(narrow.of(kind)) <= set(wide.of(kind)) for kind in kinds)
