"""Whose fault it was.

::

    IkeError
    +-- PeerMisbehaved      the peer broke a rule
    +-- PeerIncompatible    the peer kept every rule, but there is no common ground
    +-- PeerRefused         the peer said no with an error notification
    +-- PeerSilent          the peer did not answer within the retransmission limit
    +-- LocalMisuse         our own caller asked for something that the state does not allow

    harness.wire.MalformedMessage: the octets are no IKEv2 message at all.
"""

from __future__ import annotations

from harness.registry.notifications import NotifyType


class IkeError(Exception):
    """Base of the engine's errors: what was expected, what came, and in which message."""

    def __init__(self, expected: str, got: str, where: str) -> None:
        super().__init__(f"{where}: expected {expected}, got {got}")
        self.expected = expected
        self.got = got
        self.where = where


class PeerMisbehaved(IkeError):
    """The peer broke a rule of the protocol; ``notify`` and ``data`` are what the rule asks us to answer with."""

    def __init__(
        self,
        expected: str,
        got: str,
        where: str,
        notify: NotifyType = NotifyType.INVALID_SYNTAX,
        data: bytes = b"",
    ) -> None:
        super().__init__(expected, got, where)
        self.notify = notify
        self.data = data


class PeerIncompatible(IkeError):
    """Nothing that the peer offers is acceptable; ``notify`` and ``data`` are the answer that says so."""

    def __init__(self, expected: str, got: str, where: str, notify: NotifyType, data: bytes = b"") -> None:
        super().__init__(expected, got, where)
        self.notify = notify
        self.data = data


class PeerRefused(IkeError):
    """The peer answered with an error notification."""

    def __init__(self, notify: NotifyType, where: str) -> None:
        super().__init__("the exchange to succeed", str(notify), where)
        self.notify = notify


class PeerSilent(IkeError):
    """The peer did not answer a request, retransmissions included (RFC 7296 section 2.4)."""


class LocalMisuse(IkeError):
    """A call that the present state does not allow."""
