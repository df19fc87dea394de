"""What keeps a command from being done; the command line says the message and exits with 2."""

from __future__ import annotations

from cloud.errors import CloudError


class CannotBeDone(CloudError):
    """A person has to change something first; the message says what."""


class PortTaken(CannotBeDone):
    """Nothing can be served at this address."""


class BadExport(CannotBeDone):
    """The report cannot be written as asked."""


class NoBroker(CannotBeDone):
    """The embedded broker cannot run."""
