"""The connections that were loaded into a daemon, and what the daemon has printed since."""

from __future__ import annotations

import time

from harness.lab.driver import Connection
from harness.lab.hosts.host import CommandHost

_LOG_MARGIN_S = 1.0  # the log's times are the engine's


class LoadedConnections:
    """Every connection that a driver has loaded, by name, also after it was unloaded."""

    def __init__(self, container: CommandHost) -> None:
        self._container = container
        self._loaded: dict[str, tuple[Connection, float]] = {}  # with the time: seconds since 1970, UTC

    def add(self, connection: Connection) -> None:
        """``connection`` is about to be loaded."""
        self._loaded[connection.name] = connection, time.time()

    def get(self, name: str) -> Connection | None:
        """The connection of that name; None if it never was loaded."""
        return self._loaded[name][0] if name in self._loaded else None

    def log(self, name: str) -> str:
        """All that the container has printed since the connection was loaded; "" if it never was."""
        if name not in self._loaded:
            return ""
        return self._container.log(self._loaded[name][1] - _LOG_MARGIN_S)
