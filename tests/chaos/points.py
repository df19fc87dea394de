"""The crash points of the product, by who reaches them."""

from __future__ import annotations

POINTS: dict[str, tuple[str, ...]] = {
    "terminal": (
        "punch_before_insert",
        "punch_inserted",
        "punch_committed",
        "punch_shown",
        "batch_before_publish",
        "batch_published",
        "ack_received",
        "ack_marked",
    ),
    "retention": ("retention_deleted", "retention_committed"),
    "ledger": ("ledger_migrated",),
    "roster": ("file_written", "file_replaced"),
    "cloud": (
        "message_received",
        "ingest_before_begin",
        "ingest_inserted",
        "ingest_committed",
        "ingest_flushed",
        "ingest_acked",
        "ingest_pubacked",
    ),
    "migration": ("migration_applied", "migration_committed"),
}
"""Terminal and cloud in the order of a punch's way; the others while something is set up or tidied."""

ALL = tuple(name for names in POINTS.values() for name in names)
