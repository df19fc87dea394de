"""The outbox: the ledger seen as what still has to reach the cloud."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from apsw import Connection

from edge.punch import chained, rows, streams
from edge.punch.file import LedgerFile
from edge.punch.rows import Draft
from edge.punch.streams import Stream
from models.clock import Clock
from models.ids import StreamId
from models.punch import Punch
from models.ranges import Ranges
from models.wire.messages import DayCount, StreamBounds

_KEPT_MAX = 16
_COMPARED_WHILE_WAITING = 500


@dataclass(frozen=True, slots=True)
class StreamOutbox:
    """What of one stream is kept and what waits; seqs are 1 to ``highest``.

    Attributes:
        waiting: neither acknowledged nor put aside.
        refused: put aside by the cloud.
    """

    stream_id: StreamId
    highest: int
    waiting: Ranges
    refused: Ranges


@dataclass(frozen=True, slots=True)
class Watermark:
    """All punches made before ``at_ms`` have a seq up to ``highest`` in ``stream_id``.

    Attributes:
        kept: what is left of older streams of the same terminal, newest first.
        days: what was made on each day of which nothing waits; empty while much waits.
    """

    at_ms: int
    boot: int
    stream_id: StreamId
    highest: int
    waiting: int
    oldest_waiting_ms: int | None
    kept: tuple[StreamBounds, ...] = ()
    days: tuple[DayCount, ...] = ()


@dataclass(frozen=True, slots=True)
class Load:
    """Punches to send, with the bounds of what is kept of their stream.

    All punches of the stream made before ``at_ms`` have a seq up to ``highest``.
    """

    at_ms: int
    at_monotonic_ms: int
    lowest: int
    highest: int
    punches: tuple[Punch, ...]


class Outbox:
    """The uplink's questions to the ledger and the answers it writes there.

    Every method may raise :class:`edge.errors.LedgerUnavailable`; then nothing was changed.
    """

    def __init__(self, ledger: LedgerFile) -> None:
        self._ledger = ledger

    def streams(self) -> tuple[StreamOutbox, ...]:
        """All streams, the one that grows last."""
        return self._ledger.write(
            lambda db: tuple(
                StreamOutbox(
                    stream_id=stream.stream_id,
                    highest=rows.bounds(db, stream.number)[1],
                    waiting=_waiting(db, stream.number),
                    refused=_refused(db, stream.number),
                )
                for stream in self._ledger.streams
            )
        )

    def load(self, stream_id: StreamId, seqs: Ranges, clock: Clock) -> Load:
        """The kept punches among ``seqs``."""
        stream = self._stream(stream_id)

        def job(db: Connection) -> Load:
            low, high = rows.bounds(db, stream.number)
            punches = [punch for span in seqs.spans for punch in rows.between(db, stream, *span)]
            return Load(clock.wall_ms(), clock.monotonic_ms(), low, high, tuple(punches))

        with self._ledger.punching:
            return self._ledger.write(job)

    def mark_delivered(self, stream_id: StreamId, seqs: Ranges, at_ms: int) -> None:
        """Remember that the cloud has committed ``seqs``; ``at_ms`` is by the cloud's clock."""
        number = self._stream(stream_id).number

        def job(db: Connection) -> None:
            db.executemany(
                "UPDATE punches SET acked_ms = ? "
                "WHERE stream_no = ? AND seq BETWEEN ? AND ? AND acked_ms IS NULL",
                [(at_ms, number, *span) for span in seqs.spans],
            )

        self._ledger.write(job)

    def reopen(self, stream_id: StreamId, seqs: Ranges) -> None:
        """Forget that the cloud had ``seqs``: it asks for them again."""
        number = self._stream(stream_id).number

        def job(db: Connection) -> None:
            db.executemany(
                "UPDATE punches SET acked_ms = NULL WHERE stream_no = ? AND seq BETWEEN ? AND ?",
                [(number, *span) for span in seqs.spans],
            )

        self._ledger.write(job)

    def refuse(self, stream_id: StreamId, refusals: Sequence[tuple[int, str]], at_ms: int) -> None:
        """Keep ``(seq, code)`` as put aside by the cloud."""
        number = self._stream(stream_id).number
        self._ledger.write(lambda db: rows.refuse(db, number, refusals, at_ms))

    def reissue(self, stream_id: StreamId, seqs: Ranges, code: str, at_ms: int) -> None:
        """Put ``seqs`` aside with ``code`` and add the same punches, ids and all, to a newer stream."""
        stream = self._stream(stream_id)

        def job(db: Connection) -> None:
            punches = [punch for span in seqs.spans for punch in rows.between(db, stream, *span)]
            rows.refuse(db, stream.number, [(punch.seq, code) for punch in punches], at_ms)
            if self._ledger.stream.number == stream.number:
                self._ledger.open_stream_in(db, streams.CONFLICT)
            self._ledger.append_in(db, [_again(punch) for punch in punches])

        self._ledger.write(job)

    def watermark(self, clock: Clock) -> Watermark:
        """The statement that lets the cloud call a day complete.

        The clock is read while nobody is between reading it and committing a punch.
        """

        def job(db: Connection) -> Watermark:
            oldest = db.execute(
                "SELECT wall_ms FROM punches WHERE acked_ms IS NULL AND (stream_no, seq) NOT IN "
                "(SELECT stream_no, seq FROM refused) ORDER BY stream_no, seq LIMIT 1"
            ).get
            waiting = rows.count_waiting(db)
            return Watermark(
                at_ms=clock.wall_ms(),
                boot=self._ledger.boot,
                stream_id=self._ledger.stream.stream_id,
                highest=rows.bounds(db, self._ledger.stream.number)[1],
                waiting=waiting,
                oldest_waiting_ms=oldest,
                kept=self._kept(db),
                days=tuple(chained.day_counts(db, self._ledger.stream.terminal_id))
                if waiting <= _COMPARED_WHILE_WAITING
                else (),
            )

        with self._ledger.punching:
            return self._ledger.write(job)

    def open_stream(self) -> None:
        """Begin a new stream: this file is an older copy of what the cloud knows."""
        self._ledger.write(lambda db: self._ledger.open_stream_in(db, streams.BEHIND))

    def _kept(self, db: Connection) -> tuple[StreamBounds, ...]:
        newest = self._ledger.stream
        older = [
            (stream.stream_id, *rows.bounds(db, stream.number))
            for stream in reversed(self._ledger.streams[:-1])
            if stream.terminal_id == newest.terminal_id
        ]
        return tuple(StreamBounds(*each) for each in older[:_KEPT_MAX] if each[1])

    def waiting(self) -> int:
        """Punches that still have to reach the cloud."""
        return self._ledger.write(rows.count_waiting)

    def _stream(self, stream_id: StreamId) -> Stream:
        return next(each for each in self._ledger.streams if each.stream_id == stream_id)


def _again(punch: Punch) -> Draft:
    return Draft(
        punch_id=punch.punch_id,
        person_id=punch.person_id,
        wall_ms=punch.wall_ms,
        monotonic_ms=punch.monotonic_ms,
        clock=punch.clock,
        method=punch.method,
        direction=punch.direction,
        score_milli=punch.score_milli,
        boot=punch.boot,
    )


def _waiting(db: Connection, stream_no: int) -> Ranges:
    # Seqs of a run have the same difference to their row number: one row per run instead of one per punch.
    spans = db.execute(
        "SELECT min(seq), max(seq) FROM ("
        "SELECT seq, seq - row_number() OVER (ORDER BY seq) AS run FROM punches "
        "WHERE stream_no = ?1 AND acked_ms IS NULL "
        "AND seq NOT IN (SELECT seq FROM refused WHERE stream_no = ?1)) GROUP BY run",
        (stream_no,),
    )
    return Ranges.of(spans)


def _refused(db: Connection, stream_no: int) -> Ranges:
    spans = db.execute(
        "SELECT seq, seq FROM refused JOIN punches USING (stream_no, seq) "
        "WHERE stream_no = ? AND acked_ms IS NULL",
        (stream_no,),
    )
    return Ranges.of(spans)
