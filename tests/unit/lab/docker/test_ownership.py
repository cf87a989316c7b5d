"""Who is dead and who may be alive: the reaper removes only what is certainly left over."""

import os
import subprocess
import sys
from dataclasses import replace
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from harness.cli.laboratory import lab
from harness.lab.docker import cleanup, ownership
from harness.lab.docker.cleanup import reap, remove_all_of, remove_images, remove_run, runs_on_engine
from harness.lab.docker.ownership import Liveness, owner_of, standing, this_process
from harness.lab.errors import LabError


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
    assert standing(here, here) is Liveness.ALIVE
    ended = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    assert standing(replace(here, pid=int(ended.stdout)), here) is Liveness.DEAD


def test_a_reused_pid_is_another_process():
    here = this_process()
    assert standing(replace(here, start=str(int(here.start) - 1)), here) is Liveness.DEAD


def test_after_a_reboot_whose_things_it_stopped_is_dead():
    here = replace(this_process(), machine="m1")
    assert standing(replace(here, boot="another"), here, stopped=True) is Liveness.DEAD
    assert standing(replace(here, boot="another"), here) is Liveness.UNKNOWN


@pytest.mark.parametrize(
    "change",
    [
        {"machine": "m2", "boot": "another"},  # another machine
        {"machine": "m2", "boot": "another", "pid": 999_999_999},
        {"machine": "", "boot": "another"},  # of a version that did not write it, or of a container
        {"machine": "m1", "boot": ""},
        {"machine": "", "boot": ""},
        {"pid": 999_999_999, "pid_namespace": "pid:[1]"},  # a container on this machine
    ],
)
def test_of_whom_nothing_can_be_told_may_be_alive(change):
    here = replace(this_process(), machine="m1")
    assert standing(replace(here, **change), here, stopped=True) is Liveness.UNKNOWN


def test_two_that_know_neither_machine_nor_boot_are_not_taken_for_one():
    here = replace(this_process(), machine="", boot="")
    assert standing(replace(here, pid=999_999_999), here) is Liveness.UNKNOWN


def test_a_machine_has_its_own_number_and_does_not_show_it(monkeypatch, tmp_path):
    (tmp_path / "machine-id").write_text("0123456789abcdef" * 2 + "\n")
    monkeypatch.setattr(ownership, "_MACHINE_ID", tmp_path / "machine-id")
    monkeypatch.setattr(ownership, "_pid_namespace", lambda: "pid:[4026531836]")
    first = ownership._machine()
    assert len(first) == 16 and "0123456789abcdef" not in first
    assert ownership._machine() == first
    monkeypatch.setattr("platform.node", lambda: "a copy of it")
    assert ownership._machine() not in ("", first)


@pytest.mark.parametrize("content", [b"", b"uninitialized\n", b"\xff", None])
def test_what_is_no_number_of_a_machine_is_none(monkeypatch, tmp_path, content):
    if content is not None:
        (tmp_path / "machine-id").write_bytes(content)
    monkeypatch.setattr(ownership, "_MACHINE_ID", tmp_path / "machine-id")
    monkeypatch.setattr(ownership, "_pid_namespace", lambda: "pid:[4026531836]")
    assert ownership._machine() == ""


def test_in_a_container_the_file_is_not_the_machines(monkeypatch, tmp_path):
    (tmp_path / "machine-id").write_text("0123456789abcdef" * 2)
    monkeypatch.setattr(ownership, "_MACHINE_ID", tmp_path / "machine-id")
    monkeypatch.setattr(ownership, "_pid_namespace", lambda: "pid:[4026532211]")
    assert ownership._machine() == ""


class Thing:
    """A container or network of the engine."""

    def __init__(self, labels, made="2026-11-28T09:00:00.123456789Z"):
        self.name, self.labels = "ours", labels
        self.attrs = {"Labels": labels, "Created": made}
        self.removed = False

    def remove(self, **options):
        self.removed = True


class Engine:
    """It lists what has the labels that are asked for, all of them."""

    def __init__(self, containers, networks=()):
        self.containers = SimpleNamespace(list=lambda **options: self._with(containers, **options))
        self.networks = SimpleNamespace(list=lambda **options: self._with(networks, **options))
        self.images = SimpleNamespace(list=lambda **_: [])

    def info(self):
        return {"SystemTime": "2026-11-28T12:30:00.5Z"}

    def close(self):
        pass

    def _with(self, things, filters, **_):
        asked = filters["label"]
        wanted = [each.partition("=") for each in ([asked] if isinstance(asked, str) else asked)]

        def fits(thing):
            return all(key in thing.labels and (not eq or thing.labels[key] == value) for key, eq, value in wanted)

        return [thing for thing in things if not thing.removed and fits(thing)]


def test_leftovers_of_a_killed_run_go_and_live_runs_stay():
    here = this_process()
    dead = replace(here, start="1")
    left, network = Thing(dead.labels("old")), Thing(dead.labels("old"))
    mine, foreign = Thing(here.labels("new")), Thing({"ipsec-interop.run": "x"})
    assert reap(Engine([left, mine, foreign], [network]), here).removed == 2
    assert left.removed
    assert network.removed
    assert not mine.removed
    assert not foreign.removed


def two_machines():
    """A run at work on each of two machines, by the same name, on one engine."""
    one = replace(this_process(), machine="m1", boot="b1")
    parent = os.getppid()
    other = replace(one, machine="m2", boot="b2", pid=parent, start=ownership._start_of(parent))
    things = {owner.machine: (Thing(owner.labels("run")), Thing(owner.labels("run"))) for owner in (one, other)}
    engine = Engine(*([pair[index] for pair in things.values()] for index in (0, 1)))
    return one, other, things, engine


@pytest.mark.parametrize("end", ["its own", "reaped"])
def test_the_run_of_another_machine_is_not_touched(end):
    one, other, things, engine = two_machines()
    for here, mine, theirs in ((one, "m1", "m2"), (other, "m2", "m1")):
        assert reap(engine, here).removed == 0
        if end == "its own":
            assert remove_run(engine, "run", here).removed == 2
            assert all(thing.removed for thing in things[mine])
            assert not any(thing.removed for thing in things[theirs])
            for thing in things[mine]:
                thing.removed = False


@pytest.mark.parametrize(
    ("is_own", "up_s", "left"),
    [(True, 600, False), (True, 86_400, True), (False, 600, True)],
    ids=["booted since", "made since this boot", "not this machine's engine"],
)
def test_a_copy_of_this_machine_is_not_taken_for_it_before_a_reboot(monkeypatch, is_own, up_s, left):
    """The same number and the same name, but another boot. What is on the engine was made three hours ago."""
    monkeypatch.setattr(cleanup, "runs_here", lambda _name: is_own)
    monkeypatch.setattr(cleanup, "seconds_since_boot", lambda: up_s)
    here = replace(this_process(), machine="m1")
    things = [Thing(replace(here, boot="another").labels("its")) for _ in range(2)]
    engine = Engine(things[:1], things[1:])
    done = lab_down(monkeypatch, engine, here)
    assert [thing.removed for thing in things] == [not left, not left]
    assert ("left alone: run its" in done.output) is left


def test_it_is_shown_with_its_age_and_goes_when_asked_for():
    one, _, things, engine = two_machines()
    unknown = [each for each in runs_on_engine(engine, one) if each.standing is Liveness.UNKNOWN]
    words = "of another machine (or of a container, or of an earlier boot, of this one)"
    assert [str(each) for each in unknown] == [f"run run {words}: 1 container and 1 network, made 3 hours ago"]
    assert remove_all_of(unknown).removed == 2
    assert all(thing.removed for thing in things["m2"])
    assert not any(thing.removed for thing in things["m1"])


@pytest.mark.parametrize(
    ("then", "words"),
    [
        ("2026-11-28T12:29:59Z", "1 second"), ("2026-11-28T12:28:59.9Z", "1 minute"),
        ("2026-11-28T11:00:00+00:00", "90 minutes"), ("2026-11-20T12:00:00.123456789Z", "8 days"),
        ("2026-11-28T12:31:00Z", "0 seconds"), ("nonsense", "0 seconds"), ("", "0 seconds"),
    ],
)  # fmt: skip
def test_ages(then, words):
    (run,) = runs_on_engine(Engine([Thing(this_process().labels("x"), then)]), this_process())
    assert str(run).endswith(f"made {words} ago")


def lab_down(monkeypatch, engine, here, *options):
    monkeypatch.setattr("harness.cli.laboratory.connect", lambda: engine)
    monkeypatch.setattr("harness.cli.laboratory.this_process", lambda: here)
    return CliRunner().invoke(lab, ["down", *options])


def test_lab_down_leaves_another_machines_run_and_says_so(monkeypatch):
    one, _, things, engine = two_machines()
    done = lab_down(monkeypatch, engine, one)
    assert done.exit_code == 0
    assert "left alone: run run of another machine" in done.output and "made 3 hours ago" in done.output
    assert "--all-machines" in done.output
    assert not any(thing.removed for pair in things.values() for thing in pair)


def test_lab_down_of_all_machines_is_asked_for_and_spares_what_lives_here(monkeypatch):
    one, _, things, engine = two_machines()
    done = lab_down(monkeypatch, engine, one, "--all-machines")
    assert "removed: run run of another machine" in done.output
    assert all(thing.removed for thing in things["m2"])
    assert not any(thing.removed for thing in things["m1"])


@pytest.mark.parametrize("options", [("--images",), ("--images", "--all-machines")])
def test_images_stay_while_a_run_may_be_in_need_of_them(monkeypatch, options):
    one, _, _, engine = two_machines()
    monkeypatch.setattr("harness.cli.laboratory.remove_images", lambda _: pytest.fail("images were removed"))
    done = lab_down(monkeypatch, engine, one, *options)
    assert isinstance(done.exception, LabError)
    assert "the images stay: run run at work on this machine" in str(done.exception)


def test_only_images_of_ours_are_removed():
    removed = []
    tags = [["ipsec-interop/base:forky", "mine/copy:1"], ["debian:forky-slim"], ["ipsec-interoperable/x:1"]]
    images = SimpleNamespace(
        list=lambda **options: [] if "filters" in options else [SimpleNamespace(tags=row) for row in tags],
        remove=lambda name, **options: removed.append(name),
    )
    assert remove_images(SimpleNamespace(images=images)) == 1
    assert removed == ["ipsec-interop/base:forky"]
