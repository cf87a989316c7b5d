"""IKE SAs that are begun and left alone, so that a responder sees itself under attack (RFC 7296 section 2.6)."""

from __future__ import annotations

import asyncio
import os
import time
from dataclasses import replace

from harness.ike.configuration import Configuration, Path
from harness.ike.session import Session
from harness.transport.endpoint import Endpoint

_PATIENCE = 2.0  # seconds


async def leave_half_open(configuration: Configuration) -> bool:
    """Send one IKE_SA_INIT request from a port of its own and never go on; whether it was answered.

    The peer then holds one half-open IKE SA more: what makes it demand cookies of the next initiator.
    """
    answered = asyncio.Event()

    def receive(_data: bytes, _path: Path) -> None:
        answered.set()

    local, remote = (configuration.path.local[0], 0), configuration.path.remote
    endpoint = await Endpoint.open(local[0], receive, (0,))
    session = Session(replace(configuration, path=Path(local, remote)), os.urandom)
    try:
        session.start(time.monotonic())
        for datagram in session.datagrams_to_send(time.monotonic()):
            endpoint.send(datagram)
        await asyncio.wait_for(answered.wait(), _PATIENCE)
    except TimeoutError:
        return False
    finally:
        endpoint.close()
    return True
