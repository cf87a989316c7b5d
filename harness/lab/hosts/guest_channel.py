"""The way to a guest's programs: SSH through the container, on the link that only container and guest have."""

from __future__ import annotations

import contextlib
import logging
import shlex
from collections.abc import Callable, Iterator, Sequence

import paramiko

from harness.lab.errors import PeerUnreachable, TooMuchSaid
from harness.lab.hosts.byte_stream import STDERR, STDOUT, ByteStream, StreamSocket
from harness.lab.hosts.shell import Shells, TooMuchPrinted

CONNECT_TIMEOUT_S = 30.0
_CHUNK = 65536  # octets

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
        self._shells = Shells(lambda: self._started(["sh"]))

    def run(self, command: Sequence[str]) -> tuple[int, str]:
        """Run a program in the guest; its exit status and what it printed.

        Raises:
            PeerUnreachable: the guest does not answer.
        """
        with self._reported():
            return self._shells.run(command)

    def open(self, command: Sequence[str]) -> ByteStream:
        """Start a program in the guest with its standard input attached.

        Raises:
            PeerUnreachable: the guest does not answer.
        """
        with self._reported():
            return self._started(command)

    def close(self) -> None:
        """End the idle shells, and each other connection when its program ends."""
        self._shells.close()

    def _started(self, command: Sequence[str]) -> ChannelStream:
        transport = self._connected()
        try:
            channel = transport.open_session(timeout=CONNECT_TIMEOUT_S)
            channel.exec_command(shlex.join(command))
        except BaseException:
            transport.close()
            raise
        return ChannelStream(channel, transport.close)

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
        except TooMuchPrinted as error:
            raise TooMuchSaid(f"{self._name}: guest: {error}") from error
        except (paramiko.SSHException, OSError, EOFError) as error:
            raise PeerUnreachable(f"{self._name}: guest: {str(error) or type(error).__name__}") from error


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
