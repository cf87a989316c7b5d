"""What the lab starts, with which privileges, and that nothing stays behind."""

import os
import signal
import subprocess
import sys
from dataclasses import replace

import pytest

from harness.lab.docker.cleanup import reap
from harness.lab.docker.ownership import this_process
from harness.lab.driver import DaemonSettings
from harness.lab.errors import ImageBuildFailed, LabError, WorkerLost, WrongVersion
from harness.lab.laboratory import Lab, project_root
from harness.transport.messages import Failure

pytestmark = pytest.mark.lab

HOLD = """
import sys, threading
from harness.lab.laboratory import Lab, project_root
from harness.scenario.peer_file import load_peers
peer = load_peers(project_root() / "peers")["strongswan-6.1"]
with Lab(sys.argv[1]) as lab:
    lab.prepare([peer])
    lab.peer(peer)
    print("up", flush=True)
    threading.Event().wait(60)
"""


def things_of(client, run):
    label = {"label": f"ipsec-interop.run={run}"}
    return len(client.containers.list(all=True, filters=label)), len(client.networks.list(filters=label))


def held_run(run):
    environment = {**os.environ, "PYTHONPATH": str(project_root())}
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, run], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    )
    assert process.stdout.readline() == "up\n"
    return process


def test_containers_have_the_least_privilege(lab, peers, docker_client):
    running = lab.peer(peers["strongswan-6.1"])
    for container, capabilities in (
        (running.container, {"NET_ADMIN", "NET_BIND_SERVICE"}),
        (lab.tester.container, {"NET_ADMIN", "NET_BIND_SERVICE", "NET_RAW"}),
    ):
        host = docker_client.containers.get(container.id).attrs["HostConfig"]
        assert host["Privileged"] is False
        assert host["CapDrop"] == ["ALL"]
        assert {name.removeprefix("CAP_") for name in host["CapAdd"]} == capabilities
        assert host["SecurityOpt"] == ["no-new-privileges:true"]
        assert [device["PathOnHost"] for device in host["Devices"]] == ["/dev/net/tun"]
        assert not host["Binds"]


def test_the_network_has_no_way_out(lab, docker_client):
    [network] = docker_client.networks.list(filters={"label": f"ipsec-interop.run={lab.run}"})
    assert network.attrs["Internal"] is True
    assert network.attrs["Options"]["com.docker.network.driver.mtu"] == "1500"
    assert "mtu 1500" in lab.tester.container.run(["ip", "link", "show", "eth0"])[1]


def test_peers_stay_warm_per_daemon_settings(lab, peers):
    plain = lab.peer(peers["strongswan-6.1"])
    assert lab.peer(peers["strongswan-6.1"], DaemonSettings()) is plain
    assert lab.peer(peers["strongswan-6.1"], DaemonSettings(cookie_threshold=1)) is not plain
    assert plain.version.startswith("6.1")
    assert plain.files["/etc/strongswan.conf"] in plain.container.run(["cat", "/etc/strongswan.conf"])[1]


def test_a_recycled_peer_goes_when_its_last_user_has_left(pairs, lab, peers, docker_client):
    settings = DaemonSettings(fragment_size=700)
    peer = peers["strongswan-6.1"]
    with lab.lease(peer, settings) as first, lab.lease(peer, settings) as neighbour:
        assert neighbour is first
        lab.recycle(first)
        with lab.lease(peer, settings) as fresh:
            assert fresh is not first
            assert first.driver.alive()
            with pairs.joined(first, fresh, pairs.CLASSICAL) as pair:
                assert pair.connect() == ""
    assert first.container.state() == "removed"
    assert fresh.driver.alive()
    lab.recycle(fresh)
    assert fresh.container.state() == "removed"


def test_a_daemon_that_died_is_replaced_and_says_so_before(lab, peers, docker_client):
    settings = DaemonSettings(fragment_size=800)
    dying = lab.peer(peers["strongswan-6.1"], settings)
    docker_client.containers.get(dying.container.id).kill()
    assert not dying.driver.alive()
    fresh = lab.peer(peers["strongswan-6.1"], settings)
    assert fresh is not dying
    assert fresh.driver.alive()


def test_a_daemon_of_another_version_is_refused(lab, peers):
    impostor = replace(peers["strongswan-6.1"], name="strongswan-7.0", version="7.0")
    with Lab(
        f"{lab.run}-b", images={"strongswan-7.0": lab.peer(peers["strongswan-6.1"]).container.spec.image}
    ) as other:
        other.prepare([impostor])
        with pytest.raises(WrongVersion, match=r"strongswan-7\.0: the daemon in image .* reports 6\.1\.\d+, not 7\.0"):
            other.peer(impostor)


def test_an_image_that_a_user_names_must_be_there(lab, peers):
    refusal = pytest.raises(LabError, match="'nobody/nothing:1' is not on this engine")
    with Lab(f"{lab.run}-c", images={"strongswan-6.1": "nobody/nothing:1"}) as other, refusal:
        other.prepare([peers["strongswan-6.1"]])


def test_a_failing_build_shows_the_step_and_its_last_lines(lab, peers, tmp_path, docker_client):
    (tmp_path / "Dockerfile").write_text("ARG BASE\nFROM ${BASE}\nRUN seq 1 30; echo broken tool >&2; exit 7\n")
    broken = replace(peers["strongswan-6.1"], name="broken", folder=tmp_path)
    with pytest.raises(ImageBuildFailed) as caught:
        lab.prepare([broken])
    assert "RUN seq 1 30" in str(caught.value)
    assert "returned a non-zero code: 7" in str(caught.value)
    assert "broken tool" in caught.value.tail
    assert len(caught.value.tail.splitlines()) <= 15
    commands = [each.attrs["Config"]["Cmd"] for each in docker_client.containers.list(all=True, ignore_removed=True)]
    assert not any("broken tool" in " ".join(command or ()) for command in commands)


def test_a_sigterm_removes_everything(lab, docker_client):
    run = f"{lab.run}-term"
    process = held_run(run)
    assert things_of(docker_client, run) == (2, 1)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)
    assert process.returncode == 128 + signal.SIGTERM
    assert things_of(docker_client, run) == (0, 0)


def test_an_interrupt_removes_everything(lab, docker_client):
    run = f"{lab.run}-int"
    process = held_run(run)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert things_of(docker_client, run) == (0, 0)


def test_a_killed_run_is_reaped_and_a_live_one_is_not(lab, docker_client):
    run = f"{lab.run}-kill"
    process = held_run(run)
    reap(docker_client, this_process())
    assert things_of(docker_client, run) == (2, 1)
    process.kill()
    process.communicate(timeout=30)
    assert things_of(docker_client, run) == (2, 1)
    reap(docker_client, this_process())
    assert things_of(docker_client, run) == (0, 0)
    assert lab.tester.container.is_running()


def test_a_worker_in_the_tester_answers_and_its_death_is_told(lab):
    source = (
        "import sys\nfor line in sys.stdin:\n  print(line, end='', flush=True)\n  'die' in line and sys.exit('died')"
    )
    channel = lab.tester.open_worker(["python3", "-c", source])
    inbox = channel.open_case("a")
    large = "x" * 300_000
    for number in range(20):
        channel.send("a", Failure(f"{number} {large}"))
        assert inbox.get(10) == Failure(f"{number} {large}")
    channel.send("a", Failure("die"))
    assert inbox.get(10) == Failure("die")
    with pytest.raises(WorkerLost, match="status 1: died"):
        inbox.get(10)


def test_the_tester_has_the_workers_packages_and_the_current_harness(lab):
    check = "import cryptography, scapy.all, harness.registry; print(harness.__file__)"
    status, output = lab.tester.container.run(["python3", "-c", check])
    assert (status, output.strip().splitlines()[-1]) == (0, "/opt/ipsec-interop/harness/__init__.py")


def test_case_addresses_are_on_the_testers_interface(lab):
    with lab.case_address() as address:
        assert f"inet {address}/32" in lab.tester.container.run(["ip", "address", "show", "eth0"])[1]
