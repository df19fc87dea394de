"""The terminal's certificate for the broker, and the key of it, which never leaves this machine.

One file holds key, certificate and the site's authority, so that they change together or not at all. A key
that waits for its certificate is a file of its own: asked about it twice, the cloud gives the same
certificate twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID

from edge.errors import CannotStart
from edge.roster.files import replace_file
from models.clock import from_ms, to_ms
from models.ids import TerminalId
from models.wire.proof import renewal_bytes

_PENDING = "certificate-next.key"
_PRIVATE = 0o600
_NAME = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "kaoqin terminal")])


class BadCertificate(Exception):
    """The certificate file is of no use; the message says why and what happens next."""


@dataclass(frozen=True, slots=True)
class CertificateFacts:
    """What a terminal's certificate says.

    Attributes:
        authority: the certificate that signed it, PEM.
    """

    terminal_id: str
    serial: str
    not_before_ms: int
    not_after_ms: int
    authority: str

    @property
    def renew_ms(self) -> int:
        """When two thirds of its life are over, and a new one is due."""
        return self.not_before_ms + (self.not_after_ms - self.not_before_ms) * 2 // 3

    @property
    def not_after(self) -> datetime:
        """When it ends."""
        return from_ms(self.not_after_ms)


def certificate_path(state: Path, terminal_id: TerminalId) -> Path:
    """Where this terminal's certificate is; another claim has another file."""
    return state / f"certificate-{terminal_id}.pem"


def read_certificate(path: Path) -> CertificateFacts:
    """What is in the file.

    Raises:
        BadCertificate: it is not there, or not whole.
    """
    try:
        own, authority = x509.load_pem_x509_certificates(path.read_bytes())
        name = own.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value
    except OSError as error:
        raise BadCertificate(f"cannot read the certificate {path}: {error.strerror}") from error
    except (ValueError, IndexError) as error:
        raise BadCertificate(f"the certificate {path} is damaged: claim the terminal anew") from error
    return CertificateFacts(
        str(name),
        f"{own.serial_number:x}",
        to_ms(own.not_valid_before_utc),
        to_ms(own.not_valid_after_utc),
        authority.public_bytes(Encoding.PEM).decode(),
    )


def make_request(state: Path) -> str:
    """A signing request (PEM) of the key that waits for its certificate, made if none does.

    Raises:
        CannotStart: the folder cannot be written.
    """
    path = state / _PENDING
    key = _pending(path)
    if key is None:
        key = ec.generate_private_key(ec.SECP256R1())
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        try:
            replace_file(path, pem, _PRIVATE)
        except OSError as error:
            raise CannotStart(f"cannot write {path}: {error.strerror}") from error
    request = x509.CertificateSigningRequestBuilder(_NAME).sign(key, SHA256())
    return request.public_bytes(Encoding.PEM).decode()


def adopt(state: Path, terminal_id: TerminalId, certificate: str, authority: str) -> Path:
    """Use ``certificate`` from now on, with the key that waited for it; what was before is gone.

    Raises:
        BadCertificate: it is not of that key, or not of this terminal; nothing changed.
        CannotStart: the folder cannot be written.
    """
    pending, path = state / _PENDING, certificate_path(state, terminal_id)
    key = _pending(pending)
    try:
        own = x509.load_pem_x509_certificate(certificate.encode())
        x509.load_pem_x509_certificate(authority.encode())
    except ValueError as error:
        raise BadCertificate(f"the cloud sent what is no certificate: {error}") from error
    if key is None or own.public_key() != key.public_key() or own.subject != _name(terminal_id):
        raise BadCertificate("the cloud sent a certificate of another key or terminal")
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    try:
        replace_file(path, f"{pem}{certificate}{authority}".encode(), _PRIVATE)
        for old in state.glob("certificate-*"):
            if old != path:
                old.unlink()
    except OSError as error:
        raise CannotStart(f"cannot write {path}: {error.strerror}") from error
    return path


def prove(path: Path, csr: str) -> bytes:
    """The signature that goes with ``csr``, by the key in the file.

    Raises:
        BadCertificate: there is no key in it.
    """
    try:
        key = load_pem_private_key(path.read_bytes(), None)
    except (OSError, ValueError) as error:
        raise BadCertificate(f"the key in {path} is damaged: claim the terminal anew") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise BadCertificate(f"the key in {path} is of another kind: claim the terminal anew")
    return key.sign(renewal_bytes(read_certificate(path).serial, csr), ec.ECDSA(SHA256()))


def _pending(path: Path) -> ec.EllipticCurvePrivateKey | None:
    """The key that waits, None if none does; half a key is as good as none."""
    try:
        key = load_pem_private_key(path.read_bytes(), None)
    except (OSError, ValueError):
        return None
    return key if isinstance(key, ec.EllipticCurvePrivateKey) else None


def _name(terminal_id: TerminalId) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, terminal_id)])
