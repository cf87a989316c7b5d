"""The mutants of the judge: which there are, how one gets into force, and what the list of survivors must say."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools" / "mutants"))

from cosmic_ray import plugins  # noqa: E402
from cosmic_ray.mutating import mutate_code  # noqa: E402
from live import Living  # noqa: E402
from mutants import Mutant, modules, mutants_of  # noqa: E402
from operators import NAMES, OWN  # noqa: E402
from survivors import Change, change_of, listed, objections  # noqa: E402
from trial import Map, forked  # noqa: E402

from harness.registry.messages import ExchangeType  # noqa: E402
from harness.verify.checks.key_agreement import keys_depend_on_every_exchange  # noqa: E402
from harness.verify.checks.misbehaviour import _critical_in  # noqa: E402

KEY_AGREEMENT = "harness/verify/checks/key_agreement.py"
EXAMPLES = [(name, example) for name, operator in OWN.items() for example in operator.examples()]


@pytest.mark.parametrize(("name", "example"), EXAMPLES, ids=lambda each: getattr(each, "pre_mutation_code", each))
def test_an_operator_does_what_its_example_says(name, example):
    assert mutate_code(example.pre_mutation_code, OWN[name](), example.occurrence) == example.post_mutation_code


def test_every_operator_is_one_of_the_tool():
    assert len({plugins.get_operator(name) for name in NAMES}) == len(NAMES)


@pytest.fixture(scope="module")
def found() -> list[Mutant]:
    return mutants_of(KEY_AGREEMENT)


def test_the_proof_emptied_is_among_them(found):
    assert ("_survives_without", ("the whole body", "return []")) in {(each.function, each.change) for each in found}


def test_each_mutant_is_another_program_with_a_name_of_its_own(found):
    original = (ROOT / KEY_AGREEMENT).read_text()
    assert len({each.name for each in found}) == len({each.source for each in found}) == len(found) > 100
    assert original not in {each.source for each in found}


def test_texts_annotations_and_assertions_stay(found):
    lines = (ROOT / KEY_AGREEMENT).read_text().splitlines()
    changed = {lines[each.start[0] - 1].strip() for each in found}
    assert not [line for line in changed if line.startswith(('f"', '"""', "assert ", "@", "from "))]
    assert {each.function for each in found} >= {"_places", "_wrong_generation", "keys_depend_on_every_exchange"}


def test_modules_are_chosen_by_parts_of_their_paths():
    assert modules(["checks/key_agree"]) == [KEY_AGREEMENT]
    assert modules(["harness/oracle/*.py"]) == [path for path in modules() if path.startswith("harness/oracle/")]
    assert "harness/crypto/key_schedule.py" in modules()


def test_a_function_gets_the_code_of_a_mutant_wherever_it_is_held(found):
    emptied = (each for each in found if each.operator.endswith("/EmptyBody"))
    (mutant,) = (each for each in emptied if each.function == "keys_depend_on_every_exchange")
    function = keys_depend_on_every_exchange.function
    code = function.__code__
    try:
        assert Living().mutate(mutant)
        assert function(None, {}).detail == "nothing is looked at"
    finally:
        function.__code__ = code


def test_tests_that_run_its_lines_are_chosen_the_last_killers_first(found):
    mutant = found[0]
    at = mutant.lines.start
    seconds = {"slow": 9.0, "a[1]": 0.1, "a[2]": 0.2, "b": 0.3, "other": 0.1}
    known = Map(seconds, {KEY_AGREEMENT: {at: [-1, 0, 1, 2, 3]}})
    assert known.chosen(mutant, ["a[2]"], 5.0) == ["a[2]", "a[1]", "b"]
    assert known.on_import(KEY_AGREEMENT, mutant.lines)
    assert known.without({"a[1]"}).chosen(mutant, [], 1.0) == ["a[2]", "b"]
    known.add(KEY_AGREEMENT, {at: ["other"]})
    assert known.chosen(mutant, [], 5.0) == ["a[1]", "other", "b", "a[2]"]


def test_the_tests_of_a_module_come_before_all_others(found):
    mutant = found[0]
    own, other = "tests/judge/test_key_agreement.py::test_a", "tests/judge/test_errors.py::test_b"
    known = Map({other: 0.1, own: 3.0}, {KEY_AGREEMENT: {mutant.lines.start: [0, 1]}})
    assert known.chosen(mutant, [], 5.0) == [own, other]


def test_forks_share_the_work_and_one_that_breaks_is_not_passed_over():
    said = forked(*(lambda say, share=share: [say({"mutant": at}) for at in range(share, 6, 2)] for share in range(2)))
    assert sorted(word["mutant"] for word in said) == list(range(6))
    with pytest.raises(RuntimeError, match="ZeroDivisionError"):
        list(forked(lambda say: say(1 // 0)))


REASON = {Change("verify/checks/key_agreement.py", "gone", "a", "b"): "it went"}


def test_who_lives_without_a_reason_and_a_reason_without_its_mutant_are_told(found):
    one, two, *_ = found
    reasons = {change_of(two): "it dies"} | REASON
    told = objections(reasons, [one], [two], {KEY_AGREEMENT})
    assert [words.partition(":")[0] for words in told] == [
        "lives, and no reason is listed", "is listed, and dies", "is listed, and is no mutant",
    ]  # fmt: skip
    assert objections(REASON, [], [], set()) == [], "of a module that was not wholly tried nothing is said"
    assert objections({change_of(one): "none sees it"}, [one], [two], {KEY_AGREEMENT}) == []


def test_every_entry_of_the_list_is_a_mutant_with_a_reason():
    reasons = listed()
    paths = {f"harness/{change.module}" for change in reasons}
    found = {change_of(each) for path in paths for each in mutants_of(path)}
    assert [str(change) for change in reasons if change not in found] == []


def test_a_count_for_a_sentence_alone_is_a_text():
    path = "harness/verify/checks/composition.py"
    lines = (ROOT / path).read_text().splitlines()
    changed = {lines[each.start[0] - 1].strip() for each in mutants_of(path)}
    assert "objections, count = [], 0" in {line.strip() for line in lines} - changed
    assert not [line for line in changed if line.startswith("count +=")]


def test_what_a_function_has_made_on_import_gets_the_code_of_its_mutant():
    """The closures of a table, which is filled once. One that lacks a variable needs a process that imports anew."""
    found = [m for m in mutants_of("harness/verify/checks/misbehaviour.py") if m.function == "_critical_in"]
    (mutant,) = (m for m in found if m.operator.endswith("/OperandDropped") and m.change[1].startswith("return True"))
    shows, living = _critical_in(ExchangeType.IKE_AUTH), Living()
    functions: list[Any] = [_critical_in, *living.made_by(mutant)]
    before = {each: each.__code__ for each in functions}
    assert shows in before
    try:
        assert living.mutate(mutant)
        assert shows.__code__ is not before[shows]
    finally:
        for each, code in before.items():
            each.__code__ = code
