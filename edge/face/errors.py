"""What can go wrong with faces that a caller must act on."""

from __future__ import annotations

from edge.errors import CannotStart


class NetworkUnavailable(CannotStart):
    """A face network is missing or is not the vetted file: install what the message names, or go without."""
