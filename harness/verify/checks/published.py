"""Whether a wrong record of a product's own defaults can be what makes the prediction differ from what was seen.

Only the initiator's IKE proposals are in clear, and how the responder refuses. That the responder's policy, and both
sides' for ESP, are what our record says is tested by nothing but the prediction itself: where other defaults would
explain all, nobody is shown to break a rule.
"""

from __future__ import annotations

from harness.evidence.peer_report import ChildReport
from harness.oracle.negotiation import acceptable_suites, first_child, is_acceptable
from harness.policy.proposals import Policy, ProposalPolicy, Suite
from harness.registry.messages import ExchangeType
from harness.registry.notifications import NotifyType
from harness.registry.transforms import TransformType
from harness.results.model import CAPTURE, STEPS, Outcome, Severity
from harness.scenario.model import Parties
from harness.scenario.profile_file import EMULATED
from harness.verify.check import Arguments, Checked, Due, Objection, pair_check
from harness.verify.checks.agreement import esp_algorithms
from harness.verify.checks.establishment import pair_ending
from harness.verify.checks.offer import could_choose, follows_from_the_offer, offered
from harness.verify.judgement import pair_outcome_seen
from harness.verify.pair_view import PairView, established
from harness.verify.wire import of, spelled
from harness.wire.payloads import Notify

_LISTED = 3  # suites that a sentence names of a longer list


@pair_check("pair-agreed-as-published", due=Due.PREDICTED)
def agreed_as_published(view: PairView, _arguments: Arguments) -> Checked:
    """What the two agreed on is what our records of their defaults lead to, or it is nothing that defaults explain.

    A choice that was never offered, for one, is right under no policy: that is for the checks of the prediction.
    """
    doubts = [doubt for doubt in (_ike_doubt(view), _esp_doubt(view)) if doubt]
    return Checked("nothing was seen that other defaults than those on record would explain", tuple(doubts))


def wrongly_chosen(view: PairView) -> bool:
    """Whether no record of ours excuses the choice in clear: it was never offered, or who chose was told otherwise."""
    offer = offered(view)
    if view.suite is None or offer is None:
        return False
    if not could_choose(view.suite, offer):
        return True
    allowed = is_acceptable(view.suite, view.expectation.ike) or follows_from_the_offer(view)
    return not (allowed or runs_with_defaults(view, 1))


def runs_with_defaults(view: PairView, index: int) -> bool:
    """Whether the initiator (0) or responder (1) is told no proposals; an emulated vendor is always told its own."""
    return view.scenario.parties is Parties.PUBLISHED and not view.sides[index].peer.startswith(EMULATED)


def _ike_doubt(view: PairView) -> Objection | None:
    if not runs_with_defaults(view, 1) or wrongly_chosen(view):
        return None
    predicted, did = view.expectation.ike, ""
    if view.suite is not None:
        did = "" if is_acceptable(view.suite, predicted) else f"it chose {spelled(view.suite)}"
    elif predicted and view.refusals and view.refusals[0][1] == NotifyType.NO_PROPOSAL_CHOSEN:
        did = f"it answered NO_PROPOSAL_CHOSEN in {view.refusals[0][0].label}"
    elif not predicted and not view.refusals and _asked_for_another_method(view):
        did = "it asked for another key exchange method of the offer, in place of a refusal"
    if not did:
        return None
    words = f"our record of {view.sides[1].peer} and the product disagree: with this offer its recorded IKE policy"
    return Objection("", f"{words} leads to {_words(predicted)}, but {did}", CAPTURE, None, Severity.INCONCLUSIVE)


def _asked_for_another_method(view: PairView) -> bool:
    """Whether an INVALID_KE_PAYLOAD names a method that the initiator offers (RFC 7296 section 1.3)."""
    methods = {one.identifier for proposal in offered(view) or () for one in proposal.of(TransformType.KE)}
    return any(
        notify.notify_type == NotifyType.INVALID_KE_PAYLOAD and int.from_bytes(notify.data) in methods
        for message in view.find(ExchangeType.IKE_SA_INIT, response=True)
        for notify in of(message, Notify)
    )


def _esp_doubt(view: PairView) -> Objection | None:
    """ESP is agreed in encrypted messages: what both report of it, be it that there is none."""
    sides = [index for index in (0, 1) if runs_with_defaults(view, index)]
    policies = first_child(view.expectation.initiator.esp), first_child(view.expectation.responder.esp)
    predicted = acceptable_suites(*policies)
    if not sides:
        return None
    did = ""
    if view.up:
        told = [policy for index, policy in enumerate(policies) if index not in sides]
        strange = [child for child in _children(view) if not _is_among(child, predicted)]
        if strange and all(_has(policy, child) for policy in told for child in strange):
            did = f"they report {', '.join(dict.fromkeys(map(esp_algorithms, strange)))}"
        elif not predicted and not strange:  # nobody tells what it is
            did = "they report a Child SA"
    elif predicted and not view.refusals and pair_outcome_seen(view) is Outcome.REFUSED and _child_refused(view):
        did = f"neither side has a Child SA{pair_ending(view)}"
    if not did:
        return None
    peers = " and ".join(dict.fromkeys(view.sides[index].peer for index in sides))
    words = f"our record of {peers} and what was seen disagree: the recorded ESP policies lead to {_words(predicted)}"
    return Objection("", f"{words}, but {did}", STEPS, None, Severity.INCONCLUSIVE)


def _child_refused(view: PairView) -> bool:
    """Whether IKE_AUTH ended by the Child SA's proposal, and not by an identity, a key or a selector.

    Its errors are encrypted. The initiator's words tell, or else an IKE SA that stands without a Child SA: only a few
    errors leave one (RFC 7296 section 1.2).
    """
    said = " ".join(step.said for step in view.report.steps)
    named = {kind for kind in NotifyType if kind.is_error and kind.name in said}
    if named:
        return NotifyType.NO_PROPOSAL_CHOSEN in named
    reports = [report for step in view.standing for report in (step.initiator, step.responder)]
    return any(sa.stands and not sa.children for report in reports for sa in report.sas)


def _children(view: PairView) -> list[ChildReport]:
    """The Child SAs whose algorithms a side tells."""
    reports = [report for step in view.standing for report in (step.initiator, step.responder)]
    standing = [sa for sa in map(established, reports) if sa]
    return [child for sa in standing for child in sa.installed if child.encr is not None]


def _is_among(child: ChildReport, suites: tuple[Suite, ...]) -> bool:
    return any(_has((ProposalPolicy({k: (one,) for k, one in suite.transforms.items()}),), child) for suite in suites)


def _has(policy: Policy, child: ChildReport) -> bool:
    """Whether a policy names what is reported; without integrity only where the cipher has its own."""
    return any(
        child.encr in _names(proposal, TransformType.ENCR)
        and child.integ in (_names(proposal, TransformType.INTEG) or {None})
        for proposal in policy
    )


def _names(proposal: ProposalPolicy, kind: TransformType) -> set[str | None]:
    return {one.name(kind) if one.identifier else None for one in proposal.of(kind)}


def _words(suites: tuple[Suite, ...]) -> str:
    more = f" or {len(suites) - _LISTED} more" if len(suites) > _LISTED else ""
    return (" or ".join(map(spelled, suites[:_LISTED])) or "nothing in common") + more
