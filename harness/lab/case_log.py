"""The lines of a shared daemon's log that belong to one connection."""

from __future__ import annotations

import re

# "2026-11-21T09:13:22.499 13[IKE] <name|7> text" once the connection is known, "<7>" before that.
_TAG = re.compile(r"\d\d\[\w+\] <(?:(?P<name>[^|>]+)\|)?(?P<number>\d+)> ")


def lines_of_case(log: str, connection: str, remote_address: str) -> str:
    """The lines tagged with the connection, with an SA that it or its remote address had, or that name either."""
    lines = log.splitlines()
    address = re.compile(rf"(?<![\d.:a-f]){re.escape(remote_address)}(?![\d.:a-f]*[\d:a-f])")
    name = re.compile(rf"(?<![\w-]){re.escape(connection)}(?![\w-])")
    numbers = set()
    for line in lines:
        tag = _TAG.search(line)
        if tag and (tag["name"] == connection or address.search(line)):
            numbers.add(tag["number"])
    chosen = []
    for line in lines:
        tag = _TAG.search(line)
        if tag["number"] in numbers if tag else (name.search(line) or address.search(line)):
            chosen.append(line)
    return "\n".join(chosen) + "\n" if chosen else ""
