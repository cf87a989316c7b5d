"""Proposal tables of TOML files to policies: one table is one proposal, a list of tables a list of proposals."""

from __future__ import annotations

from harness.policy.proposals import PartyPolicy, Policy, ProposalPolicy
from harness.registry.algorithms import Algorithm, algorithm
from harness.registry.transforms import Encryption, TransformType
from harness.scenario.table import Table
from harness.scenario.vocabulary import POLICY_KEYS, TRANSFORM_KEYS, UNKNOWN_TRANSFORM_PREFIX, transform_type

_MANDATORY: dict[str, tuple[str, ...]] = {"ike": ("encr", "prf", "ke"), "esp": ("encr", "sn")}
_FOREIGN: dict[str, tuple[str, ...]] = {"ike": ("sn",), "esp": ("prf",)}


def read_party(owner: Table, default: PartyPolicy | None = None) -> PartyPolicy:
    """The policies ``ike`` and ``esp`` of a table; one that is not there is taken from ``default``."""
    owner.finish(POLICY_KEYS)
    ike = read_policy(owner, "ike", required=default is None)
    esp = read_policy(owner, "esp", required=default is None)
    return PartyPolicy(ike or (default.ike if default else ()), esp or (default.esp if default else ()))


def read_policy(owner: Table, protocol: str, required: bool = True) -> Policy:
    """The proposals of one protocol, ``ike`` or ``esp``; empty when the key is not there."""
    if isinstance(owner.data.get(protocol), list):
        tables = owner.tables(protocol)
        if not tables:
            owner.complain(protocol, f"{protocol!r} must hold at least one proposal")
    else:
        table = owner.table(protocol)
        tables = () if table is None else (table,)
        if required and protocol not in owner.data:
            owner.complain(None, f"proposal {protocol!r} is missing")
    return tuple(_read_proposal(table, protocol) for table in tables)


def _read_proposal(table: Table, protocol: str) -> ProposalPolicy:
    transforms: dict[TransformType, tuple[Algorithm, ...]] = {}
    for key in table.data:
        kind = transform_type(key)
        if kind is None:
            known = ", ".join((*TRANSFORM_KEYS, f"{UNKNOWN_TRANSFORM_PREFIX}<number>"))
            table.complain(key, f"unknown key {key!r}; known: {known}")
        else:
            transforms[kind] = read_algorithms(table, key, kind)
    for key in _MANDATORY[protocol]:
        if key not in table.data:
            table.complain(None, f"an {protocol.upper()} proposal needs {key!r}")
    for key in _FOREIGN[protocol]:
        if key in table.data:
            table.complain(key, f"{key!r} has no place in an {protocol.upper()} proposal")
    _check_integrity(table, transforms)
    return ProposalPolicy(transforms)


def read_algorithms(table: Table, key: str, kind: TransformType) -> tuple[Algorithm, ...]:
    """The list of algorithms at a key, as algorithms of one transform type."""
    found = []
    for name in table.strings(key):
        try:
            found.append(algorithm(kind, name))
        except KeyError as error:
            table.complain(key, error.args[0])
    return tuple(found)


def _check_integrity(table: Table, transforms: dict[TransformType, tuple[Algorithm, ...]]) -> None:
    """A combined-mode cipher goes without INTEG, every other with one; the two kinds need proposals of their own.

    RFC 5282 section 8, RFC 7296 section 3.3.
    """
    ciphers = transforms.get(TransformType.ENCR, ())
    combined = {Encryption(cipher.identifier).is_aead for cipher in ciphers}
    if combined == {True, False}:
        table.complain("encr", "combined-mode and other ciphers need proposals of their own")
    elif combined == {True} and TransformType.INTEG in transforms:
        table.complain("integ", "a combined-mode cipher takes no 'integ'")
    elif combined == {False} and TransformType.INTEG not in transforms:
        table.complain(None, "a cipher that is not combined-mode needs 'integ'")
