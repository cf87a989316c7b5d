"""What the command says: data on standard output, progress and errors on standard error. Nothing else here prints.

Whatever a line quotes, a peer's words or the name of a file, no terminal takes it for a command.
"""

from __future__ import annotations

import io
import os
import sys
from contextlib import suppress
from typing import TextIO

from harness.border.text import harmless


def out(text: str) -> None:
    """A line, or several, of data."""
    _print(text, sys.stdout)


def err(text: str) -> None:
    """A line of progress, or an error."""
    _print(text, sys.stderr)


def _print(text: str, stream: TextIO | None) -> None:
    """A stream that whoever started us has closed is None; nothing of it may come out of the other one."""
    if stream is None:
        return
    try:
        print(harmless(text), file=stream)
    except BrokenPipeError:
        nobody_reads(stream)


def flush() -> None:
    """Write what is still to be written, now: a failure at the interpreter's own end would cost the exit status."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None and not stream.closed:
            try:
                stream.flush()
            except BrokenPipeError:
                nobody_reads(stream)


def nobody_reads(stream: TextIO) -> None:
    """Who read this has gone, as ``head`` does: the rest goes nowhere, and the exit status stays the command's own."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
    with suppress(OSError):
        stream.flush()


def of_system(error: Exception) -> str:
    """What the system, or Docker's engine in the midst of a run, had against it: one line, with the path."""
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        return f"{error.filename}: {error.strerror}"
    return " ".join(str(error).split()) or type(error).__name__


def write_in_any_encoding() -> None:
    """A character that the terminal's encoding lacks is written as its escape, and is no reason to fail."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
