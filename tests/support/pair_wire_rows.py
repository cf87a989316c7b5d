"""Seeded defects of two products in what is in clear between them.

Headers, IKE_SA_INIT, ports, fragments and repetitions need no keys. As in ``pair_defect_rows``, verdict, party and
sentences were written before a row was played.
"""

from __future__ import annotations

from dataclasses import replace

from pair_alterations import (
    ANSWER,
    ASK,
    EITHER,
    FRAGMENTED,
    FRAGMENTS_TOO,
    INTERMEDIATE_TOO,
    again,
    another_method,
    clear,
    critical,
    each,
    edited,
    esp_numbered,
    found,
    fragment,
    from_port,
    having,
    header,
    idle_exchange,
    in_the_old_ike_sa,
    junk,
    lacking,
    late_intermediate,
    nonce_of,
    notified,
    numbered_wrongly,
    one_more_fragment,
    other_question,
    proposals,
    same_nonce,
    same_vector,
    sealed,
    second_answer,
    stray,
    too_early,
    unsealed,
)
from pair_builder import FIRST, HERE, SECOND, SEVEN, THERE
from pair_defect_rows import CLASSICAL, FAIL, HYBRID, NOBODY, REKEY, PairDefect, and_then, never_sent, sealed_again

from harness.registry.identities import AuthenticationMethod
from harness.registry.messages import ExchangeType, PayloadType, Protocol
from harness.registry.notifications import NotifyType
from harness.wire.message import INITIATOR
from harness.wire.payloads import Authentication, Delete, KeyExchange, Nonce, Notify

AUTH = Authentication(AuthenticationMethod.SHARED_KEY_MESSAGE_INTEGRITY_CODE, bytes(32))

ROWS: list[PairDefect] = [
    # What is only used once both have announced it.
    PairDefect("neither announces IKE_INTERMEDIATE", (HYBRID, SEVEN), edited(lacking(INTERMEDIATE_TOO), ASK, ANSWER),
               FAIL, (FIRST, SECOND), "A02", ("A16",)),
    PairDefect("the initiator does not announce it", (HYBRID,), edited(lacking(INTERMEDIATE_TOO), ASK),
               FAIL, (FIRST, SECOND), "A02", ("A16",)),
    PairDefect("the responder does not announce it", (HYBRID,), edited(lacking(INTERMEDIATE_TOO), ANSWER),
               FAIL, SECOND, "A02"),
    PairDefect("neither announces fragmentation", (SEVEN,), edited(lacking(FRAGMENTS_TOO), ASK, ANSWER),
               FAIL, FIRST, "F01"),
    PairDefect("the responder does not announce fragmentation", (SEVEN,), edited(lacking(FRAGMENTS_TOO), ANSWER),
               FAIL, FIRST, "F01"),
    PairDefect("IKE_INTERMEDIATE without ADDKE, unannounced", (CLASSICAL,), idle_exchange,
               FAIL, FIRST, "I01"),
    # Nonces.
    PairDefect("Ni of 8 octets", (HYBRID, CLASSICAL), edited(nonce_of(8), ASK), FAIL, FIRST, "B23"),
    PairDefect("Nr of 8 octets", (HYBRID, CLASSICAL), edited(nonce_of(8), ANSWER), FAIL, SECOND, "B23"),
    PairDefect("Nr of 257 octets", (HYBRID,), edited(nonce_of(257), ANSWER), FAIL, SECOND, "B23"),
    PairDefect("Nr is Ni", (HYBRID, CLASSICAL, REKEY), same_nonce, FAIL, SECOND, "B23"),
    PairDefect("an initialization vector twice", (HYBRID, CLASSICAL), same_vector, FAIL, SECOND, "K06"),
    # Headers.
    PairDefect("a reserved flag in IKE_SA_INIT", (HYBRID,), header(ASK, flip=1), FAIL, FIRST, "B15"),
    PairDefect("a reserved flag in IKE_AUTH", (HYBRID,), header("IKE_AUTH response 2", flip=1), FAIL, SECOND, "B15"),
    PairDefect("a reserved flag after a rekey", (REKEY,), header("CREATE_CHILD_SA response 0", last=True, flip=0x40),
               FAIL, SECOND, "B15"),
    PairDefect("the version flag", (HYBRID,), header("INFORMATIONAL request 3", flip=0x10), FAIL, FIRST, "B15"),
    PairDefect("version 2.1", (HYBRID,), header("IKE_AUTH request 2", version=0x21), FAIL, FIRST, "B16"),
    PairDefect("version 3.0", (HYBRID,), header("IKE_AUTH response 2", version=0x30), FAIL, SECOND, "B16"),
    PairDefect("no Initiator flag", (HYBRID,), header(ASK, flip=INITIATOR), FAIL, FIRST, "B39"),
    PairDefect("the responder's Initiator flag", (HYBRID,), header("IKE_AUTH response 2", flip=INITIATOR),
               FAIL, SECOND, "B39"),
    PairDefect("the responder's after a rekey", (REKEY,), header(
        "INFORMATIONAL response 3", last=True, flip=INITIATOR), FAIL, SECOND, "B39"),
    PairDefect("of the last two messages, one's role", (REKEY,), header(
        "INFORMATIONAL response 0", last=True, flip=INITIATOR), FAIL, SECOND, "B39"),
    PairDefect("another responder's SPI in a response", (HYBRID,), header(
        "IKE_AUTH response 2", responder_spi=b"x" * 8), FAIL, SECOND, "B39"),
    PairDefect("another responder's SPI in a request", (HYBRID,), header("IKE_AUTH request 2", responder_spi=b"x" * 8),
               FAIL, FIRST, "B39"),
    PairDefect("another responder's SPI in the answer", (HYBRID,), header(ANSWER, responder_spi=b"x" * 8),
               FAIL, SECOND, "B39"),
    PairDefect("a responder's SPI in the first message", (HYBRID,), header(ASK, responder_spi=b"x" * 8),
               FAIL, FIRST, "B39"),
    PairDefect("a message of no IKE SA", (HYBRID, CLASSICAL), stray(
        THERE, b"nowhere!", ExchangeType.INFORMATIONAL, sealed(PayloadType.NOTIFY)), FAIL, SECOND, "B39"),
    # Notifies and other payloads of IKE_SA_INIT.
    PairDefect("one kind of NAT_DETECTION", (HYBRID,), edited(lacking(NotifyType.NAT_DETECTION_SOURCE_IP), ANSWER),
               FAIL, SECOND, "B36"),
    PairDefect("the other kind of it", (CLASSICAL,), edited(lacking(NotifyType.NAT_DETECTION_DESTINATION_IP), ASK),
               FAIL, FIRST, "B36"),
    PairDefect("NAT_DETECTION of 19 octets", (HYBRID,), edited(
        notified(NotifyType.NAT_DETECTION_SOURCE_IP, data=bytes(19)), ASK), FAIL, FIRST, "B36"),
    PairDefect("a notify with a protocol and no SPI", (HYBRID,), edited(
        notified(NotifyType.NAT_DETECTION_SOURCE_IP, protocol=Protocol.ESP), ANSWER), FAIL, SECOND, "B48"),
    PairDefect("a notify with an SPI of IKE", (HYBRID,), edited(
        notified(NotifyType.NAT_DETECTION_SOURCE_IP, protocol=Protocol.IKE, spi=bytes(8)), ASK), FAIL, FIRST, "B48"),
    PairDefect("data in an announcement", (HYBRID,), edited(notified(FRAGMENTS_TOO, data=b"1"), ASK),
               FAIL, FIRST, "F01"),
    PairDefect("the critical bit on a known payload", (HYBRID,), edited(each(Nonce, critical), ASK),
               FAIL, FIRST, "B14"),
    PairDefect("a reserved bit of KE", (HYBRID,), edited(each(KeyExchange, lambda p: replace(p, reserved=1)), ANSWER),
               FAIL, SECOND, "B15"),
    PairDefect("two nonces", (HYBRID,), edited(having(Nonce(bytes(range(32)))), ANSWER), FAIL, SECOND, "B54"),
    PairDefect("proposals 1 and 3", (EITHER,), edited(numbered_wrongly, ASK), FAIL, FIRST, "B07"),
    PairDefect("a proposal with an SPI", (HYBRID,), edited(proposals(spi=bytes(8)), ASK), FAIL, FIRST, "B49"),
    PairDefect("an answer with an SPI", (HYBRID,), edited(proposals(spi=bytes(8)), ANSWER), FAIL, SECOND, "B49"),
    PairDefect("KE of a method that is not offered", (HYBRID,), edited(each(KeyExchange, another_method), ASK),
               FAIL, FIRST, "B02"),
    PairDefect("KE of a method that is not chosen", (HYBRID, CLASSICAL), edited(each(KeyExchange, another_method),
               ANSWER), FAIL, SECOND, "B02"),
    PairDefect("AUTH in the first request", (HYBRID,), edited(having(AUTH), ASK), FAIL, FIRST, "B54"),
    PairDefect("a Delete in the first answer", (HYBRID, CLASSICAL), edited(having(Delete(Protocol.IKE)), ANSWER),
               FAIL, SECOND, "B54"),
    PairDefect("no KE in the answer", (HYBRID,), edited(lambda ps: [p for p in ps if not isinstance(p, KeyExchange)],
               ANSWER), FAIL, SECOND, "B02", ("B54",)),
    PairDefect("no KE in the request", (HYBRID, CLASSICAL), edited(
        lambda ps: [p for p in ps if not isinstance(p, KeyExchange)], ASK), FAIL, FIRST, "B54", ("B02",)),
    PairDefect("two KE in the request", (HYBRID, CLASSICAL), edited(
        lambda ps: [*ps, *(p for p in ps if isinstance(p, KeyExchange))], ASK), FAIL, FIRST, "B54", ("B02",)),
    PairDefect("hash algorithms of three octets", (HYBRID, CLASSICAL), edited(
        having(Notify(NotifyType.SIGNATURE_HASH_ALGORITHMS, bytes(3))), ASK), FAIL, FIRST, "S09"),
    # Ports, repetitions and turns.
    PairDefect("an answer from another port", (HYBRID,), from_port("IKE_AUTH response 2", 4500, 4500),
               FAIL, SECOND, "B38"),
    PairDefect("an answer to another port", (HYBRID, CLASSICAL), from_port(ANSWER, 500, 501), FAIL, SECOND, "B38"),
    PairDefect("an answer to another port after a rekey", (REKEY,), from_port(
        "INFORMATIONAL response 0", 500, 500, last=True), FAIL, SECOND, "B38"),
    PairDefect("IKE_AUTH repeated otherwise", (HYBRID, CLASSICAL), lambda p: again(
        next(m for m in p.view.messages if m.label.startswith("IKE_AUTH request")).label, spoilt=True)(p),
        FAIL, FIRST, "B18", ("K06",)),
    PairDefect("a response repeated otherwise", (HYBRID,), again("IKE_AUTH response 2", spoilt=True),
               FAIL, SECOND, "B18", ("K06",)),
    PairDefect("IKE_SA_INIT repeated otherwise", (HYBRID, CLASSICAL), other_question, FAIL, FIRST, "B18"),
    PairDefect("IKE_SA_INIT answered twice", (HYBRID, CLASSICAL), second_answer, FAIL, SECOND, "B19"),
    PairDefect("IKE_AUTH before IKE_INTERMEDIATE is answered", (HYBRID, SEVEN), too_early(
        ExchangeType.IKE_INTERMEDIATE), FAIL, FIRST, "B20"),
    PairDefect("CREATE_CHILD_SA before IKE_AUTH is answered", (REKEY,), too_early(ExchangeType.IKE_AUTH),
               FAIL, FIRST, "B20", ("B42",)),
    PairDefect("IKE_INTERMEDIATE after IKE_AUTH", (HYBRID,), late_intermediate, FAIL, FIRST, "I03"),
    PairDefect("IKE_INTERMEDIATE in clear", (HYBRID,), unsealed, FAIL, FIRST, "I06"),
    PairDefect("ESP numbers from 0", (HYBRID, CLASSICAL), esp_numbered(lambda number: number - 1), FAIL, FIRST, "E02"),
    PairDefect("one ESP number for all", (HYBRID, REKEY), esp_numbered(lambda _: 1), FAIL, FIRST, "E02"),
    PairDefect("IKE_AUTH in clear", (HYBRID, CLASSICAL), lambda p: p.changed(
        (m := next(m for m in p.view.messages if m.label.startswith("IKE_AUTH request"))).pieces[0].datagram,
        clear(m, [Nonce(bytes(range(32)))])), FAIL, FIRST, "B61"),
    # Rekeys that the wire has not: nobody can read who did what.
    PairDefect("Child SAs rekeyed without an exchange", (REKEY,), never_sent(ExchangeType.CREATE_CHILD_SA, 0),
               FAIL, NOBODY, "B25"),
    PairDefect("a rekey of the IKE SA leads to none", (REKEY,), in_the_old_ike_sa, FAIL, NOBODY, "B24"),
    # Fragments.
    PairDefect("fragment 0", (SEVEN,), one_more_fragment(0, 2), FAIL, FIRST, "F03"),
    PairDefect("fragment 3 of 2", (SEVEN,), one_more_fragment(3, 2), FAIL, FIRST, "F03"),
    PairDefect("a smaller set after a whole one", (SEVEN,), and_then(
        one_more_fragment(2, 3), one_more_fragment(3, 3), one_more_fragment(1, 1)), FAIL, FIRST, "F08"),
    PairDefect("the second fragment names a payload", (SEVEN,), fragment("response", 2, first_inner=PayloadType.KE),
               FAIL, SECOND, "F04"),
    PairDefect("the first fragment names none", (SEVEN,), fragment(
        "request", 1, first_inner=PayloadType.NO_NEXT_PAYLOAD),
               FAIL, FIRST, "F04"),
    PairDefect("a payload outside of the second fragment", (SEVEN,), fragment("response", 2, outside=True),
               FAIL, SECOND, "F06"),
    PairDefect("fragments with different headers", (SEVEN,), lambda p: sealed_again(
        p, found(p, FRAGMENTED.format("request")).pieces[1], version=0x21), FAIL, FIRST, "F05", ("B16",)),
    # What is no message.
    PairDefect("the initiator sends junk", (HYBRID, CLASSICAL), junk(HERE), FAIL, FIRST, "B53"),
    PairDefect("the responder sends junk", (HYBRID,), junk(THERE), FAIL, SECOND, "B53"),
]  # fmt: skip
