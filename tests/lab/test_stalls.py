"""Runner and worker stand still for 25 s amid cases, longer than a case leaves its peer: nobody is blamed."""

from __future__ import annotations

import json
import os
import signal
import threading

import pytest
from command import Started, lines, played, until

_STILL_S = 25.0
_SCENARIOS = ("classical/*", "hybrid/*", "lifecycle/*", "multiple-ke/[!u]*")


def process_of_the_runner(started, _client, _folder):
    return [started.process.pid]


def processes_of_the_worker(_started, client, folder):
    [header] = lines(folder, "header")
    [tester] = client.containers.list(filters={"name": f"ipsec-interop-{header['id']}-tester"})
    rows = tester.top()["Processes"]
    return [int(row[1]) for row in rows if "harness.transport.worker" in row[-1]]


@pytest.mark.parametrize("who", [process_of_the_runner, processes_of_the_worker])
def test_a_stall_of_ours_is_no_peers_fail(who, docker_client, tmp_path):
    folder = tmp_path / "run"
    selection = ["--peer", "strongswan-6.1", *(option for name in _SCENARIOS for option in ("--scenario", name))]
    with Started("run", *selection, "--jobs", "6", "--out", folder) as started:
        until(lambda: len(played(folder)) >= 3, "three cases", 120)
        stopped = who(started, docker_client, folder)
        assert stopped
        for process in stopped:
            os.kill(process, signal.SIGSTOP)
        try:
            threading.Event().wait(_STILL_S)
        finally:
            for process in stopped:
                os.kill(process, signal.SIGCONT)
        status, _, _ = started.end(240)
    cases = json.loads((folder / "matrix.json").read_text())["cells"]
    verdicts = {attempt["verdict"] for cell in cases for attempt in cell["attempts"]}
    assert verdicts <= {"PASS", "UNSUPPORTED", "SKIPPED", "ERROR"}
    stalled = [cell for cell in cases if cell["verdict"] == "ERROR"]
    for cell in stalled:
        assert "stood still for" in cell["reason"]
        assert cell["attempts"][-1]["verdict"] in ("PASS", "UNSUPPORTED")
    assert status == (3 if stalled else 0)
    assert list(folder.glob("cases/**/disturbances.json"))
