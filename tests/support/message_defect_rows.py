"""Seeded defects of a peer's messages, octet for octet, with the requirement that each breaks, written before."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from case_builder import ENGINE, PEER, Case, flipped
from defect_rows import AUTH, BLOCKS, CLASSICAL, HYBRID, INFORMATIONAL, INIT, INTERMEDIATE, SEVEN
from extra_messages import behind, in_front_of, late_esp, protected
from misbehaving import Finish, Misbehaviour, header, on_the_wire, sealing, spoken, unsealed, with_length

from harness.crypto.random_source import Rng
from harness.ike.configuration import Identity
from harness.policy.role import Role
from harness.registry.identities import IdentificationType
from harness.registry.messages import ExchangeType, PayloadType
from harness.wire.message import INITIATOR, VERSION_BIT, Header, Message
from harness.wire.payload import GENERIC_HEADER
from harness.wire.payloads import EncryptedFragment

LIFE = "lifecycle/liveness-and-delete"
FRAGMENTED = ("fragmentation/mlkem1024-at-576", "hybrid/x25519-mlkem1024", "hybrid/ecp384-mlkem1024")
TWO = (HYBRID, BLOCKS)
EACH = ((INIT, TWO), (AUTH, TWO), (INFORMATIONAL, TWO), (INTERMEDIATE, (HYBRID,)))
SEALED = ((AUTH, TWO), (INFORMATIONAL, TWO), (INTERMEDIATE, (HYBRID,)))
DIRECTIONS = (True, False)
Edit = Callable[[Header], Header]


def heads(
    name: str, edit: Edit, requirement: str, where: tuple[tuple[ExchangeType, tuple[str, ...]], ...] = EACH
) -> list[Misbehaviour]:
    """In each of these exchanges, in requests and in responses."""
    return [
        header(name, exchange, response, edit, requirement, scenarios)
        for exchange, scenarios in where
        for response in DIRECTIONS
    ]


def octets(
    name: str,
    edit: Callable[[bytes], list[bytes]],
    requirement: str,
    where: tuple[tuple[ExchangeType, tuple[str, ...]], ...] = EACH,
) -> list[Misbehaviour]:
    return [
        on_the_wire(name, exchange, response, edit, requirement, scenarios)
        for exchange, scenarios in where
        for response in DIRECTIONS
    ]


def flag(bit: int) -> Edit:
    return lambda head: replace(head, flags=head.flags | bit)


def other_number(by: int) -> Edit:
    return lambda head: replace(head, message_id=head.message_id + by)


def other_exchange(kind: ExchangeType) -> Edit:
    return lambda head: replace(head, exchange_type=kind)


def numbered_wrongly(by: int) -> list[Misbehaviour]:
    """RFC 7296 has the count, and RFC 9242 where IKE_INTERMEDIATE is in it."""
    name = f"Message ID {by} too large"
    rows = heads(name, other_number(by), "B22", ((INIT, TWO), (AUTH, (BLOCKS,)), (INFORMATIONAL, TWO)))
    return rows + heads(name, other_number(by), "I04", ((AUTH, (HYBRID,)), (INTERMEDIATE, (HYBRID, SEVEN))))


def not_authentic(name: str, edit: Callable[[bytes], bytes]) -> list[Misbehaviour]:
    """Nobody can open it: by RFC 9242 the keys that are due, without an additional exchange those of RFC 7296."""
    rows = octets(name, spoken(edit), "K01", ((AUTH, (BLOCKS, CLASSICAL)), (INFORMATIONAL, (BLOCKS, CLASSICAL))))
    return rows + octets(
        name, spoken(edit), "I07", ((AUTH, (HYBRID,)), (INTERMEDIATE, (HYBRID,)), (INFORMATIONAL, (HYBRID,)))
    )


def fragments(name: str, edit: Finish, requirement: str) -> list[Misbehaviour]:
    """In the fragments of IKE_INTERMEDIATE."""
    return [sealing(name, INTERMEDIATE, response, edit, requirement, FRAGMENTED) for response in DIRECTIONS]


def number_of(prefix: bytes) -> int:
    """Fragment Number, which stands in front of the IV; 0 in what is no fragment."""
    return int.from_bytes(prefix[-4:-2]) if prefix[16] == PayloadType.SKF else 0


def at(number: int, edit: Callable[[bytes], bytes]) -> Finish:
    """Edit what stands in front of the IV of one fragment."""
    return lambda prefix, plain, rng: (edit(prefix) if number_of(prefix) == number else prefix, plain, rng)


def in_each(edit: Callable[[bytes], bytes]) -> Finish:
    return lambda prefix, plain, rng: (edit(prefix) if number_of(prefix) else prefix, plain, rng)


def with_payload_in_front(prefix: bytes) -> bytes:
    """A Vendor ID of four octets outside of the encryption."""
    head, rest = prefix[:28], prefix[28:]
    extra = GENERIC_HEADER.pack(head[16], 0, 8) + b"mine"
    length = int.from_bytes(head[24:28]) + len(extra)
    return head[:16] + bytes((PayloadType.VENDOR_ID,)) + head[17:24] + length.to_bytes(4) + extra + rest


def smaller_set_behind(octets: bytes) -> list[bytes]:
    """Once the last fragment has left, one of a set that has one fragment less."""
    number, total = (int.from_bytes(octets[at : at + 2]) for at in (32, 34))
    if octets[16] != PayloadType.SKF or number != total:
        return [octets]
    return [octets, octets[:32] + (1).to_bytes(2) + (total - 1).to_bytes(2) + octets[36:]]


def with_a_fragment(octets: bytes) -> bytes:
    """IKE_SA_INIT whose last payload is an Encrypted Fragment."""
    message = Message.parse(octets)
    sealed = EncryptedFragment(PayloadType.NOTIFY, 1, 1, bytes(40))
    return Message(message.header, (*message.payloads, sealed)).to_bytes()


def constant(prefix: bytes, plain: bytes, _rng: Rng) -> tuple[bytes, bytes, Rng]:
    return prefix, plain, bytes


def longer_inside(prefix: bytes, plain: bytes, rng: Rng) -> tuple[bytes, bytes, Rng]:
    """The first payload inside says that it has more octets than there are."""
    return prefix, plain[:2] + b"\xff\xff" + plain[4:], rng


def more_inside(prefix: bytes, plain: bytes, rng: Rng) -> tuple[bytes, bytes, Rng]:
    return prefix, plain + b"more", rng


def altered(name: str, role: Role, after: Callable[[Case], Case], requirement: str, *scenarios: str) -> Misbehaviour:
    """A message or packet more, which no engine of ours sends."""
    return Misbehaviour(f"{name}, {role.other.value}", role, requirement, scenarios or TWO, after=after)


def request_behind(*numbers: int) -> Callable[[Case], Case]:
    """Empty requests of the peer at the end, none of them answered."""

    def after(case: Case) -> Case:
        for number in numbers:
            case = behind(case, protected(case, (), by_engine=False, message_id=number), by_engine=False)
        return case

    return after


def request_after_the_deletion(case: Case) -> Case:
    last = max(m.message_id for m in case.view.messages if not m.response and m.from_initiator)
    return request_behind(last + 1)(case)


def create_child_sa_too_early(case: Case) -> Case:
    label = next(m.label for m in case.view.messages if m.label.startswith("IKE_AUTH response"))
    early = protected(case, (), by_engine=False, message_id=0, exchange=ExchangeType.CREATE_CHILD_SA)
    return in_front_of(case, label, early, by_engine=False)


def intermediate_after_auth(case: Case) -> Case:
    last = max(m.message_id for m in case.view.messages if not m.response and m.from_initiator)
    late = protected(case, (), by_engine=False, message_id=last + 1, exchange=INTERMEDIATE)
    return behind(case, late, by_engine=False)


def answered_elsewhere(case: Case) -> Case:
    """The response to IKE_AUTH goes over the port of NAT traversal, its request went over the other one."""
    label = next(m.label for m in case.view.messages if m.label.startswith("IKE_AUTH response"))
    for piece in case.message(label).pieces:
        moved = replace(
            piece.datagram, source=(PEER, 4500), destination=(ENGINE, 4500), payload=bytes(4) + piece.octets
        )
        case = case.changed(piece.datagram, moved)
    return case


def begun_with_the_same_key(case: Case) -> Case:
    offer = case.message("IKE_SA_INIT request 0").pieces[0]
    message = Message(replace(offer.message.header, initiator_spi=b"\x0b" * 8), offer.message.payloads)
    return behind(case, message.to_bytes(), by_engine=False)


def known_as(kind: IdentificationType, data: bytes, role: Role) -> Misbehaviour:
    """Another identity than the peer was told, with the AUTH that is right for it."""
    who = Identity(kind, data)
    name = f"it is {data!r} of {kind}, {role.other.value}"
    return Misbehaviour(name, role, "B44", (HYBRID, BLOCKS, CLASSICAL), product={"local_identity": who})


ROWS: list[Misbehaviour] = [
    # The header (RFC 7296 sections 2.5 and 3.1).
    *heads("reserved flag 0x01", flag(0x01), "B15"),
    *heads("reserved flag 0x80", flag(0x80), "B15"),
    *heads("the Version flag", flag(VERSION_BIT), "B15", ((INIT, TWO), (AUTH, TWO))),
    *heads("minor version 1", lambda head: replace(head, version=0x21), "B16"),
    *heads("major version 3", lambda head: replace(head, version=0x30), "B16", ((INIT, TWO), (AUTH, TWO))),
    *heads("major version 1", lambda head: replace(head, version=0x10), "B16", ((INIT, TWO), (AUTH, (HYBRID,)))),
    *heads("the other Initiator flag", lambda head: replace(head, flags=head.flags ^ INITIATOR), "B39"),
    *heads("another initiator's SPI", lambda head: replace(head, initiator_spi=flipped(head.initiator_spi)), "B39",
           SEALED),
    *heads("another responder's SPI", lambda head: replace(head, responder_spi=flipped(head.responder_spi)), "B39",
           SEALED),
    *heads("no responder's SPI", lambda head: replace(head, responder_spi=bytes(8)), "B39", SEALED),
    header("another initiator's SPI", INIT, True, lambda head: replace(head, initiator_spi=b"\5" * 8), "B39", TWO),
    header("no responder's SPI", INIT, True, lambda head: replace(head, responder_spi=bytes(8)), "B39", TWO),
    header("a responder's SPI", INIT, False, lambda head: replace(head, responder_spi=b"\5" * 8), "B39", TWO),
    header("no initiator's SPI", INIT, False, lambda head: replace(head, initiator_spi=bytes(8)), "B39", TWO),
    *numbered_wrongly(1),
    *numbered_wrongly(7),
    header("of another exchange", AUTH, True, other_exchange(INFORMATIONAL), "B22", TWO),
    header("of another exchange", AUTH, False, other_exchange(ExchangeType.CREATE_CHILD_SA), "B42", TWO),
    header("of another exchange", INFORMATIONAL, True, other_exchange(AUTH), "B22", TWO),
    # One message to a datagram, and its lengths (sections 3.1, 3.2).
    *octets("Length one too large", spoken(lambda o: with_length(o, len(o) + 1)), "B53"),
    *octets("Length one too small", spoken(lambda o: with_length(o, len(o) - 1)), "B53"),
    *octets("Length zero", spoken(lambda o: with_length(o, 0)), "B53", ((INIT, TWO), (AUTH, TWO))),
    *octets("an octet too few", spoken(lambda o: o[:-1]), "B53"),
    *octets("an octet too many", spoken(lambda o: o + b"\0"), "B53"),
    *octets("half a header", spoken(lambda o: o[:14]), "B53", ((INIT, TWO), (AUTH, TWO))),
    *octets("two messages at once", spoken(lambda o: o + o), "B53", ((INIT, TWO), (AUTH, TWO))),
    *[
        sealing("a payload inside that is too long", exchange, response, longer_inside, "B53", scenarios)
        for exchange, scenarios in ((AUTH, TWO), (INTERMEDIATE, (HYBRID,)))
        for response in DIRECTIONS
    ],
    *[
        sealing("octets behind the last payload inside", exchange, response, more_inside, "B53", scenarios)
        for exchange, scenarios in ((AUTH, TWO), (INTERMEDIATE, (HYBRID,)))
        for response in DIRECTIONS
    ],
    # Repetitions (section 2.1).
    *octets("repeated with other octets", lambda o: [o, flipped(o, -1)], "B18", SEALED),
    on_the_wire("repeated with other octets", INIT, False, lambda o: [o, flipped(o, -1)], "B18", TWO),
    on_the_wire("answered twice", INIT, True, lambda o: [o, flipped(o, -1)], "B19", TWO),
    # Sealing (section 3.14, RFC 5282, RFC 9242 section 3.2).
    *not_authentic("another checksum", lambda o: flipped(o, -1)),
    *not_authentic("another ciphertext", lambda o: flipped(o, -20)),
    unsealed(INTERMEDIATE, True, "I06", (HYBRID, SEVEN)),
    unsealed(INTERMEDIATE, False, "I06", (HYBRID, SEVEN)),
    unsealed(AUTH, True, "K01", (BLOCKS, CLASSICAL)),
    unsealed(AUTH, False, "K01", (BLOCKS, CLASSICAL)),
    unsealed(INFORMATIONAL, True, "K01", (BLOCKS, CLASSICAL)),
    unsealed(INFORMATIONAL, False, "K01", (BLOCKS, CLASSICAL)),
    *[sealing("one initialization vector", INTERMEDIATE, each, constant, "K06", FRAGMENTED) for each in DIRECTIONS],
    # Fragments (RFC 7383 section 2.5).
    *fragments("Total Fragments 0", in_each(lambda p: p[:-2] + bytes(2)), "F03"),
    *fragments("a number above the total", at(1, lambda p: p[:-4] + b"\0\x63" + p[-2:]), "F03"),
    *fragments("number 0", at(1, lambda p: p[:-4] + bytes(2) + p[-2:]), "F03"),
    *fragments("a Next Payload in the second", at(2, lambda p: p[:-8] + b"\x22" + p[-7:]), "F04"),
    *fragments("no Next Payload in the first", at(1, lambda p: p[:-8] + b"\0" + p[-7:]), "F04"),
    *fragments("another header in the second", at(2, lambda p: p[:19] + bytes((p[19] | 1,)) + p[20:]), "F05"),
    *fragments("a payload outside in the second", at(2, with_payload_in_front), "F06"),
    *[
        on_the_wire("each fragment twice, and not the same", INTERMEDIATE, response, lambda o: [o, flipped(o, -1)],
                    "B18", FRAGMENTED)
        for response in DIRECTIONS
    ],
    *[
        on_the_wire("a smaller set behind the whole one", INTERMEDIATE, response, smaller_set_behind, "F08", FRAGMENTED)
        for response in DIRECTIONS
    ],
    *[
        on_the_wire("a fragment of IKE_SA_INIT", INIT, response, spoken(with_a_fragment), "F02", TWO)
        for response in DIRECTIONS
    ],
    # INFORMATIONAL (sections 1.4, 2.4).
    *(on_the_wire("no answer", exchange, True, lambda _: [], "B60", scenarios)
      for exchange, scenarios in ((INIT, TWO), (INTERMEDIATE, (HYBRID, SEVEN)), (AUTH, TWO))),
    on_the_wire("no answer to a liveness check", INFORMATIONAL, True, lambda _: [], "B30", (LIFE,), 0),
    on_the_wire("no answer to the deletion", INFORMATIONAL, True, lambda _: [], "B29", (LIFE,), 1),
    on_the_wire("no answer to the deletion", INFORMATIONAL, True, lambda _: [], "B29", (HYBRID, BLOCKS, SEVEN)),
    # What follows at the wrong time (sections 1, 1.4.1, 2.3; RFC 9242 section 3.2).
    altered("two requests at once", Role.INITIATOR, request_behind(0, 1), "B20"),
    altered("three requests at once", Role.INITIATOR, request_behind(0, 1, 2), "B20"),
    altered("a request after its own deletion", Role.RESPONDER, request_after_the_deletion, "B29"),
    *[
        altered("ESP long after the deletion", role, lambda case: late_esp(case, by_engine=False, after=3.0), "B29")
        for role in Role
    ],
    altered("CREATE_CHILD_SA before IKE_AUTH has ended", Role.INITIATOR, create_child_sa_too_early, "B42"),
    altered("IKE_INTERMEDIATE after IKE_AUTH", Role.RESPONDER, intermediate_after_auth, "I03", HYBRID, SEVEN),
    altered("an answer to another port", Role.INITIATOR, answered_elsewhere, "B38"),
    altered("an ML-KEM key twice", Role.RESPONDER, begun_with_the_same_key, "M11", "pq-only/mlkem512-in-sa-init"),
    # Who it says it is, with the AUTH that is right for that (sections 2.15, 3.5).
    *[known_as(IdentificationType.ID_FQDN, b"somebody.else.test", role) for role in Role],
    *[known_as(IdentificationType.ID_FQDN, b"", role) for role in Role],
    *[known_as(IdentificationType.ID_KEY_ID, b"peer.interop.test", role) for role in Role],
    *[known_as(IdentificationType.ID_RFC822_ADDR, b"peer@interop.test", role) for role in Role],
    *[known_as(IdentificationType.ID_IPV4_ADDR, bytes((198, 51, 100, 20)), role) for role in Role],
]  # fmt: skip
