"""What a peer says reaches the terminal as text."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from harness.cli.progress import Bar
from harness.results.model import PeerEntry
from harness.results.record import read_run
from harness.run.events import CaseFinished, PeerStarted, RunStarted

RUN = read_run(Path(__file__).parents[2] / "golden" / "report" / "run.jsonl")

SHOWN = {
    "1.0 [/etc/x]": "1.0 [/etc/x]",
    "[bold red]6.1.0[/]": "[bold red]6.1.0[/]",
    "6.1 :boom:": "6.1 :boom:",
    "cannot read [/etc/ipsec.conf]": "cannot read [/etc/ipsec.conf]",
    "[link=x]y[/link]": "[link=x]y[/link]",
    "\x1b[2J\x1b]0;x\x07": r"\x1b[2J\x1b]0;x\x07",
    "\ud800\u202e\0": r"\ud800\u202e\x00",
    "two\nlines\r": r"two lines",
}


@pytest.mark.parametrize("terminal", [False, True])
@pytest.mark.parametrize("words", SHOWN, ids=ascii)
def test_a_peers_words_are_text(words, terminal, monkeypatch, capsys):
    made = []

    def console(**options):
        made.append(Console(**options, force_terminal=terminal, width=200))
        return made[-1]

    monkeypatch.setattr("harness.cli.progress.Console", console)
    peer = PeerEntry("acme-1.0", "Acme", False, words, "", "userspace", probe=f"failed: {words}")
    record = replace(RUN.cases[0], case=words, expected=False)
    with Bar() as bar:
        bar.started("image")
        bar.advanced("image", words)
        bar.finished("image", 1.0)
        for event in (RunStarted(RUN.header, 3), PeerStarted(peer), CaseFinished(record)):
            bar.listen(event)
    said = capsys.readouterr().err
    assert said.count(SHOWN[words]) >= 3  # version, probe, case
    assert "\x1b]0" not in said and "\u202e" not in said and "\0" not in said
    if not terminal:
        assert "\x1b" not in said
