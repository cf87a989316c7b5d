"""A run that broke off, to be finished: the same cases by the same plan, with the same versions; or not at all."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from glob import escape
from pathlib import Path

from harness.border.names import leads_out
from harness.evidence.store import folder_name
from harness.registry.transforms import KeyExchangeMethod
from harness.results.model import KernelChoice, Run, Runtime
from harness.results.record import FILE_NAME
from harness.run.case import Case
from harness.run.compliance import FOLDER as PROBES
from harness.run.header import versions_here
from harness.run.inputs import Inputs
from harness.run.plan import Selection, case_hash, make_plan, plan_hash
from harness.scenario.selection import NothingSelected

_SHOWN = 3  # differences that a message lists


class NotResumable(Exception):
    """A run cannot be finished as it was begun; the text is one line that says what differs."""


@dataclass(frozen=True, slots=True)
class Resumption:
    """What is left of a run."""

    folder: Path
    run: Run  # as far as it came
    cases: tuple[Case, ...]  # those without a record, in the order of the plan

    def check_lab(self, facts: Mapping[str, str], images: Mapping[str, str]) -> None:
        """Compare what only the lab knows: the kernel and the engine, and the images of the peers by name.

        Raises:
            NotResumable: one is another by now.
        """
        header = self.run.header
        recorded = {**header.versions, "kernel": header.kernel}
        then = {name: recorded.get(name, "") for name in facts}
        of_peers = {entry.name: entry.image for entry in header.peers if entry.image and images.get(entry.name)}
        then |= {f"image of {name}": of_peers[name] for name in images if name in of_peers}
        now = {**facts, **{f"image of {name}": image for name, image in images.items() if name in of_peers}}
        _refuse_differences(then, now)

    def clear(self) -> None:
        """Take away what the attempts that broke off have left: evidence of which nothing was concluded."""
        for path in self.folders:
            shutil.rmtree(path, ignore_errors=True)
            if path.is_file() or path.is_symlink():
                path.unlink()

    @property
    def folders(self) -> tuple[Path, ...]:
        """Where the evidence of what is left will be, of cases and of probes."""
        peers = {peer.name for case in self.cases for peer in case.peers}
        cases = [self.folder / "cases" / folder_name(case.id) for case in self.cases]
        return (*cases, *(self.folder / PROBES / folder_name(peer) for peer in sorted(peers)))


def resumption(
    folder: Path, run: Run, inputs: Inputs, unavailable: Mapping[KeyExchangeMethod, str] | None = None
) -> Resumption:
    """What is left of the run in ``folder``. ``unavailable``: methods that this machine lacks.

    Raises:
        NotResumable: it is complete, or the plan or a version is another by now.
    """
    header = run.header
    if run.complete:
        raise NotResumable(f"run {header.id} is complete: there is nothing to finish")
    here = versions_here()
    _refuse_differences({name: header.versions.get(name, "") for name in here}, here)
    cases = _planned(run, inputs, unavailable)
    hashes = dict(zip(header.planned, header.planned_hashes, strict=False))
    others = [case.id for case in cases if hashes and hashes.get(case.id) != case_hash(case)]
    if others:
        more = f" and {len(others) - _SHOWN} more" if len(others) > _SHOWN else ""
        raise NotResumable(f"the plan is another one by now: of {', '.join(others[:_SHOWN])}{more}")
    if plan_hash(cases) != header.plan_hash:
        raise NotResumable("the plan is another one by now: the files of a peer of your own have changed")
    left = set(run.unplayed)
    resumed = Resumption(folder, run, tuple(case for case in cases if case.id in left))
    _refuse_links(resumed)
    return resumed


def _refuse_links(resumed: Resumption) -> None:
    """What is cleared and written lies in the run's folder, whoever made that.

    Raises:
        NotResumable: a link leads out of it.
    """
    folder = resumed.folder
    for path in (folder / FILE_NAME, *resumed.folders):
        if leads_out(path, folder):
            raise NotResumable(f"{path} is a link that leads out of the run's folder")


def _planned(run: Run, inputs: Inputs, unavailable: Mapping[KeyExchangeMethod, str] | None) -> tuple[Case, ...]:
    header = run.header
    names = tuple(map(escape, header.planned))
    try:
        kernel_esp, docker = header.kernel_choice is not KernelChoice.USERSPACE, header.runtime is Runtime.DOCKER
        chosen = Selection(cases=names, kernel_esp=kernel_esp, docker=docker)
        planned = {case.id: case for case in make_plan(inputs, chosen, unavailable)}
    except NothingSelected as error:
        raise NotResumable(f"the plan is another one by now: {error}") from error
    return tuple(planned[name] for name in header.planned)


def _refuse_differences(then: Mapping[str, str], now: Mapping[str, str]) -> None:
    """Raises NotResumable with each of these that is not what it was."""
    differing = [
        f"{name} is {now[name] or 'none'}, was {then[name] or 'none'}" for name in then if then[name] != now[name]
    ]
    if differing:
        raise NotResumable(f"the run cannot be finished as it was begun: {'; '.join(differing)}")
