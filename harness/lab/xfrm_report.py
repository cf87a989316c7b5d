"""``ip -s xfrm state`` of a kernel: the ESP SAs it really has, with its own counters."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from harness.evidence.peer_report import ChildReport

COMMAND = "ip -s xfrm state"

# The kernel's name of an algorithm, and ours; {bits} is the cipher's key length.
_ENCRYPTION = {
    "cbc(aes)": "aes-{bits}-cbc",
    "cbc(des3_ede)": "3des",
    "ecb(cipher_null)": "null",
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
}
_NONCE_BITS = {"rfc3686(ctr(aes))": 32, "rfc4106(gcm(aes))": 32, "rfc4309(ccm(aes))": 24}

_HEAD = re.compile(r"^src (?P<source>\S+) dst (?P<destination>\S+)$", re.MULTILINE)
_SPI = re.compile(r"proto esp spi 0x(?P<spi>[0-9a-f]{8}).* mode (?P<mode>\w+)")
_AEAD = re.compile(r"\baead (?P<name>\S+) \S+ \((?P<bits>\d+) bits\) (?P<icv>\d+)")
_ENC = re.compile(r"\benc (?P<name>\S+)(?: \S+ \((?P<bits>\d+) bits\))?")
_AUTH = re.compile(r"\bauth(?:-trunc)? (?P<name>\S+) \S+ \((?P<bits>\d+) bits\)(?: (?P<icv>\d+))?")
_CURRENT = re.compile(r"lifetime current:\s+(?P<bytes>\d+)\(bytes\), (?P<packets>\d+)\(packets\)")
_KEY = re.compile(r"0x[0-9a-f]+(?= \(\d+ bits\))")


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


def parse(text: str) -> tuple[KernelSa, ...]:
    """The ESP SAs in the output of ``ip -s xfrm state``, in its order."""
    heads = list(_HEAD.finditer(text))
    bodies = _HEAD.split(text)[_HEAD.groups + 1 :: _HEAD.groups + 1]
    found = (_sa(head, body) for head, body in zip(heads, bodies, strict=True))
    return tuple(sa for sa in found if sa is not None)


def without_keys(text: str) -> str:
    """The same output with every key left out, as it may be stored."""
    return _KEY.sub("(key)", text)


def child_report(name: str, sas: Iterable[KernelSa], spi_in: str, spi_out: str) -> ChildReport | None:
    """A Child SA of two kernel SAs, found by their SPIs; None unless the kernel has both."""
    by_spi = {sa.spi: sa for sa in sas}
    inbound, outbound = by_spi.get(spi_in), by_spi.get(spi_out)
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


def _sa(head: re.Match[str], body: str) -> KernelSa | None:
    spi = _SPI.search(body)
    if spi is None:
        return None
    current = _CURRENT.search(body)
    encr, integ = _algorithms(body)
    return KernelSa(
        source=head["source"], destination=head["destination"], spi=spi["spi"], mode=spi["mode"].upper(),
        encr=encr, integ=integ, udp_encapsulated="encap type espinudp" in body,
        esn=bool(re.search(r"flag [^(\n]*\besn\b", body)),
        packets=int(current["packets"]) if current else 0, bytes=int(current["bytes"]) if current else 0,
    )  # fmt: skip


def _algorithms(body: str) -> tuple[str, str | None]:
    """ENCR and INTEG in our spelling; the kernel's own name where we have none."""
    if aead := _AEAD.search(body):
        name, icv = aead["name"], int(aead["icv"])
        bits = int(aead["bits"]) - _NONCE_BITS.get(name, 0)
        pattern = _AEAD_WITH_ICV.get(name) or _ENCRYPTION.get(name, name)
        return pattern.format(bits=bits, icv=icv // 8), None
    enc, auth = _ENC.search(body), _AUTH.search(body)
    encr = ""
    if enc:
        bits = int(enc["bits"] or 0) - _NONCE_BITS.get(enc["name"], 0)
        encr = _ENCRYPTION.get(enc["name"], enc["name"]).format(bits=bits)
    if auth is None:
        return encr, None
    icv = int(auth["icv"] or 96)  # without a length the kernel truncates as the oldest RFCs do
    return encr, _INTEGRITY.get((auth["name"], icv), f"{auth['name']}-{icv}")
