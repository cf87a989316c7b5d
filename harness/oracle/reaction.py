"""What a deviation of our engine obliges the peer to do, by the documents, whatever the peer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from harness.policy.deviation import Deviation
from harness.policy.role import Role
from harness.registry.notifications import NotifyType


class Duty(StrEnum):
    """How the peer has to take a message that deviates."""

    CARRY_ON = "carry-on"  # as if nothing were there
    REFUSE = "refuse"  # a responder answers with an error; an initiator, that can answer nothing, goes no further
    NOTICE_LATER = "notice-later"  # nothing tells it: its next message is under keys that we do not have


@dataclass(frozen=True, slots=True)
class Reaction:
    """The peer's duty. ``rule`` is broken by a peer that takes the message as if it were right (the catalogue's id).

    ``notify`` is the error that a responder answers with, ``answer_rule`` the requirement that asks for just that one.
    """

    duty: Duty
    rule: str
    notify: NotifyType | None = None
    answer_rule: str = ""


_CRITICAL = Reaction(Duty.REFUSE, "B13", NotifyType.UNSUPPORTED_CRITICAL_PAYLOAD, "B13")
_BAD_KEY = Reaction(Duty.REFUSE, "M06", NotifyType.INVALID_SYNTAX, "M07")
_BAD_CIPHERTEXT = Reaction(Duty.REFUSE, "M08")
_BAD_AUTH = Reaction(Duty.REFUSE, "I08", NotifyType.AUTHENTICATION_FAILED, "K05")

_REACTIONS: Mapping[Deviation, Reaction] = MappingProxyType(
    {
        Deviation.CRITICAL_PAYLOAD_IN_IKE_SA_INIT: _CRITICAL,
        Deviation.CRITICAL_PAYLOAD_IN_IKE_INTERMEDIATE: _CRITICAL,
        Deviation.CRITICAL_PAYLOAD_IN_IKE_AUTH: _CRITICAL,
        Deviation.UNKNOWN_PAYLOAD_EVERYWHERE: Reaction(Duty.CARRY_ON, "B14"),
        Deviation.ENCAPSULATION_KEY_SHORT: _BAD_KEY,
        Deviation.ENCAPSULATION_KEY_LONG: _BAD_KEY,
        Deviation.ENCAPSULATION_KEY_OVERFLOW: _BAD_KEY,
        Deviation.CIPHERTEXT_SHORT: _BAD_CIPHERTEXT,
        Deviation.CIPHERTEXT_LONG: _BAD_CIPHERTEXT,
        Deviation.CIPHERTEXT_ALTERED: Reaction(Duty.NOTICE_LATER, "A06"),
        Deviation.INT_AUTH_WRONG: _BAD_AUTH,
        Deviation.INT_AUTH_LEFT_OUT: _BAD_AUTH,
        Deviation.SECOND_TRANSFORM: Reaction(Duty.REFUSE, "B03"),
        Deviation.INTERMEDIATE_UNANNOUNCED: Reaction(Duty.REFUSE, "A16", NotifyType.NO_PROPOSAL_CHOSEN, "A16"),
    }
)
_SKIP = Reaction(Duty.CARRY_ON, "A16")


def skips_additional(deviation: Deviation | None, role: Role | None) -> bool:
    """Whether a responder has to skip every proposal with additional key exchanges (RFC 9370 section 2.2.1).

    It has to when our engine initiates without announcing IKE_INTERMEDIATE.
    """
    return deviation is Deviation.INTERMEDIATE_UNANNOUNCED and role is Role.INITIATOR


def reaction_to(deviation: Deviation, role: Role, *, another: bool = False) -> Reaction:
    """What the peer has to do when our engine, in this role, deviates so.

    An initiator sends no error for a response that it rejects: it may tell in an exchange of its own, and need not
    (RFC 7296 section 2.21.2). ``another`` says that our offer holds a proposal that the deviation does not concern.
    """
    if another and skips_additional(deviation, role):
        return _SKIP
    due = _REACTIONS[deviation]
    return due if role is Role.INITIATOR else Reaction(due.duty, due.rule)
