"""Which dates there is a result for: a day nobody punched on has to be judged too."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta

from sqlalchemy import Connection, Select, and_, case, delete, func, literal, or_, select, true, union

from cloud.attendance import stale
from cloud.attendance.facts import AsOf, complete_until
from cloud.attendance.periods import closings
from cloud.attendance.rulesets import load_rules
from cloud.db import direct
from cloud.db.tables import (
    attendance_days,
    coverage,
    office_records,
    people,
    punches,
    roster_entries,
    stale_days,
    terminals,
)
from cloud.db.upsert import insert
from models.attendance import DayState
from models.clock import from_ms
from models.ids import PersonId
from models.punch import ClockQuality

_DAY = timedelta(days=1)
_BACK_MS = 400 * 86_400_000
"""How far into the past a late punch extends what is judged by itself; ``recompute`` goes further."""
_ONE = 1
_SPAN = "SELECT first, last FROM coverage"


def span(connection: Connection) -> tuple[date, date] | None:
    """First and last date of the coverage, both in."""
    for first, last in direct.rows(connection, _SPAN):
        return direct.day_of(first), direct.day_of(last)
    return None


def extend(connection: Connection, view: AsOf) -> None:
    """Cover every date from that of the oldest punch to today, for everybody employed.

    Before the first punch there is nothing to judge: nobody was absent before the system was there. What was
    not covered when its month was closed stays so.
    """
    covered = span(connection)
    oldest = _oldest(connection, view)
    if oldest is None and covered is None:
        return
    first = min(oldest or view.today, covered[0] if covered else view.today)
    if covered:
        closed = [month for month in closings(connection) if month.first <= covered[0]]
        first = max(first, min(covered[0], closed[-1].next.first)) if closed else first
    reach(connection, (first, view.today), view.now_ms)
    # A punch marks the day before it too; before the first one there is nothing to judge.
    connection.execute(delete(stale_days).where(stale_days.c.date < first))


def reach(connection: Connection, dates: tuple[date, date], now_ms: int) -> None:
    """Cover ``dates`` too: those that were not are marked for everybody employed."""
    covered = span(connection)
    first = min(dates[0], covered[0]) if covered else dates[0]
    last = max(dates[1], covered[1]) if covered else dates[1]
    if covered == (first, last):
        return
    for n in range((last - first).days + 1):
        day = first + _DAY * n
        if covered is None or not covered[0] <= day <= covered[1]:
            mark_everybody(connection, day, "calendar", now_ms)
    _cover(connection, first, last)


def _cover(connection: Connection, first: date, last: date) -> None:
    values = {"first": first, "last": last}
    connection.execute(
        insert(connection, coverage)
        .values(coverage_id=_ONE, **values)
        .on_conflict_do_update(index_elements=["coverage_id"], set_=values)
    )


def standing(connection: Connection, view: AsOf) -> frozenset[bytes]:
    """What identifies the rules as they stand: to be compared with later."""
    return frozenset(one.digest for one in load_rules(connection, view.zone, {}).groups.values())


def reach_judged(
    connection: Connection,
    dates: tuple[date, date],
    rules: frozenset[bytes],
    lacking: Iterable[PersonId],
    view: AsOf,
) -> None:
    """Cover ``dates`` too, after they were judged for everybody but ``lacking``, as known at ``view.now_ms``.

    Marked are only those, and of whom something became known meanwhile: a fact about a date that is not
    covered marks nothing. ``rules``: the :func:`standing` from before.
    """
    covered = span(connection)
    if standing(connection, view) != rules:
        reach(connection, dates, view.now_ms)
        return
    first = min(dates[0], covered[0]) if covered else dates[0]
    last = max(dates[1], covered[1]) if covered else dates[1]
    for n in range((last - first).days + 1):
        day = first + _DAY * n
        # Between what was covered and what was judged nobody has a result.
        if not any(begin <= day <= end for begin, end in (dates, covered or dates)):
            mark_everybody(connection, day, "calendar", view.now_ms)
    _cover(connection, first, last)
    for person in {*lacking, *_changed_since(connection, view.now_ms)}:
        mark_person(connection, person, "recompute", view.now_ms)


def _changed_since(connection: Connection, since_ms: int) -> list[PersonId]:
    """Of whom a form, a roster entry or the directory has said something new."""
    told = union(
        select(people.c.person_id).where(people.c.updated_ms >= since_ms),
        select(office_records.c.person_id).where(office_records.c.known_ms >= since_ms),
        select(roster_entries.c.person_id).where(roster_entries.c.known_ms >= since_ms),
    )
    return [PersonId(person) for person in connection.execute(told).scalars()]


def _oldest(connection: Connection, view: AsOf) -> date | None:
    """The date of the oldest punch of a clock that was right."""
    right = (punches.c.clock == ClockQuality.SYNCED) | (punches.c.at_ms != punches.c.wall_ms)
    at_ms = connection.execute(
        select(punches.c.at_ms)
        .where(punches.c.at_ms.between(view.now_ms - _BACK_MS, view.now_ms), right)
        .order_by(punches.c.at_ms)
        .limit(1)
    ).scalar_one_or_none()
    return from_ms(at_ms).astimezone(view.zone).date() if at_ms is not None else None


def mark_calendar(connection: Connection, dates: Iterable[date], now_ms: int) -> None:
    """Have the covered dates judged again that the calendar of ``dates`` can change: their neighbours too."""
    covered = span(connection)
    near = {day for one in dates for day in stale.around(one, one)}
    for day in sorted(near):
        if covered is not None and covered[0] <= day <= covered[1]:
            mark_everybody(connection, day, "calendar", now_ms)


def mark_everybody(connection: Connection, day: date, cause: str, now_ms: int) -> None:
    """Have ``day`` judged again for everybody employed then, and whoever else has a result of it."""
    judged = select(attendance_days.c.person_id).where(attendance_days.c.date == day)
    who = union(_employed(day), judged).subquery()
    marks = select(
        who.c.person_id, literal(day, stale_days.c.date.type), literal(cause), literal(now_ms)
    ).where(true())
    statement = insert(connection, stale_days).from_select(["person_id", "date", "cause", "since_ms"], marks)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["person_id", "date"],
            set_={
                "mark": stale_days.c.mark + 1,
                "since_ms": case((stale_days.c.since_ms > now_ms, stale_days.c.since_ms), else_=now_ms),
            },
        )
    )


def _employed(day: date) -> Select[tuple[str]]:
    return (
        select(people.c.person_id)
        .where(or_(people.c.hire_date.is_(None), people.c.hire_date <= day))
        .where(or_(people.c.last_day.is_(None), people.c.last_day >= day))
    )


def mark_span(
    connection: Connection, person: PersonId, dates: tuple[date, date], cause: str, now_ms: int
) -> None:
    """Have the dates judged again that a fact about ``dates``, both in, can change."""
    covered = span(connection)
    if covered is not None:
        days = (day for day in stale.around(*dates) if day >= covered[0])
        stale.mark(connection, ((person, day) for day in days), cause, now_ms)


def moved_end(
    connection: Connection, before: object, after: object, *, hire: bool
) -> tuple[date, date] | None:
    """The covered dates on which somebody is employed by one of two ends of a contract but not by the other.

    None for an end: there is none. ``hire``: they are first days of work, else last ones.
    """
    covered = span(connection)
    if covered is None:
        return None
    open_end = covered[0] if hire else covered[1]
    first, last = sorted(end if isinstance(end, date) else open_end for end in (before, after))
    first, last = (first, last - _DAY) if hire else (first + _DAY, last)
    last = min(last, covered[1])
    return (first, last) if first <= last else None


def mark_person(connection: Connection, person: PersonId, cause: str, now_ms: int) -> None:
    """Have every covered date of a person judged again."""
    covered = span(connection)
    if covered is not None:
        days = (covered[0] + _DAY * n for n in range((covered[1] - covered[0]).days + 1))
        stale.mark(connection, ((person, day) for day in days), cause, now_ms)


def settle(connection: Connection, view: AsOf) -> int:
    """Mark the days that time, or a terminal's word, has completed; how many."""
    heard = connection.execute(
        select(func.min(complete_until())).where(terminals.c.revoked_ms.is_(None))
    ).scalar_one()
    complete_ms = view.now_ms if heard is None else min(heard, view.now_ms)
    table = attendance_days.c
    over = and_(table.state == DayState.IN_PROGRESS.value, table.settles_ms <= view.now_ms)
    rows = connection.execute(
        select(table.person_id, table.date)
        .where(table.state != DayState.FINAL.value)
        .where(or_(table.settles_ms <= complete_ms, over))
    ).all()
    if rows:
        connection.execute(
            insert(connection, stale_days).on_conflict_do_nothing(index_elements=["person_id", "date"]),
            [
                {"person_id": person, "date": day, "cause": "time", "since_ms": view.now_ms}
                for person, day in rows
            ],
        )
    return len(rows)
