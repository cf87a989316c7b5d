"""Both halves of a case fit each other, and nothing of one case is shared with another."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from harness.json_codec import from_json, to_json
from harness.lab.driver import DaemonSettings
from harness.policy.deviation import Deviation
from harness.policy.role import Role
from harness.run.configure import connection, daemon_settings, job, make_ends
from harness.run.plan import Selection, make_plan
from harness.transport.job import Job
from harness.transport.setting import configuration


def one(inputs, scenario, role, peer="strongswan-6.1"):
    [case] = make_plan(inputs, Selection((scenario,), (peer,), (role,)))
    return case


@pytest.fixture(params=["initiator", "responder"])
def role(request):
    return request.param


ENGINE, PEER = "192.0.2.2", "192.0.2.1"


def ends(case, number=7):
    return make_ends(case, number, *((ENGINE, PEER) if case.engine is Role.INITIATOR else (PEER, ENGINE)))


def halves(case, number=7):
    both = ends(case, number)
    return connection(case, both, case.engine.other, case.peers[0]), job(case, both)


def settings(case):
    return daemon_settings(case, case.peers[0])


def test_the_two_halves_mirror_each_other(inputs, role):
    case = one(inputs, "hybrid/x25519-mlkem768", role)
    half, task = halves(case)
    assert half.name == task.case
    assert (half.local_address, half.remote_address) == (task.peer_address, task.address)
    assert (half.local_identity, half.remote_identity) == (task.peer_identity, task.identity)
    assert (half.local_inner, half.remote_inner) == (task.peer_inner_address, task.inner_address)
    assert half.psk_hex == task.psk.hex()
    assert (half.role, task.role) == (Role.RESPONDER, Role.INITIATOR)[:: 1 if role == "initiator" else -1]
    assert (half.policy, task.policy) == (case.expectation.of(case.engine.other), case.expectation.of(case.engine))


def test_both_sides_are_told_the_identity_that_a_product_cannot_change(inputs, role):
    case = one(inputs, "hybrid/x25519-mlkem768", role)
    [peer] = case.peers
    fixed = replace(peer, capabilities=replace(peer.capabilities, identity="acme-2"))
    half, task = halves(replace(case, **{case.engine.other.value: fixed}))
    assert half.local_identity == task.peer_identity == "acme-2"
    assert half.remote_identity == task.identity != "acme-2"


def test_two_cases_share_neither_name_nor_address_nor_identity_nor_key(inputs, role):
    case = one(inputs, "hybrid/x25519-mlkem768", role)
    first, second = halves(case, 7)[1], halves(case, 8)[1]
    for name in ("case", "identity", "peer_identity", "inner_address", "psk"):
        assert getattr(first, name) != getattr(second, name)


def test_inner_addresses_stay_apart_over_thousands_of_cases(inputs):
    case = one(inputs, "classical/x25519", "initiator")
    inner = {job(case, ends(case, number)).inner_address for number in range(1, 3000)}
    assert len(inner) == 2999


def test_a_key_never_prints(inputs, role):
    case = one(inputs, "classical/x25519", role)
    both, (half, task) = ends(case), halves(case)
    for thing in (both, half, task):
        for key in (both.initiator.proof.octets, bytes.fromhex(half.psk_hex), task.psk):
            assert key.decode() not in repr(thing)


def test_only_the_wrong_psk_scenario_gives_the_sides_different_keys(inputs, role):
    half, task = halves(one(inputs, "authentication/wrong-psk", role))
    assert half.psk_hex != task.psk.hex()
    half, task = halves(one(inputs, "classical/x25519", role))
    assert half.psk_hex == task.psk.hex()


def test_a_profile_brings_its_fragment_size_unless_the_scenario_tests_one(inputs):
    case = one(inputs, "hybrid/x25519-mlkem768", "responder")
    tested = one(inputs, "fragmentation/mlkem1024-at-576", "responder")
    emulated = next(peer for peer in inputs.peers.values() if peer.profile)
    emulated = replace(emulated, profile=replace(emulated.profile, fragment_size=1200))
    assert daemon_settings(case, case.peers[0]) == DaemonSettings()
    assert daemon_settings(case, emulated).fragment_size == 1200
    assert daemon_settings(tested, emulated).fragment_size == 576


def test_the_responder_demands_the_cookie(inputs):
    ours, theirs = (one(inputs, "denial-of-service/cookie", role) for role in ("responder", "initiator"))
    assert settings(theirs).cookie_threshold == 1
    assert settings(ours).cookie_threshold is None
    assert (halves(theirs)[1].require_cookie, halves(theirs)[1].half_open) == (False, 5)
    assert (halves(ours)[1].require_cookie, halves(ours)[1].half_open) == (True, 0)


def test_both_sides_fragment_at_what_the_scenario_says(inputs, role):
    case = one(inputs, "fragmentation/mlkem1024-at-576", role)
    half, task = halves(case)
    assert settings(case).fragment_size == half.fragment_size == task.fragment_octets == 576
    assert halves(one(inputs, "classical/x25519", role))[1].fragment_octets == 1280


def test_the_engine_deviates_and_listens_on_where_a_peer_owes_no_word(inputs, role):
    task = halves(one(inputs, "intermediate/int-auth-wrong", role))[1]
    assert task.deviation is Deviation.INT_AUTH_WRONG
    assert task.listen_on == (role == "responder")
    control = halves(one(inputs, "errors/unknown-payload-everywhere", role))[1]
    assert (control.deviation, control.listen_on) == (Deviation.UNKNOWN_PAYLOAD_EVERYWHERE, False)
    plain = halves(one(inputs, "classical/x25519", role))[1]
    assert (plain.deviation, plain.listen_on) == (None, False)


def test_a_job_with_a_deviation_survives_the_way_to_the_worker(inputs):
    task = halves(one(inputs, "intermediate/int-auth-wrong", "responder"))[1]
    assert from_json(Job, json.loads(json.dumps(to_json(task)))) == task
    assert configuration(task).deviation is Deviation.INT_AUTH_WRONG
