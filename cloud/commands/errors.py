"""What keeps a command from being done; the command line says the message and exits with 2."""

from __future__ import annotations

from cloud.errors import CloudError


class PortTaken(CloudError):
    """Nothing can be served at this address."""


class BadExport(CloudError):
    """The report cannot be written as asked."""


class NoBroker(CloudError):
    """The embedded broker cannot run."""


class ProcessLost(CloudError):
    """A process that did a part of the work was killed."""
