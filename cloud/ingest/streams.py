"""How complete each stream is: what is missing, and up to which instant a terminal has told everything."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from msgspec import Struct, field
from sqlalchemy import Connection

from cloud.db import direct
from cloud.db.bulk import Into, Row, insert_rows
from cloud.ingest import gaps
from models.ranges import Ranges
from models.wire.messages import Range

HOLE_PATIENCE_MS = 60_000
"""A hole younger than this is a batch on its way."""
_PAGE = 256

_KEY = ("terminal_id", "stream_id")
_COLUMNS = (*_KEY, "highest", "contiguous", "first_ms", "hole_since_ms", "claimed_highest", "claimed_ms")
_LOAD = f"SELECT {', '.join(_COLUMNS)} FROM streams WHERE"  # noqa: S608 - names of ours
_HOLED = "SELECT terminal_id, stream_id FROM streams WHERE contiguous < highest AND"
_ARRIVED_IN = ("punches", "quarantine")
_AFTER = tuple(
    f"SELECT seq FROM {table} WHERE terminal_id = ? AND stream_id = ? AND seq > ? ORDER BY seq LIMIT ?"  # noqa: S608
    for table in _ARRIVED_IN
)
_AT = tuple(f"SELECT terminal_id, stream_id FROM {table} WHERE" for table in _ARRIVED_IN)  # noqa: S608
_RAISE = "UPDATE terminals SET watermark_ms = ? WHERE terminal_id = ? AND watermark_ms < ?"
_BEGIN = Into("streams", _COLUMNS)
_SAVE = Into(
    "streams",
    _COLUMNS,
    "ON CONFLICT (terminal_id, stream_id) DO UPDATE SET "
    + ", ".join(f"{name} = excluded.{name}" for name in _COLUMNS[2:]),
)


class StreamKey(NamedTuple):
    """One outbox of one terminal."""

    terminal_id: str
    stream_id: bytes


class Claim(Struct, frozen=True):
    """The terminal's word: all punches made before ``at_ms`` have a seq up to ``highest`` (rule S3)."""

    at_ms: int
    highest: int


class Heard(Struct):
    """What one group of messages said of a stream.

    Attributes:
        seqs: that came.
        lowest, highest: what the terminal still keeps, and how far it has got.
        ends: of a stream that grows no more: its highest seq on the terminal.
        missing: what the terminal says it has no longer.
        is_left: the terminal speaks of this stream no more.
    """

    seqs: set[int] = field(default_factory=set)
    highest: int = 0
    lowest: int = 1
    ends: int | None = None
    missing: Ranges = field(default_factory=Ranges)
    claims: list[Claim] = field(default_factory=list)
    is_left: bool = False


class Progress(Struct, frozen=True):
    """What is known of a stream; see the table of that name."""

    highest: int
    contiguous: int
    first_ms: int
    hole_since_ms: int | None = None
    claim: Claim | None = None


class Advanced(Struct, frozen=True):
    """A stream after its messages were counted.

    Attributes:
        needed: holes to be asked for.
        watermark_ms: proven now, or None.
        behind: the highest seq on a terminal that once had more: it is an older copy of itself.
    """

    progress: Progress
    needed: Ranges
    watermark_ms: int | None
    behind: int | None = None


class _Known(NamedTuple):
    """What is known of a stream, with the end of its run now: see ``_runs``."""

    before: Progress
    run: int
    gaps: Ranges


def advance(
    connection: Connection, heard: dict[StreamKey, Heard], present: Mapping[str, set[bytes]], now_ms: int
) -> dict[StreamKey, Advanced]:
    """Count ``heard`` in, after its punches were stored; ``present``: the streams left on a terminal."""
    for key in _left(connection, present):
        heard.setdefault(key, Heard(ends=0, is_left=True))
    known = _load(connection, list(heard))
    if begun := [_row(key, Progress(0, 0, now_ms)) for key in sorted(heard) if key not in known]:
        # So that a worker which begins the same stream waits for us, and counts on from here.
        insert_rows(connection, _BEGIN, begun)
        known |= _load(connection, [key for key in heard if key not in known])
    found = gaps.load(connection, sorted(heard))
    runs = _runs(connection, known, heard, found)
    result = {
        key: _advance(
            connection, key, _Known(known[key], runs[key], found.get(key, Ranges())), heard[key], now_ms
        )
        for key in sorted(heard)
    }
    _save(connection, result)
    return result


def _advance(connection: Connection, key: StreamKey, known: _Known, heard: Heard, now_ms: int) -> Advanced:
    before, contiguous, known_gaps = known.before, known.run, known.gaps
    if known_gaps:
        arrived = Ranges.of((seq, seq) for seq in heard.seqs)
        known_gaps = gaps.close(connection, key, known_gaps, arrived, now_ms)
    highest = _highest(before, heard)
    since, needed = None, Ranges()
    if contiguous < highest or heard.missing:
        since = _hole_since(before, contiguous, highest, now_ms)
        is_old = since is not None and now_ms - since >= HOLE_PATIENCE_MS
        gone = heard.missing | Ranges.of([(contiguous + 1, heard.lowest - 1)])
        lost = Ranges.of([(heard.ends + 1, highest)]) if is_old and heard.ends is not None else Ranges()
        for spans, why in ((gone, gaps.NO_LONGER_KEPT), (lost, gaps.LOST)):
            if fresh := _unseen(connection, key, spans - known_gaps):
                gaps.add(connection, key, fresh.spans, why, now_ms)
                known_gaps |= fresh
                contiguous = _walk(connection, key, contiguous, known_gaps)
        since = since if contiguous < highest else None
        if is_old and since is not None:
            needed = _holes(connection, key, contiguous, highest) - known_gaps
    proven, waiting = _settle([*heard.claims, *([before.claim] if before.claim else [])], contiguous)
    progress = Progress(highest, contiguous, before.first_ms, since, waiting)
    is_behind = heard.ends is not None and not heard.is_left and heard.ends < highest
    return Advanced(progress, needed, proven, heard.ends if is_behind else None)


def _highest(before: Progress, heard: Heard) -> int:
    return max(before.highest, heard.highest, max(heard.seqs, default=0))


def _runs(
    connection: Connection,
    before: Mapping[StreamKey, Progress],
    heard: Mapping[StreamKey, Heard],
    known_gaps: Mapping[tuple[str, bytes], Ranges],
) -> dict[StreamKey, int]:
    """The end of each stream's run of punches that have arrived, or are known never to come."""
    ends = {key: _run(before[key].contiguous, one.seqs) for key, one in heard.items()}
    # A backlog comes in order: one look tells of nearly every stream that nothing has come ahead of it.
    short = [key for key, end in ends.items() if end < _highest(before[key], heard[key])]
    nexts = sorted((*key, ends[key] + 1) for key in short)
    ahead = {key for query in _AT for key in direct.rows_of(connection, query, (*_KEY, "seq"), nexts)}
    for key in short:
        gaps_of_it = known_gaps.get(key, Ranges())
        if key in ahead or ends[key] + 1 in gaps_of_it:
            ends[key] = _walk(connection, key, ends[key], gaps_of_it)
    return ends


def _run(contiguous: int, seqs: set[int]) -> int:
    if seqs and min(seqs) == contiguous + 1 and max(seqs) == contiguous + len(seqs):
        return contiguous + len(seqs)
    while contiguous + 1 in seqs:
        contiguous += 1
    return contiguous


def _hole_since(before: Progress, contiguous: int, highest: int, now_ms: int) -> int | None:
    if contiguous >= highest:
        return None
    if contiguous > before.contiguous or before.hole_since_ms is None:
        return now_ms
    return before.hole_since_ms


def _settle(claims: Sequence[Claim], contiguous: int) -> tuple[int | None, Claim | None]:
    """The newest claim that is proven, and the newest that still waits for a hole to close."""
    proven = max((claim.at_ms for claim in claims if claim.highest <= contiguous), default=None)
    waiting = max(
        (claim for claim in claims if claim.highest > contiguous),
        key=lambda claim: claim.at_ms,
        default=None,
    )
    return proven, waiting


def _walk(connection: Connection, key: StreamKey, contiguous: int, known_gaps: Ranges) -> int:
    """The end of the run of punches, stored or known never to come, that begins after ``contiguous``."""
    while True:
        beyond = next((high for low, high in known_gaps.spans if low <= contiguous + 1 <= high), None)
        end = beyond or _run(contiguous, set(_after(connection, key, contiguous, _PAGE)))
        if end == contiguous:
            return end
        contiguous = end


def _holes(connection: Connection, key: StreamKey, contiguous: int, highest: int) -> Ranges:
    page = _after(connection, key, contiguous, _PAGE)
    # Beyond a full page more may be stored: the next answer looks further.
    ends = page if len(page) == _PAGE else [*page, highest + 1]
    holes: list[Range] = []
    end = contiguous
    for seq in ends:
        holes.append((end + 1, seq - 1))
        end = seq
    return Ranges.of(holes)


def _unseen(connection: Connection, key: StreamKey, spans: Ranges) -> Ranges:
    """What of ``spans`` has not arrived."""
    left = spans
    for first, last in spans.spans:
        after = first - 1
        while page := _after(connection, key, after, _PAGE):
            left -= Ranges.of((seq, seq) for seq in page)
            after = page[-1]
            if after >= last:
                break
    return left


def _after(connection: Connection, key: StreamKey, seq: int, limit: int) -> list[int]:
    """Seqs beyond ``seq`` that have arrived: stored, or put aside where people see them."""
    asked = (*key, seq, limit)
    arrived = {found for query in _AFTER for (found,) in direct.rows(connection, query, asked)}
    return sorted(arrived)[:limit]


def _left(connection: Connection, present: Mapping[str, set[bytes]]) -> list[StreamKey]:
    """Streams with holes that terminals no longer speak of: nobody can send what is missing there.

    An outbox that was lost or rebuilt takes with it what had not been sent.
    """
    rows = direct.rows_of(connection, _HOLED, _KEY[:1], [(terminal,) for terminal in sorted(present)])
    return [StreamKey(terminal, stream) for terminal, stream in rows if stream not in present[terminal]]


def _load(connection: Connection, keys: Sequence[StreamKey]) -> dict[StreamKey, Progress]:
    found: dict[StreamKey, Progress] = {}
    # The order keeps two workers from blocking each other for ever.
    lock = "" if connection.dialect.name == "sqlite" else "ORDER BY terminal_id, stream_id FOR UPDATE"
    for row in direct.rows_of(connection, _LOAD, _KEY, sorted(keys), lock):
        terminal, stream, highest, contiguous, first_ms, hole_since_ms, claimed_highest, claimed_ms = row
        claim = Claim(claimed_ms, claimed_highest) if claimed_ms is not None else None
        found[StreamKey(terminal, stream)] = Progress(highest, contiguous, first_ms, hole_since_ms, claim)
    return found


def _save(connection: Connection, advanced: dict[StreamKey, Advanced]) -> None:
    insert_rows(connection, _SAVE, [_row(key, one.progress) for key, one in sorted(advanced.items())])
    raise_watermarks(
        connection,
        ((key.terminal_id, one.watermark_ms) for key, one in advanced.items() if one.watermark_ms),
    )


def raise_watermarks(connection: Connection, marks: Iterable[tuple[str, int]]) -> None:
    """Move watermarks forward; they never go back."""
    highest: dict[str, int] = {}
    for terminal, mark in marks:
        highest[terminal] = max(mark, highest.get(terminal, 0))
    raised = [(mark, terminal, mark) for terminal, mark in sorted(highest.items())]
    direct.run_each(connection, _RAISE, raised)


def _row(key: StreamKey, progress: Progress) -> Row:
    claim = progress.claim
    return (
        *key,
        progress.highest,
        progress.contiguous,
        progress.first_ms,
        progress.hole_since_ms,
        claim.highest if claim else None,
        claim.at_ms if claim else None,
    )
