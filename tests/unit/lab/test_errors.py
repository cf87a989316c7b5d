"""Errors of the lab quote peers."""

from __future__ import annotations

import pytest

from harness.lab.errors import ImageBuildFailed, LabError, NotReady, PeerUnreachable


@pytest.mark.parametrize(
    "error",
    [
        LabError("\x1b[2J" * 100_000),
        PeerUnreachable("said:\n" + "x\0" * 100_000),
        ImageBuildFailed("image", "\ud800", "line\x07\n" * 100_000),
        NotReady("peer", 1, "state\u202e", "pattern", "log\x1b" * 100_000),
    ],
)
def test_an_error_is_harmless_and_no_longer_than_a_reader_takes_in(error):
    text = str(error)
    assert text.replace("\n", "").replace("\t", "").isprintable()
    assert len(text) < 9000
    if len(text) > 8000:
        assert "characters are left out here" in text
    text.encode("utf-8")
