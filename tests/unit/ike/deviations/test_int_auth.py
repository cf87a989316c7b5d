"""What the altered AUTH covers: everything else must be right, or a peer could refuse it for another reason."""

from __future__ import annotations

from dataclasses import replace

import pytest
from engine_pair import pair, policy, run

from harness.ike.deviations import int_auth
from harness.ike.deviations.outgoing import OutgoingMessage
from harness.ike.exchanges import authentication
from harness.ike.states import Standing
from harness.registry.identities import AuthenticationMethod, IdentificationType
from harness.registry.messages import ExchangeType
from harness.wire.message import INITIATOR, RESPONSE, Header
from harness.wire.payloads import Authentication, IdentificationInitiator, IdentificationResponder, Notify

FQDN = IdentificationType.ID_FQDN
METHOD = AuthenticationMethod.SHARED_KEY_MESSAGE_INTEGRITY_CODE


@pytest.fixture(scope="module")
def machine_and_agreement():
    engines = run(pair(policy(ke="curve25519", addke1="ml-kem-768")))
    assert isinstance(engines.initiator.state, Standing)
    return engines.initiator._machine, engines.initiator.state.agreement


def outgoing(machine, agreement, by_initiator):
    kind = IdentificationInitiator if by_initiator else IdentificationResponder
    payloads = (kind(FQDN, b"somebody.example"), Authentication(METHOD, b"right"))
    header = Header(bytes(8), bytes(8), ExchangeType.IKE_AUTH, INITIATOR if by_initiator else RESPONSE, 2)
    return OutgoingMessage(header, payloads, agreement, machine.configuration.psk)


@pytest.mark.parametrize("by_initiator", [True, False])
def test_auth_is_right_but_for_int_auth(machine_and_agreement, by_initiator):
    machine, agreement = machine_and_agreement
    given = outgoing(machine, agreement, by_initiator)
    own = "int_auth_i" if by_initiator else "int_auth_r"
    value = getattr(agreement, own)
    for alter, changed in (
        (int_auth.wrong, replace(agreement, **{own: bytes((value[0] ^ 1,)) + value[1:]})),
        (int_auth.left_out, replace(agreement, int_auth_i=b"", int_auth_r=b"")),
    ):
        identity, auth = alter(given)
        assert identity == given.payloads[0]
        assert isinstance(auth, Authentication)
        assert auth.data == authentication._auth(machine, changed, identity.body(), 2, by_initiator=by_initiator)
        assert auth.data != authentication._auth(machine, agreement, identity.body(), 2, by_initiator=by_initiator)


def test_messages_without_identity_or_int_auth_stay_as_they_are(machine_and_agreement):
    machine, agreement = machine_and_agreement
    given = outgoing(machine, agreement, by_initiator=True)
    early = replace(given, agreement=replace(agreement, int_auth_i=b"", int_auth_r=b""))
    error = replace(given, payloads=(Notify(24),))
    for alter in (int_auth.wrong, int_auth.left_out):
        assert alter(early) == given.payloads
        assert alter(error) == error.payloads
        assert alter(replace(given, agreement=None)) == given.payloads
