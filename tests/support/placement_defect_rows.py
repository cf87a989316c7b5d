"""Seeded defects of a peer: payloads and values where they have no place; each with its requirement, written before.

What is wrong stands in the second proposal, the last notify or a later message as well as in the first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from unittest.mock import patch

from case_builder import ENGINE, PEER, Case, Play
from defect_rows import (
    AUTH,
    BLOCKS,
    CLASSICAL,
    HYBRID,
    INFORMATIONAL,
    INIT,
    INTERMEDIATE,
    KEY_OF_256,
    SEVEN,
    answer,
    asked,
    both,
    no_notify,
    notify,
    spoilt,
)
from defective import Defect, beside, edited
from esp_defect_rows import CHACHA, padded
from extra_messages import behind, in_front_of, protected
from message_defect_rows import FRAGMENTED, LIFE, TWO, altered
from misbehaving import Misbehaviour, esp, header, is_the_peers, on_the_wire, sends
from rekeying import begins, ike, nonce, public_value, receives_on, rekey, selectors
from rekeying import esp as esp_offer

from harness.ike.configuration import Datagram, Path
from harness.ike.machine import Machine
from harness.ike.protected import SecureChannel
from harness.ike.states import agreement_of
from harness.policy.role import Role
from harness.registry.identities import AuthenticationMethod, ConfigurationType, IdentificationType
from harness.registry.messages import ExchangeType, PayloadType, Protocol
from harness.registry.notifications import NotifyType
from harness.registry.transforms import Encryption, KeyExchangeMethod, TransformType
from harness.wire.message import Message
from harness.wire.payload import Payload
from harness.wire.payloads import (
    Authentication,
    Configuration,
    Delete,
    ExtensibleAuthentication,
    IdentificationInitiator,
    IdentificationResponder,
    KeyExchange,
    Nonce,
    Notify,
    SecurityAssociation,
    TrafficSelectorsInitiator,
)
from harness.wire.payloads.security_association import Attribute, Proposal, Transform

CREATE = ExchangeType.CREATE_CHILD_SA
AT_4500 = Path((PEER, 4500), (ENGINE, 4500))
VALUE, NONCE = KeyExchange(KeyExchangeMethod.CURVE25519, bytes(range(32))), Nonce(bytes(range(32)))
PROOF = Authentication(AuthenticationMethod.SHARED_KEY_MESSAGE_INTEGRITY_CODE, bytes(32))
WHO = IdentificationInitiator(IdentificationType.ID_FQDN, b"engine.interop.test")
SELECTORS = TrafficSelectorsInitiator(())
OFFER = esp_offer()
DELETED = Delete(Protocol.ESP, 4, (b"\1\2\3\4",))
FLAG = NotifyType.INITIAL_CONTACT
NAMED: dict[str, Payload] = {"SA": OFFER, "KE": VALUE, "a nonce": NONCE, "AUTH": PROOF, "IDi": WHO}
PLACES: tuple[tuple[ExchangeType, tuple[str, ...], tuple[Payload, ...]], ...] = (
    (INIT, TWO, (PROOF, WHO, SELECTORS)),
    (AUTH, TWO, (VALUE, NONCE)),
)


def out_of_place() -> Iterator[Defect]:
    for exchange, scenarios, payloads in PLACES:
        for payload in payloads:
            yield from both(f"{payload.type.name} in {exchange.name}", exchange, beside(payload), "B54", scenarios)
    for name, payload in NAMED.items():
        yield from asked(f"{name} beside the Delete", INFORMATIONAL, beside(payload), "B54")
        yield Defect(f"{name} in the answer to a liveness check, response", INFORMATIONAL, True, beside(payload),
                     "B54", (LIFE,), 0)  # fmt: skip


def with_an_spi(kind: NotifyType) -> Notify:
    return Notify(kind, b"", Protocol.ESP, b"\1\2\3\4")


def second(edit: Callable[[Proposal], Proposal]) -> Callable[[SecurityAssociation], SecurityAssociation]:
    """A proposal more, which is the first one edited."""

    def more(offer: SecurityAssociation) -> SecurityAssociation:
        again = replace(offer.proposals[0], number=len(offer.proposals) + 1)
        return replace(offer, proposals=(*offer.proposals, edit(again)))

    return more


def offers(name: str, edit: Callable[[Proposal], Proposal], scenarios: tuple[str, ...] = TWO) -> list[Defect]:
    """Two rows: the offer for the IKE SA, and that for the Child SA."""
    return [
        Defect(f"{name}, request", exchange, False, edited(SecurityAssociation, second(edit)), "B64", scenarios)
        for exchange in (INIT, AUTH)
    ]


def bare_offers(name: str, edit: Callable[[Proposal], Proposal], scenarios: tuple[str, ...]) -> list[Defect]:
    """An offer for the IKE SA, of which nothing is protected by its last proposal."""
    edits = edited(SecurityAssociation, second(edit))
    return [Defect(f"a last proposal with {name}, request", INIT, False, edits, "B41", scenarios)]


def cipher(kind: Encryption, *attributes: Attribute) -> Callable[[Proposal], Proposal]:
    new = Transform(TransformType.ENCR, int(kind), attributes)
    return lambda p: replace(p, transforms=tuple(new if t.type == TransformType.ENCR else t for t in p.transforms))


def integrity(number: int) -> Callable[[Proposal], Proposal]:
    new = Transform(TransformType.INTEG, number)
    return lambda p: replace(p, transforms=tuple(new if t.type == TransformType.INTEG else t for t in p.transforms))


def with_more(*more: Transform) -> Callable[[Proposal], Proposal]:
    return lambda p: replace(p, transforms=(*p.transforms, *more))


def without_attributes(proposal: Proposal) -> Proposal:
    return replace(proposal, transforms=tuple(replace(each, attributes=()) for each in proposal.transforms))


def with_a_length(kind: TransformType) -> Callable[[Proposal], Proposal]:
    def edit(proposal: Proposal) -> Proposal:
        each = (replace(t, attributes=(KEY_OF_256,)) if t.type == kind else t for t in proposal.transforms)
        return replace(proposal, transforms=tuple(each))

    return edit


def first_message(play: Play, *, of_peer: bool) -> Message:
    agreement = agreement_of(play.peer.session.state)
    assert agreement is not None
    asks = play.peer.initiator == of_peer
    return Message.parse(agreement.request if asks else agreement.response)


def nonce_again(play: Play, *, of_peer: bool) -> Nonce:
    found = first_message(play, of_peer=of_peer).first(Nonce)
    assert found is not None
    return found


def own_spi(play: Play) -> bytes:
    """That of the peer, of the IKE SA that stands."""
    spi: bytes = play.peer.session.spis[0 if play.peer.initiator else 1]
    return spi


def one_vector(*exchanges: ExchangeType) -> Callable[[], AbstractContextManager[None]]:
    """All messages of these exchanges are sealed with the same vector."""
    finish, seal = SecureChannel._finish, Machine._seal

    @contextmanager
    def doctored() -> Iterator[None]:
        now: list[bool] = []

        def sealing(self: Machine, agreement: object, header: object, payloads: object, path: object) -> object:
            now.append(is_the_peers(self) and header.exchange_type in exchanges)  # type: ignore[attr-defined]
            try:
                return seal(self, agreement, header, payloads, path)  # type: ignore[arg-type]
            finally:
                now.pop()

        def wrong(self: SecureChannel, prefix: bytes, plain: bytes, rng: Callable[[int], bytes]) -> bytes:
            return finish(self, prefix, plain, (lambda n: b"\x42" * n) if now and now[-1] else rng)

        with patch.object(Machine, "_seal", sealing), patch.object(SecureChannel, "_finish", wrong):
            yield

    return doctored


def in_both_roles(
    name: str, requirement: str, scenarios: tuple[str, ...], doctored: Callable[[], AbstractContextManager[None]]
) -> list[Misbehaviour]:
    return [Misbehaviour(f"{name}, {role.other.value}", role, requirement, scenarios, doctored) for role in Role]


def unaligned(payload: bytes, kind: int) -> bytes:
    """One octet of padding more than brings the trailer to the end of four octets."""
    octets = -(len(payload) + 2) % 4 + 1
    return payload + bytes(range(1, octets + 1)) + bytes((octets, kind))


def informational_too_early(case: Case) -> Case:
    label = next(m.label for m in case.view.messages if m.label.startswith("IKE_AUTH response"))
    return in_front_of(case, label, protected(case, (), by_engine=False, message_id=0), by_engine=False)


def two_of_one_number(case: Case) -> Case:
    new = OFFER, nonce(), *selectors()
    case = behind(case, protected(case, new, by_engine=False, message_id=0, exchange=CREATE), by_engine=False)
    return behind(case, protected(case, (), by_engine=False, message_id=0), by_engine=False)


def followed_by(payload: Payload) -> Callable[[bytes], list[bytes]]:
    """A second message with the same header."""
    return lambda octets: [octets, Message(Message.parse(octets).header, (payload,)).to_bytes()]


def unmarked(exchange: ExchangeType) -> Callable[[], AbstractContextManager[object]]:
    """The peer's messages of an exchange leave without the non-ESP marker."""
    sent = Machine.transmit

    def bare(self: Machine, messages: Sequence[bytes], path: Path) -> None:
        if is_the_peers(self) and messages and messages[0][18] == exchange:
            self.outbox.extend(Datagram(path, message) for message in messages)
        else:
            sent(self, messages, path)

    return lambda: patch.object(Machine, "transmit", bare)


def back_to_500(exchange: ExchangeType) -> Callable[[], AbstractContextManager[object]]:
    """The peer's messages of an exchange leave from port 500 again."""
    sent = Machine.transmit

    def moved(self: Machine, messages: Sequence[bytes], path: Path) -> None:
        if is_the_peers(self) and messages and messages[0][18] == exchange:
            path = Path((path.local[0], 500), (path.remote[0], 500))
        sent(self, messages, path)

    return lambda: patch.object(Machine, "transmit", moved)


def withheld(number: int) -> Callable[[bytes], list[bytes]]:
    """A fragment that is never sent."""
    return lambda o: [] if o[16] == PayloadType.SKF and int.from_bytes(o[32:34]) == number else [o]


ROWS: list[Defect | Misbehaviour] = [
    # Payloads (RFC 7296 sections 1.2, 1.4, 2.16, 2.19, 2.22).
    *out_of_place(),
    *answer("IDi beside IDr", beside(WHO), "B54", TWO, AUTH),
    *answer("EAP in the answer to AUTH", beside(ExtensibleAuthentication(b"\3\1\0\4")), "B54", TWO, AUTH),
    *answer("CFG_REPLY out of nowhere", beside(Configuration(ConfigurationType.CFG_REPLY, ())), "B62", TWO, AUTH),
    *answer("IPCOMP_SUPPORTED out of nowhere", beside(Notify(NotifyType.IPCOMP_SUPPORTED, b"\1\2\2")), "B63", TWO,
            AUTH),
    Defect("a Delete of the IKE SA answers a liveness check, response", INFORMATIONAL, True,
           beside(Delete(Protocol.IKE)), "B29", (LIFE,), 0),
    # A notify in an exchange of its own (section 2.4).
    *both("INITIAL_CONTACT in INFORMATIONAL", INFORMATIONAL, beside(Notify(FLAG)), "B65", TWO),
    *both("IPCOMP_SUPPORTED in IKE_SA_INIT", INIT, beside(
        Notify(NotifyType.IPCOMP_SUPPORTED, b"\1\2\2")), "B63", TWO),
    Defect("CFG_REPLY in a request", AUTH, False, beside(
        Configuration(ConfigurationType.CFG_REPLY, ())), "B62", TWO),
    *begins("two REKEY_SA", lambda play: (
        rekey(receives_on(play)), rekey(receives_on(play)), esp_offer(), nonce(), *selectors()), "B25"),
    *begins("REKEY_SA in the rekey of the IKE SA", lambda play: (
        rekey(receives_on(play)), ike(), nonce(), public_value()), "B25"),
    # Another answer behind the first (section 2.1), and another exchange type than that of the request.
    *(on_the_wire(f"{kind.name} behind the answer", INIT, True, followed_by(Notify(kind, data)), "B19", TWO)
      for kind, data in ((NotifyType.COOKIE, bytes(8)), (NotifyType.NO_PROPOSAL_CHOSEN, b""),
                         (NotifyType.INVALID_KE_PAYLOAD, b"\0\x14"))),
    header("answered as IKE_INTERMEDIATE", AUTH, True, lambda head: replace(head, exchange_type=INTERMEDIATE), "B22",
           (HYBRID,)),
    # The port of NAT traversal (RFC 7296 sections 2 and 2.23).
    *(Misbehaviour(f"no marker, {exchange.name} request", Role.RESPONDER, "B37", TWO, unmarked(exchange),
                   product={"path": AT_4500}) for exchange in (INIT, AUTH, INFORMATIONAL)),
    *(Misbehaviour(f"{exchange.name} from port 500 again", Role.RESPONDER, rule, scenarios, back_to_500(exchange),
                   product={"path": AT_4500})
      for exchange, rule, scenarios in ((AUTH, "I05", (HYBRID, SEVEN)), (INFORMATIONAL, "B36", (HYBRID, BLOCKS)))),
    # Notifies (sections 2.3, 3.10; RFC 6023 section 4).
    *both("INITIAL_CONTACT with an SPI", AUTH, beside(with_an_spi(FLAG)), "B48", TWO),
    *both("the last of NAT detection with an SPI", INIT, notify(
        NotifyType.NAT_DETECTION_DESTINATION_IP, protocol=Protocol.AH, spi=bytes(4)), "B48", TWO),
    *both("SIGNATURE_HASH_ALGORITHMS with an SPI", INIT, beside(
        replace(with_an_spi(NotifyType.SIGNATURE_HASH_ALGORITHMS), data=b"\0\2")), "B48", TWO),
    *both("CHILDLESS_IKEV2_SUPPORTED of ESP", INIT, beside(
        Notify(NotifyType.CHILDLESS_IKEV2_SUPPORTED, b"", Protocol.ESP)), "C03", TWO),
    *both("a window of two octets", AUTH, beside(Notify(NotifyType.SET_WINDOW_SIZE, b"\0\4")), "B20", TWO),
    # What goes together in a proposal (sections 3.3, 3.3.5).
    *offers("a second proposal with GCM and INTEG", with_more(Transform(TransformType.INTEG, 12)), (HYBRID, CLASSICAL)),
    *offers("a second proposal without Key Length", without_attributes),
    *offers("a Key Length of INTEG", with_a_length(TransformType.INTEG), (BLOCKS,)),
    *[row for row in offers("a Key Length of the PRF", with_a_length(TransformType.PRF)) if row.exchange == INIT],
    # What an IKE SA is not negotiated with (section 5).
    *bare_offers("ENCR_NULL", cipher(Encryption.ENCR_NULL), (BLOCKS, HYBRID)),
    *bare_offers("GMAC", cipher(Encryption.ENCR_NULL_AUTH_AES_GMAC, KEY_OF_256), (HYBRID,)),
    *bare_offers("CBC and no INTEG", lambda p: replace(
        p, transforms=tuple(t for t in p.transforms if t.type != TransformType.INTEG)), (BLOCKS,)),
    *bare_offers("CBC and INTEG NONE", integrity(0), (BLOCKS,)),
    *bare_offers("CBC and NONE beside another INTEG", with_more(Transform(TransformType.INTEG, 0)), (BLOCKS,)),
    # PPKs (RFC 8784 section 3, RFC 9867 section 3.1), and who it is to be (RFC 9593 section 3.1).
    *both("USE_PPK with data", INIT, beside(Notify(NotifyType.USE_PPK, b"\1\2")), "P01", TWO),
    *both("USE_PPK_INT without IKE_INTERMEDIATE", INIT, beside(Notify(NotifyType.USE_PPK_INT)), "P15", (BLOCKS,)),
    *answer("both ways for a PPK", beside(
        Notify(NotifyType.USE_PPK), Notify(NotifyType.USE_PPK_INT)), "P09", (HYBRID,)),
    *asked("EAP beside AUTH", AUTH, beside(ExtensibleAuthentication(b"\2\1\0\4")), "B54"),
    *(Defect(f"{payload.type.name} is another one in IKE_INTERMEDIATE, request", INTERMEDIATE, False, beside(payload),
             "S05", (HYBRID, SEVEN))
      for payload in (IdentificationInitiator(IdentificationType.ID_FQDN, b"somebody.else.test"),
                      IdentificationInitiator(IdentificationType.ID_KEY_ID, b"peer.interop.test"),
                      IdentificationResponder(IdentificationType.ID_FQDN, b"somebody.else.test"))),
    *both("a token for a crash of ESP", AUTH, beside(
        Notify(NotifyType.QUICK_CRASH_DETECTION, bytes(16), Protocol.ESP)), "B48", TWO),
    *both("a token for a crash of no protocol", AUTH, beside(
        Notify(NotifyType.QUICK_CRASH_DETECTION, bytes(16))), "B48", (HYBRID,)),
    # Nonces, and CREATE_CHILD_SA (sections 1.3.2, 2.10).
    *both("a nonce of less than half the PRF's key", INIT, spoilt(Nonce, "nonce", lambda n: n[:23]), "B23",
          (BLOCKS, CLASSICAL)),
    *begins("the nonce of IKE_SA_INIT", lambda play: (
        esp_offer(), nonce_again(play, of_peer=True), *selectors()), "B23"),
    *begins("the nonce of the other side", lambda play: (
        esp_offer(), nonce_again(play, of_peer=False), *selectors()), "B23"),
    *begins("a nonce of one octet over and over", lambda _: (esp_offer(), Nonce(b"\7" * 32), *selectors()), "B23"),
    *begins("the rekey of the IKE SA with its SPI", lambda play: (ike(own_spi(play)), nonce(), public_value()), "B24"),
    *begins("the rekey of the IKE SA with selectors", lambda _: (
        ike(), nonce(), public_value(), *selectors()), "B54"),
    *begins("AUTH in CREATE_CHILD_SA", lambda _: (esp_offer(), nonce(), *selectors(), PROOF), "B54"),
    *begins("a Delete in CREATE_CHILD_SA", lambda _: (esp_offer(), nonce(), *selectors(), Delete(Protocol.IKE)), "B54"),
    *begins("KE in INFORMATIONAL", lambda _: (VALUE,), "B54", INFORMATIONAL),
    # Vectors and padding (RFC 7296 section 3.14, RFC 3602 section 3, RFC 4303 section 2.4).
    *in_both_roles("one vector for IKE_AUTH and INFORMATIONAL", "K06", (HYBRID, CLASSICAL, SEVEN),
                   one_vector(AUTH, INFORMATIONAL)),
    *in_both_roles("one vector for IKE_AUTH and INFORMATIONAL", "B56", (BLOCKS,), one_vector(AUTH, INFORMATIONAL)),
    *esp("one vector for all in CBC", sends(lambda p: p.sealed(iv=b"\x11" * 16)), "E10", (BLOCKS,)),
    *esp("a trailer that ends anywhere", sends(padded(unaligned)), "E09", (HYBRID, CHACHA)),
    # The order, and the numbers (RFC 7296 sections 1.4, 2.2; RFC 9242 section 3.2).
    altered("INFORMATIONAL before IKE_AUTH has ended", Role.INITIATOR, informational_too_early, "B42"),
    altered("two requests of one number", Role.INITIATOR, two_of_one_number, "B22"),
    *[replace(row, scenarios=(HYBRID,)) for row in begins(
        "IKE_INTERMEDIATE begun by the responder", lambda _: (), "I03", INTERMEDIATE) if row.role is Role.INITIATOR],
    # Without a word of fragments nobody sends any, whatever the path takes (RFC 7383 section 2.3).
    *both("no word of fragments", INIT, no_notify(NotifyType.IKEV2_FRAGMENTATION_SUPPORTED), "F01", FRAGMENTED[:1]),
    # A response that is never whole is none (section 1, RFC 7383 section 2.6).
    on_the_wire("the first fragment is never sent", INTERMEDIATE, True, withheld(1), "B60", FRAGMENTED),
    on_the_wire("the second fragment is never sent", INTERMEDIATE, True, withheld(2), "B60", FRAGMENTED),
]  # fmt: skip
