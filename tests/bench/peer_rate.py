"""Handshakes per second against one warm strongSwan 6.1: hybrid and classical, one after another from one address."""

from __future__ import annotations

import json
import secrets

from harness.json_codec import to_json
from harness.lab.laboratory import Lab, project_root
from harness.lab.tester import HOME
from harness.policy.role import Role
from harness.run.configure import connection, daemon_settings, job, make_ends
from harness.run.inputs import load_inputs
from harness.run.plan import Selection, make_plan

_PEER = "strongswan-6.1"
_SCENARIOS = ("classical/ecp384", "hybrid/x25519-mlkem768")
_JOB = f"{HOME}/rate.json"


def measure(count: int = 200) -> dict[str, dict[str, float]]:
    """By scenario: handshakes, seconds, seconds of the engine's processor time, and handshakes per second.

    Raises:
        DockerUnavailable: no engine answers.
        LabError: the lab or the peer broke.
    """
    inputs = load_inputs(project_root())
    cases = make_plan(inputs, Selection(_SCENARIOS, (_PEER,), (Role.INITIATOR.value,)))
    results = {}
    with Lab(f"bench-{secrets.token_hex(2)}") as lab:
        lab.prepare([inputs.peers[_PEER]])
        for number, case in enumerate(cases, start=1):
            [peer] = case.peers
            with lab.lease(peer, daemon_settings(case, peer)) as running, lab.case_address() as address:
                ends = make_ends(case, number, address, running.address)
                half = connection(case, ends, Role.RESPONDER, peer)
                running.driver.load(half)
                task = job(case, ends)
                lab.tester.container.put({_JOB: json.dumps(to_json(task)).encode()})
                results[case.scenario.id] = _measure(lab, count)
                running.driver.unload(half.name)
    return results


def _measure(lab: Lab, count: int) -> dict[str, float]:
    command = f"cd {HOME} && python3 -m harness.transport.rate {count} < {_JOB}"
    status, output = lab.tester.container.run(["sh", "-c", command])
    if status:
        raise RuntimeError(f"the measurement failed: {output[-500:]}")
    measured: dict[str, float] = json.loads(output)
    return measured | {"per_second": measured["handshakes"] / measured["seconds"]}


if __name__ == "__main__":
    print(json.dumps(measure(), indent=2))
