"""What products say of themselves: answers of control programs, and the status that drivers read."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from random import Random
from typing import Any

import mutation
from target import Prepared, Target
from vici.protocol import Message as ViciMessage

from harness.border.text import decoded
from harness.evidence.peer_report import PeerReport
from harness.json_codec import to_json
from harness.lab.errors import LabError
from harness.lab.products.libreswan.report import lines_about
from harness.lab.products.libreswan.report import peer_report as libreswan
from harness.lab.products.openiked.report import peer_report as openiked
from harness.lab.products.program.answers import (
    Done,
    InitiateAnswer,
    LoadAnswer,
    StatusAnswer,
    VersionAnswer,
    decode,
)
from harness.lab.products.shared import residue, xfrm_report
from harness.lab.products.shared.fault_lines import fault_lines
from harness.lab.products.strongswan.case_log import lines_of_case
from harness.lab.products.strongswan.report import peer_report as strongswan
from harness.lab.products.strongswan.vici_client import ViciClient

_ANSWERS: tuple[type[Any], ...] = (VersionAnswer, LoadAnswer, InitiateAnswer, StatusAnswer, Done)

_CHILD = {
    "name": "case-1", "state": "INSTALLED", "mode": "TUNNEL", "udp_encapsulated": True, "spi_in": "c0ffee01",
    "spi_out": "c0ffee02", "encr": "aes-256-gcm-16", "integ": None, "esn": False, "packets_in": 5, "packets_out": 5,
    "bytes_in": 420, "bytes_out": 420,
}  # fmt: skip
_SA = {
    "name": "case-1", "state": "ESTABLISHED", "initiator": True, "initiator_spi": "0" * 15 + "1",
    "responder_spi": "0" * 15 + "2", "encr": "aes-256-gcm-16", "integ": None, "prf": "hmac-sha2-256",
    "ke": "curve25519",
    "additional_ke": ["ml-kem-768"], "children": [_CHILD],
}  # fmt: skip
_GOOD: tuple[dict[str, Any], ...] = (
    {"version": "1.0", "key_exchange": ["curve25519"]},
    {"files": {"a.conf": "text\n"}, "refused": ""},
    {"error": ""},
    {"sas": [_SA, {**_SA, "state": "CONNECTING", "children": []}]},
    {},
)


def _prepare_answer(data: bytes) -> Prepared:
    kind, octets = _ANSWERS[(data[0] if data else 0) % len(_ANSWERS)], data[1:]

    def read() -> Callable[[], object] | None:
        try:
            answer = decode(kind, decoded(octets), "acme: peer-control status")
        except LabError as error:
            assert str(error).startswith("acme: peer-control status: ")
            return None
        return lambda: json.dumps(to_json(answer)).encode("utf-8")

    return len(octets), read


PROGRAM_ANSWERS = Target(
    "answers",
    "answers of control programs, of every verb",
    lambda: [bytes((kind,)) + json.dumps(good).encode() for kind, good in enumerate(_GOOD)],
    _prepare_answer,
    lambda data, rng: (data[:1] or b"\0") + mutation.json_text(data[1:], rng),
)

_KEY = "0x" + "0123456789abcdef" * 4
XFRM = f"""\
src 192.0.2.1 dst 192.0.2.2
\tproto esp spi 0x00000abc(2748) reqid 3(0x00000003) mode tunnel
\treplay-window 0 seq 0x00000000 flag af-unspec esn (0x10100000)
\taead rfc4106(gcm(aes)) {_KEY} (288 bits) 128
\tlifetime current:
\t  420(bytes), 5(packets)
\t  add 2026-11-21 10:20:01 use -
src 192.0.2.2 dst 192.0.2.1
\tproto esp spi 0x00001000(4096) reqid 0(0x00000000) mode tunnel
\tauth-trunc hmac(sha256) {_KEY} (256 bits) 128
\tenc cbc(aes) {_KEY} (256 bits)
\tencap type espinudp sport 4500 dport 4500 addr 0.0.0.0
\tlifetime current:
\t  84(bytes), 1(packets)
"""
WHACK = """\
000 #1: "case-1":500 STATE_V2_ESTABLISHED_IKE_SA (established IKE SA); REKEY in 28000s; newest; idle;
#2: "case-1":500 ESTABLISHED_CHILD_SA (established Child SA); IKE SA #1; idle;
#2: "case-1" esp.abc@192.0.2.1 esp.1000@192.0.2.2 tun.0@192.0.2.1 tun.0@192.0.2.2 Traffic: ESPin=0B ESPout=0B
"case-1":   IKE algorithm newest: AES_GCM_16_256-HMAC_SHA2_512-MODP3072
#3: "case-1":500 sent IKE_SA_INIT request; RETRANSMIT in 0s; idle;
"""
IKECTL = """\
iked_sas: 0x55d0c0a80 rspi 0x556443eaad13dad9 ispi 0xcd344373284e2580 192.0.2.1:500->192.0.2.2:500<> ESTABLISHED i x
  sa_childsas: 0x55d0c0b00 ESP 0x00001000 in 192.0.2.2:500 -> 192.0.2.1:500 (LA) B=(nil) P=0x55d0c0b80 @0x55d0c0a80
  sa_childsas: 0x55d0c0b80 ESP 0x00000abc out 192.0.2.1:500 -> 192.0.2.2:500 (LA) B=(nil) P=0x55d0c0b00 @0x55d0c0a80
  sa_flows: 0x55d0c0c00 ESP out 10.1.0.1/32 -> 10.2.0.1/32 [0]@-1 (L) @0x55d0c0a80
iked_activesas: 0x55d0c0b00 ESP 0x00001000 in
"""
RESIDUE = f"{XFRM}src 10.1.0.1/32 dst 10.2.0.1/32\n\tdir out priority 1\n\ttmpl src 192.0.2.1 dst 192.0.2.2\n====\n"
RESIDUE += "Name:\tpluto\nVmRSS:\t  12345 kB\nName:\tsh\n"
LOG = """\
2026-11-21T09:13:22.499 13[IKE] <7> 192.0.2.1 is initiating an IKE_SA
2026-11-21T09:13:22.500 13[IKE] <case-1|7> IKE_SA case-1[7] established
==1==ERROR: AddressSanitizer: heap-buffer-overflow
lost child: ikev2 terminated; signal 11
"""
VICI = ViciMessage.serialize(
    {
        "case-1": {
            "state": "ESTABLISHED", "initiator": "yes", "initiator-spi": "cd344373284e2580", "encr-alg": "AES_CBC",
            "responder-spi": "556443eaad13dad9", "encr-keysize": "256", "integ-alg": "HMAC_SHA2_384_192",
            "prf-alg": "PRF_HMAC_SHA2_384", "dh-group": "ECP_384", "ake1": "MODP_3072",
            "child-sas": {
                "case-1-3": {
                    "name": "case-1", "state": "INSTALLED", "mode": "TUNNEL", "encap": "yes", "spi-in": "30926407",
                    "spi-out": "fc6a3d93", "encr-alg": "AES_GCM_16", "encr-keysize": "256", "bytes-in": "252",
                    "packets-in": "3", "bytes-out": "336", "packets-out": "4", "local-ts": ["10.99.0.1/32"],
                }
            },
        }
    }
)  # fmt: skip


_SMALLEST_FRAME = 8  # octets: as many as Docker puts before each frame, which are not counted here


class _Stream:
    """What a daemon answers to one request, in frames of a size that its first octet says."""

    def __init__(self, octets: bytes) -> None:
        size = _SMALLEST_FRAME + (octets[0] if octets else 0) * 16
        self._frames = iter([octets[at : at + size] for at in range(1, len(octets), size)])

    def read(self) -> tuple[int, bytes] | None:
        frame = next(self._frames, None)
        return None if frame is None else (1, frame)

    def write(self, data: bytes) -> None:
        pass

    def set_timeout(self, seconds: float | None) -> None:
        pass

    def end_input(self) -> None:
        pass

    def close(self) -> None:
        pass

    def exit_status(self) -> int | None:
        return None


def _packet(octets: bytes) -> bytes:
    return len(octets).to_bytes(4) + octets


def _listed(octets: bytes) -> PeerReport:
    client = ViciClient("acme", lambda: _Stream(octets))
    return strongswan("6.1", client.stream("list-sas", "list-sa", {}))


def _answered(octets: bytes) -> object:
    return ViciClient("acme", lambda: _Stream(octets)).request("version")


def _text(read: Callable[[str], object]) -> Callable[[bytes], object]:
    return lambda octets: read(decoded(octets))


_EVENT = _packet(b"\x07\x07list-sa" + VICI)
READERS: tuple[tuple[Callable[[bytes], object], bytes], ...] = (
    (_text(xfrm_report.parse), XFRM.encode()),
    (_text(xfrm_report.without_keys), XFRM.encode()),
    (_text(lambda text: libreswan("5.2", "case-1", lines_about("case-1", text), XFRM)), WHACK.encode()),
    (_text(lambda text: libreswan("5.2", "case-1", WHACK, text)), XFRM.encode()),
    (_text(lambda text: openiked("7.4", "case-1", text, XFRM)), IKECTL.encode()),
    (_text(lambda text: openiked("7.4", "case-1", IKECTL, text)), XFRM.encode()),
    (_text(lambda text: residue.parse(text, (), {"192.0.2.1", "10.1.0.1"}, "pluto")), RESIDUE.encode()),
    (_text(fault_lines), LOG.encode()),
    (_text(lambda text: lines_of_case(text, "case-1", "192.0.2.1")), LOG.encode()),
    (_listed, b"\xff" + _packet(b"\x05") + _EVENT + _packet(b"\x01" + ViciMessage.serialize({})) + _packet(b"\x05")),
    (_answered, b"\x01" + _packet(b"\x01" + ViciMessage.serialize({"version": "6.1.0", "success": "yes"}))),
)


def _prepare_status(data: bytes) -> Prepared:
    read, octets = READERS[(data[0] if data else 0) % len(READERS)][0], data[1:]

    def reads() -> Callable[[], object] | None:
        try:
            found = read(octets)
        except LabError as error:
            assert str(error)
            return None
        return lambda: json.dumps(to_json(found)).encode("utf-8")

    return len(octets), reads


def _words() -> Iterable[str]:
    for _, seed in READERS[:9]:
        yield from seed.decode(errors="replace").split()


def _mutate_status(data: bytes, rng: Random) -> bytes:
    return (data[:1] or b"\0") + mutation.lines_of_text(data[1:], rng, sorted(set(_words())))


STATUS_ANSWERS = Target(
    "statuses",
    "vici, whack, ikectl, ip xfrm, logs: what drivers read of their products",
    lambda: [bytes((number,)) + seed for number, (_, seed) in enumerate(READERS)],
    _prepare_status,
    _mutate_status,
)
