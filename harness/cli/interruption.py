"""The end of an interrupted command."""

from __future__ import annotations

import os
import sys
from typing import NoReturn

_LAB_ERROR = 3


def leave() -> NoReturn:
    """Say one line and end with status 3, once everything is cleaned up.

    Not by ``sys.exit``: where Ctrl-C fell into an ``exec`` (dataclasses are made by one), CPython remembers it beyond
    the handler and would end this process by SIGINT after all.
    """
    print("ipsec-interop: interrupted", file=sys.stderr)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(_LAB_ERROR)
