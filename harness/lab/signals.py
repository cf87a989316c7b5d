"""Signals that end a run: each does it as an exception does, so that everything made is removed, and once is enough."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from types import FrameType

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class EndingSignals:
    """From ``take_over`` to ``restore``, Ctrl-C raises KeyboardInterrupt, SIGTERM and SIGHUP SystemExit; later ones are
    void. A signal that is ignored already (nohup, a shell's background job) stays so. Only for the main thread.
    """

    def __init__(self) -> None:
        self._before: list[Callable[[], object]] = []
        self._busy = False
        self._held_back: int | None = None

    def take_over(self) -> None:
        """From now on a signal ends the run. In another than the main thread nothing happens."""
        if threading.current_thread() is not threading.main_thread():
            return
        for number in _ENDING:
            if signal.getsignal(number) is not signal.SIG_IGN:
                self._before.append(partial(signal.signal, number, signal.signal(number, self._end)))

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
            if self._held_back is not None:
                self._end(self._held_back)

    def _end(self, number: int, _frame: FrameType | None = None) -> None:
        if self._busy:
            self._held_back = self._held_back or number
            return
        for each in _ENDING:
            signal.signal(each, signal.SIG_IGN)
        raise KeyboardInterrupt if number == signal.SIGINT else SystemExit(128 + number)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """These signals have no effect inside: a second Ctrl-C must not stop the clean-up that the first one began."""
    with ExitStack() as stack:
        if threading.current_thread() is threading.main_thread():
            for number in _ENDING:
                stack.callback(signal.signal, number, signal.signal(number, signal.SIG_IGN))
        yield
