"""Algorithms in a product's spelling: a table for each type, and the way back from what its status shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from harness.lab.errors import Inexpressible
from harness.registry.algorithms import Algorithm
from harness.registry.transforms import TransformType


@dataclass(frozen=True, slots=True)
class Keywords:
    """The keywords of one product. Transforms of additional key exchanges are not looked up as KE."""

    product: str
    tables: Mapping[TransformType, Mapping[str, str]]  # by our name

    def keyword(self, kind: TransformType, wanted: Algorithm) -> str:
        """The product's word for one transform.

        Raises:
            Inexpressible: it has none.
        """
        found = self.tables.get(kind, {}).get(wanted.name(kind))
        if found is None:
            raise Inexpressible(f"{self.product} has no keyword for {kind.name} {wanted.name(kind)}")
        return found

    def our_name(self, kind: TransformType, reported: str) -> str | None:
        """Our name of what the product's status shows; None where we have none."""
        wanted = reported.lower()
        return next((ours for ours, theirs in self.tables[kind].items() if theirs == wanted), None)
