"""Fuzzing of every reader of foreign octets and files.

``python tests/fuzz/fuzz.py --target wire --inputs 5000000 --seed 1`` reads inputs in chunks, each from a seed of its
own: 1, 2, 3, ... It prints each chunk, and with what seed to go on. Without ``--target`` it is every target's turn,
``--jobs`` side by side. An input that breaks something is kept below ``--findings``, and the command that reads it
again is printed.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import importlib.util
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[1]), str(HERE.parent / "support"), str(HERE)]

WORKER = HERE / "worker.py"
CHUNK = 50_000
_COUNT = re.compile(r"stat::number_of_executed_units:\s+(\d+)")


@dataclass(frozen=True)
class Range:
    """What is to be done of one target."""

    target: str
    inputs: int
    seed: int
    seconds: float


@dataclass
class Outcome:
    """What came of it."""

    target: str
    inputs: int = 0
    broken: str = ""


def run(wanted: Range, engine: str, findings: Path) -> Outcome:
    """Chunk after chunk until the inputs or the time are used up, or something breaks."""
    outcome, seed, ends = Outcome(wanted.target), wanted.seed, time.monotonic() + wanted.seconds
    findings.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f"fuzz-{wanted.target}-") as corpus:
        while outcome.inputs < wanted.inputs and (left := ends - time.monotonic()) > 1 and not outcome.broken:
            began, count = time.monotonic(), min(CHUNK, wanted.inputs - outcome.inputs)
            done, outcome.broken = _chunk(Range(wanted.target, count, seed, left), engine, findings, Path(corpus))
            outcome.inputs += done
            took = time.monotonic() - began
            seed += 1
            say(f"{wanted.target}: {done:,} inputs in {took:.0f} s, {outcome.inputs:,} in all; next: --seed {seed}")
    return outcome


def _chunk(wanted: Range, engine: str, findings: Path, corpus: Path) -> tuple[int, str]:
    """How many inputs one process read, and what broke."""
    with tempfile.TemporaryDirectory(prefix="fuzz-slow-") as slow:
        command = [
            sys.executable, str(WORKER), wanted.target, "--engine", engine, "--inputs", str(wanted.inputs),
            "--seed", str(wanted.seed), "--seconds", str(wanted.seconds), "--findings", str(findings),
            "--corpus", str(corpus), "--slow", slow,
        ]  # fmt: skip
        before = set(findings.iterdir())
        ended = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
        found = _COUNT.search(ended.stderr)
        count = int(found[1]) if found else 0
        if ended.returncode:
            new = [str(path) for path in set(findings.iterdir()) - before]
            again = f"{sys.executable} {WORKER} {wanted.target} --replay {new[0]}" if new else "no input was kept"
            return count, f"{ended.stderr[-4000:]}\n{ended.stdout[-1000:]}\n{again}"
        replay = [sys.executable, str(WORKER), wanted.target, "--replay", slow]
        again_slow = subprocess.run(replay, capture_output=True, text=True, errors="replace", check=False)
        if again_slow.returncode:
            for path in Path(slow).iterdir():
                (findings / f"slow-{path.name}").write_bytes(path.read_bytes())
            return count, again_slow.stderr[-20_000:]
    return count, ""


def say(text: str) -> None:
    print(text, flush=True)


def main() -> int:
    from targets import NAMES

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--target", choices=NAMES, action="append", help="one of them; may be given again")
    parser.add_argument("--inputs", type=int, default=10**9, help="of each target")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=10**9, help="for everything together")
    parser.add_argument("--jobs", type=int, default=2, help="processes side by side")
    parser.add_argument("--engine", choices=("atheris", "plain"), help="by default atheris where it is installed")
    parser.add_argument("--findings", type=Path, default=Path("fuzz-findings"))
    options = parser.parse_args()
    engine = options.engine or ("atheris" if importlib.util.find_spec("atheris") else "plain")
    targets = options.target or list(NAMES)
    each = options.seconds * min(options.jobs, len(targets)) / len(targets)
    say(f"engine: {engine}; {len(targets)} targets, {options.jobs} at a time")
    ranges = [Range(name, options.inputs, options.seed, each) for name in targets]
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        outcomes = list(pool.map(lambda wanted: run(wanted, engine, options.findings / wanted.target), ranges))
    for outcome in outcomes:
        say(f"{outcome.target}: {outcome.inputs:,} inputs" + (f": BROKEN\n{outcome.broken}" if outcome.broken else ""))
    broken = [outcome.target for outcome in outcomes if outcome.broken or not outcome.inputs]
    ending = f"broken: {', '.join(broken)}" if broken else "nothing broke"
    say(f"{sum(outcome.inputs for outcome in outcomes):,} inputs; {ending}")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
