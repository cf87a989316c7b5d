"""Seeded defects of a peer that begins a CREATE_CHILD_SA, each with its requirement; and what it may ask for."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from misbehaving import Misbehaviour, unsealed
from rekeying import (
    GROUP,
    begins,
    esp,
    ike,
    nonce,
    public_value,
    receives_on,
    rekey,
    selectors,
)

from harness.policy.role import Role
from harness.registry.messages import ExchangeType, PayloadType, Protocol
from harness.registry.notifications import NotifyType
from harness.registry.transforms import KeyExchangeMethod
from harness.wire.payload import CRITICAL
from harness.wire.payloads import Delete, Notify
from harness.wire.payloads.opaque import Unknown

NOBODYS = b"\x77" * 4


def in_clear(row: Misbehaviour) -> Misbehaviour:
    """The same exchange, whose request is not sealed: it is dropped, and so is all that its sender asks after it."""
    bare = unsealed(ExchangeType.CREATE_CHILD_SA, response=False, requirement="", scenarios=())

    @contextmanager
    def doctored() -> Iterator[None]:
        with row.doctored(), bare.doctored():
            yield

    return replace(row, doctored=doctored)


ROWS: list[Misbehaviour] = [
    # Payloads (RFC 7296 sections 1.3.1 and 1.3.2).
    *begins("a Child SA without a nonce", lambda _: (esp(), *selectors()), "B54"),
    *begins("no payload at all", lambda _: (), "B54"),
    *begins("two nonces", lambda _: (esp(), nonce(), nonce(), *selectors()), "B54"),
    *begins("no selectors", lambda _: (esp(), nonce()), "B50"),
    *begins("a group and no KE", lambda _: (esp(GROUP), nonce(), *selectors()), "B54"),
    *begins("KE and no group", lambda _: (esp(), nonce(), public_value(), *selectors()), "B02"),
    *begins("KE of another group", lambda _: (
        esp(GROUP), nonce(), public_value(64, KeyExchangeMethod.ECP_256), *selectors()), "B02"),
    *begins("KE too short", lambda _: (esp(GROUP), nonce(), public_value(31), *selectors()), "K04"),
    # Proposals (section 3.3.1).
    *begins("proposals from 0", lambda _: (esp(number=0), nonce(), *selectors()), "B07"),
    *begins("the ESP SPI on which it receives", lambda play: (
        esp(spi=receives_on(play)), nonce(), *selectors()), "E07"),
    *begins("an ESP SPI of 8 octets", lambda _: (esp(spi=os.urandom(8)), nonce(), *selectors()), "B49"),
    # Which Child SA is rekeyed (section 1.3.3).
    *begins("nobody's Child SA", lambda _: (rekey(NOBODYS), esp(), nonce(), *selectors()), "B25"),
    *begins("the Child SA of no protocol", lambda play: (
        rekey(receives_on(play), Protocol.AH), esp(), nonce(), *selectors()), "B25"),
    *begins("narrower than before", lambda play: (
        rekey(receives_on(play)), esp(), nonce(), *selectors(protocol=6, start_port=80, end_port=80)), "B25"),
    # The rekey of the IKE SA (sections 1.3.2, 2.18).
    *begins("an IKE SA without KE", lambda _: (ike(), nonce()), "B24"),
    *begins("an IKE SA with an SPI of 4", lambda _: (ike(os.urandom(4)), nonce(), public_value()), "B49"),
    *begins("an IKE SA with an SPI of zero", lambda _: (ike(bytes(8)), nonce(), public_value()), "B39"),
    *begins("an SA payload of no proposal", lambda _: (
        Unknown(PayloadType.SA, b""), nonce(), *selectors()), "B53"),
    *begins("AUTHENTICATION_FAILED although all is well", lambda _: (
        Notify(NotifyType.AUTHENTICATION_FAILED),), "", ExchangeType.INFORMATIONAL),
    # It is not told to: that nothing of the case takes place breaks no sentence.
    *begins("a Delete of the IKE SA before the traffic", lambda _: (
        Delete(Protocol.IKE),), "", ExchangeType.INFORMATIONAL),
    # What follows (RFC 9370 section 2.2.4).
    *begins("IKE_FOLLOWUP_KE out of nowhere", lambda _: (
        public_value(), Notify(NotifyType.ADDITIONAL_KEY_EXCHANGE, b"link")), "A08", ExchangeType.IKE_FOLLOWUP_KE),
]  # fmt: skip

ROWS += [
    in_clear(row)
    for row in begins("a Child SA in clear", lambda _: (esp(), nonce(), *selectors()), "B61")
    if row.role is Role.RESPONDER
]

LEGITIMATE: list[Misbehaviour] = [
    *begins("another Child SA", lambda _: (esp(), nonce(), *selectors()), ""),
    *begins("the rekey of the Child SA", lambda play: (
        rekey(receives_on(play)), esp(), nonce(), *selectors()), ""),
    *begins("the rekey with a key exchange", lambda play: (
        rekey(receives_on(play)), esp(GROUP), nonce(), public_value(), *selectors()), ""),
    *begins("the rekey of the IKE SA", lambda _: (ike(), nonce(), public_value()), ""),
    *begins("the SPI that was refused once more", lambda _: (esp(spi=NOBODYS), nonce(), *selectors()), "", times=2),
    # "MUST be set to one if the sender wants the recipient to reject this entire message" (section 3.2).
    *begins("a critical payload of a later document", lambda _: (
        esp(), nonce(), *selectors(), Unknown(PayloadType(150), b"new", flags=CRITICAL)), ""),
]  # fmt: skip
