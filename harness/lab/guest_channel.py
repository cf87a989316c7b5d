"""The way to a guest's programs: SSH through the container, on the link that only container and guest have."""

from __future__ import annotations

import contextlib
import logging
import re
import secrets
import shlex
import threading
import time
from collections.abc import Callable, Iterator, Sequence

import paramiko

from harness.lab.byte_stream import STDERR, STDOUT, ByteStream, StreamSocket
from harness.lab.errors import PeerUnreachable

CONNECT_TIMEOUT_S = 10.0
COMMAND_TIMEOUT_S = 30.0
_LEAST_WAIT_S = 0.01
_CHUNK = 65536  # octets
_MARK_OCTETS = 64  # more than what ends the output of a program

logging.getLogger("paramiko").addHandler(logging.NullHandler())  # what goes wrong is raised, too


class GuestChannel:
    """Starts programs in a guest, each over an SSH connection that no other program has at the time.

    One connection could carry many programs, but the server of Debian 12 then closes channels of running ones. What is
    run to its end goes through a shell that stays: a new session for each would cost the guest more than its command.

    ``connect`` opens a stream to the guest's SSH server, ``host_key`` gives the key that the server must show
    (``ssh-ed25519 AAAA...``): it is made anew for each boot, so nothing is trusted on first use.
    """

    def __init__(
        self, name: str, connect: Callable[[], ByteStream], host_key: Callable[[], str], key: paramiko.PKey
    ) -> None:
        self._name = name
        self._connect = connect
        self._host_key = host_key
        self._key = key
        self._idle: list[_Shell] = []
        self._lock = threading.Lock()
        self._closed = False

    def run(self, command: Sequence[str]) -> tuple[int, str]:
        """Run a program in the guest; its exit status and what it printed.

        Raises:
            PeerUnreachable: the guest does not answer.
        """
        with self._reported():
            shell = self._take()
            try:
                result = shell.run(command)
            except BaseException:
                shell.close()
                raise
            self._give_back(shell)
            return result

    def open(self, command: Sequence[str]) -> ByteStream:
        """Start a program in the guest with its standard input attached.

        Raises:
            PeerUnreachable: the guest does not answer.
        """
        with self._reported():
            transport = self._connected()
            channel = transport.open_session(timeout=CONNECT_TIMEOUT_S)
            channel.exec_command(shlex.join(command))
            return ChannelStream(channel, transport.close)

    def close(self) -> None:
        """End the idle shells, and each other connection when its program ends."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for shell in idle:
            shell.close()

    def _take(self) -> _Shell:
        with self._lock:
            while self._idle:
                shell = self._idle.pop()
                if shell.is_active():
                    return shell
        return _Shell(self._connected())

    def _give_back(self, shell: _Shell) -> None:
        with self._lock:
            if not self._closed:
                self._idle.append(shell)
                return
        shell.close()

    def _connected(self) -> paramiko.Transport:
        transport = paramiko.Transport(_TransportSocket(self._connect()))  # type: ignore[arg-type]  # duck-typed
        transport.banner_timeout = CONNECT_TIMEOUT_S
        try:
            transport.start_client(timeout=CONNECT_TIMEOUT_S)
            shown = transport.get_remote_server_key()
            if [shown.get_name(), shown.get_base64()] != self._host_key().split()[:2]:
                raise PeerUnreachable(f"{self._name}: the guest's control channel shows a foreign host key")
            transport.auth_publickey("root", self._key)
        except BaseException:
            transport.close()
            raise
        return transport

    @contextlib.contextmanager
    def _reported(self) -> Iterator[None]:
        try:
            yield
        except (paramiko.SSHException, OSError, EOFError) as error:
            raise PeerUnreachable(f"{self._name}: guest: {error or type(error).__name__}") from error


class _Shell:
    """A shell in the guest that runs one program after the other, with a mark behind the output of each."""

    def __init__(self, transport: paramiko.Transport) -> None:
        self._transport = transport
        self._channel = transport.open_session(timeout=CONNECT_TIMEOUT_S)
        self._channel.settimeout(COMMAND_TIMEOUT_S)
        self._channel.set_combine_stderr(True)
        self._channel.exec_command("sh")

    def run(self, command: Sequence[str]) -> tuple[int, str]:
        """Exit status and output. Raises EOFError when the shell ends, OSError when it takes too long."""
        mark = secrets.token_hex(16)
        script = f"{shlex.join(command)} </dev/null 2>&1; printf '\\n%s %d\\n' {mark} $?\n"
        self._channel.sendall(script.encode())
        end = re.compile(rb"\n" + mark.encode() + rb" (\d+)\n\Z")
        output = bytearray()
        deadline = time.monotonic() + COMMAND_TIMEOUT_S
        while not (found := end.search(output, max(0, len(output) - _MARK_OCTETS))):
            self._channel.settimeout(max(deadline - time.monotonic(), _LEAST_WAIT_S))
            data = self._channel.recv(_CHUNK)
            if not data:
                raise EOFError("its shell ended")
            output += data
        return int(found[1]), output[: found.start()].decode(errors="replace")

    def is_active(self) -> bool:
        """Whether it can take a program."""
        return self._transport.is_active() and not self._channel.closed

    def close(self) -> None:
        """End it, and its connection."""
        self._transport.close()


class ChannelStream:
    """A program's standard streams over an SSH channel. Implements ByteStream. ``done`` is called when it is closed."""

    def __init__(self, channel: paramiko.Channel, done: Callable[[], None]) -> None:
        self._channel = channel
        self._done = done

    def read(self) -> tuple[int, bytes] | None:
        """See ByteStream. Standard error comes last, when standard output has ended."""
        for kind, receive in ((STDOUT, self._channel.recv), (STDERR, self._channel.recv_stderr)):
            if data := receive(_CHUNK):
                return kind, data
        return None

    def write(self, data: bytes) -> None:
        """See ByteStream."""
        self._channel.sendall(data)

    def end_input(self) -> None:
        """See ByteStream."""
        self._channel.shutdown_write()

    def set_timeout(self, seconds: float | None) -> None:
        """See ByteStream."""
        self._channel.settimeout(seconds)

    def close(self) -> None:
        """See ByteStream."""
        self._channel.close()
        self._done()

    def exit_status(self) -> int | None:
        """See ByteStream."""
        return self._channel.recv_exit_status() if self._channel.exit_status_ready() else None


class _TransportSocket:
    """The part of a socket that paramiko's transport uses. It reads in a thread of its own and needs no timeout."""

    def __init__(self, stream: ByteStream) -> None:
        self._stream = stream
        self._socket = StreamSocket(stream)
        self._closed = False  # paramiko looks at it

    def recv(self, count: int) -> bytes:
        try:
            return self._socket.recv(count)
        except PeerUnreachable:
            return b""

    def send(self, data: bytes) -> int:
        self._stream.write(data)
        return len(data)

    def settimeout(self, seconds: float | None) -> None:
        del seconds

    def close(self) -> None:
        self._closed = True
        self._stream.close()
