"""A punch is stored once under its id at its terminal, whatever key a copy of the ledger gave it.

Of punches that are stored twice already the one received first stays; the others are put aside, and the days
around them are judged again.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Any

import msgspec
import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

_WIRE = ("seq", "punch_id", "person_id", "wall_ms", "monotonic_ms", "boot", "clock", "method", "direction")
_CONTENT = (*_WIRE[1:], "score_milli")
_DOUBLES = """
    SELECT * FROM punches WHERE (terminal_id, punch_id) IN (
        SELECT terminal_id, punch_id FROM punches GROUP BY terminal_id, punch_id HAVING count(*) > 1)
    ORDER BY terminal_id, punch_id, received_ms, stream_id, seq
"""
_FORGET = "DELETE FROM punches WHERE terminal_id = :terminal_id AND stream_id = :stream_id AND seq = :seq"
_KEEP = """
    INSERT INTO quarantine (received_ms, topic, terminal_id, stream_id, seq, code, reason, payload, digest)
    VALUES (:received_ms, :topic, :terminal_id, :stream_id, :seq, :code, :reason, :payload, :digest)
    ON CONFLICT DO NOTHING
"""
_MARK = """
    INSERT INTO stale_days (person_id, date, cause, since_ms) VALUES (:person, :day, 'punch', :since)
    ON CONFLICT (person_id, date) DO UPDATE SET mark = stale_days.mark + 1
"""
_DAYS_AROUND = range(-2, 3)
"""Of the UTC date: whatever the zone, and a shift may own the day before or after."""


def upgrade() -> None:
    """Put doubles aside, then forbid them."""
    connection = op.get_bind()
    known = set(connection.execute(sa.text("SELECT person_id FROM people")).scalars())
    kept: Any = None
    for row in connection.execute(sa.text(_DOUBLES)).mappings().all():
        if kept is None or any(row[name] != kept[name] for name in ("terminal_id", "punch_id")):
            kept = row
            continue
        _put_aside(connection, row, kept)
        if row["person_id"] in known:
            _judge_again(connection, row)
    op.create_index(
        op.f("ix_punches_punch_id_terminal_id"), "punches", ["punch_id", "terminal_id"], unique=True
    )


def _put_aside(connection: sa.Connection, row: Any, kept: Any) -> None:
    where = {name: row[name] for name in ("terminal_id", "stream_id", "seq")}
    is_same = all(row[name] == kept[name] for name in _CONTENT)
    code = "already_stored" if is_same else "id_conflict"
    topic = f"kaoqin/v1/{row['terminal_id']}/up"
    payload = msgspec.msgpack.encode([*(row[name] for name in _WIRE), row["score_milli"]])
    place = f"{topic}\n{code}\n{row['stream_id']!r}\n{row['seq']}\n".encode()
    connection.execute(
        sa.text(_KEEP),
        {
            **where,
            "received_ms": row["received_ms"],
            "topic": topic,
            "code": code,
            "reason": f"it was stored beside seq {kept['seq']} of stream {kept['stream_id'].hex()}",
            "payload": payload,
            "digest": blake2b(place + payload, digest_size=16).digest(),
        },
    )
    connection.execute(sa.text(_FORGET), where)


def _judge_again(connection: sa.Connection, row: Any) -> None:
    made = datetime.fromtimestamp(row["at_ms"] / 1000, UTC).date()
    for days in _DAYS_AROUND:
        day = (made + timedelta(days=days)).isoformat()
        marked = {"person": row["person_id"], "day": day, "since": row["received_ms"]}
        connection.execute(sa.text(_MARK), marked)
