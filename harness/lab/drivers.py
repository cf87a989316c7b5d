"""The drivers by the name that peer.toml gives: one line for each control interface."""

from __future__ import annotations

from collections.abc import Mapping

from harness.lab.driver import DriverFamily
from harness.lab.errors import LabError
from harness.lab.libreswan import LibreswanFamily
from harness.lab.openiked import OpenIkedFamily
from harness.lab.program import ProgramFamily
from harness.lab.strongswan import StrongSwanFamily

DRIVERS: Mapping[str, DriverFamily] = {
    "vici": StrongSwanFamily(),
    "whack": LibreswanFamily(),
    "ikectl": OpenIkedFamily(),
    "program": ProgramFamily(),
}


def driver_family(name: str) -> DriverFamily:
    """The family of drivers called ``name``.

    Raises:
        LabError: there is none; the message lists those there are.
    """
    if name not in DRIVERS:
        raise LabError(f"unknown driver {name!r}; known: {', '.join(sorted(DRIVERS))}")
    return DRIVERS[name]
