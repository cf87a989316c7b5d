"""Any product whose image brings a control program of its own: verbs, JSON in, JSON out (peers/README.md)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TypeVar

from harness.border import limits
from harness.border.names import UnsafeName
from harness.border.text import decoded
from harness.evidence.peer_report import PeerReport, Residue
from harness.evidence.store import foreign_names
from harness.lab.driver import VERB_S, Connection, DaemonSettings
from harness.lab.errors import ConfigurationRefused, NotReady, PeerUnreachable, TooMuchSaid, WrongAnswer
from harness.lab.hosts.byte_stream import STDERR, ByteStream
from harness.lab.hosts.commands import answers
from harness.lab.hosts.host import CommandHost
from harness.lab.products.program.answers import (
    Done,
    InitiateAnswer,
    LoadAnswer,
    StatusAnswer,
    VersionAnswer,
    connection_document,
    decode,
)
from harness.lab.products.shared.loaded_connections import LoadedConnections
from harness.lab.waiting import Deadline, wait_until
from harness.scenario.peer import Peer

T = TypeVar("T")

PROGRAM = "/usr/local/bin/peer-control"
DAEMON_FILE = "/etc/peer-control/daemon.json"
CONNECTION_FILE = "connection.json"


class ProgramFamily:
    """A product in a container whose image holds the control program."""

    control = "program"
    in_tester = False
    show_command = ""

    def daemon_files(self, peer: Peer, settings: DaemonSettings) -> Mapping[str, str]:
        """See DriverFamily. The settings are there before the container starts."""
        del peer
        content = {"fragment_size": settings.fragment_size, "cookie_threshold": settings.cookie_threshold}
        return {DAEMON_FILE: json.dumps(content) + "\n"}

    def connection_files(self, peer: Peer, connection: Connection) -> Mapping[str, str]:
        """See DriverFamily: what ``load`` is told."""
        del peer
        return {CONNECTION_FILE: json.dumps(connection_document(connection), indent=2) + "\n"}

    def sample_files(self, peer: Peer, connection: Connection) -> Mapping[str, str]:
        """See DriverFamily: nobody calls its control program, so it starts without a connection."""
        del connection
        return self.daemon_files(peer, DaemonSettings())

    def attach(self, peer: Peer, container: CommandHost, settings: DaemonSettings) -> ProgramDriver:
        """See DriverFamily."""
        del settings  # they are in its files
        return ProgramDriver(peer, container)


FAMILY = ProgramFamily()


class ProgramDriver:
    """One product, spoken to by its control program: a process in the container for each call."""

    def __init__(self, peer: Peer, container: CommandHost) -> None:
        self._peer = peer
        self._container = container
        self._version = ""
        self._loaded = LoadedConnections(container)

    def version(self) -> str:
        """See PeerDriver."""
        self._version = self._call(VersionAnswer, "version").version
        return self._version

    def key_exchange_methods(self) -> frozenset[str] | None:
        """See PeerDriver."""
        methods = self._call(VersionAnswer, "version").key_exchange
        return None if methods is None else frozenset(methods)

    def load(self, connection: Connection) -> dict[str, str]:
        """See PeerDriver: what the program was told, and what it says that it made of it.

        Raises:
            ConfigurationRefused: the product does not take the configuration, says the program.
            WrongAnswer: a file of its answer has a name that no file of the evidence may have.
        """
        self._loaded.add(connection)
        told = connection_document(connection)
        answer = self._call(LoadAnswer, "load", told)
        if answer.refused:
            raise ConfigurationRefused(f"{self._container.name}: connection {connection.name}: {answer.refused}")
        if len(answer.files) > limits.FOREIGN_FILES:
            raise WrongAnswer(f"{self._who('load')}: answer.files: {len(answer.files)}, limit {limits.FOREIGN_FILES}")
        files = {**answer.files, CONNECTION_FILE: json.dumps(told, indent=2) + "\n"}
        try:
            foreign_names(files)
        except UnsafeName as error:
            raise WrongAnswer(f"{self._who('load')}: answer.files: {error}") from error
        return files

    def unload(self, name: str) -> None:
        """See PeerDriver."""
        self._call(Done, "unload", {"name": name})

    def initiate(self, name: str, deadline_s: float) -> str:
        """See PeerDriver."""
        told = {"name": name, "deadline_s": deadline_s}
        return self._call(InitiateAnswer, "initiate", told, deadline_s + VERB_S).error

    def rekey(self, name: str, *, ike: bool) -> None:
        """See PeerDriver."""
        self._call(Done, "rekey", {"name": name, "what": "ike" if ike else "child"})

    def terminate(self, name: str) -> None:
        """See PeerDriver."""
        self._call(Done, "terminate", {"name": name})

    def status(self, name: str) -> PeerReport:
        """See PeerDriver."""
        text = self._answer("status", {"name": name}, VERB_S)
        return PeerReport(self._version, decode(StatusAnswer, text, self._who("status")).sas, text)

    def residue(self, connection: Connection) -> Residue | None:
        """See PeerDriver: its IKE SAs, by the verb ``status``, which may answer for a daemon that is gone."""
        self.version()
        return Residue(tuple(sa.state for sa in self.status(connection.name).sas))

    def alive(self) -> bool:
        """See PeerDriver."""
        return answers(self._container, self.version)

    def log(self, name: str) -> str:
        """See PeerDriver: all that the container printed since the connection was loaded, its neighbours' lines too."""
        return self._loaded.log(name)

    def close(self) -> None:
        """See PeerDriver."""

    def _call(self, kind: type[T], verb: str, told: Mapping[str, object] | None = None, timeout_s: float = VERB_S) -> T:
        return decode(kind, self._answer(verb, told, timeout_s), self._who(verb))

    def _who(self, verb: str) -> str:
        return f"{self._container.name}: peer-control {verb}"

    def _answer(self, verb: str, told: Mapping[str, object] | None, timeout_s: float) -> str:
        """Standard output of one call, which has ``timeout_s`` seconds from its input to its exit status.

        Raises:
            PeerUnreachable: the program is not there, ended with another status than 0, took too long or said too much.
        """
        deadline = Deadline(timeout_s)
        stream = self._container.open([PROGRAM, verb])
        try:
            stream.set_timeout(deadline.remaining())
            if told is not None:
                stream.write(json.dumps(told).encode() + b"\n")
            stream.end_input()
            return self._finished(verb, stream, deadline)
        except (TimeoutError, NotReady) as error:
            raise PeerUnreachable(f"{self._who(verb)}: no answer within {timeout_s:g} s") from error
        except BrokenPipeError as error:
            raise PeerUnreachable(f"{self._who(verb)}: it ended at once") from error
        finally:
            stream.close()

    def _finished(self, verb: str, stream: ByteStream, deadline: Deadline) -> str:
        output, said = bytearray(), bytearray()
        while (frame := stream.read()) is not None:
            kind, data = frame
            (said if kind == STDERR else output).extend(data)
            del said[: -limits.STDERR_OCTETS]
            if len(output) > limits.ANSWER_OCTETS:
                raise TooMuchSaid(f"{self._who(verb)}: its answer has more than {limits.ANSWER_OCTETS:,} octets")
            stream.set_timeout(deadline.remaining())
        words, text = decoded(bytes(said)).strip(), decoded(bytes(output))
        status = wait_until(
            self._who(verb), stream.exit_status, deadline_s=deadline.remaining(), pattern="its exit status", state=str
        )
        if status:
            raise PeerUnreachable(f"{self._who(verb)}: {words or text.strip() or 'no word'} (status {status})")
        return text
