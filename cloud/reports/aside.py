"""What was put aside or can never arrive, for people to see."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from cloud.db.tables import gaps, quarantine
from cloud.reports.fleet import door_names


@dataclass(frozen=True, slots=True)
class Aside:
    """Input that waits in quarantine, or a gap: ``code`` and ``reason`` say why, ``terminal`` whose it is.

    ``seq``: of a punch, or the first of a gap that ends with ``last``. ``size``: bytes, or punches.
    """

    code: str
    reason: str
    terminal: str
    since_ms: int
    seq: int | None
    size: int
    last: int | None = None


def list_aside(connection: Connection, limit: int) -> list[Aside]:
    """The newest of what waits, quarantine first."""
    doors = door_names(connection)
    table = quarantine.c
    waiting = connection.execute(
        select(table.code, table.reason, table.terminal_id, table.received_ms, table.seq, table.payload)
        .where(table.resolved_ms.is_(None))
        .order_by(table.quarantine_id.desc())
        .limit(limit)
    )
    found = [
        Aside(code, reason, doors.get(terminal, terminal or "?"), since, seq, len(payload))
        for code, reason, terminal, since, seq, payload in waiting
    ]
    lost = connection.execute(select(gaps).order_by(gaps.c.found_ms.desc()).limit(limit))
    return found + [
        Aside(
            "data_gap",
            f"punches {row.first_seq} to {row.last_seq} never arrived: {row.reason}",
            doors.get(row.terminal_id, row.terminal_id),
            row.found_ms,
            row.first_seq,
            row.last_seq - row.first_seq + 1,
            row.last_seq,
        )
        for row in lost
    ]


def count_aside(connection: Connection) -> dict[str, int]:
    """How much waits by terminal id; "" is input that names no known terminal. Gaps count each."""
    counts: dict[str, int] = {}
    waiting = select(quarantine.c.terminal_id, func.count()).where(quarantine.c.resolved_ms.is_(None))
    for query in (
        waiting.group_by(quarantine.c.terminal_id),
        select(gaps.c.terminal_id, func.count()).group_by(gaps.c.terminal_id),
    ):
        for terminal, count in connection.execute(query):
            counts[terminal or ""] = counts.get(terminal or "", 0) + count
    return counts
