"""The crash points of the product, by who reaches them."""

from __future__ import annotations

POINTS: dict[str, tuple[str, ...]] = {
    "terminal": ("punch_shown",),
    "roster": ("file_written", "file_replaced"),
    "migration": ("migration_applied", "migration_committed"),
}
"""Terminal and cloud in the order of a punch's way; the others while something is set up or tidied."""

ALL = tuple(name for names in POINTS.values() for name in names)
