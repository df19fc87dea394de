"""What stands between a month and its closing (M3), each with who and when, so that it can be dealt with."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, and_, exists, literal_column, select, tuple_

from cloud.attendance import coverage
from cloud.attendance.codec import decode
from cloud.attendance.facts import midnight_ms
from cloud.attendance.periods import closings
from cloud.attendance.stale import PersonDay
from cloud.db.tables import attendance_days, calendar_years, office_records, punches, stale_days
from cloud.reports.dates import Month
from models.attendance import DayState, Flag
from models.ids import PersonId
from models.office import RecordStatus

_DAY = timedelta(days=1)
_DAYS_A_QUERY = 400


class BlockerKind(StrEnum):
    """Why a month cannot be closed. The first five are of the month, the others of one person's date."""

    NOT_OVER = "not_over"
    ALREADY_CLOSED = "already_closed"
    NEXT_CLOSED = "next_closed"
    EMPTY = "empty"
    PROVISIONAL_CALENDAR = "provisional_calendar"
    NOT_JUDGED = "not_judged"
    IN_PROGRESS = "in_progress"
    PENDING_DATA = "pending_data"
    PENDING_APPROVAL = "pending_approval"
    UNTRUSTED_TIME = "untrusted_time"


@dataclass(frozen=True, slots=True, order=True)
class Blocker:
    """One reason; ``person_id`` and ``date`` are None where it is the month's."""

    kind: BlockerKind
    date: date | None = None
    person_id: PersonId | None = None


FLAGS = {
    Flag.PENDING_APPROVAL: BlockerKind.PENDING_APPROVAL,
    Flag.UNTRUSTED_TIME: BlockerKind.UNTRUSTED_TIME,
}


def blockers(connection: Connection, month: Month, today: date, zone: ZoneInfo) -> list[Blocker]:
    """All that is known to stand against closing ``month``; empty: it may be closed."""
    found = [Blocker(kind) for kind in _of_month(connection, month, today)]
    found += _open_days(connection, month)
    found += _not_judged(connection, month, today)
    found += _flagged(connection, _with_pending_form(connection, month), Flag.PENDING_APPROVAL)
    found += _flagged(connection, _with_undated_punch(connection, month, zone), Flag.UNTRUSTED_TIME)
    return found


def _of_month(connection: Connection, month: Month, today: date) -> Iterator[BlockerKind]:
    if today <= month.last:
        yield BlockerKind.NOT_OVER
    closed = closings(connection)
    if month in closed:
        yield BlockerKind.ALREADY_CLOSED
    if month.next in closed:
        yield BlockerKind.NEXT_CLOSED
    if is_provisional(connection, month):
        yield BlockerKind.PROVISIONAL_CALENDAR
    dates = attendance_days.c.date
    if (
        connection.execute(select(dates).where(dates.between(month.first, month.last)).limit(1)).first()
        is None
    ):
        yield BlockerKind.EMPTY


def is_provisional(connection: Connection, month: Month) -> bool:
    """Whether the year of ``month`` has no official calendar, and nobody has confirmed the computed one."""
    year = select(calendar_years.c.provisional).where(calendar_years.c.year == month.year)
    return bool(connection.execute(year).scalar_one_or_none())


def _open_days(connection: Connection, month: Month) -> Iterator[Blocker]:
    """Days that are not final."""
    # "final" written out, and no condition on the date: so the small index of open days serves.
    rows = connection.execute(
        select(attendance_days.c.person_id, attendance_days.c.date, attendance_days.c.state).where(
            attendance_days.c.state != literal_column(f"'{DayState.FINAL}'")
        )
    )
    for person, day, state in rows:
        if month.first <= day <= month.last:
            yield Blocker(BlockerKind(state), day, PersonId(person))


def _not_judged(connection: Connection, month: Month, today: date) -> Iterator[Blocker]:
    """Days whose newest facts have not been judged yet, or cannot be; those before the coverage never are."""
    covered = coverage.span(connection)
    if covered is None:
        return
    first, last = max(month.first, covered[0]), min(month.last, today)
    rows = connection.execute(
        select(stale_days.c.person_id, stale_days.c.date).where(stale_days.c.date.between(first, last))
    )
    for person, day in rows:
        yield Blocker(BlockerKind.NOT_JUDGED, day, PersonId(person))


def _with_pending_form(connection: Connection, month: Month) -> Iterator[PersonDay]:
    """Days that a form nobody has decided may touch: those of its span, and one more at either end."""
    newer = office_records.alias("newer")
    rows = connection.execute(
        select(office_records.c.person_id, office_records.c.first, office_records.c.last).where(
            office_records.c.status == RecordStatus.PENDING.value,
            office_records.c.first <= month.last + _DAY,
            office_records.c.last >= month.first - _DAY,
            ~exists().where(
                and_(
                    newer.c.source == office_records.c.source,
                    newer.c.source_id == office_records.c.source_id,
                    newer.c.version > office_records.c.version,
                )
            ),
        )
    )
    for person, first, last in rows:
        day = max(first - _DAY, month.first)
        while day <= min(last + _DAY, month.last):
            yield PersonId(person), day
            day += _DAY


def _with_undated_punch(connection: Connection, month: Month, zone: ZoneInfo) -> Iterator[PersonDay]:
    """Days on which, or on the eve of which, a punch of a clock that was not set arrived (T5)."""
    rows = connection.execute(
        select(punches.c.person_id, punches.c.received_ms).where(
            punches.c.clock == literal_column("0"),
            punches.c.at_ms == punches.c.wall_ms,
            punches.c.received_ms >= midnight_ms(month.first, zone),
            punches.c.received_ms < midnight_ms(month.last + _DAY * 2, zone),
        )
    )
    for person, received_ms in rows:
        day = month.first + _DAY * ((received_ms - midnight_ms(month.first, zone)) // 86_400_000)
        for near in (day - _DAY, day):
            if month.first <= near <= month.last:
                yield PersonId(person), near


def _flagged(connection: Connection, days: Iterable[PersonDay], flag: Flag) -> Iterator[Blocker]:
    """Those of ``days`` whose result has ``flag``."""
    asked = sorted(set(days))
    key = tuple_(attendance_days.c.person_id, attendance_days.c.date)
    for start in range(0, len(asked), _DAYS_A_QUERY):
        rows = connection.execute(
            select(attendance_days.c.person_id, attendance_days.c.date, attendance_days.c.result).where(
                key.in_(asked[start : start + _DAYS_A_QUERY])
            )
        )
        for person, day, result in rows:
            if flag in decode(result).flags:
                yield Blocker(FLAGS[flag], day, PersonId(person))
