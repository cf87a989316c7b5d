"""Pairs of peers: every ordered pair once, predicted from the two policies."""

from dataclasses import replace

import pytest

from harness.crypto.certificates import EndCertificate
from harness.lab.drivers import driver_family
from harness.policy.role import Role
from harness.results.model import Outcome
from harness.run.configure import connection, make_ends
from harness.run.plan import Selection, make_plan, pairs, stale_known_failures
from harness.run.plan import planned as planned_case
from harness.scenario.peer import KnownFailure

REAL = [f"strongswan-{version}{variant}" for version in ("5.9", "6.0", "6.1") for variant in ("", "-kernel-esp")] + [
    "libreswan-4.10", "libreswan-5.2", "openiked-7.2", "openiked-7.4",
]  # fmt: skip


def halves(case, number, addresses):
    """The connections at initiator and responder."""
    ends = make_ends(case, number, *addresses)
    return [connection(case, ends, role, peer) for role, peer in zip(Role, case.peers, strict=True)]


@pytest.fixture
def planned(inputs):
    def plan(scenario, **selection):
        chosen = Selection((f"pairs/{scenario}",), suite="standard", **selection)
        return {case.name: case for case in make_plan(inputs, chosen)}

    return plan


def test_every_ordered_pair_of_real_peers_is_planned_each_with_itself_too(planned):
    cases = planned("classical")
    assert set(cases) == {f"{one}+{other}" for one in REAL for other in REAL}
    assert all(case.expectation.outcome is Outcome.CLASSICAL for case in cases.values())
    one = cases["libreswan-5.2+strongswan-6.1"]
    assert one.id == "pairs/classical@libreswan-5.2+strongswan-6.1@pair"


def test_a_product_that_cannot_tell_of_its_sas_is_in_no_pair(inputs):
    mute = replace(
        inputs.peers["openiked-7.4"], capabilities=replace(inputs.peers["openiked-7.4"].capabilities, status=False)
    )
    told = [peer for peer in inputs.peers.values() if peer.name in REAL and peer.name != mute.name]
    crossed = [
        (one.name, other.name) for _, one, other in pairs(inputs.scenarios["pairs/classical"], [*told, mute], told)
    ]
    assert len(crossed) == len(told) ** 2 and mute.name not in {name for both in crossed for name in both}


def test_a_peer_asked_for_by_name_meets_all_others_both_ways(planned):
    cases = planned("classical", peers=("openiked-7.4",))
    assert len(cases) == 2 * len(REAL) - 1
    assert all("openiked-7.4" in name.split("+") for name in cases)


def test_who_cannot_offer_is_not_sent_and_who_cannot_accept_refuses(planned):
    cases = planned("hybrid")
    assert "cannot offer" in cases["strongswan-5.9+strongswan-6.1"].expectation.skipped
    refused = cases["strongswan-6.1+libreswan-5.2"].expectation
    assert (refused.outcome, refused.unsupported) == (
        Outcome.REFUSED, "Libreswan 5.2 has no multiple key exchanges (RFC 9370)",
    )  # fmt: skip
    assert cases["strongswan-6.1+strongswan-6.1-kernel-esp"].expectation.outcome is Outcome.HYBRID


def test_hybrid_first_and_classical_second_reaches_everybody(planned):
    cases = planned("hybrid-or-classical")
    for other in REAL:
        expected = Outcome.HYBRID if other.startswith("strongswan-6.1") else Outcome.CLASSICAL
        assert cases[f"strongswan-6.1+{other}"].expectation.outcome is expected


def test_a_rekey_is_started_by_whoever_can(planned):
    cases = planned("rekey")
    assert cases["openiked-7.4+openiked-7.2"].expectation.skipped == (
        "neither OpenIKED 7.4 nor OpenIKED 7.2 can be told to rekey"
    )
    assert not cases["openiked-7.4+strongswan-5.9"].expectation.skipped


def test_without_kernel_esp_pairs_that_need_it_are_planned_and_not_sent(planned):
    cases = planned("classical", kernel_esp=False)
    assert cases["strongswan-6.1+libreswan-5.2"].expectation.skipped.startswith("Libreswan 5.2 needs a kernel")
    assert not cases["strongswan-6.1+strongswan-5.9"].expectation.skipped


def test_no_pairs_where_only_the_engines_roles_are_asked_for(planned):
    assert planned("classical", roles=("initiator",)) == {}


def test_a_known_failure_of_a_pair_names_the_other_side(inputs):
    known = KnownFailure("pairs/classical", None, "B29", "reason", "link", "peer.toml:1", other="strongswan-*")
    peer = replace(inputs.peers["openiked-7.4"], known_failures=(known,))
    members = [peer, inputs.peers["strongswan-6.1"]]
    crossed = pairs(inputs.scenarios["pairs/classical"], members, [peer])
    cases = {case.name: case for case in (planned_case(*each) for each in crossed)}
    assert cases["openiked-7.4+strongswan-6.1"].known_failure is known
    assert cases["strongswan-6.1+openiked-7.4"].known_failure is known
    assert cases["openiked-7.4+openiked-7.4"].known_failure is None


@pytest.mark.parametrize(
    ("scenario", "other", "stale"),
    [("pairs/classical", "strongswan-*", False), ("pairs/classical", "nobody-*", True), ("pairs/classical", "", True),
     ("classical/x25519", "strongswan-*", True)],
)  # fmt: skip
def test_a_known_failure_of_a_pair_must_match_one_that_is_sent(inputs, scenario, other, stale):
    known = KnownFailure(scenario, None, "B29", "reason", "link", "peer.toml:1", other=other)
    peer = replace(inputs.peers["libreswan-5.2"], known_failures=(known,))
    found = stale_known_failures(replace(inputs, peers={**inputs.peers, peer.name: peer}))
    assert bool(found) == stale


def test_with_published_policies_emulated_vendors_take_part(inputs):
    cases = {c.name: c for c in make_plan(inputs, Selection(("pairs/as-published",), peers=("*",), suite="standard"))}
    assert len(cases) == (len(REAL) + 3) ** 2
    cisco, fortinet, cloudflare = (
        "emulated/cisco-8000-26.1.1",
        "emulated/fortinet-fortios-7.6.6",
        "emulated/cloudflare-ipsec-2026.07",
    )
    assert cases[f"{cisco}+{fortinet}"].expectation.outcome is Outcome.HYBRID
    assert cases[f"openiked-7.4+{cloudflare}"].expectation.outcome is Outcome.CLASSICAL
    assert "responder only" in cases[f"{cloudflare}+openiked-7.4"].expectation.skipped
    refused = cases[f"{cisco}+libreswan-5.2"].expectation
    assert refused.outcome is Outcome.REFUSED and "ADDKE1" in refused.unsupported


@pytest.mark.parametrize("pair", ["openiked-7.4+libreswan-4.10", "libreswan-5.2+strongswan-6.1"])
def test_a_product_is_told_no_proposals_where_its_own_defaults_are_tested(planned, pair):
    case = planned("as-published")[pair]
    for peer, half in zip(case.peers, halves(case, 1, ("192.0.2.1", "192.0.2.2")), strict=True):
        assert half.own_defaults
        (text, *_) = driver_family(peer.driver).connection_files(peer, half).values()
        words = {"vici": "proposals", "whack": " ike=", "ikectl": "ikesa"}
        assert words[peer.driver] not in text


def test_an_emulated_vendor_is_told_its_policy(planned):
    case = planned("as-published", peers=("emulated/*",))["emulated/cisco-8000-26.1.1+strongswan-6.1"]
    emulated, product = halves(case, 1, ("192.0.2.1", "192.0.2.2"))
    assert (emulated.own_defaults, product.own_defaults) == (False, True)


def test_with_ipv6_the_inner_hosts_have_it_too(planned):
    case = planned("ipv6")["openiked-7.4+libreswan-4.10"]
    outer = "fd00::1", "fd00::2"
    first, second = halves(case, 3, outer)
    assert (first.local_address, first.remote_address) == outer
    assert (first.local_inner, first.remote_inner) == ("2001:db8:128::6", "2001:db8:128::7")
    assert (second.local_inner, second.remote_inner) == (first.remote_inner, first.local_inner)
    assert first.local_inner not in {half.local_inner for half in halves(case, 4, outer)}


@pytest.mark.parametrize(
    ("peer", "said"),
    [
        ("strongswan-6.1", "local_ts = 2001:db8:128::6/128"),
        ("libreswan-5.2", "leftsubnet=2001:db8:128::6/128"),
        ("openiked-7.4", "from 2001:db8:128::6 to 2001:db8:128::7"),
    ],
)
def test_a_products_configuration_has_the_ipv6_addresses(planned, peer, said):
    case = planned("ipv6")[f"{peer}+{peer}"]
    half, _ = halves(case, 3, ("fd00::1", "fd00::2"))
    (text, *_) = driver_family(case.initiator.driver).connection_files(case.initiator, half).values()
    assert said in text and "fd00::1" in text and "fd00::2" in text


def test_certificates_are_each_sides_own_and_of_one_authority(planned):
    case = planned("certificates")["openiked-7.4+libreswan-4.10"]
    first, second = (half.authentication for half in halves(case, 1, ("192.0.2.1", "192.0.2.2")))
    assert isinstance(first, EndCertificate) and isinstance(second, EndCertificate)
    assert first.authority == second.authority and first.certificate != second.certificate


def test_a_peer_without_certificates_is_not_sent_and_says_why(inputs):
    peer = inputs.peers["openiked-7.4"]
    lacking = replace(peer.capabilities, certificates=False, certificates_reason="it takes none")
    without = replace(peer, capabilities=lacking)
    case = planned_case(inputs.scenarios["pairs/certificates"], without, without)
    assert case.expectation.skipped == "OpenIKED 7.4: it takes none"
