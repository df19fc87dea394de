"""TLS to the broker: the terminal shows its certificate, and trusts the site's own authority alone."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path

from edge.roster.certificate import BadCertificate, read_certificate

_ANSWER_S = 2.0
_NO_CHECK_TIME = 0x200000
"""X509_V_FLAG_NO_CHECK_TIME of OpenSSL's x509_vfy.h; Python has no name for it."""

_MEANINGS = {
    "Hostname mismatch": "the broker's certificate is for another host name",
    "IP address mismatch": "the broker's certificate is for another address",
    "certificate has expired": "the broker's certificate has expired, or this clock is wrong",
    "certificate is not yet valid": "the broker's certificate is of the future, so this clock is wrong",
    "CERTIFICATE_VERIFY_FAILED": "the broker's certificate is not of this site's authority",
    "ALERT_CERTIFICATE_EXPIRED": "the broker says that this terminal's certificate has expired",
    "ALERT_CERTIFICATE_REVOKED": "the broker says that this terminal's certificate was revoked",
    "ALERT_UNKNOWN_CA": "the broker does not know the authority of this terminal's certificate",
    "CERTIFICATE_REQUIRED": "the broker asks for a certificate, and this terminal has none",
    "WRONG_VERSION_NUMBER": "the broker does not speak TLS on this port",
}


class _TidySocket(ssl.SSLSocket):
    """Closes itself when the handshake fails: paho forgets it then, and it would stay open."""

    def do_handshake(self, block: bool = False) -> None:  # noqa: FBT001, FBT002  as in the standard library
        try:
            super().do_handshake(block)
        except OSError:
            self.close()
            raise


def broker_context(path: Path | None, now_ms: int) -> ssl.SSLContext:
    """How to speak to the broker; without a certificate file, as any program speaks to a public server.

    A terminal without a clock battery may believe in a time before its own certificate was made. It then
    cannot judge the age of the broker's; authority and host name are checked all the same.

    Raises:
        BadCertificate: the file is of no use, or has expired.
    """
    if path is None:
        return _tidy(ssl.create_default_context())
    facts = read_certificate(path)
    if now_ms >= facts.not_after_ms:
        raise BadCertificate(f"this terminal's certificate expired on {facts.not_after:%Y-%m-%d}")
    context = ssl.create_default_context(cadata=facts.authority)
    try:
        context.load_cert_chain(path)
    except (OSError, ValueError) as error:
        raise BadCertificate(f"key and certificate in {path} do not fit: claim the terminal anew") from error
    if now_ms < facts.not_before_ms:
        context.verify_flags |= _NO_CHECK_TIME
    return _tidy(context)


def _tidy(context: ssl.SSLContext) -> ssl.SSLContext:
    context.sslsocket_class = _TidySocket
    return context


def try_handshake(host: str, port: int, context: ssl.SSLContext, timeout_s: float) -> str:
    """Show the certificate to the broker without logging in; the protocol agreed on.

    Raises:
        OSError: nobody answered, or either side disliked the other's certificate.
    """
    with (
        socket.create_connection((host, port), timeout_s) as plain,
        context.wrap_socket(plain, server_hostname=host) as secure,
    ):
        # In TLS 1.3 the broker judges our certificate after the handshake has ended for us.
        secure.settimeout(_ANSWER_S)
        try:
            if not secure.recv(1):
                raise OSError("the broker closed the connection at once")
        except TimeoutError:
            pass
        return secure.version() or ""


def explain(error: str) -> str:
    """What an error of TLS means for whoever looks after the terminal; other errors as they are."""
    return next((meaning for sign, meaning in _MEANINGS.items() if sign in error), error)
