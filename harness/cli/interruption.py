"""Ctrl-C before there is a lab to clear, and the end of an interrupted command."""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType
from typing import NoReturn

from harness.cli.output import err, flush

_LAB_ERROR = 3
_REPEAT_S = 0.2


def heed() -> None:
    """From now on Ctrl-C raises KeyboardInterrupt, and again every 0.2 s until ``leave``.

    One that arises in a destructor, or in a callback of the import system, is lost: the command would go on. A lab has
    signals of its own meanwhile (``lab/signals.py``). Where the signal is ignored, as by nohup, it stays so.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGALRM, _raise)
        signal.signal(signal.SIGINT, _first)
        sys.unraisablehook = _unless_heard


def _unless_heard(lost: sys.UnraisableHookArgs) -> None:
    """No traceback of one that is lost: it comes again."""
    if not isinstance(lost.exc_value, KeyboardInterrupt):
        sys.__unraisablehook__(lost)


def heard() -> bool:
    """Whether Ctrl-C was pressed: Python makes another exception of one that falls into the making of a class."""
    return bool(_presses)


_presses: list[int] = []


def _first(number: int, _frame: FrameType | None) -> None:
    _presses.append(number)
    signal.setitimer(signal.ITIMER_REAL, _REPEAT_S, _REPEAT_S)
    raise KeyboardInterrupt


def _raise(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def leave() -> NoReturn:
    """Say one line and end with status 3, once everything is cleaned up.

    Not by ``sys.exit``: where Ctrl-C fell into an ``exec`` (dataclasses are made by one), CPython remembers it beyond
    the handler and would end this process by SIGINT after all.
    """
    signal.setitimer(signal.ITIMER_REAL, 0)
    err("ipsec-interop: interrupted")
    flush()
    os._exit(_LAB_ERROR)
