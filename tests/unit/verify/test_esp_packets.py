from __future__ import annotations

from case_builder import build, good

from harness.verify.esp_packets import computed_keys, esp_packets, read_packets, uses_extended_sequence_numbers


def test_every_packet_opens_and_tells_how_it_came():
    view = good().view
    packets = esp_packets(view)
    assert len(packets) == 10
    assert all(packet.in_udp and not packet.problem and packet.echo for packet in packets)
    assert not any(packet.in_udp for packet in esp_packets(build(esp_port=0).view))
    assert packets[0].pointer == f"wire.pcapng#{packets[0].frame}"


def test_packets_do_not_open_under_the_other_kind_of_sequence_number():
    view = build("esp/esn", "strongswan-6.1-kernel-esp").view
    keys, cipher = computed_keys(view, view.child)
    assert uses_extended_sequence_numbers(view.child)
    assert all(packet.problem for packet in read_packets(view, view.child, keys, cipher, esn=False))
    assert not any(packet.problem for packet in read_packets(view, view.child, keys, cipher))


def test_the_ends_in_transport_mode_are_those_of_the_packets():
    packets = esp_packets(build("esp/transport", "strongswan-6.1-kernel-esp").view)
    assert {packet.echo.source for packet in packets} == {bytes((198, 51, 100, 10)), bytes((198, 51, 100, 20))}


def test_without_keys_all_stay_closed():
    case = good("hybrid/x25519-mlkem768")
    packets = esp_packets(case.with_secrets(shared_secrets=()).view)
    assert packets
    assert all(packet.problem for packet in packets)
