"""Our engine misbehaves by name, and real daemons notice: through the command line, judged twice."""

from __future__ import annotations

import json

import pytest
from command import interop

from harness.policy.deviation import Deviation

PEER = "strongswan-6.1"
SCENARIOS = (
    "errors/*",
    "intermediate/*",
    "multiple-ke/encapsulation-key-*",
    "multiple-ke/ciphertext-*",
    "pq-only/*-key-*",
)


@pytest.fixture(scope="module")
def run(docker_client, tmp_path_factory):
    del docker_client  # skips where Docker does not run
    folder = tmp_path_factory.mktemp("deviations") / "run"
    scenarios = [option for name in SCENARIOS for option in ("--scenario", name)]
    done = interop("run", "--out", folder, "--peer", PEER, *scenarios)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="module")
def cells(run):
    return {cell["case"]: cell for cell in json.loads((run / "matrix.json").read_text())["cells"]}


def cell_of(cells, scenario: str, role: str):
    return cells[f"{scenario}@{PEER}@{role}"]


def test_every_cell_names_its_deviation(cells):
    assert {cell["deviation"] for cell in cells.values()} <= {each.value for each in Deviation}
    known = ("errors/critical-payload-in-ike-auth@", "intermediate/critical-payload@")
    assert {cell["verdict"] for case, cell in cells.items() if not case.startswith(known)} == {"PASS", "SKIPPED"}


def test_a_critical_payload_is_refused(cells):
    cell = cell_of(cells, "errors/critical-payload-in-ike-sa-init", "initiator")
    assert (cell["outcome"], cell["findings"]) == ("REFUSED", [])
    assert cell["deviation"] == "critical-payload-in-ike-sa-init"


def test_after_a_move_to_port_4500_the_refusal_comes_from_port_500(cells):
    """As is known of it: the right error, to a port that no NAT would let it through (RFC 7296 section 2.11)."""
    cell = cell_of(cells, "errors/critical-payload-in-ike-auth", "initiator")
    assert (cell["outcome"], cell["verdict"]) == ("REFUSED", "FAIL")
    assert [each["requirement"] for each in cell["findings"]] == ["B38"]


@pytest.mark.parametrize("role", ["initiator", "responder"])
def test_one_that_is_not_critical_is_skipped_over(cells, role):
    assert cell_of(cells, "errors/unknown-payload-everywhere", role)["outcome"] == "CLASSICAL"


@pytest.mark.parametrize("topic", ["multiple-ke", "pq-only"])
@pytest.mark.parametrize("what", ["short", "long", "overflow"])
def test_a_bad_key_is_refused_by_another_error_than_the_fitting_one(cells, topic, what):
    """M07 is a SHOULD: the cell passes, and carries the finding."""
    cell = cell_of(cells, f"{topic}/encapsulation-key-{what}", "initiator")
    assert cell["outcome"] == "REFUSED"
    assert [(each["requirement"], each["severity"]) for each in cell["findings"]] == [("M07", "should")]


@pytest.mark.parametrize("what", ["wrong", "left-out"])
@pytest.mark.parametrize("role", ["initiator", "responder"])
def test_an_int_auth_that_does_not_fit_is_noticed(cells, what, role):
    assert cell_of(cells, f"intermediate/int-auth-{what}", role)["outcome"] == "REFUSED"


def test_an_altered_ciphertext_leaves_no_common_keys(cells):
    assert cell_of(cells, "multiple-ke/ciphertext-altered", "responder")["outcome"] == "BROKEN"


def test_the_trace_tells_which_messages_deviate(run, cells):
    folder = run / cell_of(cells, "intermediate/critical-payload", "initiator")["evidence"]
    entries = [json.loads(line) for line in (folder / "trace.jsonl").read_text().splitlines()]
    [told] = [entry["detail"] for entry in entries if entry["event"] == "Deviated"]
    assert told["deviation"] == "critical-payload-in-ike-intermediate"
    assert (told["exchange"], told["message_id"], told["response"]) == ("IKE_INTERMEDIATE", "1", "False")


def test_the_same_is_concluded_from_the_evidence_alone(run):
    done = interop("verify", run)
    assert done.returncode == 0, done.stdout + done.stderr
