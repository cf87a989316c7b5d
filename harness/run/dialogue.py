"""What passes between runner and worker during a case: wishes are granted until the conversation is there."""

from __future__ import annotations

import json
import time
from concurrent.futures import Executor, Future, wait
from dataclasses import dataclass, field

from harness.evidence.model import Conversation
from harness.evidence.store import EvidenceFolder
from harness.json_codec import from_json, to_json
from harness.lab.driver import Connection
from harness.lab.errors import LabError
from harness.lab.running_peer import RunningPeer
from harness.lab.waiting import settled
from harness.lab.worker_channel import CaseInbox, Message, WorkerChannel
from harness.run.pair_progress import up
from harness.transport.job import Job, Wish

_GRACE = 10.0  # seconds beyond the job's deadline before the worker counts as stuck
_SILENCE = 2.0  # seconds without a word from the worker after which we look whether the peer still runs
_INITIATION = 15.0  # seconds for the product to bring up what it initiates
_INSTALLATION = 1.0  # seconds for it to install the Child SA once its last IKE_AUTH message is there
_LOOK_AGAIN = 0.1
_COMMANDS_END = 5.0  # seconds for commands to the peer to return once the connection is unloaded


@dataclass(slots=True)
class Dialogue:
    """One case's talk with the worker. ``trouble`` is what kept us from doing our part; the evidence comes first."""

    channel: WorkerChannel
    helpers: Executor  # for commands to the peer that wait for the peer
    task: Job
    half: Connection
    running: RunningPeer
    store: EvidenceFolder
    trouble: BaseException | None = None
    _commands: list[Future[None]] = field(default_factory=list)
    _called_off: bool = False

    def converse(self) -> Conversation:
        """Start the case and grant the worker's wishes until it brings back the conversation.

        Raises:
            LabError: the worker ended, got stuck, or says that it could not play the case.
        """
        inbox = self.channel.open_case(self.task.case)
        try:
            self.channel.send({"case": self.task.case, "do": "start", "job": to_json(self.task)})
            while True:
                message = self._next(inbox)
                if "conversation" in message:
                    return from_json(Conversation, message["conversation"])
                if "error" in message:
                    raise LabError(f"worker: {message['error']}")
                self._grant(Wish(str(message["want"])))
        finally:
            self.channel.close_case(self.task.case)

    def finish(self) -> None:
        """Wait, a moment at most, for commands to the peer that are still under way; take note of those that broke."""
        done, _ = wait(self._commands, _COMMANDS_END)
        for command in done:
            self.trouble = self.trouble or command.exception()

    def _next(self, inbox: CaseInbox) -> Message:
        """The worker's next word. When it is silent, the peer may have ended: then the case is called off."""
        heard, end = self.channel.messages, time.monotonic() + self.task.deadline + _GRACE
        while time.monotonic() < end:
            message = inbox.get(_SILENCE)
            if message is not None:
                return message
            if not self._called_off and not self.running.driver.alive():
                self._call_off()
        if self.channel.messages == heard:
            self.channel.close()  # not a word to any case: it is stuck, and a fresh one takes its place
        raise LabError(f"the worker said nothing for {self.task.deadline + _GRACE:.0f} s")

    def _grant(self, wish: Wish) -> None:
        if wish is Wish.INITIATE:
            self._commands.append(self.helpers.submit(self._initiate))
        elif wish is Wish.COME_UP:
            self._commands.append(self.helpers.submit(self._come_up))
        elif wish is Wish.TERMINATE:
            self._commands.append(self.helpers.submit(self.running.driver.terminate, self.half.name))
        else:
            try:
                self.store.write_peer_report(self.running.driver.status(self.half.name), after=False)
            except LabError as error:
                self.trouble = error
                self._call_off()
            self._granted(wish)

    def _initiate(self) -> None:
        """The product's own words on how its initiation went are evidence of grade C: kept, never judged."""
        said = self.running.driver.initiate(self.half.name, _INITIATION)
        self.store.write_text("peer/initiate.json", json.dumps({"error": said}) + "\n")
        self._granted(Wish.INITIATE)

    def _come_up(self) -> None:
        """Give the product time to install what it has agreed to; one that does not come up shows in what follows."""
        driver, name = self.running.driver, self.half.name
        try:
            settled(
                lambda: driver.status(name), up,
                deadline_s=_INSTALLATION, interval_s=_LOOK_AGAIN,
            )  # fmt: skip
        finally:
            self._granted(Wish.COME_UP)

    def _granted(self, wish: Wish) -> None:
        self.channel.send({"case": self.task.case, "do": "continue", "wish": wish.value})

    def _call_off(self) -> None:
        """Ask the worker to end the case now and bring what it has."""
        self._called_off = True
        self.channel.send({"case": self.task.case, "do": "abort"})
