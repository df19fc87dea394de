"""TLS to the broker: the terminal shows its certificate, and trusts the site's own authority alone."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from models.clock import from_ms, to_ms

_NO_CHECK_TIME = 0x200000
"""X509_V_FLAG_NO_CHECK_TIME of OpenSSL's x509_vfy.h; Python has no name for it."""

_MEANINGS = {
    "Hostname mismatch": "the broker's certificate is for another host name",
    "IP address mismatch": "the broker's certificate is for another address",
    "CERTIFICATE_VERIFY_FAILED": "the broker's certificate is not of this site's authority",
    "ALERT_CERTIFICATE_EXPIRED": "the broker says that this terminal's certificate has expired",
    "ALERT_CERTIFICATE_REVOKED": "the broker says that this terminal's certificate was revoked",
    "ALERT_UNKNOWN_CA": "the broker does not know the authority of this terminal's certificate",
    "CERTIFICATE_REQUIRED": "the broker asks for a certificate, and this terminal has none: claim it anew",
    "WRONG_VERSION_NUMBER": "the broker does not speak TLS on this port",
}


class BadCertificate(Exception):
    """The certificate file is of no use; the message says why and what happens next."""


@dataclass(frozen=True, slots=True)
class CertificateFacts:
    """What a terminal's certificate says.

    Attributes:
        renew_ms: when two thirds of its life are over.
        authority: the certificate that signed it, PEM.
    """

    terminal_id: str
    serial: str
    not_before_ms: int
    not_after_ms: int
    authority: str

    @property
    def renew_ms(self) -> int:
        """When a new one is due."""
        return self.not_before_ms + (self.not_after_ms - self.not_before_ms) * 2 // 3

    @property
    def not_after(self) -> datetime:
        """When it ends."""
        return from_ms(self.not_after_ms)


def read_certificate(path: Path) -> CertificateFacts:
    """What is in the file of key, certificate and authority.

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
    pem = authority.public_bytes(Encoding.PEM).decode()
    return CertificateFacts(
        str(name),
        f"{own.serial_number:x}",
        to_ms(own.not_valid_before_utc),
        to_ms(own.not_valid_after_utc),
        pem,
    )


def broker_context(path: Path | None, now_ms: int) -> ssl.SSLContext:
    """How to speak to the broker; without a certificate file, as any program speaks to a public server.

    A terminal without a clock battery may believe in a time before its own certificate was made. It then
    cannot judge the age of the broker's; authority and host name are checked all the same.

    Raises:
        BadCertificate: the file is of no use, or has expired.
    """
    if path is None:
        return ssl.create_default_context()
    facts = read_certificate(path)
    if now_ms >= facts.not_after_ms:
        raise BadCertificate(f"the certificate expired on {facts.not_after:%Y-%m-%d}: the cloud renews it")
    context = ssl.create_default_context(cadata=facts.authority)
    try:
        context.load_cert_chain(path)
    except (OSError, ValueError) as error:
        raise BadCertificate(
            f"the key in {path} does not fit its certificate: claim the terminal anew"
        ) from error
    if now_ms < facts.not_before_ms:
        context.verify_flags |= _NO_CHECK_TIME
    return context


def explain(error: str) -> str:
    """What an error of TLS means for whoever looks after the terminal; other errors as they are."""
    for sign, meaning in _MEANINGS.items():
        if sign in error:
            return f"{meaning} ({sign.lower()})"
    return error
