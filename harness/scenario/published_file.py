"""A product's own defaults, the table ``published`` of a peer.toml: each value with the source that says so."""

from __future__ import annotations

from harness.scenario.model import PartyPolicy
from harness.scenario.peer import Capabilities, Published
from harness.scenario.policy_file import read_policy
from harness.scenario.profile_file import check_sources, read_behaviours
from harness.scenario.render_half import without_unsupported
from harness.scenario.table import Table

_KEYS = frozenset({"ike", "esp", "behaviour"})


def read_published(owner: Table) -> Published | None:
    """The table ``published`` of a peer's file or of one of its versions; None where it has none.

    A value without its source is a problem of the file.
    """
    table = owner.table("published")
    if table is None:
        return None
    table.finish(_KEYS)
    policy = PartyPolicy(read_policy(table, "ike"), read_policy(table, "esp"))
    found = Published(policy, read_behaviours(table))
    check_sources(table, policy, found.behaviours)
    return found


def check_published(table: Table, published: Published | None, capabilities: Capabilities) -> None:
    """Nothing is claimed that the running build lacks: the defaults must be within the capability sheet."""
    known = not table.problems  # else the sheet or the policy may not be what the file means
    if published and known and without_unsupported(published.policy, capabilities) != published.policy:
        table.complain(
            None, "the published policy names what the capability sheet lacks; leave it out, or add it there"
        )
