"""What passed between two engines, one arrow a datagram, and what both must have in common in the end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from engine_pair import INITIATOR_ADDRESS, EnginePair

from harness.ike.configuration import Datagram
from harness.ike.events import ChildEstablished, Closed, Established
from harness.ike.machine import Machine
from harness.ike.states import Standing
from harness.registry.messages import ExchangeType
from harness.wire.message import Header, Message
from harness.wire.payload import Payload
from harness.wire.payloads import EncryptedFragment, Notify


def message_of(datagram: Datagram) -> Message:
    """The IKE message of a datagram, fragments included."""
    return Message.parse(ike_octets(datagram))


def ike_octets(datagram: Datagram) -> bytes:
    """The octets without the non-ESP marker."""
    return datagram.payload[4:] if datagram.path.local[1] == 4500 else datagram.payload


def from_initiator(datagram: Datagram) -> bool:
    return datagram.path.local[0] == INITIATOR_ADDRESS


def arrow(datagram: Datagram) -> str:
    """``-> IKE_INTERMEDIATE 1``; a fragment says which, and a notification in the clear that comes first its name."""
    message = message_of(datagram)
    text = f"{'->' if from_initiator(datagram) else '<-'} {message.header.exchange_type} {message.header.message_id}"
    first = message.payloads[0] if message.payloads else None
    if isinstance(first, EncryptedFragment):
        return f"{text} {first.fragment_number}/{first.total_fragments}"
    return f"{text} {first.notify_type}" if isinstance(first, Notify) else text


def arrows(engines: EnginePair) -> list[str]:
    return [arrow(datagram) for datagram in engines.wire]


def exchanges(*names: str) -> list[str]:
    """The arrows of exchanges that go through at once: ``exchanges("IKE_SA_INIT", "IKE_AUTH")``."""
    return [f"{direction} {name} {number}" for number, name in enumerate(names) for direction in ("->", "<-")]


def assert_established(engines: EnginePair) -> None:
    """Both ends stand with the same suite, keys of every generation, IntAuth and Child SA."""
    initiator, responder = engines.initiator, engines.responder
    assert isinstance(initiator.state, Standing), engines.events["initiator"]
    assert isinstance(responder.state, Standing), engines.events["responder"]
    assert initiator.keylog == responder.keylog
    (ours,), (theirs,) = engines.of("initiator", Established), engines.of("responder", Established)
    assert ours.suite == theirs.suite
    assert (ours.peer_identity, theirs.peer_identity) == (b"responder.example", b"initiator.example")
    (child_i,), (child_r,) = engines.of("initiator", ChildEstablished), engines.of("responder", ChildEstablished)
    assert (child_i.local_spi, child_i.remote_spi) == (child_r.remote_spi, child_r.local_spi)
    assert (child_i.keys, child_i.suite) == (child_r.keys, child_r.suite)
    assert (child_i.local_selectors, child_i.remote_selectors) == (child_r.remote_selectors, child_r.local_selectors)


def closed(engines: EnginePair, name: str) -> Closed:
    """The one Closed event of an end."""
    (event,) = engines.of(name, Closed)
    return event


def drop(datagram: Datagram) -> list[bytes]:
    return []


def rewrite(change: Callable[[Message], Message], *, by_initiator: bool, exchange: int = 34) -> Callable[..., Any]:
    """A ``tamper`` that changes one side's messages of an exchange in the clear."""

    def tamper(datagram: Datagram) -> list[bytes]:
        message = message_of(datagram)
        if from_initiator(datagram) != by_initiator or message.header.exchange_type != exchange:
            return [datagram.payload]
        return [change(message).to_bytes()]

    return tamper


def misbehaving(
    monkeypatch: Any,
    change: Callable[[Sequence[Payload]], Sequence[Payload]],
    *,
    initiator: bool,
    exchange: ExchangeType,
) -> None:
    """Let one side put other payloads into its protected messages of an exchange, with good keys and a good ICV."""
    seal = Machine._seal

    def altered(self: Machine, agreement: Any, header: Header, payloads: Sequence[Payload], path: Any) -> Any:
        if self.configuration.initiator == initiator and header.exchange_type == exchange:
            payloads = tuple(change(payloads))
        return seal(self, agreement, header, payloads, path)

    monkeypatch.setattr(Machine, "_seal", altered)
