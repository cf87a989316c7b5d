"""Whether a message has business with an IKE SA: version, flags, SPIs, Message IDs (RFC 7296 sections 2.1 to 2.6)."""

from __future__ import annotations

from harness.ike.machine import Machine
from harness.ike.protected import sealed_payload
from harness.registry.messages import ExchangeType
from harness.wire.message import VERSION_2_0, Header, Message
from harness.wire.payloads import EncryptedFragment


def has_higher_version(header: Header) -> bool:
    """Whether the message speaks a higher major version than 2 (RFC 7296 section 2.5)."""
    return header.version > VERSION_2_0 | 0x0F


def why_not_ours(machine: Machine, header: Header, *, idle: bool) -> str:
    """Why a message has no business with this IKE SA, or an empty string. An idle responder has no SPIs to compare."""
    if header.version >> 4 != VERSION_2_0 >> 4:
        return f"major version {header.version >> 4}"
    if header.from_initiator == machine.configuration.initiator:
        return "the I flag of our own side"
    return _other_spis(machine, header, idle=idle)


def _other_spis(machine: Machine, header: Header, *, idle: bool) -> str:
    """What is wrong with the SPIs (section 3.1): the responder's may be zero in IKE_SA_INIT alone."""
    if not any(header.initiator_spi):
        return "an initiator's SPI of zero"
    if idle:
        return ""
    if header.initiator_spi != machine.initiator_spi:
        return f"another initiator's SPI, {header.initiator_spi.hex()}"
    told = machine.responder_spi != bytes(8) and header.responder_spi != machine.responder_spi
    untold = header.exchange_type == ExchangeType.IKE_SA_INIT and header.responder_spi == bytes(8)
    return f"another responder's SPI, {header.responder_spi.hex()}" if told and not untold else ""


def why_not_now(machine: Machine, message: Message) -> str:
    """Deal with Message IDs (RFC 7296 sections 2.1 to 2.3): why not to process a message, or an empty string.

    A repeated request gets the same response again; if it came in fragments, only for the first (RFC 7383 2.6.1).
    """
    header, window = message.header, machine.window
    if header.is_response:
        expected = None if window.outstanding is None else window.outstanding.message_id
        return "" if header.message_id == expected else f"response {header.message_id}, awaited {expected}"
    if header.message_id == window.next_peer:
        return ""
    sealed = sealed_payload(message)
    first_or_whole = not (isinstance(sealed, EncryptedFragment) and sealed.fragment_number != 1)
    if header.message_id == window.next_peer - 1 and window.answered_path is not None and first_or_whole:
        machine.transmit(window.answered, window.answered_path)
        return f"request {header.message_id} again: the same response went out"
    return f"request {header.message_id}, awaited {window.next_peer}"
