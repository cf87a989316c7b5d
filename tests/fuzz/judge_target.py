"""The verifier on what a peer sent: any message of a good case in other words, authentic or not, and it is judged."""

from __future__ import annotations

import functools
from dataclasses import replace
from random import Random

import mutation
from case_builder import PEER_NAME, Case, expect_of, good, ip_sizes, peers, scenarios
from pair_builder import Pair, good_pair
from session_targets import Inside
from target import Prepared, Target

from harness.ike.protected import SecureChannel
from harness.policy.role import Role
from harness.registry.messages import ExchangeType
from harness.verify.wire import SeenMessage
from harness.wire.chain import first_type, write_chain

SCENARIOS = (
    "hybrid/x25519-mlkem768",
    "classical/x25519",
    "denial-of-service/cookie",
    "negotiation/wrong-ke-group-first",
    "fragmentation/mlkem1024-at-576",
    "errors/critical-payload-in-ike-auth",
    "multiple-ke/ciphertext-short",
    "multiple-ke/two-with-a-gap",
    "authentication/wrong-psk",
    "esp/transport",
)
_PAIRS = ("pairs/hybrid", "pairs/rekey", "pairs/as-published")
_INSIDE, _RAW, _MORE = range(3)


@functools.cache
def cases() -> tuple[Case | Pair, ...]:
    found: list[Case | Pair] = []
    for name in SCENARIOS:
        played = [role for role in Role if not expect_of(scenarios()[name], peers()[PEER_NAME], role).skipped]
        found += [good(name, role=role) for role in played]
    return (*found, *map(good_pair, _PAIRS))


@functools.cache
def messages(number: int) -> tuple[SeenMessage, ...]:
    return cases()[number].view.messages


def datagrams(case: Case | Pair):  # type: ignore[no-untyped-def]
    return case.datagrams if isinstance(case, Case) else case.wire.datagrams


def prepare(data: bytes) -> Prepared:
    parts = mutation.unpack(data)
    number = int.from_bytes(parts[0][:1] if parts else b"") % len(cases())
    case = cases()[number]
    for part in parts[1:]:
        case = _changed(case, number, part)
    octets = sum(len(each.payload) + 28 for each in datagrams(case))
    return octets, lambda: _judged(case)


def _judged(case: Case | Pair) -> None:
    assert case.judge().verdict


def _changed(case: Case | Pair, number: int, part: bytes) -> Case | Pair:
    which, how, rest = int.from_bytes(part[:1]), int.from_bytes(part[1:2]) % 3, part[2:]
    if how == _INSIDE and isinstance(case, Case):
        message = messages(number)[which % len(messages(number))]
        octets = _sealed(cases()[number], message, Inside.parse(rest))
        frames = {piece.datagram.frame for piece in message.pieces}
        first = replace(message.pieces[0].datagram, payload=octets, ip_octets=ip_sizes(len(octets) + 8))
        kept = [first if d.frame == first.frame else d for d in case.datagrams if d.frame not in frames - {first.frame}]
        return case.with_datagrams(kept)
    every = datagrams(case)
    at = which % len(every)
    new = replace(every[at], payload=rest, ip_octets=ip_sizes(len(rest) + 8))
    return case.with_datagrams((*every[:at], *every[at : at + (how == _MORE)], new, *every[at + 1 :]))


def _sealed(case: Case | Pair, message: SeenMessage, inside: Inside) -> bytes:
    """The message with other octets inside: under the keys that it came under, in the clear where it is."""
    assert isinstance(case, Case)
    header = replace(message.pieces[0].message.header, exchange_type=ExchangeType(inside.exchange))
    header = replace(header, flags=inside.flags or header.flags, message_id=header.message_id + (inside.message_id & 3))
    marker = message.pieces[0].datagram.payload[: -len(message.pieces[0].octets)]
    chain, generation = case.view.chain, message.generation
    if chain is None or generation is None:
        return marker + header.to_bytes(inside.first, 28 + len(inside.plain)) + inside.plain
    sk_e, sk_a, _ = chain.generations[generation].of(initiator=message.from_initiator)
    channel = SecureChannel(chain.protection, sk_e, sk_a)
    return marker + channel._seal_one(header, inside.first, inside.plain, bytes)


def seeds() -> list[bytes]:
    """Each message of each case as it is; the datagrams of the cases of two products, as nobody has their keys."""
    found = []
    for number, case in enumerate(cases()):
        for which, message in enumerate(messages(number)):
            if isinstance(case, Case):
                payloads = message.opened.inner if message.opened else message.payloads
                inside = Inside(message.exchange, 0, 0, first_type(payloads), 0, write_chain(payloads))
                found.append(mutation.pack([bytes((number,)), bytes((which, _INSIDE)) + inside.to_bytes()]))
        for which, datagram in enumerate(datagrams(case)[:6]):
            found.append(mutation.pack([bytes((number,)), bytes((which, _RAW)) + datagram.payload]))
    return found


def _mutate_part(part: bytes, rng: Random) -> bytes:
    which, how, rest = part[:1] or b"\0", int.from_bytes(part[1:2]) % 3, part[2:]
    if rng.random() < 0.1:
        which = bytes((rng.randrange(256),))
    if how == _INSIDE:
        inside = Inside.parse(rest)
        return which + bytes((how,)) + replace(inside, plain=mutation.octets(inside.plain, rng)).to_bytes()
    how = rng.choice((_RAW, _MORE))
    return which + bytes((how,)) + _still_a_message(mutation.octets(rest, rng), rng)


def _still_a_message(octets: bytes, rng: Random) -> bytes:
    """Mostly with a Length field that is right: else nothing behind it is looked at."""
    at = 4 if octets.startswith(bytes(4)) else 0
    if len(octets) < at + 28 or rng.random() < 0.1:
        return octets
    return octets[: at + 24] + (len(octets) - at).to_bytes(4) + octets[at + 28 :]


TARGET = Target(
    "judge",
    "the verifier, on a case in which any message has other octets inside",
    seeds,
    prepare,
    lambda data, rng: mutation.of_parts(data, rng, _mutate_part),
)
