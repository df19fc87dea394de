"""Punches that were made and can never arrive, as ranges: nobody waits for them, and everybody sees them.

A gap closes by itself if a punch of it arrives after all.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection

from cloud.db import direct
from cloud.db.bulk import Into, insert_rows
from models.ranges import Ranges, Span

NO_LONGER_KEPT = "no_longer_kept"
"""Why: the terminal has deleted them, long after they were acknowledged."""
LOST = "lost"
"""... they were in a ledger, or an end of one, that the terminal has lost."""

_KEY = ("terminal_id", "stream_id")
_LOAD = "SELECT terminal_id, stream_id, first_seq, last_seq FROM gaps WHERE"
_LOAD_FINAL = f"{_LOAD} reason = '{NO_LONGER_KEPT}' AND"
_FORGET = "DELETE FROM gaps WHERE terminal_id = ? AND stream_id = ?"
_INTO = Into("gaps", ("terminal_id", "stream_id", "first_seq", "last_seq", "reason", "found_ms"))


def load(connection: Connection, keys: Sequence[tuple[str, bytes]]) -> dict[tuple[str, bytes], Ranges]:
    """The gaps of those streams that have any."""
    return _load(connection, _LOAD, keys)


def load_final(connection: Connection, keys: Sequence[tuple[str, bytes]]) -> dict[tuple[str, bytes], Ranges]:
    """Only what a terminal has deleted by its own word; what seems lost may be on a copy of its card."""
    return _load(connection, _LOAD_FINAL, keys)


def _load(
    connection: Connection, query: str, keys: Sequence[tuple[str, bytes]]
) -> dict[tuple[str, bytes], Ranges]:
    spans: dict[tuple[str, bytes], list[Span]] = {}
    for terminal, stream, first, last in direct.rows_of(connection, query, _KEY, keys):
        spans.setdefault((terminal, stream), []).append((first, last))
    return {key: Ranges.of(each) for key, each in spans.items()}


def add(
    connection: Connection, key: tuple[str, bytes], found: Iterable[Span], reason: str, now_ms: int
) -> None:
    """Keep new gaps of a stream."""
    insert_rows(connection, _INTO, [(*key, *span, reason, now_ms) for span in sorted(found)])


def close(
    connection: Connection, key: tuple[str, bytes], known: Ranges, arrived: Ranges, now_ms: int
) -> Ranges:
    """Take out of a stream's gaps what has arrived; what is left."""
    left = known - arrived
    if left != known:
        direct.run(connection, _FORGET, key)
        add(connection, key, left.spans, LOST, now_ms)
    return left
