"""IKE SAs that are begun and left alone, so that a responder sees itself under attack (RFC 7296 section 2.6)."""

from __future__ import annotations

import asyncio
import os
import time
from dataclasses import replace
from enum import StrEnum

from harness.ike.configuration import Configuration, Path
from harness.ike.session import Session
from harness.registry.notifications import NotifyType
from harness.transport.endpoint import Endpoint
from harness.transport.wiring import DIRECT, Wiring
from harness.wire.errors import MalformedMessage
from harness.wire.message import Message
from harness.wire.payloads import Notify

_PATIENCE = 2.0  # seconds for an answer
_PAUSE = 0.1  # seconds before the peer is asked again: it may count an IKE SA only after its answer has left


class InitAnswer(StrEnum):
    """What came back to an IKE_SA_INIT request."""

    NONE = "none"
    COOKIE = "cookie"
    OTHER = "other"


async def until_cookies(configuration: Configuration, most: int, wiring: Wiring = DIRECT) -> list[InitAnswer]:
    """Leave IKE SAs half-open, one after the other, until the peer demands a cookie; ``most`` at most. The answers."""
    answers: list[InitAnswer] = []
    while len(answers) < most and (not answers or answers[-1] is InitAnswer.OTHER):
        if answers:
            await asyncio.sleep(_PAUSE)
        answers.append(await leave_half_open(configuration, wiring))
    return answers


async def leave_half_open(configuration: Configuration, wiring: Wiring = DIRECT) -> InitAnswer:
    """Send one IKE_SA_INIT request from a port of its own and never go on; what it was answered with.

    Unless that was a COOKIE, the peer then holds one half-open IKE SA more: what makes it demand cookies.
    """
    answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def receive(data: bytes, _path: Path) -> None:
        if not answer.done():
            answer.set_result(data)

    local, remote = (configuration.path.local[0], 0), configuration.path.remote
    endpoint = await Endpoint.open(local[0], receive, (0,), wiring, remote[0])
    session = Session(replace(configuration, path=Path(local, remote)), os.urandom)
    try:
        session.start(time.monotonic())
        for datagram in session.datagrams_to_send(time.monotonic()):
            endpoint.send(datagram)
        return _kind(await asyncio.wait_for(answer, _PATIENCE))
    except TimeoutError:
        return InitAnswer.NONE
    finally:
        endpoint.close()


def _kind(answer: bytes) -> InitAnswer:
    try:
        payloads = Message.parse(answer).payloads
    except MalformedMessage:
        return InitAnswer.OTHER
    kinds = [payload.notify_type for payload in payloads if isinstance(payload, Notify)]
    return InitAnswer.COOKIE if NotifyType.COOKIE in kinds else InitAnswer.OTHER
