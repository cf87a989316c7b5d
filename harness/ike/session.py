"""A session: one IKE SA from the first datagram to the last, without any I/O of its own.

The caller hands in datagrams and the time, and takes out datagrams, timers and events. Initiator and responder are the
same machine; only ``start`` belongs to one of them.
"""

from __future__ import annotations

from harness.crypto.errors import InvalidKeyExchangeData, MethodUnavailable
from harness.crypto.random_source import Rng
from harness.ike import table
from harness.ike.admission import has_higher_version, why_not_now, why_not_ours
from harness.ike.configuration import Configuration, Datagram, Path
from harness.ike.errors import IkeError, LocalMisuse, PeerIncompatible, PeerMisbehaved, PeerRefused, PeerSilent
from harness.ike.events import Closed, Event, Ignored, MessageReceived, Retransmitted
from harness.ike.exchanges import informational, sa_init
from harness.ike.keylog import KeyLog
from harness.ike.machine import NON_ESP_MARKER, Machine, payload_names
from harness.ike.opening import Opener
from harness.ike.protected import Opened
from harness.ike.states import (
    AuthSent,
    Deleting,
    Gone,
    HalfOpen,
    Idle,
    IntermediateSent,
    Standing,
    State,
    agreement_of,
    on_path,
)
from harness.registry.messages import ExchangeType
from harness.registry.notifications import NotifyType
from harness.wire.errors import MalformedMessage
from harness.wire.message import Header, Message
from harness.wire.payloads import Notify, Unknown


class Session:
    """One end of one IKE SA."""

    def __init__(self, configuration: Configuration, rng: Rng) -> None:
        """``rng`` gives random octets; with a fixed one and fixed times the session replays bit for bit."""
        self._machine = Machine(configuration, rng)
        self._state: State = Idle()
        self._opener = Opener()

    @property
    def state(self) -> State:
        """The present state."""
        return self._state

    @property
    def keylog(self) -> KeyLog:
        """Every secret so far; handle with care."""
        return self._machine.keylog

    @property
    def spis(self) -> tuple[bytes, bytes]:
        """The initiator's and the responder's SPI, 8 octets each; zero while unknown."""
        return self._machine.initiator_spi, self._machine.responder_spi

    def start(self, now: float) -> None:
        """Begin as the initiator.

        Raises:
            LocalMisuse: the session has begun, or its configuration makes it the responder.
        """
        if not isinstance(self._state, Idle) or not self._machine.configuration.initiator:
            raise LocalMisuse("an idle initiator", type(self._state).__name__, "start")
        self._machine.now = now
        self._state = sa_init.start(self._machine, self._state)

    def send_liveness(self, now: float) -> None:
        """Send an empty INFORMATIONAL request. Raises LocalMisuse unless the IKE SA stands."""
        self._state = informational.liveness(self._machine, self._standing(now, "liveness"))

    def delete(self, now: float) -> None:
        """Delete the IKE SA. Raises LocalMisuse unless it stands."""
        self._state = informational.delete(self._machine, self._standing(now, "delete"))

    def _standing(self, now: float, what: str) -> Standing:
        self._machine.now = now
        if not isinstance(self._state, Standing):
            raise LocalMisuse("an IKE SA that stands", type(self._state).__name__, what)
        return self._state

    def next_event(self) -> Event | None:
        """The oldest event that was not yet taken."""
        return self._machine.events.popleft() if self._machine.events else None

    def datagrams_to_send(self, now: float) -> list[Datagram]:
        """The datagrams that are due."""
        self._machine.now = now
        due = list(self._machine.outbox)
        self._machine.outbox.clear()
        return due

    def get_timer(self) -> float | None:
        """When ``handle_timer`` wants to be called, None for never."""
        outstanding, refusal = self._machine.window.outstanding, self._machine.refusal
        times = [outstanding.repeat_at] if outstanding else []
        times += [refusal[0]] if refusal else []
        return min(times, default=None)

    def handle_timer(self, now: float) -> None:
        """Believe a refusal that nothing better followed, or repeat a request, or give the peer up."""
        machine = self._machine
        machine.now = now
        if machine.refusal is not None and now >= machine.refusal[0]:
            self._close(machine.refusal[1])
            return
        outstanding = machine.window.outstanding
        if outstanding is None or now < outstanding.repeat_at:
            return
        timing = machine.configuration.retransmission
        outstanding.attempt += 1
        if outstanding.attempt > timing.tries:
            where = f"{outstanding.exchange.name} request"
            silent = PeerSilent("an answer", f"none to {timing.tries + 1} transmissions", where)
            self._close(machine.refusal[1] if machine.refusal is not None else silent)
            return
        outstanding.repeat_at = now + timing.delay(outstanding.attempt)
        machine.emit(Retransmitted(outstanding.exchange, outstanding.message_id, outstanding.attempt))
        machine.transmit(outstanding.messages, outstanding.path)

    def receive_datagram(self, data: bytes, path: Path, now: float) -> None:
        """Take one UDP payload that arrived on ``path``; on the NAT traversal port it begins with the non-ESP marker.

        Never raises for what a peer sends: a datagram that cannot be used is told of as Ignored, one that ends the IKE
        SA as Closed.
        """
        self._machine.now = now
        if path.local[1] == self._machine.configuration.nat_port:
            if data[:4] != NON_ESP_MARKER:
                self._ignore("no non-ESP marker on the NAT traversal port")
                return
            data = data[4:]
        try:
            message = Message.parse(data)
        except MalformedMessage as error:
            self._ignore(f"malformed: {error}")
            return
        idle = isinstance(self._state, Idle)
        reason = why_not_ours(self._machine, message.header, idle=idle) or why_not_now(self._machine, message)
        if has_higher_version(message.header) and not message.header.is_response:
            self._machine.refuse_version(message.header, path)
        if reason:
            self._ignore(reason)
            return
        self._dispatch(message, data, path)

    def _dispatch(self, message: Message, data: bytes, path: Path) -> None:
        header = message.header
        trigger = table.Trigger(type(self._state), header.exchange_type, header.is_response)
        try:
            if trigger in table.UNPROTECTED:
                self._tell_received(header, message.payloads, (len(data),))
                self._machine.initiator_spi = header.initiator_spi
                self._refuse_critical(message.payloads)
                handler = table.UNPROTECTED[trigger].handler
                self._state = handler(self._machine, self._state, message, data, path)
                return
            agreement = agreement_of(self._state)
            if trigger not in table.PROTECTED or agreement is None:
                self._ignore(f"{header.exchange_type} has no place in {type(self._state).__name__}")
                return
            whole = self._opener.open(self._machine.channel(agreement, sending=False), message, data)
            if isinstance(whole, str):
                self._ignore(whole)
            elif whole is not None:
                self._handle(trigger, whole, path)
        except (IkeError, MalformedMessage, InvalidKeyExchangeData, MethodUnavailable) as error:
            self._fail(error, header, path)

    def _handle(self, trigger: table.Trigger, whole: Opened, path: Path) -> None:
        self._tell_received(whole.header, whole.payloads, whole.octets)
        if trigger.response:
            self._machine.window.response_arrived()
        elif isinstance(self._state, HalfOpen | Standing | Deleting) and not self._machine.configuration.initiator:
            # Behind a NAT the initiator's address may change: follow its authenticated requests (section 2.23).
            self._state = on_path(self._state, path)
        self._refuse_critical(whole.payloads)
        self._state = table.PROTECTED[trigger].handler(self._machine, self._state, whole, path)

    def _refuse_critical(self, payloads: tuple[object, ...]) -> None:
        for payload in payloads:
            if isinstance(payload, Unknown) and payload.critical:
                # The notification's data is the payload type, one octet (section 2.5).
                notify, number = NotifyType.UNSUPPORTED_CRITICAL_PAYLOAD, int(payload.number)
                raise PeerMisbehaved("known critical payloads", f"type {number}", "message", notify, bytes((number,)))

    def _fail(self, error: Exception, header: Header, path: Path) -> None:
        """Tell the peer, where a rule says how, and close.

        Once the IKE SA stands, only INVALID_SYNTAX is fatal to it: any other refused request is answered, and that is
        all (RFC 7296 section 2.21.3).
        """
        machine, agreement = self._machine, agreement_of(self._state)
        notify = getattr(error, "notify", NotifyType.INVALID_SYNTAX)
        if header.is_response:
            machine.window.response_arrived()
        if not isinstance(error, PeerRefused):
            payload = Notify(notify, getattr(error, "data", b""))
            if header.exchange_type == ExchangeType.IKE_SA_INIT:
                if not header.is_response:
                    machine.send_init_response((payload,), path, keeps_state=False)
            elif agreement is not None and not header.is_response:
                machine.send_response(agreement, header.exchange_type, path, (payload,))
            elif agreement is not None and isinstance(self._state, IntermediateSent | AuthSent):
                informational.report_failure(machine, agreement, payload)
            fatal = header.is_response or notify == NotifyType.INVALID_SYNTAX
            if isinstance(self._state, Standing | Deleting) and not fatal:
                self._ignore(f"refused: {error}")
                return
        self._close(error)

    def _close(self, error: Exception) -> None:
        kinds: tuple[tuple[type[Exception], str, str], ...] = (
            (PeerRefused, "refused", "peer"),
            (PeerIncompatible, "incompatible", "peer"),
            (PeerSilent, "silent", "peer"),
            (PeerMisbehaved, "misbehaved", "peer"),
            (MalformedMessage, "malformed", "peer"),
            (InvalidKeyExchangeData, "misbehaved", "peer"),
        )
        kind, party = next(((k, p) for cls, k, p in kinds if isinstance(error, cls)), ("unavailable", "engine"))
        machine = self._machine
        machine.window.response_arrived()
        machine.refusal = None
        notify = getattr(error, "notify", None)
        machine.emit(Closed(str(error), party, kind, by_peer=kind == "refused", notify=notify))
        self._state = Gone()

    def _ignore(self, reason: str) -> None:
        self._machine.emit(Ignored(reason))

    def _tell_received(self, header: Header, payloads: tuple[object, ...], octets: tuple[int, ...]) -> None:
        names = payload_names(payloads)  # type: ignore[arg-type]
        event = MessageReceived(header.exchange_type, header.message_id, header.is_response, sum(octets), octets, names)
        self._machine.emit(event)
