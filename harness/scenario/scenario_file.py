"""One scenario file to one ``Scenario``, everything it names checked against what there is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from harness.ike.deviations.table import DEVIATIONS
from harness.policy.deviation import Deviation
from harness.policy.proposals import PartyPolicy
from harness.policy.role import Role
from harness.registry.notifications import NotifyType
from harness.scenario.check_form import Argument, CheckForm, CheckForms, Known
from harness.scenario.model import (
    AuthenticationMethod,
    Expect,
    IpVersion,
    Mode,
    Parties,
    Requirement,
    Scenario,
    Settings,
    Step,
    Subject,
)
from harness.scenario.policy_file import read_party
from harness.scenario.table import Table
from harness.scenario.toml_source import read_toml
from harness.scenario.vocabulary import (
    EXPECT_KEYS,
    LARGEST_FRAGMENT,
    SCENARIO_KEYS,
    SETTINGS_KEYS,
    SMALLEST_FRAGMENT,
)

Word = TypeVar("Word", bound=StrEnum)

_ID = re.compile(r"[a-z0-9-]+/[a-z0-9-]+")


def load_scenario(
    path: Path, requirements: Mapping[str, Requirement], checks: CheckForms, *, filed: bool = True
) -> Scenario:
    """Read one scenario. ``filed``: it stands where its id says, as all do but the copy in a case's evidence.

    Raises:
        InvalidData: the file breaks its format; every problem found carries its line.
    """
    table = Table.root(read_toml(path))
    table.finish(SCENARIO_KEYS)
    offer_table, accept_table = table.table("offer"), table.table("accept")
    parties = table.member("parties", Parties, Parties.ENGINE)
    if offer_table is None and "offer" not in table.data and parties is not Parties.PUBLISHED:
        table.complain(None, "table 'offer' is missing")
    offer = read_party(offer_table) if offer_table else PartyPolicy((), ())
    roles = _words(table, "roles", Role)
    scenario = Scenario(
        id=_identifier(table, path if filed else None),
        title=table.string("title"),
        requirements=_requirements(table, requirements),
        offer=offer,
        accept=read_party(accept_table, default=offer) if accept_table else offer,
        expect=tuple(_expect(entry, table, requirements, checks) for entry in table.tables("expect")),
        roles=roles,
        role_reason=_role_reason(table, roles),
        settings=_settings(table.table("settings")),
        steps=_words(table, "steps", Step, default=(Step.TRAFFIC, Step.DELETE)),
        subject=table.member("subject", Subject, Subject.METHODS),
        parties=parties,
        expects_refusal=table.choice("expects", {"refusal"}, "") == "refusal",
        deviation=_deviation(table, roles),
        path=path,
    )
    _check_parties(table, scenario, checks)
    if not scenario.expect:
        table.complain(None, "a scenario needs at least one [[expect]]")
    table.raise_problems()
    return scenario


def _check_parties(table: Table, scenario: Scenario, checks: CheckForms) -> None:
    """What only the engine can do or show is for scenarios with it, and the other way round."""
    pair = scenario.parties is not Parties.ENGINE
    known = Known.PEER_REPORTS if pair else Known.KEYS
    for expect in scenario.expect:
        if expect.check in checks and known not in checks[expect.check].known:
            words = f"between {scenario.parties.value}" if pair else "with the engine"
            table.complain("expect", f"check {expect.check!r} is not for a scenario {words}")
    for step in scenario.steps:
        if step in ((Step.LIVENESS,) if pair else (Step.REKEY_CHILD, Step.REKEY_IKE)):
            table.complain("steps", f"step {step.value!r} is not for a scenario of these parties")
    if scenario.settings.authentication is AuthenticationMethod.CERTIFICATE and not pair:
        table.complain("settings", "our engine authenticates by pre-shared key alone")
    if scenario.settings.ip_version is IpVersion.IPV6 and scenario.parties is not Parties.PRODUCTS:
        table.complain("settings", "IPv6 is for two products: our engine speaks IPv4 alone, and no vendor publishes it")
    if scenario.parties is Parties.PUBLISHED and "offer" in table.data:
        table.complain("offer", "each party takes its published policy, so there is nothing to offer")


def _identifier(table: Table, path: Path | None) -> str:
    identifier = table.string("id")
    if identifier and not _ID.fullmatch(identifier):
        table.complain("id", f"id {identifier!r} is not of the form topic/name")
    elif identifier and path and identifier != f"{path.parent.name}/{path.stem}":
        table.complain("id", f"id {identifier!r} is not where the file stands: {path.parent.name}/{path.stem}")
    return identifier


def _requirements(table: Table, requirements: Mapping[str, Requirement]) -> tuple[Requirement, ...]:
    found = []
    for name in table.string_or_strings("requirement"):
        if name in requirements:
            found.append(requirements[name])
        else:
            table.complain("requirement", f"unknown requirement {name!r}; see requirements.toml")
    return tuple(found)


def _words(table: Table, key: str, vocabulary: type[Word], default: tuple[Word, ...] | None = None) -> tuple[Word, ...]:
    everything = tuple(vocabulary)
    if key not in table.data:
        return everything if default is None else default
    found = []
    for word in table.strings(key, (), repeated=vocabulary is Step):
        try:
            found.append(vocabulary(word))
        except ValueError:
            table.complain(key, f"unknown {key.removesuffix('s')} {word!r}; known: {', '.join(everything)}")
    return tuple(found)


def _role_reason(table: Table, roles: tuple[Role, ...]) -> str:
    reason = table.string("role-reason", "")
    if len(roles) < len(Role) and not reason:
        table.complain("roles", "a scenario that leaves out a role says why in 'role-reason'")
    if "roles" in table.data and not roles:
        table.complain("roles", "a scenario needs at least one role")
    return reason


def _deviation(table: Table, roles: tuple[Role, ...]) -> Deviation | None:
    known = {each.value: each for each in Deviation}
    name = table.choice("deviation", known, "")
    if name not in known:
        return None
    entry = DEVIATIONS[known[name]]
    for role, possible in ((Role.INITIATOR, entry.as_initiator), (Role.RESPONDER, entry.as_responder)):
        if role in roles and not possible:
            table.complain("deviation", f"as {role} our engine cannot deviate by {name!r}: leave the role out")
    return known[name]


def _settings(table: Table | None) -> Settings:
    if table is None:
        return Settings()
    table.finish(SETTINGS_KEYS)
    return Settings(
        fragment_size=table.integer("fragment-size", SMALLEST_FRAGMENT, LARGEST_FRAGMENT),
        require_cookie=table.boolean("require-cookie", False),
        wrong_psk=table.boolean("wrong-psk", False),
        ip_version=_ip_version(table),
        authentication=table.member("authentication", AuthenticationMethod, AuthenticationMethod.PSK),
        mobike=table.boolean("mobike", False),
        as_written=table.boolean("as-written", False),
        announce_intermediate=table.boolean("announce-intermediate", False),
        mode=table.member("mode", Mode, Mode.TUNNEL),
    )


def _ip_version(table: Table) -> IpVersion:
    given = table.integer("ip-version", min(IpVersion), max(IpVersion))
    if given is None or given not in tuple(IpVersion):
        if given is not None and min(IpVersion) < given < max(IpVersion):
            table.complain("ip-version", f"there is no IPv{given}")
        return IpVersion.IPV4
    return IpVersion(given)


def _expect(table: Table, owner: Table, requirements: Mapping[str, Requirement], checks: CheckForms) -> Expect:
    check = table.choice("check", checks)
    own = table.string("requirement", "")
    if own and own not in requirements:
        table.complain("requirement", f"unknown requirement {own!r}; see requirements.toml")
    return Expect(
        check, own or next(iter(owner.string_or_strings("requirement")), ""), _arguments(table, checks.get(check))
    )


def _arguments(table: Table, check: CheckForm | None) -> dict[str, str | int | bool]:
    wanted = check.arguments if check is not None else {}
    table.finish(EXPECT_KEYS | set(wanted))
    arguments: dict[str, str | int | bool] = {}
    for key, kind in wanted.items():
        if key not in table.data:
            table.complain(None, f"check {table.data['check']!r} needs {key!r}")
        elif kind is Argument.NUMBER:
            arguments[key] = table.integer(key, 1, LARGEST_FRAGMENT) or 0
        else:
            arguments[key] = table.string(key)
    notify = arguments.get("notify")
    if notify and notify not in NotifyType.__members__:
        table.complain("notify", f"unknown notify {notify!r}")
    return arguments
