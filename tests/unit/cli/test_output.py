"""What the command prints, whoever it quotes and wherever it prints."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from harness.cli.output import err, out

PROGRAM = "from harness.cli.output import *; write_in_any_encoding(); out('\\u2713 \\x1b \\ud800'); err('\\u2713')"


def test_nothing_that_a_terminal_obeys(capsys):
    out("\x1b[2Jdata\n\tmore\u202e")
    err("error\x07\x9b")
    assert capsys.readouterr() == ("\\x1b[2Jdata\n\tmore\\u202e\n", "error\\x07\\x9b\n")


@pytest.mark.parametrize(("encoding", "mark"), [("ascii", r"\u2713"), ("latin-1", r"\u2713"), ("utf-8", "\u2713")])
def test_an_encoding_that_lacks_a_character_is_no_reason_to_fail(encoding, mark):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={**os.environ, "PYTHONIOENCODING": encoding},
        capture_output=True,
        check=True,
    )
    assert done.stdout.decode(encoding) == f"{mark} \\x1b \\ud800\n"
    assert done.stderr.decode(encoding) == f"{mark}\n"
