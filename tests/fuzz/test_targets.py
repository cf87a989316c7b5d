"""The fuzzer itself: its seeds are good, the same seed gives the same inputs, and what breaks is found."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

import mutation  # noqa: E402
from target import Target, TooCostly, check_memory, check_seconds  # noqa: E402
from targets import NAMES, load  # noqa: E402

WORKER = HERE / "worker.py"
INPUTS = 40


@pytest.mark.parametrize("name", NAMES)
def test_seeds_and_what_becomes_of_them_are_read(name: str) -> None:
    target = load(name)
    seeds, rng = target.seeds(), Random(7)
    assert seeds and all(seeds)
    for data in seeds[:INPUTS]:
        check_seconds(target, data)
    for _ in range(INPUTS):
        check_seconds(target, target.mutate(rng.choice(seeds), rng))
    check_memory(target, seeds[0])


@pytest.mark.parametrize("name", NAMES)
def test_the_same_seed_gives_the_same_inputs(name: str) -> None:
    target = load(name)
    seeds = target.seeds()
    made = [[target.mutate(seeds[n % len(seeds)], Random(n)) for n in range(20)] for _ in range(2)]
    assert made[0] == made[1]
    assert sum(made[0][n] != seeds[n % len(seeds)] for n in range(20)) > 10


def test_parts_come_back() -> None:
    parts = [b"", b"a", bytes(70_000)]
    assert mutation.unpack(mutation.pack(parts)) == parts
    assert mutation.unpack(b"\0\0") == []
    assert mutation.unpack(b"\0\0\0\7abc") == [b"abc"]


def test_what_takes_too_long_or_too_much_is_found() -> None:
    def busy() -> None:
        sum(range(20_000_000))

    def large() -> object:
        return bytearray(20 << 20) and None

    with pytest.raises(TooCostly, match="ms of CPU"):
        check_seconds(Target("busy", "", list, lambda data: (len(data), busy)), b"1", tries=2)
    with pytest.raises(TooCostly, match="20\\.0 MB for 1 octets"):
        check_memory(Target("large", "", list, lambda data: (len(data), large)), b"1")


@pytest.mark.parametrize("engine", ["plain", "atheris"])
def test_a_process_of_fuzzing_counts_its_inputs(engine: str, tmp_path: Path) -> None:
    if engine == "atheris":
        pytest.importorskip("atheris", reason="it has no wheel for this platform; the plain engine takes its place")
    folders = {name: tmp_path / name for name in ("findings", "slow", "corpus")}
    for folder in folders.values():
        folder.mkdir()
    options = [word for name, folder in folders.items() for word in (f"--{name}", str(folder))]
    command = [sys.executable, str(WORKER), "answers", "--engine", engine, "--inputs", "200", "--seed", "3", *options]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert "number_of_executed_units" in ended.stderr
    assert not list(folders["findings"].iterdir())
