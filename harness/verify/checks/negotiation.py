"""What was negotiated (RFC 7296 sections 2.7, 3.3; RFC 9370 section 2.2.1)."""

from __future__ import annotations

from collections.abc import Iterable

from harness.oracle.negotiation import first_child, is_common
from harness.policy.proposals import Suite
from harness.registry.messages import ExchangeType, Protocol
from harness.registry.notifications import NotifyType
from harness.registry.transforms import SequenceNumbers, TransformType
from harness.results.model import CAPTURE
from harness.verify.check import Arguments, Checked, Due, Objection, engine_check, wire_check
from harness.verify.pair_view import PairView
from harness.verify.view import CaseView, View
from harness.verify.wire import SeenMessage, accepts, answered_suite, of, spelled
from harness.wire.payloads import KeyExchange, Notify, SecurityAssociation
from harness.wire.payloads.security_association import Proposal, Transform

SPI_OCTETS = {Protocol.IKE: 0, Protocol.AH: 4, Protocol.ESP: 4}
"""Of a proposal in the initial exchanges, by its protocol (RFC 7296 section 3.3.1)."""

_IKE_SA = "IKE SA"


def without_none(suite: Suite) -> tuple[int, dict[TransformType, object]]:
    """A suite without its NONE transforms: an answer may echo them or leave them out (A03)."""
    optional = (TransformType.INTEG,)
    chosen = suite.transforms.items()
    kept = {k: a for k, a in chosen if a.identifier or not (k.is_key_exchange or k in optional)}
    return suite.proposal_number, dict(kept)


@engine_check("negotiated-as-predicted", due=Due.UP, requirement="B06")
def negotiated_as_predicted(view: View, _arguments: Arguments) -> Checked:
    """The suites answered for the IKE SA and the Child SA are among those that the two policies allow."""
    objections = []
    details = []
    for name, message, allowed in (
        (_IKE_SA, _answer(view, ExchangeType.IKE_SA_INIT), view.allowed),
        ("Child SA", _answer(view, ExchangeType.IKE_AUTH), view.expectation.esp),
    ):
        party = view.party(initiator=False)
        if message is None and not allowed:
            continue
        if message is None:
            objections.append(Objection(party, f"no SA payload answers the offer for the {name}", CAPTURE))
            continue
        suite = answered_suite(of(message, SecurityAssociation)[0])
        details.append(f"{name}: proposal {suite.proposal_number}, {spelled(suite)}")
        if without_none(suite) not in [without_none(each) for each in allowed]:
            words = " or ".join(f"proposal {each.proposal_number}, {spelled(each)}" for each in allowed) or "none"
            sentence = f"the policies allow {words} for the {name}; answered was proposal {suite.proposal_number}, "
            rule, more = _rule_of_choice(view, name, suite)
            objections.append(Objection(party, sentence + spelled(suite) + more, message.pointer, rule))
    return Checked("; ".join(details), tuple(objections))


def _rule_of_choice(view: View, name: str, suite: Suite) -> tuple[str | None, str]:
    """The requirement that a choice breaks which was not predicted, with what there is to add in words."""
    if view.skips_additional and suite.additional_key_exchanges:
        return "A16", ""
    offer, accept = view.expectation.initiator, view.expectation.responder
    policies = (offer.ike, accept.ike) if name == _IKE_SA else (first_child(offer.esp), first_child(accept.esp))
    if view.allowed and is_common(suite, *policies):
        return None, ": no sentence forbids that choice, but both policies prefer another one"
    return "", ""


def _answer(view: CaseView, exchange: ExchangeType) -> SeenMessage | None:
    return next((m for m in view.find(exchange, response=True, initiator=False) if accepts(m)), None)


@wire_check("answer-is-a-subset-of-the-offer", due=Due.ALWAYS, requirement="B06")
def answer_is_a_subset_of_the_offer(view: CaseView, _arguments: Arguments) -> Checked:
    """One proposal comes back: one unmodified transform of each offered type, no method twice (B06, A04, A05)."""
    exchanges = ExchangeType.IKE_SA_INIT, ExchangeType.IKE_AUTH
    objections = tuple(objection for exchange in exchanges for objection in _beyond_the_offer(view, exchange))
    return Checked("every transform that is answered was offered, one of each type, unmodified", objections)


def _beyond_the_offer(view: CaseView, exchange: ExchangeType) -> Iterable[Objection]:
    """What is wrong with the answer in one exchange, measured by the last offer in it."""
    offers = [m for m in view.find(exchange, response=False) if of(m, SecurityAssociation)]
    answer, party = _answer(view, exchange), view.party(initiator=False)
    if answer is None:
        return
    lacking = isinstance(view, PairView) and (view.find(exchange, response=False) or view.unreadable)
    if not offers and not lacking:  # else the request is what lacks it
        yield Objection(party, f"{exchange}: the SA payload answers no offer", answer.pointer, "B07")
    if not offers:
        return
    offer, sa = of(offers[-1], SecurityAssociation)[0], of(answer, SecurityAssociation)[0]
    if isinstance(view, PairView) and _is_misnumbered(offer):
        return  # what it is measured by is what is wrong
    for requirement, sentence in _faults(offer, sa, _known(view)):
        yield Objection(party, f"{exchange}: {sentence}", answer.pointer, requirement)


def _is_misnumbered(offer: SecurityAssociation) -> bool:
    """Whether the first offer has proposals that are not 1, 2, 3, ..., or none for an IKE SA: its sender's fault."""
    numbers = [proposal.number for proposal in offer.proposals]
    of_ike = any(proposal.protocol == Protocol.IKE for proposal in offer.proposals)
    return numbers != list(range(1, len(numbers) + 1)) or not of_ike


def _known(view: CaseView) -> set[TransformType]:
    """The transform types that the responder is configured with, and so knows."""
    return {kind for proposal in view.expectation.responder.ike for kind in proposal.transforms}


def _faults(
    offer: SecurityAssociation, answer: SecurityAssociation, known: set[TransformType]
) -> Iterable[tuple[str, str]]:
    if len(answer.proposals) != 1:
        yield "B06", f"one proposal is to be answered, not {len(answer.proposals)}"
    accepted = answer.proposals[0]
    offered = next((p for p in offer.proposals if p.number == accepted.number), None)
    if offered is None:
        yield "B07", f"the answer carries number {accepted.number}, which was not offered"
        return
    if offered.protocol != accepted.protocol:
        yield "B06", f"the answer is for {accepted.protocol.name}, the offer for {offered.protocol.name}"
        return
    due = SPI_OCTETS.get(accepted.protocol, len(offered.spi))
    if len(accepted.spi) != due:
        yield "B49", f"the SPI of the answer has {len(accepted.spi)} octets, {due} are due"
    yield from _transform_faults(offered, accepted, known)


def _is_too_short(answered: Transform, offered: Proposal) -> bool:
    """Whether sequence numbers of 32 bits are answered where the proposal has extended ones alone."""
    numbers = {each.identifier for each in offered.transforms if each.type == answered.type}
    short = (answered.type, answered.identifier) == (TransformType.SN, SequenceNumbers.NO_EXTENDED_SEQUENCE_NUMBERS)
    return short and numbers == {SequenceNumbers.EXTENDED_SEQUENCE_NUMBERS}


def _transform_faults(offered: Proposal, accepted: Proposal, known: set[TransformType]) -> Iterable[tuple[str, str]]:
    kinds = [transform.type for transform in accepted.transforms]
    for kind in sorted(set(kinds)):
        if kinds.count(kind) > 1:
            yield "B06", f"{kinds.count(kind)} transforms of type {kind} are answered"
    for transform in accepted.transforms:
        if not any(_same(transform, each) for each in offered.transforms):
            rule = "B47" if _is_too_short(transform, offered) else "B06"
            yield rule, f"{transform.type} {transform.identifier} was not offered, or not with these attributes"
    none = [transform.type for transform in offered.transforms if transform.identifier == 0]
    optional = {kind for kind in none if kind.is_key_exchange or kind == TransformType.INTEG}
    for kind in sorted({transform.type for transform in offered.transforms} - set(kinds) - optional):
        # An unknown type makes the responder pass over the proposal as a whole: it is never dropped alone.
        unknown = kind not in known and (kind.is_additional_key_exchange or not kind.is_known)
        requirement = "B04" if unknown else "B06"
        yield requirement, f"accepted proposal {accepted.number} without the transform type {kind} that it offers"
    # The rule is written "for the ADDKE Transform Types": of the method of type 4 it does not speak.
    additional = [t for t in accepted.transforms if t.type.is_additional_key_exchange and t.identifier]
    methods = [(t.identifier, frozenset(t.attributes)) for t in additional]
    if len(methods) != len(set(methods)):
        yield "A04", "the same key exchange method is selected twice"


def read_either_way(view: View) -> str:
    """Why an answer is neither right nor wrong; "" for any other one.

    RFC 9370 section 2.2.1 leaves open whether the method of type 4 may be an additional one as well.
    """
    suite, answer = view.suite, _answer(view, ExchangeType.IKE_SA_INIT)
    offers = [sa for m in view.find(ExchangeType.IKE_SA_INIT, response=False) for sa in of(m, SecurityAssociation)]
    if suite is None or answer is None or not offers or suite.key_exchange not in suite.additional_key_exchanges:
        return ""
    if any(_faults(offers[-1], of(answer, SecurityAssociation)[0], _known(view))):
        return ""
    return (
        f"{answer.label} selects {suite.key_exchange} for IKE_SA_INIT and once more as an additional key exchange: "
        'RFC 9370 section 2.2.1 has its rule "for the ADDKE Transform Types", and then asks for algorithms "not '
        'duplicated for each proposed key exchange"; it can be read either way'
    )


def _same(a: Transform, b: Transform) -> bool:
    return (a.type, a.identifier, a.attributes) == (b.type, b.identifier, b.attributes)


@engine_check("retry-repeats-the-offer", requirement="B01")
def retry_repeats_the_offer(view: View, _arguments: Arguments) -> Checked:
    """INVALID_KE_PAYLOAD names a method, and the retry carries it with the full set of the first offer (B01)."""
    return offer_repeated(view)


def offer_repeated(view: CaseView) -> Checked:
    """What there is to say of the first demand for another method, and of the request behind it."""
    requests = view.find(ExchangeType.IKE_SA_INIT, response=False)
    demands = [
        (message, notify)
        for message in answers_in_time(view)
        for notify in of(message, Notify)
        if notify.notify_type == NotifyType.INVALID_KE_PAYLOAD
    ]
    responder, initiator = view.party(initiator=False), view.party(initiator=True)
    if not demands:
        return Checked("", (Objection(responder, "no INVALID_KE_PAYLOAD answers a wrong KE", CAPTURE),))
    message, notify = demands[0]
    later = [request for request in requests if request.frame > message.frame]
    if len(notify.data) != 2:
        sentence = f"INVALID_KE_PAYLOAD carries {len(notify.data)} octets instead of a method number of 2"
        return Checked("", (Objection(responder, sentence, message.pointer),))
    wanted, guessed = int.from_bytes(notify.data), [ke.method for ke in of(requests[0], KeyExchange)]
    offered = [t for sa in of(requests[0], SecurityAssociation) for p in sa.proposals for t in p.transforms]
    if wanted in guessed or not any(t.type == TransformType.KE and t.identifier == wanted for t in offered):
        sentence = f"INVALID_KE_PAYLOAD asks for method {wanted}, which is not another one of the offer"
        return Checked("", (Objection(responder, sentence, message.pointer),))
    if not later:
        return Checked("", (Objection(initiator, "INVALID_KE_PAYLOAD is not followed by a retry", message.pointer),))
    first, retry = requests[0], later[0]
    objections = []
    if _full_set(first) != _full_set(retry):
        objections.append(
            Objection(initiator, "the retry does not offer the full set of the first offer", retry.pointer)
        )
    sent = of(retry, KeyExchange)
    if not sent or sent[0].method != wanted:
        got = str(sent[0].method) if sent else "no KE payload"
        objections.append(Objection(initiator, f"the retry carries {got}, {wanted} was asked for", retry.pointer))
    same = of(first, SecurityAssociation) == of(retry, SecurityAssociation)
    order = "unchanged" if same else "with the transforms in another order"
    return Checked(f"the retry carries method {wanted} and the full set of suites, {order}", tuple(objections))


def answers_in_time(view: CaseView) -> list[SeenMessage]:
    """The IKE_SA_INIT responses up to the one that counts: behind it nobody has to follow a demand."""
    last, found = view.final_init[1], view.find(ExchangeType.IKE_SA_INIT, response=True)
    return found if last is None else [message for message in found if message.frame <= last.frame]


def _full_set(message: SeenMessage) -> list[tuple[int, int, frozenset[tuple[int, int, object]]]]:
    """The proposals of an offer as sets: the rule asks for all suites again, and says nothing of their order."""
    return [
        (
            proposal.number,
            proposal.protocol,
            frozenset((t.type, t.identifier, t.attributes) for t in proposal.transforms),
        )
        for sa in of(message, SecurityAssociation)
        for proposal in sa.proposals
    ]


@engine_check("no-intermediate-exchange", requirement="A03")
def no_intermediate_exchange(view: View, _arguments: Arguments) -> Checked:
    """With NONE selected for every additional key exchange no IKE_INTERMEDIATE carries one (A03).

    The exchange "may still take place for other purposes" (A07).
    """
    seen = [message for message in view.messages if message.exchange == ExchangeType.IKE_INTERMEDIATE]
    sentence = "an IKE_INTERMEDIATE carries a key exchange although no additional one was selected"
    objections = tuple(Objection(view.sender(m), sentence, m.pointer) for m in seen if of(m, KeyExchange))
    return Checked(f"{len(seen)} messages of exchange type 43 on the wire, none with a KE payload", objections[:1])
