"""What was loaded into a daemon, and its log since."""

import time
from types import SimpleNamespace

from harness.lab.products.shared.loaded_connections import LoadedConnections


def test_the_log_begins_where_the_connection_was_loaded(connection):
    asked = []

    def log(since):
        asked.append(since)
        return "printed\n"

    loaded = LoadedConnections(SimpleNamespace(log=log))
    before = time.time()
    loaded.add(connection)
    assert loaded.get("case-7") is connection
    assert loaded.log("case-7") == "printed\n"
    assert before - 2 < asked[0] < time.time()


def test_what_never_was_loaded_has_no_log():
    loaded = LoadedConnections(SimpleNamespace())
    assert loaded.get("case-8") is None
    assert loaded.log("case-8") == ""
