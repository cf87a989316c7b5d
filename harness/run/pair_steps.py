"""The steps of a case of two products: what each is told to do, and what both say of themselves afterwards."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from harness.evidence.pair import DELETED, ESTABLISHED, StepReport
from harness.evidence.peer_report import ChildReport, PeerReport, SaReport
from harness.lab.running_peer import RunningPeer
from harness.lab.waiting import settled
from harness.oracle.pair import rekeyer
from harness.run.pair_parties import Halves
from harness.run.pair_plan import PairCase
from harness.scenario.model import Role, Step

_INITIATION = 15.0  # seconds for the initiator to bring up the tunnel
# Seconds for both sides to show what a step was to lead to. A request that gets no answer is repeated within the time,
# and so seen as unanswered (strongSwan waits longest: 4 s).
_SETTLE = 5.0
_LOOK_AGAIN = 0.2
_ECHO_REQUESTS, _ECHO_ATTEMPTS, _ECHO_WAIT_S = 3, 3, 1
_COUNTS = re.compile(r"(\d+) packets transmitted, (\d+) (?:packets )?received")

Reports = tuple[PeerReport, PeerReport]


@dataclass(slots=True)
class PairSteps:
    """Plays the steps and keeps a report of each."""

    case: PairCase
    halves: Halves
    running: tuple[RunningPeer, RunningPeer]
    reports: list[StepReport] = field(default_factory=list)

    def play(self) -> None:
        """Have the initiator bring up the tunnel, then go through the scenario's steps.

        Raises:
            LabError: a product's control interface is gone.
        """
        said = self.running[0].driver.initiate(self._name, _INITIATION)
        if said or not self.case.expectation.establishes:
            self._note(ESTABLISHED, self._reports(), said)
        else:
            self._note(ESTABLISHED, self._settled(_up))
        if not said:
            for step in self.case.scenario.steps:
                self._step(step)
        if Step.DELETE not in self.case.scenario.steps or said:
            return
        self._note(DELETED, self._settled(lambda reports: not any(self._still_here(reports))))

    @property
    def _name(self) -> str:
        return self.halves[0].name

    def _step(self, step: Step) -> None:
        if step is Step.TRAFFIC:
            sent, received, said = self._echo()
            self._note(step, self._reports(), said, sent, received)
        elif step is Step.DELETE:
            self.running[0].driver.terminate(self._name)
        else:
            self._rekey(step)

    def _rekey(self, step: Step) -> None:
        index = 0 if rekeyer(self.case.initiator, self.case.responder) is Role.INITIATOR else 1
        ike = step is Step.REKEY_IKE
        self.running[index].driver.rekey(self._name, ike=ike)

        def renewed(reports: Reports) -> bool:
            after = StepReport(step, 0, *reports)
            alone = all(len(sas) == 1 for sas in self._still_here(reports))  # the old IKE SA is deleted a while later
            return alone and _up(reports) and all(_is_new(self.reports[-1], after, side, ike=ike) for side in (0, 1))

        self._note(step, self._settled(renewed))

    def _echo(self) -> tuple[int, int, str]:
        """Echo requests from the initiator's inner host, once more where a reply is missing.

        Sent, received and the program's words, of the last time that it said how many there were.
        """
        here = self.halves[0]
        command = ["ping", "-n", "-q", "-c", str(_ECHO_REQUESTS), "-i", "0.02", "-W", str(_ECHO_WAIT_S)]
        sent = received = 0
        output = ""
        for _ in range(_ECHO_ATTEMPTS):
            _, output = self.running[0].container.run([*command, "-I", here.local_inner, here.remote_inner])
            found = _COUNTS.search(output)
            if found is None:  # a program's output gets lost at times: Docker's engine closes it too early
                continue
            sent, received = int(found[1]), int(found[2])
            if sent == received:
                return sent, received, ""
        return sent, received, " ".join(output.split()[-40:])

    def _reports(self) -> Reports:
        first, second = (running.driver.status(self._name) for running in self.running)
        return first, second

    def _still_here(self, reports: Reports) -> list[list[SaReport]]:
        """Each side's IKE SAs, but for those whose end a step before has waited for in vain."""
        before = (self.reports[-1].initiator, self.reports[-1].responder)
        stuck = [{sa.initiator_spi for sa in report.sas if sa.state != "ESTABLISHED"} for report in before]
        return [
            [sa for sa in report.sas if sa.state == "ESTABLISHED" or sa.initiator_spi not in spis]
            for report, spis in zip(reports, stuck, strict=True)
        ]

    def _settled(self, wanted: Callable[[Reports], bool]) -> Reports:
        """What both sides say once they agree that a step is done, or when their time is over."""
        return settled(self._reports, wanted, deadline_s=_SETTLE, interval_s=_LOOK_AGAIN)

    def _note(self, step: str, reports: Reports, said: str = "", sent: int = 0, received: int = 0) -> None:
        self.reports.append(StepReport(str(step), time.time(), *reports, said, sent, received))


def _up(reports: Reports) -> bool:
    return all(any(sa.state == "ESTABLISHED" and _installed(sa) for sa in report.sas) for report in reports)


def _is_new(before: StepReport, after: StepReport, side: int, *, ike: bool) -> bool:
    """Whether a side uses as many SAs as before, and none of those; a side that shows no SPIs is taken at its state."""
    old, new = (_spis(report, side, ike=ike) for report in (before, after))
    return None in old or (len(new) == len(old) and not new & old)


def _spis(report: StepReport, side: int, *, ike: bool) -> set[str | None]:
    """The SPIs of what one side reports to be in use: its IKE SAs, or its Child SAs."""
    sas = [sa for sa in (report.initiator, report.responder)[side].sas if sa.state == "ESTABLISHED"]
    return {sa.initiator_spi for sa in sas} if ike else {child.spi_in for sa in sas for child in _installed(sa)}


def _installed(sa: SaReport) -> list[ChildReport]:
    """The Child SAs in use: some products keep one for a while that is deleted already."""
    return [child for child in sa.children if child.state == "INSTALLED"]
