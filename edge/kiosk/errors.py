"""What can go wrong with the kiosk that a caller must act on."""

from __future__ import annotations

from edge.errors import CannotStart


class PortTaken(CannotStart):
    """The kiosk's port cannot be had; the message says which and why."""
