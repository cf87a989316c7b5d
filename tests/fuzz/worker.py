"""One process of fuzzing: a number of inputs of one target from one seed. Run by ``fuzz.py``.

With atheris libFuzzer chooses what is worth spoiling further, by the branches of ``harness`` that an input reaches.
Without it (``--engine plain``) seeds are spoiled at random. Either way the same seed gives the same inputs, and each
input is checked: it raises nothing undocumented, and costs no more than its octets are worth.

Instrumented code is slow. So an input that takes too long here is only kept, and read again in a process without
instrumentation. Memory is what Python allocates, by tracemalloc, for one input of fifty.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import sys
import time
import zlib
from pathlib import Path
from random import Random

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "support"), str(ROOT / "tests" / "fuzz")]

_MEMORY_OF_ONE_IN = 50
_MOST_OCTETS = 20_000
_MOST_KEPT = 40


class Checks:
    """What is checked of each input, and how many there were."""

    def __init__(self, name: str, kept: Path) -> None:
        from targets import load

        self.target, self.inputs, self._kept = load(name), 0, kept

    def __call__(self, data: bytes) -> None:
        from target import check_memory, seconds_of

        self.inputs += 1
        took, worth = seconds_of(self.target, data)
        if took > worth and len(list(self._kept.iterdir())) < _MOST_KEPT:
            (self._kept / hashlib.sha256(data).hexdigest()[:16]).write_bytes(data)
        if self.inputs % _MEMORY_OF_ONE_IN == 0:
            check_memory(self.target, data)


def plain(options: argparse.Namespace) -> int:
    """Spoil seeds at random; ``options.findings`` gets the input that broke."""
    checks, rng = Checks(options.target, options.slow), Random(options.seed)
    pool = checks.target.seeds()
    while checks.inputs < options.inputs and (not checks.inputs or time.monotonic() < options.ends):
        data = checks.target.mutate(rng.choice(pool), rng)
        try:
            checks(data)
        except BaseException:
            (options.findings / f"crash-{hashlib.sha256(data).hexdigest()[:16]}").write_bytes(data)
            raise
    print(f"stat::number_of_executed_units: {checks.inputs}", file=sys.stderr)
    return 0


def guided(options: argparse.Namespace) -> int:
    """Let libFuzzer choose; it never comes back."""
    import atheris

    with atheris.instrument_imports(include=["harness"]):
        checks = Checks(options.target, options.slow)
    for number, seed in enumerate(checks.target.seeds()):
        (options.corpus / f"seed-{number:04}").write_bytes(seed)

    def mutate(data: bytes, most: int, seed: int) -> bytes:
        rng = Random(seed)
        if rng.random() < 0.3:
            return bytes(atheris.Mutate(data, most))
        return checks.target.mutate(data, rng)[:most]

    arguments = [
        sys.argv[0], f"-runs={options.inputs}", f"-seed={options.seed}",
        f"-max_total_time={max(1, int(options.ends - time.monotonic()))}",
        f"-max_len={_MOST_OCTETS}", "-len_control=0", "-timeout=60", "-rss_limit_mb=3000", "-print_final_stats=1",
        f"-artifact_prefix={options.findings}/", str(options.corpus),
    ]  # fmt: skip
    atheris.Setup(arguments, checks, custom_mutator=mutate)
    atheris.Fuzz()
    return 0


def replay(options: argparse.Namespace) -> int:
    """Read each input of a folder, or one, without instrumentation: what it raises, and what it costs.

    What breaks is printed whole, as a machine of CI is gone before anybody can look at its files.
    """
    from target import check_memory, check_seconds
    from targets import load

    target = load(options.target)
    for path in sorted(options.replay.iterdir()) if options.replay.is_dir() else [options.replay]:
        data = path.read_bytes()
        try:
            check_seconds(target, data)
            check_memory(target, data)
        except BaseException:
            print(f"zlib, base64: {base64.b64encode(zlib.compress(data, 9)).decode()}", file=sys.stderr)
            raise
    return 0


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("target")
    parser.add_argument("--engine", choices=("atheris", "plain"), default="plain")
    parser.add_argument("--inputs", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--findings", type=Path)
    parser.add_argument("--slow", type=Path)
    parser.add_argument("--corpus", type=Path)
    parser.add_argument("--replay", type=Path)
    began = time.monotonic()
    options = parser.parse_args()
    options.ends = began + options.seconds  # imports and good conversations take a part of it
    if options.replay:
        return replay(options)
    return guided(options) if options.engine == "atheris" else plain(options)


if __name__ == "__main__":
    sys.exit(main())
