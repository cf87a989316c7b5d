"""A peer that runs wild harms neither the host nor its neighbours, and does not reach the host at all."""

from __future__ import annotations

import os
import re
import secrets
import socket
import threading
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from docker.models.networks import Network

from harness.border import limits
from harness.lab import running_peer
from harness.lab.docker import container_limits
from harness.lab.docker.network import gateway_of
from harness.lab.errors import TooMuchSaid
from harness.lab.hosts.container import ContainerSpec, LabContainer
from harness.lab.waiting import wait_until

pytestmark = pytest.mark.lab


@pytest.fixture
def started(lab, docker_client):
    """Starts containers as peers are started, from the tester's image, which has Python."""
    made = []

    def start(*command: str, network: Network | None = None) -> LabContainer:
        spec = ContainerSpec(
            f"ipsec-interop-{lab.run}-wild-{secrets.token_hex(4)}", lab.tester.container.image_id,
            network or lab._network, lab._labels, (*running_peer.CAPABILITIES, "NET_RAW"), container_limits.PEER,
            command=command, init=True,
            sysctls=running_peer._IPV6_SYSCTLS,
        )  # fmt: skip
        made.append(LabContainer(docker_client, spec))
        return made[-1]

    yield start
    for container in made:
        container.remove()


@contextmanager
def listening():
    """Services of the host at all its addresses: (ports of TCP over IPv4, over IPv6, of UDP; what reached them)."""
    sockets = [
        socket.create_server(("", 0)),
        socket.create_server(("::", 0), family=socket.AF_INET6),
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM),
    ]
    sockets[2].bind(("", 0))
    reached: list[object] = []
    ended = threading.Event()

    def serve(each: socket.socket) -> None:
        each.settimeout(0.1)
        while not ended.is_set():
            with suppress(TimeoutError):
                reached.append(each.accept()[1] if each.type == socket.SOCK_STREAM else each.recvfrom(100)[1])

    threads = [threading.Thread(target=serve, args=(each,)) for each in sockets]
    for thread in threads:
        thread.start()
    try:
        yield [each.getsockname()[1] for each in sockets], reached
    finally:
        ended.set()
        for thread in threads:
            thread.join()
        for each in sockets:
            each.close()


REACH = """
import errno, socket, sys, time
addresses, (tcp4, tcp6, udp) = sys.argv[1].split(), map(int, sys.argv[2:5])
end = time.monotonic() + 5
for address in addresses:
    version6 = ":" in address
    where = (address, tcp6, 0, socket.if_nametoindex("eth0")) if version6 else (address, tcp4)
    while True:
        with socket.socket(socket.AF_INET6 if version6 else socket.AF_INET) as stream:
            stream.settimeout(1.5)
            failed = stream.connect_ex(where)
        if failed != errno.EADDRNOTAVAIL or time.monotonic() > end:  # its own address may be tentative still
            break
    print(address, "reached" if not failed else errno.errorcode[failed])
    if not version6:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagram:
            try:
                datagram.sendto(b"x", (address, udp))
            except OSError:
                pass
"""


def told(container: LabContainer, network: Network, address: str = "172.17.0.1") -> tuple[dict[str, str], list[object]]:
    """What the container makes of a service at each address of the host's, and who reached one."""
    mac = (Path("/sys/class/net") / bridge_of(network) / "address").read_text().strip()
    addresses = [gateway_of(network), address, "fe80::" + _modified_eui64(mac)]
    container.run(["ip", "route", "replace", f"{address}/32", "dev", "eth0"])
    with listening() as (ports, reached):
        status, said = container.run(["python3", "-c", REACH, " ".join(addresses), *map(str, ports)])
    assert status == 0, said
    return dict(line.split() for line in said.splitlines()), reached


def bridge_of(network: Network) -> str:
    bridge = f"br-{str(network.id)[:12]}"
    if not (Path("/sys/class/net") / bridge).exists():
        pytest.skip("the engine is on another machine")
    return bridge


def test_no_service_of_the_host_is_reached(lab, started):
    """Neither at the gateway's address, nor at another one of the host's with a route over the run's bridge."""
    outcomes, reached = told(started("sleep", "60"), lab._network)
    gateway, other, link_local = outcomes.values()
    assert gateway == "ECONNREFUSED"  # the tester has this address
    assert other in ("EAGAIN", "EHOSTUNREACH", "ETIMEDOUT")
    if os.geteuid() == 0:  # else this user may not close the bridge for IPv6, as doctor says
        assert link_local in ("EAGAIN", "EHOSTUNREACH", "ETIMEDOUT")
        assert reached == []


def test_it_would_be_reached_over_an_internal_network_as_it_comes(lab, started, docker_client):
    """That the test above can fail."""
    network = docker_client.networks.create(f"ipsec-interop-{lab.run}-open", internal=True, labels=dict(lab._labels))
    network.reload()
    try:
        container = started("sleep", "60", network=network)
        outcomes, reached = told(container, network)
        assert set(outcomes.values()) == {"reached"}
        assert len(reached) == 5  # three connections, two datagrams
        container.remove()
    finally:
        network.remove()


def _modified_eui64(mac: str) -> str:
    octets = bytearray.fromhex(mac.replace(":", ""))
    octets[0] ^= 2
    eui = bytes(octets[:3]) + b"\xff\xfe" + bytes(octets[3:])
    return ":".join(eui[i : i + 2].hex() for i in range(0, 8, 2))


def test_containers_of_a_run_reach_each_other(started):
    one, other = started("sleep", "60"), started("sleep", "60")
    status, said = one.run(["ping", "-c", "1", "-W", "2", other.address])
    assert status == 0, said


def test_what_goes_to_the_gateway_ends_at_the_tester(lab, started):
    """The default route leads there, so that what a peer sends in the clear is sent, and can be seen."""
    container = started("sleep", "60")
    assert f"default via {gateway_of(lab._network)} " in container.run(["ip", "route"])[1]
    status, said = container.run(["ping", "-c", "1", "-W", "2", gateway_of(lab._network)])
    assert status == 0, said
    status, said = container.run(["ping", "-c", "1", "-W", "1", "192.0.2.200"])
    assert status == 1 and "Unreachable" not in said, said
    _, neighbours = container.run(["ip", "neigh", "show", gateway_of(lab._network)])
    _, link = lab.tester.container.run(["cat", "/sys/class/net/eth0/address"])
    assert link.strip() in neighbours


def test_a_container_that_takes_all_memory_is_ended_and_says_so(started):
    container = started("python3", "-c", "x = bytearray(700 << 20)")
    wait_until(
        "its end", lambda: None if container.is_running() else True, deadline_s=30, pattern="its end",
        state=container.state,
    )  # fmt: skip
    assert container.state() == "exited (137), out of memory (512 MiB)"


FORKS = """
import os
number = 0
try:
    while number < 2000:
        if not os.fork():
            os.read(os.pipe()[0], 1)
        number += 1
except OSError:
    pass
print(number, flush=True)
os.killpg(0, 9)
"""


def test_a_container_that_forks_without_end_stops_at_its_limit(started):
    container = started("sleep", "60")
    _, said = container.run(["python3", "-c", "import os; os.setsid()\n" + FORKS])
    number = re.search(r"^(\d+)$", said, re.MULTILINE)
    assert number is not None and 100 < int(number[1]) < 256
    status, _ = container.run(["true"])
    assert status == 0


def test_of_a_log_without_end_the_end_is_read(started):
    lines = 40_000
    source = f"import time\nfor number in range({lines}): print(f'{{number:0999d}}')\nprint('the end', flush=True)"
    container = started("sh", "-c", f'python3 -c "{source}"; sleep 60')
    log = wait_until(
        "the end of its log", lambda: text if (text := container.log(1.0)).endswith("the end\n") else None,
        deadline_s=60, pattern="the end", state=container.state, interval_s=0.5,
    )  # fmt: skip
    first, *rest = log.splitlines()
    assert first.startswith("(ipsec-interop: ") and first.endswith(" octets are left out here)")
    assert [int(line) for line in rest[:-1]] == list(range(lines - len(rest) + 1, lines))
    assert len(log) < limits.LOG_OCTETS + 200_000


def test_a_program_that_prints_without_end_is_not_taken_at_its_word(started):
    container = started("sleep", "60")
    with pytest.raises(TooMuchSaid, match="yes: it prints more than"):
        container.run(["yes", "x" * 1000])
    assert container.run(["echo", "well"]) == (0, "well\n")


def test_every_container_has_its_limits(lab, peers, docker_client):
    running = lab.peer(peers["strongswan-6.1"])
    for container, allowed in (
        (running.container, container_limits.PEER), (lab.tester.container, container_limits.TESTER),
        (lab.watcher(running).container, container_limits.WATCHER),
    ):  # fmt: skip
        host = docker_client.containers.get(container.id).attrs["HostConfig"]
        assert host["Memory"] == host["MemorySwap"] == allowed.memory_mebi << 20
        assert (host["PidsLimit"], host["CpuShares"]) == (allowed.processes, allowed.cpu_shares)
        assert host["LogConfig"] == {"Type": "json-file", "Config": {"max-size": "16m", "max-file": "2"}}
        assert {(each["Name"], each["Hard"]) for each in host["Ulimits"]} == {
            ("core", 0),
            ("nofile", allowed.open_files),
        }
