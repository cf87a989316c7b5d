from __future__ import annotations

from dataclasses import replace

from case_builder import build, good

from harness.verify.esp import esp_packets, read_packets, uses_extended_sequence_numbers
from harness.verify.keys import child_keys


def test_every_packet_opens_and_tells_how_it_came():
    view = good().view
    packets = esp_packets(view)
    assert len(packets) == 10
    assert all(packet.in_udp and not packet.problem and packet.echo for packet in packets)
    assert not any(packet.in_udp for packet in esp_packets(build(esp_port=0).view))
    assert packets[0].pointer == f"wire.pcapng#{packets[0].frame}"


def test_packets_do_not_open_under_the_other_kind_of_sequence_number():
    view = build("esp/esn", "strongswan-6.1-kernel-esp").view
    keys, cipher = child_keys(view.chain, view.child.suite)
    assert uses_extended_sequence_numbers(view.child)
    assert all(packet.problem for packet in read_packets(view, view.child, keys, cipher, esn=False))
    assert not any(packet.problem for packet in read_packets(view, view.child, keys, cipher))


def test_the_ends_in_transport_mode_are_those_of_the_packets():
    packets = esp_packets(build("esp/transport", "strongswan-6.1-kernel-esp").view)
    assert {packet.echo.source for packet in packets} == {bytes((198, 51, 100, 10)), bytes((198, 51, 100, 20))}


def test_a_packet_in_transport_mode_between_addresses_of_ipv6_is_read_as_one():
    case = build("esp/transport", "strongswan-6.1-kernel-esp")
    *_, last = case.esp(from_engine=False)
    moved = replace(last, source=("2001:db8::2", 0), destination=("2001:db8::1", 0))
    facts = case.evidence.facts
    anywhere = replace(facts, responder=replace(facts.responder, address=""))  # whose address is not on record
    view = case.changed(last, moved).with_evidence(facts=anywhere).view
    *others, packet = [each for each in esp_packets(view) if not each.from_engine]
    assert (packet.echo, packet.problem) == (None, "")  # an ICMP message, which is none of IPv6's echo messages
    assert all(each.echo for each in others)


def test_a_packet_of_another_host_is_none_of_the_case():
    case = good("hybrid/x25519-mlkem768")
    *others, last = case.esp(from_engine=False)
    stray = replace(last, source=("203.0.113.9", last.source[1]), payload=bytes(range(40)))
    seen = [each for each in esp_packets(case.changed(last, stray).view) if not each.from_engine]
    assert len(seen) == len(others)
    assert not any(each.problem for each in seen)


def test_without_keys_all_stay_closed():
    case = good("hybrid/x25519-mlkem768")
    packets = esp_packets(case.with_secrets(shared_secrets=()).view)
    assert packets
    assert all(packet.problem for packet in packets)
