"""Every check there is, found where it is declared: a new one needs no line anywhere else."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from types import MappingProxyType, ModuleType
from typing import Any

from harness.scenario.check_form import Known
from harness.verify import checks
from harness.verify.check import Check, Due
from harness.verify.pair_view import PairView
from harness.verify.view import View


class DuplicateCheck(ValueError):
    """Two checks have the same name; the message names it."""


def _modules(package: ModuleType) -> Iterator[ModuleType]:
    for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        yield importlib.import_module(module.name)


def _found(*packages: ModuleType) -> dict[str, Check[Any]]:
    """The checks that the modules of these packages declare, in their order.

    Raises:
        DuplicateCheck: a name stands for two.
    """
    found: dict[str, Check[Any]] = {}
    for module in (each for package in packages for each in _modules(package)):
        for check in vars(module).values():
            if isinstance(check, Check) and check.function.__module__ == module.__name__:
                if check.name in found:
                    raise DuplicateCheck(f"{check.name!r} is declared twice, the second time in {module.__name__}")
                found[check.name] = check
    return found


CHECKS: Mapping[str, Check[Any]] = MappingProxyType(_found(checks))
"""Every check by the name that scenarios use."""

ENGINE_CHECKS: Mapping[str, Check[View]] = MappingProxyType(
    {name: check for name, check in CHECKS.items() if Known.KEYS in check.known}
)
"""Those of a case with our engine."""

PAIR_CHECKS: Mapping[str, Check[PairView]] = MappingProxyType(
    {name: check for name, check in CHECKS.items() if Known.PEER_REPORTS in check.known}
)
"""Those of a case of two products."""


def due_without_asking(known: Known, *when: Due) -> list[Check[Any]]:
    """The checks of one kind of case that are due then, asked for or not."""
    return [check for check in CHECKS.values() if known in check.known and check.due in when]
