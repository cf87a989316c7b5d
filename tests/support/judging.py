"""What a check says of a case, as a test states it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from case_builder import PEER_NAME, Case, build

from harness.policy.role import Role
from harness.results.model import Verdict
from harness.verify.check import Objection
from harness.verify.checks.catalogue import CHECKS

KERNEL = "strongswan-6.1-kernel-esp"


def initiator(role: Role) -> str:
    """The name of the IKE initiator where the engine plays ``role``."""
    return "engine" if role is Role.INITIATOR else PEER_NAME


def responder(role: Role) -> str:
    """The name of the IKE responder where the engine plays ``role``."""
    return PEER_NAME if role is Role.INITIATOR else "engine"


def passes(case: Case, check: str, **arguments: str | int | bool) -> None:
    """The check has nothing to object to, and says what it looked at."""
    checked = case.check(check, **arguments)
    assert checked.objections == ()
    assert checked.detail


def contradicts(case: Case, saying: str) -> None:
    """The case is INCONCLUSIVE in these words, and nobody is named."""
    judged = case.judge()
    assert judged.verdict is Verdict.INCONCLUSIVE, judged.findings
    assert saying in judged.reason
    assert judged.findings == ()


def objects(
    case: Case,
    check: str,
    saying: str,
    *,
    party: str,
    at: str,
    requirement: str | None = "",
    severity: str = "fail",
    **arguments: str | int | bool,
) -> Objection:
    """The check objects with these words, and names party, pointer and requirement ("" is the check's usual one)."""
    objections = case.check(check, **arguments).objections
    matching = [each for each in objections if saying in each.sentence]
    assert matching, f"nothing says {saying!r}: {[each.sentence for each in objections]}"
    found = matching[0]
    assert (found.party, found.pointer, found.severity) == (party, at, severity)
    usual = CHECKS[check].at_least
    assert (usual if found.requirement == "" else found.requirement) == (usual if requirement == "" else requirement)
    return found


def kernel(scenario: str, role: Role, **changes: Any) -> Case:
    """The case with a peer whose kernel does ESP; it has the name that the helpers of these tests know."""
    case = build(scenario, KERNEL, role, **changes)
    facts = case.evidence.facts
    named: dict[str, Any] = {role.other.value: replace(facts.tested, peer=PEER_NAME)}
    return case.with_evidence(facts=replace(facts, **named))
