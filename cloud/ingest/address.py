"""Where the broker is: ``embedded://127.0.0.1:1883``, ``mqtt://host``, ``mqtts://user:password@host:8883``."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import unquote, urlsplit

from cloud.errors import CloudError

_PORTS = {"embedded": 0, "mqtt": 1883, "mqtts": 8883}


class BadBrokerUrl(CloudError):
    """The address of the broker cannot be used; the message says why."""


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """A parsed broker URL; port 0: any free one (embedded only).

    ``certificate``: file of the key, certificate and authority with which we log in, instead of a password.
    """

    scheme: str
    host: str
    port: int
    user: str | None = None
    password: str | None = None
    certificate: Path | None = None

    @property
    def embedded(self) -> bool:
        """Whether the broker is ours to start."""
        return self.scheme == "embedded"

    @property
    def public_url(self) -> str:
        """The URL a terminal on the same network uses, without secrets."""
        return f"{'mqtts' if self.scheme == 'mqtts' else 'mqtt'}://{self.host}:{self.port}"


def parse(url: str, certificate: Path | None = None) -> BrokerAddress:
    """The address in ``url``; ``certificate`` counts for ``mqtts://`` without a user.

    Raises:
        BadBrokerUrl: unknown scheme, no host, bad port, or an embedded broker beyond this machine.
    """
    parts = urlsplit(url)
    if parts.scheme not in _PORTS:
        raise BadBrokerUrl(f"broker URL {url!r}: begin with embedded://, mqtt:// or mqtts://")
    try:
        port = parts.port
    except ValueError as error:
        raise BadBrokerUrl(f"broker URL {url!r}: {error}") from error
    host = parts.hostname or ("127.0.0.1" if parts.scheme == "embedded" else "")
    if not host:
        raise BadBrokerUrl(f"broker URL {url!r} names no host")
    if parts.scheme == "embedded" and not _loopback(host):
        raise BadBrokerUrl(f"the embedded broker is for this machine only, not {host}: name an external one")
    return BrokerAddress(
        parts.scheme,
        host,
        port if port is not None else _PORTS[parts.scheme],
        unquote(parts.username) if parts.username else None,
        unquote(parts.password) if parts.password else None,
        certificate if parts.scheme == "mqtts" and not parts.username else None,
    )


def _loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
