"""A check as one object: its name, what it speaks for, when it is due, and the function that judges.

A check is declared where its function stands, by one of the three decorators below. Nothing else lists it:
``checks/catalogue.py`` finds it there, and the vocabulary of scenario files, the JSON Schema, ``ipsec-interop list
checks`` and the coverage page are made from what it finds.
"""

from __future__ import annotations

import functools
import inspect
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Generic, TypeVar

from harness.results.model import CheckResult, Finding, Pointer, Severity
from harness.scenario.check_form import Argument, CheckForm, Known
from harness.scenario.model import Expect, Requirement
from harness.verify.pair_view import PairView
from harness.verify.view import CaseView, View

Arguments = Mapping[str, str | int | bool]


@dataclass(frozen=True, slots=True)
class Objection:
    """One thing that is not as it should be."""

    party: str
    sentence: str
    pointer: Pointer
    requirement: str | None = ""  # of the catalogue; "" is the check's usual one, None says that no sentence is broken
    severity: Severity = Severity.FAIL


@dataclass(frozen=True, slots=True)
class Checked:
    """The result of one check: without an objection ``detail`` says what proved it."""

    detail: str
    objections: tuple[Objection, ...] = ()


def missing(what: str, file: Pointer) -> Checked:
    """The evidence that a check needs is not there."""
    return Checked(
        "", (Objection("", f"{what} is missing, so nothing is concluded", file, severity=Severity.INCONCLUSIVE),)
    )


def told_otherwise(sentence: str, file: Pointer) -> Objection:
    """A file of the evidence that contradicts the wire: product, driver or record errs, and nobody can tell which."""
    return Objection("", sentence, file, severity=Severity.INCONCLUSIVE)


V = TypeVar("V", View, PairView)

_NONE: Mapping[str, Argument] = MappingProxyType({})
_UNCHANGED: Mapping[str, str] = MappingProxyType({})


class Due(StrEnum):
    """When a case undergoes a check, beside where its scenario asks for it."""

    ASKED = "where a scenario asks for it"
    PREDICTED = "where the prediction calls for it"
    UP = "in every case that comes up"
    NOT_UP = "in every case that does not come up"
    ALWAYS = "in every case"


@dataclass(frozen=True, slots=True)
class Check(CheckForm, Generic[V]):
    """One check. Calling it with a view, and arguments if it takes any, gives what it has to say.

    ``requirement`` is what it speaks for where no scenario says so; "" leaves that to the scenario. ``at_least`` is the
    MUST that it speaks for where its scenario is filed under something weaker. ``without_addke`` has what replaces
    requirements of RFC 9242 and RFC 9370 in a case without an additional key exchange.
    """

    due: Due = Due.ASKED
    requirement: str = ""
    at_least: str = ""
    without_addke: Mapping[str, str] = field(default_factory=lambda: _UNCHANGED)
    title: str = ""  # the first line of the function's docstring
    text: str = ""  # the whole of it
    function: Callable[[V, Arguments], Checked] = field(kw_only=True)

    def __call__(self, view: V, arguments: Arguments = MappingProxyType({})) -> Checked:
        """What the check says of a case."""
        return self.function(view, arguments)


Declared = Callable[[Callable[[V, Arguments], Checked]], Check[V]]


def engine_check(
    name: str,
    *,
    due: Due = Due.ASKED,
    requirement: str = "",
    at_least: str = "",
    without_addke: Mapping[str, str] = _UNCHANGED,
    arguments: Mapping[str, Argument] = _NONE,
) -> Declared[View]:
    """Declare a check of a case with our engine. ``at_least`` is ``requirement`` unless given."""

    def declare(function: Callable[[View, Arguments], Checked]) -> Check[View]:
        least, words = at_least or requirement, inspect.getdoc(function) or ""
        return Check(
            name, (Known.KEYS,), arguments, due, requirement, least, without_addke, _first_line(words), words,
            function=function,
        )  # fmt: skip

    return declare


def pair_check(
    name: str, *, due: Due = Due.ASKED, requirement: str = "", arguments: Mapping[str, Argument] = _NONE
) -> Declared[PairView]:
    """Declare a check of a case of two products."""

    def declare(function: Callable[[PairView, Arguments], Checked]) -> Check[PairView]:
        words = inspect.getdoc(function) or ""
        return Check(
            name, (Known.PEER_REPORTS,), arguments, due, requirement, requirement, title=_first_line(words), text=words,
            function=function,
        )  # fmt: skip

    return declare


def wire_check(
    name: str, *, due: Due = Due.ASKED, requirement: str = ""
) -> Callable[[Callable[[CaseView, Arguments], Checked]], Check[Any]]:
    """Declare a check of every case: it needs the wire alone, as far as that is in clear or our keys opened it.

    Its function sees one IKE SA: two products may have several of them.
    """

    def declare(function: Callable[[CaseView, Arguments], Checked]) -> Check[Any]:
        words = inspect.getdoc(function) or ""
        return Check(
            name, (Known.KEYS, Known.PEER_REPORTS), _NONE, due, requirement, requirement, title=_first_line(words),
            text=words, function=_of_each_ike_sa(function),
        )  # fmt: skip

    return declare


def _of_each_ike_sa(function: Callable[[CaseView, Arguments], Checked]) -> Callable[[CaseView, Arguments], Checked]:
    """A function that judges a case by what another one says of each of its IKE SAs."""

    @functools.wraps(function)
    def judge(view: CaseView, arguments: Arguments) -> Checked:
        found = [function(each, arguments) for each in view.ike_sas]
        details = dict.fromkeys(each.detail for each in found if each.detail)
        objections = dict.fromkeys(objection for each in found for objection in each.objections)
        return Checked("; ".join(details) if found else "no IKE SA is on the wire", tuple(objections))

    return judge


def _first_line(text: str) -> str:
    return text.splitlines()[0] if text else ""


Requirements = Mapping[str, Requirement]
"""The catalogue, by id: for the levels of findings."""

_OF_A_KIND = 10  # findings of one check that a judgement holds


@dataclass(frozen=True, slots=True)
class DueCheck(Generic[V]):
    """A check, the requirement that it speaks for in this case, and its arguments.

    ``instead`` has what replaces requirements that do not apply to the case.
    """

    check: Check[V]
    requirement: str
    arguments: Arguments
    instead: Mapping[str, str]

    def judged(self, checked: Checked, requirements: Requirements) -> tuple[list[Finding], CheckResult]:
        """The findings, and the check's own line in the report."""
        found = _without_too_many([self._finding(objection, requirements) for objection in checked.objections])
        passed = not any(finding.severity in (Severity.FAIL, Severity.INCONCLUSIVE) for finding in found)
        detail = "; ".join(finding.sentence for finding in found) if found else checked.detail
        return found, CheckResult(self.check.name, self.requirement, passed, detail)

    def _finding(self, objection: Objection, requirements: Requirements) -> Finding:
        named = self._named(objection, requirements)
        identifier = self.instead.get(named, named)
        requirement = requirements.get(identifier)
        level = requirement.level if requirement else ""
        severity = objection.severity
        if severity is Severity.FAIL and level in ("SHOULD", "MAY"):
            severity = Severity.SHOULD  # an unfollowed SHOULD is a pass that carries a finding
        party = objection.party or "undetermined"
        return Finding(self.check.name, identifier, level, party, objection.sentence, objection.pointer, severity)

    def _named(self, objection: Objection, requirements: Requirements) -> str:
        """The sentence that an objection concerns: the one it names, else the case's, if that is a MUST; "" for none.

        Only a check that names a SHOULD itself means it: a scenario may be filed under a MAY ("ML-KEM-512 may be the
        only key exchange"), and what then goes wrong within it is no less wrong.
        """
        if objection.requirement is None:
            return ""
        if objection.requirement:
            return objection.requirement
        named = requirements.get(self.requirement)
        return self.requirement if named is not None and named.level == "MUST" else self.check.at_least


def _without_too_many(findings: list[Finding]) -> list[Finding]:
    """Of each kind, by severity, party and requirement, the first ones; the last one tells how many more there are.

    A peer that sends a thousand wrong datagrams gets no page of a thousand lines.
    """
    kinds = Counter((each.severity, each.party, each.requirement) for each in findings)
    seen: Counter[tuple[str, str, str]] = Counter()
    kept = []
    for each in findings:
        kind = each.severity, each.party, each.requirement
        seen[kind] += 1
        more = kinds[kind] - _OF_A_KIND
        if seen[kind] < _OF_A_KIND or more <= 0:
            kept.append(each)
        elif seen[kind] == _OF_A_KIND:
            kept.append(replace(each, sentence=f"{each.sentence}; and {more} more of its kind"))
    return kept


def asked(check: Check[V], requirement: str = "") -> Expect:
    """A check as a scenario would ask for it, for its own requirement unless another one is given."""
    return Expect(check.name, requirement or check.requirement)
