"""Whether a case would test what its scenario is about; if not, it is planned SKIPPED with the reason given here.

A product can refuse or choose, and that is always a result. But it cannot be told to offer what it lacks, and a
vendor's published policy is what it is: a case in which the thing under test never reaches the wire proves nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from harness.oracle.negotiation import acceptable_suites, first_child
from harness.oracle.outcome import key_exchanges
from harness.policy.proposals import PartyPolicy, Policy, ProposalPolicy, Suite
from harness.policy.role import Role
from harness.registry.algorithms import Algorithm
from harness.registry.transforms import KeyExchangeMethod, TransformType
from harness.scenario.model import Mode, Scenario, Subject
from harness.scenario.peer import Peer

RETRY_CHECK = "retry-repeats-the-offer"
NO_INTERMEDIATE_CHECK = "no-intermediate-exchange"
WITHOUT_UDP_CHECK = "esp-without-udp"


def why_not(scenario: Scenario, peer: Peer, role: Role, theirs: PartyPolicy, ike: tuple[Suite, ...]) -> str:
    """Why the case would not test what the scenario is about, "" when it does.

    ``theirs`` is the peer's policy as its build can carry it out, ``ike`` what follows from the two policies.
    """
    if scenario.settings.as_written and peer.emulated:
        return f"{peer.title} is a published policy: it has no build that could lack what is configured"
    if reason := _esp_carriage(scenario, peer, role):
        return reason
    if role is Role.INITIATOR:
        reason = _answer(scenario, peer, theirs, ike)
    else:
        reason = (
            _emulated_offer(scenario, peer, theirs, ike) if peer.emulated else _product_offer(scenario, peer, theirs)
        )
    if reason:
        return reason
    offer = theirs.ike if role is Role.RESPONDER else scenario.offer.ike
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


def _answer(scenario: Scenario, peer: Peer, theirs: PartyPolicy, ike: tuple[Suite, ...]) -> str:
    """A responder answers whatever comes, unless the case would end, or pass, before what it is about."""
    if peer.emulated and scenario.subject is Subject.OFFER and not ike:
        return f"{why_refused(scenario, peer, theirs, False)}, so the case would end before what it is about"
    if scenario.settings.require_cookie and not peer.capabilities.demands_cookies:
        return f"as responder {peer.title} never demands a COOKIE"
    return ""


def _product_offer(scenario: Scenario, peer: Peer, theirs: PartyPolicy) -> str:
    """A product initiates with the scenario's very offer or not at all: a weaker offer is another scenario."""
    return "" if theirs == scenario.offer else cannot_offer(scenario, peer, theirs)


def cannot_offer(scenario: Scenario, peer: Peer, theirs: PartyPolicy) -> str:
    """In words, what keeps a product from offering what the scenario offers."""
    child = _missing(first_child(scenario.offer.esp), _esp_of(peer, theirs), "ESP ")
    missing = ", ".join(dict.fromkeys([*_missing(scenario.offer.ike, _ike_of(peer, theirs), ""), *child]))
    return (
        f"as initiator {peer.title} cannot offer {missing or 'these proposals'}, so it cannot send what is under test"
    )


def _emulated_offer(scenario: Scenario, peer: Peer, theirs: PartyPolicy, ike: tuple[Suite, ...]) -> str:
    """A vendor initiates with its published policy: it counts where the scenario is part of that."""
    own = {key_exchanges(suite) for suite in acceptable_suites(scenario.offer.ike, scenario.accept.ike)}
    covered = all(any(_covers(wide, narrow) for wide in theirs.ike) for narrow in scenario.offer.ike)
    child = acceptable_suites(first_child(theirs.esp), first_child(scenario.accept.esp))
    if covered and ike and child and {key_exchanges(suite) for suite in ike} <= own:
        return ""
    return f"as initiator {peer.title} offers its published policy, which is not what this scenario tests"


def _covers(wide: ProposalPolicy, narrow: ProposalPolicy) -> bool:
    """Whether one offered proposal holds every key exchange, and every unknown type, that the other one offers."""
    kinds = {kind for kind in narrow.transforms if kind.is_key_exchange or not kind.is_known}
    if kinds != {kind for kind in wide.transforms if kind.is_key_exchange or not kind.is_known}:
        return False
    return all(set(narrow.of(kind)) <= set(wide.of(kind)) for kind in kinds)


def why_refused(scenario: Scenario, peer: Peer, theirs: PartyPolicy, ike_agreed: bool) -> str:
    """What makes a clean refusal by this peer right: what its capability sheet, or its published policy, lacks.

    "" when it lacks nothing that the scenario asks for: then a refusal is not the peer's incapacity. ``ike_agreed``
    says that the IKE SA itself is agreed, so that the refusal concerns the Child SA.
    """
    asked = scenario.accept
    if ike_agreed:
        lacking = ", ".join(dict.fromkeys(_missing(first_child(asked.esp), _esp_of(peer, theirs), "ESP ")))
    else:
        lacking = ", ".join(dict.fromkeys(_missing(asked.ike, _ike_of(peer, theirs), "")))
    if peer.emulated:
        if lacking:
            return f"its published policy has no {lacking}"
        required = all(proposal.has_additional_key_exchange for proposal in theirs.ike)
        return (
            f"its published policy {'requires an additional key exchange' if required else 'accepts no such proposal'}"
        )
    uses_additional = any(proposal.has_additional_key_exchange for proposal in scenario.offer.ike)
    if not ike_agreed and uses_additional and not peer.capabilities.additional_key_exchange:
        return f"{peer.title} has no multiple key exchanges (RFC 9370)"
    return f"{peer.title} has no {lacking}" if lacking else ""


_Had = Callable[[TransformType], Collection[Algorithm]]
"""What there is of a type of transform."""


def _ike_of(peer: Peer, theirs: PartyPolicy) -> _Had:
    """A product has what its capability sheet has, whatever became of the proposals; a vendor's profile its policy."""
    sheet = peer.capabilities.ike
    if peer.emulated:
        return lambda kind: [one for proposal in theirs.ike for one in proposal.of(kind)]
    if not peer.capabilities.additional_key_exchange:
        return lambda kind: sheet.get(kind, ())
    return lambda kind: sheet.get(TransformType.KE if kind.is_additional_key_exchange else kind, ())


def _esp_of(peer: Peer, theirs: PartyPolicy) -> _Had:
    if peer.emulated:
        return lambda kind: [one for proposal in first_child(theirs.esp) for one in proposal.of(kind)]
    return lambda kind: peer.capabilities.esp.get(kind, ())


def _missing(wanted: Policy, had: _Had, prefix: str) -> list[str]:
    """The algorithms of ``wanted`` that are not had for the same type, spelt for a reader."""
    found: list[str] = []
    for proposal in wanted:
        for kind, algorithms in proposal.transforms.items():
            lacking = [one for one in algorithms if one not in had(kind)]
            if kind.is_known:  # 0 says NONE, but of SN, where it is an algorithm like any other
                named = (one for one in lacking if one.identifier or kind == TransformType.SN)
                found.extend(prefix + _spell(one.name(kind), kind) for one in named)
            elif lacking:
                found.append(f"transform type {kind.value}")
    return found


def _spell(name: str, kind: TransformType) -> str:
    return f"{name} as {kind.name}" if kind.is_additional_key_exchange else name


def nothing_in_common(offer: Policy, accept: Policy, initiator: str, responder: str) -> str:
    """Where two policies part: the types of the two closest proposals that have no algorithm in common.

    "KE: strongSwan 6.1 offers ecp256, ecp384; Cisco (emulated) accepts modp2048".
    """
    parted = [_parted(one, other) for one in offer for other in accept]
    closest = min(parted, key=len, default=())
    return "; ".join(
        f"{kind.name}: {initiator} offers {_listed(ours, kind)}, {responder} accepts {_listed(theirs, kind)}"
        for kind, ours, theirs in closest
    )


_Parted = tuple[TransformType, tuple[Algorithm, ...], tuple[Algorithm, ...]]


def _parted(offered: ProposalPolicy, accepted: ProposalPolicy) -> tuple[_Parted, ...]:
    kinds = dict.fromkeys((*offered.transforms, *accepted.transforms))
    sides = ((kind, offered.of(kind), accepted.of(kind)) for kind in kinds)
    return tuple((kind, ours, theirs) for kind, ours, theirs in sides if not set(ours) & set(theirs))


def _listed(algorithms: tuple[Algorithm, ...], kind: TransformType) -> str:
    return ", ".join(algorithm.name(kind) for algorithm in algorithms) or "none"
