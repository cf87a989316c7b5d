"""A reader that has gone, as ``head`` does, changes no exit status; a stream that is closed gets nothing."""

from __future__ import annotations

import os
import subprocess

import pytest
from command import ROOT, command, environment


def ended(*arguments: str, closed: str = "", unread: str = "") -> tuple[int, bytes, bytes]:
    """Exit status and both outputs of a command with a stream that is closed, or that nobody reads."""
    read, write = os.pipe()
    os.close(read)
    out, err = (write if name == unread else subprocess.PIPE for name in ("stdout", "stderr"))
    line = {"stdout": ">&-", "stderr": "2>&-", "": ""}[closed]
    words = ["sh", "-c", f'exec "$@" {line}', "sh", *command(*arguments)]
    process = subprocess.Popen(words, cwd=ROOT, env=environment(), stdout=out, stderr=err)
    os.close(write)
    said = process.communicate(timeout=60)
    return process.returncode, said[0] or b"", said[1] or b""


@pytest.mark.parametrize("arguments", [("list", "scenarios"), ("plan", "--suite", "smoke", "--json"), ("lint",)])
@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_a_reader_that_has_gone_changes_no_status(arguments, stream):
    status, _, err = ended(*arguments, unread=stream)
    assert (status, err) == (ended(*arguments)[0], b"") == (0, b"")


def test_an_error_keeps_its_status_where_nobody_reads_it():
    assert ended("verify", "no-such-run", unread="stderr")[0] == 2


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_what_would_go_to_a_closed_stream_does_not_go_to_the_other(stream):
    status, out, err = ended("verify", "no-such-run", closed=stream)
    assert (status, out) == (2, b"")
    assert bool(err) == (stream == "stdout")
