"""What a connection to the cloud is to the uplink, whichever way it goes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from models.ids import TerminalId
from models.wire.topics import Channel


@dataclass(frozen=True, slots=True)
class Login:
    """Who the terminal is, and where the cloud is.

    Attributes:
        token: its secret, for HTTPS and for a broker that knows passwords.
        certificate: file of key, certificate and the site's authority; None: the broker asks for none.
        cloud_url: where punches go while the broker is of no use; empty: nowhere.
    """

    terminal_id: TerminalId
    token: str
    broker_url: str
    certificate: Path | None = None
    cloud_url: str = ""


class LinkListener(Protocol):
    """Called from the link's own thread: hand the news on and return."""

    def up(self) -> None:
        """Connected; what the cloud says is heard from now on."""

    def down(self, reason: str) -> None:
        """The connection is over, was refused, or could not be made."""

    def heard(self, channel: Channel, payload: bytes) -> None:
        """The cloud, or what its broker kept, said something."""


class Link(Protocol):
    """One connection, thrown away when it breaks."""

    def open(self) -> None:
        """Begin to connect; ``up`` or ``down`` follows."""

    def publish(self, channel: Channel, payload: bytes, *, retain: bool = False) -> bool:
        """Send; False if the link could not take it."""

    def farewell(self, payload: bytes, timeout_s: float) -> None:
        """Say the last state and wait a little until it is on its way."""

    def close(self) -> None:
        """Disconnect and end the link's thread; not from a callback."""
