"""A daemon must be the version that its peer is named after."""

import pytest

from harness.lab.running_peer import _is_version


@pytest.mark.parametrize(
    ("reported", "wanted", "same"),
    [("6.1.0", "6.1", True), ("6.1", "6.1", True), ("6.10.0", "6.1", False), ("5.9.8", "5.9", True),
     ("6.0.1", "6.1", False), ("6.1dr1", "6.1", True)],
)  # fmt: skip
def test_versions_compare_in_whole_numbers(reported, wanted, same):
    assert _is_version(reported, wanted) is same
