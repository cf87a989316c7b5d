"""One frozen dataclass per state of an IKE SA. What a state needs to know, it holds; nothing else exists in it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from harness.crypto.interface import KeyPair
from harness.crypto.key_schedule import IkeKeys, KeySchedule, after_intermediate
from harness.crypto.prf import Prf
from harness.ike.configuration import Path
from harness.ike.events import ChildEstablished
from harness.policy.proposals import Suite
from harness.registry.transforms import KeyExchangeMethod
from harness.wire.payloads.security_association import SecurityAssociation


@dataclass(frozen=True, slots=True)
class Idle:
    """Nothing has happened: an initiator waits for ``start``, a responder for an IKE_SA_INIT request."""


@dataclass(frozen=True, slots=True)
class InitSent:
    """The initiator has sent IKE_SA_INIT; COOKIE and INVALID_KE_PAYLOAD lead back here (RFC 7296 sections 1.2, 2.6)."""

    offer: SecurityAssociation
    method: KeyExchangeMethod
    key_pair: KeyPair = field(repr=False)
    nonce: bytes
    request: bytes
    cookie: bytes = b""
    retries: int = 0


@dataclass(frozen=True, slots=True)
class Agreement:
    """What IKE_SA_INIT settled and every IKE_INTERMEDIATE carries on (RFC 9242 section 3.3, RFC 9370 section 2.2.2)."""

    suite: Suite
    path: Path
    fragmentation: bool
    schedule: KeySchedule
    keys: IkeKeys
    request: bytes  # RealMessage1, octets
    response: bytes  # RealMessage2, octets
    remaining: tuple[KeyExchangeMethod, ...]  # additional key exchanges that are still to come
    int_auth_i: bytes = b""  # empty as long as no IKE_INTERMEDIATE took place
    int_auth_r: bytes = b""
    spare_exchanges: int = 0  # IKE_INTERMEDIATE without a key exchange that a responder still goes along with

    @property
    def prf(self) -> Prf:
        """The negotiated pseudorandom function."""
        return self.schedule.prf

    def after_exchange(self, secret: bytes, int_auth_i: bytes, int_auth_r: bytes) -> Agreement:
        """The agreement after one more additional key exchange with its shared secret SK(n)."""
        keys = after_intermediate(self.schedule, self.keys, secret)
        return replace(self, keys=keys, remaining=self.remaining[1:], int_auth_i=int_auth_i, int_auth_r=int_auth_r)

    def after_spare_exchange(self, int_auth_i: bytes, int_auth_r: bytes) -> Agreement:
        """The agreement after an IKE_INTERMEDIATE without a key exchange: the keys stay, IntAuth goes on."""
        left = self.spare_exchanges - 1
        return replace(self, spare_exchanges=left, int_auth_i=int_auth_i, int_auth_r=int_auth_r)


@dataclass(frozen=True, slots=True)
class IntermediateSent:
    """The initiator awaits the answer to an IKE_INTERMEDIATE request, whose IntAuth octets it keeps."""

    agreement: Agreement
    key_pair: KeyPair = field(repr=False)
    int_auth_i: bytes = field(repr=False)  # IntAuth_iN, already with this request


@dataclass(frozen=True, slots=True)
class AuthSent:
    """The initiator awaits the answer to IKE_AUTH."""

    agreement: Agreement
    child_offer: SecurityAssociation
    child_spi: bytes
    auth_message_id: int


@dataclass(frozen=True, slots=True)
class HalfOpen:
    """The responder has answered IKE_SA_INIT and awaits IKE_INTERMEDIATE or IKE_AUTH."""

    agreement: Agreement


@dataclass(frozen=True, slots=True)
class PeerAuthenticated:
    """Proof that the peer's AUTH payload was verified; only ``exchanges.authentication.verify`` makes one."""

    identity: bytes
    id_type: int


@dataclass(frozen=True, slots=True)
class Standing:
    """The IKE SA stands. It cannot be built without the proof that the peer is authenticated."""

    agreement: Agreement
    proof: PeerAuthenticated
    child_spis: tuple[tuple[bytes, bytes], ...] = ()  # (ours, theirs) of each Child SA, 4 octets
    announced: ChildEstablished | None = None  # a Child SA that the caller has not been told of yet


@dataclass(frozen=True, slots=True)
class Deleting:
    """We have asked to delete the IKE SA and await the empty answer (RFC 7296 section 1.4.1)."""

    agreement: Agreement


@dataclass(frozen=True, slots=True)
class Gone:
    """The IKE SA is no more; every datagram is ignored, but for repeated requests, which get the same answer."""


State = Idle | InitSent | IntermediateSent | AuthSent | HalfOpen | Standing | Deleting | Gone


def on_path(state: HalfOpen | Standing | Deleting, path: Path) -> HalfOpen | Standing | Deleting:
    """The same state, with what we send next going to ``path``."""
    return state if path == state.agreement.path else replace(state, agreement=replace(state.agreement, path=path))


def agreement_of(state: State) -> Agreement | None:
    """The agreement that a state carries, None before IKE_SA_INIT is done and after the end."""
    if isinstance(state, IntermediateSent | AuthSent | HalfOpen | Standing | Deleting):
        return state.agreement
    return None
