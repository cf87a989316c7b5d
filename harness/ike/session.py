"""A session: one IKE SA from the first datagram to the last, without any I/O of its own.

The caller hands in datagrams and the time, and takes out datagrams, timers and events. Initiator and responder are the
same machine; only ``start`` belongs to one of them.
"""

from __future__ import annotations

from harness.crypto.errors import IntegrityError, InvalidKeyExchangeData, MethodUnavailable
from harness.crypto.random_source import Rng
from harness.ike import table
from harness.ike.configuration import Configuration, Datagram, Path
from harness.ike.errors import IkeError, LocalMisuse, PeerIncompatible, PeerMisbehaved, PeerRefused, PeerSilent
from harness.ike.events import Closed, Event, Ignored, MessageReceived, Retransmitted
from harness.ike.exchanges import informational, sa_init
from harness.ike.keylog import KeyLog
from harness.ike.machine import NON_ESP_MARKER, Machine, payload_names
from harness.ike.protected import Opened, opened
from harness.ike.reassembly import Reassembly
from harness.ike.states import (
    Agreement,
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
from harness.wire.message import VERSION_2_0, Header, Message
from harness.wire.payloads import Encrypted, EncryptedFragment, Notify, Unknown


class Session:
    """One end of one IKE SA."""

    def __init__(self, configuration: Configuration, rng: Rng) -> None:
        """``rng`` gives random octets; with a fixed one and fixed times the session replays bit for bit."""
        self._machine = Machine(configuration, rng)
        self._state: State = Idle()
        self._reassembly: dict[tuple[int, bool], Reassembly] = {}

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
        reason = self._why_not_ours(message.header) or self._repeated(message)
        if message.header.version > VERSION_2_0 | 0x0F and not message.header.is_response:
            self._machine.refuse_version(message.header, path)
        if reason:
            self._ignore(reason)
            return
        self._dispatch(message, data, path)

    def _why_not_ours(self, header: Header) -> str:
        """Why a message has no business with this IKE SA, or an empty string."""
        machine = self._machine
        if header.version >> 4 != VERSION_2_0 >> 4:
            return f"major version {header.version >> 4}"
        if header.from_initiator == machine.configuration.initiator:
            return "the I flag of our own side"
        if isinstance(self._state, Idle):
            return ""
        if header.initiator_spi != machine.initiator_spi:
            return f"another initiator's SPI, {header.initiator_spi.hex()}"
        if machine.responder_spi != bytes(8) and header.responder_spi not in (machine.responder_spi, bytes(8)):
            return f"another responder's SPI, {header.responder_spi.hex()}"
        return ""

    def _repeated(self, message: Message) -> str:
        """Deal with Message IDs (RFC 7296 sections 2.1 to 2.3): why not to process a message, or an empty string.

        A repeated request gets the same response again; if it came in fragments, only for the first (RFC 7383 2.6.1).
        """
        machine, header = self._machine, message.header
        if header.is_response:
            outstanding = machine.window.outstanding
            expected = None if outstanding is None else outstanding.message_id
            return "" if header.message_id == expected else f"response {header.message_id}, awaited {expected}"
        if header.message_id == machine.window.next_peer:
            return ""
        again = header.message_id == machine.window.next_peer - 1 and machine.window.answered_path is not None
        last = message.payloads[-1] if message.payloads else None
        if again and not (isinstance(last, EncryptedFragment) and last.fragment_number != 1):
            assert machine.window.answered_path is not None
            machine.transmit(machine.window.answered, machine.window.answered_path)
            return f"request {header.message_id} again: the same response went out"
        return f"request {header.message_id}, awaited {machine.window.next_peer}"

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
            whole = self._open(agreement, message, data)
            if whole is not None:
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

    def _open(self, agreement: Agreement, message: Message, data: bytes) -> Opened | None:
        """Decrypt a message, or queue a fragment of one; None as long as nothing whole is there."""
        last = message.payloads[-1] if message.payloads else None
        channel = self._machine.channel(agreement, sending=False)
        try:
            if isinstance(last, Encrypted):
                return opened(message.header, [(message, channel.open(message, data))], [len(data)])
            if not isinstance(last, EncryptedFragment):
                self._ignore(f"{message.header.exchange_type} without an Encrypted payload")
                return None
            key = (message.header.message_id, message.header.is_response)
            queue = self._reassembly.setdefault(key, Reassembly())
            reason = queue.why_discard(last)
            if reason:
                self._ignore(reason)
                return None
            if not queue.add(message, last, channel.open(message, data), len(data)):
                return None
        except IntegrityError:
            self._ignore("the Integrity Checksum Data does not fit")
            return None
        pieces = self._reassembly.pop(key).in_order()
        return opened(message.header, [(m, plain) for m, plain, _ in pieces], [octets for _, _, octets in pieces])

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
