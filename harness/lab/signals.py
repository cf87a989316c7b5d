"""Signals that end a run: each does it as an exception does, so that everything made is removed."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from types import FrameType

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_REPEAT_S = 2.0

FROM_OUTSIDE = (signal.SIGHUP, signal.SIGINT, signal.SIGKILL, signal.SIGTERM)
"""Signals that no program sends itself: one that was ended by them was ended by somebody."""


class EndingSignals:
    """From ``take_over`` to ``restore``, Ctrl-C raises KeyboardInterrupt, SIGTERM and SIGHUP SystemExit, once.

    An exception that happens to arise in a destructor is lost. So it is raised again every two seconds until the
    clean-up begins; further signals change nothing. A signal that is ignored already (nohup, a shell's background job)
    stays so. All this is for the main thread alone; elsewhere nothing happens.
    """

    def __init__(self) -> None:
        self._before: list[Callable[[], object]] = []
        self._busy = False
        self._pending: int | None = None

    def take_over(self) -> None:
        """From now on a signal ends the run."""
        if not _in_main_thread():
            return
        self._replace(signal.SIGALRM, self._repeat)
        for number in _ENDING:
            if signal.getsignal(number) is not signal.SIG_IGN:
                self._replace(number, self._end)

    def restore(self) -> None:
        """Signals do what they did before."""
        while self._before:
            self._before.pop()()

    @contextmanager
    def held_back(self) -> Iterator[None]:
        """A signal takes effect at the end of the block: a request to make something, once sent, must be waited for.

        Cut off in its midst, it would leave a thing that did not exist yet when the lab was cleared.
        """
        self._busy = True
        try:
            yield
        finally:
            self._busy = False
            self._raise()

    @contextmanager
    def void(self) -> Iterator[None]:
        """Signals have no effect inside: a second Ctrl-C must not stop the clean-up that the first one began."""
        with ExitStack() as stack:
            if _in_main_thread():
                for number in _ENDING:
                    stack.callback(signal.signal, number, signal.signal(number, signal.SIG_IGN))
                signal.setitimer(signal.ITIMER_REAL, 0)
                self._pending = None
            yield

    def _replace(self, number: int, handler: Callable[[int, FrameType | None], None]) -> None:
        self._before.append(partial(signal.signal, number, signal.signal(number, handler)))

    def _end(self, number: int, _frame: FrameType | None) -> None:
        if self._pending is None:
            self._pending = number
            signal.setitimer(signal.ITIMER_REAL, _REPEAT_S, _REPEAT_S)
            self._raise()

    def _repeat(self, _number: int, _frame: FrameType | None) -> None:
        self._raise()

    def _raise(self) -> None:
        if self._pending is not None and not self._busy:
            raise KeyboardInterrupt if self._pending == signal.SIGINT else SystemExit(128 + self._pending)


def _in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()
