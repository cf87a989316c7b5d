"""The control cell: our engine against our engine, over the lab's real sockets, with ESP right above IP.

No NAT stands between two addresses of the tester and neither side fakes one, so IKE stays on port 500 and ESP is bare.
"""

import pytest
from engine_pair import policy, proposal

from harness.evidence.model import Conversation
from harness.policy.proposals import PartyPolicy
from harness.policy.role import Role
from harness.scenario.model import Step
from harness.transport.job import Job, PeerAction
from harness.transport.messages import Continue, Ready, Start, Want

pytestmark = pytest.mark.lab

ESP = {
    "gcm": (proposal(encr="aes-256-gcm-16", sn="no-esn"),),
    "cbc": (proposal(encr="aes-256-cbc", integ="hmac-sha2-256-128", sn="no-esn"),),
    "chacha": (proposal(encr="chacha20-poly1305", sn="esn"),),
}


def job(case, role, address, other, esp):
    inner = ("10.100.0.1", "10.100.0.2") if role is Role.INITIATOR else ("10.100.0.2", "10.100.0.1")
    names = ("i.interop.test", "r.interop.test") if role is Role.INITIATOR else ("r.interop.test", "i.interop.test")
    both = PartyPolicy(policy(ke="curve25519", addke1="ml-kem-768"), esp)
    return Job(
        case, role, address, other, *names, b"0123456789abcdef", both,
        *inner, steps=(Step.TRAFFIC, Step.LIVENESS, Step.DELETE), deadline=10.0,
    )  # fmt: skip


def converse(channel, jobs):
    """Play jobs side by side, doing every action at once; the conversations by case."""
    inboxes = {each.case: channel.open_case(each.case) for each in jobs}
    for each in reversed(jobs):  # the responder listens first
        channel.send(each.case, Start(each))
        if each.role is Role.RESPONDER:
            assert inboxes[each.case].get(5) == Want(PeerAction.INITIATE)
            channel.send(each.case, Continue(PeerAction.INITIATE))
    results = {}
    while len(results) < len(jobs):
        for case, inbox in inboxes.items():
            message = inbox.get(0.05) if case not in results else None
            if isinstance(message, Want):
                channel.send(case, Continue(message.action))
            elif message:
                assert isinstance(message, Conversation), message
                results[case] = message
    for case in inboxes:
        channel.close_case(case)
    return results


@pytest.mark.parametrize("esp", list(ESP))
def test_both_ends_agree_and_traffic_flows_without_udp(lab, esp):
    channel = lab.tester.open_worker()
    assert channel.own.get(15) == Ready()
    with lab.case_address() as a, lab.case_address() as b:
        jobs = (job("i", Role.INITIATOR, a, b, ESP[esp]), job("r", Role.RESPONDER, b, a, ESP[esp]))
        ends = converse(channel, jobs)
    initiator, responder = ends["i"].report, ends["r"].report
    for report in (initiator, responder):
        assert report.established
        assert report.child_established
        assert report.closed_kind == "deleted"
        assert not report.timed_out
    assert initiator.suite == responder.suite
    assert initiator.echo.requests_sent == initiator.echo.replies_received == 5
    assert responder.echo.requests_sent == responder.echo.replies_received == 5
    assert ends["i"].secrets.generations == ends["r"].secrets.generations
    channel.close()
