"""TLS from a worker to the broker."""

from __future__ import annotations

import ssl
from datetime import datetime
from pathlib import Path

from cryptography import x509


class BadWorkerCertificate(OSError):
    """The worker's certificate file cannot be used; the message says why."""


def worker_context(path: Path | None) -> ssl.SSLContext:
    """With a file of key, certificate and authority: this authority alone is trusted, and we show ours.

    Without one, as any program speaks to a public server.

    Raises:
        BadWorkerCertificate: the file cannot be read, or is not whole.
    """
    if path is None:
        return ssl.create_default_context()
    try:
        text = path.read_text()
        context = ssl.create_default_context(cadata=text[text.rindex("-----BEGIN CERTIFICATE") :])
        context.load_cert_chain(path)
    except OSError as error:
        reason = error.strerror or str(error)
        raise BadWorkerCertificate(f"cannot use {path}: {reason}: run kaoqin-cloud broker config") from error
    except ValueError as error:
        raise BadWorkerCertificate(f"{path} is damaged: run kaoqin-cloud broker config") from error
    return context


def certificate_end(path: Path) -> datetime:
    """Until when the certificate of a worker is good.

    Raises:
        BadWorkerCertificate: the file cannot be read, or is not whole.
    """
    worker_context(path)
    return x509.load_pem_x509_certificate(path.read_bytes()).not_valid_after_utc
