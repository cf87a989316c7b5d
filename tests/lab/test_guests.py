"""Peers on a kernel of their own: how soon they are ready, what they hold, and what becomes of a case when one dies."""

from __future__ import annotations

import os
import secrets
import time
from contextlib import suppress
from types import SimpleNamespace

import pytest
from command import ROOT, until
from faults import FaultyLab

from harness.evidence.interruption import Cause
from harness.lab.errors import PeerUnreachable
from harness.lab.laboratory import Lab
from harness.lab.waiting import wait_until
from harness.registry.transforms import TransformType
from harness.results.model import KernelChoice, Verdict
from harness.run.events import CaseFinished
from harness.run.inputs import load_inputs
from harness.run.plan import Selection, make_plan
from harness.run.runner import Runner

pytestmark = pytest.mark.lab

PEER = "libreswan-5.2"
READY_S = 5.0
BOOTS = 3  # the quickest of so many counts: other tests run beside this one
BOUND_MS = 20_000


@pytest.fixture(scope="module")
def guests(docker_client, peers):
    """A lab whose peers have kernels of their own, whatever the host's kernel can do."""
    with Lab(f"test-{os.getpid()}-{secrets.token_hex(2)}", kernel=KernelChoice.OWN) as lab:
        lab.prepare([peers[PEER]])
        yield lab


def test_a_guest_is_ready_within_five_seconds(guests, peers):
    seconds = []
    while not seconds or (min(seconds) > READY_S and len(seconds) < BOOTS):
        began = time.monotonic()
        running = guests.peer(peers[PEER])
        seconds.append(time.monotonic() - began)
        assert running.kernel.startswith("own Linux ")
        guests.recycle(running)
    assert min(seconds) <= READY_S, seconds


def test_what_stands_is_seen_at_product_and_kernel_and_what_was_unloaded_is_gone(guests, peers, pairs):
    first, second = (guests.peer(peers[PEER], copy=copy) for copy in (0, 1))
    with pairs.joined(first, second, pairs.CLASSICAL) as pair:
        assert pair.connect() == ""
        half = SimpleNamespace(name=pair.name, remote_address=second.address, remote_inner=pair.responder_inner)
        standing = first.driver.residue(half)
        assert standing.ike_sas == ("ESTABLISHED",)
        assert len(standing.esp_sas) == 2
        assert {policy.partition(",")[0] for policy in standing.policies} >= {"in", "out"}
        assert standing.resident_octets > 1_000_000
        other = SimpleNamespace(name="case-of-others", remote_address="192.0.2.77", remote_inner="10.100.0.77")
        assert first.driver.residue(other).clean

    def gone():
        return first.driver.residue(half).clean or None

    assert wait_until("the connection", gone, deadline_s=2, pattern="nothing left", state=str)


# As `ip xfrm state add` takes them: the kernel's name, octets of key with salt, bits of the ICV.
CIPHERS = {"aes-{}-cbc": "enc cbc(aes) {}", "aes-{}-gcm-16": "aead rfc4106(gcm(aes)) {}+4 128"}
CIPHERS = {name.format(bits): words.format(bits // 8) for name, words in CIPHERS.items() for bits in (128, 192, 256)}
CIPHERS["chacha20-poly1305"] = "aead rfc7539esp(chacha20,poly1305) 32+4 128"
INTEGRITY = {
    "hmac-sha1-96": "auth hmac(sha1) 20", "hmac-sha2-256-128": "auth hmac(sha256) 32",
    "hmac-sha2-384-192": "auth hmac(sha384) 48", "hmac-sha2-512-256": "auth hmac(sha512) 64",
    "aes-xcbc-96": "auth xcbc(aes) 16",
}  # fmt: skip


def words_of(algorithm):
    kind, name, octets, *icv = algorithm.split()
    return [kind, name, "0x" + "5a" * sum(map(int, octets.split("+"))), *icv]


def test_a_guest_has_every_esp_algorithm_that_a_sheet_names_with_esn_and_without(guests, peers):
    """It loads no module once it has booted: what its init leaves out, no peer on it could use."""
    sheets = [peer.capabilities.esp for peer in peers.values() if peer.esp_implementation == "kernel"]
    ciphers = {each.name(TransformType.ENCR) for sheet in sheets for each in sheet[TransformType.ENCR]}
    integrity = {each.name(TransformType.INTEG) for sheet in sheets for each in sheet[TransformType.INTEG]} - {"none"}
    assert ciphers == CIPHERS.keys() and integrity == INTEGRITY.keys()
    added = [words_of(CIPHERS[name]) for name in ciphers if CIPHERS[name].startswith("aead")]
    plain = [words_of(CIPHERS[name]) for name in ciphers if CIPHERS[name].startswith("enc")]
    added += [[*words_of(INTEGRITY[name]), *cipher] for name in integrity for cipher in plain]
    guest = guests.peer(peers[PEER]).container
    for spi, words in enumerate(added, start=0x1000):
        for flags in ([], ["flag", "esn", "replay-window", "64"]):
            sa = ["src", "192.0.2.1", "dst", "192.0.2.2", "proto", "esp", "spi", str(spi)]
            assert guest.run(["ip", "xfrm", "state", "add", *sa, *flags, *words]) == (0, ""), words
            assert guest.run(["ip", "xfrm", "state", "delete", *sa]) == (0, "")


def kill_daemon(_client, running):
    running.container.run(["sh", "-c", "kill -9 $(pidof pluto)"])


def crash_kernel(_client, running):
    stream = running.container.open(["sh", "-c", "echo c >/proc/sysrq-trigger"])
    wait_until("guest", lambda: "Kernel panic" in running.container.log() or None, deadline_s=5, pattern="", state=str)
    stream.close()


def kill_container(client, running):
    client.containers.get(running.container.name).kill()


DEATHS = {
    "its-daemon": (kill_daemon, "the daemon ended with status 137"),
    "its-kernel": (crash_kernel, "Kernel panic - not syncing: sysrq triggered crash"),
    "its-container": (kill_container, "is exited (137)"),
}


@pytest.mark.parametrize("name", DEATHS)
def test_what_dies_mid_case_is_named_and_the_next_case_gets_a_fresh_peer(guests, docker_client, tmp_path, name):
    kill, words = DEATHS[name]
    inputs, events = load_inputs(ROOT), []
    faulty = FaultyLab(guests, "status", lambda running: kill(docker_client, running))
    cases = make_plan(inputs, Selection(("classical/ecp384",), (PEER,)))
    Runner(faulty, inputs.requirements, tmp_path, events.append, 1, 0).run(cases)
    first, *others = [event.record for event in events if isinstance(event, CaseFinished)]
    assert [attempt.verdict for attempt in first.attempts] == [Verdict.ERROR, Verdict.PASS]
    assert first.first.reason.startswith(f"{PEER}: its daemon ended during the case; ")
    assert words in first.first.reason
    assert "\n" not in first.first.reason
    assert first.first.duration_ms < BOUND_MS
    assert (tmp_path / first.first.evidence / "peer" / "log.txt").exists()
    assert [record.first.verdict for record in others] == [Verdict.PASS]
    assert faulty.leased[0] not in faulty.leased[1:]


WORST = "echo 1000 >/proc/$1/oom_score_adj; echo f >/proc/sysrq-trigger"  # the next that memory runs out for
CRASH = "kill -11 $(pidof pluto)"
WORDS = "echo 'Out of memory: Killed process 80 (pluto)' >/dev/console"
ENDS = {
    "memory-of-the-daemon": (f"set -- $(pidof pluto); {WORST}", Cause.LIMIT),
    "memory-of-another": (f"tail -f /dev/null & set -- $!; {WORST}; wait; {CRASH}", Cause.ITSELF),
    "words-on-the-console": (f"{WORDS}; {CRASH}", Cause.ITSELF),
}


@pytest.mark.parametrize("name", ENDS)
def test_only_a_daemon_that_the_kernel_killed_ran_out_of_memory(guests, peers, name):
    script, cause = ENDS[name]
    running = guests.peer(peers[PEER])
    try:
        with suppress(PeerUnreachable):  # the guest may be gone before the answer is there
            running.container.run(["sh", "-c", script])
        until(lambda: not running.container.is_running(), "the end of the guest", 10)
        assert running.container.ending()[0] is cause, running.container.log()[-3000:]
    finally:
        guests.recycle(running)
