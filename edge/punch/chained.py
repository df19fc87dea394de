"""The SQL that keeps the ledger's chain: links of punches, signed heads, signed notes of what was deleted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

from apsw import Connection

from edge.punch import streams
from edge.punch.streams import Stream
from models.chain import (
    DAY_MS,
    DayHead,
    Pruned,
    chain_begin,
    day_begin,
    day_of,
    head_bytes,
    link,
    pruned_bytes,
    punch_digest,
)
from models.ids import StreamId, TerminalId
from models.wire.messages import DayCount, WirePunch

Sign = Callable[[bytes], bytes]
"""The terminal's signature of some bytes; see :mod:`edge.punch.signing`."""

PUNCH_COLUMNS = "seq, punch_id, person_id, wall_ms, monotonic_ms, boot, clock, method, direction, score_milli"
_HEAD_COLUMNS = "day, first_seq, last_seq, count, link, digest"
_RUN_MAX = 1_000
_INSERT = (
    f"INSERT INTO punches ({PUNCH_COLUMNS}, stream_no, link, acked_ms) "  # noqa: S608 - constants
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)


def add(db: Connection, stream: Stream, punches: Sequence[WirePunch], sign: Sign) -> None:
    """Insert the next punches of a stream, chained, and sign the heads of their days."""
    _add(db, stream, [(punch, None) for punch in punches], _newest_link(db, stream), sign)


def _newest_link(db: Connection, stream: Stream) -> bytes:
    newest: bytes | None = db.execute(
        "SELECT link FROM punches WHERE stream_no = ? ORDER BY seq DESC LIMIT 1", (stream.number,)
    ).get
    return chain_begin(stream.stream_id, stream.terminal_id) if newest is None else newest


def _add(
    db: Connection,
    stream: Stream,
    punches: Iterable[tuple[WirePunch, int | None]],
    previous: bytes,
    sign: Sign,
) -> bytes:
    """Insert ``(punch, acked_ms)`` after the link ``previous``; the newest link."""
    heads: dict[int, DayHead] = {}
    for punch, acked_ms in punches:
        digest = punch_digest(punch)
        previous = link(previous, digest)
        db.execute(_INSERT, (*_values(punch), stream.number, previous, acked_ms))
        day = day_of(punch.wall_ms)
        head = heads.get(day) or _head(db, stream, day, punch.seq)
        heads[day] = replace(
            head,
            last_seq=punch.seq,
            count=head.count + 1,
            link=previous,
            digest=link(head.digest, digest),
        )
    for head in heads.values():
        _save_head(db, stream.number, head, sign)
    return previous


def _values(punch: WirePunch) -> tuple[int | str | bytes | None, ...]:
    return (
        punch.seq,
        punch.punch_id,
        punch.person_id,
        punch.wall_ms,
        punch.monotonic_ms,
        punch.boot,
        punch.clock,
        punch.method,
        punch.direction,
        punch.score_milli,
    )


# -- heads ---------------------------------------------------------------------------------------------------


def heads(db: Connection, stream: Stream) -> list[tuple[DayHead, bytes]]:
    """The heads of a stream with their signatures, by day."""
    found = db.execute(
        f"SELECT {_HEAD_COLUMNS}, signature FROM heads WHERE stream_no = ? ORDER BY day",  # noqa: S608 - constants
        (stream.number,),
    )
    return [(DayHead(stream.stream_id, *head), signature) for *head, signature in found]


def day_counts(db: Connection, terminal_id: TerminalId) -> list[DayCount]:
    """What ``terminal_id`` made on each day of which nothing waits, oldest first; see the wire's DayCount."""
    found = db.execute(
        "SELECT stream_id, day, first_seq, last_seq, count, digest FROM heads JOIN streams USING (stream_no) "
        "WHERE terminal_id = ?1 AND (stream_no, day) NOT IN ("
        "SELECT stream_no, wall_ms / ?2 FROM punches WHERE acked_ms IS NULL "
        "AND (stream_no, seq) NOT IN (SELECT stream_no, seq FROM refused)) ORDER BY stream_no, day",
        (terminal_id, DAY_MS),
    )
    return [DayCount(*row) for row in found]


def _head(db: Connection, stream: Stream, day: int, seq: int) -> DayHead:
    found = db.execute(
        f"SELECT {_HEAD_COLUMNS} FROM heads WHERE stream_no = ? AND day = ?",  # noqa: S608 - constants
        (stream.number, day),
    ).get
    if found is not None:
        return DayHead(stream.stream_id, *found)
    return DayHead(stream.stream_id, day, seq, seq, 0, b"", day_begin(stream.stream_id, day))


def _save_head(db: Connection, stream_no: int, head: DayHead, sign: Sign) -> None:
    db.execute(
        f"REPLACE INTO heads (stream_no, {_HEAD_COLUMNS}, signature) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608 - constants
        (
            *(stream_no, head.day, head.first_seq, head.last_seq),
            *(head.count, head.link, head.digest, sign(head_bytes(head))),
        ),
    )


# -- deleting ------------------------------------------------------------------------------------------------


def prune(db: Connection, stream: Stream, before_ms: int, sign: Sign) -> int:
    """Delete the UTC days of a stream that were wholly acknowledged before ``before_ms``; how many punches.

    The day of the newest punch stays: it carries the stream's highest seq and the end of its chain.
    """
    days: list[tuple[int, int, int]] = db.execute(
        "SELECT day, first_seq, last_seq FROM heads WHERE stream_no = ?1 "
        "AND last_seq < (SELECT max(seq) FROM punches WHERE stream_no = ?1) AND NOT EXISTS ("
        "SELECT 1 FROM punches WHERE stream_no = ?1 AND seq BETWEEN first_seq AND last_seq "
        "AND wall_ms / ?2 = day AND (acked_ms IS NULL OR acked_ms >= ?3))",
        (stream.number, DAY_MS, before_ms),
    ).fetchall()  # type: ignore[assignment]  # a STRICT table
    return sum(_prune_day(db, stream, day, first, last, sign) for day, first, last in days)


def _prune_day(db: Connection, stream: Stream, day: int, first: int, last: int, sign: Sign) -> int:
    where = "stream_no = ? AND seq BETWEEN ? AND ? AND wall_ms / ? = ?"
    of_day = (stream.number, first, last, DAY_MS, day)
    gone = db.execute(f"SELECT seq, link FROM punches WHERE {where} ORDER BY seq", of_day)  # noqa: S608 - constants
    for run in list(_runs(stream.stream_id, gone)):
        _note_pruned(db, stream, run, sign)
    db.execute(f"DELETE FROM punches WHERE {where}", of_day)  # noqa: S608 - constants
    removed = db.changes()
    db.execute("DELETE FROM heads WHERE stream_no = ? AND day = ?", (stream.number, day))
    return removed


def _runs(stream_id: StreamId, gone: Iterable[tuple[int, bytes]]) -> Iterator[Pruned]:
    run: Pruned | None = None
    for seq, at in gone:
        if run is not None and seq == run.last_seq + 1:
            run = replace(run, last_seq=seq, link=at)
            continue
        if run is not None:
            yield run
        run = Pruned(stream_id, seq, seq, at)
    if run is not None:
        yield run


def _note_pruned(db: Connection, stream: Stream, run: Pruned, sign: Sign) -> None:
    """Keep a signed note of a run, joined with the runs it touches."""
    for before, signature in pruned(db, stream):
        del signature
        if before.last_seq + 1 == run.first_seq:
            run = replace(run, first_seq=before.first_seq)
        elif run.last_seq + 1 == before.first_seq:
            run = replace(run, last_seq=before.last_seq, link=before.link)
    db.execute(
        "DELETE FROM pruned WHERE stream_no = ? AND first_seq BETWEEN ? AND ?",
        (stream.number, run.first_seq, run.last_seq),
    )
    db.execute(
        "INSERT INTO pruned (stream_no, first_seq, last_seq, link, signature) VALUES (?, ?, ?, ?, ?)",
        (stream.number, run.first_seq, run.last_seq, run.link, sign(pruned_bytes(run))),
    )


def pruned(db: Connection, stream: Stream) -> list[tuple[Pruned, bytes]]:
    """The runs deleted from a stream with their signatures, by seq."""
    found = db.execute(
        "SELECT first_seq, last_seq, link, signature FROM pruned WHERE stream_no = ? ORDER BY first_seq",
        (stream.number,),
    )
    return [(Pruned(stream.stream_id, *run), signature) for *run, signature in found]


# -- an older ledger -----------------------------------------------------------------------------------------


def adopt(db: Connection, table: str, sign: Sign) -> None:
    """Chain the punches of ``table``, which has none, into ``punches``; seqs missing there were pruned."""
    for stream in streams.read(db):
        at, expected = chain_begin(stream.stream_id, stream.terminal_id), 1
        for run in _kept_runs(db, table, stream.number):
            first = run[0][0].seq
            if first > expected:
                _note_pruned(db, stream, Pruned(stream.stream_id, expected, first - 1, at), sign)
            at, expected = _add(db, stream, run, at, sign), run[-1][0].seq + 1


def _kept_runs(db: Connection, table: str, stream_no: int) -> Iterator[list[tuple[WirePunch, int | None]]]:
    run: list[tuple[WirePunch, int | None]] = []
    for *punch, acked_ms in db.execute(
        f"SELECT {PUNCH_COLUMNS}, acked_ms FROM {table} WHERE stream_no = ? ORDER BY seq",  # noqa: S608 - constants
        (stream_no,),
    ):
        wire = WirePunch(*punch)
        if run and (wire.seq != run[-1][0].seq + 1 or len(run) == _RUN_MAX):
            yield run
            run = []
        run.append((wire, acked_ms))
    if run:
        yield run
