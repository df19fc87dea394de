"""Dating punches made before the terminal knew the time.

Every punch carries the terminal's monotonic clock. As soon as one moment of the same boot is known in UTC,
all its punches are dated exactly: ``UTC = monotonic + offset``. Such a moment is a punch made with a synced
clock, or a batch whose two clocks were read while the terminal agreed with us. What the terminal wrote is
kept as it is; only the instant we take it for is set.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import Connection

from cloud.db import direct
from cloud.db.bulk import Into, insert_rows
from cloud.ingest.batch import Batch
from models.punch import ClockQuality
from models.wire.messages import WirePunch

AGREES_MS = 30_000
"""Clocks closer than this agree; a punch dated no further off keeps its own time (rule T4)."""
_SYNCED = int(ClockQuality.SYNCED)


_INTO = Into("boots", ("terminal_id", "stream_id", "boot", "offset_ms"))
_KNOWN = "SELECT terminal_id, stream_id, boot, offset_ms FROM boots WHERE"
_UNDATED = """
WHERE terminal_id = ? AND stream_id = ? AND boot = ? AND clock <> ? AND at_ms = wall_ms
AND (clock = ? OR abs(monotonic_ms + ? - wall_ms) > ?)"""
_WRONG = f"SELECT person_id, at_ms, monotonic_ms, received_ms FROM punches {_UNDATED}"  # noqa: S608 - constants
_DATE = f"UPDATE punches SET at_ms = monotonic_ms + ? {_UNDATED}"  # noqa: S608 - constants


class Boot(NamedTuple):
    """One boot of one stream: the life of one monotonic clock."""

    terminal_id: str
    stream_id: bytes
    boot: int


class Moved(NamedTuple):
    """A stored punch that got another instant; before, it may have shown on the day it was received (T5)."""

    person_id: str
    before_ms: int
    after_ms: int
    received_ms: int


@dataclass(frozen=True, slots=True)
class Offsets:
    """UTC minus monotonic time by boot; ``fresh`` are those that nobody knew before."""

    all: dict[Boot, int]
    fresh: dict[Boot, int]


def learn(connection: Connection, batches: Sequence[Batch], now_ms: int) -> Offsets:
    """What is known of the boots in ``batches``, with what they themselves tell; new knowledge is kept."""
    named = [(batch, _boots(batch)) for batch in batches]
    wanted = {boot for _, its in named for boot in its}
    if not wanted:
        return Offsets({}, {})
    known = _known(connection, wanted)
    told: dict[Boot, int] = {}
    for batch, its in named:
        if its <= known.keys():
            continue
        for boot, offset in _references(batch, now_ms):
            if boot not in known:
                told.setdefault(boot, offset)
    if told:
        insert_rows(connection, _INTO, [(*boot, offset) for boot, offset in sorted(told.items())])
    return Offsets(known | told, told)


def instants(punches: Iterable[WirePunch], offsets: Mapping[int, int | None]) -> list[int]:
    """The instants to take ``punches`` for; ``offsets``: UTC minus monotonic time of each of their boots.

    It is a punch's own time, unless its clock was not set and its boot is known.
    """
    return [
        punch.wall_ms if punch.clock == _SYNCED else _instant(punch, offsets[punch.boot]) for punch in punches
    ]


def _instant(punch: WirePunch, offset_ms: int | None) -> int:
    if offset_ms is None:
        return punch.wall_ms
    dated = punch.monotonic_ms + offset_ms
    if punch.clock == ClockQuality.RTC and abs(dated - punch.wall_ms) <= AGREES_MS:
        return punch.wall_ms
    return dated


def redate(connection: Connection, fresh: dict[Boot, int]) -> list[Moved]:
    """Date the stored punches of boots whose time has just become known."""
    moved: list[Moved] = []
    for boot, offset in sorted(fresh.items()):
        where = (*boot, int(ClockQuality.SYNCED), int(ClockQuality.UNTRUSTED), offset, AGREES_MS)
        rows = direct.rows(connection, _WRONG, where)
        if rows:
            direct.run(connection, _DATE, (offset, *where))
        moved += [Moved(person, at, monotonic + offset, came) for person, at, monotonic, came in rows]
    return moved


def _boots(batch: Batch) -> set[Boot]:
    named = {punch.boot for punch in batch.punches} | {batch.boot}
    return {Boot(batch.terminal_id, batch.stream_id, boot) for boot in named}


def _references(batch: Batch, now_ms: int) -> Iterable[tuple[Boot, int]]:
    told: set[int] = set()
    for punch in batch.punches:
        if punch.clock == _SYNCED and punch.boot not in told:
            told.add(punch.boot)
            boot = Boot(batch.terminal_id, batch.stream_id, punch.boot)
            yield boot, punch.wall_ms - punch.monotonic_ms
    # A batch that waited on its way, or was sent by a wrong clock, tells nothing.
    if abs(batch.sent_ms - now_ms) <= AGREES_MS:
        boot = Boot(batch.terminal_id, batch.stream_id, batch.boot)
        yield boot, batch.sent_ms - batch.sent_monotonic_ms


def _known(connection: Connection, wanted: set[Boot]) -> dict[Boot, int]:
    rows = direct.rows_of(connection, _KNOWN, Boot._fields, sorted(wanted))
    return {Boot(terminal, stream, boot): offset for terminal, stream, boot, offset in rows}
