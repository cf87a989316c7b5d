"""Two products: the capture, the steps and what both sides report are of one case, or nothing is said of either."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.evidence.model import Side
from harness.evidence.peer_report import DELETED, ESTABLISHED, PeerReport, StepReport
from harness.registry.messages import ExchangeType
from harness.results.model import STEPS
from harness.scenario.model import Step
from harness.verify.checks.exchanges import answered_at_the_end
from harness.verify.checks.pair_esp import before_its_sa
from harness.verify.checks.reported_spis import is_of_another
from harness.verify.checks.sockets import strangers
from harness.verify.misplaced import adopted
from harness.verify.pair_view import PairView, initiator_spi
from harness.verify.restored import put_right
from harness.verify.wire import SeenMessage, group, pieces_by_sa

_SPI_OCTETS = 8


def not_of_one_case(view: PairView) -> str:
    """The first contradiction among capture, steps and reports, in words; "" for none."""
    kinds = (
        _strange_addresses, _roles, _before_its_cause, _steps, _other_reports, _claimed_roles, _nothing_reported,
    )  # fmt: skip
    for contradictions in kinds:
        for words in contradictions(view):
            return words
    return ""


def _strange_addresses(view: PairView) -> Iterator[str]:
    for _, address in strangers(view):
        yield f"wire.pcapng holds packets of {address}, which is neither side's"


def _roles(view: PairView) -> Iterator[str]:
    """The lab has the initiator begin: the first request is its own."""
    first = next(iter(view.find(ExchangeType.IKE_SA_INIT, response=False)), None)
    if first is not None and not first.from_initiator:
        yield f"the first IKE_SA_INIT request comes from {view.sides[1].peer}, which case.json has for the responder"


def _before_its_cause(view: PairView) -> Iterator[str]:
    """Nobody names the responder's SPI before its IKE_SA_INIT response told it: the capture is in another order."""
    told: dict[bytes, int] = {}
    for message in view.find(ExchangeType.IKE_SA_INIT, response=True):
        spis = message.pieces[0].octets[: 2 * _SPI_OCTETS]
        told.setdefault(spis, message.frame)
    yield from _answered_before_asked(view)
    if early := before_its_sa(view):
        yield early
    for message in view.messages:
        late = told.get(message.pieces[0].octets[: 2 * _SPI_OCTETS], message.frame) > message.frame
        if late and message.from_initiator and message.protected:
            yield f"wire.pcapng has the {message.label} in front of the response that tells its SPI"


def _answered_before_asked(view: PairView) -> Iterator[str]:
    """A response in front of its request, in either capture."""
    yield from _in_front(view.messages, "wire.pcapng")
    if view.evidence.far is not None:
        first = view.evidence.facts.initiator.address
        pieces = adopted(pieces_by_sa(view.evidence.far.datagrams), first)
        beyond = [m for each in pieces.values() for m in group(each, first)]
        yield from _in_front(put_right(beyond)[0], "wire-responder.pcapng")


def _in_front(messages: Sequence[SeenMessage], file: str) -> Iterator[str]:
    asked: dict[tuple[bytes, int, bool], int] = {}
    for message in (m for m in messages if not m.response and (m.sealed or not m.protected)):
        place = initiator_spi(message), message.message_id, message.from_initiator
        asked[place] = min(asked.get(place, message.frame), message.frame)
    for message in (m for m in messages if m.response and (m.sealed or not m.protected)):
        request = asked.get((initiator_spi(message), message.message_id, not message.from_initiator))
        if request is not None and message.frame < request:
            yield f"{file} has the {message.label} in front of its request"


def _steps(view: PairView) -> Iterator[str]:
    """A tunnel that stood goes through the scenario's steps, each once; the deletion is reported when all is over."""
    got = [step.step for step in view.report.steps]
    deletes = Step.DELETE in view.scenario.steps
    begun = [str(step) for step in view.scenario.steps if step is not Step.DELETE]
    due = [ESTABLISHED, *begun, *([DELETED] if deletes else [])]
    ended_at_once = got == [ESTABLISHED] and (view.report.steps[0].said or not view.up)
    if got != due and not ended_at_once:
        yield f"{STEPS} has the steps {', '.join(got) or 'none'}; those of the scenario are {', '.join(due)}"


def _other_reports(view: PairView) -> Iterator[str]:
    for step, side, report in _reports(view):
        if is_of_another(view, report):
            yield f"{STEPS} tells after {step.step} of SAs of {side.peer} whose SPIs are not in wire.pcapng"


def _claimed_roles(view: PairView) -> Iterator[str]:
    """Who is the initiator of the first IKE SA; whoever rekeys it is that of the next one (RFC 7296 section 2.18)."""
    first = next(iter(view.find(ExchangeType.IKE_SA_INIT, response=False)), None)
    begun = "" if first is None else first.pieces[0].octets[:_SPI_OCTETS].hex()
    rekeyed = any(step.step == Step.REKEY_IKE for step in view.report.steps)
    for step, side, report in _reports(view):
        for sa in (each for each in report.sas if each.stands and each.initiator is not None):
            of_the_first = sa.initiator_spi == begun or (sa.initiator_spi is None and not rekeyed)
            if of_the_first and sa.initiator != (side is view.sides[0]):
                word = "initiator" if sa.initiator else "responder"
                yield f"{STEPS} has after {step.step} that {side.peer} is the {word}, case.json has it otherwise"


def _nothing_reported(view: PairView) -> Iterator[str]:
    """Both deleted the IKE SA at the end by an exchange within it: neither can have been without it before."""
    for step in view.standing if view.up and answered_at_the_end(view) else ():
        both = ((view.sides[0], step.initiator, step.responder), (view.sides[1], step.responder, step.initiator))
        for side, own, other in both:
            if not own.sas and not own.silent and any(sa.stands for sa in other.sas):
                yield f"{STEPS} has no IKE SA of {side.peer} after {step.step}, and it took part in deleting it later"


def _reports(view: PairView) -> Iterator[tuple[StepReport, Side, PeerReport]]:
    for step in view.report.steps:
        yield step, view.sides[0], step.initiator
        yield step, view.sides[1], step.responder
