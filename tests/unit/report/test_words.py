"""The words that all reports share."""

import pytest

from harness.report import words
from harness.results.model import PeerEntry


@pytest.mark.parametrize(
    ("implementation", "kernel", "said"),
    [
        ("userspace", "", "userspace ESP"),
        ("kernel", "own Linux 6.12.101", "kernel ESP, on its own Linux 6.12.101"),
        ("kernel", "the host's", "kernel ESP, the host's kernel"),
        ("", "", ""),
    ],
)
def test_where_esp_is_done_and_on_whose_kernel(implementation, kernel, said):
    assert words.esp(PeerEntry("p", "P", False, "1", "", implementation, (), kernel)) == said
