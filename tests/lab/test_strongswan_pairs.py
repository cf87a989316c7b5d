"""Real strongSwan daemons with each other: the driver's words against traffic that flows."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from harness.lab.driver import DaemonSettings
from harness.lab.errors import ConfigurationRefused
from harness.policy.proposals import PartyPolicy

pytestmark = pytest.mark.lab

OTHER = DaemonSettings(fragment_size=576)


@pytest.fixture
def newest(lab, peers):
    return lab.peer(peers["strongswan-6.1"])


@pytest.fixture
def small_fragments(lab, peers):
    return lab.peer(peers["strongswan-6.1"], OTHER)


def test_a_hybrid_tunnel_between_two_6_1_carries_traffic(pairs, newest, small_fragments):
    with pairs.joined(newest, small_fragments, pairs.HYBRID) as pair:
        assert pair.connect() == ""
        assert "3 packets transmitted, 3 received" in pair.ping()
        for running, initiator in ((newest, True), (small_fragments, False)):
            [sa] = running.driver.status(pair.name).sas
            assert (sa.state, sa.initiator) == ("ESTABLISHED", initiator)
            assert (sa.encr, sa.prf, sa.ke, sa.additional_ke) == (
                "aes-256-gcm-16", "hmac-sha2-256", "curve25519", ("ml-kem-768",),
            )  # fmt: skip
            [child] = sa.children
            assert (child.state, child.mode, child.udp_encapsulated) == ("INSTALLED", "TUNNEL", True)
            assert (child.packets_in, child.packets_out, child.bytes_in) == (3, 3, 252)
        left, right = newest.driver.status(pair.name).sas[0], small_fragments.driver.status(pair.name).sas[0]
        assert (left.initiator_spi, left.responder_spi) == (right.initiator_spi, right.responder_spi)
        assert left.children[0].spi_out == right.children[0].spi_in
        newest.driver.terminate(pair.name)
        assert newest.driver.status(pair.name).sas == ()
        assert small_fragments.driver.status(pair.name).sas == ()
    log = small_fragments.driver.log(pair.name)
    assert "parsed IKE_INTERMEDIATE request 1 [ KE ]" in log
    assert "splitting IKE message (1153 bytes) into 3 fragments" in log
    assert "IKE_SA deleted" in log


def test_optional_and_later_key_exchanges_are_negotiated_in_their_slots(pairs, newest, small_fragments):
    ike = pairs.proposal(
        encr="aes-256-cbc", prf="hmac-sha2-384", integ="hmac-sha2-384-192", ke="ecp384",
        addke1="modp3072", addke3="ml-kem-1024 none",
    )  # fmt: skip
    esp = pairs.proposal(encr="aes-256-cbc", integ="hmac-sha2-256-128", sn="no-esn")
    with pairs.joined(newest, small_fragments, PartyPolicy((ike,), (esp,))) as pair:
        assert pair.connect() == ""
        [sa] = newest.driver.status(pair.name).sas
        assert (sa.ke, sa.additional_ke) == ("ecp384", ("modp3072", "ml-kem-1024"))
        assert (sa.encr, sa.integ) == ("aes-256-cbc", "hmac-sha2-384-192")
        assert sa.children[0].integ == "hmac-sha2-256-128"


@pytest.mark.parametrize(
    ("initiator", "responder"),
    [("strongswan-5.9", "strongswan-6.1"), ("strongswan-6.0", "strongswan-5.9"), ("strongswan-6.1", "strongswan-6.0")],
)
def test_every_version_speaks_with_the_others(pairs, lab, peers, initiator, responder):
    with pairs.joined(lab.peer(peers[initiator]), lab.peer(peers[responder]), pairs.CLASSICAL) as pair:
        assert pair.connect() == ""
        assert "3 received" in pair.ping()


def test_a_wrong_key_is_told_in_the_peers_own_words(pairs, newest, small_fragments):
    with pairs.joined(newest, small_fragments, pairs.HYBRID, other_psk=True) as pair:
        assert "AUTHENTICATION_FAILED" in pair.connect()
        assert newest.driver.status(pair.name).sas == ()
    assert "MAC mismatched" in small_fragments.driver.log(pair.name)


def test_a_silent_other_side_holds_up_no_other_case(pairs, lab, newest, small_fragments):
    """One case waits for an answer that never comes; another on the same daemon goes through meanwhile."""
    nobody = replace(pairs.connection_to(newest.address, lab.tester.take_address()), name="to-nobody")
    newest.driver.load(nobody)
    try:
        with ThreadPoolExecutor(1) as pool, pairs.joined(newest, small_fragments, pairs.CLASSICAL) as pair:
            waiting = pool.submit(newest.driver.initiate, "to-nobody", 2)
            assert pair.connect(1.5) == ""
            assert not waiting.done()
            assert "not established after 2000ms" in waiting.result()
        assert newest.driver.status("to-nobody").sas[0].state == "CONNECTING"
    finally:
        newest.driver.unload("to-nobody")
    assert newest.driver.status("to-nobody").sas == ()


def test_many_cases_at_once_on_one_pair_of_daemons(pairs, newest, small_fragments):
    def one(_number: int) -> tuple[str, tuple[str, ...]]:
        with pairs.joined(newest, small_fragments, pairs.HYBRID) as pair:
            error = pair.connect()
            return error, newest.driver.status(pair.name).sas[0].additional_ke

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(one, range(24))) == {("", ("ml-kem-768",))}


def test_a_configuration_that_the_product_rejects_is_told_in_its_words(pairs, lab, peers, newest):
    refusal = pytest.raises(ConfigurationRefused, match=r"strongswan-5\.9.*invalid value for: proposals")
    with refusal, pairs.joined(newest, lab.peer(peers["strongswan-5.9"]), pairs.HYBRID):
        pass


def test_unloading_what_is_not_loaded_is_fine(newest):
    newest.driver.unload("never-loaded")
    newest.driver.terminate("never-loaded")
    assert newest.driver.log("never-loaded") == ""
