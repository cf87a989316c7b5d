from __future__ import annotations

from dataclasses import replace

import pytest
from case_builder import PEER_NAME, flipped, good

from harness.policy.role import Role
from harness.registry.transforms import TransformType


@pytest.mark.parametrize("role", list(Role))
def test_who_is_who(role):
    view = good(role=role).view
    assert {view.party(initiator=True), view.party(initiator=False)} == {"engine", PEER_NAME}
    assert (view.party(initiator=True) == "engine") == (role is Role.INITIATOR)
    assert view.sender(view.messages[0]) == view.party(initiator=True)


@pytest.mark.parametrize("scenario", ["denial-of-service/cookie", "negotiation/wrong-ke-group-first"])
def test_the_last_request_before_the_answer_counts(scenario):
    view = good(scenario).view
    request, response = view.final_init
    assert request is not None and response is not None
    assert (request.frame, response.frame) == (3, 4)
    assert view.chain is not None
    assert view.established and view.child_established


def test_a_forged_second_answer_changes_nothing():
    case = good()
    forged = case.repeated("IKE_SA_INIT response 0", lambda octets: flipped(octets, -1))
    assert forged.view.suite == case.view.suite
    assert forged.view.established


def test_the_child_sa_of_the_wire():
    case = good()
    child, recorded = case.view.child, case.evidence.secrets.children[0]
    assert child is not None
    assert (child.initiator_spi, child.responder_spi) == (recorded.initiator_spi, recorded.responder_spi)
    assert child.suite == recorded.suite
    assert good("authentication/wrong-psk").view.child is None


def test_without_secrets_the_wire_stays_closed():
    view = good().with_secrets(shared_secrets=()).view
    assert view.chain is None
    assert [m.label for m in view.messages if m.readable] == ["IKE_SA_INIT request 0", "IKE_SA_INIT response 0"]
    assert not view.established
    assert view.suite is not None and view.suite.get(TransformType.ADDKE1) is not None


def test_demands_to_try_again_are_no_refusals():
    assert good("negotiation/wrong-ke-group-first").view.refusals == []
    assert good("denial-of-service/cookie").view.refusals == []
    ((message, kind),) = good("authentication/wrong-psk").view.refusals
    assert (message.label, kind.name) == ("IKE_AUTH response 1", "AUTHENTICATION_FAILED")


def test_a_refusal_that_does_not_decrypt_is_not_read():
    case = good("authentication/wrong-psk")
    datagram = case.message("IKE_AUTH response 1").pieces[0].datagram
    assert case.changed(datagram, replace(datagram, payload=flipped(datagram.payload, -1))).view.refusals == []
