"""The lines of a shared daemon's log that belong to one connection."""

from __future__ import annotations

import re

from harness.lab.products.shared.fault_lines import is_fault

# "2026-11-21T09:13:22.499 13[IKE] <name|7> text" once the connection is known, "<7>" before that.
_TAG = re.compile(r"\d\d\[\w+\] <(?:(?P<name>[^<|>]+)\|)?(?P<number>\d+)> ")


def lines_of_case(log: str, connection: str, remote_address: str) -> str:
    """The lines that name the connection, and those of every SA that it had, or that its remote address began.

    A fault of the daemon that happened for no connection in particular is every connection's.
    """
    lines = log.splitlines()
    address = re.compile(rf"(?<![\d.:a-f]){re.escape(remote_address)}(?![\d.:a-f]*[\d:a-f])")
    name = re.compile(rf"(?<![\w-]){re.escape(connection)}(?![\w-])")
    numbers, others = set(), set()
    for line in lines:
        tag = _TAG.search(line)
        if tag and tag["name"] and tag["name"] != connection:
            others.add(tag["number"])
        elif tag and (tag["name"] or address.search(line)):
            numbers.add(tag["number"])
    numbers -= others
    chosen = []
    for line in lines:
        tag = _TAG.search(line)
        if tag["number"] in numbers if tag else name.search(line) or is_fault(line):
            chosen.append(line)
    return "\n".join(chosen) + "\n" if chosen else ""
