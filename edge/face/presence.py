"""Whether somebody stands before the camera."""

from __future__ import annotations

from enum import Enum


class Presence(Enum):
    """Somebody is near enough to be judged, or nobody is any more."""

    NEAR = "near"
    GONE = "gone"
