from __future__ import annotations

from dataclasses import replace

import pytest
from case_builder import ENGINE, PEER, PEER_NAME, Case, build, good
from extra_messages import behind, protected
from judging import contradicts, initiator, kernel, objects, passes, responder
from placement_defect_rows import ROWS

from harness.ike.configuration import Path
from harness.ike.exchanges import child as child_exchange
from harness.policy.role import Role
from harness.registry.messages import ExchangeType
from harness.registry.notifications import NotifyType
from harness.registry.transforms import TransformType
from harness.results.model import Outcome, Verdict
from harness.wire.message import Message
from harness.wire.payloads import Notify, SecurityAssociation

TRANSPORT, ESN, BARE = "esp/transport", "esp/esn", "esp/no-encapsulation"
RESPONSE = "IKE_AUTH response 1"


def without_mode(payloads):
    return [p for p in payloads if not (isinstance(p, Notify) and p.notify_type == NotifyType.USE_TRANSPORT_MODE)]


def test_transport_mode(role):
    case = kernel(TRANSPORT, role)
    passes(case, "esp-mode")
    passes(case, "esp-both-ways", packets=5)
    assert case.judge().verdict is Verdict.PASS


def test_tunnel_mode(role):
    passes(good(role=role), "esp-mode")


def test_transport_mode_that_is_declined(role):
    """The Child SA is then in tunnel mode, and works: the scenario asks for the other one."""
    declining = {"product" if role is Role.INITIATOR else "engine": {"transport_mode": False}}
    case = kernel(TRANSPORT, role, **declining)
    passes(case, "esp-both-ways", packets=5)
    saying = "the IKE_AUTH response lacks USE_TRANSPORT_MODE"
    objects(case, "esp-mode", saying, party=responder(role), at="wire.pcapng", requirement=None)
    assert case.judge().verdict is Verdict.FAIL


def test_transport_mode_that_was_never_asked_for(role):
    case = kernel(TRANSPORT, role).rewritten("IKE_AUTH request 1", without_mode)
    saying = "the IKE_AUTH request lacks USE_TRANSPORT_MODE"
    objects(case, "esp-mode", saying, party=initiator(role), at="wire.pcapng")


def test_who_is_not_asked_for_transport_mode_cannot_agree_to_it(role):
    asking = {"engine" if role is Role.INITIATOR else "product": {"transport_mode": False}}
    case = kernel(TRANSPORT, role, **asking)
    assert {each.party for each in case.check("esp-mode").objections} == {initiator(role)}
    assert {finding.party for finding in case.judge().findings} == {initiator(role)}


def test_transport_mode_that_is_answered_unasked(role):
    label = "IKE_AUTH response 2"
    case = good(role=role).rewritten(label, lambda old: [*old, Notify(NotifyType.USE_TRANSPORT_MODE)])
    saying = "the IKE_AUTH response carries USE_TRANSPORT_MODE"
    objects(case, "esp-mode", saying, party=responder(role), at=case.message(label).pointer, requirement="")


def test_packets_of_another_mode_than_was_agreed(role):
    case = kernel(TRANSPORT, role)
    tunnel = case.rewritten(RESPONSE, without_mode)
    saying = "its Next Header is 1, 4 is due in tunnel mode"
    objections = tunnel.check("esp-mode").objections
    found = {(each.party, each.pointer) for each in objections if saying in each.sentence}
    parties = {True: "engine", False: PEER_NAME}
    assert found == {
        (parties[mine], f"wire.pcapng#{packet.frame}") for mine in parties for packet in case.esp(from_engine=mine)
    }
    contradicts(tunnel, "wire.pcapng holds 0 of the 5 echo requests")


def test_a_peer_that_reports_another_mode(role):
    case = kernel(TRANSPORT, role).with_peer_child(mode="TUNNEL")
    saying = "ESP mode: the peer reports tunnel, the wire says transport"
    objects(case, "peer-agrees", saying, party="", at="peer/sas.json", severity="inconclusive")


def test_esp_right_above_ip(role):
    case = kernel(BARE, role, esp_port=0)
    passes(case, "esp-without-udp")
    assert case.judge().verdict is Verdict.PASS


@pytest.mark.parametrize(("from_engine", "severity"), [(True, "fail"), (False, "inconclusive")])
def test_esp_inside_udp(role, from_engine, severity):
    case = kernel(BARE, role, esp_port=0)
    packet = case.esp(from_engine=from_engine)[2]
    source, destination = ((address, 4500) for address, _ in (packet.source, packet.destination))
    case = case.changed(packet, replace(packet, source=source, destination=destination))
    party = "engine" if from_engine else PEER_NAME
    at = f"wire.pcapng#{packet.frame}"
    saying = "1 of 5 ESP packets are inside UDP although there is no NAT"
    objects(case, "esp-without-udp", saying, party=party, at=at, severity=severity)
    assert case.judge().verdict is (Verdict.FAIL if from_engine else Verdict.INCONCLUSIVE)


def test_no_esp_from_one_side(role):
    case = kernel(BARE, role, esp_port=0)
    gone = {packet.frame for packet in case.esp(from_engine=False)}
    case = case.with_datagrams(each for each in case.datagrams if each.frame not in gone)
    saying = f"no ESP packet comes from {PEER_NAME}"
    objects(case, "esp-without-udp", saying, party=PEER_NAME, at="wire.pcapng")


def test_a_peer_that_reports_udp(role):
    case = kernel(BARE, role, esp_port=0).with_peer_child(udp_encapsulated=True)
    where = {"party": "", "at": "peer/sas.json", "severity": "inconclusive"}
    objects(case, "esp-without-udp", "the peer reports that ESP is inside UDP", **where)


def test_ike_that_moves_to_the_nat_port(role):
    case = kernel(BARE, role, esp_port=0)
    datagram = case.message("INFORMATIONAL request 2").pieces[0].datagram
    ends = ((address, 4500) for address, _ in (datagram.source, datagram.destination))
    marked = replace(
        datagram, **dict(zip(("source", "destination"), ends, strict=True)), payload=bytes(4) + datagram.payload
    )
    case = case.changed(datagram, marked)
    saying = "the INFORMATIONAL request 2 goes over port 4500"
    at = f"wire.pcapng#{datagram.frame}"
    objects(case, "esp-without-udp", saying, party=initiator(role), at=at, severity="inconclusive")


@pytest.mark.parametrize("scenario", [ESN, "esp/esn-with-hmac"])
def test_extended_sequence_numbers(role, scenario):
    case = kernel(scenario, role)
    passes(case, "extended-sequence-numbers")
    assert case.judge().verdict is Verdict.PASS


@pytest.mark.parametrize("scenario", [ESN, "esp/esn-with-hmac"])
def test_an_icv_without_the_high_half(role, scenario, monkeypatch):
    """Both sides agree on ESN, and leave the high half out of the ICV."""
    monkeypatch.setattr("harness.esp.sa.EspSa._authenticated", _short)
    case = kernel(scenario, role)
    monkeypatch.undo()
    ours = case.esp(from_engine=True)[0].frame
    saying = "the ICV of an ESP packet lacks the high half of its sequence number"
    objects(case, "extended-sequence-numbers", saying, party="engine", at=f"wire.pcapng#{ours}")
    saying = f"no ESP packet from {PEER_NAME} opens with 64-bit numbers"
    objects(case, "extended-sequence-numbers", saying, party=PEER_NAME, at="wire.pcapng")
    contradicts(case, "wire.pcapng holds 0 of the 5 echo requests")


def _short(sa, sequence):
    return sa.spi.to_bytes(4) + (sequence & 0xFFFFFFFF).to_bytes(4), b""


def test_normal_sequence_numbers(role):
    saying = "the answer does not select ESN"
    objects(good(role=role), "extended-sequence-numbers", saying, party=responder(role), at="wire.pcapng")


def test_no_child_sa(role):
    for check in ("esp-mode", "esp-without-udp", "extended-sequence-numbers"):
        objects(good("authentication/wrong-psk", role=role), check, "no Child SA came up", party="", at="wire.pcapng")


def test_a_product_without_transport_mode_refuses(monkeypatch):
    """As strongSwan with user-space ESP does: everything of an acceptance is there, and the refusal, too."""
    answer = child_exchange.answer

    def contradicting(machine, standing, opened):
        _, payloads = answer(machine, standing, opened)
        return standing, (*payloads, Notify(NotifyType.NO_PROPOSAL_CHOSEN))

    monkeypatch.setattr(child_exchange, "answer", contradicting)
    case = build(TRANSPORT, role=Role.INITIATOR)
    judgement = case.judge()
    assert (judgement.verdict, judgement.outcome) == (Verdict.UNSUPPORTED, Outcome.REFUSED)
    assert judgement.reason == "strongSwan 6.1 has no transport mode"
    saying = "carries NO_PROPOSAL_CHOSEN and an SA payload: it refuses and accepts at once"
    at = case.message(RESPONSE).pointer
    objects(
        case,
        "refused-with",
        saying,
        party=PEER_NAME,
        at=at,
        requirement=None,
        severity="should",
        notify="NO_PROPOSAL_CHOSEN",
    )
    assert case.view.child is None
    assert not case.evidence.report.child_established


def test_the_sequence_numbers_are_a_transform_of_the_answer(role):
    """What the judge opens packets with is what the wire says, not what the scenario asks for."""
    case = kernel(ESN, role)
    assert case.view.child.suite.transforms[TransformType.SN].identifier == 1


@pytest.mark.parametrize("answer", ["IKE_SA_INIT response 0", "IKE_SA_INIT request 0"])
def test_bare_esp_of_one_who_was_told_of_a_nat(role, answer):
    """Whoever gets a digest that is not the one of where the message came from takes the sender to be behind a NAT."""
    case = kernel(BARE, role, esp_port=0)
    passes(case, "esp-inside-udp-behind-a-nat")

    def elsewhere(payloads):
        kind = NotifyType.NAT_DETECTION_SOURCE_IP
        return [Notify(kind, bytes(20)) if isinstance(p, Notify) and p.notify_type == kind else p for p in payloads]

    told = case.rewritten(answer, elsewhere)
    party = initiator(role) if answer.endswith("response 0") else responder(role)
    at = f"wire.pcapng#{told.esp(from_engine=party == 'engine')[0].frame}"
    objects(told, "esp-inside-udp-behind-a-nat", "tells of a NAT, and 5 ESP packets", party=party, at=at)


def test_a_mode_that_nobody_asked_for(role):
    case = kernel(TRANSPORT, role)
    passes(case, "transport-mode-is-asked-for")
    passes(good(role=role), "transport-mode-is-asked-for")
    unasked = case.rewritten("IKE_AUTH request 1", without_mode)
    at = case.message(RESPONSE).pointer
    objects(unasked, "transport-mode-is-asked-for", "does not ask for", party=responder(role), at=at)


@pytest.mark.parametrize("end", ["source", "destination"])
def test_ike_with_one_end_on_the_nat_port(role, end):
    case = kernel(BARE, role, esp_port=0)
    datagram = case.message("INFORMATIONAL request 2").pieces[0].datagram
    moved = {end: (getattr(datagram, end)[0], 4500)}
    marked = replace(datagram, payload=bytes(4) + datagram.payload, **moved)
    case = case.changed(datagram, marked, datagram)
    saying, at = "the INFORMATIONAL request 2 goes over port 4500", f"wire.pcapng#{datagram.frame}"
    objects(case, "esp-without-udp", saying, party=initiator(role), at=at, severity="inconclusive")


def test_of_several_packets_inside_udp_the_first_is_shown(role):
    case = kernel(BARE, role, esp_port=0)
    first, *_ = packets = case.esp(from_engine=False)
    for packet in packets:
        source, destination = ((address, 4500) for address, _ in (packet.source, packet.destination))
        case = case.changed(packet, replace(packet, source=source, destination=destination))
    saying, at = f"{len(packets)} of {len(packets)} ESP packets", f"wire.pcapng#{first.frame}"
    objects(case, "esp-without-udp", saying, party=PEER_NAME, at=at, severity="inconclusive")


def test_a_peer_whose_status_has_no_such_child_sa_is_for_another_check(role):
    passes(kernel(BARE, role, esp_port=0).with_peer_sa(children=()), "esp-without-udp")


def test_extended_sequence_numbers_are_proven_of_each_side(role):
    case = kernel(ESN, role)
    gone = {packet.frame for packet in case.esp(from_engine=False)}
    silent = case.with_datagrams(each for each in case.datagrams if each.frame not in gone)
    saying = f"no ESP packet from {PEER_NAME} opens with 64-bit numbers"
    objects(silent, "extended-sequence-numbers", saying, party=PEER_NAME, at="wire.pcapng")


def test_a_cipher_that_cannot_be_computed_here_leaves_esn_open(role):
    def camellia(payloads):
        return [replace(p, proposals=tuple(map(other, p.proposals))) if isinstance(p, SecurityAssociation) else p
                for p in payloads]  # fmt: skip

    def other(proposal):
        kinds = (replace(t, identifier=23) if t.type == TransformType.ENCR else t for t in proposal.transforms)
        return replace(proposal, transforms=tuple(kinds))

    case = kernel(ESN, role).rewritten(RESPONSE, camellia)
    where = {"party": "", "at": "secrets.json", "severity": "inconclusive"}
    for check in ("extended-sequence-numbers", "esp-both-ways"):
        objects(case, check, "is not implemented", **where)


def test_ike_auth_in_clear_brings_up_no_child_sa(role):
    """Without keys nothing of it is proven, whatever it says."""
    case = kernel(TRANSPORT, role)
    for label in ("IKE_AUTH request 1", RESPONSE):
        message = case.message(label)
        datagram, header = message.pieces[0].datagram, message.pieces[0].message.header
        case = case.changed(datagram, replace(datagram, payload=Message(header, message.payloads).to_bytes()))
    bare = case.with_secrets(shared_secrets=())
    for check in ("esp-mode", "esp-without-udp", "extended-sequence-numbers", "esp-both-ways"):
        objects(bare, check, "no Child SA came up", party="", at="wire.pcapng")


def told_of(case: Case, label: str, *notifies: Notify) -> Case:
    """A message with these NAT_DETECTION payloads alone."""
    kinds = NotifyType.NAT_DETECTION_SOURCE_IP, NotifyType.NAT_DETECTION_DESTINATION_IP
    kept = lambda old: [p for p in old if not (isinstance(p, Notify) and p.notify_type in kinds)]  # noqa: E731
    return case.rewritten(label, lambda old: [*kept(old), *notifies])


def test_either_digest_tells_of_a_nat_where_none_of_its_kind_is_right(role):
    """RFC 7296 section 2.23: there may be several source digests, of a host with several addresses."""
    case, label = kernel(BARE, role, esp_port=0), "IKE_SA_INIT response 0"
    kinds = NotifyType.NAT_DETECTION_SOURCE_IP, NotifyType.NAT_DETECTION_DESTINATION_IP
    source, destination = (
        next(p for p in case.message(label).payloads if isinstance(p, Notify) and p.notify_type == kind)
        for kind in kinds
    )
    wrong = [replace(each, data=bytes(20)) for each in (source, destination)]
    for notifies in ((), (source,), (destination,), (source, wrong[0]), (wrong[1], destination)):
        passes(told_of(case, label, *notifies), "esp-inside-udp-behind-a-nat")
    for notifies in ((source, wrong[1]), (wrong[0], destination), (wrong[0],), (wrong[1],)):
        (objection,) = told_of(case, label, *notifies).check("esp-inside-udp-behind-a-nat").objections
        assert objection.party == initiator(role)
    exchanged = replace(source, data=destination.data), replace(destination, data=source.data)
    assert told_of(case, label, *exchanged).check("esp-inside-udp-behind-a-nat").objections


def test_esp_inside_udp_is_what_a_nat_asks_for(role):
    wrong = Notify(NotifyType.NAT_DETECTION_SOURCE_IP, bytes(20))
    passes(told_of(good(role=role), "IKE_SA_INIT response 0", wrong), "esp-inside-udp-behind-a-nat")


def test_who_is_told_of_a_nat_alone_answers_for_its_own_esp(role):
    case = kernel(BARE, role, esp_port=0)
    wrong = Notify(NotifyType.NAT_DETECTION_SOURCE_IP, bytes(20))
    told = told_of(case, "IKE_SA_INIT response 0", wrong)
    own = [each.frame for each in told.esp(from_engine=role is Role.INITIATOR)]
    passes(told.with_datagrams(d for d in told.datagrams if d.frame not in own), "esp-inside-udp-behind-a-nat")


def test_an_initiator_may_begin_on_either_port_and_stays_there():
    for port in (500, 4500):
        path = Path((PEER, port), (ENGINE, port))
        case = build("hybrid/x25519-mlkem768", role=Role.RESPONDER, product={"path": path})
        assert {d.source[1] for d in case.datagrams if d.source[0] == PEER} == {port, 4500}  # ESP goes there anyway
        passes(case, "stays-on-the-nat-port")
        assert case.judge().findings == ()


def test_an_initiator_that_goes_back_to_the_other_port():
    row = next(row for row in ROWS if row.name == "IKE_AUTH from port 500 again")
    case = row.play("hybrid/x25519-mlkem768", PEER_NAME)
    at = case.message("IKE_AUTH request 2").pointer
    objects(case, "stays-on-the-nat-port", "does not go to port 4500", party=PEER_NAME, at=at, requirement="I05")


def over_4500(case: Case, *labels: str, way: str = "") -> Case:
    """Messages between the ports of NAT traversal, or with one end there."""
    for label in labels:
        for piece in case.message(label).pieces:
            old = piece.datagram
            ends = {end: (getattr(old, end)[0], 4500) for end in ("source", "destination") if way in ("", end)}
            case = case.changed(old, replace(old, payload=bytes(4) + piece.octets, **ends))
    return case


EARLY, AUTH, STAYS = "IKE_INTERMEDIATE request 1", "IKE_AUTH request 2", "stays-on-the-nat-port"


@pytest.mark.parametrize("way", ["", "source", "destination"])
def test_who_has_moved_to_the_nat_port_stays_there(role, way):
    case = good(role=role)
    label = next(m.label for m in case.view.messages if m.label.startswith("INFORMATIONAL request"))
    passes(case, STAYS)
    passes(over_4500(case, EARLY, AUTH, label), STAYS)
    passes(over_4500(case, label), STAYS)
    back = over_4500(case, EARLY, way=way)
    found = back.check(STAYS).objections
    assert [(each.pointer, each.requirement) for each in found] == [
        (case.message(AUTH).pointer, "I05"),
        (case.message(label).pointer, "B36"),
    ]
    assert all(each.party == initiator(role) for each in found)
    assert all(f"to which {EARLY} has moved" in each.sentence for each in found)
    (later,) = over_4500(case, EARLY, AUTH, way=way).check(STAYS).objections
    assert f"to which {EARLY} has moved" in later.sentence


def test_only_the_first_copies_of_the_initiators_requests_count(role):
    """An answer goes back to where the question came from, and the other side may ask at any port."""
    case, ours = good(role=role), role is Role.INITIATOR
    moved = over_4500(case, EARLY, AUTH, next(m.label for m in case.view.messages if "INFORMATIONAL r" in m.label))
    for response, by_engine in ((False, not ours), (True, ours)):
        octets = protected(moved, (), by_engine=by_engine, message_id=0, response=response)
        passes(behind(moved, octets, by_engine=by_engine, port=500), STAYS)
    copy = case.message(AUTH).pieces[0].octets
    passes(behind(moved, copy, by_engine=ours, port=500), STAYS)
    first = behind(over_4500(case, EARLY), bytes(4) + copy, by_engine=ours, port=4500)
    assert case.message(AUTH).pointer in [each.pointer for each in first.check(STAYS).objections]


def test_of_ike_auth_rfc_9242_speaks_beside_ike_intermediate_alone(role):
    case, ours = over_4500(good("classical/x25519", role=role), "IKE_AUTH request 1"), role is Role.INITIATOR
    again = protected(case, (), by_engine=ours, message_id=2, exchange=ExchangeType.IKE_AUTH)
    found = behind(case, again, by_engine=ours, port=500).check(STAYS).objections
    assert {each.requirement for each in found} == {"B36"}
    assert [each.sentence for each in found if each.sentence.startswith("IKE_AUTH request 2 ")]


def test_without_key_exchanges_of_their_own_the_move_is_of_another_sentence(role):
    case = over_4500(good("lifecycle/liveness-and-delete", role=role), "IKE_AUTH request 1")
    found = case.check(STAYS).objections
    assert found and {each.requirement for each in found} <= {"", "B36"}
    clear = over_4500(good("lifecycle/liveness-and-delete", role=role), "IKE_SA_INIT request 0")
    passes(clear, STAYS)
    answers = over_4500(good(role=role), "IKE_INTERMEDIATE response 1", "IKE_AUTH response 2")
    passes(answers, STAYS)
