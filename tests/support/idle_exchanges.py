"""An initiator that begins IKE_INTERMEDIATE without a key exchange before IKE_AUTH, as Libreswan does with one.

Or in front of its key exchanges: RFC 9370 section 2.2.2 counts KE payloads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from unittest.mock import patch

from harness.crypto.authentication import int_auth
from harness.crypto.interface import KeyPair
from harness.ike import table
from harness.ike.configuration import Path
from harness.ike.exchanges import authentication, intermediate
from harness.ike.machine import Machine
from harness.ike.protected import Opened
from harness.ike.states import Agreement, IntermediateSent, State
from harness.ike.table import RESPONSE, Transition, Trigger
from harness.registry.messages import ExchangeType
from harness.wire.payload import Payload
from harness.wire.payloads import Notify

_EXCHANGE = ExchangeType.IKE_INTERMEDIATE


@contextmanager
def idle_exchanges(count: int, payloads: tuple[Payload, ...] = (), *, first: bool = False) -> Iterator[None]:
    """Inside, every initiator begins ``count`` of them, with these payloads, once its key exchanges are done.

    ``first`` is before each of them instead.
    """
    place = intermediate if first else authentication
    proceed: Callable[[Machine, Agreement], State] = place.request
    respond, left = intermediate.response, [count]

    def begin(machine: Machine, agreement: Agreement) -> State:
        if not left[0]:
            left[0] = count
            return proceed(machine, agreement)
        left[0] -= 1
        sealed = machine.send_request(agreement, _EXCHANGE, payloads)
        chained = int_auth(agreement.prf, agreement.keys.sk_pi, agreement.int_auth_i, sealed.a, sealed.p)
        return IntermediateSent(agreement, KeyPair(b"", None), chained)

    def take(machine: Machine, state: IntermediateSent, opened: Opened, path: Path) -> State:
        agreement = state.agreement
        if state.key_pair.public or any(isinstance(payload, Notify) for payload in opened.inner):
            return respond(machine, state, opened, path)
        chained = int_auth(agreement.prf, agreement.keys.sk_pr, agreement.int_auth_r, opened.a, opened.p)
        machine.keylog.int_auth_initiator.append(state.int_auth_i)
        machine.keylog.int_auth_responder.append(chained)
        return begin(machine, replace(agreement, int_auth_i=state.int_auth_i, int_auth_r=chained))

    trigger = Trigger(IntermediateSent, _EXCHANGE, RESPONSE)
    taking = {**table.PROTECTED, trigger: Transition(take, table.PROTECTED[trigger].leads_to)}
    with patch.object(place, "request", begin), patch.object(table, "PROTECTED", taking):
        yield
