"""Which CREATE_CHILD_SA exchange of two products rekeyed what, as far as steps and reports show it."""

from __future__ import annotations

from itertools import pairwise

from harness.evidence.peer_report import StepReport
from harness.registry.messages import ExchangeType
from harness.scenario.model import Step
from harness.verify.pair_view import PairView, established, initiator_spi
from harness.verify.wire import SeenMessage


def step_of(view: PairView, message: SeenMessage) -> StepReport | None:
    """The step whose rekey took place in this CREATE_CHILD_SA exchange; None where it is not known."""
    if message.exchange != ExchangeType.CREATE_CHILD_SA or not _each_took_place(view):
        return None
    answers = view.find(ExchangeType.CREATE_CHILD_SA, response=True)
    steps = {_exchange_of(answer): after for answer, (_, after) in zip(answers, _rekeys(view), strict=True)}
    return steps.get(_exchange_of(message))


def _each_took_place(view: PairView) -> bool:
    """Whether each CREATE_CHILD_SA exchange is that of a rekey after which both sides report other SPIs."""
    steps, answers = _rekeys(view), view.find(ExchangeType.CREATE_CHILD_SA, response=True)
    return len(answers) == len(steps) and all(_renewed(before, after) for before, after in steps)


def _rekeys(view: PairView) -> list[tuple[StepReport, StepReport]]:
    """What was reported before and after each rekey."""
    return [(b, a) for b, a in pairwise(view.standing) if a.step in (Step.REKEY_CHILD, Step.REKEY_IKE)]


def _exchange_of(message: SeenMessage) -> tuple[bytes, int, bool]:
    """Its IKE SA, its number, and whether the responder began it."""
    return initiator_spi(message), message.message_id, message.from_initiator == message.response


def _renewed(before: StepReport, after: StepReport) -> bool:
    """Whether both sides report SAs, and by their SPIs other ones than before."""
    for old, new in ((before.initiator, after.initiator), (before.responder, after.responder)):
        first, second = established(old), established(new)
        if first is None or second is None:
            return False
        spis = [
            {sa.initiator_spi and sa.spis} if after.step == Step.REKEY_IKE else {each.spi_in for each in sa.installed}
            for sa in (first, second)
        ]
        if None in spis[0] | spis[1] or spis[0] & spis[1]:
            return False
    return True
