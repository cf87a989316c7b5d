"""Why an ESP packet was not delivered, or could not be sent.

EspError
    MalformedPacket      too short, wrong SPI, impossible padding
    ReplayedPacket       seen before, or left of the window
    SequenceExhausted    the SA has used every sequence number; it must be rekeyed
An ICV that does not verify is ``harness.crypto.errors.IntegrityError``.
"""

from __future__ import annotations


class EspError(Exception):
    """Base of the errors of this package. Each message is one sentence."""


class MalformedPacket(EspError):
    """Octets that cannot be an ESP packet of this SA."""


class ReplayedPacket(EspError):
    """A sequence number that anti-replay refuses (RFC 4303 section 3.4.3)."""


class SequenceExhausted(EspError):
    """The sequence number would cycle, which is forbidden (RFC 4303 section 3.3.3)."""
