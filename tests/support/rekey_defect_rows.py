"""Seeded defects of a peer that begins a CREATE_CHILD_SA, each with its requirement; and what it may ask for."""

from __future__ import annotations

import os

from misbehaving import Misbehaviour
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

from harness.registry.messages import ExchangeType, Protocol
from harness.registry.notifications import NotifyType
from harness.registry.transforms import KeyExchangeMethod
from harness.wire.payloads import Notify

NOBODYS = b"\x77" * 4

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
    # What follows (RFC 9370 section 2.2.4).
    *begins("IKE_FOLLOWUP_KE out of nowhere", lambda _: (
        public_value(), Notify(NotifyType.ADDITIONAL_KEY_EXCHANGE, b"link")), "A08", ExchangeType.IKE_FOLLOWUP_KE),
]  # fmt: skip

LEGITIMATE: list[Misbehaviour] = [
    *begins("another Child SA", lambda _: (esp(), nonce(), *selectors()), ""),
    *begins("the rekey of the Child SA", lambda play: (
        rekey(receives_on(play)), esp(), nonce(), *selectors()), ""),
    *begins("the rekey with a key exchange", lambda play: (
        rekey(receives_on(play)), esp(GROUP), nonce(), public_value(), *selectors()), ""),
    *begins("the rekey of the IKE SA", lambda _: (ike(), nonce(), public_value()), ""),
]  # fmt: skip
