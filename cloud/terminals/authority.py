"""The site's own certificate authority: one P-256 key in the service's state directory.

It says which terminal a broker speaks to (common name = terminal id), and to terminals which broker is
theirs. Nobody outside has to trust it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from cloud.errors import CloudError
from cloud.terminals.ownership import give_to_owner
from models.clock import from_ms, to_ms

_FILE = "authority.pem"
_PRIVATE = 0o600
_NAME = "Kaoqin site authority"
_BACKDATED = timedelta(hours=1)
"""A terminal's clock may be a little behind ours."""

_AUTHORITY_LIFE = timedelta(days=7300)
BROKER_LIFE = timedelta(days=825)
"""Of the broker's and the workers' certificates."""


class AuthorityUnusable(CloudError):
    """The authority's file cannot be read or made; the message says why."""


@dataclass(frozen=True, slots=True)
class BadRequest:
    """A signing request that cannot be granted, and why."""

    reason: str


@dataclass(frozen=True, slots=True)
class Request:
    """A signing request whose sender holds the key; of what it says, only the key counts."""

    key: ec.EllipticCurvePublicKey

    @property
    def key_hash(self) -> str:
        """Which key it is."""
        return sha256(self.key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate that was just made. ``fingerprint``: SHA-256 of its DER form."""

    pem: str
    serial: str
    fingerprint: str
    not_after_ms: int


def read_request(csr: str) -> Request | BadRequest:
    """The request in ``csr`` (PEM)."""
    try:
        request = x509.load_pem_x509_csr(csr.encode())
        is_signed = request.is_signature_valid
    except (ValueError, InvalidSignature) as error:
        return BadRequest(f"no certificate request in PEM: {error}")
    key = request.public_key()
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        return BadRequest("the key must be of the curve P-256")
    return Request(key) if is_signed else BadRequest("the request is not signed by its own key")


def new_key() -> tuple[Request, bytes]:
    """A key made here, for the broker and the workers, and its PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    return Request(key.public_key()), _key_pem(key)


class Authority:
    """Signs certificates and revocation lists."""

    def __init__(self, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> None:
        self._key = key
        self._certificate = certificate
        self.pem = certificate.public_bytes(Encoding.PEM).decode()

    @classmethod
    def open(cls, state: Path, now_ms: int) -> Authority:
        """The authority in the state directory, made if there is none.

        Raises:
            AuthorityUnusable: the file is damaged, or cannot be read or written.
        """
        path = state / _FILE
        try:
            if not path.exists():
                _make(path, now_ms)
            content = path.read_bytes()
            key = load_pem_private_key(content, None)
            certificate = x509.load_pem_x509_certificate(content)
        except OSError as error:
            raise AuthorityUnusable(f"the site's authority {path}: {error.strerror}") from error
        except ValueError as error:
            raise AuthorityUnusable(f"the site's authority {path} is damaged: restore it: {error}") from error
        if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != certificate.public_key():
            raise AuthorityUnusable(f"the site's authority {path} is damaged: its key is of something else")
        return cls(key, certificate)

    def certify_client(self, name: str, request: Request, now_ms: int, life: timedelta) -> Issued:
        """A certificate with which ``name`` logs in to the broker."""
        return self._sign(name, request, now_ms, life, ExtendedKeyUsageOID.CLIENT_AUTH)

    def certify_server(self, hosts: Iterable[str], request: Request, now_ms: int) -> Issued:
        """A certificate of a broker that is reached at ``hosts``, names or addresses."""
        named = list(hosts)
        usage = ExtendedKeyUsageOID.SERVER_AUTH
        return self._sign(named[0], request, now_ms, BROKER_LIFE, usage, [_host(one) for one in named])

    def revocation_list(self, revoked: Iterable[tuple[str, int]], now_ms: int) -> bytes:
        """A signed list (PEM) of serials and the instants they were revoked at.

        Its end is that of the authority: a broker refuses everybody when a list is out of date, and this one
        is written anew whenever something is revoked.
        """
        now = from_ms(now_ms)
        builder = x509.CertificateRevocationListBuilder(
            self._certificate.subject, now, self._certificate.not_valid_after_utc
        )
        for serial, revoked_ms in revoked:
            builder = builder.add_revoked_certificate(
                x509.RevokedCertificateBuilder(int(serial, 16), from_ms(revoked_ms)).build()
            )
        return builder.sign(self._key, SHA256()).public_bytes(Encoding.PEM)

    def _sign(
        self,
        name: str,
        request: Request,
        now_ms: int,
        life: timedelta,
        usage: x509.ObjectIdentifier,
        hosts: Iterable[x509.GeneralName] = (),
    ) -> Issued:
        begin = from_ms(now_ms) - _BACKDATED
        end = min(from_ms(now_ms) + life, self._certificate.not_valid_after_utc)
        authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        builder = (
            x509.CertificateBuilder(self._certificate.subject, _named(name), request.key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(begin)
            .not_valid_after(end)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(request.key), critical=False)
            .add_extension(authority, critical=False)
        )
        if names := list(hosts):
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        made = builder.sign(self._key, SHA256())
        return Issued(
            made.public_bytes(Encoding.PEM).decode(),
            f"{made.serial_number:x}",
            made.fingerprint(SHA256()).hex(),
            to_ms(made.not_valid_after_utc),
        )


def is_signed_by(certificate: str, signature: bytes, signed: bytes) -> bool:
    """Whether whoever made ``signature`` holds the key of ``certificate`` (PEM, P-256)."""
    key = x509.load_pem_x509_certificate(certificate.encode()).public_key()
    if not isinstance(key, ec.EllipticCurvePublicKey):
        return False
    try:
        key.verify(signature, signed, ec.ECDSA(SHA256()))
    except InvalidSignature:
        return False
    return True


def _make(path: Path, now_ms: int) -> None:
    """Make the authority, unless another process was quicker."""
    key = ec.generate_private_key(ec.SECP256R1())
    begin = from_ms(now_ms) - timedelta(days=1)
    certificate = (
        x509.CertificateBuilder(_named(_NAME), _named(_NAME), key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + _AUTHORITY_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, SHA256())
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, _PRIVATE)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(_key_pem(key) + certificate.public_bytes(Encoding.PEM))
            file.flush()
            os.fsync(file.fileno())
        give_to_owner(fresh)
        try:
            os.link(fresh, path)
        except FileExistsError:
            return
    finally:
        fresh.unlink()


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:64])])


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs,
        crl_sign=signs,
        encipher_only=False,
        decipher_only=False,
    )
