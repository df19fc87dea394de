"""The SQL of the ledger, on an open connection inside the caller's transaction.

A simulation runs the same functions; only :mod:`edge.punch.file` opens the file.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from apsw import Connection

from edge.punch import chained, streams
from edge.punch.chained import PUNCH_COLUMNS, Sign
from edge.punch.streams import Stream
from models.ids import PersonId, PunchId
from models.punch import ClockQuality, Direction, Method, Punch
from models.wire.messages import WirePunch
from models.wire.punches import from_wire, to_wire

NOT_ME = "not_me"
"""A note: the person the terminal named said it was not them."""

_REFUSED_IDENTITY = ("revoked_terminal", "foreign_terminal", "unknown_terminal")
"""Refusals that speak of the terminal, not of the punch."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A punch before the ledger gives it its stream and seq. ``boot``: None is the present one."""

    punch_id: PunchId
    person_id: PersonId
    wall_ms: int
    monotonic_ms: int
    clock: ClockQuality
    method: Method
    direction: Direction = Direction.NONE
    score_milli: int | None = None
    boot: int | None = None


def bounds(db: Connection, stream_no: int) -> tuple[int, int]:
    """Lowest and highest seq kept of a stream; (0, 0) if it has none."""
    low, high = db.execute(
        "SELECT (SELECT min(seq) FROM punches WHERE stream_no = ?1), "
        "(SELECT max(seq) FROM punches WHERE stream_no = ?1)",
        (stream_no,),
    ).get
    return (int(low), int(high)) if low else (0, 0)


def append(
    db: Connection, stream: Stream, boot: int, drafts: Sequence[Draft], sign: Sign
) -> tuple[Punch, ...]:
    """Add punches to ``stream`` with the next seqs; ``boot`` is the present one."""
    highest = bounds(db, stream.number)[1]
    punches = tuple(
        Punch(
            terminal_id=stream.terminal_id,
            stream_id=stream.stream_id,
            seq=seq,
            punch_id=draft.punch_id,
            person_id=draft.person_id,
            wall_ms=draft.wall_ms,
            monotonic_ms=draft.monotonic_ms,
            boot=boot if draft.boot is None else draft.boot,
            clock=draft.clock,
            method=draft.method,
            direction=draft.direction,
            score_milli=draft.score_milli,
        )
        for seq, draft in enumerate(drafts, highest + 1)
    )
    chained.add(db, stream, [to_wire(punch) for punch in punches], sign)
    return punches


def last_of(db: Connection, person_id: PersonId) -> tuple[int, int, int] | None:
    """``(wall_ms, monotonic_ms, boot)`` of the person's newest punch here."""
    row: tuple[int, int, int] | None = db.execute(
        "SELECT wall_ms, monotonic_ms, boot FROM punches WHERE person_id = ? "
        "ORDER BY stream_no DESC, seq DESC LIMIT 1",
        (person_id,),
    ).get
    return row


def between(db: Connection, stream: Stream, first: int, last: int) -> list[Punch]:
    """The kept punches of a stream with ``first <= seq <= last``, in order."""
    found = db.execute(
        f"SELECT {PUNCH_COLUMNS} FROM punches WHERE stream_no = ? AND seq BETWEEN ? AND ? ORDER BY seq",  # noqa: S608 - constants
        (stream.number, first, last),
    )
    return [from_wire(WirePunch(*row), stream.terminal_id, stream.stream_id) for row in found]


def refuse(db: Connection, stream_no: int, refusals: Iterable[tuple[int, str]], at_ms: int) -> None:
    """Keep ``(seq, code)`` as put aside by the cloud."""
    db.executemany(
        "INSERT INTO refused (stream_no, seq, code, refused_ms) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
        ((stream_no, seq, code, at_ms) for seq, code in refusals),
    )


def appeal(db: Connection) -> int:
    """Let punches wait again that were refused for the terminal's sake: it has been claimed anew."""
    marks = ", ".join("?" * len(_REFUSED_IDENTITY))
    db.execute(f"DELETE FROM refused WHERE code IN ({marks})", _REFUSED_IDENTITY)  # noqa: S608 - marks
    return db.changes()


def note(db: Connection, punch_id: PunchId, code: str, at_ms: int) -> None:
    """Keep what somebody said of a punch."""
    db.execute("INSERT INTO notes (punch_id, code, noted_ms) VALUES (?, ?, ?)", (punch_id.bytes, code, at_ms))


def newest_synced_ms(db: Connection) -> int:
    """The latest wall time known to be right, 0 if none: a clock behind it was not set since boot."""
    newest = db.execute("SELECT max(wall_ms) FROM punches WHERE clock = ?", (int(ClockQuality.SYNCED),)).get
    return int(newest or 0)


def count_waiting(db: Connection) -> int:
    """Punches that the cloud has neither acknowledged nor put aside."""
    waiting, refused = db.execute(
        "SELECT (SELECT count(*) FROM punches WHERE acked_ms IS NULL), "
        "(SELECT count(*) FROM refused WHERE EXISTS (SELECT 1 FROM punches WHERE acked_ms IS NULL "
        "AND punches.stream_no = refused.stream_no AND punches.seq = refused.seq))"
    ).get
    return int(waiting) - int(refused)


def prune(db: Connection, keep_ms: int, sign: Sign) -> int:
    """Delete the days that the cloud acknowledged more than ``keep_ms`` ago; how many punches.

    By the cloud's own time alone: the newest acknowledgement stands for now. The terminal's clock may be set
    to anything.
    """
    newest = db.execute("SELECT max(acked_ms) FROM punches").get
    if newest is None:
        return 0
    return sum(chained.prune(db, stream, newest - keep_ms, sign) for stream in streams.read(db))
