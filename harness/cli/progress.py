"""The progress bar: a consumer of the run's events and of the lab's progress, on stderr."""

from __future__ import annotations

import sys
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text

from harness.border.text import in_a_line
from harness.cli.output import nobody_reads
from harness.results.model import Verdict
from harness.run.events import CaseFinished, CaseStarted, PeerStarted, RunEvent, RunStarted


class _Console(Console):
    """Standard error; where whoever read it has gone, the command goes on without."""

    def __init__(self) -> None:
        super().__init__(stderr=True)

    def on_broken_pipe(self) -> None:
        """Rich's own way is to end the command with status 1, which says that a verdict is not as expected."""
        self.quiet = True
        nobody_reads(sys.stderr)


class Bar:
    """Shows images being built, then cases; on a terminal as a bar, elsewhere as plain lines."""

    def __init__(self) -> None:
        self._console = _Console()
        columns = (
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
        )
        self._progress = Progress(*columns, console=self._console, disable=not self._console.is_terminal)
        self._tasks: dict[str, TaskID] = {}
        self._cases: TaskID | None = None

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def started(self, name: str) -> None:
        """An image's build begins."""
        self._tasks[name] = self._progress.add_task(f"build {name}", total=None)
        self._plain(f"build {name}")

    def advanced(self, name: str, detail: str) -> None:
        """An image's build goes on."""
        if name in self._tasks:
            self._progress.update(self._tasks[name], description=in_a_line(f"build {name}: {detail}", 120))

    def finished(self, name: str, seconds: float) -> None:
        """An image is built."""
        if name in self._tasks:
            self._progress.update(self._tasks[name], description=f"built {name}", total=1, completed=1)
        self._plain(f"built {name} in {seconds:.0f} s")

    def listen(self, event: RunEvent) -> None:
        """Take one event of the run."""
        if isinstance(event, RunStarted):
            self._cases = self._progress.add_task("cases", total=event.to_send)
        elif isinstance(event, PeerStarted):
            self._say(f"{event.peer.name}: {event.peer.version}", style="dim")
            if event.peer.unfit:
                self._say(f"{event.peer.name}: compliance probe: {event.peer.unfit}")
        elif isinstance(event, CaseStarted) and self._cases is not None:
            self._progress.update(self._cases, description=event.case)
        elif isinstance(event, CaseFinished) and event.record.first.verdict is not Verdict.SKIPPED:
            if self._cases is not None:
                self._progress.advance(self._cases)
            if not event.record.expected:
                self._say(f"{event.record.first.verdict} {event.record.case}")

    def _plain(self, line: str) -> None:
        if not self._console.is_terminal:
            self._say(line)

    def _say(self, line: str, style: str = "") -> None:
        """A line above the bar. It is text, whatever a peer's words in it look like: never markup."""
        self._console.print(Text(in_a_line(line), style))
