"""What a kernel still holds of a case, and the memory of the daemon: one command, and what it prints.

Cases share a daemon and its kernel. What belongs to one of them has its other side's address: the outer one, which no
other case of the peer has at the time, or the inner one, which no other case of the run has at all.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from pathlib import Path

from harness.evidence.peer_report import Residue
from harness.lab.products.shared import xfrm_report

_ENTRIES = re.compile(r"^(?=src )", re.MULTILINE)
_IS_STATE = re.compile(r"src [^\n]*\n[ \t]+proto ")
_SELECTOR = re.compile(r"src (?P<source>\S+) dst (?P<destination>\S+)")
_DIRECTION = re.compile(r"^[ \t]+(?:dir|socket) (?P<direction>\w+)", re.MULTILINE)
_TEMPLATE = re.compile(r"^[ \t]+tmpl src (?P<source>\S+) dst (?P<destination>\S+)", re.MULTILINE)
_NAMED = re.compile(r"^Name:[ \t]+(?P<name>\S+)\n(?P<memory>VmRSS:.*)?", re.MULTILINE)
_RESIDENT = re.compile(r"^VmRSS:[ \t]+(?P<kibioctets>[0-9]{1,15}) kB", re.MULTILINE)
_KIBI = 1024
_SHOWN = 200  # characters of an answer that is not one

_MARK = "====\n"

# Three programs and no more, as each costs a guest milliseconds; `ip -batch` would end after its first list. The shell
# must not end in grep's failures: a process may end while its status is read.
COMMAND = """\
ip xfrm state && ip xfrm policy && echo ====
grep -shE '^(Name|VmRSS):' /proc/[0-9]*/status
true"""
"""A shell script that shows the kernel's ESP SAs and policies, and then the memory of every process by name.

Between the two stands a mark, once the kernel has answered both times: without it nothing is known of the kernel.
"""


def parse(output: str, ike_sas: Iterable[str], addresses: Collection[str], daemon: str) -> Residue:
    """What the script printed: what has one of the addresses (without prefix length), the memory of one daemon."""
    kernel, mark, processes = output.partition(_MARK)
    if not mark:
        return Residue(tuple(ike_sas), unknown=f"the kernel did not answer to the end: {output.strip()[-_SHOWN:]!r}")
    entries = [entry for entry in _ENTRIES.split(kernel) if _SELECTOR.match(entry)]
    states = "".join(entry for entry in entries if _IS_STATE.match(entry))
    esp_sas = tuple(
        f"spi {sa.spi}, {sa.source} to {sa.destination}"
        for sa in xfrm_report.parse(states, counted=False)
        if {sa.source, sa.destination} & set(addresses)
    )
    policies = (entry for entry in entries if not _IS_STATE.match(entry))
    memory = "\n".join(found["memory"] or "" for found in _NAMED.finditer(processes) if found["name"] == daemon)
    return Residue(tuple(ike_sas), esp_sas, tuple(_policies(policies, set(addresses))), resident_octets(memory))


def resident_octets(status: str) -> int | None:
    """The sum over the processes whose ``/proc/<process>/status`` is given; None without any."""
    found = [int(each["kibioctets"]) * _KIBI for each in _RESIDENT.finditer(status)]
    return sum(found) if found else None


def resident_octets_of(process: int | None) -> int | None:
    """The memory of the first process of a container on this machine, by its number here; None if it is not here."""
    try:
        status = Path(f"/proc/{process}/status").read_text()
    except OSError:  # a remote engine, or one that hides its processes
        return None
    inside = re.search(r"^NSpid:.*\s(\d+)$", status, re.MULTILINE)
    return resident_octets(status) if inside and inside[1] == "1" else None


def _policies(policies: Iterable[str], addresses: set[str]) -> Iterable[str]:
    """Policies whose selector or template has one of the addresses."""
    for policy in policies:
        head = _SELECTOR.match(policy)
        assert head is not None
        ends = [head, *_TEMPLATE.finditer(policy)]
        if {each[key].partition("/")[0] for each in ends for key in ("source", "destination")} & addresses:
            direction = _DIRECTION.search(policy)
            way = direction["direction"] if direction else "?"
            yield f"{way}, {head['source']} to {head['destination']}"
