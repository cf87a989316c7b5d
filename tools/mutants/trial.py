"""The tests of one process of pytest against one mutant after the other, each in a fork of its own.

pytest collects once. Then every test is played once on the code as it is, which must pass, and coverage.py notes the
lines that it runs: a mutant has to stand up to the tests that run its lines, the short ones first. A fork of this
process gives the mutant's function its code and plays them until one fails. What is run on import (constants, tables,
what makes a closure for them) needs a process that imports anew, ``fresh.py``: such mutants cost seconds.
"""

from __future__ import annotations

import gc
import json
import os
import re
import resource
import signal
import subprocess
import sys
import time
import traceback
from collections import Counter, defaultdict
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import coverage
import pytest
from _pytest.runner import runtestprotocol
from live import Living
from mutants import ROOT, Mutant

HERE = Path(__file__).resolve().parent
OPTIONS = ("-qq", "-p", "no:cacheprovider", "-p", "no:xdist", "-p", "no:randomly", "--no-header", "--hypothesis-seed=1")
TESTS = (
    "tests/judge", "tests/defects", "tests/unit/verify", "tests/unit/oracle", "tests/unit/crypto",
    "tests/golden/transcripts", "tests/vectors/crypto/test_rfc.py", "tests/vectors/crypto/test_ikev2_kdf.py",
    "tests/unit/run/test_never_twice.py", "tests/unit/scenario/test_engine_sheet.py",
)  # fmt: skip
"""What judges a mutant."""
_LEFT_OUT = (
    "tests/judge/test_cost.py", "tests/unit/oracle/test_negotiation_cost.py",  # they measure time
    "tests/judge/test_changed_evidence.py",  # as the corpus: as long as all others, and says only that one differs
)  # fmt: skip
_WORKERS = 2

_PLAYED = ("case_builder", "pair_builder")  # caches of cases that were played: of evidence, not of judgements
_MADE_ANEW = ("harness/verify/checks/catalogue.py", "harness/verify/check.py", "harness/oracle/", "harness/crypto/")
_WHOLE = range(1, 10_000)  # lines of any module
_MEMORY = 2 << 30  # octets, beyond what this process has
_PATIENCE = 20  # seconds on the clock for one of the processor

Say = Callable[[object], None]
Told = Callable[[Mutant, str], None]
"""What becomes of a verdict: the mutant, and the test that killed it ("" for none)."""


@dataclass
class Map:
    """What the tests do on the code as it is: seconds of each, and which of them run which lines.

    ``lines`` has the tests of each line by their place in ``seconds``; in place -1 is the import.
    """

    seconds: dict[str, float] = field(default_factory=dict)
    lines: dict[str, dict[int, list[int]]] = field(default_factory=dict)
    _orders: dict[object, list[str]] = field(default_factory=dict, repr=False)

    def running(self, path: str, lines: Iterable[int]) -> set[str]:
        """The tests that run any of these lines."""
        of_file, names = self.lines.get(path, {}), list(self.seconds)
        return {names[at] for line in lines for at in of_file.get(line, ()) if at >= 0}

    def on_import(self, path: str, lines: Iterable[int]) -> bool:
        """Whether any of these lines is run when modules are imported or tests collected."""
        of_file = self.lines.get(path, {})
        return any(-1 in of_file.get(line, ()) for line in lines)

    def without(self, tests: Container[str]) -> Map:
        """The same without what is known of some tests."""
        names = [name for name in self.seconds if name not in tests]
        old, new = list(self.seconds), {name: at for at, name in enumerate(names)}
        lines = {
            path: {
                line: [-1 if at < 0 else new[old[at]] for at in found if at < 0 or old[at] in new]
                for line, found in each.items()
            }
            for path, each in self.lines.items()
        }
        return Map({name: self.seconds[name] for name in names}, lines)

    def add(self, path: str, lines: dict[int, list[str]]) -> None:
        """Note the tests that run the lines of a file; "" is the import."""
        at = {"": -1, **{name: at for at, name in enumerate(self.seconds)}}
        of_file = self.lines.setdefault(path, {})
        self._orders.clear()
        for line, names in lines.items():
            of_file[line] = sorted({*of_file.get(line, ()), *(at[name] for name in names)})

    def chosen(self, mutant: Mutant, first: Sequence[str], seconds: float) -> list[str]:
        """The tests that run a mutant's lines: those named first, then the module's own, then all others.

        Of either, in turns, a short one of each way through the function. They take no more than so many seconds of
        processor time together.
        """
        order = self._order(mutant)
        chosen, took = [test for test in first if test in order], 0.0
        for test in order:
            if took + self.seconds[test] <= seconds and test not in chosen:
                chosen.append(test)
                took += self.seconds[test]
        return chosen

    def _order(self, mutant: Mutant) -> list[str]:
        key = mutant.path, mutant.lines, mutant.around
        if key not in self._orders:
            self._orders[key] = self._ordered(mutant)
        return self._orders[key]

    def _ordered(self, mutant: Mutant) -> list[str]:
        names, of_file = list(self.seconds), self.lines.get(mutant.path, {})
        ways: dict[str, list[int]] = defaultdict(list)
        for line in mutant.around:
            for at in of_file.get(line, ()):
                ways[names[at]].append(line)
        own = re.compile(rf"/test_{Path(mutant.path).stem}(_\w+)?\.py::")
        running = self.running(mutant.path, mutant.lines)
        # What a declaration makes (a dataclass's methods) has no lines of its own; what is run on import, no test runs.
        if not mutant.function or self.on_import(mutant.path, mutant.lines):
            running |= {test for test in self.seconds if own.search(test)}
        found = sorted(running, key=lambda test: (self.seconds[test], test))
        of_one = _turns(found, lambda test: (*ways[test], test.partition("[")[0]))  # different tests before more cases
        turn = _turns(sorted(found, key=of_one.__getitem__), lambda test: tuple(ways[test]))
        return sorted(found, key=lambda test: (own.search(test) is None, turn[test]))


def _turns(tests: Iterable[str], kind: Callable[[str], object]) -> dict[str, int]:
    """How many of its kind stand before each test."""
    seen: Counter[object] = Counter()
    turns = {}
    for test in tests:
        turns[test] = seen[kind(test)]
        seen[kind(test)] += 1
    return turns


@dataclass
class Trial:
    """The plugin of pytest that does it. Tests that ``known`` lacks are played first, while ``tracer`` looks on."""

    wanted: Callable[[], Iterable[Mutant]]
    told: Told
    known: Map
    seconds: float  # of tests, for a mutant
    tracer: coverage.Coverage
    mapped: Callable[[Map], object]
    to_the_end: Callable[[Mutant], bool]  # whether it is tried on all tests that run it before it counts as alive
    failed: list[str] = field(default_factory=list)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Instead of pytest's own loop."""
        items = {item.nodeid: item for item in session.items}
        self.known = self.known.without(set(self.known.seconds) - set(items))
        warm = self._play([item for name, item in items.items() if name not in self.known.seconds])
        if not self.failed:
            self._share(items, warm)
        return True

    def _play(self, items: Sequence[pytest.Item]) -> set[str]:
        """The tests of which nothing is known, on the code as it is, shared with a fork; those played here."""
        mine, theirs = items[::2], items[1::2]
        other = forked(lambda say: say(self._traced(theirs)))
        parts = [self._traced(mine), *other]
        for part in parts:
            self.failed += part["failed"]
            self.known.seconds.update(part["seconds"])
        order = {item.nodeid: at for at, item in enumerate(items)}
        self.known.seconds = dict(sorted(self.known.seconds.items(), key=lambda each: order.get(each[0], -1)))
        for part in parts:
            for path, lines in part["lines"].items():
                self.known.add(path, {int(line): tests for line, tests in lines.items()})
        self.mapped(self.known)
        return {item.nodeid for item in mine}

    def _traced(self, items: Sequence[pytest.Item]) -> dict[str, Any]:
        """What tests do on the code as it is."""
        seconds, failed = {}, []
        for item in items:
            self.tracer.switch_context(item.nodeid)
            began = time.process_time()
            if not _passes(item):
                failed.append(item.nodeid)
            seconds[item.nodeid] = time.process_time() - began
        self.tracer.stop()
        data = self.tracer.get_data()
        lines = {
            os.path.relpath(path, ROOT): {str(line): tests for line, tests in data.contexts_by_lineno(path).items()}
            for path in data.measured_files()
        }
        return {"seconds": seconds, "failed": failed, "lines": lines}

    def _share(self, items: dict[str, pytest.Item], warm: Container[str]) -> None:
        """Try the mutants in some forks at once, each of which takes its share of every module."""
        living = Living()
        gc.collect()
        gc.freeze()
        mutants = {mutant.name: mutant for mutant in self.wanted()}
        shares = (partial(self._work, share, living, items, warm) for share in range(_WORKERS))
        for word in forked(*shares):
            if "failed" in word:
                self.failed += word["failed"]
            else:
                self.told(mutants[word["mutant"]], word["killer"])

    def _work(self, share: int, living: Living, items: dict[str, pytest.Item], warm: Container[str], say: Say) -> None:
        """In a fork: every so manieth mutant."""
        killers, path = Killers(), ""
        for at, mutant in enumerate(self.wanted()):
            if at % _WORKERS != share:
                continue
            if mutant.path != path:
                path = mutant.path
                self._control(mutant, living, items, warm)
            if self.failed:
                return say({"failed": self.failed})
            killer = self._tried(mutant, killers.of(mutant), living, items)
            killers.note(mutant, killer)
            say({"mutant": mutant.name, "killer": killer})
        return None

    def _tried(self, mutant: Mutant, first: Sequence[str], living: Living, items: dict[str, pytest.Item]) -> str:
        """The test that kills a mutant, "" if none does; what would live without a reason stands up to all."""
        tests = self.known.chosen(mutant, first, self.seconds)
        killer = self._forked(mutant, living, [items[test] for test in tests]) if mutant.function else ""
        if not killer and mutant.function and self.to_the_end(mutant):
            others = self.known.chosen(mutant, (), float("inf"))
            killer = self._forked(mutant, living, [items[test] for test in others if test not in tests])
        if not killer and (self.known.on_import(mutant.path, mutant.lines) or living.made_by(mutant)):
            killer = self._fresh(mutant, tests)
        return killer

    def _control(self, mutant: Mutant, living: Living, items: dict[str, pytest.Item], warm: Container[str]) -> None:
        """A module's tests on the code as it is: here, so that their cases are played once for all, and in a fork."""
        module = replace(mutant, lines=_WHOLE, around=_WHOLE)
        tests = [items[name] for name in self.known.chosen(module, (), self.seconds / 2)]
        self.failed += [item.nodeid for item in tests if item.nodeid not in warm and not _passes(item)]
        if killer := self._forked(None, living, tests[:50]):
            self.failed.append(f"{killer}, in a fork of its own")

    def _forked(self, mutant: Mutant | None, living: Living, items: list[pytest.Item]) -> str:
        """The test that kills a mutant, or the code as it is, in a fork of this process; "" if none does."""
        if not items:
            return ""
        words = [word["test"] for word in forked(lambda say: self._killer(mutant, living, items, say))]
        return str(words[-1]) if words else "the fork"  # one that had to be stopped did not come past that test

    def _killer(self, mutant: Mutant | None, living: Living, items: list[pytest.Item], say: Say) -> None:
        """In the fork: play the tests until one fails; each is named before, as it may not come back."""
        try:
            if mutant is not None and not living.mutate(mutant):
                return say({"test": ""})
        except ValueError as error:  # it has not the same variables of what is around it
            return say({"test": f"cannot be: {error}"})
        _limited_memory()
        living.forget(*(() if mutant is not None and mutant.path.startswith(_MADE_ANEW) else _PLAYED))
        for item in items:
            say({"test": item.nodeid})
            _limited(5 * self.known.seconds[item.nodeid] + 5)
            with suppress(BaseException):  # what comes through there has failed, too
                if _passes(item):
                    continue
            return None
        return say({"test": ""})

    def _fresh(self, mutant: Mutant, tests: Sequence[str]) -> str:
        """The same in a process that imports the mutant; the killer is then the whole of it.

        Its time is the processor's: on a busy machine nothing dies of having to wait.
        """
        if not tests:
            return ""
        limit = 60 + int(5 * self.seconds)
        wanted = {"module": mutant.module, "path": mutant.path, "source": mutant.source, "seconds": limit}
        words = json.dumps({**wanted, "tests": tests, "options": OPTIONS})
        try:
            ended = subprocess.run(
                [sys.executable, str(HERE / "fresh.py")], input=words, text=True, capture_output=True, cwd=ROOT,
                check=False, timeout=_PATIENCE * limit,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return "out of time"
        if ended.returncode == -signal.SIGXCPU:
            return "out of time"
        if "not found:" in ended.stdout + ended.stderr:
            raise RuntimeError("the tests are not where they were when they were collected")
        failing = [line for line in ended.stdout.splitlines() if line.startswith(("FAILED ", "ERROR "))]
        if ended.returncode == 0:
            return ""
        return failing[0].split(" ")[1] if failing else "the import"


class Killers:
    """The tests that killed last, by function: the next mutant there often falls to the same ones."""

    def __init__(self) -> None:
        self._last: dict[str, list[str]] = defaultdict(list)

    def of(self, mutant: Mutant) -> list[str]:
        """Those of the mutant's function, the last one first."""
        return self._last[f"{mutant.path}:{mutant.function}"][:8]

    def note(self, mutant: Mutant, killer: str) -> None:
        """One more."""
        last = self._last[f"{mutant.path}:{mutant.function}"]
        if killer in last:
            last.remove(killer)
        if killer:
            last.insert(0, killer)


def forked(*jobs: Callable[[Say], object]) -> Iterator[Any]:
    """What some forks of this process say, each with a job of its own, until the last has ended.

    Raises:
        RuntimeError: one broke, with its traceback.
    """
    reading, writing = os.pipe()
    children = []
    for job in jobs:
        child = os.fork()
        if not child:
            os.close(reading)
            _in_child(job, writing)
        children.append(child)
    os.close(writing)
    return _said(reading, children)


def _in_child(job: Callable[[Say], object], writing: int) -> NoReturn:
    _quiet()
    with os.fdopen(writing, "w") as pipe:

        def say(word: object) -> None:
            pipe.write(f"{json.dumps(word)}\n")
            pipe.flush()

        try:
            job(say)
        except BaseException:  # noqa: BLE001 - whatever it is, the parent raises it
            say({"broke": traceback.format_exc()})
    os._exit(0)


def _said(reading: int, children: Iterable[int]) -> Iterator[Any]:
    with os.fdopen(reading) as pipe:
        for line in pipe:
            word = json.loads(line)
            if "broke" in word:
                raise RuntimeError(word["broke"])
            yield word
    for child in children:
        os.waitpid(child, 0)


def _passes(item: pytest.Item) -> bool:
    """Play one test, with its own fixtures alone."""
    reports = runtestprotocol(item, log=False, nextitem=None)
    return not any(report.failed for report in reports)


def _quiet() -> None:
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 1)
    os.dup2(nothing, 2)


def _limited_memory() -> None:
    """A mutant that eats memory ends."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + _MEMORY, resource.RLIM_INFINITY))


def _limited(seconds: float) -> None:
    """So does a test that goes round in circles, or waits."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    most = int(used.ru_utime + used.ru_stime + seconds) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (most, resource.RLIM_INFINITY))
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(_PATIENCE * int(seconds) + 30)


def played(trial: Trial) -> int:
    """Collect, and let the trial take its course: pytest's exit status."""
    ignored = [f"--ignore={name}" for name in _LEFT_OUT]
    tests = [str(ROOT / name) for name in TESTS]
    return int(pytest.main([*OPTIONS, f"--rootdir={ROOT}", *ignored, *tests], plugins=[trial]))
