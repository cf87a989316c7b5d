"""However a run ends, it leaves no container and no network of ours behind, and a record that can be read."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path

import pytest
from command import Started, interop, left_behind, lines, played, until

pytestmark = pytest.mark.lab

SOME = (
    "--peer",
    "strongswan-6.?",
    "--scenario",
    "hybrid/*",
    "--scenario",
    "classical/*",
    "--scenario",
    "multiple-ke/*",
)
ONE = ("--peer", "strongswan-6.1", "--scenario", "classical/x25519", "--role", "initiator")


@pytest.fixture
def under_way(docker_client, tmp_path):
    """A run of which some cases have ended and most have not: (the command, its folder, its id)."""
    folder = tmp_path / "run"
    with Started("run", "--out", folder, *SOME) as run:
        until(lambda: len(played(folder)) >= 3, "three cases to end")
        yield run, folder, lines(folder, "header")[0]["id"]


def assert_readable(folder) -> dict:
    """The record of a run that broke off: every planned case has a cell, and one that had no turn says so."""
    done = interop("report", folder, "--format", "json")
    assert (done.returncode, done.stderr) == (0, "")
    matrix = json.loads(done.stdout)
    [header] = lines(folder, "header")
    assert [cell["case"] for cell in matrix["cells"]] == header["planned"]
    cells = {cell["case"]: cell for cell in matrix["cells"]}
    told = {case["case"] for case in lines(folder, "case")}
    missed = [cell for case, cell in cells.items() if case not in told]
    assert missed
    assert {cell["verdict"] for cell in missed} == {"SKIPPED"}
    assert {cell["reason"] for cell in missed} == {"the run ended before this case had its turn"}
    unexpected = [case["case"] for case in lines(folder, "case") if not case["expected"]]
    assert unexpected == [], "what is cut off by the end of the run is no failure"
    assert not {cell["verdict"] for cell in cells.values()} & {"ERROR", "INCONCLUSIVE"}
    return matrix


@pytest.mark.parametrize("presses", [1, 6])
def test_ctrl_c_ends_a_run_at_once_and_leaves_nothing(under_way, docker_client, presses):
    run, folder, identifier = under_way
    began = time.monotonic()
    for _ in range(presses):
        run.signal(signal.SIGINT)
        time.sleep(0.1)  # noqa: TID251  # a person presses again
    status, out, err = run.end(20)
    assert time.monotonic() - began < 5
    assert (status, out) == (3, "")
    assert err.endswith("\nipsec-interop: interrupted\n")
    assert "Traceback" not in err
    assert left_behind(docker_client, identifier) == 0
    matrix = assert_readable(folder)
    assert matrix == json.loads((folder / "matrix.json").read_text())
    assert "not complete" in interop("report", folder).stdout


@pytest.mark.parametrize("after", [0.0, 0.5, 1.2])
def test_ctrl_c_is_one_line_whenever_it_comes(docker_client, tmp_path, after):
    """During our imports, while the plan is made, while the lab is being set up. Before that, only Python is there."""
    folder = tmp_path / "run"
    with Started("run", "--out", folder, *SOME) as run:
        maps = Path(f"/proc/{run.process.pid}/maps")
        until(lambda: "cryptography" in maps.read_text(), "our imports to begin")
        time.sleep(after)  # noqa: TID251  # any moment will do
        run.signal(signal.SIGINT)
        status, out, err = run.end(20)
    assert (status, out) == (3, "")
    assert "Traceback" not in err
    assert left_behind(docker_client, run.process.pid, "ipsec-interop.pid") == 0


def test_a_termination_leaves_nothing_either(under_way, docker_client):
    run, folder, identifier = under_way
    run.signal(signal.SIGTERM)
    status, out, err = run.end(20)
    assert (status, out) == (128 + signal.SIGTERM, "")
    assert "Traceback" not in err
    assert left_behind(docker_client, identifier) == 0
    assert_readable(folder)


def test_what_a_killed_run_left_is_gone_after_the_next(under_way, docker_client, tmp_path):
    run, folder, identifier = under_way
    run.signal(signal.SIGKILL)
    assert run.end(20)[0] == -signal.SIGKILL
    assert left_behind(docker_client, identifier) >= 3
    matrix = assert_readable(folder)
    assert matrix["run"]["complete"] is False
    done = interop("run", "--out", tmp_path / "next", *ONE)
    assert done.returncode == 0, done.stderr
    assert left_behind(docker_client, identifier) == 0


def test_two_runs_at_once_do_not_disturb_each_other(docker_client, tmp_path):
    folders = [tmp_path / name for name in ("a", "b")]
    some = ("--peer", "strongswan-6.1", "--scenario", "hybrid/*")
    with Started("run", "--out", folders[0], *some) as first, Started("run", "--out", folders[1], *some) as second:
        ended = [run.end(60) for run in (first, second)]
    assert [status for status, _, _ in ended] == [0, 0], ended
    verdicts = []
    for folder in folders:
        assert left_behind(docker_client, lines(folder, "header")[0]["id"]) == 0
        cells = json.loads((folder / "matrix.json").read_text())["cells"]
        verdicts.append({cell["case"]: (cell["verdict"], cell["outcome"], len(cell["attempts"])) for cell in cells})
    assert verdicts[0] == verdicts[1]
    assert set(verdicts[0].values()) == {("PASS", "HYBRID", 1)}


def concluded(folder: Path) -> dict[str, list]:
    """Of each case: verdict, outcome, and who broke what."""
    cells = json.loads((folder / "matrix.json").read_text())["cells"]
    findings = {cell["case"]: sorted((f["party"], f["requirement"]) for f in cell["findings"]) for cell in cells}
    return {cell["case"]: [cell["verdict"], cell["outcome"], findings[cell["case"]]] for cell in cells}


@pytest.fixture(scope="module")
def unbroken(docker_client, tmp_path_factory):
    folder = tmp_path_factory.mktemp("unbroken") / "run"
    assert interop("run", "--out", folder, *SOME, timeout=300).returncode == 0
    return concluded(folder)


@pytest.mark.parametrize("count", [0, 9])
def test_a_killed_run_is_finished_and_equals_an_unbroken_one(docker_client, tmp_path, unbroken, count):
    folder = tmp_path / "run"
    with Started("run", "--out", folder, *SOME) as run:
        until(lambda: lines(folder, "header") and len(played(folder)) >= count, f"{count} cases to end", 120)
        run.signal(signal.SIGSTOP)
        told = {case["case"]: case for case in lines(folder, "case")}
        playing = interop("run", "--resume", folder)
        assert (playing.returncode, playing.stdout) == (2, "")
        assert "this run is still being played" in playing.stderr
        run.signal(signal.SIGKILL)
        run.end()
    verified = interop("verify", folder)
    assert verified.returncode == 3
    assert "did not reach its end" in verified.stderr
    done = interop("run", "--resume", folder, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert concluded(folder) == unbroken
    kept = {case["case"]: case for case in lines(folder, "case") if case["case"] in told}
    assert kept == told
    again = interop("run", "--resume", folder)
    assert again.returncode == 2
    assert "is complete: there is nothing to finish" in again.stderr
