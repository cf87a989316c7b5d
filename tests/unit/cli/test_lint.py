"""``lint``: 0 on the clean tree; otherwise 2, with file and line."""

from __future__ import annotations

from command import interop as run_command

KNOWN = """
[[version.known-failure]]
scenario = "{}"
requirement = "A06"
reason = "It was so in 2024."
link = "https://example.org/1"
"""


def test_the_clean_tree_is_clean(interop):
    said = interop("lint")
    assert (said.status, said.err) == (0, "")
    assert said.out.endswith(": no complaint\n")


def test_so_it_is_for_the_command_in_a_process_of_its_own():
    done = run_command("lint")
    assert (done.returncode, done.stderr) == (0, "")


def known_failure(checkout, scenario: str) -> int:
    path = checkout / "peers" / "strongswan" / "peer.toml"
    text = path.read_text() + KNOWN.format(scenario)
    path.write_text(text)
    return text[: text.rindex("[[version.known-failure]]")].count("\n") + 1


def test_a_known_failure_that_matches_nothing_is_told_with_its_line(checkout, interop):
    line = known_failure(checkout, "hybrid/long-gone")
    said = interop("lint")
    assert (said.status, said.out) == (2, "")
    where = f"{checkout / 'peers' / 'strongswan' / 'peer.toml'}:{line}: "
    assert where + "known failure of strongswan-6.1 in 'hybrid/long-gone' matches no case" in said.err


def test_a_known_failure_that_matches_a_case_is_in_order(checkout, interop):
    known_failure(checkout, "hybrid/x25519-mlkem768")
    said = interop("lint")
    assert (said.status, said.err) == (0, "")
