"""Scenarios, peers, profiles, suites and the catalogue of requirements: loaded, or every problem has its line."""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Callable
from pathlib import Path
from random import Random

import mutation
from case_builder import ROOT, expect_of, peers, requirements, scenarios
from target import Prepared, Target

from harness.oracle.prediction import expect
from harness.policy.role import Role
from harness.scenario.catalogue import load_suite, load_suite_peers
from harness.scenario.family_file import load_family
from harness.scenario.model import Parties, Scenario
from harness.scenario.peer import Peer
from harness.scenario.profile_file import load_profile
from harness.scenario.requirements import load_requirements
from harness.scenario.scenario_file import load_scenario
from harness.scenario.selection import NothingSelected
from harness.scenario.toml_source import InvalidData, key_lines
from harness.verify.checks.catalogue import CHECKS

_ROOT = tempfile.TemporaryDirectory(prefix="fuzz-toml-", dir="/dev/shm" if Path("/dev/shm").is_dir() else None)
_FOLDER = Path(_ROOT.name)
_PLACES = ("topic/name.toml", "acme/peer.toml", "profiles/acme/profile.toml", "suites/some.toml", "requirements.toml")
_SCENARIO, _PEER, _PROFILE, _SUITE, _REQUIREMENTS = range(len(_PLACES))
for _place in _PLACES:
    (_FOLDER / _place).parent.mkdir(parents=True, exist_ok=True)


def prepare(data: bytes) -> Prepared:
    kind, text = (data[0] if data else 0) % len(_PLACES), data[1:]
    path = _FOLDER / _PLACES[kind]
    path.write_bytes(text)

    def read() -> Callable[[], object] | None:
        try:
            return _load(kind, path)
        except InvalidData as error:
            assert error.problems
            for problem in error.problems:
                assert str(problem).startswith(f"{path}:{problem.line}: ") and problem.line >= 1, problem
            return None

    return len(text), read


def _load(kind: int, path: Path) -> Callable[[], object] | None:
    if kind == _SCENARIO:
        scenario = load_scenario(path, requirements(), CHECKS, filed=False)
        return lambda: _predict(scenario)
    if kind == _PEER:
        found = load_family(path)
        return lambda: list(map(_predict_with, found[:3]))
    if kind == _PROFILE:
        profile = load_profile(path, peers())
        return lambda: _predict_with(profile)
    if kind == _SUITE:
        try:
            load_suite(_FOLDER, path.stem, scenarios())
            load_suite_peers(_FOLDER, path.stem, peers())
        except NothingSelected:
            pass
        return None
    load_requirements(path)
    return None


def _predict(scenario: Scenario) -> None:
    for name in ("strongswan-6.1", "emulated/cisco-8000-26.1.1"):
        if scenario.parties is Parties.ENGINE:
            for role in Role:
                expect_of(scenario, peers()[name], role)
        else:
            expect(scenario, peers()[name], peers()["strongswan-6.0"])


def _predict_with(peer: Peer) -> None:
    for role in Role:
        expect_of(scenarios()["hybrid/x25519-mlkem768"], peer, role)


@functools.cache
def seeds() -> list[bytes]:
    places = (
        (_SCENARIO, sorted((ROOT / "scenarios").glob("*/*.toml"))),
        (_PEER, sorted((ROOT / "peers").glob("*/peer.toml"))),
        (_PROFILE, sorted((ROOT / "peers/profiles").glob("*/profile.toml"))),
        (_SUITE, sorted((ROOT / "scenarios/suites").glob("*.toml"))),
    )
    found = [
        bytes((kind,)) + path.read_bytes()
        for kind, paths in places
        for path in paths
        if path.parent.name != "suites" or kind == _SUITE
    ]
    catalogue = (ROOT / "scenarios/requirements.toml").read_bytes()
    return [*found, bytes((_REQUIREMENTS,)) + catalogue[:3000].rpartition(b"\n[")[0]]


@functools.cache
def words() -> tuple[str, ...]:
    """Keys, and what they may stand for: of all files together."""
    keys = {str(part) for seed in seeds() for path in key_lines(seed[1:].decode()) for part in path}
    odd = [
        "[offer.ike]",
        "[[offer.ike]]",
        "[[expect]]",
        "=",
        "[]",
        "{}",
        "{a=1}",
        "7",
        "true",
        "1e9",
        "nan",
        "1979-05-27",
    ]
    odd += [
        '""',
        "'''",
        "[[[]]]",
        "9" * 30,
        "0x" + "f" * 40,
        '"none"',
        '"ml-kem-768"',
        "a.b.c = 1",
        "= 7",
        '= "x"',
        "= []",
    ]
    return (*sorted(keys), *odd)


def mutate(data: bytes, rng: Random) -> bytes:
    kind = data[:1] or b"\0"
    if rng.random() < 0.02:
        kind = bytes((rng.randrange(len(_PLACES)),))
    return kind + mutation.lines_of_text(data[1:], rng, words())


TARGET = Target("toml", "scenario, peer, profile, suite and requirement files", lambda: list(seeds()), prepare, mutate)
