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
import resource
import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import coverage
import pytest
from _pytest.runner import runtestprotocol
from live import Living, forget
from mutants import ROOT, Mutant

HERE = Path(__file__).resolve().parent
OPTIONS = ("-qq", "-p", "no:cacheprovider", "-p", "no:xdist", "-p", "no:randomly", "--no-header", "--hypothesis-seed=1")
TESTS = (
    "tests/judge", "tests/defects", "tests/corpus", "tests/unit/verify", "tests/unit/oracle", "tests/unit/crypto",
    "tests/golden/transcripts", "tests/vectors/crypto/test_rfc.py", "tests/vectors/crypto/test_ikev2_kdf.py",
)  # fmt: skip
"""What judges a mutant. Costs are measured elsewhere: a fork is no place for a stopwatch."""
_OF_TIME = ("tests/judge/test_cost.py", "tests/unit/oracle/test_negotiation_cost.py")

_PLAYED = ("case_builder", "pair_builder")  # caches of cases that were played: of evidence, not of judgements
_MADE_ANEW = ("harness/verify/catalogue.py", "harness/verify/check.py", "harness/oracle/", "harness/crypto/")
_MEMORY = 2 << 30  # octets, beyond what this process has

Told = Callable[[Mutant, str], None]
"""What becomes of a verdict: the mutant, and the test that killed it ("" for none)."""


@dataclass
class Map:
    """What the tests do on the code as it is: seconds of each, and which of them run which lines.

    ``lines`` has the tests of each line by their place in ``seconds``; in place -1 is the import.
    """

    seconds: dict[str, float] = field(default_factory=dict)
    lines: dict[str, dict[int, list[int]]] = field(default_factory=dict)

    def running(self, path: str, lines: Iterable[int]) -> set[str]:
        """The tests that run any of these lines."""
        of_file, names = self.lines.get(path, {}), list(self.seconds)
        return {names[at] for line in lines for at in of_file.get(line, ()) if at >= 0}

    def on_import(self, path: str, lines: Iterable[int]) -> bool:
        """Whether any of these lines is run when modules are imported or tests collected."""
        of_file = self.lines.get(path, {})
        return any(-1 in of_file.get(line, ()) for line in lines)

    def chosen(self, mutant: Mutant, first: Sequence[str], seconds: float) -> list[str]:
        """The tests for a mutant: those that just killed another one, then of each test its shortest case, in turns.

        No more than take so many seconds together.
        """
        inside = mutant.lines if mutant.function else range(1, 100_000)
        found = self.running(mutant.path, inside)
        turns: dict[str, int] = defaultdict(int)
        order = []
        for test in sorted(found, key=lambda each: self.seconds[each]):
            kind = test.partition("[")[0]
            order.append((turns[kind], self.seconds[test], test))
            turns[kind] += 1
        chosen, took = [test for test in first if test in found], 0.0
        for _, cost, test in sorted(order):
            if took + cost <= seconds and test not in chosen:
                chosen.append(test)
                took += cost
        return chosen


@dataclass
class Trial:
    """The plugin of pytest that does it. ``known`` is the map where there is one, and is filled where there is none."""

    wanted: Callable[[], Iterable[Mutant]]
    told: Told
    known: Map
    seconds: float  # of tests, for a mutant
    tracer: coverage.Coverage | None = None
    mapped: Callable[[Map], object] = lambda _: None
    failed: list[str] = field(default_factory=list)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Instead of pytest's own loop."""
        items = {item.nodeid: item for item in session.items}
        if self.tracer is not None:
            self._play_all(items, self.tracer)
            self.mapped(self.known)
        if self.failed:
            return True
        living, killers = Living(), Killers()
        gc.collect()
        gc.freeze()
        for mutant in self.wanted():
            tests = self.known.chosen(mutant, killers.of(mutant), self.seconds)
            killer = self._forked(mutant, living, [items[test] for test in tests]) if mutant.function else ""
            if not killer and self.known.on_import(mutant.path, mutant.lines):
                killer = self._fresh(mutant, tests)
            killers.note(mutant, killer)
            self.told(mutant, killer)
        return True

    def _play_all(self, items: dict[str, pytest.Item], tracer: coverage.Coverage) -> None:
        for name, item in items.items():
            tracer.switch_context(name)
            began = time.monotonic()
            if not _passes(item):
                self.failed.append(name)
            self.known.seconds[name] = time.monotonic() - began
        tracer.stop()
        data, at = tracer.get_data(), {"": -1, **{name: at for at, name in enumerate(items)}}
        for path in data.measured_files():
            self.known.lines[os.path.relpath(path, ROOT)] = {
                line: sorted(at[name] for name in names) for line, names in data.contexts_by_lineno(path).items()
            }

    def _forked(self, mutant: Mutant, living: Living, items: list[pytest.Item]) -> str:
        """The test that kills a mutant in a fork of this process; "" if none does."""
        if not items:
            return ""
        reading, writing = os.pipe()
        child = os.fork()
        if not child:
            os.close(reading)
            _quiet()
            _limited(3 * sum(self.known.seconds[item.nodeid] for item in items) + 10)
            killer = _against(mutant, living, items, writing)
            os.write(writing, f"\n{killer}".encode())
            os._exit(0)
        os.close(writing)
        with os.fdopen(reading, "rb") as pipe:
            words = pipe.read().decode().splitlines()
        _, status = os.waitpid(child, 0)
        if status:  # it had to be stopped, or took the interpreter with it, in the test that it named last
            return words[-1] if words else items[0].nodeid
        return words[-1] if words else ""

    def _fresh(self, mutant: Mutant, tests: Sequence[str]) -> str:
        """The same in a process that imports the mutant; the killer is then the whole of it."""
        if not tests:
            return ""
        wanted = {"module": mutant.module, "path": mutant.path, "source": mutant.source}
        words = json.dumps({**wanted, "tests": tests, "options": OPTIONS})
        limit = 60 + 5 * self.seconds
        try:
            ended = subprocess.run(
                [sys.executable, str(HERE / "fresh.py")], input=words, text=True, capture_output=True, cwd=ROOT,
                check=False, timeout=limit,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return "out of time"
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


def _against(mutant: Mutant, living: Living, items: list[pytest.Item], writing: int) -> str:
    try:
        if not living.mutate(mutant):
            return ""
    except Exception as error:  # noqa: BLE001 - code that cannot take the function's place: no such program
        return f"cannot be: {error}"
    forget(*(() if mutant.path.startswith(_MADE_ANEW) else _PLAYED))
    for item in items:
        os.write(writing, f"\n{item.nodeid}".encode())
        if not _passes(item):
            return item.nodeid
    return ""


def _passes(item: pytest.Item) -> bool:
    """Play one test, with its own fixtures alone."""
    reports = runtestprotocol(item, log=False, nextitem=None)
    return not any(report.failed for report in reports)


def _quiet() -> None:
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 1)
    os.dup2(nothing, 2)


def _limited(seconds: float) -> None:
    """A mutant that goes round in circles ends, and so does one that eats memory or waits."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    most = int(used.ru_utime + used.ru_stime + seconds) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (most, most))
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + _MEMORY,) * 2)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(int(5 * seconds) + 30)


def played(trial: Trial) -> int:
    """Collect, and let the trial take its course: pytest's exit status."""
    ignored = [f"--ignore={name}" for name in _OF_TIME]
    tests = [str(ROOT / name) for name in TESTS]
    return int(pytest.main([*OPTIONS, f"--rootdir={ROOT}", *ignored, *tests], plugins=[trial]))
