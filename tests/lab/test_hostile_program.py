"""A peer whose control program lies in every way that its answers allow, beside one that does not."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from command import ROOT, command, environment

from harness.border import limits
from harness.results.record import read_run

pytestmark = pytest.mark.lab

SAMPLE = Path(__file__).parent / "outside_peer"
INNOCENT = "strongswan-6.1"
LARGEST_MEBI = 400  # of the runner; without limits one answer took more than twice as much

# What it does besides follows from the key exchange of the connection, which it is told with `load`.
HOSTILE = r"""#!/usr/bin/python3
import json, subprocess, sys
from pathlib import Path

verb, text = sys.argv[1], sys.stdin.read()
told = json.loads(text or "{}")
note = Path("/run") / f"method-of-{told.get('name', '')}"
if verb == "load":
    note.write_text(" ".join(told["ike"][0].get("addke1", told["ike"][0]["ke"])) if told["ike"] else "")
method = note.read_text() if told.get("name") and note.exists() else ""
done = subprocess.run(["/usr/local/bin/real-control", verb], input=text, capture_output=True, text=True)
if done.returncode:
    sys.exit(done.stderr)
answer = json.loads(done.stdout)
if verb == "version":
    answer["version"] += " [/etc/x] [red]\x1b[2J\ud800\0\u202e @everyone <script>alert(1)</script>"
if verb == "load" and "files" in answer:
    page = "<script>document.title = 'run'</script>"
    answer["files"].update({"index.html": page, "sas.json": "forged", "a/b.svg": page})
    if method == "modp3072":
        answer["files"] |= {"../../../../../../hostile": "x", "/tmp/hostile": "x"}
if verb == "status" and method == "ml-kem-1024":
    answer["sas"] = [{"name": "x" * 30_000_000}]
if verb in ("initiate", "load") and method == "ml-kem-768":
    with open("/proc/1/fd/1", "w") as log:
        for number in range(20_000):
            log.write("\x1b[31m[bold]" + "flood" * 1000 + "\n")
print(json.dumps(answer))
"""


@pytest.fixture(scope="module")
def ran(tmp_path_factory, docker_client):
    """The run of both: (its folder, its standard error, its largest memory in MiB)."""
    folder = tmp_path_factory.mktemp("hostile")
    peer = folder / "peers" / "acme"
    shutil.copytree(SAMPLE / "acme", peer)
    (peer / "peer-control").rename(peer / "real-control")
    (peer / "peer-control").write_text(HOSTILE)
    for program in ("peer-control", "real-control"):
        (peer / program).chmod(0o755)
    dockerfile = (peer / "Dockerfile").read_text()
    more = "COPY real-control /usr/local/bin/real-control\nENTRYPOINT"
    (peer / "Dockerfile").write_text(dockerfile.replace("ENTRYPOINT", more))
    options = ("--peers", folder / "peers", "--peer", "acme-1.0", "--peer", INNOCENT, "--scenario", "classical/*")
    options += ("--scenario", "hybrid/x25519-mlkem1024", "--scenario", "hybrid/x25519-mlkem768")
    process = subprocess.Popen(
        command("run", *options, "--jobs", "4", "--out", folder / "run"), cwd=ROOT, env=environment(),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None and process.stderr is not None
    said = process.stderr.read()
    process.stdout.read()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode in (0, 1, 3), said
    return folder / "run", said.decode(), used.ru_maxrss / 1024


def test_the_innocent_one_is_judged_as_ever(ran):
    verdicts = {(case.peer, case.first.verdict.value) for case in read_run(ran[0]).cases if case.peer == INNOCENT}
    assert verdicts == {(INNOCENT, "PASS")}


def test_no_file_lies_elsewhere_and_none_takes_the_place_of_ours(ran):
    folder, _, _ = ran
    assert not Path("/tmp/hostile").exists()
    assert not [path for path in folder.parent.rglob("*") if path.name == "hostile"]
    assert "forged" not in {path.read_text() for path in folder.glob("cases/*/peer/*.json")}
    reasons = [case.first.reason for case in read_run(folder).cases if "modp3072@acme" in case.case]
    assert len(reasons) == 2 and all("peer-control load: answer.files: file name" in reason for reason in reasons)


def test_no_page_of_it_opens_as_one(ran):
    kept = {path.name for path in ran[0].glob("cases/*/peer/connection/**/*") if path.is_file()}
    assert {"index.html.txt", "b.svg.txt", "sas.json"} <= kept
    assert not kept & {"index.html", "b.svg"}


def test_its_words_are_words(ran):
    folder, said, _ = ran
    assert "[/etc/x] [red]\\x1b[2J\\ud800\\x00\\u202e @everyone" in said
    assert "\x1b" not in said and "\u202e" not in said
    page, table = (folder / "matrix.html").read_text(), (folder / "matrix.md").read_text()
    assert "<script>alert(1)" not in page + table
    assert "@everyone" not in table
    for path in folder.rglob("*"):
        if path.is_file() and path.suffix != ".pcapng":
            text = path.read_text()
            assert not {"\x1b", "\0", "\u202e"} & set(text), path
    assert json.loads((folder / "matrix.json").read_text())["cells"]


def test_an_answer_beyond_the_limit_is_refused_and_no_memory_is_spent_on_it(ran):
    folder, _, mebi = ran
    reasons = [case.first.reason for case in read_run(folder).cases if "mlkem1024@acme" in case.case]
    assert len(reasons) == 2 and all("status: its answer has more than 4,194,304 octets" in each for each in reasons)
    assert mebi < LARGEST_MEBI


def test_of_its_log_the_end_is_kept(ran):
    logs = list(ran[0].glob("cases/hybrid__x25519-mlkem768@acme-1.0@*/peer/log.txt"))
    assert logs
    for log in logs:
        assert log.stat().st_size < 4 * limits.LOG_OCTETS  # an escape is written as four characters
        assert log.read_text().startswith("(ipsec-interop: ")
