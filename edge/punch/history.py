"""Looking at a ledger from another process, also while the agent uses it."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from pathlib import Path

import sqlite_utils

from edge.errors import LedgerUnsafe
from models.clock import from_ms
from models.punch import ClockQuality, Direction, Method

_LISTED = """
SELECT lower(hex(stream_id)) AS stream, seq, person_id, wall_ms, method, direction, clock, acked_ms,
    refused.code AS code,
    (SELECT group_concat(DISTINCT notes.code) FROM notes WHERE notes.punch_id = punches.punch_id) AS notes
FROM punches JOIN streams USING (stream_no) LEFT JOIN refused USING (stream_no, seq)
WHERE (:waiting = 0 OR (acked_ms IS NULL AND refused.code IS NULL))
ORDER BY stream_no DESC, seq DESC LIMIT :limit
"""


@dataclass(frozen=True, slots=True)
class Counts:
    """Of a whole ledger. ``refused``: put aside by the cloud and kept here."""

    punches: int
    waiting: int
    refused: int
    streams: int


@dataclass(frozen=True, slots=True)
class Line:
    """One punch as people read it; ``at``: the terminal's own time in UTC, ``notes``: what was said of it."""

    stream: str
    seq: int
    person_id: str
    at: str
    method: str
    direction: str
    clock: str
    delivery: str
    notes: str


def read_history(path: Path, limit: int, *, waiting_only: bool = False) -> tuple[Counts, list[Line]]:
    """Counts of the ledger, and its newest punches, newest first.

    Raises:
        LedgerUnsafe: there is no ledger there, or it cannot be read.
    """
    try:
        connection = open_read_only(path)
    except sqlite3.Error as error:
        raise LedgerUnsafe(f"no ledger can be read at {path}: {error}") from error
    db = sqlite_utils.Database(connection)
    try:
        refused = db.execute(
            "SELECT count(*) FROM refused JOIN punches USING (stream_no, seq) WHERE acked_ms IS NULL"
        ).fetchone()[0]
        unacked = db["punches"].count_where("acked_ms IS NULL")
        counts = Counts(db["punches"].count, unacked - refused, refused, db["streams"].count)
        found = db.query(_LISTED, {"limit": limit, "waiting": int(waiting_only)})
        return counts, [_line(row) for row in found]
    except sqlite3.Error as error:
        raise LedgerUnsafe(f"no ledger can be read at {path}: {error}") from error
    finally:
        db.close()


def open_read_only(path: Path) -> sqlite3.Connection:
    """A connection that can neither write nor checkpoint.

    It is of another SQLite than the ledger's own: not for the process that writes, because closing either
    would drop the other's locks. Source: sqlite.org/howtocorrupt.html section 2.2.1.
    """
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)


def _line(row: dict[str, str | int | None]) -> Line:
    delivery = "waiting"
    if row["acked_ms"] is not None:
        delivery = "delivered"
    elif row["code"] is not None:
        delivery = f"refused: {row['code']}"
    return Line(
        stream=str(row["stream"]),
        seq=_number(row["seq"]),
        person_id=str(row["person_id"]),
        at=from_ms(_number(row["wall_ms"])).isoformat(timespec="milliseconds"),
        method=Method(_number(row["method"])).name.lower(),
        direction=Direction(_number(row["direction"])).name.lower(),
        clock=ClockQuality(_number(row["clock"])).name.lower(),
        delivery=delivery,
        notes=str(row["notes"] or ""),
    )


def _number(value: str | float | None) -> int:
    return int(value or 0)
