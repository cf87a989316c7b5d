"""Whether both ends have the keys that they should have, made of every exchange (RFC 9370 2.2.2, RFC 9242 3.3)."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain, repeat

from harness.policy.proposals import Suite
from harness.registry.key_exchange_sizes import KEY_EXCHANGE_OCTETS
from harness.registry.messages import ExchangeType, PayloadType
from harness.registry.notifications import NotifyType
from harness.registry.transforms import KeyExchangeMethod, TransformType
from harness.results.model import CAPTURE, SECRETS
from harness.verify.check import Arguments, Checked, Due, Objection, engine_check, wire_check
from harness.verify.checks.fragmentation import is_incomplete
from harness.verify.keys import key_chain
from harness.verify.view import CaseView, View
from harness.verify.wire import SeenMessage, decrypt, of
from harness.wire.payloads import KeyExchange, Notify, SecurityAssociation


@engine_check(
    "keys-depend-on-every-exchange",
    due=Due.UP,
    requirement="A06",
    at_least="K01",
    without_addke={"I07": "K01", "A06": "K01"},
)
def keys_depend_on_every_exchange(view: View, _arguments: Arguments) -> Checked:
    """Every protected message decrypts with keys made of all secrets so far, and with any of them changed none does.

    Each negotiated method has the messages of its exchange (A06), each message comes under the keys that are due (I07).
    """
    objections = [*_wrong_generation(view), *_exchanges_missing(view)]
    suite, chain = view.suite, view.chain
    if suite is None or chain is None:
        objections.append(Objection("", "the keys cannot be computed from what was recorded", SECRETS))
        return Checked("", tuple(objections))
    expected = [suite.key_exchange, *suite.additional_key_exchanges]
    recorded = [entry.method for entry in view.secrets.shared_secrets]
    if recorded != expected:
        names = ", ".join(map(str, recorded))
        objections.append(Objection("", f"the keys are made of {names} alone", SECRETS, "A06"))
    secrets = [entry.secret for entry in view.secrets.shared_secrets]
    if len(set(secrets)) < len(secrets) or not all(any(secret) for secret in secrets):
        objections.append(Objection("engine", "a recorded shared secret is zero, or another one's", SECRETS, "A06"))
        return Checked("", tuple(objections))
    for index in range(len(recorded)):
        objections += _survives_without(view, index)
    count = sum(message.opened is not None for message in view.messages)
    return Checked(
        f"{count} protected messages decrypt with keys computed from {len(recorded)} shared secrets; with any one of "
        "them altered the next message does not",
        tuple(objections),
    )


@engine_check(
    "opens-with-the-keys-due", due=Due.NOT_UP, requirement="I07", at_least="K01", without_addke={"I07": "K01"}
)
def opens_with_the_keys_due(view: View, _arguments: Arguments) -> Checked:
    """What was sealed opens with the keys that are due for it, although no tunnel came of it (K01, I07).

    After a deviation of ours the two sides may hold different keys: then this says nothing.
    """
    if view.chain is None or view.expectation.reaction is not None:
        return Checked("no keys were agreed on, or not for both sides the same")
    count = sum(message.opened is not None for message in view.messages)
    return Checked(f"{count} protected messages open with the keys that are due", tuple(_wrong_generation(view)))


def _exchanges_missing(view: View) -> list[Objection]:
    """Each negotiated method has both messages of its exchange (A06)."""
    if view.suite is None:
        return []
    return [
        Objection("", f"no message carries the KE payload of {method}", CAPTURE, "A06")
        for message, method in _places(view, view.suite)
        if message is None
    ]


def _places(view: View, suite: Suite) -> list[tuple[SeenMessage | None, KeyExchangeMethod]]:
    """Where the KE payload of each method of a suite belongs: IKE_SA_INIT, then one IKE_INTERMEDIATE for each.

    Which IKE_INTERMEDIATE that is tell the KE payloads themselves, as there may be others between.
    """
    places: list[tuple[SeenMessage | None, KeyExchangeMethod]] = []
    if suite.key_exchange is not None:
        places += [(message, suite.key_exchange) for message in view.final_init]
    both = (m for response in (False, True) for m in view.intermediates(response=response))
    seen: dict[tuple[int | None, bool], SeenMessage] = {(m.message_id, m.response): m for m in both}
    numbers: Iterable[int | None] = chain(view.key_exchanges, repeat(None))
    for number, method in zip(numbers, suite.additional_key_exchanges, strict=False):
        places += [(seen.get((number, response)), method) for response in (False, True)]
    return places


def _left_out(view: View, methods: Iterable[KeyExchangeMethod]) -> Iterable[Objection]:
    """A key exchange that its initiator leaves out: its last request is an IKE_INTERMEDIATE without one, or IKE_AUTH.

    But for INFORMATIONAL, by which it may have given up.
    """
    requests = [m for m in view.messages if not m.response and m.from_initiator and m.protected]
    requests = [m for m in requests if m.exchange != ExchangeType.INFORMATIONAL]
    missing = next(iter(methods), None)
    if missing is None or not requests:
        return
    last = requests[-1]
    if last.exchange == ExchangeType.IKE_AUTH:
        sentence = f"{last.label} is sent before the key exchange of {missing} has taken place"
        yield Objection(view.sender(last), sentence, last.pointer, "A06")
    if last.exchange != ExchangeType.IKE_INTERMEDIATE:
        return
    answer = next((m for m in view.intermediates(response=True) if m.message_id == last.message_id), None)
    if last.readable and not of(last, KeyExchange) and answer is not None and not _is_a_refusal(answer):
        sentence = f"{last.label} carries no KE payload, and nothing follows that does: that of {missing} is due"
        yield Objection(view.sender(last), sentence, last.pointer, "A15")


@engine_check("key-exchanges-in-their-place", due=Due.ALWAYS, requirement="A15")
def key_exchanges_in_their_place(view: View, _arguments: Arguments) -> Checked:
    """Each message that was sent carries one KE payload of the method whose turn it is, and no other one (B02, A15).

    Before a suite is chosen, the KE payload of IKE_SA_INIT is of a method that the same message offers.
    """
    objections: list[Objection] = []
    chosen = view.suite
    request, _ = view.final_init  # is judged by its offer alone: what is chosen then is the responder's doing
    places = [] if chosen is None else [(m, method) for m, method in _places(view, chosen) if m and m is not request]
    for message, method in places:
        methods = [ke.method for ke in of(message, KeyExchange)]
        if message.readable and methods != [method] and not _is_a_refusal(message):
            got = ", ".join(map(str, methods)) or "none"
            sentence = f"{message.label} is to carry one KE payload, of {method}; it carries {got}"
            requirement = "A15" if message.exchange == ExchangeType.IKE_INTERMEDIATE else "B02"
            objections.append(Objection(view.sender(message), sentence, message.pointer, requirement))
    due = {message.frame for message, _ in places}
    others = (m for response in (False, True) for m in view.intermediates(response=response) if m.frame not in due)
    for message in others if chosen else ():
        if of(message, KeyExchange):
            sentence = f"{message.label} carries a key exchange that was not negotiated"
            objections.append(Objection(view.sender(message), sentence, message.pointer, "A15"))
    if chosen is not None:
        objections += _left_out(view, (method for message, method in _places(view, chosen) if message is None))
    objections += _not_offered(view)
    return Checked(f"{len(places)} KE payloads are where they belong", tuple(objections))


def _not_offered(view: View) -> Iterable[Objection]:
    """IKE_SA_INIT requests whose KE payload is not one, of a method that the same message offers."""
    for message in view.find(ExchangeType.IKE_SA_INIT, response=False):
        proposals = [proposal for sa in of(message, SecurityAssociation) for proposal in sa.proposals]
        offered = {t.identifier for each in proposals for t in each.transforms if t.type == TransformType.KE}
        methods = [ke.method for ke in of(message, KeyExchange)]
        if len(methods) != 1 or methods[0] not in offered:
            got = ", ".join(map(str, methods)) or "none"
            sentence = f"{message.label} is to carry one KE payload, of a method that it offers; it carries {got}"
            yield Objection(view.sender(message), sentence, message.pointer, "B02")


def _is_a_refusal(message: SeenMessage) -> bool:
    """Whether a response refuses, and so carries nothing else."""
    return message.response and any(notify.notify_type.is_error for notify in of(message, Notify))


def _survives_without(view: View, index: int) -> list[Objection]:
    """Objections if messages after exchange ``index`` still decrypt with its secret altered, or if none came after."""
    assert view.suite is not None and view.chain is not None
    secrets = [entry.secret for entry in view.secrets.shared_secrets]
    secrets[index] += b"another one"
    spis = (view.secrets.initiator_spi, view.secrets.responder_spi)
    altered = key_chain(view.suite, view.chain.nonces, spis, tuple(secrets))
    after = [m for m in view.messages if m.generation is not None and m.generation >= index]
    method = view.secrets.shared_secrets[index].method
    if {m.from_initiator for m in after} != {True, False}:
        sentence = f"no message of each side proves that the secret of {method} entered the keys"
        return [Objection("", sentence, CAPTURE, "A06")]
    for message in after:
        assert message.generation is not None
        if decrypt(message, altered, message.generation) is not None:
            sentence = f"{message.label} still decrypts with the secret of {method} altered"
            return [Objection(view.sender(message), sentence, message.pointer, "A06")]
    return []


def _wrong_generation(view: View) -> list[Objection]:
    """Messages that do not decrypt, or not with the generation that is due (RFC 9242 section 3.3.1)."""
    objections = []
    for message in view.messages:
        if not message.protected or late_error(message) or (message.opened is None and is_incomplete(message)):
            continue
        due = view.due_generation(message)
        if message.generation != due:
            sentence = f"{message.label} is due under {_keys(due)}; {_keys(message.generation)} open it"
            objections.append(Objection(view.sender(message), sentence, message.pointer, "I07"))
    return objections


def _keys(generation: int | None) -> str:
    """A generation of keys in words."""
    if generation is None:
        return "none of the keys that follow from what is on the wire"
    return f"the keys after {generation} additional key exchanges" if generation else "the keys of IKE_SA_INIT"


_UNPROTECTED = (
    NotifyType.INVALID_IKE_SPI, NotifyType.INVALID_SPI, NotifyType.QUICK_CRASH_DETECTION,
    NotifyType.INVALID_MAJOR_VERSION,
)  # fmt: skip


def late_error(message: SeenMessage) -> bool:
    """An unprotected word that no such SA is there, on which nobody acts (RFC 7296 sections 1.5, 2.21.4; RFC 6290 4.5).

    INVALID_IKE_SPI repeats exchange type and Message ID of the request that it answers, and so does
    INVALID_MAJOR_VERSION (RFC 7296 section 2.5).
    """
    if message.sealed:
        return False
    payloads = message.pieces[0].message.payloads
    errors = {p.notify_type for p in payloads if isinstance(p, Notify) and p.notify_type in _UNPROTECTED}
    return bool(errors) and all(isinstance(p, Notify) or p.type == PayloadType.VENDOR_ID for p in payloads)


_ML_KEM = (KeyExchangeMethod.ML_KEM_512, KeyExchangeMethod.ML_KEM_768, KeyExchangeMethod.ML_KEM_1024)
_Q = 3329  # ML-KEM's modulus (FIPS 203 section 2.4)
_RHO_OCTETS = 32  # of the seed at the end of an encapsulation key, behind its coefficients of 12 bits


def is_out_of_range(key: bytes) -> bool:
    """Whether a coefficient of an encapsulation key is not below q (FIPS 203 section 7.2): two are three octets."""
    packed = key[:-_RHO_OCTETS]
    triples = (int.from_bytes(packed[at : at + 3], "little") for at in range(0, len(packed), 3))
    return any(three & 0xFFF >= _Q or three >> 12 >= _Q for three in triples)


@wire_check("key-exchange-sizes", due=Due.ALWAYS, requirement="K04")
def key_exchange_sizes(view: CaseView, _arguments: Arguments) -> Checked:
    """Every KE payload has the octets that its method asks for (RFC 7296 3.4; draft-ietf-ipsecme-ikev2-mlkem).

    An encapsulation key of ML-KEM is one: each coefficient is below q (FIPS 203 section 7.2, M01).
    """
    objections, seen = [], []
    for message in view.messages:
        for payload in of(message, KeyExchange):
            sizes = KEY_EXCHANGE_OCTETS.get(payload.method)
            if sizes is None:
                continue
            wanted = sizes[1 if message.response else 0]
            seen.append(f"{payload.method} {len(payload.data)}")
            if len(payload.data) != wanted:
                sentence = f"KE of {payload.method} in {message.label} has {len(payload.data)} octets, not {wanted}"
                objections.append(Objection(view.sender(message), sentence, message.pointer))
            elif payload.method in _ML_KEM and not message.response and is_out_of_range(payload.data):
                sentence = (
                    f"KE of {payload.method} in {message.label} is no encapsulation key: a coefficient is above 3328"
                )
                rule = "M01" if message.exchange != ExchangeType.IKE_SA_INIT else None  # of an additional key exchange
                objections.append(Objection(view.sender(message), sentence, message.pointer, rule))
    return Checked("Key Exchange Data octets: " + (", ".join(seen) or "none is on the wire"), tuple(objections))
