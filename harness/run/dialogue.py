"""What passes between runner and worker during a case: the runner does what the worker asks for, up to the end."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from concurrent.futures import Future, wait

from harness.border.text import in_a_line
from harness.evidence.interruption import Disturbance
from harness.evidence.model import Conversation
from harness.evidence.peer_report import PeerReport
from harness.evidence.store import EvidenceFolder
from harness.evidence.wireshark import tables_of
from harness.lab.driver import VERB_S, PeerDriver
from harness.lab.errors import LabError
from harness.lab.waiting import settled
from harness.lab.worker_channel import CaseInbox
from harness.run.case import Case
from harness.run.configure import Ends, job
from harness.run.progress import up
from harness.run.stage import Product, Stage
from harness.transport.job import PeerAction
from harness.transport.messages import Abort, Answer, Continue, Failure, Start, Want

_GRACE = 10.0  # seconds beyond what a case may be silent for before the worker counts as stuck
_SILENCE = 2.0  # seconds without a word from the worker after which we look whether the peer still runs
_INITIATION = 15.0  # seconds for the product to bring up what it initiates
_INSTALLATION = 1.0  # seconds for it to install the Child SA once its last IKE_AUTH message is there
_LOOK_AGAIN = 0.1
_SETTLE = 1.0  # seconds for the peer to let go of an SA after the last message
_COMMANDS_END = VERB_S + 2  # seconds for commands to the peer to return once the connection is unloaded


class Dialogue:
    """One case's talk with the worker, in which our engine is one of the two parties. Implements Talk."""

    def __init__(self, stage: Stage, case: Case, ends: Ends, product: Product, store: EvidenceFolder) -> None:
        """The case has a role for our engine, and ``product`` has the other one."""
        self.trouble: BaseException | None = None
        self.disturbances: tuple[Disturbance, ...] = ()
        self._channel = stage.workers.channel()
        self._helpers = stage.helpers
        self._task = job(case, ends)
        self._product = product
        self._store = store
        self._commands: dict[Future[None], float] = {}  # with when each is late, by the monotonic clock
        self._called_off = False
        store.write_json("engine/configuration.json", self._task)

    def hold(self, load: Callable[[], None]) -> None:
        """See Talk."""
        load()
        conversation = self.converse()
        self.disturbances = conversation.disturbances
        self._store.write_conversation(conversation, tables_of(conversation, self._store.facts()))
        self._look_after()

    def _look_after(self) -> None:
        """What the peer still holds once it had a moment to let go."""
        report = settled(self._status, lambda seen: not seen.sas, deadline_s=_SETTLE, interval_s=_LOOK_AGAIN)
        self._store.write_peer_report(report, after=True)

    @property
    def _peer(self) -> str:
        return self._product.running.peer.name

    def _status(self) -> PeerReport:
        return self._driver.status(self._product.connection.name)

    @property
    def _driver(self) -> PeerDriver:
        return self._product.running.driver

    def converse(self) -> Conversation:
        """Start the case and do what the worker asks for until it brings back the conversation.

        Raises:
            LabError: the worker ended, got stuck, or says that it could not play the case.
        """
        inbox = self._channel.open_case(self._task.case)
        try:
            self._channel.send(self._task.case, Start(self._task))
            while True:
                match self._next(inbox):
                    case Conversation() as conversation:
                        return conversation
                    case Want(action):
                        self._act(action)
                    case Failure(reason):
                        raise LabError(f"worker: {reason}")
                    case other:
                        raise LabError(f"worker: {type(other).__name__} is no answer to Start")
        finally:
            self._channel.close_case(self._task.case)

    def finish(self) -> None:
        """Wait, a moment at most, for commands to the peer that are still under way; take note of those that broke.

        One whose own time is not over may go on: what an initiation says of itself is not judged.
        """
        done, late = wait(self._commands, _COMMANDS_END)
        for command in done:
            self.trouble = self.trouble or command.exception()
        if any(self._commands[command] <= time.monotonic() for command in late):
            self.trouble = self.trouble or LabError(f"{self._peer}: a command to it does not return")

    def _next(self, inbox: CaseInbox) -> Answer:
        """The worker's next word. When it is silent, the peer may have ended: then the case is called off.

        The silence is counted in waits, not by the clock: while this process stood still it listened to nobody.
        """
        heard, silent = self._channel.messages, 0.0
        limit = self._task.deadline + self._task.verb + _GRACE
        while silent < limit:
            answer = inbox.get(_SILENCE)
            if answer is not None:
                return answer
            silent += _SILENCE
            if not self._called_off and not self._driver.alive():
                self._call_off(LabError(f"{self._peer}: no answer when we looked for it; the case was called off"))
        if self._channel.messages == heard:
            self._channel.close()  # not a word to any case: it is stuck, and a fresh one takes its place
        raise LabError(f"the worker said nothing for {limit:.0f} s")

    def _act(self, action: PeerAction) -> None:
        if action is PeerAction.INITIATE:
            self._command(self._initiate, _INITIATION + _COMMANDS_END)
        elif action is PeerAction.COME_UP:
            self._command(self._come_up, _COMMANDS_END)
        elif action is PeerAction.TERMINATE:
            self._command(self._terminate, _COMMANDS_END)
        else:
            try:
                self._store.write_peer_report(self._status(), after=False)
            except LabError as error:
                self._call_off(error)
            self._done(action)

    def _command(self, command: Callable[[], None], seconds: float) -> None:
        self._commands[self._helpers.submit(command)] = time.monotonic() + seconds

    def _initiate(self) -> None:
        """The product's own words on how its initiation went are evidence of grade C: kept, never judged."""
        said = self._driver.initiate(self._product.connection.name, _INITIATION)
        self._store.write_text("peer/initiate.json", json.dumps({"error": in_a_line(said)}) + "\n")
        self._done(PeerAction.INITIATE)

    def _terminate(self) -> None:
        self._driver.terminate(self._product.connection.name)
        self._done(PeerAction.TERMINATE)

    def _come_up(self) -> None:
        """Give the product time to install what it has agreed to; one that does not come up shows in what follows."""
        try:
            settled(self._status, up, deadline_s=_INSTALLATION, interval_s=_LOOK_AGAIN)
        finally:
            self._done(PeerAction.COME_UP)

    def _done(self, action: PeerAction) -> None:
        self._channel.send(self._task.case, Continue(action))

    def _call_off(self, why: LabError) -> None:
        """Ask the worker to end the case now and bring what it has. The peer's part in it is not judged."""
        self.trouble = self.trouble or why
        self._called_off = True
        self._channel.send(self._task.case, Abort())
