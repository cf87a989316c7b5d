"""Whatever a peer sends, authentic or not: it is judged, never a crash, and decoding shows it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from unittest.mock import patch

import pytest
from case_builder import PEER, PEER_NAME, Case, build, frames_of, good, scenarios
from case_folder import write_case
from pair_builder import good_pair

from harness.evidence.capture import write_pcapng
from harness.evidence.model import CapturedDatagram
from harness.evidence.store import EvidenceFolder
from harness.ike.exchanges import authentication
from harness.ike.negotiation import offer
from harness.policy.proposals import Policy
from harness.policy.role import Role
from harness.registry.messages import ExchangeType, PayloadType, Protocol
from harness.results.model import Verdict
from harness.run.decode import decode_capture, decode_evidence
from harness.verify.checks.misbehaviour import deviating
from harness.verify.wire import group, pieces_by_sa
from harness.wire.message import INITIATOR, RESPONSE, Header, Message
from harness.wire.payload import Payload
from harness.wire.payloads import Encrypted, EncryptedFragment, Nonce, Notify, SecurityAssociation

SCENARIOS = [
    "hybrid/x25519-mlkem768",
    "denial-of-service/cookie",
    "negotiation/wrong-ke-group-first",
    "fragmentation/mlkem1024-at-576",
    "errors/critical-payload-in-ike-auth",
    "multiple-ke/ciphertext-short",
    "pq-only/ciphertext-altered",
]
EXCHANGES = [34, 35, 36, 37, 43, 99]
CHAINS: dict[str, tuple[Payload, ...]] = {
    "no payload": (),
    "a nonce": (Nonce(b""),),
    "a notification": (Notify(14),),  # type: ignore[arg-type]
    "an empty SK": (Encrypted(PayloadType(40), b""),),
    "a fragment of noise": (EncryptedFragment(PayloadType(40), 1, 1, bytes(80)),),
    "fragment 0 of 0": (EncryptedFragment(PayloadType(40), 0, 0, bytes(80)),),
    "fragment 9 of 1": (EncryptedFragment(PayloadType(40), 9, 1, bytes(80)),),
}


def hostile(spis: tuple[bytes, bytes], chain: tuple[Payload, ...]) -> Iterator[bytes]:
    for exchange in EXCHANGES:
        for flags in (0, INITIATOR, RESPONSE, INITIATOR | RESPONSE):
            for message_id in (0, 1):
                yield Message(Header(*spis, ExchangeType(exchange), flags, message_id), chain).to_bytes()


def with_more(case: Case, at: int, payloads: Iterator[bytes]) -> Case:
    """The peer sends these, too, behind the datagram ``at``."""
    first = case.datagrams[0]
    source, destination = sorted([first.source, first.destination], key=lambda end: end[0] != PEER)
    more = (CapturedDatagram(0, first.at, source, destination, each, (28 + len(each),)) for each in payloads)
    everything = (*case.datagrams[: at + 1], *more, *case.datagrams[at + 1 :])
    return case.with_datagrams(replace(each, frame=number) for number, each in enumerate(everything, start=1))


def played(scenario: str, role: Role) -> Case:
    """As far as it can be played: some scenarios are of one role alone."""
    (only,) = roles if len(roles := scenarios()[scenario].roles) == 1 else (role,)
    return good(scenario, role=only)


@pytest.mark.parametrize("what", CHAINS)
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_messages_of_all_kinds_beside_those_of_the_case_are_judged(scenario: str, what: str, role: Role) -> None:
    case = played(scenario, role)
    secrets = case.evidence.secrets
    assert secrets is not None
    for at in (0, 1, len(case.datagrams) - 1):
        assert with_more(case, at, hostile((secrets.initiator_spi, secrets.responder_spi), CHAINS[what])).judge()


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_messages_with_payloads_left_out_are_judged(scenario: str, role: Role) -> None:
    case = played(scenario, role)
    for message in case.view.messages:
        if message.readable:
            count = len(message.opened.inner if message.opened else message.payloads)
            for gone in [*range(count), None]:
                kept = lambda payloads, gone=gone: [p for n, p in enumerate(payloads) if gone is not None and n != gone]  # noqa: E731
                assert case.rewritten(message.label, kept).judge(), (message.label, gone)


@pytest.mark.parametrize("what", CHAINS)
def test_messages_of_all_kinds_beside_those_of_two_products_are_judged(what: str) -> None:
    pair = good_pair()
    for at in (0, 1, len(pair.wire.datagrams) - 1):
        datagram = pair.wire.datagrams[at]
        more = [replace(datagram, payload=octets) for octets in hostile((b"1" * 8, bytes(8)), CHAINS[what])]
        assert pair.changed(datagram, datagram, *more).judge()


def test_an_error_that_names_no_payload_of_the_request_is_nobodys_fault() -> None:
    """Our request can hold no critical payload only if the evidence was altered: no crash, and nobody is named."""
    case = good("errors/critical-payload-in-ike-auth")
    request = deviating(case.view)[0]
    judged = case.rewritten(request.label, lambda payloads: [p for p in payloads if not p.critical]).judge()
    assert (judged.verdict, judged.findings) == (Verdict.ERROR, ())


def test_a_header_alone_is_decoded(tmp_path) -> None:
    """28 octets, not IKE_SA_INIT, of the IKE SA whose keys there are: without the keys, and with them."""
    case = good()
    secrets = case.evidence.secrets
    assert secrets is not None
    at = len(case.datagrams) - 1
    flooded = with_more(case, at, hostile((secrets.initiator_spi, secrets.responder_spi), ()))
    write_case(tmp_path, flooded)
    frames = [frame for datagram in flooded.datagrams for frame in frames_of(datagram)]
    write_pcapng(tmp_path / "wire.pcapng", frames)
    pcap = tmp_path / "wire.pcapng"
    for lines in (list(decode_capture(pcap)), list(decode_evidence(EvidenceFolder(tmp_path), pcap))):
        assert any(line.endswith(": not decrypted") and "INFORMATIONAL request 0" in line for line in lines)


def test_a_capture_of_many_ike_sas_is_sorted_in_one_pass() -> None:
    """Each with an initiator's SPI of its own: to go through the capture once for each would be quadratic."""
    first = good().datagrams[0]
    spis = [number.to_bytes(8) for number in range(1, 2001)]
    datagrams = [replace(first, payload=spi + first.payload[8:]) for spi in spis]
    found = pieces_by_sa(datagrams)
    assert list(found) == spis
    assert all(len(group(pieces)) == 1 for pieces in found.values())


@pytest.mark.parametrize("octets", [0, 3, 8])
def test_an_initiator_whose_esp_spi_has_another_size_fails_and_the_verdict_says_by_what(octets: int) -> None:
    true = offer

    def wide(policy: Policy, protocol: Protocol, spi: bytes) -> SecurityAssociation:
        return true(policy, protocol, (spi * 2)[:octets])

    with patch.object(authentication, "offer", wide):
        judgement = build("classical/x25519", PEER_NAME, Role.RESPONDER).judge()
    assert judgement.verdict is Verdict.FAIL
    finding = judgement.findings[0]
    assert finding.party == PEER_NAME
    assert f"expected an ESP SPI of 4 octets, got {octets} octets" in finding.sentence
