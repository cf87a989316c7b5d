"""One attempt at a case: load the products, have the two parties talk, store what was seen, judge it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from harness.crypto.certificates import EndCertificate
from harness.evidence.interruption import DEATH_FILE, Death
from harness.evidence.model import CaseFacts, Side
from harness.evidence.store import (
    CONFIGURATION_REFUSED,
    CONNECTION,
    DAEMON,
    EvidenceFolder,
    digests,
    evidence_files,
)
from harness.lab.drivers import driver_family
from harness.lab.errors import ConfigurationRefused, NotReady, PeerDied, PeerUnreachable
from harness.lab.products.shared.fault_lines import fault_lines
from harness.lab.running_peer import RunningPeer
from harness.lab.waiting import wait_until
from harness.oracle.expectation import to_record
from harness.oracle.sheet import sheet_record
from harness.policy.role import ENGINE_NAME, UNDER_TEST, Role
from harness.results.model import Attempt, Verdict
from harness.run.case import Case
from harness.run.configure import Ends, connection, make_ends
from harness.run.dialogue import Dialogue
from harness.run.hygiene import note_hygiene
from harness.run.stage import Product, Stage, Talk
from harness.run.watched import WatchedTalk
from harness.scenario.peer import Peer
from harness.verify.judge import judge_folder

_END = 2.0  # seconds for a container to end once its daemon has
TESTED = "peer"
"""The folder of the evidence for the product that our engine meets. Two products have each the folder of its role."""


def play(stage: Stage, case: Case, number: int, folder: Path, running: Sequence[RunningPeer]) -> Attempt:
    """Play a case against running peers, the initiator first, and judge it. ``number`` is unique in the run.

    Raises:
        LabError: the lab or the worker broke; never raised for what a peer says on the wire.
    """
    began = time.monotonic()
    store = EvidenceFolder(folder)
    with _addresses(stage, case, running) as addresses, naming_the_dead(*running):
        ends = make_ends(case, number, *addresses)
        products = _products(case, ends, running)
        _write_givens(store, case, ends, products)
        talk = _talk(stage, case, ends, products, store)
        try:
            talk.hold(lambda: _load(products, store))
        except ConfigurationRefused as refusal:
            _note_refusal(case, products, store, refusal)
        finally:
            for product in products:
                unload(product.running, ends.name)
            talk.finish()
            logs = [_keep_log(product, store) for product in products]
        asked = [
            note_hygiene(store, product.folder, product.running, product.connection, log)
            for product, log in zip(products, logs, strict=True)
        ]
        if talk.trouble is not None or not all(asked):
            check_alive(*running)
    _note_disturbances(stage, talk, store, began)
    if talk.trouble is not None:
        raise talk.trouble
    return judged(stage, case, folder, _kernel(running), began)


@contextmanager
def _addresses(stage: Stage, case: Case, running: Sequence[RunningPeer]) -> Iterator[tuple[str, str]]:
    """The addresses of initiator and responder: of our engine, one for the case alone."""
    if case.engine is None:
        version = case.scenario.settings.ip_version
        yield running[0].address_of(version), running[1].address_of(version)
        return
    with stage.lab.case_address() as ours:
        theirs = running[0].address
        yield (ours, theirs) if case.engine is Role.INITIATOR else (theirs, ours)


def _products(case: Case, ends: Ends, running: Sequence[RunningPeer]) -> tuple[Product, ...]:
    roles = [role for role in Role if isinstance(case.party(role), Peer)]
    return tuple(
        Product(role, each, connection(case, ends, role, peer), TESTED if case.engine else role.value)
        for role, peer, each in zip(roles, case.peers, running, strict=True)
    )


def _talk(stage: Stage, case: Case, ends: Ends, products: tuple[Product, ...], store: EvidenceFolder) -> Talk:
    """With our engine its worker is in it, and everything can be read; two products are watched and asked."""
    if case.engine is not None:
        return Dialogue(stage, case, ends, products[0], store)
    return WatchedTalk(stage, case, (products[0], products[1]), store)


def _load(products: Sequence[Product], store: EvidenceFolder) -> None:
    """Load every product's connection: the initiator's last, so that it meets a responder that knows it."""
    for product in reversed(products):
        files = product.running.driver.load(product.connection)
        store.write_foreign_files(f"{product.folder}/{CONNECTION}", files)


def _note_refusal(
    case: Case, products: Sequence[Product], store: EvidenceFolder, refusal: ConfigurationRefused
) -> None:
    """A product that does not take what its build lacks refuses cleanly; that anything else is not taken is ours.

    Raises:
        ConfigurationRefused: the configuration had to be taken.
    """
    if not (case.scenario.settings.as_written and case.expectation.unsupported):
        raise refusal
    store.write_text(CONFIGURATION_REFUSED, f"{refusal}\n")
    for product in products:
        peer = product.running.peer
        files = driver_family(peer.driver).connection_files(peer, product.connection)
        store.write_files(f"{product.folder}/{CONNECTION}", files)


def _note_disturbances(stage: Stage, talk: Talk, store: EvidenceFolder, began: float) -> None:
    """Which of ours stood still meanwhile. The worker counts where it has no part, too: its silence may be Docker's."""
    found = stage.workers.pulse.since(began, time.monotonic())
    store.write_disturbances([*talk.disturbances, *found])


def _keep_log(product: Product, store: EvidenceFolder) -> str:
    log = product.running.driver.log(product.connection.name)
    store.write_text(f"{product.folder}/log.txt", log)
    return log


def _write_givens(store: EvidenceFolder, case: Case, ends: Ends, products: Sequence[Product]) -> None:
    sides = {product.role: _side(product) for product in products}
    if case.engine is not None:
        ours = ends.of(case.engine)
        sides[case.engine] = Side(ENGINE_NAME, address=ours.address, inner=ours.inner, identity=ours.identity)
    predicted = to_record(case.expectation, case.engine)
    both = sides[Role.INITIATOR], sides[Role.RESPONDER]
    sheets = {product.role.value: sheet_record(product.running.peer) for product in products}
    store.write_facts(CaseFacts(case.id, case.scenario.id, *both, predicted, case.engine, sheets))
    store.write_text("scenario.toml", case.scenario.path.read_text())
    for product in products:
        files = {Path(path).name: text for path, text in product.running.files.items()}
        store.write_files(f"{product.folder}/{DAEMON}", files)


def _side(product: Product) -> Side:
    running, configured = product.running, product.connection
    proof = configured.authentication
    octets = proof.octets if isinstance(proof, EndCertificate) else 0
    ends = configured.local_address, configured.local_inner
    name = UNDER_TEST if running.peer.is_harness else running.peer.name
    return Side(name, running.version, running.image_id, running.kernel, *ends, octets, configured.local_identity)


def _kernel(running: Sequence[RunningPeer]) -> str:
    """Whose kernel did the ESP of each product; "" where none has one."""
    if len(running) == 1:
        return running[0].kernel
    return " + ".join(each.kernel or "none" for each in running) if any(each.kernel for each in running) else ""


@contextmanager
def naming_the_dead(*running: RunningPeer) -> Iterator[None]:
    """Where a peer cannot be reached because its daemon has ended, that is what the error says.

    Raises:
        PeerDied: in place of PeerUnreachable.
    """
    try:
        yield
    except PeerUnreachable:
        check_alive(*running)
        raise


def unload(running: RunningPeer, name: str) -> None:
    """Unload a connection; where the daemon has ended there is none left.

    Raises:
        PeerUnreachable: the daemon lives, and does not let go.
    """
    try:
        running.driver.unload(name)
    except PeerUnreachable:
        if running.driver.alive():
            raise


_SIDES = {1: (TESTED,), 2: tuple(role.value for role in Role)}


def check_alive(*running: RunningPeer) -> None:
    """Look whether the daemons of a case answer: of one, or of initiator and responder.

    Raises:
        PeerDied: one does not any more; with whose doing that was, and what is left of it.
    """
    for side, each in zip(_SIDES[len(running)], running, strict=True):
        if each.driver.alive():
            continue
        _wait_for_the_end(each)
        cause, ended = each.container.ending()
        words = ", ".join([f"{each.container.name} is {ended}", *fault_lines(each.container.log())[-1:]])
        raise PeerDied(Death(each.peer.name, side, cause, words))


def _wait_for_the_end(running: RunningPeer) -> None:
    """A guest that has lost its daemon powers off, which takes a moment."""
    container = running.container
    with suppress(NotReady):
        wait_until(
            container.name, lambda: None if container.is_running() else True, deadline_s=_END, pattern="its end",
            state=str,
        )  # fmt: skip


def judged(stage: Stage, case: Case, folder: Path, kernel: str, began: float) -> Attempt:
    """The verdict on the evidence in a folder, stored there. ``began``: by the monotonic clock, in seconds."""
    judgement = stage.never_twice.judged(case.id, judge_folder(folder, case.scenario, stage.requirements))
    EvidenceFolder(folder).write_json("verdict.json", judgement)
    return Attempt(
        verdict=judgement.verdict,
        outcome=judgement.outcome,
        grade=judgement.grade,
        findings=judgement.findings,
        checks=judgement.checks,
        reason=judgement.reason,
        duration_ms=round((time.monotonic() - began) * 1000),
        evidence=str(folder.relative_to(stage.run_folder)),
        ladder=judgement.ladder,
        files=evidence_files(folder),
        kernel=kernel,
        sha256=digests(folder),
    )


def judged_death(stage: Stage, case: Case, folder: Path, death: Death, began: float) -> Attempt:
    """The verdict on an attempt in which a daemon ended, once it is known whether it does so again."""
    EvidenceFolder(folder).write_json(DEATH_FILE, death)
    return judged(stage, case, folder, "", began)


def failed_attempt(stage: Stage, folder: Path, reason: str, began: float) -> Attempt:
    """The lab broke: an ERROR, which says nothing about the peer. ``began``: by the monotonic clock, in seconds.

    A deadline may have passed only because one of ours stood still: then that is the reason, and comes first.
    """
    now = time.monotonic()
    if stalls := stage.workers.pulse.since(began, now):
        reason = f"{max(stalls, key=lambda each: each.seconds).sentence}: {reason}"
    relative = str(folder.relative_to(stage.run_folder)) if folder.is_dir() else ""
    files = evidence_files(folder)
    return Attempt(Verdict.ERROR, None, None, (), (), reason, round((now - began) * 1000), relative, files=files)
