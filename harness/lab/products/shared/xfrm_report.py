"""``ip -s xfrm state`` of a kernel: the ESP SAs it really has, with its own counters."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from harness.evidence.peer_report import ChildReport
from harness.lab.errors import UnreadableStatus

COMMAND = "ip -s xfrm state"

# The kernel's name of an algorithm, and ours; {bits} is the cipher's key length.
_ENCRYPTION = {
    "cbc(aes)": "aes-{bits}-cbc",
    "cbc(des3_ede)": "3des",
    "ecb(cipher_null)": "null",
    "cbc(camellia)": "camellia-{bits}-cbc",
    "rfc3686(ctr(aes))": "aes-{bits}-ctr",
    "rfc7539esp(chacha20,poly1305)": "chacha20-poly1305",
}
_AEAD_WITH_ICV = {"rfc4106(gcm(aes))": "aes-{bits}-gcm-{icv}", "rfc4309(ccm(aes))": "aes-{bits}-ccm-{icv}"}
_INTEGRITY = {
    ("hmac(md5)", 96): "hmac-md5-96",
    ("hmac(sha1)", 96): "hmac-sha1-96",
    ("hmac(sha256)", 128): "hmac-sha2-256-128",
    ("hmac(sha384)", 192): "hmac-sha2-384-192",
    ("hmac(sha512)", 256): "hmac-sha2-512-256",
    ("xcbc(aes)", 96): "aes-xcbc-96",
    ("cmac(aes)", 96): "aes-cmac-96",
}
_HASHES = {name for name, _ in _INTEGRITY}
_NONCE_BITS = {"rfc3686(ctr(aes))": 32, "rfc4106(gcm(aes))": 32, "rfc4309(ccm(aes))": 24}

_HEAD = re.compile(r"^src (?P<source>\S+) dst (?P<destination>\S+)$", re.MULTILINE)
_PROTOCOL = re.compile(r"^[ \t]+proto (?P<protocol>\w+) ", re.MULTILINE)
_SPI = re.compile(r"^[ \t]+proto esp spi 0x(?P<spi>[0-9a-f]{8}).* mode (?P<mode>\w+)", re.MULTILINE)
_AEAD = re.compile(r"\baead (?P<name>\S+) \S+ \((?P<bits>[0-9]{1,5}) bits\) (?P<icv>[0-9]{1,5})\b")
_ENC = re.compile(r"\benc (?P<name>\S+)(?: \S+ \((?P<bits>[0-9]{1,5}) bits\))?")
_AUTH = re.compile(r"\bauth(?:-trunc)? (?P<name>\S+) \S+ \((?P<bits>[0-9]{1,5}) bits\)(?: (?P<icv>[0-9]{1,5})\b)?")
_ALGORITHM_LINE = re.compile(r"^[ \t]+(?P<kind>aead|enc|auth)(?:-trunc)? ", re.MULTILINE)
_FLAGS = re.compile(r"\bflag (?P<flags>[^(\n]*)")
_CURRENT = re.compile(r"lifetime current:\s+(?P<bytes>[0-9]{1,20})\(bytes\), (?P<packets>[0-9]{1,20})\(packets\)")
_KEY = re.compile(r"0x[0-9a-f]+(?= \(\d+ bits\))|0x[0-9a-f]{16,}")  # no other number has more than 8 digits


@dataclass(frozen=True, slots=True)
class KernelSa:
    """One ESP SA of the kernel, which is one direction of a Child SA."""

    source: str
    destination: str
    spi: str  # hexadecimal, 8 digits
    mode: str  # "TUNNEL", "TRANSPORT"
    encr: str
    integ: str | None
    udp_encapsulated: bool
    esn: bool
    packets: int
    bytes: int


def parse(text: str, *, counted: bool = True) -> tuple[KernelSa, ...]:
    """The ESP SAs in the output of ``ip -s xfrm state``, in its order; without ``-s`` they are not ``counted``.

    Raises:
        UnreadableStatus: an entry is not of the form that we know, or names an algorithm that we do not.
    """
    heads = list(_HEAD.finditer(text))
    before, *parts = _HEAD.split(text)
    if before.strip():
        raise UnreadableStatus(COMMAND, before.strip().splitlines()[0])
    bodies = parts[_HEAD.groups :: _HEAD.groups + 1]
    found = (_sa(head, body, counted) for head, body in zip(heads, bodies, strict=True))
    return tuple(sa for sa in found if sa is not None)


def without_keys(text: str) -> str:
    """The same output with every key left out, as it may be stored."""
    return _KEY.sub("(key)", text)


def by_spi(text: str) -> Mapping[str, KernelSa]:
    """The same SAs by their SPI."""
    return {sa.spi: sa for sa in parse(text)}


def child_report(name: str, sas: Mapping[str, KernelSa], spi_in: str, spi_out: str) -> ChildReport | None:
    """A Child SA of two kernel SAs, found by their SPIs; None unless the kernel has both."""
    inbound, outbound = sas.get(spi_in), sas.get(spi_out)
    if inbound is None or outbound is None:
        return None
    report = ChildReport(
        name=name, state="INSTALLED", mode=inbound.mode, udp_encapsulated=inbound.udp_encapsulated,
        spi_in=spi_in, spi_out=spi_out, encr=inbound.encr, integ=inbound.integ, esn=inbound.esn,
        packets_in=inbound.packets, packets_out=outbound.packets, bytes_in=inbound.bytes, bytes_out=outbound.bytes,
    )  # fmt: skip
    if (inbound.encr, inbound.integ) == (outbound.encr, outbound.integ):
        return report
    return replace(report, encr=f"{inbound.encr} in, {outbound.encr} out")


def _sa(head: re.Match[str], body: str, counted: bool) -> KernelSa | None:
    """One entry; None where it is of another protocol than ESP."""
    protocol, spi = _PROTOCOL.search(body), _SPI.search(body)
    if protocol is None or (protocol["protocol"] == "esp" and spi is None):
        raise _unreadable(head, body)
    if spi is None:
        return None
    encr, integ = _algorithms(head, body, counted)
    current = _CURRENT.search(body)
    if current is None and encr and counted:  # a larval SA has neither
        raise _unreadable(head, body, "no counters")
    return KernelSa(
        source=head["source"], destination=head["destination"], spi=spi["spi"], mode=spi["mode"].upper(),
        encr=encr, integ=integ, udp_encapsulated="encap type espinudp" in body,
        esn=any("esn" in found["flags"].split() for found in _FLAGS.finditer(body)),
        packets=int(current["packets"]) if current else 0, bytes=int(current["bytes"]) if current else 0,
    )  # fmt: skip


def _unreadable(head: re.Match[str], body: str, why: str = "") -> UnreadableStatus:
    return UnreadableStatus(COMMAND, " ".join(without_keys(head[0] + body).split()), why)


def _algorithms(head: re.Match[str], body: str, sized: bool) -> tuple[str, str | None]:
    """ENCR and INTEG in our spelling; of integrity the kernel's own where it truncates as no RFC does.

    Only with ``-s`` are the keys ``sized``.
    """
    aead, enc, auth = _AEAD.search(body), _ENC.search(body), _AUTH.search(body)
    read = {"aead": aead, "enc": enc, "auth": auth}
    if sized and any(read[line["kind"]] is None for line in _ALGORITHM_LINE.finditer(body)):
        raise _unreadable(head, body, "an algorithm")
    if aead:
        name, icv = aead["name"], int(aead["icv"])
        pattern = _AEAD_WITH_ICV.get(name) or _ENCRYPTION.get(name)
        if pattern is None:
            raise _unreadable(head, body, name)
        return pattern.format(bits=int(aead["bits"]) - _NONCE_BITS.get(name, 0), icv=icv // 8), None
    encr = ""
    if enc:
        if enc["name"] not in _ENCRYPTION:
            raise _unreadable(head, body, enc["name"])
        bits = int(enc["bits"] or 0) - _NONCE_BITS.get(enc["name"], 0)
        encr = _ENCRYPTION[enc["name"]].format(bits=bits)
    if auth is None:
        return encr, None
    icv = int(auth["icv"] or 96)  # without a length the kernel truncates as the oldest RFCs do
    if auth["name"] not in _HASHES:
        raise _unreadable(head, body, auth["name"])
    return encr, _INTEGRITY.get((auth["name"], icv), f"{auth['name']}-{icv}")
