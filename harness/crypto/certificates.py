"""X.509 certificates for authentication by digital signature (RFC 7296 section 2.15, RFC 7427): ECDSA on P-256."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
    pkcs12,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_MARGIN = timedelta(hours=1)  # clocks of guests may be behind
_LIFETIME = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class EndCertificate:
    """An end's certificate for one identity, with its key and the certificate of the authority that issued it."""

    authority: str  # PEM
    certificate: str  # PEM
    private_key: str = field(repr=False)  # PEM, as SEC 1 has it
    octets: int = 0  # of the certificate in DER, as a CERT payload carries it

    def pkcs12(self, name: str, password: str) -> bytes:
        """Certificate and key under a friendly name, for stores that take nothing else."""
        key = _ec_key(self.private_key)
        certificate = x509.load_pem_x509_certificate(self.certificate.encode())
        return pkcs12.serialize_key_and_certificates(
            name.encode(), key, certificate, None, BestAvailableEncryption(password.encode())
        )


class Authority:
    """A certification authority for tests, made at ``now``. Its key never leaves the process."""

    def __init__(self, name: str, now: datetime) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self._now = now
        usage = _usage(key_cert_sign=True, crl_sign=True, digital_signature=False)
        builder = self._builder(self._name, self._key.public_key())
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        self._certificate = builder.add_extension(usage, critical=True).sign(self._key, hashes.SHA256())

    def issue(self, identity: str) -> EndCertificate:
        """A certificate for a domain name, which is its subject alternative name (RFC 7296 section 3.5)."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, identity)])
        usage = _usage(key_cert_sign=False, crl_sign=False, digital_signature=True)
        purposes = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])
        certificate = (
            self._builder(name, key.public_key())
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(identity)]), critical=False)
            .add_extension(usage, critical=True)
            .add_extension(purposes, critical=False)
            .sign(self._key, hashes.SHA256())
        )
        private = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()
        octets = len(certificate.public_bytes(Encoding.DER))
        return EndCertificate(_pem(self._certificate), _pem(certificate), private, octets)

    def _builder(self, subject: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(self._now - _MARGIN)
            .not_valid_after(self._now + _LIFETIME)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
        )


def _ec_key(pem: str) -> ec.EllipticCurvePrivateKey:
    """A private key from its PEM text."""
    key = load_pem_private_key(pem.encode(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return key


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(Encoding.PEM).decode()


def _usage(*, key_cert_sign: bool, crl_sign: bool, digital_signature: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature, key_cert_sign=key_cert_sign, crl_sign=crl_sign, content_commitment=False,
        key_encipherment=False, data_encipherment=False, key_agreement=False, encipher_only=False, decipher_only=False,
    )  # fmt: skip
