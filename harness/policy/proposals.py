"""What a party offers or accepts: proposals of algorithms by transform type (RFC 7296 section 2.7)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from harness.registry.algorithms import Algorithm
from harness.registry.transforms import KeyExchangeMethod, TransformType


@dataclass(frozen=True, slots=True)
class ProposalPolicy:
    """One proposal: for each transform type the acceptable algorithms, most preferred first.

    As an offer it is written out as it stands. As an acceptance it says which algorithm of each type may be chosen.
    An ADDKE type that contains ``none`` makes that key exchange optional (RFC 9370 section 2.2.1).
    """

    transforms: Mapping[TransformType, tuple[Algorithm, ...]]

    def __post_init__(self) -> None:
        ordered = MappingProxyType(dict(sorted(self.transforms.items())))
        object.__setattr__(self, "transforms", ordered)

    def of(self, kind: TransformType) -> tuple[Algorithm, ...]:
        """The algorithms of one transform type, most preferred first; empty when the type is absent."""
        return self.transforms.get(kind, ())

    @property
    def key_exchange_methods(self) -> tuple[KeyExchangeMethod, ...]:
        """The methods of transform type KE, most preferred first."""
        return tuple(KeyExchangeMethod(algorithm.identifier) for algorithm in self.of(TransformType.KE))

    @property
    def has_additional_key_exchange(self) -> bool:
        """Whether any of ADDKE1 to ADDKE7 is present: IKE_INTERMEDIATE goes with it (RFC 9370 section 2.2.1)."""
        return any(kind.is_additional_key_exchange for kind in self.transforms)


Policy = tuple[ProposalPolicy, ...]


@dataclass(frozen=True, slots=True)
class Suite:
    """What a negotiation ended in: the number of the chosen proposal and one algorithm of each type."""

    proposal_number: int
    transforms: Mapping[TransformType, Algorithm]

    def __post_init__(self) -> None:
        object.__setattr__(self, "transforms", MappingProxyType(dict(sorted(self.transforms.items()))))

    def get(self, kind: TransformType) -> Algorithm | None:
        """The chosen algorithm of one type, None when the type is absent."""
        return self.transforms.get(kind)

    @property
    def key_exchange(self) -> KeyExchangeMethod | None:
        """The method of IKE_SA_INIT or CREATE_CHILD_SA, None when no key exchange takes place."""
        chosen = self.get(TransformType.KE)
        return None if chosen is None or chosen.identifier == 0 else KeyExchangeMethod(chosen.identifier)

    @property
    def names_additional(self) -> bool:
        """Whether any of ADDKE1 to ADDKE7 is present, be it with NONE."""
        return any(kind.is_additional_key_exchange for kind in self.transforms)

    @property
    def additional_key_exchanges(self) -> tuple[KeyExchangeMethod, ...]:
        """The methods of ADDKE1 to ADDKE7 that take place, in the order in which they do (RFC 9370 section 2.2.1)."""
        return tuple(
            KeyExchangeMethod(algorithm.identifier)
            for kind, algorithm in self.transforms.items()
            if kind.is_additional_key_exchange and algorithm.identifier != KeyExchangeMethod.NONE
        )


@dataclass(frozen=True, slots=True)
class PartyPolicy:
    """One side's half: what it offers or accepts for the IKE SA and for the Child SA."""

    ike: Policy
    esp: Policy
