"""What OpenIKED is told."""

from dataclasses import replace

from policies import policy

from harness.lab.products.openiked.configuration import render_connection
from harness.policy.proposals import PartyPolicy
from harness.policy.role import Role
from harness.scenario.peer_file import load_peers


def test_a_case_in_which_it_initiates_waits_to_be_made_active(root, connection):
    peer = load_peers(root / "peers")["openiked-7.4"]
    ike = policy(ENCR="aes-256-gcm-16", PRF="hmac-sha2-256", KE="curve25519")
    mine = replace(connection, policy=PartyPolicy(ike, connection.policy.esp))
    passive, active = (render_connection(peer, replace(mine, role=role)) for role in (Role.RESPONDER, Role.INITIATOR))
    assert 'ikev2 "case-7" passive tunnel esp' in passive and "\nset passive\n" not in passive
    assert 'ikev2 "case-7" active tunnel esp' in active and "\nset passive\n" in active
    assert "psk 0x006b6579" in active
