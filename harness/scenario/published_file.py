"""A product's own defaults, the table ``published`` of a peer.toml: each value with the source that says so."""

from __future__ import annotations

import re
from dataclasses import replace

from harness.policy.proposals import PartyPolicy
from harness.scenario.capable_policy import without_unsupported
from harness.scenario.peer import Capabilities, Published
from harness.scenario.policy_file import read_policy
from harness.scenario.profile_file import check_sources, read_behaviours
from harness.scenario.table import Table

_KEYS = frozenset({"ike", "esp", "behaviour"})
_RELEASE = "{release}"  # stands in a source for what each version read it at


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


def published_of(entry: Table, family: Published | None) -> Published | None:
    """The defaults of one version, its own or the family's, with sources at its ``release``.

    A version like "6.0" stands for its line; ``release`` is the member of it whose source was read, "6.0.1".
    """
    version = entry.string("version", "")
    release = entry.string("release", version)
    if version and not f"{release}.".startswith(f"{version}."):
        entry.complain("release", f"release {release!r} is none of version {version!r}")
    found = read_published(entry) or family
    if found is None:
        return None
    behaviours = (replace(each, source=each.source.replace(_RELEASE, release)) for each in found.behaviours)
    return replace(found, behaviours=tuple(behaviours))


def check_published(table: Table, published: Published | None, capabilities: Capabilities) -> None:
    """Nothing is claimed that the running build lacks, or that was read in another version's source."""
    known = not table.problems  # else the sheet or the policy may not be what the file means
    if published and known and without_unsupported(published.policy, capabilities) != published.policy:
        table.complain(
            None, "the published policy names what the capability sheet lacks; leave it out, or add it there"
        )
    own = table.string("version", "")
    version = re.compile(rf"(?<![\d.]){re.escape(own)}(?!\d)")
    for each in published.behaviours if published else ():
        if each.source and not version.search(each.source):
            words = f"the source of {each.key!r} names no release of version {own!r}: {each.source}"
            table.complain(None, words)
