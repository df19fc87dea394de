"""What can go wrong with the sensor that a caller must act on."""

from __future__ import annotations

from edge.errors import TryAgain


class SensorUnavailable(TryAgain):
    """The sensor cannot be reached or used now; the message says why."""
