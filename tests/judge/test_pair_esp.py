"""Two products' ESP: the octets of a packet, and vectors in clear."""

from __future__ import annotations

import os
from dataclasses import replace
from types import SimpleNamespace

import pytest
from pair_builder import FIRST, HERE, SECOND, THERE, good_pair

from harness.evidence.model import CapturedDatagram
from harness.policy.proposals import Suite
from harness.registry.algorithms import Algorithm, algorithm
from harness.registry.messages import ExchangeType
from harness.registry.transforms import TransformType
from harness.scenario.model import Parties
from harness.verify.check import Objection
from harness.verify.checks import pair_esp
from harness.verify.checks.catalogue import CHECKS
from harness.verify.pair_view import PairView

FORM, PAIR = "pair-esp-in-its-form", "pairs/classical"
ENCR, INTEG = TransformType.ENCR, TransformType.INTEG
HEADER, IV, BLOCK, ICV = 8, 16, 16, 32  # octets, of AES-CBC with HMAC-SHA2-512-256
WHOLE = HEADER + IV + 6 * BLOCK + ICV
GCM = Suite(1, {ENCR: algorithm(ENCR, "aes-256-gcm-16")})
CBC = Suite(1, {ENCR: algorithm(ENCR, "aes-256-cbc"), INTEG: algorithm(INTEG, "hmac-sha2-512-256")})
AT = 100  # the frame of the first packet


def packet(side: int, *, spi: bytes = b"\xc1\1\2\3", frame: int = AT, octets: bytes) -> CapturedDatagram:
    """What the initiator (0) or the responder (1) sends behind the ESP header's SPI."""
    model = next(each for each in good_pair(PAIR).view.esp if each.source[0] == (HERE, THERE)[side])
    return replace(model, frame=frame, payload=spi + octets)


def sized(octets: int, side: int = 0) -> CapturedDatagram:
    return packet(side, octets=os.urandom(octets - 4))


def view_of(*packets: CapturedDatagram, esp: tuple[Suite, ...] = (CBC,), **told: str | None) -> PairView:
    """The case with these datagrams behind its messages and no ESP else, under other suites, which both report."""
    pair = good_pair(PAIR)
    names = told or {"encr": "aes-256-cbc", "integ": "hmac-sha2-512-256"}
    for step in {each.step for each in pair.view.standing}:
        for side in ("initiator", "responder"):
            pair = pair.with_child(step, side, **names)
    view = pair.view
    kept = (each for each in view.wire.datagrams if each not in view.esp)
    wire = replace(view.wire, datagrams=(*kept, *packets))
    return replace(view, wire=wire, expectation=replace(view.expectation, esp=esp))


def said(view: PairView) -> tuple[Objection, ...]:
    return CHECKS[FORM](view).objections


@pytest.mark.parametrize("side", [0, 1])
@pytest.mark.parametrize(
    ("octets", "fits"),
    [(WHOLE, True), (WHOLE - 1, False), (WHOLE + 1, False), (WHOLE + 4, False), (WHOLE + BLOCK, True),
     (HEADER + IV + BLOCK + ICV, True), (HEADER + IV + ICV, False), (HEADER + IV + ICV - BLOCK, False)],
)  # fmt: skip
def test_a_packet_has_its_vector_whole_blocks_and_its_integrity_check(octets, fits, side):
    found = said(view_of(sized(octets, side)))
    assert (found == ()) is fits
    assert {each.party for each in found} <= {(FIRST, SECOND)[side]}
    assert all(f"its {octets} octets are no IV, ciphertext in units of 16 octets, and ICV" in o.sentence for o in found)


@pytest.mark.parametrize(("more", "fits"), [(0, False), (4, True), (6, False), (8, True), (9, False)])
def test_what_is_encrypted_without_blocks_ends_at_a_word_all_the_same(more, fits):
    """RFC 4303 section 2.4."""
    told = {"encr": "aes-256-gcm-16", "integ": None}
    assert (said(view_of(sized(HEADER + 8 + more + 16), esp=(GCM,), **told)) == ()) is fits


def test_a_size_is_judged_where_it_is_known_what_was_negotiated():
    odd = sized(WHOLE + 1)
    assert said(view_of(odd, esp=(CBC, CBC)))
    assert said(view_of(odd, esp=())) == said(view_of(odd, esp=(CBC, GCM))) == ()
    assert said(view_of(odd, encr="aes-256-gcm-16", integ=None)) == ()
    assert said(view_of(odd, encr="aes-256-cbc", integ="hmac-sha2-256-128")) == ()
    unknown = Suite(1, {ENCR: Algorithm(9999), INTEG: algorithm(INTEG, "hmac-sha2-512-256")})
    for suite in (unknown, Suite(1, {INTEG: algorithm(INTEG, "hmac-sha2-512-256")})):
        names = {"encr": suite.get(ENCR).name(ENCR) if suite.get(ENCR) else None, "integ": "hmac-sha2-512-256"}  # type: ignore[union-attr]
        assert said(view_of(odd, esp=(suite,), **names)) == ()


def test_integrity_of_none_is_reported_as_none():
    none = Suite(1, {**GCM.transforms, INTEG: Algorithm(0)})
    assert said(view_of(sized(HEADER + 8 + 6 + 16), esp=(none,), encr="aes-256-gcm-16", integ=None))


def test_what_nobody_reports_is_as_the_policies_have_it_but_for_our_records_of_defaults():
    view = view_of(sized(WHOLE + 1), encr=None, integ=None)
    assert said(view)
    published = replace(view, scenario=replace(view.scenario, parties=Parties.PUBLISHED))
    assert said(published) == ()
    told = view_of(sized(WHOLE + 1))
    assert said(replace(told, scenario=replace(told.scenario, parties=Parties.PUBLISHED)))


def test_one_side_that_reports_another_algorithm_leaves_it_open():
    view = view_of(sized(WHOLE + 1))
    (first, *rest) = view.report.steps
    (sa,) = first.responder.sas
    for change, fits in ((b"", False), (b"x", True)):
        child = replace(sa.children[0], encr="aes-128-cbc" if change else "aes-256-cbc")
        step = replace(first, responder=replace(first.responder, sas=(replace(sa, children=(child,)),)))
        other = replace(view, report=replace(view.report, steps=(step, *rest)))
        assert (said(other) == ()) is fits


@pytest.mark.parametrize(("side", "turned"), [(0, False), (0, True), (1, False), (1, True)])
def test_an_inner_packet_in_clear_is_told_as_that(side, turned):
    view = view_of()
    hosts = [bytes(map(int, each.inner.split("."))) for each in view.sides]
    inner = b"".join(reversed(hosts) if turned else hosts)
    for octets in (WHOLE, WHOLE + 1):
        shown = packet(side, octets=bytes(4) + inner + os.urandom(octets - HEADER - len(inner)))
        (objection,) = said(view_of(shown, shown))[:1]
        assert objection.party == (FIRST, SECOND)[side]
        assert objection.sentence == "an ESP packet: the inner packet is in clear behind the ESP header"
    unknown = replace(view_of(shown), facts=replace(view.facts, initiator=replace(view.sides[0], inner="")))
    assert all("in clear" not in each.sentence for each in said(unknown))


def vector(number: bytes, side: int = 0, spi: bytes = b"\xc1\1\2\3", octets: int = WHOLE, iv: int = IV):
    return packet(side, spi=spi, octets=os.urandom(4) + number + os.urandom(octets - HEADER - iv))


def test_a_vector_that_comes_again_under_one_key():
    once, other = os.urandom(IV), os.urandom(IV)
    assert said(view_of(vector(once), vector(other))) == ()
    assert said(view_of(vector(once), vector(once, side=1), vector(once, spi=b"\xc1\1\2\4"))) == ()
    (objection,) = said(view_of(vector(once), vector(other), vector(once)))
    assert (objection.party, objection.requirement) == (FIRST, "E10")
    assert objection.sentence.endswith("has the initialization vector of an earlier one under the same key")
    (theirs,) = said(view_of(vector(once, side=1), vector(once, side=1)))
    assert theirs.party == SECOND


def test_a_vector_of_a_counter_may_count_on_and_not_come_again():
    first, second = b"\0" * 7 + b"\1", b"\0" * 7 + b"\2"
    octets, told = HEADER + 8 + 88 + 16, {"encr": "aes-256-gcm-16", "integ": None}

    def of_gcm(*vectors: bytes) -> list[str | None]:
        packets = (vector(each, octets=octets, iv=8) for each in vectors)
        return [each.requirement for each in said(view_of(*packets, esp=(GCM,), **told))]

    assert of_gcm(first, second) == []
    assert of_gcm(first, second, first) == ["E05"]


def test_the_last_block_of_a_ciphertext_is_no_vector():
    """Anybody can foresee it; what is behind it, and in front, is no block of it."""
    one = vector(os.urandom(IV))
    for end, chained in ((WHOLE - ICV, True), (WHOLE - ICV - 1, False), (WHOLE - ICV - BLOCK, False), (WHOLE, False)):
        following = vector(one.payload[end - BLOCK : end])
        assert bool(said(view_of(one, following))) is chained


def checked(value: bytes, side: int = 0, spi: bytes = b"\xc1\1\2\3") -> CapturedDatagram:
    """A packet with this integrity check value."""
    return packet(side, spi=spi, octets=os.urandom(WHOLE - 4 - ICV) + value)


def test_an_integrity_check_value_that_comes_again():
    once, other = os.urandom(ICV), os.urandom(ICV)
    assert said(view_of(checked(once), checked(other))) == ()
    assert said(view_of(checked(once), checked(once, side=1), checked(once, spi=b"\xc1\1\2\4"))) == ()
    assert said(view_of(checked(once), checked(bytes((once[0] ^ 1,)) + once[1:]))) == ()
    same = checked(once)
    assert said(view_of(same, same)) == ()  # the path brought it twice
    for side, party in enumerate((FIRST, SECOND)):
        again = replace(checked(once, side), frame=AT + 2)
        (objection,) = said(view_of(checked(once, side), checked(other, side), again))
        assert (objection.party, objection.requirement) == (party, "")  # that of the check
        assert objection.pointer == f"wire.pcapng#{AT + 2}"
        assert "has the integrity check value of an earlier one" in objection.sentence


def test_a_cipher_without_integrity_has_no_check_value():
    bare = SimpleNamespace(icv_octets=0)
    assert list(pair_esp._same_check_values(view_of(sized(WHOLE), sized(WHOLE)), bare)) == []  # type: ignore[arg-type]


def ciphered(text: bytes, side: int = 0, spi: bytes = b"\xc1\1\2\3", frame: int = AT) -> CapturedDatagram:
    """A packet with this ciphertext, and all else of its own."""
    rest = WHOLE - HEADER - len(text) - IV
    return packet(side, spi=spi, frame=frame, octets=os.urandom(4 + IV) + text + os.urandom(rest))


def test_a_ciphertext_that_comes_again():
    """Under another vector it is that of other octets."""
    once, other = os.urandom(6 * BLOCK), os.urandom(6 * BLOCK)
    assert said(view_of(ciphered(once), ciphered(other))) == ()
    assert said(view_of(ciphered(once), ciphered(once, side=1), ciphered(once, spi=b"\xc1\1\2\4"))) == ()
    assert said(view_of(ciphered(once), ciphered(bytes((once[0] ^ 1,)) + once[1:]))) == ()
    assert said(view_of(ciphered(once), ciphered(once[:-1] + bytes((once[-1] ^ 1,))))) == ()
    same = ciphered(once)
    assert said(view_of(same, same)) == ()  # the path brought it twice
    for side, party in enumerate((FIRST, SECOND)):
        (objection,) = said(view_of(ciphered(once, side), ciphered(other, side), ciphered(once, side, frame=AT + 2)))
        assert (objection.party, objection.requirement) == (party, "")
        assert objection.pointer == f"wire.pcapng#{AT + 2}"
        assert "has the ciphertext of an earlier one" in objection.sentence


def test_a_ciphertext_under_the_same_vector_is_for_the_vector():
    first = ciphered(os.urandom(6 * BLOCK)).payload
    again = packet(0, octets=os.urandom(4) + first[HEADER:-1] + bytes((first[-1] ^ 1,)))
    assert [each.requirement for each in said(view_of(packet(0, octets=first[4:]), again))] == ["E10"]


@pytest.mark.parametrize(("octets", "told"), [(15, False), (16, True)])
def test_of_an_unknown_cipher_all_behind_the_header_is_compared(octets, told):
    """Its vector or its check value is another one in each packet."""
    same = os.urandom(octets)
    packets = [packet(0, octets=bytes((0, 0, 0, number)) + same) for number in (1, 2)]
    found = said(view_of(*packets, encr="aes-256-gcm-16", integ=None))
    assert bool(found) is told
    other = packet(0, octets=bytes((0, 0, 0, 3)) + same[:-1] + bytes((same[-1] ^ 1,)))
    assert said(view_of(packets[0], other, encr="aes-256-gcm-16", integ=None)) == ()


def test_so_few_octets_may_be_the_same_by_chance():
    few = os.urandom(12)
    packets = (packet(0, octets=os.urandom(12) + few + os.urandom(16)) for _ in range(2))
    assert said(view_of(*packets, esp=(GCM,), encr="aes-256-gcm-16", integ=None)) == ()


def test_where_sizes_are_wrong_nothing_is_said_of_vectors():
    once = os.urandom(IV)
    found = said(view_of(sized(WHOLE + 1), vector(once), vector(once)))
    assert len(found) == 1 and "octets are no IV" in found[0].sentence


@pytest.mark.parametrize(("octets", "wrong"), [(0, False), (1, False), (2, True), (7, True)])
@pytest.mark.parametrize("port", [500, 4500])
def test_a_stub_on_the_port_of_esp_is_neither_ike_nor_esp(octets, wrong, port):
    """A keepalive has one octet (RFC 3948 section 2.3)."""
    for ends in ((port, 40_000), (40_000, port)):
        stub = replace(sized(WHOLE), payload=bytes(octets), source=(HERE, ends[0]), destination=(THERE, ends[1]))
        found = said(view_of(stub))
        assert bool(found) is (wrong and port == 4500)
        assert {each.party for each in found} <= {FIRST}
        foreign = replace(stub, source=("203.0.113.5", ends[0]))
        assert said(view_of(foreign)) == ()


def test_an_esp_header_alone_is_esp():
    (objection,) = said(view_of(packet(0, octets=bytes(HEADER - 4))))
    assert "its 8 octets are no IV" in objection.sentence


def test_esp_without_an_ike_sa_is_sent_by_whom_it_is_seen_of():
    esp = packet(1, octets=os.urandom(WHOLE - 4)), packet(0, frame=AT + 1, octets=os.urandom(WHOLE - 4))
    view = view_of(*esp)
    fallen = replace(view, report=replace(view.report, steps=()))
    bare = tuple(m for m in view.messages if m.exchange != ExchangeType.IKE_AUTH)
    (objection,) = said(replace(fallen, messages=bare))
    assert (objection.party, objection.pointer) == (SECOND, f"wire.pcapng#{AT}")
    assert said(view) == said(fallen) == said(replace(view, messages=bare)) == ()
    assert said(replace(view_of(), report=fallen.report, messages=bare)) == ()


def test_the_sizes_are_told():
    assert (
        CHECKS[FORM](view_of(sized(WHOLE + BLOCK), sized(WHOLE))).detail
        == f"ESP packets of octets: {WHOLE}, {WHOLE + BLOCK}"
    )
    assert CHECKS[FORM](view_of()).detail == "ESP packets of octets: none"
