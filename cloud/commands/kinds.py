"""What ``import`` takes; ``importing`` knows how."""

from __future__ import annotations

IMPORTED = (
    "calendar",
    "correction",
    "leave",
    "outing",
    "overtime",
    "people",
    "punches",
    "roster",
    "trip",
)
