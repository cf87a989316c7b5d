"""A vendor's published policy, peers/profiles/<name>/profile.toml: each value has its source or is marked assumed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from harness.policy.proposals import PartyPolicy
from harness.policy.role import Role
from harness.scenario.capable_policy import without_unsupported
from harness.scenario.peer import Peer, Profile, Sourced
from harness.scenario.policy_file import read_party
from harness.scenario.table import Table, is_word
from harness.scenario.toml_source import read_toml
from harness.scenario.vocabulary import LARGEST_FRAGMENT, SMALLEST_FRAGMENT, transform_key

PROFILES_FOLDER = "profiles"
EMULATED = "emulated/"

_KEYS = frozenset(
    {"vendor", "product", "release", "rendered-on", "roles", "role-reason", "fragment-size", "policy", "behaviour"}
)
_BEHAVIOUR_KEYS = frozenset({"key", "value", "source", "assumed", "note"})


def load_profile(path: Path, peers: Mapping[str, Peer]) -> Peer:
    """The peer ``emulated/<folder>`` of one profile, configured on one of ``peers``.

    Raises:
        InvalidData: the file breaks its format, a value lacks its source, or the product cannot do what it says.
    """
    table = Table.root(read_toml(path))
    table.finish(_KEYS)
    if not is_word(path.parent.name):
        table.complain(
            None, f"the folder {path.parent.name!r} cannot be part of a name: letters, digits, dots, hyphens"
        )
    policy_table = table.table("policy")
    if policy_table is None:
        table.complain(None, "table 'policy' is missing")
    profile = Profile(
        name=path.parent.name,
        vendor=table.string("vendor"),
        product=table.string("product"),
        release=table.string("release"),
        rendered_on=table.choice("rendered-on", peers.keys()),
        policy=read_party(policy_table) if policy_table else PartyPolicy((), ()),
        behaviours=read_behaviours(table),
        fragment_size=table.integer("fragment-size", SMALLEST_FRAGMENT, LARGEST_FRAGMENT),
        path=path,
    )
    roles, reason = read_roles(table)
    further = (key for key in ("fragment-size", "roles") if key in table.data)
    check_sources(table, profile.policy, profile.behaviours, further)
    _check_product(table, profile, peers)
    table.raise_problems()
    return _configured_on(profile, peers[profile.rendered_on], roles, reason)


def read_roles(table: Table) -> tuple[tuple[Role, ...], str]:
    """The roles that a peer can play, and why it cannot play the others."""
    names = table.strings("roles", tuple(Role))
    for name in names:
        if name not in tuple(Role):
            table.complain("roles", f"unknown role {name!r}; known: {', '.join(Role)}")
    roles = tuple(role for role in Role if role.value in names)
    reason = table.string("role-reason", "")
    if len(roles) < len(Role) and not reason:
        table.complain("roles", "a peer that cannot play a role says why in 'role-reason'")
    return roles, reason


def read_behaviours(owner: Table) -> tuple[Sourced, ...]:
    """The ``[[behaviour]]`` entries of a table, each with its source or marked as assumed."""
    return tuple(_behaviour(entry) for entry in owner.tables("behaviour"))


def _behaviour(table: Table) -> Sourced:
    table.finish(_BEHAVIOUR_KEYS)
    source, assumed = table.string("source", ""), table.boolean("assumed", False)
    if bool(source) == assumed:
        table.complain(None, "a behaviour has either a 'source' or 'assumed = true'")
    return Sourced(table.string("key"), table.string("value"), source, table.string("note", ""))


def check_sources(
    table: Table, policy: PartyPolicy, behaviours: Sequence[Sourced], further: Iterable[str] = ()
) -> None:
    """Nothing may be said of anybody in passing: each value of a policy has its behaviour entry, with its source."""
    needed = {
        f"{protocol}.{transform_key(kind)}"
        for protocol, proposals in (("ike", policy.ike), ("esp", policy.esp))
        for proposal in proposals
        for kind in proposal.transforms
    }
    needed.update(further)
    stated = Counter(behaviour.key for behaviour in behaviours)
    for key in sorted(needed - set(stated)):
        table.complain(None, f"no [[behaviour]] says where {key!r} comes from")
    for key in sorted(key for key, times in stated.items() if times > 1):
        table.complain("behaviour", f"{key!r} has more than one [[behaviour]]")


def _check_product(table: Table, profile: Profile, peers: Mapping[str, Peer]) -> None:
    product = peers.get(profile.rendered_on)
    known = not table.problems  # else the policy may not be what the file means
    if product and known and without_unsupported(profile.policy, product.capabilities) != profile.policy:
        table.complain("policy", f"{profile.rendered_on} cannot do all of this policy; leave out what it lacks")


def _configured_on(profile: Profile, product: Peer, roles: tuple[Role, ...], reason: str) -> Peer:
    return replace(
        product,
        name=EMULATED + profile.name,
        title=f"{profile.vendor} {profile.product} {profile.release} (emulated)",
        capabilities=replace(product.capabilities, roles=roles, role_reason=reason),
        profile=profile,
        known_failures=(),
        described_in=(*product.described_in, profile.path.parent),
    )
