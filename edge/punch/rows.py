"""The SQL of the ledger, on an open connection inside the caller's transaction.

A simulation runs the same functions; only :mod:`edge.punch.file` opens the file.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from apsw import Connection

from models.ids import PersonId, PunchId, StreamId, TerminalId
from models.punch import ClockQuality, Direction, Method, Punch

FIRST = "first"
"""Why a stream was opened: the ledger was made with it."""

MOVED = "moved"
"""... the ledger came from another machine, or the terminal was claimed anew."""

CONFLICT = "conflict"
"""... the cloud knows other punches under this stream's numbers: an old copy of the file was put back."""

NOT_ME = "not_me"
"""A note: the person the terminal named said it was not them."""

_REFUSED_IDENTITY = ("revoked_terminal", "foreign_terminal", "unknown_terminal")
"""Refusals that speak of the terminal, not of the punch."""

_COLUMNS = (
    "stream_no, seq, punch_id, person_id, wall_ms, monotonic_ms, boot, clock, method, direction, score_milli"
)
_INSERT = f"INSERT INTO punches ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608 - constants


@dataclass(frozen=True, slots=True)
class Stream:
    """A row of ``streams``; ``number`` is only this file's."""

    number: int
    stream_id: StreamId
    terminal_id: TerminalId
    machine_id: str
    reason: str


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


def open_stream(
    db: Connection, stream_id: StreamId, terminal_id: TerminalId, machine_id: str, reason: str
) -> Stream:
    """Begin a stream; from now on punches are added to it."""
    db.execute(
        "INSERT INTO streams (stream_id, terminal_id, machine_id, reason) VALUES (?, ?, ?, ?)",
        (stream_id, terminal_id, machine_id, reason),
    )
    return Stream(db.last_insert_rowid(), stream_id, terminal_id, machine_id, reason)


def streams(db: Connection) -> tuple[Stream, ...]:
    """All streams, oldest first."""
    rows = db.execute(
        "SELECT stream_no, stream_id, terminal_id, machine_id, reason FROM streams ORDER BY stream_no"
    )
    return tuple(Stream(no, StreamId(sid), TerminalId(tid), mid, why) for no, sid, tid, mid, why in rows)


def begin_boot(db: Connection, boot_id: str) -> int:
    """The number of this boot: the newest one's if ``boot_id`` is its, else the next."""
    row = db.execute("SELECT boot, boot_id FROM boots ORDER BY boot DESC LIMIT 1").get
    if row and row[1] == boot_id:
        return int(row[0])
    boot = int(row[0]) + 1 if row else 1
    db.execute("INSERT INTO boots (boot, boot_id) VALUES (?, ?)", (boot, boot_id))
    return boot


def bounds(db: Connection, stream_no: int) -> tuple[int, int]:
    """Lowest and highest seq kept of a stream; (0, 0) if it has none."""
    low, high = db.execute(
        "SELECT (SELECT min(seq) FROM punches WHERE stream_no = ?1), "
        "(SELECT max(seq) FROM punches WHERE stream_no = ?1)",
        (stream_no,),
    ).get
    return (int(low), int(high)) if low else (0, 0)


def append(db: Connection, stream: Stream, boot: int, drafts: Sequence[Draft]) -> tuple[Punch, ...]:
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
    db.executemany(_INSERT, ((stream.number, *_values(punch)) for punch in punches))
    return punches


def _values(punch: Punch) -> tuple[object, ...]:
    return (
        punch.seq,
        punch.punch_id.bytes,
        punch.person_id,
        punch.wall_ms,
        punch.monotonic_ms,
        punch.boot,
        int(punch.clock),
        int(punch.method),
        int(punch.direction),
        punch.score_milli,
    )


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
    rows = db.execute(
        f"SELECT {_COLUMNS} FROM punches WHERE stream_no = ? AND seq BETWEEN ? AND ? ORDER BY seq",  # noqa: S608 - constants
        (stream.number, first, last),
    )
    return [
        Punch(
            terminal_id=stream.terminal_id,
            stream_id=stream.stream_id,
            seq=seq,
            punch_id=PunchId(UUID(bytes=punch_id)),
            person_id=PersonId(person_id),
            wall_ms=wall_ms,
            monotonic_ms=monotonic_ms,
            boot=boot,
            clock=ClockQuality(clock),
            method=Method(method),
            direction=Direction(direction),
            score_milli=score_milli,
        )
        for (
            _,
            seq,
            punch_id,
            person_id,
            wall_ms,
            monotonic_ms,
            boot,
            clock,
            method,
            direction,
            score_milli,
        ) in rows
    ]


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


def prune(db: Connection, before_ms: int) -> int:
    """Delete what the cloud acknowledged before ``before_ms``; each stream keeps its newest row.

    That row carries the stream's highest seq: without it numbers would be given twice.
    """
    db.execute(
        "DELETE FROM punches WHERE acked_ms < ?1 AND seq < "
        "(SELECT max(seq) FROM punches AS newest WHERE newest.stream_no = punches.stream_no)",
        (before_ms,),
    )
    return db.changes()
