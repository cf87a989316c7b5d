"""What a product leaves behind is told with every cell, and turns none red."""

from __future__ import annotations

from dataclasses import replace

import pytest
from case_builder import PEER_NAME, good
from judging import objects, passes
from pair_builder import FIRST, SECOND, good_pair

from harness.evidence.peer_report import Hygiene, Residue
from harness.results.model import Verdict

NOTHING = Hygiene(Residue((), (), (), 18_000_000))
IN_USERSPACE = Hygiene(Residue((), None, None, 18_000_000))
LEFT = {
    "IKE SA is left: ESTABLISHED": Residue(("ESTABLISHED",), (), ()),
    "ESP SA of the kernel is left: spi c1d2e3f4": Residue((), ("spi c1d2e3f4, 192.0.2.1 to 192.0.2.2",), ()),
    "policy is left: out, 10.99.0.1/32 to 10.100.0.7/32": Residue((), (), ("out, 10.99.0.1/32 to 10.100.0.7/32",)),
}
CRASH = "00[DMN] thread 12 received 11"
LEAVING, FAULTS = "nothing-left-behind", "no-fault-in-the-log"


@pytest.mark.parametrize("hygiene", [NOTHING, IN_USERSPACE, None])
def test_a_clean_peer(role, hygiene):
    case = good("classical/ecp384", role=role).with_evidence(hygiene=hygiene)
    passes(case, LEAVING)
    passes(case, FAULTS)


@pytest.mark.parametrize("words", LEFT)
def test_what_is_left_at_the_peer(role, words):
    case = good("classical/ecp384", role=role).with_evidence(hygiene=Hygiene(LEFT[words]))
    objects(
        case,
        "nothing-left-behind",
        words,
        party=PEER_NAME,
        at="peer/hygiene.json",
        requirement="H01",
        severity="should",
    )
    assert len(case.check(LEAVING).objections) == 1


def test_what_is_not_known_is_no_clean_peer(role):
    unknown = Hygiene(Residue((), unknown="the kernel did not answer to the end: ''"))
    case = good("classical/ecp384", role=role).with_evidence(hygiene=unknown)
    objects(
        case, LEAVING, "is not known: the kernel", party="", at="peer/hygiene.json", requirement=None, severity="note"
    )
    judgement = case.judge()
    assert judgement.verdict is Verdict.PASS
    (result,) = (each for each in judgement.checks if each.check == LEAVING)
    assert "is not known" in result.detail
    [finding] = good_pair().with_evidence(hygiene=(NOTHING, unknown)).judge().findings
    assert (finding.requirement, finding.party, finding.severity) == ("", "undetermined", "note")
    assert f"whether {SECOND} has left" in finding.sentence


def test_many_things_left_are_counted():
    many = Hygiene(Residue((), tuple(f"spi {n:08x}, 192.0.2.1 to 192.0.2.2" for n in range(5)), ()))
    [objection] = good("classical/ecp384").with_evidence(hygiene=many).check(LEAVING).objections
    assert "spi 00000002" in objection.sentence
    assert objection.sentence.endswith(" and 2 more")


def test_a_fault_in_the_log(role):
    case = good("classical/ecp384", role=role).with_evidence(hygiene=replace(NOTHING, faults=(CRASH,)))
    objects(
        case,
        "no-fault-in-the-log",
        CRASH,
        party=PEER_NAME,
        at="peer/hygiene.json",
        requirement="H02",
        severity="should",
    )


def test_neither_turns_a_cell_red():
    hygiene = Hygiene(Residue(("ESTABLISHED",), (), ()), (CRASH,))
    judgement = good("classical/ecp384").with_evidence(hygiene=hygiene).judge()
    assert judgement.verdict is Verdict.PASS
    assert {(each.requirement, each.level, each.severity) for each in judgement.findings} == {
        ("H01", "SHOULD", "should"), ("H02", "SHOULD", "should"),
    }  # fmt: skip


@pytest.mark.parametrize(("side", "party"), [("initiator", FIRST), ("responder", SECOND)])
@pytest.mark.parametrize("check", ["pair-nothing-left-behind", "pair-no-fault-in-the-log"])
def test_of_two_products_each_answers_for_itself(side, party, check):
    dirty = Hygiene(Residue(("ESTABLISHED",), (), ()), (CRASH,))
    both = (dirty, NOTHING) if side == "initiator" else (NOTHING, dirty)
    pair = good_pair().with_evidence(hygiene=both)
    [objection] = pair.check(check).objections
    assert (objection.party, objection.pointer, objection.severity) == (party, f"{side}/hygiene.json", "should")
    assert pair.judge().verdict is Verdict.PASS
    assert {finding.party for finding in pair.judge().findings} == {party}
    assert good_pair().with_evidence(hygiene=(NOTHING, IN_USERSPACE)).check(check).objections == ()


def test_of_what_a_product_does_not_have_nothing_is_said():
    """Its ESP is in user space, so that no kernel holds an SA of it."""
    assert good("classical/ecp384").with_evidence(hygiene=IN_USERSPACE).check(LEAVING).detail == "no IKE SA"


def test_three_things_left_are_all_of_them():
    three = Hygiene(Residue((), tuple(f"spi {n:08x}" for n in range(3)), ()))
    [objection] = good("classical/ecp384").with_evidence(hygiene=three).check(LEAVING).objections
    assert objection.sentence.endswith("spi 00000000; spi 00000001; spi 00000002")
