"""Handshakes one after another against one peer, as fast as they go: for measuring, not for judging.

Run in the tester: ``python3 -m harness.transport.rate COUNT`` with a Job as JSON on standard input; prints one JSON
object with the number of handshakes, their seconds, and the processor time of the engine.
"""

from __future__ import annotations

import json
import os
import select
import socket
import sys
import time

from harness.ike.configuration import Path
from harness.ike.session import Session
from harness.ike.states import Gone, Standing
from harness.json_codec import from_json
from harness.transport.endpoint import IKE_PORT, NAT_PORT
from harness.transport.job import Job
from harness.transport.setting import configuration

_PATIENCE = 5.0  # seconds for one handshake
_DATAGRAM_OCTETS = 65535


def measure(job: Job, count: int) -> dict[str, float]:
    """Set up and delete ``count`` IKE SAs with a Child SA each.

    Raises:
        TimeoutError: a handshake did not end within 5 seconds.
    """
    sockets = {port: _bound(job.address, port) for port in (IKE_PORT, NAT_PORT)}
    began, worked = time.monotonic(), time.process_time()
    for _ in range(count):
        _one(job, sockets)
    result = {"handshakes": float(count), "seconds": time.monotonic() - began}
    result["engine_seconds"] = time.process_time() - worked
    for bound in sockets.values():
        bound.close()
    return result


def _bound(address: str, port: int) -> socket.socket:
    bound = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    bound.bind((address, port))
    bound.setblocking(False)
    return bound


def _one(job: Job, sockets: dict[int, socket.socket]) -> None:
    session = Session(configuration(job), os.urandom)
    deadline = time.monotonic() + _PATIENCE
    session.start(time.monotonic())
    while not isinstance(session.state, Gone):
        now = time.monotonic()
        if now > deadline:
            raise TimeoutError(f"no end of a handshake in {type(session.state).__name__}")
        if isinstance(session.state, Standing):
            session.delete(now)
        for datagram in session.datagrams_to_send(now):
            sockets[datagram.path.local[1]].sendto(datagram.payload, datagram.path.remote)
        timer = session.get_timer()
        wait = max(0.0, min(deadline, timer if timer is not None else deadline) - now)
        for ready in select.select(list(sockets.values()), [], [], wait)[0]:
            data, source = ready.recvfrom(_DATAGRAM_OCTETS)
            session.receive_datagram(data, Path(ready.getsockname(), source), time.monotonic())
        if timer is not None and time.monotonic() >= timer:
            session.handle_timer(time.monotonic())


if __name__ == "__main__":
    result = measure(from_json(Job, json.load(sys.stdin)), int(sys.argv[1]))
    sys.stdout.write(json.dumps(result) + "\n")
