"""Mutation testing of what judges: ``python tools/mutants``, or ``make mutants``.

Every mutant of the modules in scope is tried against the tests; what was tried stays on file in ``.mutants/``, and a
second run goes on where the first one ended. It fails where a mutant lives that ``tests/mutants/survivors.toml`` does
not explain, and where an entry there is out of date.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[1]), str(HERE)]

import coverage  # noqa: E402
from cosmic_ray.work_db import WorkDB, use_db  # noqa: E402
from cosmic_ray.work_item import TestOutcome, WorkerOutcome, WorkResult  # noqa: E402
from mutants import ROOT, Mutant, modules, mutants_of  # noqa: E402
from survivors import FILE, change_of, finished, listed, objections  # noqa: E402
from trial import Map, Trial, played  # noqa: E402

FOLDER = ROOT / ".mutants"


def say(words: str) -> None:
    """To the terminal, whatever pytest captures."""
    sys.__stderr__.write(f"{words}\n")  # type: ignore[union-attr]
    sys.__stderr__.flush()  # type: ignore[union-attr]


def state(*folders: str) -> str:
    """A hash of all that a test may read there."""
    found = hashlib.sha256()
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts and path.suffix in (".py", ".toml", ".jsonl", ".xz"):
                found.update(str(path.relative_to(ROOT)).encode() + path.read_bytes())
    return found.hexdigest()[:32]


def test_files() -> dict[str, str]:
    """A hash of each file of tests, by its path."""
    found = (ROOT / "tests").rglob("test_*.py")
    return {path.relative_to(ROOT).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()[:16] for path in found}


def changed_modules(base: str) -> list[str]:
    """The finished modules that differ from a commit: the one given, or ``_base()``."""
    base = base or _base()
    names = _git("diff", "--name-only", base, "--", "harness").splitlines()
    say(f"compared with {base}: {len(names)} files of harness/ differ")
    changed, done = [path for path in modules() if path in names], {f"harness/{name}" for name in finished()}
    if left := [path for path in changed if path not in done]:
        say(f"not finished, so that nothing is asked of them yet: {', '.join(left)}")
    return [path for path in changed if path in done]


def _base() -> str:
    """Where this branch left main; on main the last tag, or else what was before the list of survivors last changed."""
    head = _git("rev-parse", "HEAD")
    fork = _git("merge-base", "HEAD", "main", fails=True)
    if fork and fork != head:
        return fork
    if tag := _git("describe", "--tags", "--abbrev=0", "HEAD^", fails=True):
        return tag
    list_changed = _git("log", "-1", "--format=%H", "--", str(FILE))  # what is older, the list speaks for
    return _git("rev-parse", f"{list_changed}^")


def _git(*words: str, fails: bool = False) -> str:
    ended = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=not fails)
    return ended.stdout.strip() if ended.returncode == 0 else ""


@dataclass
class Run:
    """One run over some modules: what is known of their mutants, and the time until which new ones are tried."""

    paths: list[str]
    until: float
    quick: bool = False  # not every test is tried on what is to live
    tests: str = ""  # the state in which they are: a mutant that lived is tried again in another one
    known: dict[str, str] = field(default_factory=dict)  # the killer of a mutant by its name, "" where none was found
    all: dict[str, list[Mutant]] = field(default_factory=dict)
    tried: int = 0

    def open(self) -> None:
        """Find the mutants, and what earlier runs know of them."""
        self.tests = state("harness", "peers", "scenarios", "tests") + ("-quick" if self.quick else "")
        for path in self.paths:
            self.all[path] = mutants_of(path)
            with use_db(self._session(path)) as session:
                self._take_over(session, self.all[path])

    def _session(self, path: str) -> str:
        FOLDER.mkdir(exist_ok=True)
        return str(FOLDER / f"{path.removeprefix('harness/').removesuffix('.py').replace('/', '.')}.sqlite")

    def _take_over(self, session: WorkDB, found: list[Mutant]) -> None:
        """Keep cosmic-ray's session in step with the code: a mutant that is as it was has not to die twice."""
        before, same = dict(session.results), {self.tests, self.tests.removesuffix("-quick")}
        session.clear()
        session.add_work_items(mutant.item for mutant in found)
        for mutant in found:
            result = before.get(mutant.name)
            lived = result is not None and result.test_outcome is TestOutcome.SURVIVED
            if result is not None and not (lived and result.output not in same):
                session.set_result(mutant.name, result)
                self.known[mutant.name] = "" if lived else result.output

    def wanted(self) -> Iterator[Mutant]:
        """The mutants that are still to be tried, as long as there is time."""
        for found in self.all.values():
            for mutant in found:
                if mutant.name not in self.known and time.monotonic() < self.until:
                    yield mutant

    def told(self, mutant: Mutant, killer: str) -> None:
        """Write down what became of a mutant."""
        outcome = TestOutcome.KILLED if killer else TestOutcome.SURVIVED
        result = WorkResult(WorkerOutcome.NORMAL, killer or self.tests, outcome, " -> ".join(mutant.change))
        with use_db(self._session(mutant.path)) as session:
            session.set_result(mutant.name, result)
        self.known[mutant.name] = killer
        self.tried += 1
        if not killer:
            say(f"lives: {change_of(mutant)} (line {mutant.start[0]})")

    def concluded(self) -> list[str]:
        """Print a line a module, and say what is wrong with the list of survivors."""
        reasons = listed()
        lived: list[Mutant] = []
        died: list[Mutant] = []
        left: dict[str, int] = {}
        for path, found in self.all.items():
            alive = [each for each in found if self.known.get(each.name) == ""]
            dead = [each for each in found if self.known.get(each.name)]
            explained = sum(change_of(each) in reasons for each in alive)
            left[path] = len(found) - len(alive) - len(dead)
            rest = f", {left[path]} not tried" if left[path] else ""
            print(f"{path}: {len(found)} mutants, {len(dead)} killed, {len(alive)} live, {explained} explained{rest}")
            lived, died = lived + alive, died + dead
        if sum(left.values()):
            print(f"there was no time for {sum(left.values())} mutants: run it again to go on")
        return objections(reasons, lived, died, {path for path, count in left.items() if not count})


def tried(run: Run, seconds: float) -> int:
    """Try the mutants: pytest's status. What is known of the tests stays on file, as long as the code is the same."""
    if next(run.wanted(), None) is None:
        return 0
    file, code, files = FOLDER / "map.json", state("harness", "peers", "scenarios", "tests/support"), test_files()
    stored = json.loads(file.read_text()) if file.exists() else {}
    known = Map()
    if stored.get("code") == code:
        lines = {path: {int(at): tests for at, tests in each.items()} for path, each in stored["lines"].items()}
        known = Map(stored["seconds"], lines)
        same = {name for name, found in files.items() if stored["files"].get(name) == found}
        known = known.without({test for test in known.seconds if test.partition("::")[0] not in same})

    def mapped(known: Map) -> None:
        file.write_text(json.dumps({"code": code, "files": files, "seconds": known.seconds, "lines": known.lines}))

    scope = [str(ROOT / each) for each in modules()]
    tracer = coverage.Coverage(data_file=None, include=scope, config_file=False)
    reasons = listed()
    trial = Trial(
        run.wanted, run.told, known, seconds, tracer, mapped, lambda it: not (run.quick or change_of(it) in reasons)
    )
    tracer.start()
    status = played(trial)
    for name in trial.failed:
        print(f"fails on the code as it is: {name}")
    return status or bool(trial.failed)


def main() -> int:
    """The command: 0 if every mutant dies or is explained, 1 if not, 2 if the tests fail on the code as it is."""
    parser = argparse.ArgumentParser(prog="mutants", description=__doc__)
    parser.add_argument("modules", nargs="*", help="parts of their paths; all in scope if none is named")
    parser.add_argument("--changed", nargs="?", const="", metavar="BASE", help="those that differ from a commit")
    parser.add_argument("--seconds", type=float, default=1e9, help="begin no mutant after so many")
    parser.add_argument("--tests", type=float, default=8, help="seconds of tests for a mutant (%(default)s)")
    parser.add_argument("--quick", action="store_true", help="do not try every test on a mutant that is to live")
    asked = parser.parse_args()
    until = time.monotonic() + asked.seconds
    paths = modules(asked.modules) if asked.changed is None else changed_modules(asked.changed)
    if not paths:
        print("no finished module is changed" if asked.changed is not None else "no module in scope is so named")
        return 0 if asked.changed is not None else 2
    try:
        listed()
    except ValueError as error:
        print(error)
        return 2
    os.environ["HYPOTHESIS_STORAGE_DIRECTORY"] = str(FOLDER / "hypothesis")
    run, began = Run(paths, until, asked.quick), time.monotonic()
    run.open()
    if tried(run, asked.tests):
        return 2
    took = time.monotonic() - began
    wrong = run.concluded()
    print(f"{run.tried} tried in {took:.0f} s")
    for words in wrong:
        print(words)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
