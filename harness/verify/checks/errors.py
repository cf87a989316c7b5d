"""Refusals and demands: the right answer, and the right state after it (RFC 7296 sections 2.6, 2.7 and 2.21)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from harness.registry.messages import ExchangeType
from harness.registry.notifications import NotifyType
from harness.registry.transforms import TransformType
from harness.results.model import CAPTURE, ENGINE_REPORT, PEER_STATUS_AFTER, Severity
from harness.scenario.check_form import Argument
from harness.verify.check import Arguments, Checked, Due, Objection, engine_check, missing, pair_check
from harness.verify.checks.establishment import rule_of_silence
from harness.verify.checks.negotiation import answers_in_time, offer_repeated, retry_repeats_the_offer
from harness.verify.checks.peer_report import left_of
from harness.verify.pair_view import PairView
from harness.verify.view import CaseView, View
from harness.verify.wire import SeenMessage, answered_suite, of, spelled
from harness.wire.payloads import Notify, SecurityAssociation


@engine_check("refused-with", due=Due.PREDICTED, arguments={"notify": Argument.NOTIFY})
def refused_with(view: View, arguments: Arguments) -> Checked:
    """The responder refuses with the right notification at the right point, and no SA is left (B08, B33).

    An IKE SA that no policy allows is refused in the IKE_SA_INIT response: a responder that answers with an SA has
    accepted what it does not have, and no failure later on makes up for that.
    """
    wanted = NotifyType[str(arguments["notify"])]
    accepted = _accepted_nonetheless(view)
    objections = [
        *_established_nonetheless(view),
        *accepted,
        *_wrong_refusal(view, wanted, accepted=bool(accepted)),
        *_refused_and_accepted(view),
    ]
    if awaited := view.report.timed_out:
        objections.append(Objection("engine", f"we waited in vain for {awaited}", ENGINE_REPORT, None))
    left = _left_at_peer(view)
    if left is None:
        unknown = missing("what the peer's status says after the case", PEER_STATUS_AFTER)
        return Checked("", (*objections, *unknown.objections))
    if left and not view.child_alone_refused:
        sentence = f"after the refusal the peer still has {left}"
        objections.append(Objection(view.peer, sentence, PEER_STATUS_AFTER, None))
    where = view.refusals[0][0].label if view.refusals else ""
    after = view.evidence.peer_report_after
    silent = after is not None and after.silent
    told = "what is left at the peer it cannot tell" if silent else "no SA is left at the peer"
    return Checked(f"{wanted.name} in {where}; {told}", tuple(objections))


def _established_nonetheless(view: View) -> list[Objection]:
    """An IKE SA that stands although it had to be refused."""
    if not view.established or view.child_alone_refused:
        return []
    requirement = "K03" if view.scenario.settings.wrong_psk else "B08"
    sentence = "the IKE SA was established although it had to be refused"
    return [Objection(view.party(initiator=False), sentence, CAPTURE, requirement)]


def _wrong_refusal(view: View, wanted: NotifyType, *, accepted: bool) -> list[Objection]:
    """The first refusal: it is missing, another one, or not in its exchange; ``accepted`` tells that already."""
    if not view.refusals:
        # To reject means to "return an error" (RFC 7296 section 2.7); after a wrong AUTH an answer is due all the same.
        of_auth = wanted is NotifyType.AUTHENTICATION_FAILED
        requirement = rule_of_silence(view) or "K05" if of_auth else "B08"
        sentence = f"no response carries {wanted.name}"
        return [Objection(view.party(initiator=False), sentence, CAPTURE, requirement)]
    message, got = view.refusals[0]
    if got != wanted:
        requirement = "K05" if wanted is NotifyType.AUTHENTICATION_FAILED else "B08"
        sentence = f"{wanted.name} is due, {got} was answered"
        return [Objection(view.sender(message), sentence, message.pointer, requirement)]
    place = ExchangeType.IKE_AUTH if view.expectation.ike else ExchangeType.IKE_SA_INIT
    if message.exchange == place or accepted:
        return []
    sentence = f"{wanted.name} is due in the {place} response, it came in {message.label}"
    return [Objection(view.sender(message), sentence, message.pointer, "B08")]


def _refused_and_accepted(view: View) -> list[Objection]:
    """Refusals that carry an SA payload, in whose place RFC 7296 appendix C.2 has the notification."""
    return [
        Objection(
            view.sender(message),
            f"the {message.label} carries {notify.name} and an SA payload: it refuses and accepts at once",
            message.pointer,
            None,
            Severity.SHOULD,
        )
        for message, notify in view.refusals
        if of(message, SecurityAssociation)
    ]


def _accepted_nonetheless(view: View) -> list[Objection]:
    """IKE_SA_INIT responses that accept a proposal although no offered one is acceptable to this responder."""
    if view.expectation.ike:
        return []
    responder = view.party(initiator=False)
    own = view.expectation.responder.ike
    objections = []
    for message in view.find(ExchangeType.IKE_SA_INIT, response=True):
        for sa in of(message, SecurityAssociation):
            suite = answered_suite(sa)
            had = {(kind, one) for proposal in own for kind in proposal.transforms for one in proposal.of(kind)}
            lacking = {
                TransformType(kind): one
                for kind, one in suite.transforms.items()
                if one.identifier and (kind, one) not in had
            }
            names = ", ".join(f"{kind}={one.name(kind)}" for kind, one in lacking.items())
            what = f"{names}, which it does not have" if lacking else spelled(suite)
            sentence = f"{message.label} accepts proposal {suite.proposal_number} with {what}; a refusal is due there"
            objections.append(Objection(responder, sentence, message.pointer, _rule_of(view, lacking)))
    return objections


def _rule_of(view: View, lacking: Collection[TransformType]) -> str:
    """An unknown type makes a proposal unacceptable, an unknown identifier the transform alone (section 3.3.6).

    What a build lacks stands in its policy all the same where it is configured as written.
    """
    known = view.expectation.knows_additional
    unknown = any(not kind.is_known or (kind.is_additional_key_exchange and not known) for kind in lacking)
    lacks_a_method = bool(lacking) or (view.scenario.settings.as_written and known)
    return "B05" if lacks_a_method and not unknown else "B04"


def _left_at_peer(view: View) -> str | None:
    after = view.evidence.peer_report_after
    if after is None:
        return None
    return ", ".join(f"an IKE SA in state {sa.state}" for sa in left_of(view, after))


@engine_check("cookie-returned-first", requirement="B09")
def cookie_returned_first(view: View, _arguments: Arguments) -> Checked:
    """The responder demands a cookie; the retry carries it first, all other payloads unchanged (B09)."""
    return _cookie_returned(view)


def _cookie_returned(view: CaseView) -> Checked:
    """What there is to say of the first demand for a cookie, and of the next request with other octets."""
    demands = [
        (message, notify)
        for message in answers_in_time(view)
        for notify in of(message, Notify)
        if notify.notify_type == NotifyType.COOKIE
    ]
    responder, initiator = view.party(initiator=False), view.party(initiator=True)
    if not demands:
        return Checked("", (Objection(responder, "no COOKIE is demanded", CAPTURE),))
    message, notify = demands[0]
    if not 1 <= len(notify.data) <= 64:  # with which nobody has to go on
        return Checked("", (Objection(responder, f"a cookie of {len(notify.data)} octets", message.pointer),))
    requests = view.find(ExchangeType.IKE_SA_INIT, response=False)
    before = [request for request in requests if request.frame < message.frame]
    after = [request for request in requests if request.frame > message.frame]
    if not before or not after:
        return Checked(
            "", (Objection(initiator, "the demand for a cookie is not followed by a retry", message.pointer),)
        )
    known = {cookie.data for demand, cookie in demands if demand.frame < after[0].frame}
    objections = _retry_faults(before[-1], after[0], known, initiator)
    return Checked(f"a cookie of {len(notify.data)} octets came back as the first payload", tuple(objections))


@engine_check("demands-in-their-form", due=Due.ALWAYS, requirement="B09")
def demands_in_their_form(view: View, arguments: Arguments) -> Checked:
    """A demand for a cookie, or for another method, is in its form, and so is what follows it (B01, B09).

    Where a scenario asks for such a demand and the tunnel stands, checks of its own tell.
    """
    objections: list[Objection] = []
    kinds = {n.notify_type for m in answers_in_time(view) for n in of(m, Notify)}
    demands = (
        (NotifyType.COOKIE, cookie_returned_first, "B09"),
        (NotifyType.INVALID_KE_PAYLOAD, retry_repeats_the_offer, "B01"),
    )
    for kind, check, rule in demands:
        asked = any(expect.check == check.name for expect in view.scenario.expect)
        if kind in kinds and not (asked and view.report.child_established):
            objections += [replace(each, requirement=rule) for each in check.function(view, arguments).objections]
    words = ", ".join(kind.name for kind, _, _ in demands if kind in kinds)
    return Checked(f"demands: {words or 'none'}, each in its form", tuple(objections))


def _retry_faults(first: SeenMessage, retry: SeenMessage, cookies: Collection[bytes], party: str) -> list[Objection]:
    """What is wrong with a retry. A copy of the first request that was on its way may have brought a cookie, too."""
    leading = next(iter(retry.payloads), None)
    if not isinstance(leading, Notify) or leading.notify_type != NotifyType.COOKIE or leading.data not in cookies:
        return [Objection(party, "the retry does not begin with the cookie", retry.pointer)]
    if retry.payloads[1:] != first.payloads:
        return [Objection(party, "behind the cookie the retry's payloads are not the first request's", retry.pointer)]
    return []


@pair_check("pair-demands-in-their-form", due=Due.ALWAYS, requirement="B09")
def pair_demands_in_their_form(view: PairView, _arguments: Arguments) -> Checked:
    """A demand for a cookie, or for another method, is in its form, and so is what follows it (B01, B09).

    That an initiator gives up in place of asking again is to be seen by the outcome.
    """
    objections: list[Objection] = []
    words = []
    for one in view.ike_sas:
        asked = one.find(ExchangeType.IKE_SA_INIT, response=True)
        kinds = {notify.notify_type for message in asked for notify in of(message, Notify)}
        for kind, judge, rule in (
            (NotifyType.COOKIE, _cookie_returned, "B09"),
            (NotifyType.INVALID_KE_PAYLOAD, offer_repeated, "B01"),
        ):
            if kind in kinds:
                words.append(kind.name)
                again = any(m.frame > asked[0].frame for m in one.find(ExchangeType.IKE_SA_INIT, response=False))
                found = [each for each in judge(one).objections if again or each.party != one.party(initiator=True)]
                objections += [replace(each, requirement=rule) for each in found]
    return Checked(f"demands: {', '.join(words) or 'none'}, each in its form", tuple(objections))
