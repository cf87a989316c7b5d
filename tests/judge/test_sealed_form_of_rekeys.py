"""Two products: a CREATE_CHILD_SA that rekeys the IKE SA has room for a KE payload (RFC 7296 section 1.3.2)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from pair_builder import FIRST, SECOND, Pair, good_pair
from pair_esp_rows import each_report
from pair_form_alterations import sized
from pair_rekey_rows import rekeying

from harness.evidence.peer_report import SaReport
from harness.scenario.model import Step
from harness.verify.checks.sealed_form import sealed_in_its_form

REKEY = "pairs/rekey"
GCM = 8 + 16 + 1
"""Octets of IV, ICV and Pad Length."""

OFFER = 4 + 8 + 8 + 3 * 8
"""A proposal of three transforms and an SPI of 8 octets."""

LEAST = OFFER + (4 + 16) + (4 + 4 + 32)
"""Beside it a nonce, and the key of the shortest method, which is X25519."""


OF_A_CHILD = (4 + 8 + 4 + 2 * 8) + (4 + 16) + 2 * (4 + 4 + 16) + (4 + 4 + 4)
"""SA, Nonce, TSi, TSr, and REKEY_SA with an SPI of 4 octets (RFC 7296 section 1.3.3)."""


def told(pair: Pair) -> list[tuple[str, str]]:
    return [(each.party, each.requirement) for each in pair.check(sealed_in_its_form.name).objections]


def telling(method: str | None, *sides: str) -> Pair:
    """The case in which these sides report another key exchange after each rekey of the IKE SA."""
    pair, other = good_pair(REKEY), {"ke": method}

    def change(sa: SaReport) -> SaReport:
        changed: Any = replace(sa, **other)
        return changed

    for side in sides or ("initiator", "responder"):
        pair = each_report(side, change, Step.REKEY_IKE)(pair)
    return pair


@pytest.mark.parametrize(("response", "party"), [(False, FIRST), (True, SECOND)])
def test_there_is_room_for_a_key(response, party):
    for octets, expected in ((LEAST + GCM, []), (LEAST + GCM - 1, [(party, "B24")])):
        assert told(rekeying(sized(octets), response=response)(good_pair(REKEY))) == expected


def test_of_a_rekeyed_ike_sa_nobody_knows_the_cipher():
    for octets, expected in ((LEAST, []), (LEAST - 1, [(FIRST, "B24")])):
        assert told(rekeying(sized(octets), which=1)(good_pair(REKEY))) == expected


def test_a_child_sa_takes_no_key():
    pair = telling("ml-kem-512")
    small = rekeying(sized(OF_A_CHILD + GCM), label="CREATE_CHILD_SA request 2")(pair)
    assert told(small) == told(pair)


def test_the_method_is_what_both_report():
    """ML-KEM-512 has 800 octets there and 768 back."""
    for method, sides, more in (
        ("ml-kem-512", (), (800, 768)),
        ("ecp256", (), (64, 64)),
        ("ml-kem-512", ("initiator",), (32, 32)),  # the two differ
        (None, (), (32, 32)),
        ("private-use-1080", (), (32, 32)),
    ):
        for response, octets in enumerate(more):
            due = LEAST - 32 + octets + GCM
            party = (FIRST, SECOND)[response]
            small, room = (
                told(rekeying(sized(count), response=bool(response))(telling(method, *sides)))
                for count in (due - 1, due)
            )
            assert small.count((party, "B24")) == room.count((party, "B24")) + 1


def test_what_came_of_nothing_may_be_an_error():
    small = rekeying(sized(LEAST), response=True)(good_pair(REKEY))
    assert told(small) == [(SECOND, "B24")]
    place = next(at for at, step in enumerate(small.report.steps) if step.step == Step.REKEY_IKE)
    before, after = small.report.steps[place - 1 : place + 1]
    kept = replace(after, responder=before.responder)
    steps = (*small.report.steps[:place], kept, *small.report.steps[place + 1 :])
    assert told(small.with_report(steps=steps)) == []


def test_the_request_of_the_other_side_with_that_number_is_another_one():
    pair = rekeying(sized(LEAST))(good_pair(REKEY))
    request = pair.message("CREATE_CHILD_SA request 4").pieces[0].datagram
    turned = pair.changed(request, replace(request, source=request.destination, destination=request.source))
    assert (told(pair), told(turned)) == ([(FIRST, "B24")], [])
