"""What one offered and one accepted proposal have in common: what may be chosen of each transform type."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from harness.policy.proposals import ProposalPolicy
from harness.registry.algorithms import Algorithm
from harness.registry.transforms import Encryption, TransformType

NONE = Algorithm(0)
_FREE = (None, NONE)


@dataclass(frozen=True, slots=True)
class Option:
    """An algorithm, and its rank in the offer and in the acceptance; lower is better."""

    algorithm: Algorithm | None  # None: the type is not answered
    offered: int
    accepted: int

    @property
    def says_none(self) -> bool:
        """Whether nothing is used of the type, be it said or left out."""
        return self.algorithm is None or self.algorithm.identifier == 0

    def suits(self, other: Option) -> bool:
        """Whether both parties like it at least as well as another one."""
        return self.offered <= other.offered and self.accepted <= other.accepted

    def beats(self, other: Option) -> bool:
        """Whether they do, and one of them likes it better."""
        return self.suits(other) and (self.offered, self.accepted) != (other.offered, other.accepted)


Ground = Mapping[TransformType, tuple[Option, ...]]
"""Of each type that either proposal has at least one option, in the order of the offer."""

Choice = Mapping[TransformType, Option]
"""One option of each type."""


def common_ground(offered: ProposalPolicy, accepted: ProposalPolicy) -> Ground | None:
    """What may be chosen from two proposals; None if they have nothing in common."""
    ground: dict[TransformType, tuple[Option, ...]] = {}
    for kind in dict.fromkeys((*offered.transforms, *accepted.transforms)):
        options = _options(kind, offered.of(kind), accepted.of(kind))
        if not options:
            return None
        ground[kind] = options
    return ground if can_agree(ground) else None


def _options(
    kind: TransformType, offered: tuple[Algorithm, ...], accepted: tuple[Algorithm, ...]
) -> tuple[Option, ...]:
    """What may be chosen of one transform type; empty when nothing may.

    An identifier that only one side has makes no more than that transform unacceptable (section 3.3.6). A type that
    only one side has makes the proposal unacceptable, unless that side also lists NONE for it.
    """
    if not offered or not accepted:
        listed = offered or accepted
        optional = kind == TransformType.INTEG or kind.is_additional_key_exchange
        if not (optional and NONE in listed):
            return ()
        rank = listed.index(NONE)
        return (Option(NONE, rank, 0) if offered else Option(None, 0, rank),)
    theirs, ours = _ranks(offered), _ranks(accepted)
    return tuple([Option(one, rank, ours[one]) for one, rank in theirs.items() if one in ours])


def _ranks(algorithms: tuple[Algorithm, ...]) -> dict[Algorithm, int]:
    """The place of each algorithm, of one that is repeated its first."""
    ranks: dict[Algorithm, int] = {}
    for place, one in enumerate(algorithms):
        ranks.setdefault(one, place)
    return ranks


def can_agree(ground: Ground) -> bool:
    """Whether one option of each type can be chosen so that the rules between the types hold.

    A combined-mode cipher goes without INTEG, every other with one (RFC 7296 section 3.3); no key exchange method is
    taken twice (RFC 9370 section 2.2.1).
    """
    if not all(ground.values()):
        return False
    if ciphers := ground.get(TransformType.ENCR):
        integrity = ground.get(TransformType.INTEG)
        without = {option.says_none for option in integrity} if integrity is not None else {True}
        if without.isdisjoint(map(is_combined, ciphers)):
            return False
    methods = [options for kind, options in ground.items() if kind.is_key_exchange]
    return can_be_distinct([{_method(option) for option in options} for options in methods])


def can_be_distinct(lists: Sequence[set[Algorithm | None]]) -> bool:
    """Whether each list can give a method that no other one gives; to take none is free (RFC 9370 section 2.2.1).

    It can if any of them, taken together, have at least as many methods as they are (Hall's marriage theorem). A list
    with as many methods as there are lists can wait until all others have theirs, so that the rest is short.
    """
    bound = sorted((one for one in lists if one.isdisjoint(_FREE)), key=len)
    while bound and len(bound[-1]) >= len(bound):
        bound.pop()
    some = (them for count in range(1, len(bound) + 1) for them in combinations(bound, count))
    return all(len(set().union(*them)) >= len(them) for them in some)


def is_combined(cipher: Option) -> bool:
    """Whether a cipher brings its own integrity."""
    return cipher.algorithm is not None and Encryption(cipher.algorithm.identifier).is_aead


def _method(option: Option) -> Algorithm | None:
    return NONE if option.says_none else option.algorithm


def narrowed(ground: Ground, keep: Callable[[TransformType, Option], bool]) -> Ground:
    """The same ground with fewer options."""
    return {kind: tuple([one for one in options if keep(kind, one)]) for kind, options in ground.items()}


def worth_trying(ground: Ground) -> Ground:
    """The ground without options in whose place, whatever else is chosen, a better one of their type could stand.

    A product's defaults list dozens of algorithms: the combinations that are beaten anyway would be thousands.
    """
    return narrowed(ground, lambda kind, one: not _always_beaten(ground, kind, one))


def _always_beaten(ground: Ground, kind: TransformType, one: Option) -> bool:
    better = [other for other in ground[kind] if other.beats(one)]
    if kind == TransformType.ENCR:
        return any(is_combined(other) == is_combined(one) for other in better)
    if kind == TransformType.INTEG:
        return any(other.says_none == one.says_none for other in better)
    if not kind.is_key_exchange:
        return bool(better)
    if any(other.says_none for other in better):
        return True
    wanted = {_method(other) for other in better}
    rivals = [k for k in ground if k != kind and k.is_key_exchange and wanted & set(map(_method, ground[k]))]
    return len(wanted) > len(rivals)  # each rival takes at most one of them


def choices(ground: Ground, step: Callable[[], None]) -> Iterator[Choice]:
    """Every valid choice, the first options first; ``step`` is called for each that is begun."""
    kinds = tuple(ground)

    def extend(chosen: dict[TransformType, Option]) -> Iterator[Choice]:
        step()
        if len(chosen) == len(kinds):
            if is_valid(chosen):
                yield dict(chosen)
            return
        kind = kinds[len(chosen)]
        taken = {_method(option) for other, option in chosen.items() if other.is_key_exchange and not option.says_none}
        for option in ground[kind]:
            if not (kind.is_key_exchange and _method(option) in taken):
                yield from extend({**chosen, kind: option})

    return extend({})


def is_valid(choice: Choice) -> bool:
    """Whether the rules between the types hold."""
    return can_agree({kind: (option,) for kind, option in choice.items()})
