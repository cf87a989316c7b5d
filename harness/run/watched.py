"""Two products talk: watched on the wire beside each of them, told their steps, and both asked after each."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from harness.border.text import in_a_line
from harness.evidence.capture import write_pcapng
from harness.evidence.interruption import Disturbance
from harness.evidence.peer_report import DELETED, ESTABLISHED, PairReport, PeerReport, StepReport
from harness.evidence.store import CAPTURE, FAR_CAPTURE, EvidenceFolder
from harness.lab.driver import PeerDriver
from harness.lab.waiting import settled
from harness.lab.watcher import WatchedWire
from harness.oracle.prediction import rekeyer
from harness.policy.role import Role
from harness.run.case import Case
from harness.run.progress import gone, not_standing, renewed, up
from harness.run.stage import Product, Stage
from harness.scenario.model import Step

_INITIATION = 15.0  # seconds for the initiator to bring up the tunnel
# Seconds for both sides to show what a step was to lead to. A request that gets no answer is repeated within the time,
# and so seen as unanswered (strongSwan waits longest: 4 s).
_SETTLE = 5.0
_LOOK_AGAIN = 0.4
_REKEY = 0.3  # seconds before the first look: a question costs a guest more than a rekey
_ECHO_REQUESTS, _ECHO_ATTEMPTS, _ECHO_WAIT_S = 3, 3, 1
_COUNTS = re.compile(r"(\d+) packets transmitted, (\d+) (?:packets )?received")

Reports = tuple[PeerReport, PeerReport]
Done = Callable[[int, PeerReport], bool]
"""Whether a side, 0 or 1, is done with a step, by what it reports now."""


@dataclass(slots=True)
class WatchedTalk:
    """The talk of two products, the initiator first."""

    stage: Stage
    case: Case
    products: tuple[Product, Product]
    store: EvidenceFolder

    @property
    def trouble(self) -> None:
        """See Talk: what goes wrong here is raised at once."""
        return None

    @property
    def disturbances(self) -> tuple[Disturbance, ...]:
        """See Talk."""
        return ()

    def hold(self, load: Callable[[], None]) -> None:
        """See Talk."""
        initiator = self.products[0]
        connection = initiator.connection
        steps = Steps(self.case, self.products)
        ours, theirs = (
            (connection.local_address, connection.local_inner),
            (connection.remote_address, connection.remote_inner),
        )
        near, far = WatchedWire(), WatchedWire()
        watchers = [self.stage.lab.watcher(product.running) for product in self.products]
        try:
            with (
                watchers[0].watch(connection.name, ours, theirs) as near,
                watchers[1].watch(connection.name, theirs, ours) as far,
            ):
                load()
                steps.play()
        finally:
            write_pcapng(self.store.path / CAPTURE, near.frames)
            write_pcapng(self.store.path / FAR_CAPTURE, far.frames)
            drops, overrun = near.drops + far.drops, near.overrun or far.overrun
            ended = (near.ended, far.ended)
            self.store.write_json("steps.json", PairReport(tuple(steps.reports), drops, overrun, ended))

    def finish(self) -> None:
        """See Talk: nothing is under way any more."""


@dataclass(slots=True)
class Steps:
    """Plays the steps and keeps a report of each."""

    case: Case
    products: tuple[Product, Product]
    reports: list[StepReport] = field(default_factory=list)
    stuck: tuple[set[str], set[str]] = field(default_factory=lambda: (set(), set()))  # would not go, by side

    def play(self) -> None:
        """Have the initiator bring up the tunnel, then go through the scenario's steps.

        Raises:
            LabError: a product's control interface is gone.
        """
        said = in_a_line(self._driver(0).initiate(self._name, _INITIATION))
        if said or not self.case.expectation.establishes:
            self._note(ESTABLISHED, self._reports(), said)
        else:
            self._note(ESTABLISHED, self._settled(lambda _, now: up(now)))
        if not said:
            for step in self.case.scenario.steps:
                self._step(step)
        if Step.DELETE not in self.case.scenario.steps or said:
            return
        self._note(DELETED, self._settled(lambda _, now: gone(now)))

    @property
    def _name(self) -> str:
        return self.products[0].connection.name

    def _driver(self, side: int) -> PeerDriver:
        return self.products[side].running.driver

    def _step(self, step: Step) -> None:
        if step is Step.TRAFFIC:
            sent, received, said = self._echo()
            self._note(step, self._reports(), said, sent, received)
        elif step is Step.DELETE:
            self._driver(0).terminate(self._name)
        else:
            self._rekey(step)

    def _rekey(self, step: Step) -> None:
        index = 0 if rekeyer(*(product.running.peer for product in self.products)) is Role.INITIATOR else 1
        ike = step is Step.REKEY_IKE
        self._driver(index).rekey(self._name, ike=ike)

        before = self._last()

        def done(side: int, now: PeerReport) -> bool:
            return renewed(before[side], now, self.stuck[side], ike=ike)

        reports = self._settled(done, asked_first=index, first_s=_REKEY)
        for side in (0, 1):
            self.stuck[side].update(not_standing(reports[side]))
        self._note(step, reports)

    def _echo(self) -> tuple[int, int, str]:
        """Echo requests from the initiator's inner host, once more where a reply is missing.

        Sent, received and the program's words, of the last time that it said how many there were.
        """
        here = self.products[0].connection
        command = ["ping", "-n", "-q", "-c", str(_ECHO_REQUESTS), "-i", "0.02", "-W", str(_ECHO_WAIT_S)]
        sent = received = 0
        output = ""
        for _ in range(_ECHO_ATTEMPTS):
            _, output = self.products[0].running.container.run([*command, "-I", here.local_inner, here.remote_inner])
            found = _COUNTS.search(output)
            if found is None:  # ping itself failed
                continue
            sent, received = int(found[1]), int(found[2])
            if sent == received:
                return sent, received, ""
        return sent, received, " ".join(output.split()[-40:])

    def _status(self, side: int) -> PeerReport:
        return self._driver(side).status(self._name)

    def _reports(self) -> Reports:
        return self._status(0), self._status(1)

    def _settled(self, done: Done, *, asked_first: int = 0, first_s: float = 0) -> Reports:
        """What each side says once it is done with a step, or when the time is over; what is not done a check names."""
        reports: dict[int, PeerReport] = {}
        looks: Counter[int] = Counter()
        end = time.monotonic() + _SETTLE

        def look(side: int) -> PeerReport:
            looks[side] += 1
            return self._status(side)

        for side in (asked_first, 1 - asked_first):
            reports[side] = settled(
                partial(look, side), partial(done, side),
                deadline_s=end - time.monotonic(), interval_s=_LOOK_AGAIN, first_s=first_s,
            )  # fmt: skip
            first_s = 0
        if looks[1 - asked_first] > 1:  # the two reports are to be of one moment
            reports[asked_first] = look(asked_first)
        return reports[0], reports[1]

    def _last(self) -> Reports:
        """What both sides said after the step before; that they have nothing, before the first."""
        if not self.reports:
            return PeerReport("", (), ""), PeerReport("", (), "")
        return self.reports[-1].initiator, self.reports[-1].responder

    def _note(self, step: str, reports: Reports, said: str = "", sent: int = 0, received: int = 0) -> None:
        self.reports.append(StepReport(str(step), time.time(), *reports, said, sent, received))
