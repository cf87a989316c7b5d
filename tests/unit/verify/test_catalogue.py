"""Every check is found where it is declared, and says of itself what the reports and the docs show."""

from __future__ import annotations

from types import ModuleType

import pytest

from harness.scenario.check_form import Known
from harness.verify.check import Arguments, Check, Checked, Due, engine_check
from harness.verify.checks import catalogue
from harness.verify.checks.catalogue import CHECKS, ENGINE_CHECKS, PAIR_CHECKS, DuplicateCheck, due_without_asking
from harness.verify.view import View


def declared(name: str, module: str) -> Check[View]:
    def function(view: View, _arguments: Arguments) -> Checked:
        """Always content."""
        return Checked("looked")

    function.__module__ = module
    return engine_check(name, requirement="B01")(function)


def module_with(monkeypatch, **checks: Check[View]) -> ModuleType:
    module = ModuleType("new_topic")
    vars(module).update(checks)
    monkeypatch.setattr(catalogue, "_modules", lambda package: [package])
    return module


def test_every_check_has_words_and_a_function():
    assert set(ENGINE_CHECKS) | set(PAIR_CHECKS) == set(CHECKS)
    for name, check in CHECKS.items():
        assert check.name == name
        assert check.title, name


def test_a_check_in_a_new_file_needs_no_other_line(monkeypatch):
    module = module_with(monkeypatch, one=declared("brand-new", "new_topic"))
    assert list(catalogue._found(module)) == ["brand-new"]


def test_an_imported_check_is_not_declared_again(monkeypatch):
    module = module_with(monkeypatch, one=declared("brand-new", "elsewhere"))
    assert catalogue._found(module) == {}


def test_a_name_stands_for_one_check(monkeypatch):
    module = module_with(monkeypatch, one=declared("same", "new_topic"), two=declared("same", "new_topic"))
    with pytest.raises(DuplicateCheck, match="'same' is declared twice"):
        catalogue._found(module)


def test_the_checks_of_every_case_are_asked_of_every_case():
    always = {check.name for check in due_without_asking(Known.KEYS, Due.ALWAYS)}
    assert {"canonical-wire-format", "message-ids-in-sequence", "nothing-left-behind"} <= always
    assert always & set(PAIR_CHECKS) <= {check.name for check in due_without_asking(Known.PEER_REPORTS, Due.ALWAYS)}


def test_a_check_of_the_wire_is_one_of_every_case_and_no_other_is():
    both = {name for name, check in CHECKS.items() if set(check.known) == set(Known)}
    assert both == set(ENGINE_CHECKS) & set(PAIR_CHECKS)
    assert {"canonical-wire-format", "used-only-when-announced", "nonces-of-due-size"} <= both
    assert not any(name.startswith("pair-") for name in both)


def test_a_check_speaks_at_least_for_its_own_requirement():
    assert declared("a", "m").at_least == "B01"
    assert CHECKS["authenticated"].requirement == "I08"
    assert CHECKS["authenticated"].at_least == "K03"
