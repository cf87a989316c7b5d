"""The drivers by the name that peer.toml gives: each product's folder brings its own, and no list holds them."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from harness.lab import products
from harness.lab.driver import DriverFamily
from harness.lab.errors import LabError

_DRIVER = "driver"  # the module of a product's folder that declares FAMILY


def _families() -> Iterator[DriverFamily]:
    for folder in pkgutil.iter_modules(products.__path__, f"{products.__name__}."):
        inside = importlib.import_module(folder.name).__path__
        if any(module.name == _DRIVER for module in pkgutil.iter_modules(inside)):
            yield importlib.import_module(f"{folder.name}.{_DRIVER}").FAMILY


DRIVERS: Mapping[str, DriverFamily] = MappingProxyType({family.control: family for family in _families()})


def driver_family(name: str) -> DriverFamily:
    """The family of drivers called ``name``.

    Raises:
        LabError: there is none; the message lists those there are.
    """
    if name not in DRIVERS:
        raise LabError(f"unknown driver {name!r}; known: {', '.join(sorted(DRIVERS))}")
    return DRIVERS[name]
