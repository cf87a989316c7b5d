"""Our engine as a daemon, so that it can be the party under test: one address, many connections, told by lines.

Requests come on standard input, answers leave on standard output (see ``messages``).
"""

from __future__ import annotations

import asyncio
import sys
import time
from dataclasses import dataclass, field

from harness.esp.encapsulation import DatagramKind, classify
from harness.evidence.peer_report import IN_USE, STANDING, ChildReport, SaReport
from harness.ike.configuration import Path
from harness.json_codec import RecordError
from harness.policy.proposals import Suite
from harness.policy.role import Role
from harness.registry.transforms import SequenceNumbers, TransformType
from harness.transport.association import Association
from harness.transport.endpoint import IKE_PORT, Endpoint
from harness.transport.job import Job
from harness.transport.messages import (
    Answer,
    Done,
    Failure,
    Initiate,
    Initiated,
    Line,
    Listen,
    Load,
    Ready,
    Request,
    SaReports,
    Status,
    Terminate,
    Unload,
    encoded,
)
from harness.transport.wiring import DIRECT, Wiring, of_this_process

_LINE_OCTETS = 1 << 20
_IDLE_KEPT = 8  # associations of one connection that a COOKIE was demanded for, and that may never come back
_SPI = slice(0, 8)  # of an IKE message: the initiator's
_MARKER_OCTETS = 4


class UnknownConnection(Exception):
    """A request names a connection that is not loaded."""


@dataclass(slots=True)
class Served:
    """One loaded connection and its associations, the newest last."""

    job: Job
    associations: list[Association] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)


class Daemon:
    """Serves any number of connections, told apart by the address of the other side."""

    def __init__(self, wiring: Wiring = DIRECT) -> None:
        self._wiring = wiring
        self._endpoint = Endpoint(wiring)
        self._served: dict[str, Served] = {}
        self._timers: dict[str, asyncio.Task[None]] = {}

    async def listen(self, address: str) -> None:
        """Open the sockets. Raises OSError when the address is not ours or in use."""
        self._endpoint = await Endpoint.open(address, self._receive, wiring=self._wiring)
        self._endpoint.open_bare_esp(address, self._receive_esp)

    def load(self, job: Job) -> None:
        """Take a connection."""
        served = self._served[job.case] = Served(job)
        self._timers[job.case] = asyncio.get_running_loop().create_task(self._serve_timers(served))

    def unload(self, name: str) -> None:
        """Forget a connection and its SAs, without a word to the other side."""
        self._served.pop(name, None)
        if task := self._timers.pop(name, None):
            task.cancel()

    async def initiate(self, name: str, deadline_s: float) -> str:
        """Begin, and say how it went: "" once the Child SA stands, else why it does not."""
        served = self._named(name)
        association = self._new(served)
        association.command(association.session.start)
        end = time.monotonic() + deadline_s
        while not (association.over or association.settled) and time.monotonic() < end:
            served.changed.clear()
            try:
                await asyncio.wait_for(served.changed.wait(), end - time.monotonic())
            except TimeoutError:
                break
        return _how_it_went(association, deadline_s)

    def terminate(self, name: str) -> None:
        """Delete the IKE SAs that stand (RFC 7296 section 1.4.1)."""
        for association in self._named(name).associations:
            if association.standing:
                association.command(association.session.delete)

    def status(self, name: str) -> tuple[SaReport, ...]:
        """What stands, comes up or is being deleted of a connection."""
        served = self._named(name)
        living = [each for each in served.associations if not (each.over or each.idle)]
        return tuple(_sa_report(served.job, each) for each in living)

    def _named(self, name: str) -> Served:
        if name not in self._served:
            raise UnknownConnection(f"connection {name!r} is not loaded")
        return self._served[name]

    def _new(self, served: Served) -> Association:
        association = Association(served.job, self._endpoint, served.changed.set)
        idle = [each for each in served.associations if each.idle]
        for forgotten in idle[:-_IDLE_KEPT]:
            served.associations.remove(forgotten)
        served.associations.append(association)
        return association

    def _of(self, path: Path) -> Served | None:
        return next((s for s in self._served.values() if s.job.peer_address == path.remote[0]), None)

    def _receive(self, data: bytes, path: Path) -> None:
        served = self._of(path)
        if served is None:
            return
        octets = data
        if path.local[1] != IKE_PORT:
            kind = classify(data).kind
            if kind is DatagramKind.ESP:
                self._receive_esp(data, path)
            if kind is not DatagramKind.IKE:
                return
            octets = data[_MARKER_OCTETS:]
        spi = octets[_SPI]
        association = next((each for each in served.associations if each.session.spis[0] == spi), None)
        if association is None and served.job.role is Role.RESPONDER:
            association = self._new(served)  # whether it is an IKE_SA_INIT request, the session itself finds out
        if association is not None:
            association.receive(data, path)

    def _receive_esp(self, packet: bytes, path: Path) -> None:
        served = self._of(path)
        if served is not None:
            any(association.receive_esp(packet, path) for association in reversed(served.associations))

    async def _serve_timers(self, served: Served) -> None:
        """Repeat what gets no answer, for as long as the connection is loaded."""
        while True:
            timers = [t for each in served.associations if (t := each.session.get_timer()) is not None]
            wait = max(min(timers) - time.monotonic(), 0) if timers else None
            try:
                await asyncio.wait_for(served.changed.wait(), wait)
                served.changed.clear()
            except TimeoutError:
                for association in served.associations:
                    association.handle_timer()


def _how_it_went(association: Association, deadline_s: float) -> str:
    recorder = association.recorder
    if recorder.child_refused is not None:
        return f"no Child SA: {recorder.child_refused.notify.name}"
    if recorder.closed is not None:
        return recorder.closed.reason or "the IKE SA was deleted"
    return "" if association.settled else f"not up after {deadline_s:g} s"


def _sa_report(job: Job, association: Association) -> SaReport:
    """As the products' reports are made: algorithms in our spelling, None for what there is not."""
    recorder = association.recorder
    suite = recorder.established.suite if recorder.established else None
    named = _names(suite) if suite else {}
    initiator, responder = association.session.spis
    state = STANDING if association.standing else "DELETING" if association.deleting else "CONNECTING"
    additional = tuple(name for kind, name in named.items() if kind.is_additional_key_exchange)
    kinds = (TransformType.ENCR, TransformType.INTEG, TransformType.PRF, TransformType.KE)
    encr, integ, prf, ke = (named.get(kind) for kind in kinds)
    return SaReport(
        name=job.case,
        state=state,
        initiator=job.role is Role.INITIATOR,
        initiator_spi=initiator.hex(),
        responder_spi=responder.hex(),
        encr=encr,
        integ=integ,
        prf=prf,
        ke=ke,
        additional_ke=additional if suite else None,
        children=_child_reports(job, association) if association.standing else (),
    )


def _child_reports(job: Job, association: Association) -> tuple[ChildReport, ...]:
    child, tunnel = association.recorder.child, association.tunnel
    if child is None or tunnel is None:
        return ()
    named, count = _names(child.suite), tunnel.count()
    sn = child.suite.get(TransformType.SN)
    packets_in = count.requests_received + count.replies_received
    packets_out = count.requests_sent + count.replies_sent
    return (
        ChildReport(
            name=job.case,
            state=IN_USE,
            mode="TRANSPORT" if child.transport_mode else "TUNNEL",
            udp_encapsulated=None,
            spi_in=child.local_spi.hex(),
            spi_out=child.remote_spi.hex(),
            encr=named.get(TransformType.ENCR),
            integ=named.get(TransformType.INTEG),
            esn=sn is not None and sn.identifier == SequenceNumbers.EXTENDED_SEQUENCE_NUMBERS,
            packets_in=packets_in,
            packets_out=packets_out,
            bytes_in=None,
            bytes_out=None,
        ),
    )


def _names(suite: Suite) -> dict[TransformType, str]:
    return {kind: one.name(TransformType(kind)) for kind, one in suite.transforms.items() if one.identifier}


async def _do(daemon: Daemon, request: Request) -> Answer:
    match request:
        case Listen(address):
            await daemon.listen(address)
        case Load(job):
            daemon.load(job)
        case Unload(name):
            daemon.unload(name)
        case Initiate(name, deadline_s):
            return Initiated(await daemon.initiate(name, deadline_s))
        case Terminate(name):
            daemon.terminate(name)
        case Status(name):
            return SaReports(daemon.status(name))
        case _:
            raise RecordError(f"{type(request).__name__} is no request to the daemon")
    return Done()


async def _answer(daemon: Daemon, line: Line) -> None:
    try:
        answer = await _do(daemon, line.request())
    except (OSError, RecordError, UnknownConnection) as error:
        answer = Failure(str(error))
    _say(line.case, answer)


def _say(case: str, message: Answer) -> None:
    sys.stdout.buffer.write(encoded(case, message))
    sys.stdout.flush()


async def _main() -> None:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=_LINE_OCTETS)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    daemon, tasks = Daemon(of_this_process()), set[asyncio.Task[None]]()
    _say("", Ready())
    while octets := await reader.readline():
        task = loop.create_task(_answer(daemon, Line.parse(octets)))
        tasks.add(task)
        task.add_done_callback(tasks.discard)


if __name__ == "__main__":
    asyncio.run(_main())
