"""Certificates of a test authority: what an end needs to authenticate, and no more."""

from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key, pkcs12

from harness.crypto.certificates import Authority

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
END = Authority("test authority", NOW).issue("one.interop.test")


def loaded(pem: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate(pem.encode())


def test_the_authority_issued_the_certificate_and_may():
    end, authority = loaded(END.certificate), loaded(END.authority)
    end.verify_directly_issued_by(authority)
    assert authority.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert not end.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    with pytest.raises(InvalidSignature):
        end.verify_directly_issued_by(loaded(Authority("test authority", NOW).issue("x.test").authority))


def test_the_identity_is_the_subject_alternative_name():
    names = loaded(END.certificate).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["one.interop.test"]


def test_the_key_is_on_p256_and_the_certificates():
    key = load_pem_private_key(END.private_key.encode(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1)
    assert key.public_key() == loaded(END.certificate).public_key()
    assert END.private_key not in repr(END)


def test_it_is_valid_around_now_and_knows_its_size():
    end = loaded(END.certificate)
    assert end.not_valid_before_utc < NOW < end.not_valid_after_utc
    assert 300 < END.octets < 800


def test_pkcs12_holds_both_under_their_name():
    bundle = pkcs12.load_pkcs12(END.pkcs12("case-7", "secret"), b"secret")
    assert bundle.cert is not None and bundle.cert.friendly_name == b"case-7"
    assert bundle.cert.certificate == loaded(END.certificate)
    with pytest.raises(ValueError, match="password"):
        pkcs12.load_pkcs12(END.pkcs12("case-7", "secret"), b"other")
