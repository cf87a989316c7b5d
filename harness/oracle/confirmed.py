"""A prediction from a record, predicted once more: what its own two policies and its scenario do not give is doubted.

What only a product's capability sheet says is taken from the record, where it can be either way: that a product has no
transport mode, or does not know transform types 6 to 12.
"""

from __future__ import annotations

from dataclasses import replace

from harness.oracle.expectation import Expectation
from harness.oracle.negotiation import TooManySuites, acceptable_suites, first_child
from harness.oracle.outcome import outcome_of
from harness.oracle.reaction import reaction_to, skips_additional
from harness.policy.proposals import Suite
from harness.policy.role import Role
from harness.registry.notifications import NotifyType
from harness.results.model import Outcome
from harness.scenario.model import Mode, Parties, Scenario, Subject


def contradiction(scenario: Scenario, recorded: Expectation, engine: Role | None, *, emulated: bool) -> str:
    """What in a recorded prediction its policies and its scenario contradict, in words; "" for nothing.

    ``engine`` is our engine's role, None where two products met; ``emulated`` says that one of them wears a policy.
    """
    if recorded.skipped:
        return f"the case was not to be sent: {recorded.skipped}"
    if other := _other_policy(scenario, recorded, engine, emulated):
        return other
    try:
        possible = _suites(scenario, recorded, engine)
    except TooManySuites as error:
        return str(error)
    if (recorded.ike, recorded.esp) not in possible:
        return "the two policies give other suites than the predicted ones"
    again = _concluded(scenario, recorded, engine)
    for name in ("outcome", "refusal", "reaction"):
        was, now = getattr(recorded, name), getattr(again, name)
        if was != now:
            return (
                f"{name} {was or 'none'} is predicted, and {now or 'none'} follows from the policies and the scenario"
            )
    return _unsupported(scenario, recorded, engine)


def _other_policy(scenario: Scenario, recorded: Expectation, engine: Role | None, emulated: bool) -> str:
    """Our engine has the scenario's policy, but for an emulated vendor where the exchange is what counts."""
    if engine is None or (emulated and scenario.subject is Subject.EXCHANGE):
        return ""
    due = scenario.offer if engine is Role.INITIATOR else scenario.accept
    return "" if recorded.of(engine) == due else "our engine's policy is not the scenario's"


def _suites(
    scenario: Scenario, recorded: Expectation, engine: Role | None
) -> list[tuple[tuple[Suite, ...], tuple[Suite, ...]]]:
    """The suites of IKE SA and Child SA, by each thing that a capability sheet may say."""
    offer, accept = recorded.initiator, recorded.responder
    found: list[tuple[tuple[Suite, ...], tuple[Suite, ...]]] = []
    knows = (True,) if engine is Role.RESPONDER else (True, False)
    for knows_additional in (False,) if skips_additional(scenario.deviation, engine) else knows:
        ike = acceptable_suites(offer.ike, accept.ike, knows_additional)
        esp = acceptable_suites(first_child(offer.esp), first_child(accept.esp)) if ike else ()
        found += [(ike, () if _fails_late(scenario, recorded) else esp)]
    if scenario.settings.as_written:  # the build lacks what its configuration names
        found += [((), ()), *((ike, ()) for ike, _ in found)]
    return found


def _fails_late(scenario: Scenario, recorded: Expectation) -> bool:
    """Whether the IKE SA may stand and no Child SA comes of it, whatever the policies say of ESP."""
    without_transport = scenario.settings.mode is Mode.TRANSPORT and bool(recorded.unsupported)
    return scenario.settings.wrong_psk or without_transport


def _concluded(scenario: Scenario, recorded: Expectation, engine: Role | None) -> Expectation:
    """Outcome, refusal and reaction again, from the suites; where there is one of a Child SA there is one of IKE."""
    plain = replace(recorded, outcome=Outcome.REFUSED, refusal=None, reaction=None)
    if engine is None:
        return replace(plain, outcome=outcome_of(recorded.ike[0])) if recorded.esp else plain
    refused = replace(plain, refusal=NotifyType.NO_PROPOSAL_CHOSEN)
    if recorded.ike and scenario.settings.wrong_psk and not recorded.unsupported:
        return replace(plain, refusal=NotifyType.AUTHENTICATION_FAILED)
    if not skips_additional(scenario.deviation, engine) and not recorded.esp:
        return refused
    if scenario.deviation is not None:
        return refused.with_reaction(reaction_to(scenario.deviation, engine, another=bool(recorded.ike)))
    return replace(plain, outcome=outcome_of(recorded.ike[0]))


def _unsupported(scenario: Scenario, recorded: Expectation, engine: Role | None) -> str:
    """A party lacks something where both policies as written would meet, and they do not; nowhere else."""
    if recorded.esp:
        return f"it is said to come up, and that {recorded.unsupported}" if recorded.unsupported else ""
    if skips_additional(scenario.deviation, engine):
        return f"our offer has to be refused, and not as {recorded.unsupported}" if recorded.unsupported else ""
    meant = scenario.settings.wrong_psk and recorded.ike
    if recorded.unsupported or meant or engine is None or scenario.parties is Parties.PUBLISHED:
        return ""
    written = acceptable_suites(scenario.offer.ike, scenario.accept.ike) and acceptable_suites(
        first_child(scenario.offer.esp), first_child(scenario.accept.esp)
    )
    return "both policies of the scenario meet, and nothing is said to be lacking" if written else ""
