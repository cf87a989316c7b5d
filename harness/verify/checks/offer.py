"""What the initiator offers and how the responder refuses, both in clear in IKE_SA_INIT."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TypeVar

from harness.oracle.negotiation import have_common_ground, may_choose
from harness.policy.proposals import Policy, ProposalPolicy, Suite
from harness.registry.algorithms import Algorithm
from harness.registry.messages import ExchangeType, Protocol
from harness.registry.notifications import NotifyType
from harness.registry.transforms import TransformType
from harness.results.model import CAPTURE, Severity
from harness.scenario.model import Parties
from harness.verify.check import Arguments, Checked, Due, Objection, missing, pair_check
from harness.verify.pair_view import PairView
from harness.verify.wire import of
from harness.wire.payloads import Notify, SecurityAssociation

T = TypeVar("T")

_LISTED = 4  # algorithms that a sentence names of a longer list


@pair_check("pair-offered-as-published", due=Due.PREDICTED)
def offered_as_published(view: PairView, _arguments: Arguments) -> Checked:
    """The first request offers what the record of the initiator's policy says, in its order.

    A difference shows that our record is wrong, or how the lab configured the peer: it is no failure of the product,
    but what was predicted from the record proves nothing then.
    """
    seen, recorded = offered(view), as_sent(view.expectation.initiator.ike)
    if seen is None:
        return missing("the IKE_SA_INIT request", CAPTURE)
    if seen == recorded:
        return Checked(f"the {len(seen)} IKE proposals on record for {view.sides[0].peer}")
    sentence = f"our record of what {view.sides[0].peer} offers is wrong: {_difference(recorded, seen)}"
    pointer = view.find(ExchangeType.IKE_SA_INIT, response=False)[0].pointer
    return Checked("", (Objection("", sentence, pointer, None, Severity.INCONCLUSIVE),))


@pair_check("pair-offered-as-told", due=Due.ALWAYS)
def offered_as_told(view: PairView, _arguments: Arguments) -> Checked:
    """The first request offers what the scenario has the initiator offer.

    A difference may be the lab's, which writes the configuration. A method beside those is none as far as the responder
    asks for another one: then the initiator has to have one.
    """
    seen, told = offered(view), as_sent(view.expectation.initiator.ike)
    if view.scenario.parties is Parties.PUBLISHED or seen is None or seen == told:
        return Checked("the proposals that the scenario has")
    demanded = NotifyType.INVALID_KE_PAYLOAD in _errors(view)
    if demanded and _without_more_methods(seen, told) == told:
        return Checked("the proposals that the scenario has, and methods for another try")
    sentence = f"{view.sides[0].peer} does not offer what it is told to: {_difference(told, seen)}"
    pointer = view.find(ExchangeType.IKE_SA_INIT, response=False)[0].pointer
    return Checked("", (Objection("", sentence, pointer, None, Severity.INCONCLUSIVE),))


def _without_more_methods(seen: Policy, told: Policy) -> Policy:
    """An offer without the key exchange methods of type 4 that the policy does not have in the same proposal."""
    kept = []
    for here, there in zip(seen, (*told, *seen[len(told) :]), strict=False):
        methods = tuple(one for one in here.of(TransformType.KE) if one in there.of(TransformType.KE))
        kept.append(ProposalPolicy({k: methods if k == TransformType.KE else v for k, v in here.transforms.items()}))
    return tuple(kept)


def offered(view: PairView) -> Policy | None:
    """What the first request offers, without what says NONE; None where there is no request."""
    first = next(iter(view.find(ExchangeType.IKE_SA_INIT, response=False)), None)
    offer = next(iter(of(first, SecurityAssociation)), None) if first else None
    return None if offer is None else policy_of(offer)


def chosen_twice(view: PairView) -> set[TransformType]:
    """The transform types of which the answer has more than one: another check tells, and it chooses neither."""
    answers = [sa for m in view.find(ExchangeType.IKE_SA_INIT, response=True) for sa in of(m, SecurityAssociation)]
    proposals = [proposal for answer in answers for proposal in answer.proposals]
    counts = [Counter(transform.type for transform in proposal.transforms) for proposal in proposals]
    return {TransformType(kind) for count in counts for kind, times in count.items() if times > 1}


def follows_from_the_offer(view: PairView) -> bool:
    """Whether the offer on the wire and the responder's policy lead to what was chosen, whatever was predicted."""
    return view.suite is not None and may_choose(view.suite, offered(view) or (), view.expectation.responder.ike)


def offers_nothing_acceptable(view: PairView) -> bool:
    """Whether the offer on the wire, or that there is none, has nothing in common with the responder's policy."""
    return not have_common_ground(offered(view) or (), view.expectation.responder.ike)


def could_choose(suite: Suite, offer: Policy) -> bool:
    """Whether some responder may choose this suite from an offer, whatever it likes best (RFC 7296 section 2.7)."""
    only = ProposalPolicy({TransformType(kind): (one,) for kind, one in suite.transforms.items()})
    at = max(suite.proposal_number - 1, 0)  # a number of 0 is its sender's fault, and means the first
    return may_choose(Suite(1, suite.transforms), offer[at:], (only,))  # the first of these alone


def repeats_unfit_integrity(suite: Suite, offer: Policy) -> bool:
    """Whether a proposal has what was chosen, an integrity algorithm beside a combined-mode cipher among it.

    Who offers it is at fault (RFC 7296 section 3.3): an answer holds one transform of each type that is offered.
    """
    bare = Suite(suite.proposal_number, _without_integrity(suite.transforms))
    proposals = tuple(ProposalPolicy(_without_integrity(proposal.transforms)) for proposal in offer)
    at = max(suite.proposal_number - 1, 0)
    offered_so = any(suite.get(TransformType.INTEG) in each.of(TransformType.INTEG) for each in offer[at : at + 1])
    return offered_so and could_choose(bare, proposals)


def _without_integrity(transforms: Mapping[TransformType, T]) -> dict[TransformType, T]:
    return {kind: each for kind, each in transforms.items() if kind != TransformType.INTEG}


@pair_check("pair-refused-with-no-proposal-chosen", due=Due.NOT_UP, requirement="B08")
def refused_with_no_proposal_chosen(view: PairView, _arguments: Arguments) -> Checked:
    """Two policies without an IKE proposal in common end in NO_PROPOSAL_CHOSEN, in clear (RFC 7296 section 2.7).

    Where only ESP has nothing in common, the notification is encrypted: both sides' word that no Child SA came up,
    after an IKE_AUTH exchange, is all that can be had.
    """
    if view.expectation.establishes:
        return Checked("a tunnel is due, and no refusal")
    if view.expectation.ike:
        return _child_sa_refused(view)
    for message, notify in view.refusals:
        if notify == NotifyType.NO_PROPOSAL_CHOSEN:
            return Checked(f"{view.sender(message)} answers NO_PROPOSAL_CHOSEN")
    said = ", ".join(map(str, _errors(view))) or "no error notification in clear"
    return Checked("", (Objection(view.sides[1].peer, f"NO_PROPOSAL_CHOSEN is due; there is {said}", CAPTURE),))


def _errors(view: PairView) -> list[NotifyType]:
    """The error notifications in IKE_SA_INIT, those that ask to try again among them."""
    answers = view.find(ExchangeType.IKE_SA_INIT, response=True)
    return [each.notify_type for message in answers for each in of(message, Notify) if each.notify_type.is_error]


def _child_sa_refused(view: PairView) -> Checked:
    """The IKE proposals have one in common, so that IKE_SA_INIT is not where it may end."""
    if view.refusals:
        message, notify = view.refusals[0]
        sentence = f"it ends with {notify} in {message.label}, though the IKE proposals have one in common"
        return Checked("", (Objection(view.sender(message), sentence, message.pointer),))
    if not view.find(ExchangeType.IKE_AUTH, response=True):
        return missing("the IKE_AUTH response", CAPTURE)
    return Checked("the refusal of the Child SA is inside of IKE_AUTH; neither side reports one")


def policy_of(offer: SecurityAssociation, protocol: Protocol | None = None) -> Policy:
    """The proposals of an SA payload, or those for one protocol, as a policy, without what says NONE."""
    proposals = []
    for proposal in (each for each in offer.proposals if protocol in (None, each.protocol)):
        transforms: dict[TransformType, list[Algorithm]] = {}
        for each in proposal.transforms:
            transforms.setdefault(each.type, []).append(Algorithm(each.identifier, each.key_length))
        proposals.append(ProposalPolicy({kind: tuple(those) for kind, those in transforms.items()}))
    return as_sent(tuple(proposals))


def as_sent(policy: Policy) -> Policy:
    """A policy without INTEG NONE beside a combined-mode cipher: an offer may spell it out or leave it away."""
    return tuple(
        ProposalPolicy(
            {
                kind: algorithms
                for kind, algorithms in proposal.transforms.items()
                if not (kind == TransformType.INTEG and all(one.identifier == 0 for one in algorithms))
            }
        )
        for proposal in policy
    )


def _difference(recorded: Policy, seen: Policy) -> str:
    """The first difference, in words."""
    if len(recorded) != len(seen):
        return f"it has {len(recorded)} proposals, the wire {len(seen)}"
    for number, (here, there) in enumerate(zip(recorded, seen, strict=True), start=1):
        for kind in sorted({*here.transforms, *there.transforms}):
            if here.of(kind) != there.of(kind):
                sides = [_listed(proposal.of(kind), kind) for proposal in (here, there)]
                return f"{kind.name} of proposal {number} is {sides[0]} on record, {sides[1]} on the wire"
    return "the order of its proposals"


def _listed(algorithms: tuple[Algorithm, ...], kind: TransformType) -> str:
    names = [algorithm.name(kind) for algorithm in algorithms] or ["none"]
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return ", ".join(names[:_LISTED]) + more
