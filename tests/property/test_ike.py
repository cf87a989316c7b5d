"""The engine on a bad network and beside an attacker: it never raises, and both ends agree or nobody stands."""

from __future__ import annotations

from typing import Any

from engine_arrows import assert_established
from engine_pair import EnginePair, pair, policy, run
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from harness.ike.configuration import Datagram
from harness.ike.events import Established
from harness.ike.states import Gone, Standing

OFFER = policy(ke="curve25519 ecp256", addke1="ecp384")
ACCEPT = policy(ke="ecp256", addke1="ecp384")
FATES = st.sampled_from(["pass", "pass", "pass", "lose", "twice", "corrupt", "late"])


def network(engines: EnginePair, fates: list[str], octet: int) -> None:
    """Each datagram meets the next fate; when they run out, the network is good."""
    held: list[bytes] = []
    queue = list(fates)

    def tamper(datagram: Datagram) -> list[bytes]:
        fate = queue.pop(0) if queue else "pass"
        payload = datagram.payload
        if fate == "lose":
            return []
        if fate == "twice":
            return [payload, payload]
        if fate == "corrupt":
            at = octet % len(payload)
            return [payload[:at] + bytes((payload[at] ^ 1 + octet % 255,)) + payload[at + 1 :]]
        if fate == "late":
            held.append(payload)
            return []
        released, held[:] = list(held), []
        return [payload, *released]

    engines.tamper = tamper


@settings(deadline=None, max_examples=60)
@given(st.lists(FATES.filter(lambda fate: fate != "corrupt"), max_size=8), st.booleans(), st.integers(140, 700))
def test_loss_repetition_and_reordering_are_made_good(fates: list[str], cookie: bool, limit: int) -> None:
    """At most four are lost or late: the fifth transmission of any request gets through."""
    assume(fates.count("lose") + fates.count("late") <= 4)
    engines = pair(OFFER, ACCEPT, require_cookie=cookie, fragment_octets=limit)
    network(engines, fates, 0)
    run(engines)
    for _ in range(4):
        engines.advance(10)
    assert_established(engines)


@settings(deadline=None, max_examples=100)
@given(st.lists(FATES, max_size=20), st.integers(0, 2**16), st.booleans())
def test_whoever_stands_agrees_with_the_other(fates: list[str], octet: int, cookie: bool) -> None:
    engines = pair(OFFER, ACCEPT, require_cookie=cookie)
    network(engines, fates, octet)
    run(engines)
    for _ in range(6):
        engines.advance(10)
    initiator, responder = engines.initiator, engines.responder
    if engines.of("initiator", Established):
        assert engines.of("responder", Established)
        assert initiator.keylog == responder.keylog
    for session in (initiator, responder):
        if isinstance(session.state, Gone):
            assert session.get_timer() is None


@st.composite
def datagrams(draw: Any) -> bytes:
    """Octets that get far: a true header in front, or a recorded message with a change."""
    recorded = draw(st.sampled_from(RECORDED))
    if draw(st.booleans()):
        return recorded[:24] + (28 + len(body := draw(st.binary(max_size=80)))).to_bytes(4) + body
    octets = bytearray(recorded)
    for _ in range(draw(st.integers(1, 3))):
        octets[draw(st.integers(0, len(octets) - 1))] = draw(st.integers(0, 255))
    return bytes(octets)


def _recorded() -> list[bytes]:
    engines = run(pair(OFFER, ACCEPT))
    engines.initiator.send_liveness(0.0)
    engines.deliver()
    return [datagram.payload for datagram in engines.wire]


RECORDED = _recorded()
MOST_DATAGRAMS = 60


@settings(deadline=None, max_examples=60)
@given(st.lists(datagrams(), max_size=8), st.integers(0, 8))
def test_forged_datagrams_raise_nothing_and_end_no_ike_sa_that_has_keys(forged: list[bytes], after: int) -> None:
    """Between any two datagrams of a handshake; once keys are agreed, only what is authentic counts."""
    engines = pair(OFFER, ACCEPT)

    def inject(datagram: Datagram) -> list[bytes]:
        passed = len(engines.wire)
        # What is forged may be a request that gets an answer, around which more is forged: it would multiply for ever.
        return [*forged, datagram.payload] if max(after, 4) < passed < MOST_DATAGRAMS else [datagram.payload]

    engines.tamper = inject
    run(engines)
    assert_established(engines)
    engines.initiator.send_liveness(engines.now)
    engines.deliver()
    assert isinstance(engines.initiator.state, Standing) and isinstance(engines.responder.state, Standing)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.one_of(datagrams(), st.binary(max_size=60)), max_size=8))
def test_forged_datagrams_to_a_fresh_engine_raise_nothing(forged: list[bytes]) -> None:
    engines = pair(OFFER, ACCEPT)
    engines.initiator.start(0.0)
    for session in (engines.initiator, engines.responder):
        for octets in forged:
            session.receive_datagram(octets, session._machine.configuration.path, 0.0)
    engines.deliver()
