"""Whether the IKE SA and its Child SA came up as predicted, and if not, where it ended and by whom."""

from __future__ import annotations

from harness.oracle.negotiation import have_common_ground
from harness.oracle.outcome import outcome_of
from harness.policy.role import Role
from harness.registry.messages import ExchangeType, Protocol
from harness.registry.notifications import NotifyType
from harness.results.model import CAPTURE, Outcome
from harness.scenario.model import Subject
from harness.verify.check import Arguments, Checked, Due, Objection, engine_check, pair_check
from harness.verify.checks.authentication import auth_fits
from harness.verify.checks.fragmentation import is_incomplete
from harness.verify.checks.offer import offers_nothing_acceptable, policy_of
from harness.verify.checks.selectors import network_of, within
from harness.verify.judgement import outcome_seen, pair_outcome_seen, unproven
from harness.verify.pair_view import PairView
from harness.verify.view import View
from harness.verify.wire import announces_intermediate, of, spelled
from harness.wire.message import VERSION_2_0
from harness.wire.payloads import SecurityAssociation, TrafficSelectorsInitiator, TrafficSelectorsResponder

_RULES = {NotifyType.NO_PROPOSAL_CHOSEN: "B08", NotifyType.AUTHENTICATION_FAILED: "K03"}
"""The requirement that says when a refusal of this kind is due; where it is not due, it was broken."""


@engine_check("came-up-as-predicted", due=Due.PREDICTED)
def came_up_as_predicted(view: View, _arguments: Arguments) -> Checked:
    """The outcome is one of those that the two policies allow, and nothing was awaited in vain."""
    return came_up(view, outcome_seen(view))


def came_up(view: View, outcome: Outcome | None) -> Checked:
    """What there is to say of an outcome, None being that nothing was sent at all."""
    pointer = view.messages[-1].pointer if view.messages else CAPTURE
    allowed = {outcome_of(suite) for suite in view.allowed} or {Outcome.REFUSED}
    if outcome in allowed:
        if awaited := view.report.timed_out:
            return Checked("", (Objection(view.peer, f"we waited in vain for {awaited}", pointer, None),))
        return Checked(f"{outcome} as predicted")
    common = " or ".join(f"proposal {suite.proposal_number}, {spelled(suite)}" for suite in view.allowed)
    predicted = " or ".join(sorted(allowed))
    ground = f"{predicted} was predicted, as both policies allow {common or 'no proposal that counts'}"
    rule = _rule_of_refusal(view) if view.refusals and outcome is Outcome.REFUSED else rule_of_silence(view)
    if view.expectation.reaction is not None:  # all that is unusual about the case is what had to be taken as it is
        rule = view.expectation.reaction.rule
    return Checked("", (Objection(_party(view), f"{ground}; {_ending(view, outcome)}", pointer, rule),))


_OF_OFFERS = ("A01", "A03", "B01", "B04", "B05")
"""Requirements that say how an offer is to be read: who refuses one that they make acceptable has broken them."""


def _rule_of_refusal(view: View) -> str | None:
    """The requirement that a refusal breaks which is not due: the one that the scenario's offer is about, if any is.

    A refusal of our engine's that the peer gave a reason for breaks none: what the reason was other checks say.
    """
    refused = view.refusals[0][1]
    if view.sender(view.refusals[0][0]) != _party(view):
        return None
    about = [requirement.id for requirement in view.scenario.requirements if requirement.id in _OF_OFFERS]
    if refused == NotifyType.NO_PROPOSAL_CHOSEN and view.scenario.subject is Subject.OFFER and about:
        return about[0]
    early = view.refusals[0][0].exchange == ExchangeType.IKE_SA_INIT
    return _RULES.get(refused, "B06" if early else None)  # the answer to such an offer is a choice


def rule_of_silence(view: View) -> str | None:
    """The requirement that a peer breaks which leaves the last request of ours alone, a sound one.

    Where anything of its came after it, be it wrong, it was not silent.
    """
    if view.report.closed_kind != "silent" and not view.report.timed_out:
        return None
    asked = [message for message in view.messages if not message.response and view.sender(message) == "engine"]
    if not asked or not view.in_place(asked[-1]):
        return None
    whole = (message for message in view.messages if not is_incomplete(message))  # the others count as not received
    heard = [piece.datagram for message in whole for piece in message.pieces]
    heard += [*(piece.datagram for piece in view.strangers), *view.malformed]
    last = asked[-1].pieces[0].datagram.frame
    return None if any(view.source(each) != "engine" and each.frame > last for each in heard) else "B60"


def _ending(view: View, outcome: Outcome | None) -> str:
    report = view.report
    if view.refusals and outcome is Outcome.REFUSED:
        message, notify = view.refusals[0]
        why = f": {report.closed_reason}" if view.sender(message) == "engine" and _provoked(view) else ""
        return f"{view.sender(message)} answered {notify} in {message.label}{_unused_intermediate(view, notify)}{why}"
    if report.established and view.established:
        return f"it ended {outcome}: {_of_a_tunnel(view)}"
    if report.closed_reason:
        return f"it ended {outcome}: {report.closed_reason}"
    if report.timed_out:
        return f"it ended {outcome}: we waited in vain for {report.timed_out}"
    if not view.messages:
        return f"it ended {outcome}, without an IKE message"
    return f"it ended {outcome}, after {view.messages[-1].label}"


def _of_a_tunnel(view: View) -> str:
    """What is to be said of one that stands, and is not the predicted one."""
    if unproven(view) or view.suite is None:
        return "it is not proven that every key exchange entered the keys"
    return f"{view.party(initiator=False)} chose proposal {view.suite.proposal_number}, {spelled(view.suite)}"


def _unused_intermediate(view: View, notify: NotifyType) -> str:
    """What is special about an AUTH that was refused after an IKE_INTERMEDIATE that both announced and nobody began."""
    if notify != NotifyType.AUTHENTICATION_FAILED or view.find(ExchangeType.IKE_INTERMEDIATE, response=False):
        return ""
    announced = [announces_intermediate(message) for message in view.final_init if message is not None]
    if announced != [True, True] or not auth_fits(view, initiator=True):
        return ""
    return (
        ", although AUTH is right: IKE_INTERMEDIATE was announced by both sides and did not take place, "
        "so AUTH goes without IntAuth (RFC 9242 sections 3.2 and 3.3.2)"
    )


def _party(view: View) -> str:
    """Who is to blame: for a refusal the one who refused, unless the other gave it a reason to."""
    report = view.report
    if view.refusals:
        refuser = view.sender(view.refusals[0][0])
        provoked = _provoked(view) or _off_policy(view) or _off_selectors(view)
        return view.peer if refuser == "engine" and provoked else refuser
    if report.closed_kind == "unavailable":
        return "engine"  # it lacks a method on this machine
    if view.role is Role.RESPONDER and not _asks_for_a_child(view):
        return view.peer
    if report.established and view.established:
        doubts = unproven(view)
        return doubts[0].party if doubts else view.party(initiator=False)  # it chose what neither policy prefers
    return "engine" if report.established else view.peer


def _asks_for_a_child(view: View) -> bool:
    """Whether the IKE_AUTH request has all that a Child SA takes; that nobody sent one is another matter."""
    request = next((m for m in view.find(ExchangeType.IKE_AUTH, response=False) if m.opened), None)
    kinds = (SecurityAssociation, TrafficSelectorsInitiator, TrafficSelectorsResponder)
    return request is None or all(of(request, kind) for kind in kinds)


def _provoked(view: View) -> bool:
    """Whether our engine ended it because the peer broke a rule, or spoke another version of the protocol."""
    other_version = bool(view.refusals) and view.refusals[0][1] == NotifyType.INVALID_MAJOR_VERSION
    return view.report.closed_kind in ("misbehaved", "malformed") or (other_version and _speaks_otherwise(view))


def _speaks_otherwise(view: View) -> bool:
    """Whether a request that our engine answered is of a higher major version (RFC 7296 section 2.5)."""
    answer = view.refusals[0][0]
    asked = view.find(answer.exchange, response=False, initiator=not answer.from_initiator)
    return any(piece.message.header.version > VERSION_2_0 | 0x0F for message in asked for piece in message.pieces)


def _off_policy(view: View) -> bool:
    """Whether the peer's offer is not the predicted one: our policy accepts nothing of it."""
    exchange, protocol, policy = ExchangeType.IKE_SA_INIT, Protocol.IKE, view.expectation.of(view.role).ike
    if view.refusals[0][0].exchange == ExchangeType.IKE_AUTH:
        exchange, protocol, policy = ExchangeType.IKE_AUTH, Protocol.ESP, view.expectation.of(view.role).esp
    offers = [sa for message in view.find(exchange, response=False) for sa in of(message, SecurityAssociation)]
    return bool(offers) and not have_common_ground(policy_of(offers[-1], protocol), policy)


def _off_selectors(view: View) -> bool:
    """Whether our engine refused selectors that do not let the two hosts of the case through, as it had to."""
    message, refused = view.refusals[0]
    if refused != NotifyType.TS_UNACCEPTABLE or message.exchange != ExchangeType.IKE_AUTH:
        return False
    sides = zip(view.sides, (TrafficSelectorsInitiator, TrafficSelectorsResponder), strict=True)
    hosts = [(side.inner, kind) for side, kind in sides]
    request = next(iter(view.find(ExchangeType.IKE_AUTH, response=False)), None)
    if request is None or not all(host for host, _ in hosts):
        return False
    asked = {kind: [one for ts in of(request, kind) for one in ts.selectors] for _, kind in hosts}
    return not all(within(network_of(host), asked[kind]) for host, kind in hosts)


@pair_check("pair-came-up-as-predicted", due=Due.PREDICTED)
def pair_came_up_as_predicted(view: PairView, _arguments: Arguments) -> Checked:
    """The outcome is one of those that the two policies allow."""
    seen = pair_outcome_seen(view)
    allowed = {outcome_of(suite) for suite in view.expectation.ike} if view.expectation.establishes else set()
    allowed = allowed or {Outcome.REFUSED}
    if seen in allowed:
        return Checked(f"{seen} as predicted")
    predicted = " or ".join(sorted(allowed))
    sentence = f"{predicted} was predicted from the two policies; it ended {seen}{pair_ending(view)}"
    refused = view.refusals[0][1] if view.refusals else None
    rule = "B08" if refused is NotifyType.NO_PROPOSAL_CHOSEN else None  # no sentence says that a tunnel comes up
    return Checked("", (Objection(_refuser(view), sentence, view.messages[-1].pointer, rule),))


def pair_ending(view: PairView) -> str:
    """How the exchanges came to their end, to be added to a sentence."""
    if view.refusals:
        message, notify = view.refusals[0]
        return f": {view.sender(message)} answered {notify} in {message.label}"
    said = next((step.said for step in view.report.steps if step.said), "")
    words = f", and {view.sides[0].peer} says: {said}" if said else ""
    return f" after {view.messages[-1].label}{words}"


def _refuser(view: PairView) -> str:
    """Who refused in clear what it should have taken, by the offer on the wire; else nobody can tell who erred."""
    if not view.refusals:
        return ""
    message, notify = view.refusals[0]
    right = notify == NotifyType.NO_PROPOSAL_CHOSEN and offers_nothing_acceptable(view)
    return "" if right else view.sender(message)
