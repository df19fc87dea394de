"""One person-day with everything it was judged from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, exists, func, select

from cloud.attendance import codec
from cloud.attendance.adjustments import Delta, adjustments
from cloud.attendance.periods import Closings, PeriodEvent, closings
from cloud.attendance.published import published_days
from cloud.db.tables import attendance_days, day_changes, groups, office_records, punches, stale_days
from cloud.office.codec import record_of
from cloud.reports.dates import Month, day_bounds_ms, month_of
from cloud.reports.fleet import Awaited, awaited_doors
from models.attendance import AttendanceDay, DayState
from models.ids import PersonId
from models.office import OfficeRecord
from models.punch import ClockQuality, Direction, Method

_MINUTE_MS = 60_000
_AROUND_MS = 6 * 60 * _MINUTE_MS
Scalar = str | int | float | bool | None
Json = Scalar | list["Json"] | dict[str, "Json"]


@dataclass(frozen=True, slots=True)
class PunchRow:
    """A raw punch: ``wall_ms`` is the terminal's own time, ``at_ms`` the instant it is taken for."""

    terminal_id: str
    seq: int
    wall_ms: int
    at_ms: int
    clock: ClockQuality
    method: Method
    direction: Direction
    received_ms: int

    @property
    def repaired(self) -> bool:
        """Whether its time was put right."""
        return self.at_ms != self.wall_ms


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """A time the result changed: what made it so and which fields, each with before and after."""

    changed_ms: int
    cause: str
    difference: dict[str, tuple[Json, Json]]


@dataclass(frozen=True, slots=True)
class ListedAdjustment:
    """What a later month lists for the date."""

    month: Month
    delta: Delta


@dataclass(frozen=True, slots=True)
class ClosedDay:
    """A date of a closed month: its closing, and where what became known later is listed."""

    closing: PeriodEvent
    adjustments: tuple[ListedAdjustment, ...]


@dataclass(frozen=True, slots=True)
class DayReport:
    """Everything about one date; ``result`` None: not judged yet. ``stale``: about to be judged again.

    ``closed``: the month is closed, and ``result`` is what was frozen. ``awaited``: the terminals a day that
    awaits data waits for.
    """

    date: date
    result: AttendanceDay | None
    judged_ms: int | None
    stale: bool
    punches: tuple[PunchRow, ...]
    records: tuple[OfficeRecord, ...]
    changes: tuple[ChangeRow, ...]
    closed: ClosedDay | None = None
    awaited: tuple[Awaited, ...] = ()


def day_report(connection: Connection, person_id: PersonId, day: date, zone: ZoneInfo) -> DayReport:
    """The date of a person; the caller has asked whether the viewer may see them."""
    closed = closings(connection)
    table = published_days(closed, day, day).c
    stored = connection.execute(
        select(table.result, table.judged_ms).where(table.person_id == person_id)
    ).one_or_none()
    stale = connection.execute(
        select(stale_days.c.mark).where(stale_days.c.person_id == person_id, stale_days.c.date == day)
    ).one_or_none()
    result = None if stored is None else codec.decode(stored[0])
    awaits = result is not None and result.state is DayState.PENDING_DATA
    return DayReport(
        date=day,
        result=result,
        judged_ms=None if stored is None else stored[1],
        stale=stale is not None,
        punches=tuple(_punches(connection, person_id, _window(day, result, zone))),
        records=tuple(_records(connection, person_id, day)),
        changes=tuple(_changes(connection, person_id, day)),
        closed=_closed(connection, closed, person_id, day),
        awaited=_awaited(connection, person_id, day) if awaits else (),
    )


def _awaited(connection: Connection, person_id: PersonId, day: date) -> tuple[Awaited, ...]:
    table = attendance_days.c
    end_ms = connection.execute(
        select(table.settles_ms).where(table.person_id == person_id, table.date == day)
    ).scalar_one_or_none()
    return () if end_ms is None else tuple(awaited_doors(connection, end_ms))


def group_names(connection: Connection) -> dict[str, str]:
    """Names by group id, as the explanation of a day needs them."""
    return {row.group_id: row.name for row in connection.execute(select(groups.c.group_id, groups.c.name))}


def _closed(connection: Connection, closed: Closings, person_id: PersonId, day: date) -> ClosedDay | None:
    closing = closed.get(month_of(day))
    if closing is None:
        return None
    listed = []
    month = closing.month
    while True:
        month = month.next
        listed += [
            ListedAdjustment(month, one.delta)
            for one in adjustments(connection, closed, month, [person_id])
            if one.date == day
        ]
        if month not in closed:
            return ClosedDay(closing, tuple(listed))


def neighbours(connection: Connection, person_id: PersonId, day: date) -> tuple[date | None, date | None]:
    """The nearest stored dates before and after."""
    table = attendance_days.c
    before = select(func.max(table.date)).where(table.person_id == person_id, table.date < day)
    after = select(func.min(table.date)).where(table.person_id == person_id, table.date > day)
    return connection.execute(before).scalar_one(), connection.execute(after).scalar_one()


def _window(day: date, result: AttendanceDay | None, zone: ZoneInfo) -> tuple[int, int]:
    """The local date, or the shift's minutes and six hours around them if those pass midnight."""
    start, end = day_bounds_ms(day, zone)
    if result is None or not result.timeline:
        return start, end
    planned_end = result.timeline[-1].end_min * _MINUTE_MS
    if planned_end <= end:
        return start, end
    return result.timeline[0].start_min * _MINUTE_MS - _AROUND_MS, planned_end + _AROUND_MS


def _punches(connection: Connection, person_id: PersonId, window: tuple[int, int]) -> list[PunchRow]:
    table = punches.c
    rows = connection.execute(
        select(
            table.terminal_id,
            table.seq,
            table.wall_ms,
            table.at_ms,
            table.clock,
            table.method,
            table.direction,
            table.received_ms,
        )
        .where(table.person_id == person_id, table.at_ms >= window[0], table.at_ms < window[1])
        .order_by(table.at_ms, table.seq)
    )
    return [
        PunchRow(terminal, seq, wall, at, ClockQuality(clock), Method(method), Direction(direction), received)
        for terminal, seq, wall, at, clock, method, direction, received in rows
    ]


def _records(connection: Connection, person_id: PersonId, day: date) -> list[OfficeRecord]:
    """Forms of the person of which the newest version touches the date."""
    table, newer = office_records.c, office_records.alias("newer").c
    form = (newer.source == table.source, newer.source_id == table.source_id)
    rows = connection.execute(
        select(office_records)
        .where(table.person_id == person_id, table.first <= day, table.last >= day)
        .where(~exists().where(*form, newer.version > table.version))
        .order_by(table.first, table.source, table.source_id)
    )
    return [record_of(row) for row in rows]


def _changes(connection: Connection, person_id: PersonId, day: date) -> list[ChangeRow]:
    table = day_changes.c
    rows = connection.execute(
        select(table.changed_ms, table.cause, table.difference)
        .where(table.person_id == person_id, table.date == day)
        .order_by(table.change_id.desc())
    )
    return [
        ChangeRow(changed_ms, cause, {name: _pair(both) for name, both in difference.items()})
        for changed_ms, cause, difference in rows
    ]


def _pair(both: Sequence[Json]) -> tuple[Json, Json]:
    before, after = both
    return before, after
