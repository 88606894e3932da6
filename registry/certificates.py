"""The certificates of a development installation: a root, an issuing authority, and the two leaves under it.

Every subject says that it is for development. Nothing here signs for production: there, the operator brings
certificates of an authority that readers trust already.
"""

from __future__ import annotations

import datetime as dt

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

DEVELOPMENT_MARK = "DEVELOPMENT – not for production"

_CLOCK_SKEW = dt.timedelta(hours=1)
_CRL_LIFE = dt.timedelta(days=30)


def root_certificate(key: ec.EllipticCurvePrivateKey, now: dt.datetime) -> x509.Certificate:
    """A self-signed root, good for ten years, that may certify one level of authorities."""
    builder = _builder(_name("Assay root"), _name("Assay root"), key, key, now, days=3650)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=1), critical=True)
    return builder.add_extension(_key_usage("key_cert_sign", "crl_sign"), critical=True).sign(key, hashes.SHA256())


def issuing_certificate(
    key: ec.EllipticCurvePrivateKey, root: x509.Certificate, root_key: ec.EllipticCurvePrivateKey, now: dt.datetime
) -> x509.Certificate:
    """The authority that certifies the leaves, good for five years."""
    builder = _builder(_name("Assay issuing authority"), root.subject, key, root_key, now, days=1825)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    usage = _key_usage("key_cert_sign", "crl_sign")
    return builder.add_extension(usage, critical=True).sign(root_key, hashes.SHA256())


def seal_certificate(
    key: ec.EllipticCurvePrivateKey, issuer: x509.Certificate, issuer_key: ec.EllipticCurvePrivateKey, now: dt.datetime
) -> x509.Certificate:
    """The report seal: digitalSignature and nonRepudiation, and no extended usage.

    Readers that know only `documentSigning` by its newer identifier distrust a seal restricted to it.
    """
    builder = _builder(_name("Assay report seal"), issuer.subject, key, issuer_key, now, days=730)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    usage = _key_usage("digital_signature", "content_commitment")
    return builder.add_extension(usage, critical=True).sign(issuer_key, hashes.SHA256())


def timestamp_certificate(
    key: ec.EllipticCurvePrivateKey, issuer: x509.Certificate, issuer_key: ec.EllipticCurvePrivateKey, now: dt.datetime
) -> x509.Certificate:
    """The timestamp authority: as RFC 3161 2.3 asks, critically restricted to timestamping."""
    builder = _builder(_name("Assay timestamp authority"), issuer.subject, key, issuer_key, now, days=1825)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(_key_usage("digital_signature"), critical=True)
    usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING])
    return builder.add_extension(usage, critical=True).sign(issuer_key, hashes.SHA256())


def revocation_list(
    issuer: x509.Certificate, issuer_key: ec.EllipticCurvePrivateKey, now: dt.datetime
) -> x509.CertificateRevocationList:
    """An authority's statement, good for thirty days, that it has revoked nothing. Its number grows with the clock."""
    builder = x509.CertificateRevocationListBuilder(issuer.subject, now - dt.timedelta(minutes=1), now + _CRL_LIFE)
    builder = builder.add_extension(x509.CRLNumber(int(now.timestamp() * 1000)), critical=False)
    builder = builder.add_extension(_authority_key_id(issuer), critical=False)
    return builder.sign(issuer_key, hashes.SHA256())


def is_marked_development(certificate: x509.Certificate) -> bool:
    """Whether the subject says that it is for development."""
    units = certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATIONAL_UNIT_NAME)
    return any(unit.value == DEVELOPMENT_MARK for unit in units)


def _name(common: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Assay"),
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, DEVELOPMENT_MARK),
            x509.NameAttribute(NameOID.COMMON_NAME, f"{common} (DEVELOPMENT)"),
        ]
    )


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    issuer_key: ec.EllipticCurvePrivateKey,
    now: dt.datetime,
    *,
    days: int,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCK_SKEW)
        .not_valid_after(now + dt.timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
    )


def _authority_key_id(issuer: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    identifier = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier)


def _key_usage(*allowed: str) -> x509.KeyUsage:
    names = (
        "digital_signature",
        "content_commitment",
        "key_encipherment",
        "data_encipherment",
        "key_agreement",
        "key_cert_sign",
        "crl_sign",
        "encipher_only",
        "decipher_only",
    )
    return x509.KeyUsage(**{name: name in allowed for name in names})
