"""Who is dead and who may be alive: the reaper removes only what is certainly left over."""

import os
import subprocess
import sys
from dataclasses import replace
from types import SimpleNamespace

from harness.lab.cleanup import reap, remove_images
from harness.lab.ownership import Owner, is_dead, owner_of, this_process


def test_labels_give_the_owner_back():
    here = this_process()
    assert here.pid == os.getpid()
    assert owner_of(here.labels("r1")) == here


def test_labels_of_others_have_no_owner():
    assert owner_of({}) is None
    assert owner_of({"com.docker.compose.project": "x"}) is None
    assert owner_of({"ipsec-interop.pid": "12"}) is None


def test_this_process_is_alive_and_an_ended_one_is_dead():
    here = this_process()
    assert not is_dead(here, here)
    ended = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    assert is_dead(replace(here, pid=int(ended.stdout)), here)


def test_a_reused_pid_is_another_process():
    here = this_process()
    assert is_dead(replace(here, start=str(int(here.start) - 1)), here)


def test_after_a_reboot_everybody_is_dead_and_in_another_pid_namespace_nobody_certainly_is():
    here = this_process()
    assert is_dead(replace(here, boot="another"), here)
    assert not is_dead(replace(here, pid=999_999_999, pid_namespace="pid:[1]"), here)


class Thing:
    """A container or network of the engine."""

    def __init__(self, labels):
        self.name, self.labels = "ours", labels
        self.attrs = {"Labels": labels}
        self.removed = False

    def remove(self, **options):
        self.removed = True


def engine(containers, networks=()):
    return SimpleNamespace(
        containers=SimpleNamespace(list=lambda **options: list(containers)),
        networks=SimpleNamespace(list=lambda **options: list(networks)),
    )


def test_leftovers_of_a_killed_run_go_and_live_runs_stay():
    here = this_process()
    dead = Owner(here.pid, "1", here.boot, here.pid_namespace)
    left, network = Thing(dead.labels("old")), Thing(dead.labels("old"))
    mine, foreign = Thing(here.labels("new")), Thing({"ipsec-interop.run": "x"})
    assert reap(engine([left, mine, foreign], [network]), here).removed == 2
    assert left.removed
    assert network.removed
    assert not mine.removed
    assert not foreign.removed


def test_only_images_of_ours_are_removed():
    removed = []
    tags = [["ipsec-interop/base:forky", "mine/copy:1"], ["debian:forky-slim"], ["ipsec-interoperable/x:1"]]
    images = SimpleNamespace(
        list=lambda **options: [] if "filters" in options else [SimpleNamespace(tags=row) for row in tags],
        remove=lambda name, **options: removed.append(name),
    )
    assert remove_images(SimpleNamespace(images=images)) == 1
    assert removed == ["ipsec-interop/base:forky"]
