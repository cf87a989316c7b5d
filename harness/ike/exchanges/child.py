"""The Child SA that IKE_AUTH sets up (RFC 7296 sections 1.2, 2.9 and 2.17)."""

from __future__ import annotations

from dataclasses import dataclass, replace

from harness.crypto.key_schedule import child_keys
from harness.crypto.protection import protection
from harness.ike.configuration import Configuration
from harness.ike.errors import PeerMisbehaved
from harness.ike.events import ChildEstablished, ChildRefused
from harness.ike.machine import Machine
from harness.ike.negotiation import answer as answer_sa
from harness.ike.negotiation import check_answer, check_numbers, choose
from harness.ike.protected import Opened
from harness.ike.selectors import in_their_form, narrow
from harness.ike.states import AuthSent, Standing
from harness.policy.proposals import Suite
from harness.registry.messages import Protocol
from harness.registry.notifications import NotifyType
from harness.registry.transforms import TransformType
from harness.wire.payload import Payload
from harness.wire.payloads import Notify, SecurityAssociation, TrafficSelectorsInitiator, TrafficSelectorsResponder
from harness.wire.payloads.security_association import Proposal
from harness.wire.payloads.traffic_selector import OpaqueSelector, TrafficSelector

_RESERVED_SPIS = 255
Selectors = tuple[TrafficSelector | OpaqueSelector, ...]


@dataclass(frozen=True, slots=True)
class Agreed:
    """What an exchange agreed on for one Child SA."""

    spis: tuple[bytes, bytes]  # ours, theirs
    suite: Suite
    ts_i: Selectors
    ts_r: Selectors
    transport_mode: bool


def mode_request(configuration: Configuration) -> tuple[Notify, ...]:
    """USE_TRANSPORT_MODE beside the SA payload, where that mode is wanted (section 1.3.1)."""
    return (Notify(NotifyType.USE_TRANSPORT_MODE),) if configuration.transport_mode else ()


def take(machine: Machine, sent: AuthSent, standing: Standing, opened: Opened) -> Standing:
    """The initiator takes SAr2, TSi and TSr; without them the IKE SA stands alone (section 2.21.2).

    A responder that leaves out USE_TRANSPORT_MODE declines it: the Child SA is then in tunnel mode (section 1.3.1).

    Raises:
        PeerMisbehaved: the answer is not a part of our offer, or not in its form.
    """
    where = "IKE_AUTH response"
    sa = next((p for p in opened.inner if isinstance(p, SecurityAssociation)), None)
    ts_i = next((p for p in opened.inner if isinstance(p, TrafficSelectorsInitiator)), None)
    ts_r = next((p for p in opened.inner if isinstance(p, TrafficSelectorsResponder)), None)
    # An error notification fails the request, whatever stands beside it: strongSwan leaves SA, TSi and TSr there when
    # only the installation failed (section 2.21.2; appendix C.2 has the notification in their place).
    errors = [n.notify_type for n in opened.inner if isinstance(n, Notify) and n.notify_type.is_error]
    if errors or (sa is None and ts_i is None and ts_r is None):
        machine.emit(ChildRefused(errors[0] if errors else NotifyType.NO_PROPOSAL_CHOSEN, by_peer=True))
        return standing
    if sa is None or ts_i is None or ts_r is None:
        raise PeerMisbehaved("SA, TSi and TSr, or none of them", "one or two", where)
    suite, accepted = check_answer(sent.child_offer, sa, where)
    spi = _esp_spi(accepted, where)
    configuration = machine.configuration
    if not (in_their_form(ts_i.selectors) and in_their_form(ts_r.selectors)):
        raise PeerMisbehaved("traffic selectors in their form", "others", where)
    pairs = (ts_i.selectors, configuration.local_selectors), (ts_r.selectors, configuration.remote_selectors)
    if any(narrow((each,), offered) != (each,) for answered, offered in pairs for each in answered):
        raise PeerMisbehaved("traffic selectors within our offer", "others", where)
    transport = _asks_for_transport(opened)
    if transport and not configuration.transport_mode:
        raise PeerMisbehaved("tunnel mode, as nothing else was asked for", "USE_TRANSPORT_MODE", where)
    agreed = Agreed((sent.child_spi, spi), suite, ts_i.selectors, ts_r.selectors, transport)
    return announce(machine, _stand(machine, standing, agreed))


def answer(machine: Machine, standing: Standing, opened: Opened) -> tuple[Standing, tuple[Payload, ...]]:
    """The responder's choice: SAr2, TSi and TSr, or the error notification that leaves the IKE SA alone.

    Raises:
        PeerMisbehaved: the chosen proposal has no SPI of ESP, or a reserved one; selectors are not in their form.
    """
    sa = next((p for p in opened.inner if isinstance(p, SecurityAssociation)), None)
    ts_i = next((p for p in opened.inner if isinstance(p, TrafficSelectorsInitiator)), None)
    ts_r = next((p for p in opened.inner if isinstance(p, TrafficSelectorsResponder)), None)
    if sa is None or ts_i is None or ts_r is None:
        return standing, ()  # childless (RFC 6023)
    check_numbers(sa)
    chosen = choose(sa, machine.configuration.esp, Protocol.ESP)
    if chosen is None:
        return _refuse(machine, standing, NotifyType.NO_PROPOSAL_CHOSEN)
    if not (in_their_form(ts_i.selectors) and in_their_form(ts_r.selectors)):
        raise PeerMisbehaved("traffic selectors in their form", "others", "IKE_AUTH request")
    narrowed_i = narrow(ts_i.selectors, machine.configuration.remote_selectors)
    narrowed_r = narrow(ts_r.selectors, machine.configuration.local_selectors)
    if not narrowed_i or not narrowed_r:
        return _refuse(machine, standing, NotifyType.TS_UNACCEPTABLE)
    suite, proposal = chosen
    spis = new_spi(machine), _esp_spi(proposal, "IKE_AUTH request")
    transport = machine.configuration.transport_mode and _asks_for_transport(opened)
    payloads = (
        *(mode_request(machine.configuration) if transport else ()),
        answer_sa(suite, Protocol.ESP, spis[0]),
        TrafficSelectorsInitiator(narrowed_i),
        TrafficSelectorsResponder(narrowed_r),
    )
    return _stand(machine, standing, Agreed(spis, suite, narrowed_i, narrowed_r, transport)), payloads


def new_spi(machine: Machine) -> bytes:
    """What we want packets marked with: 4 random octets, never a reserved number (RFC 4303 section 2.1)."""
    drawn = machine.rng(4)
    return drawn if int.from_bytes(drawn) > _RESERVED_SPIS else b"\x80" + drawn[1:]


def _esp_spi(proposal: Proposal, where: str) -> bytes:
    """What the other side wants its packets marked with: 4 octets for ESP (section 3.3.1), and no reserved number.

    0 to 255 are reserved (RFC 4303 section 2.1). With 0, on the port of NAT traversal, ESP would be taken for IKE.
    """
    if len(proposal.spi) != 4:
        raise PeerMisbehaved("an ESP SPI of 4 octets", f"{len(proposal.spi)} octets", where)
    if int.from_bytes(proposal.spi) <= _RESERVED_SPIS:
        raise PeerMisbehaved("an ESP SPI above 255", proposal.spi.hex(), where)
    return proposal.spi


def _asks_for_transport(opened: Opened) -> bool:
    return any(isinstance(p, Notify) and p.notify_type == NotifyType.USE_TRANSPORT_MODE for p in opened.inner)


def _refuse(machine: Machine, standing: Standing, notify: NotifyType) -> tuple[Standing, tuple[Payload, ...]]:
    machine.emit(ChildRefused(notify, by_peer=False))
    return standing, (Notify(notify),)


def _stand(machine: Machine, standing: Standing, agreed: Agreed) -> Standing:
    agreement, suite = standing.agreement, agreed.suite
    encr, integ = suite.get(TransformType.ENCR), suite.get(TransformType.INTEG)
    if encr is None:
        raise PeerMisbehaved("an ENCR transform", "none", "SA of the Child SA")
    cipher = protection(encr, integ if integ and integ.identifier else None)
    schedule = agreement.schedule
    keys = child_keys(schedule.prf, agreement.keys.sk_d, schedule.nonce_i, schedule.nonce_r, cipher)
    machine.keylog.child_keys.append(keys)
    initiator = machine.configuration.initiator
    local, remote = (agreed.ts_i, agreed.ts_r) if initiator else (agreed.ts_r, agreed.ts_i)
    established = ChildEstablished(*agreed.spis, suite, keys, local, remote, initiator, agreed.transport_mode)
    return replace(standing, child_spis=(*standing.child_spis, agreed.spis), announced=established)


def announce(machine: Machine, standing: Standing) -> Standing:
    """Tell of a new Child SA, once everything about it is on its way."""
    if standing.announced is not None:
        machine.emit(standing.announced)
    return replace(standing, announced=None)
