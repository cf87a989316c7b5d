"""What two products' exchanges show in clear: KE payloads, sizes, and which methods there is room for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import pytest
from pair_builder import FIRST, HYBRID_REKEY, SECOND, Pair, good_pair

from harness.registry.key_exchange_sizes import KEY_EXCHANGE_OCTETS
from harness.registry.messages import ExchangeType, PayloadType
from harness.registry.notifications import NotifyType
from harness.registry.transforms import KeyExchangeMethod, TransformType
from harness.verify.check import Objection
from harness.verify.checks.catalogue import CHECKS
from harness.verify.checks.exchanges import _too_small, _without_room, answered_at_the_end, octets_of
from harness.verify.pair_view import PairView
from harness.verify.wire import SeenMessage
from harness.wire.payload import Payload
from harness.wire.payloads import Encrypted, EncryptedFragment, KeyExchange, Notify, SecurityAssociation

HYBRID, OFFERED, SIZES = "pairs/hybrid", "pair-key-exchange-offered", "pair-key-exchange-sizes"
PREDICTED = "pair-exchanges-as-predicted"
ASK, ANSWER = "IKE_SA_INIT request 0", "IKE_SA_INIT response 0"
ML_KEM_512, ML_KEM_768 = KeyExchangeMethod.ML_KEM_512, KeyExchangeMethod.ML_KEM_768


def holding(pair: Pair, label: str, payloads: Iterable[Payload]) -> PairView:
    """The view with other payloads in a message in clear."""
    message = pair.message(label)
    piece = replace(message.pieces[0], message=replace(message.pieces[0].message, payloads=tuple(payloads)))
    other = replace(message, pieces=(piece,))
    return replace(pair.view, messages=tuple(other if m.label == label else m for m in pair.view.messages))


def objections(view: PairView, check: str = OFFERED) -> tuple[Objection, ...]:
    return CHECKS[check](view).objections


def of_sa_init(label: str) -> tuple[list[Payload], KeyExchange]:
    payloads = good_pair(HYBRID).message(label).payloads
    (value,) = (p for p in payloads if isinstance(p, KeyExchange))
    return [p for p in payloads if p is not value], value


@pytest.mark.parametrize(("label", "party", "verb"), [(ASK, FIRST, "offers"), (ANSWER, SECOND, "accepts")])
def test_ike_sa_init_carries_one_ke_payload_of_its_own_sa(label, party, verb):
    pair, (others, value) = good_pair(HYBRID), of_sa_init(label)
    assert objections(pair.view) == ()
    for values in ((), (value, value), (replace(value, method=KeyExchangeMethod(31337)),)):
        (objection,) = objections(holding(pair, label, (*others, *values)))
        assert objection.party == party
        got = ", ".join(str(each.method) for each in values) or "none"
        assert objection.sentence == f"{label} is to carry one KE payload, of a method that it {verb}; it carries {got}"


def test_another_transforms_number_is_no_method():
    """The same number of another type."""
    pair, (others, value) = good_pair(HYBRID), of_sa_init(ASK)
    (offer,) = (p for p in others if isinstance(p, SecurityAssociation))
    numbers = {t.identifier for p in offer.proposals for t in p.transforms if t.type.name != "KE"}
    for number in numbers - {value.method}:
        view = holding(pair, ASK, (*others, replace(value, method=KeyExchangeMethod(number))))
        assert len(objections(view)) == 1


@pytest.mark.parametrize("kind", [NotifyType.COOKIE, NotifyType.INVALID_KE_PAYLOAD, NotifyType.NO_PROPOSAL_CHOSEN])
def test_an_answer_that_accepts_nothing_needs_no_ke_payload(kind):
    pair = good_pair(HYBRID)
    assert objections(holding(pair, ANSWER, [Notify(kind)])) == ()
    assert len(objections(holding(pair, ANSWER, [Notify(NotifyType.MULTIPLE_AUTH_SUPPORTED)]))) == 1
    assert len(objections(holding(pair, ASK, [Notify(kind)]))) == 1
    among_others = [
        Notify(NotifyType.MULTIPLE_AUTH_SUPPORTED),
        Notify(kind),
        Notify(NotifyType.MULTIPLE_AUTH_SUPPORTED),
    ]
    assert objections(holding(pair, ANSWER, among_others)) == ()
    assert len(objections(holding(pair, ANSWER, []))) == 1


def test_the_answer_behind_one_that_accepts_nothing_is_looked_at():
    pair, (others, _) = good_pair(HYBRID), of_sa_init(ANSWER)
    (cookie,) = holding(pair, ANSWER, [Notify(NotifyType.COOKIE)]).find(ExchangeType.IKE_SA_INIT, response=True)
    view = holding(pair, ANSWER, others)
    (objection,) = objections(replace(view, messages=(cookie, *view.messages)))
    assert objection.party == SECOND


def sized(octets: int, *, response: bool, number: int) -> SeenMessage:
    """An IKE_INTERMEDIATE message with room for a KE payload of so many octets, and for what AES-GCM adds."""
    model = good_pair(HYBRID).view.find(ExchangeType.IKE_INTERMEDIATE, response=response)[0]
    sealed = Encrypted(PayloadType.KE, bytes(8 + (4 + 4 + octets) + 1 + 16))
    message = replace(model.pieces[0].message, payloads=(sealed,))
    pieces = (replace(model.pieces[0], message=message, octets=message.to_bytes()),)
    return replace(model, message_id=number, pieces=pieces)


def exchanges(*sizes: Sequence[int]) -> list[list[SeenMessage]]:
    """Of each exchange the request, and the response where its size is given."""
    return [
        [sized(octets, response=bool(at), number=number) for at, octets in enumerate(each)]
        for number, each in enumerate(sizes, start=1)
    ]


def room(method: KeyExchangeMethod) -> tuple[int, int]:
    return KEY_EXCHANGE_OCTETS[method]


def without_room(given: list[list[SeenMessage]], methods: list[KeyExchangeMethod]) -> int | None:
    return _without_room(good_pair(HYBRID).view, given, methods)


def test_each_method_takes_an_exchange_in_order():
    small, large = room(ML_KEM_512), room(ML_KEM_768)
    both = [ML_KEM_512, ML_KEM_768]
    assert without_room(exchanges(small, large), both) is None
    assert without_room(exchanges(large, small), both) == 1  # in their order
    assert without_room(exchanges((90, 90), small, (90, 90), large), both) is None  # with others between
    assert without_room(exchanges(large), both) == 1  # each is taken once
    assert without_room(exchanges((90, 90)), both) == 0
    assert without_room([], []) is None
    assert without_room(exchanges((1, 1)), [KeyExchangeMethod(31337)]) is None  # of a size that nobody knows


@pytest.mark.parametrize("side", [0, 1])
def test_an_exchange_has_room_both_ways(side):
    whole = room(ML_KEM_768)
    short = tuple(octets - (at == side) for at, octets in enumerate(whole))
    assert without_room(exchanges(whole), [ML_KEM_768]) is None
    assert without_room(exchanges(short), [ML_KEM_768]) == 0


def test_who_has_no_room_for_a_method_is_named_with_the_message_that_is_too_small():
    view = good_pair(HYBRID).view
    small, large = (sized(room(each)[0], response=False, number=1) for each in (ML_KEM_512, ML_KEM_768))
    short = sized(room(ML_KEM_768)[0] - 1, response=False, number=2)
    assert list(_too_small(view, [small, large], [ML_KEM_512, ML_KEM_768])) == []
    (objection,) = _too_small(view, [small, short], [ML_KEM_512, ML_KEM_768])
    octets = octets_of(short)
    assert objection.party == FIRST
    assert objection.sentence == f"IKE_INTERMEDIATE request 2 has {octets} octets, too few for ML_KEM_768"
    (first,) = _too_small(view, [replace(short, message_id=1), large], [ML_KEM_768, ML_KEM_512])
    assert first.sentence.startswith("IKE_INTERMEDIATE request 1 has")
    (several,) = _too_small(view, [small, small, short], [ML_KEM_512, ML_KEM_768])
    assert several.sentence.startswith("the IKE_INTERMEDIATE up to IKE_INTERMEDIATE request 2 has")


def with_sizes(*sizes: tuple[int, int]) -> PairView:
    """The hybrid case with IKE_INTERMEDIATE exchanges of these octets."""
    view = good_pair(HYBRID).view
    kept = (m for m in view.messages if m.exchange != ExchangeType.IKE_INTERMEDIATE)
    return replace(view, messages=(*kept, *(message for each in exchanges(*sizes) for message in each)))


def test_one_exchange_has_room_for_both_values_of_a_method():
    """Here the request of the first has it, and the response of the second."""
    asked, answered = room(ML_KEM_768)
    (objection,) = objections(with_sizes((asked, 90), (90, answered)), SIZES)
    assert objection.party == ""
    assert (
        objection.sentence == "no IKE_INTERMEDIATE exchanges one after the other have room for every method both ways"
    )
    (small,) = objections(with_sizes((90, answered), (asked - 1, 90)), SIZES)
    assert small.party == FIRST  # whose values have none at all
    assert objections(with_sizes((90, 90), (asked, answered)), SIZES) == ()


def test_who_leaves_exchanges_out_is_the_initiator_if_the_choice_could_come_of_its_offer():
    pair = good_pair(HYBRID)
    none = tuple(m for m in pair.view.messages if m.exchange != ExchangeType.IKE_INTERMEDIATE)
    assert [each.party for each in objections(replace(pair.view, messages=none), PREDICTED)] == [FIRST]
    answer = tuple(m for m in none if m.label != ASK)
    assert [each.party for each in objections(replace(pair.view, messages=answer), PREDICTED)] == [FIRST]
    others, value = of_sa_init(ASK)
    (offer,) = (p for p in others if isinstance(p, SecurityAssociation))
    classical = tuple(
        replace(p, transforms=tuple(t for t in p.transforms if t.type != TransformType.ADDKE1)) for p in offer.proposals
    )
    rest = [*(p for p in others if p is not offer), replace(offer, proposals=classical), value]
    wrong = holding(pair, ASK, rest)
    bare = replace(wrong, messages=tuple(m for m in wrong.messages if m.exchange != ExchangeType.IKE_INTERMEDIATE))
    assert [each.party for each in objections(bare, PREDICTED)] == [""]


def test_without_a_suite_and_a_report_no_follow_up_exchange_is_due():
    pair = good_pair(HYBRID_REKEY)
    for side in ("initiator", "responder"):
        pair = pair.with_sa("rekey-ike", side, additional_ke=None)
    kept = tuple(m for m in pair.view.messages if m.exchange != ExchangeType.IKE_FOLLOWUP_KE)
    checked = CHECKS["pair-follow-up-exchanges"](replace(pair.view, suite=None, messages=kept))
    assert (checked.objections, checked.detail) == ((), "0 IKE_FOLLOWUP_KE exchanges, 0 are due")


@pytest.mark.parametrize(("kind", "party"), [("request", FIRST), ("response", "")])
def test_who_rekeys_has_to_ask_for_what_follows_and_nobody_knows_why_no_answer_comes(kind, party):
    view = good_pair(HYBRID_REKEY).view
    kept = tuple(m for m in view.messages if not m.label.startswith(f"IKE_FOLLOWUP_KE {kind}"))
    (objection,) = objections(replace(view, messages=kept), "pair-follow-up-exchanges")
    assert objection.party == party


def test_a_message_that_came_whole_and_as_one_fragment_counts_once():
    whole = sized(400, response=False, number=1)
    fragment = EncryptedFragment(PayloadType.KE, 1, 1, bytes(40))
    piece = whole.pieces[0]
    alone = replace(piece, octets=bytes(520), message=replace(piece.message, payloads=(fragment,)))
    assert octets_of(replace(whole, pieces=(piece, alone))) == 520


def test_a_deletion_is_answered_at_the_end_where_nothing_else_comes_after_it():
    pair = good_pair(HYBRID)
    view = pair.view
    assert answered_at_the_end(view)
    last = [m for m in view.messages if m.exchange == ExchangeType.INFORMATIONAL][-1]
    assert last.response
    assert not answered_at_the_end(replace(view, messages=tuple(m for m in view.messages if m is not last)))
    for later, ends in ((0.5, True), (1.5, False)):  # seconds; it may have been on its way
        packet = replace(view.esp[-1], frame=last.frame + 1, at=last.pieces[0].datagram.at + later)
        wire = replace(view.wire, datagrams=(*view.wire.datagrams, packet))
        assert answered_at_the_end(replace(view, wire=wire)) is ends
