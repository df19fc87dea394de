"""TLS from a worker to the broker."""

from __future__ import annotations

import ssl
from datetime import datetime
from hashlib import sha256
from pathlib import Path

from cryptography import x509

from cloud.errors import CloudError


class BadWorkerCertificate(CloudError, OSError):
    """The worker's certificate file cannot be used; the message says why."""


class _TidySocket(ssl.SSLSocket):
    """Closes itself when the handshake fails: nobody has it in hand then, and it would stay open."""

    def do_handshake(self, block: bool = False) -> None:  # noqa: FBT001, FBT002  as in the standard library
        try:
            super().do_handshake(block)
        except OSError:
            self.close()
            raise


def worker_context(path: Path | None) -> ssl.SSLContext:
    """With a file of key, certificate and authority: this authority alone is trusted, and we show ours.

    Without one, as any program speaks to a public server.

    Raises:
        BadWorkerCertificate: the file cannot be read, or is not whole.
    """
    if path is None:
        context = ssl.create_default_context()
        context.sslsocket_class = _TidySocket
        return context
    try:
        text = path.read_text()
        context = ssl.create_default_context(cadata=text[text.rindex("-----BEGIN CERTIFICATE") :])
        context.load_cert_chain(path)
    except OSError as error:
        reason = error.strerror or str(error)
        raise BadWorkerCertificate(f"cannot use {path}: {reason}: run kaoqin-cloud broker config") from error
    except ValueError as error:
        raise BadWorkerCertificate(f"{path} is damaged: run kaoqin-cloud broker config") from error
    context.sslsocket_class = _TidySocket
    return context


def share_group(path: Path | None) -> str:
    """The name under which the workers share what comes in: with a certificate, one that only they can know.

    mosquitto lets any client join any group and filters on delivery, so that a terminal which knew the name
    would swallow a part of everybody's punches.
    """
    if path is None:
        return "ingest"
    text = path.read_text()
    return f"ingest-{sha256(text[: text.index('-----BEGIN CERTIFICATE')].encode()).hexdigest()[:32]}"


def certificate_end(path: Path) -> datetime:
    """Until when the certificate of a worker is good.

    Raises:
        BadWorkerCertificate: the file cannot be read, or is not whole.
    """
    worker_context(path)
    return x509.load_pem_x509_certificate(path.read_bytes()).not_valid_after_utc
